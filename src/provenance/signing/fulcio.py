"""Fulcio, the certificate authority: from an identity token and a key to a certificate.

Source: sigstore/fulcio, `fulcio.proto`, `CA.CreateSigningCertificate` (`POST /api/v2/signingCert`).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from provenance.errors import SigningError
from provenance.signing.exchange import ServiceError

if TYPE_CHECKING:
    from cryptography import x509

    from provenance.signing.ephemeral import EphemeralKey
    from provenance.signing.exchange import Answer, Exchange

__all__ = ["certify"]

_SERVICE = "the certificate authority"
_MAX_CHAIN = 10


def certify(
    exchange: Exchange, url: str, *, token: str, key: EphemeralKey
) -> tuple[x509.Certificate, ...]:
    """The chain that certifies `key` for whom `token` names, the leaf first.

    Whether the authority is a trusted one is not judged here: what is signed is verified whole.

    Raises:
        ServiceError: no answer, a refusal, or no certificate of this key.
        SigningError: the token was refused.
    """
    request = {"certificateSigningRequest": _b64(key.certificate_request())}
    answer = exchange.post(_SERVICE, f"{url.rstrip('/')}/api/v2/signingCert", request, token=token)
    if answer.status in (401, 403) or (answer.status == 400 and b"token" in answer.body.lower()):
        raise SigningError(
            answer.refusal().message, hint="the identity token was not accepted; get a new one"
        )
    if answer.status not in (200, 201):
        raise answer.refusal()
    chain = _chain(answer)
    if _spki(chain[0]) != key.public_key.der:
        raise ServiceError(
            f"{answer.service} certified another key than the one it was asked to",
            hint="do not use it, and tell its operator",
        )
    return chain


def _chain(answer: Answer) -> tuple[x509.Certificate, ...]:
    from cryptography import x509

    document = answer.document()
    found = document.get("signedCertificateEmbeddedSct")
    if found is None and "signedCertificateDetachedSct" in document:
        raise ServiceError(
            f"{answer.service} does not embed the promise of the certificate log",
            hint="clients verify embedded ones alone; let its operator enable that",
        )
    chain = found.get("chain") if isinstance(found, dict) else None
    listed = chain.get("certificates") if isinstance(chain, dict) else None
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_CHAIN:
        raise ServiceError(f"{answer.service} answered without a chain of certificates")
    try:
        return tuple(x509.load_pem_x509_certificate(str(pem).encode()) for pem in listed)
    except ValueError as error:
        raise ServiceError(f"{answer.service} answered with what is no certificate") from error


def _spki(certificate: x509.Certificate) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        return certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
