"""Rekor version 1: `dsse` and `hashedrekord` entries 0.0.1, with the log's promise and a proof.

Source: sigstore/rekor, `openapi.yaml`, `/api/v1/log/entries`; `pkg/types/{dsse,hashedrekord}`;
the entry's form in bundles: protobuf-specs, `sigstore_rekor.proto`, TransparencyLogEntry.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, ProvenanceError
from provenance.signing.exchange import ServiceError
from provenance.signing.record import b64
from provenance.strict_json import decode_object
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.signing.exchange import Answer, Exchange
    from provenance.signing.record import Record

__all__ = ["log_entry"]

_SERVICE = "the transparency log"
_UUID = re.compile(r"(?:[0-9a-f]{16})?[0-9a-f]{64}", re.ASCII)


def log_entry(exchange: Exchange, url: str, record: Record) -> dict[str, Any]:
    """The entry for `record`, as a bundle holds it.

    An entry that is there already (409) is fetched: an earlier try may have been answered to
    nobody, and the keys of RSA and Ed25519 give the same signature again.

    Raises:
        ServiceError: no answer, a refusal, or no entry.
    """
    if not record.scheme.hash and record.envelope is None:
        raise ServiceError(
            f"{_SERVICE} at {display_url(url)} takes no plain Ed25519 signature over bytes",
            hint="sign with an ECDSA or RSA key",
        )
    entries = f"{url.rstrip('/')}/api/v1/log/entries"
    proposed = _hashedrekord(record) if record.envelope is None else _dsse(record)
    answer = exchange.post(_SERVICE, entries, proposed)
    if answer.status == 409:
        uuid = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        if not _UUID.fullmatch(uuid):
            raise answer.refusal("it has the entry already, and does not say where")
        answer = exchange.get(_SERVICE, f"{entries}/{uuid}")
    if answer.status not in (200, 201):
        raise answer.refusal(_advice(answer.status, record))
    try:
        return _entry(answer)
    except (LookupError, TypeError, ValueError, binascii.Error, ProvenanceError) as error:
        if isinstance(error, ServiceError):
            raise
        raise ServiceError(f"{answer.service} answered without a log entry") from error


def _advice(status: int, record: Record) -> str:
    if status >= 500:
        return "try again later"
    if record.envelope is not None and record.scheme.hash not in {"", "sha256"}:
        return "Rekor 1 takes statements that are signed with SHA-256: use a key on P-256, or RSA"
    return "the log does not take this entry"


def _dsse(record: Record) -> dict[str, Any]:
    proposed = {"envelope": record.envelope_json(), "verifiers": [b64(record.verifier_pem)]}
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}}


def _hashedrekord(record: Record) -> dict[str, Any]:
    spec = {
        "data": {"hash": {"algorithm": record.hash, "value": record.digest.hex()}},
        "signature": {
            "content": b64(record.signature),
            "publicKey": {"content": b64(record.verifier_pem)},
        },
    }
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}


def _entry(answer: Answer) -> dict[str, Any]:
    """Rekor 1's own form, hex and numbers, in that of bundles."""
    document = answer.document()
    if len(document) != 1:
        raise MalformedDocument("must be one entry by its UUID")
    entry: Mapping[str, Any] = next(iter(document.values()))
    body = base64.b64decode(entry["body"], validate=True)
    kind, verification = decode_object(body), entry["verification"]
    found = {
        "logIndex": _number(entry["logIndex"]),
        "logId": {"keyId": _from_hex(entry["logID"])},
        "kindVersion": {"kind": str(kind["kind"]), "version": str(kind["apiVersion"])},
        "integratedTime": _number(entry["integratedTime"]),
        "inclusionPromise": {
            "signedEntryTimestamp": b64(
                base64.b64decode(verification["signedEntryTimestamp"], validate=True)
            )
        },
        "canonicalizedBody": b64(body),
    }
    if proof := verification.get("inclusionProof"):
        found["inclusionProof"] = {
            "logIndex": _number(proof["logIndex"]),
            "rootHash": _from_hex(proof["rootHash"]),
            "treeSize": _number(proof["treeSize"]),
            "hashes": [_from_hex(value) for value in proof["hashes"]],
            "checkpoint": {"envelope": str(proof["checkpoint"])},
        }
    return found


def _number(value: Any) -> str:
    """Protobuf's JSON form of a 64-bit integer."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not an integer")
    return str(value)


def _from_hex(value: Any) -> str:
    return b64(bytes.fromhex(value))
