"""Realms: which token service a registry may send a login to.

The registry chooses the realm, so it is taken for an attacker's: it must be encrypted where the
registry is, and may not lie inside a private network that the registry is not in
(CVE-2026-48978; go-containerregistry #2193, #2440).
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provenance.errors import Unauthorized
from provenance.transport.origin import display_url, is_loopback_host, is_private_host, origin_of
from provenance.transport.proxies import proxies_for

if TYPE_CHECKING:
    from provenance.settings import Settings

__all__ = ["check_realm"]

# Names that no public host has: RFC 6762, RFC 8375, and ICANN's `.internal`.
_INSIDE = (".localhost", ".local", ".internal", ".home.arpa")


def check_realm(realm: str, base: str, settings: Settings) -> bool:
    """Refuse a token service that no honest registry names; tells whether it must be public.

    If so, `Client.request` is to be told too: its name may lead elsewhere by then.

    Another public host is fine (Docker Hub, GitLab), as is one inside a private network if the
    registry is inside too, or if `Settings.token_services` lists it. Names are resolved, as a
    public name can point inside; behind a proxy they are not, as it would resolve them otherwise.

    Args:
        realm: the token service's URL, as the registry says it.
        base: the registry's URL.
        settings: with its proxies and `token_services`.

    Raises:
        Unauthorized: it is not one to send a login to.
        RegistryUnavailable: it is no http or https URL.
    """
    scheme, host, _ = origin_of(realm)
    home_scheme, home_host, _ = origin_of(base)
    if scheme != "https" and home_scheme == "https":
        raise Unauthorized(
            f"the registry sends logins to {display_url(realm)}, which is not encrypted",
            hint="not followed: credentials would travel in the clear",
        )
    if host == home_host or _is_listed(realm, settings):
        return False
    public = not _is_inside(home_host, base, settings)
    if _is_link_local(host) or (public and _is_inside(host, realm, settings)):
        raise Unauthorized(
            f"the registry sends logins to {display_url(realm)}, inside a private network",
            hint="not followed: it may be an attack on that network; if it is your own,"
            " name its host in Settings.token_services",
        )
    return public


def _is_listed(realm: str, settings: Settings) -> bool:
    """Whether the caller names this host: with the port where the URL has one."""
    parts = urlsplit(realm)
    _, host, port = origin_of(realm)
    shown = f"[{host}]" if ":" in host else host
    names = {f"{shown}:{port}"} | (set() if parts.port else {shown})
    return any(name.lower() in names for name in settings.token_services)


def _is_inside(host: str, url: str, settings: Settings) -> bool:
    """Whether `host` is not public: by its addresses, or behind a proxy by its name alone."""
    if is_loopback_host(host) or host.endswith(_INSIDE) or not ("." in host or ":" in host):
        return True
    if proxies_for(url, settings) and _address(host) is None:
        return False
    return is_private_host(host)


def _is_link_local(host: str) -> bool:
    """Whether it is written as an address of this cable alone: where clouds keep their secrets."""
    address = _address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and (mapped or address).is_link_local


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` spells, `127.1` and `2130706433` too; None: it is a name."""
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
        return ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])
    except (OSError, UnicodeError, ValueError):
        return None
