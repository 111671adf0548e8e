"""`Response`: status, headers, and a body that is read raw, capped and with every fault mapped."""

from __future__ import annotations

import email.utils
import time
from typing import TYPE_CHECKING

from provenance.closing import Closing
from provenance.errors import LimitExceeded, RegistryUnavailable
from provenance.transport.faults import foreign_errors
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

__all__ = ["Response"]

_CHUNK = 1 << 20
_DRAINED = 16 << 10


class Response(Closing):
    """An HTTP answer whose body has not been read yet. Close it, or use it in a `with`."""

    def __init__(
        self,
        response: urllib3.BaseHTTPResponse,
        url: str,
        deadline: float,
        *,
        empty: bool = False,
    ) -> None:
        """Wrap `response`; reading stops at `deadline` (monotonic seconds).

        `empty`: it has no body, whatever it says of its length.
        """
        self._response = response
        self._deadline = deadline
        self.url = url
        """Where the answer came from, after redirects."""
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        """Case-insensitive."""
        self.reference = ""
        """What was asked for, to name in errors: a redirect may have led far from it."""
        self.digest = ""
        """The digest of what was asked for, where it has one."""
        if empty or (self.headers.get("Content-Length") == "0" and not self._is_coded()):
            self.read()  # nothing is there: the connection goes back to be used again

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, in either form (RFC 9110 section 10.2.3)."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            when = email.utils.parsedate_to_datetime(value)
            return max(0.0, when.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None

    def read(self, size: int = -1) -> bytes:
        """`size` bytes as they are on the wire (all when negative); fewer only at the end.

        Raises:
            RegistryUnavailable: the connection broke, or it took longer than the deadline.
        """
        chunks, left = [], size
        while left and (chunk := self.read_some(min(left, _CHUNK) if left > 0 else _CHUNK)):
            chunks.append(chunk)
            left -= len(chunk) if left > 0 else 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def read_some(self, size: int = -1) -> bytes:
        """What one system call gives, at most `size` bytes; empty at the end.

        A server that drips is met by the deadline in between.
        """
        if time.monotonic() > self._deadline:
            raise RegistryUnavailable(
                f"{display_url(self.url)} did not finish in time",
                reference=self.reference,
                digest=self.digest,
                hint="raise Settings.deadline, or try again",
            )
        want = size if size > 0 else _CHUNK
        try:
            # None, in spite of urllib3's annotation, once the connection has been given back.
            data: bytes | None = self._response.read1(want, decode_content=False)
        except foreign_errors() as error:
            raise RegistryUnavailable(
                f"the answer of {display_url(self.url)} broke off ({type(error).__name__})",
                reference=self.reference,
                digest=self.digest,
                hint="try again",
            ) from error
        return data or b""

    def read_capped(self, limit: int, what: str = "answer") -> bytes:
        """The whole body. Raises LimitExceeded as soon as it has more than `limit` bytes."""
        data = self.read(limit + 1)
        if len(data) > limit:
            raise LimitExceeded(
                f"the {what} of {display_url(self.url)} is larger than {limit} bytes",
                reference=self.reference,
                digest=self.digest,
                hint="raise the limit if you trust it",
            )
        return data

    def _is_coded(self) -> bool:
        """Whether the body is in chunks: then a length says nothing (RFC 9112 section 6.3)."""
        return "Transfer-Encoding" in self.headers

    def drain(self) -> None:
        """Close, but read a short body first, so that the connection can be used again."""
        length = "" if self._is_coded() else self.headers.get("Content-Length", "")
        try:
            if length.isascii() and length.isdigit() and len(length) < 6 and int(length) < _DRAINED:
                self.read()
        except RegistryUnavailable:
            pass  # nobody waits for this body
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back, or drop it where the body was not read."""
        self._response.close()
        self._response.release_conn()
