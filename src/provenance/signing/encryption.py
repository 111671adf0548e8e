"""Where a secret may go, and where what is believed may come from: not unencrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import NotEvaluated
from provenance.transport.origin import display_url, is_loopback_host, origin_of

if TYPE_CHECKING:
    from provenance.settings import Settings

__all__ = ["see_encrypted"]


def see_encrypted(url: str, settings: Settings) -> None:
    """See that `url` is https, of this machine, or of a host in `Settings.plain_http`.

    Raises:
        NotEvaluated: it is not.
        RegistryUnavailable: it is no http or https URL.
    """
    scheme, host, port = origin_of(url)
    if scheme == "https" or is_loopback_host(host):
        return
    if not {host, f"{host}:{port}"} & set(settings.plain_http):
        raise NotEvaluated(
            f"{display_url(url)} is not encrypted: what goes and comes could be read and altered",
            hint="use https, or name the host in Settings.plain_http (--plain-http)",
        )
