"""What it means when a request got no answer, and what to do about it.

Messages of HTTP libraries are not repeated: they may quote URLs with secrets.
"""

from __future__ import annotations

import functools
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provenance.errors import RegistryUnavailable
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.settings import Settings

__all__ = ["PERHAPS_TLS", "explain", "foreign_errors", "is_lasting"]

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
_NO_URL = frozenset({"InvalidURL", "LocationParseError", "URLSchemeUnknown", "ProxySchemeUnknown"})
_CUT_SHORT = frozenset({"RemoteDisconnected", "BadStatusLine", "ConnectionResetError"})
_NO_AUTHORITIES = frozenset({"NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE", "PEM_LIB"})

PERHAPS_TLS = (
    "if it speaks HTTPS, say so: of a registry by Settings.encrypted (--https HOST) on loopback, "
    "else by no Settings.plain_http; of another service by https in its URL"
)
"""What to do about a server that does not take plain HTTP."""


@functools.cache
def foreign_errors() -> tuple[type[Exception], ...]:
    """Everything that the libraries beneath raise when an exchange fails."""
    from http.client import HTTPException

    from urllib3.exceptions import HTTPError

    return HTTPError, HTTPException, OSError, ValueError


def explain(error: BaseException, url: str, settings: Settings) -> RegistryUnavailable:
    """The error to raise for a foreign one that a request to `url` ended with."""
    place = display_url(url)
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLError):
            return _explain_tls(cause, place, settings)
    if any(type(cause).__name__ == "ProxyError" for cause in chain):
        return RegistryUnavailable(
            f"{place} cannot be reached through the proxy ({_reason(chain)})",
            hint="check the proxy settings (Settings.proxies, HTTPS_PROXY, NO_PROXY)",
        )
    for cause in chain:
        if isinstance(cause, socket.gaierror):
            return RegistryUnavailable(
                f"{place} cannot be reached: no address is known for "
                f"{urlsplit(place).hostname} ({_reason(chain)})",
                hint="check the spelling of the host, and the network",
            )
    if any(isinstance(c, TimeoutError) or type(c).__name__.endswith("Timeout") for c in chain):
        return RegistryUnavailable(
            f"{place} cannot be reached: no answer within {settings.timeout:g} s",
            hint="check the network, or raise Settings.timeout",
        )
    plain = place.startswith("http:") and any(type(c).__name__ in _CUT_SHORT for c in chain)
    return RegistryUnavailable(
        f"{place} cannot be reached ({_reason(chain)})",
        hint=PERHAPS_TLS if plain else "check the name, the network and the proxy settings",
    )


def is_lasting(error: BaseException) -> bool:
    """Whether the same request would fail the same way again: no use in trying."""
    return any(
        isinstance(cause, (ssl.SSLCertVerificationError, UnicodeError))
        or (isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS | _NO_AUTHORITIES)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        or type(cause).__name__ in _NO_URL
        for cause in _chain(error)
    )


def _explain_tls(cause: ssl.SSLError, place: str, settings: Settings) -> RegistryUnavailable:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RegistryUnavailable(
            f"{place} has no certificate this machine trusts ({cause.verify_message})",
            hint="name its authority with Settings.ca_bundle or REQUESTS_CA_BUNDLE",
        )
    if cause.reason in _NO_AUTHORITIES and settings.ca_bundle is not None:
        return RegistryUnavailable(
            f"the CA bundle {settings.ca_bundle} holds no certificate in PEM",
            hint="set Settings.ca_bundle or REQUESTS_CA_BUNDLE to one that does",
        )
    if cause.reason in _NOT_TLS:
        return RegistryUnavailable(
            f"{place} does not speak TLS",
            hint="if it is meant to be reached unencrypted, name it in Settings.plain_http",
        )
    return RegistryUnavailable(
        f"{place} and this machine agree on no TLS ({cause.reason or type(cause).__name__})",
        hint="check Settings.ca_bundle, and what stands in between",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """`error` and what lies beneath; urllib3 keeps some of it in `reason` or the arguments."""
    todo, seen = [error], set[int]()
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        beneath = (
            getattr(current, "reason", None),
            current.__cause__,
            current.__context__,
            *current.args,
        )
        todo += [b for b in beneath if isinstance(b, BaseException)]


def _reason(chain: list[BaseException]) -> str:
    """The innermost reason: its class, and the system's own words where it is the system's."""
    for cause in reversed(chain):
        if isinstance(cause, OSError) and cause.strerror:
            return f"{type(cause).__name__}: {cause.strerror}"
    return type(chain[-1]).__name__
