"""Who is trusted to be who: a TLS context of `Settings` and of what a host has of its own."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import certifi

from provenance.errors import NotEvaluated

if TYPE_CHECKING:
    from provenance.settings import Settings
    from provenance.transport.certificates import HostCertificates

__all__ = ["tls_context"]


def tls_context(settings: Settings, own: HostCertificates) -> ssl.SSLContext:
    """A context that trusts `settings.ca_bundle` alone, or Mozilla's list; and a host's `own`.

    Made seldom: reading all authorities takes longer than a request.

    Raises:
        ssl.SSLError, OSError: the CA bundle is none, or cannot be read.
        NotEvaluated: a certificate of the host's own cannot be used.
    """
    bundle = settings.ca_bundle
    if bundle is not None and bundle.is_dir():
        context = ssl.create_default_context(capath=str(bundle))
    else:
        context = ssl.create_default_context(cafile=str(bundle or certifi.where()))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        for authority in own.authorities:
            context.load_verify_locations(str(authority))
        for certificate, key in own.client:
            # A password would be asked for on the terminal.
            context.load_cert_chain(str(certificate), str(key), password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise NotEvaluated(
            f"a certificate in {own.folder} cannot be used ({type(error).__name__})",
            hint="*.crt, *.cert and *.key there must be PEM, keys without a password",
        ) from error
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")
