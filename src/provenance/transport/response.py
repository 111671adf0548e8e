"""`Response`: status, headers, and a body that is read raw, capped and with every fault mapped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from provenance.errors import LimitExceeded, RegistryUnavailable
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import requests

__all__ = ["Response"]


class Response:
    """An HTTP answer whose body has not been read yet. Close it, or use it in a `with`."""

    def __init__(self, response: requests.Response, url: str, deadline: float) -> None:
        """Wrap `response`; reading stops at `deadline` (monotonic seconds)."""
        self._response = response
        self._deadline = deadline
        self.url = url
        """Where the answer came from, after redirects."""
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers
        """Case-insensitive."""
        self.reference = ""
        """What was asked for, to name in errors."""
        if response.request.method == "HEAD" or self.headers.get("Content-Length") == "0":
            self.read()  # nothing is there: the connection goes back to be used again

    @property
    def links(self) -> Mapping[str, Mapping[str, str]]:
        """`Link` headers by relation (RFC 8288)."""
        return self._response.links

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes as they are on the wire; fewer only at the end.

        Raises RegistryUnavailable when it breaks off, or when the deadline has passed: that is
        looked at whenever something arrives, as a server may send a byte at a time for ever.
        """
        chunks, left = [], size
        while left and (chunk := self._some(left)):
            chunks.append(chunk)
            left -= len(chunk) if size > 0 else 0
        return b"".join(chunks)

    def _some(self, size: int) -> bytes:
        import requests
        import urllib3

        if time.monotonic() > self._deadline:
            raise RegistryUnavailable(
                f"{display_url(self.url)} did not finish in time",
                reference=self.reference,
                hint="raise Settings.deadline, or try again",
            )
        try:
            data: bytes | None = self._response.raw.read1(
                None if size < 0 else size, decode_content=False
            )
        except (urllib3.exceptions.HTTPError, requests.RequestException, OSError) as error:
            raise RegistryUnavailable(
                f"the answer of {display_url(self.url)} broke off ({type(error).__name__})",
                reference=self.reference,
                hint="try again",
            ) from error
        return data or b""

    def read_capped(self, limit: int, what: str = "answer") -> bytes:
        """The whole body. Raises LimitExceeded as soon as it has more than `limit` bytes."""
        chunks, seen = [], 0
        while chunk := self.read(min(1 << 20, limit - seen + 1)):
            seen += len(chunk)
            if seen > limit:
                raise LimitExceeded(
                    f"the {what} of {display_url(self.url)} is larger than {limit} bytes",
                    reference=self.reference,
                    hint="raise the limit if you trust it",
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def close(self) -> None:
        """Give the connection back, or drop it where the body was not read."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
