"""`Connections`: urllib3's pools, shared by the threads of a client. Import it late: it is slow to.

urllib3 and not requests, as every decision that requests adds (redirects, retries, cookies, .netrc:
CVE-2024-47081) is ours, and costs half of the time of a small request.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.util import make_headers, parse_url

from provenance.errors import RegistryUnavailable
from provenance.transport.authorities import tls_context
from provenance.transport.certificates import (
    HostCertificates,
    certificate_folders,
    certificates_for,
)
from provenance.transport.proxies import proxies_for
from provenance.transport.wire import BLOCK, EncryptedPool, PlainPool, rules

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from provenance.settings import Settings
    from provenance.transport.client import Body

__all__ = ["Connections"]

_HOSTS = 64
_HUB = "registry-1.docker.io"


class Connections:
    """One request at a time on each connection, as many connections as there are requests."""

    def __init__(self, settings: Settings) -> None:
        """Take certificates, proxies and the number of idle connections from `settings`."""
        self._settings = settings
        self._folders = certificate_folders()
        self._pools: dict[tuple[str, str], urllib3.HTTPConnectionPool] = {}
        self._proxied: dict[tuple[str, str, str], urllib3.ProxyManager] = {}
        self._contexts: dict[HostCertificates, ssl.SSLContext] = {}
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
        parts = urlsplit(url)
        proxy = proxies_for(url, self._settings).get(parts.scheme)
        more: dict[str, Any] = {
            "headers": headers,
            "body": body,
            "redirect": False,
            "retries": False,
            "timeout": urllib3.Timeout(timeout),
            "preload_content": False,
            "decode_content": False,
            "enforce_content_length": True,
        }
        with rules(deadline=deadline, public=public):
            if proxy is not None:
                manager = self._through(proxy, parts.scheme, parts.netloc)
                return manager.urlopen(method, url, **more)
            pool = self._pool(parts.scheme, parts.netloc)
            return pool.urlopen(method, parse_url(url).request_uri, assert_same_host=False, **more)

    def _pool(self, scheme: str, netloc: str) -> urllib3.HTTPConnectionPool:
        """The connections to one host; those of a host not asked for long are let go."""
        key = scheme, netloc
        found = self._pools.get(key)
        if found is None:
            with self._lock:
                found = self._pools.get(key) or self._made(scheme, netloc)
                self._pools[key] = found
                while len(self._pools) > _HOSTS:
                    del self._pools[next(iter(self._pools))]
        return found

    def _made(self, scheme: str, netloc: str) -> urllib3.HTTPConnectionPool:
        place = parse_url(f"{scheme}://{netloc}")
        if scheme == "https":
            context = self._context_of(self._certificates(netloc))
            return EncryptedPool(str(place.host), place.port, ssl_context=context, **self._kept())
        return PlainPool(str(place.host), place.port, **self._kept())

    def _through(self, proxy: str, scheme: str, netloc: str) -> urllib3.ProxyManager:
        """What asks hosts through a proxy; one a host, where that has certificates of its own."""
        own = self._certificates(netloc) if scheme == "https" else HostCertificates()
        key = proxy, scheme, netloc if own else ""
        with self._lock:
            found = self._proxied.get(key)
            if found is None:
                address = proxy if "//" in proxy else f"http://{proxy}"
                more: dict[str, Any] = self._kept()
                if scheme == "https":
                    more["ssl_context"] = self._context_of(own)
                if address.startswith("https:"):
                    # The proxy's own: certificates of the host's are nothing to it.
                    usual = self._context_of(HostCertificates())
                    more |= {"proxy_ssl_context": usual} | ({} if own else {"ssl_context": usual})
                found = _proxy_manager(address, scheme, more)
                found.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}
                self._proxied[key] = found
        return found

    def _kept(self) -> dict[str, Any]:
        # More may be open at once; this many are kept.
        return {"maxsize": max(4, self._settings.workers * 2), "blocksize": BLOCK}

    def _certificates(self, netloc: str) -> HostCertificates:
        host = netloc.rpartition("@")[2].lower()
        return certificates_for("docker.io" if host == _HUB else host, self._folders)

    def _context_of(self, own: HostCertificates) -> ssl.SSLContext:
        found = self._contexts.get(own)
        if found is None:
            found = self._contexts[own] = tls_context(self._settings, own)
        return found

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            pools, managers = list(self._pools.values()), list(self._proxied.values())
            self._pools.clear()
            self._proxied.clear()
        for pool in pools:
            pool.close()
        for manager in managers:
            manager.clear()


def _proxy_manager(address: str, scheme: str, more: dict[str, Any]) -> urllib3.ProxyManager:
    try:
        return urllib3.ProxyManager(address, proxy_headers=_login(address), **more)
    except ValueError as error:
        # From None: the error quotes the URL, which may hold a password.
        raise RegistryUnavailable(
            f"the proxy for {scheme} is no http or https URL ({type(error).__name__})",
            hint="correct Settings.proxies, HTTPS_PROXY or HTTP_PROXY",
        ) from None


def _login(proxy: str) -> dict[str, str]:
    """The header for the proxy that its URL's name and password ask for."""
    name, at, _ = urlsplit(proxy).netloc.rpartition("@")
    return make_headers(proxy_basic_auth=unquote(name)) if at else {}
