"""Which proxy a URL goes through. Source: the NO_PROXY that curl, Go and Python share.

Ours, as the function in requests sets an environment variable for the time of its call, and
threads would see one another's.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from provenance.transport.origin import is_loopback_host, origin_of

if TYPE_CHECKING:
    from provenance.settings import Settings

__all__ = ["proxies_for"]


def proxies_for(url: str, settings: Settings) -> dict[str, str]:
    """Scheme to proxy, as requests takes it; empty: directly. Loopback never goes by a proxy."""
    if not settings.proxies:
        return {}
    _, host, port = origin_of(url)
    if is_loopback_host(host) or _listed(host, port, settings.no_proxy):
        return {}
    return dict(settings.proxies)


def _listed(host: str, port: int, no_proxy: str) -> bool:
    """Whether the list names `host`: itself, a parent domain, its network, or `*`."""
    for entry in no_proxy.replace(",", " ").split():
        if entry == "*":
            return True
        address = _network_holds(entry, host)
        if address is not None:
            if address:
                return True
            continue
        name, colon, number = entry.lower().rpartition(":")
        if not colon:
            name, number = number, ""
        if number and number != str(port):
            continue
        name = name.removeprefix("*").removeprefix(".").strip("[]")
        if name and (host == name or host.endswith(f".{name}")):
            return True
    return False


def _network_holds(entry: str, host: str) -> bool | None:
    """Whether the address `host` is in the network `entry`; None: `entry` is no network."""
    try:
        network = ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False
