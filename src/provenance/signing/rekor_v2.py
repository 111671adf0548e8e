"""Rekor version 2: `hashedrekord` entries 0.0.2, integrated and proven when it answers.

It keeps no time: a timestamp authority must. Source: sigstore/rekor-tiles, `CLIENTS.md`,
`rekor_service.proto` (`POST /api/v2/log/entries`, tiles); a DSSE envelope is logged by the hash of
what is signed (PAE).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, ProvenanceError
from provenance.signing.exchange import ServiceError
from provenance.signing.record import b64
from provenance.signing.tiles import inclusion_path, logged_entry
from provenance.strict_json import decode_object
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.signing.exchange import Exchange
    from provenance.signing.record import Record
    from provenance.trust.material import Log

__all__ = ["log_entry"]

_SERVICE = "the transparency log"
_INDEX = re.compile(r"[0-9]{1,15}", re.ASCII)
_PLAIN, _OCTETS = "text/plain", "application/octet-stream"
_FIELDS = ("logIndex", "logId", "kindVersion", "inclusionProof", "canonicalizedBody")
"""Of a TransparencyLogEntry; the promise and the time are of version 1."""
_WAITS = 6
"""How often a new checkpoint is waited for."""


def log_entry(
    exchange: Exchange, url: str, record: Record, known: Sequence[Log] = ()
) -> dict[str, Any]:
    """The entry for `record`, as a bundle holds it.

    An entry that is there already (409) is read from the log's tiles, as an earlier try may have
    been answered to nobody, and RSA keys give the same signature again.

    Args:
        exchange: how to ask.
        url: of the log.
        record: the signature.
        known: the logs of the trust root: whose tiles they are is told by the checkpoint's key.

    Raises:
        ServiceError: no answer, a refusal, no entry, or a key whose signatures this log does not
            take.
    """
    if not record.scheme.hash or not record.scheme.details:
        raise ServiceError(
            f"{_SERVICE} at {display_url(url)} takes no signature of a key of "
            f"{record.public_key.algorithm}",
            hint="sign with an ECDSA key, or RSA of 2048, 3072 or 4096 bits",
        )
    base = f"{url.rstrip('/')}/api/v2"
    answer = exchange.post(_SERVICE, f"{base}/log/entries", _request(record))
    if answer.status == 409:
        index = answer.headers.get("X-Log-Index", "")
        if not _INDEX.fullmatch(index):
            raise answer.refusal("it has the entry already, and does not say where")
        return _find(exchange, base, int(index), known)
    if answer.status not in (200, 201):
        raise answer.refusal(
            "try again later" if answer.status >= 500 else "the log does not take this entry"
        )
    entry = answer.document()
    if not isinstance(entry.get("canonicalizedBody"), str):
        raise ServiceError(f"{answer.service} answered without a log entry")
    # protobuf's readers refuse names that they do not know.
    return {name: entry[name] for name in _FIELDS if name in entry}


def _request(record: Record) -> dict[str, Any]:
    key: dict[str, Any] = {"keyDetails": record.scheme.details}
    if record.certificate:
        key["x509Certificate"] = {"rawBytes": b64(record.certificate)}
    else:
        key["publicKey"] = {"rawBytes": b64(record.public_key.der)}
    signature = {"content": b64(record.signature), "verifier": key}
    return {"hashedRekordRequestV002": {"digest": b64(record.digest), "signature": signature}}


def _find(exchange: Exchange, base: str, index: int, known: Sequence[Log]) -> dict[str, Any]:
    """The entry at `index`, with a proof made of tiles. Raises ServiceError."""

    def fetch(path: str, accept: str = _OCTETS) -> bytes:
        answer = exchange.get(_SERVICE, f"{base}/{path}", accept=accept)
        if answer.status != 200:
            raise answer.refusal("it has the entry already; sign again, or try later")
        return answer.body

    def current() -> tuple[str, int, str]:
        for attempt in range(1, _WAITS + 1):
            note = fetch("checkpoint", _PLAIN).decode("utf-8")
            size, root = _checkpoint(note)
            if index < size:
                return note, size, root
            exchange.wait(attempt)  # it is in the log, and will be in the next checkpoint
        raise MalformedDocument(f"no checkpoint has entry {index}")

    try:
        note, size, root = current()
        body = logged_entry(fetch, index, size)
        kind = decode_object(body)
        proof = {
            "logIndex": str(index),
            "rootHash": root,
            "treeSize": str(size),
            "hashes": [b64(value) for value in inclusion_path(fetch, index, size)],
            "checkpoint": {"envelope": note},
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": _log_id(note, known)},
            "kindVersion": {"kind": str(kind["kind"]), "version": str(kind["apiVersion"])},
            "inclusionProof": proof,
            "canonicalizedBody": b64(body),
        }
    except (LookupError, ValueError, ProvenanceError) as error:
        if isinstance(error, ServiceError):
            raise
        raise ServiceError(
            f"{_SERVICE} at {display_url(base)} has the entry already, and its tiles cannot be "
            f"read: {error}",
            hint="sign again, or try later",
        ) from error


def _checkpoint(note: str) -> tuple[int, str]:
    """Size and root (C2SP tlog-checkpoint)."""
    lines = note.split("\n")
    if len(lines) < 3 or not _INDEX.fullmatch(lines[1]):
        raise MalformedDocument("its checkpoint is none")
    return int(lines[1]), lines[2]


def _log_id(note: str, known: Sequence[Log]) -> str:
    """The id of the log that signed a checkpoint: each signature carries four bytes of a key's."""
    _, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        key_id = base64.b64decode(line.split(" ")[-1], validate=True)[:4]
        for log in known:
            if (log.checkpoint_key_id or log.log_id)[:4] == key_id:
                return b64(log.log_id)
    raise MalformedDocument("its checkpoint is not by a log of the trust root")
