"""Origins: to whom a secret may go. Source: RFC 6454, RFC 9110 section 4.3.1."""

from __future__ import annotations

import functools
import ipaddress
import socket
from urllib.parse import urljoin, urlsplit

from provenance.errors import RegistryUnavailable

__all__ = [
    "Origin",
    "display_url",
    "is_loopback_host",
    "is_private_host",
    "join_url",
    "lead_url",
    "origin_of",
]

Origin = tuple[str, str, int]
"""Scheme, host in lower case, port."""

_PORTS = {"http": 80, "https": 443}
_EXPECTED = "expected http:// or https:// and a host"


@functools.lru_cache(maxsize=4096)
def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL. Raises RegistryUnavailable for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RegistryUnavailable(f"{display_url(url)!r} is no URL", hint=_EXPECTED) from error
    # Where urllib3 ends the host at a backslash, urlsplit goes on to another one after an "@".
    if parts.scheme not in _PORTS or not parts.hostname or "\\" in parts.netloc:
        raise RegistryUnavailable(f"{display_url(url)!r} is no http or https URL", hint=_EXPECTED)
    return parts.scheme, parts.hostname.lower(), _PORTS[parts.scheme] if port is None else port


def join_url(base: str, location: str) -> str:
    """Where `location`, relative or not, leads from `base`: a URL with an origin.

    Raises RegistryUnavailable for what is no http or https URL.
    """
    try:
        target = urljoin(base, location)
    except ValueError as error:
        raise RegistryUnavailable(
            f"{display_url(base)} leads to what is no URL", hint=_EXPECTED
        ) from error
    origin_of(target)
    return target


def lead_url(base: str, location: str) -> str:
    """`join_url`, to be gone to. Raises RegistryUnavailable also if it leads from https to http."""
    target = join_url(base, location)
    if origin_of(base)[0] == "https" and origin_of(target)[0] != "https":
        raise RegistryUnavailable(
            f"{display_url(base)} redirects from https to {display_url(target)}",
            hint="not followed: it would not be encrypted; tell the server's operator",
        )
    return target


def display_url(url: str) -> str:
    """`url` for a message: without user, password, query and fragment, where secrets travel."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not a URL)"
    host = f"[{host}]" if ":" in host else host
    text = f"{parts.scheme}://{host}{port}{parts.path}"[:300]
    return "".join(c if c.isprintable() else "?" for c in text)


@functools.lru_cache(maxsize=256)
def is_loopback_host(host: str) -> bool:
    """Whether a host, with or without port, names this machine by address or as `localhost`.

    Not `x.localhost`: whether that stays on this machine is its resolver's choice.
    """
    name = _name(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_private_host(host: str) -> bool:
    """Whether any address that `host`, with or without port, resolves to is not a public one.

    Resolved, as a public name can point inside (go-containerregistry #2440). A name that does
    not resolve is not private: the request itself will say so.
    """
    name = _name(host)
    if not name:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        pass
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(name, None)}
    except (OSError, UnicodeError):
        return False
    return any(not ipaddress.ip_address(a.partition("%")[0]).is_global for a in addresses)


def _name(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))  # an IPv6 address, as `origin_of` gives it
    except ValueError:
        pass
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
