"""Rekor version 2: `hashedrekord` entries 0.0.2, integrated and proven when it answers.

It keeps no time: a timestamp authority must. Source: sigstore/rekor-tiles, `CLIENTS.md`,
`rekor_service.proto` (`POST /api/v2/log/entries`); a DSSE envelope is logged by the hash of what
is signed (PAE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.signing.exchange import ServiceError
from provenance.signing.record import b64

if TYPE_CHECKING:
    from provenance.signing.exchange import Exchange
    from provenance.signing.record import Record

__all__ = ["log_entry"]

_SERVICE = "the transparency log"


def log_entry(exchange: Exchange, url: str, record: Record) -> dict[str, Any]:
    """The entry for `record`, as a bundle holds it.

    Raises:
        ServiceError: no answer, a refusal, no entry, or a key whose signatures this log does not
            take.
    """
    if not record.scheme.hash or not record.scheme.details:
        raise ServiceError(
            f"{_SERVICE} at {url} takes no signature of a key of {record.public_key.algorithm}",
            hint="sign with an ECDSA key, or RSA of 2048, 3072 or 4096 bits",
        )
    key: dict[str, Any] = {"keyDetails": record.scheme.details}
    if record.certificate:
        key["x509Certificate"] = {"rawBytes": b64(record.certificate)}
    else:
        key["publicKey"] = {"rawBytes": b64(record.public_key.der)}
    request = {
        "digest": b64(record.digest),
        "signature": {"content": b64(record.signature), "verifier": key},
    }
    address = f"{url.rstrip('/')}/api/v2/log/entries"
    answer = exchange.post(_SERVICE, address, {"hashedRekordRequestV002": request})
    if answer.status not in (200, 201):
        raise answer.refusal(
            "try again later" if answer.status >= 500 else "the log does not take this entry"
        )
    entry = answer.document()
    if not isinstance(entry.get("canonicalizedBody"), str):
        raise ServiceError(f"{answer.service} answered without a log entry")
    return entry
