"""`Connections`: urllib3's pools, shared by the threads of a client. Import it late: it is slow to.

urllib3 and not requests, as every decision that requests adds (redirects, retries, cookies, .netrc:
CVE-2024-47081) is ours, and costs half of the time of a small request.
"""

from __future__ import annotations

import http.client
import io
import math
import ssl
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from provenance.errors import RegistryUnavailable
from provenance.transport.origin import is_private_host
from provenance.transport.proxies import proxies_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from _typeshed import WriteableBuffer

    from provenance.settings import Settings
    from provenance.transport.client import Body

__all__ = ["Connections"]

_HOSTS = 16
_BLOCK = 256 << 10


class Connections:
    """One request at a time on each connection, as many connections as there are requests."""

    def __init__(self, settings: Settings) -> None:
        """Take certificates, proxies and the number of idle connections from `settings`."""
        self._settings = settings
        self._managers: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        *,
        timeout: float,
        deadline: float,
        public: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request; the answer, whose body is still to be read.

        Nothing is followed, repeated or decoded. `timeout` is for one step, `deadline` (monotonic
        seconds) for all of it, the reading of the answer too. `public`: to a public address
        alone, else RegistryUnavailable before a byte of the request is sent.
        """
        scheme = urlsplit(url).scheme
        manager = self._manager(scheme, proxies_for(url, self._settings).get(scheme, ""))
        token, public_token = _DEADLINE.set(deadline), _PUBLIC.set(public)
        try:
            return manager.urlopen(
                method,
                url,
                redirect=False,
                headers=headers,
                body=body,
                retries=False,
                timeout=urllib3.Timeout(timeout),
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,
            )
        finally:
            _DEADLINE.reset(token)
            _PUBLIC.reset(public_token)

    def _manager(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        key = scheme, proxy
        found = self._managers.get(key)
        if found is None:
            with self._lock:
                found = self._managers.get(key) or self._made(scheme, proxy)
                self._managers[key] = found
        return found

    def _made(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        common: dict[str, Any] = {
            "num_pools": _HOSTS,
            # More may be open at once; this many are kept.
            "maxsize": max(4, self._settings.workers * 2),
            "blocksize": _BLOCK,
        }
        if scheme == "https" or proxy.startswith("https:"):
            common["ssl_context"] = _context(self._settings)
        if not proxy:
            manager = urllib3.PoolManager(**common)
        else:
            address = proxy if "//" in proxy else f"http://{proxy}"
            manager = urllib3.ProxyManager(address, proxy_headers=_login(address), **common)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}
        return manager

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            managers = list(self._managers.values())
            self._managers.clear()
        for manager in managers:
            manager.clear()


def _context(settings: Settings) -> ssl.SSLContext:
    """Who is trusted; made once, as reading all authorities takes longer than a request."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    bundle = settings.ca_bundle
    if bundle is None:
        context.load_verify_locations(certifi.where())
    elif bundle.is_dir():
        context.load_verify_locations(capath=str(bundle))
    else:
        context.load_verify_locations(str(bundle))
    return context


def _login(proxy: str) -> dict[str, str]:
    """The header for the proxy that its URL's name and password ask for."""
    name, at, _ = urlsplit(proxy).netloc.rpartition("@")
    return urllib3.util.make_headers(proxy_basic_auth=unquote(name)) if at else {}


_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
_PUBLIC: ContextVar[bool] = ContextVar("public", default=False)


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
        self.fp = io.BufferedReader(_Dated(self.fp.detach(), _DEADLINE.get()), _BLOCK)


class _Plain(HTTPConnection):
    """Looks at the address that was really connected to: a name may lead elsewhere by then."""

    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        self._check(made)
        return made

    def request(self, *positional: Any, **named: Any) -> None:
        if self.sock is not None:  # made for another request, which may have had other rules
            self._check(self.sock)
        super().request(*positional, **named)

    def _check(self, made: socket.socket) -> None:
        if not _PUBLIC.get() or self.proxy is not None:
            return
        address = str(made.getpeername()[0]).partition("%")[0]
        if is_private_host(address):
            made.close()
            raise RegistryUnavailable(
                f"{self.host} now leads to {address}, inside a private network",
                hint="it did not when it was looked up, which may be an attack on that network",
            )


class _Encrypted(_Plain, HTTPSConnection):
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Encrypted
