"""`Session`: requests without the decisions it takes on its own. Import it late: it is slow to."""

from __future__ import annotations

import http.client
import io
import math
import time
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from provenance.settings import Settings

__all__ = ["Session"]


class Session(requests.Session):
    """No redirects, retries, cookies, .netrc (CVE-2024-47081) and proxies by the back door."""

    def __init__(self, settings: Settings) -> None:
        """Take certificates and the user agent from `settings`."""
        super().__init__()
        self.trust_env = False
        self.verify = str(settings.ca_bundle) if settings.ca_bundle else True
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["User-Agent"] = settings.user_agent
        adapter = _Adapter(pool_maxsize=4, max_retries=0)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def request_until(self, deadline: float, method: str, url: str, **more: Any) -> Any:
        """`request`, whose answer is read until `deadline` (monotonic seconds), head and all."""
        token = _DEADLINE.set(deadline)
        try:
            return self.request(method, url, **more)
        finally:
            _DEADLINE.reset(token)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: even where it does not follow, requests would read the whole body to look."""
        del resp
        return None


_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


class _Dated(io.RawIOBase):
    """A socket's bytes until a deadline: its own timeout begins anew with every byte.

    Beneath the status line, the headers, the lengths of chunks and the trailers too, which
    `http.client` and urllib3 read for as long as something comes.
    """

    def __init__(self, raw: io.RawIOBase, deadline: float) -> None:
        super().__init__()
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if time.monotonic() > self._deadline:
            raise TimeoutError("the deadline has passed")
        read: int | None = self._raw.readinto(buffer)
        return read

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        # Typed as a buffered reader; nothing was read yet.
        self.fp = io.BufferedReader(_Dated(self.fp.detach(), _DEADLINE.get()))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Encrypted(HTTPSConnection):
    response_class = _Answer


class _Adapter(requests.adapters.HTTPAdapter):
    def get_connection_with_tls_context(self, *positional: Any, **named: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*positional, **named)
        pool.ConnectionCls = _Encrypted if pool.scheme == "https" else _Plain
        return pool
