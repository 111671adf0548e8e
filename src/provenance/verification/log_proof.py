"""Entries of transparency logs: that one is in a log of the trust root, and since when.

Source: Rekor v1's signed entry timestamp, "the promise" (over the canonical JSON of body, time,
log and index); RFC 6962 and C2SP tlog-checkpoint for the proof; the Sigstore client specification,
"Transparency log entry"; protobuf-specs for what each version of the bundle must have.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence
from provenance.verification.checkpoint import check_inclusion, read_checkpoint
from provenance.verification.signed import LogEntry, VerifiedTime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.attestation.bundle_parts import InclusionProof, LoggedEntry
    from provenance.trust.material import Validity
    from provenance.verification.anchors import Anchors, TrustedLog
    from provenance.verification.checkpoint import Checkpoint

__all__ = [
    "ProvenEntry",
    "check_complete",
    "check_log_validity",
    "check_root",
    "promised_time",
    "promises",
    "prove_entry",
]

_STEP = "transparency-log"
_LATEST = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that is in a log of the trust root, and what is in it."""

    entry: LoggedEntry
    log: TrustedLog
    report: LogEntry
    time: VerifiedTime | None
    """When it was logged, where the log's promise says so."""
    validities: tuple[Validity, ...]
    """When the log was trusted: several where the root lists its key several times."""


def prove_entry(entry: LoggedEntry, version: str, anchors: Anchors) -> ProvenEntry | None:
    """Prove that `entry` is in a log; None where the trust root does not list the log it names.

    Args:
        entry: what the bundle says.
        version: of the bundle: 0.1, and cosign's annotations, need the promise; later ones
            need the proof with a checkpoint. What else is there must be true as well.
        anchors: the trust root.

    Raises:
        InvalidEvidence: step `transparency-log`: the log it names does not say so.
    """
    logs = anchors.logs_of(entry.log_id)
    if not logs:
        return None
    check_complete(entry, version)
    log = _log_of(entry, logs)
    kind = f"{entry.kind} {entry.version}"
    index = entry.index
    moment = None
    if entry.promise:
        moment = promised_time(entry)
        if not promises(log, entry, entry.log_id):
            raise _refuse(f"the promise is not signed by the log {log.url}")
    if entry.proof is not None:
        check_inclusion(entry.body, entry.proof)
        if entry.proof.checkpoint:
            log = _check_checkpoint(entry.proof, log, logs)
            # Only what is signed is told: the promise signs the index in the whole log, the
            # checkpoint the one in its tree.
            index = index if moment is not None else entry.proof.index
    time = None if moment is None else VerifiedTime(moment, "log", log.url)
    validities = tuple(known.validity for known in logs if known.key_hash == log.key_hash)
    return ProvenEntry(entry, log, LogEntry(log.url, index, kind, moment), time, validities)


def check_complete(entry: LoggedEntry, version: str) -> None:
    """Raise unless `entry` brings what a bundle of that version must have.

    Raises:
        InvalidEvidence: step `transparency-log`.
    """
    promised = version in {"", "0.1"}
    if promised and not entry.promise:
        raise _refuse("the log entry lacks the log's promise")
    if not promised and not (entry.proof and entry.proof.checkpoint):
        raise _refuse("the log entry lacks the proof that it is in the log")


def check_log_validity(proven: ProvenEntry, times: Sequence[VerifiedTime]) -> ProvenEntry:
    """Raise unless the log was trusted when it had the entry.

    Judged at the log's own time where it promised one, else at every other verified time; where
    no time is proven, as of a key's signature in Rekor v2, it cannot be judged, and is not.

    Raises:
        InvalidEvidence: step `transparency-log`.
    """
    moments = [proven.time] if proven.time is not None else list(times)
    for time in moments:
        if not any(validity.covers(time.moment) for validity in proven.validities):
            raise _refuse(
                f"the log {proven.log.url} was not trusted at {time.moment:%Y-%m-%d %H:%M:%S} UTC"
            )
    return proven


def _log_of(entry: LoggedEntry, logs: Sequence[TrustedLog]) -> TrustedLog:
    """The one among logs of one id whose validity covers the promised time, else the first."""
    if len(logs) > 1 and 0 < entry.integrated_time <= _LATEST:
        moment = dt.datetime.fromtimestamp(entry.integrated_time, tz=dt.UTC)
        return next((log for log in logs if log.validity.covers(moment)), logs[0])
    return logs[0]


def promised_time(entry: LoggedEntry) -> dt.datetime:
    """The time that the promise of `entry` is about. Raises InvalidEvidence where it is none."""
    if not 0 < entry.integrated_time <= _LATEST:
        raise _refuse(f"the log's promise states the time {entry.integrated_time}")
    return dt.datetime.fromtimestamp(entry.integrated_time, tz=dt.UTC)


def promises(log: TrustedLog, entry: LoggedEntry, log_id: bytes) -> bool:
    """Whether `log` signed the promise of `entry`, as the log with that id."""
    fields = {
        "body": base64.b64encode(entry.body).decode("ascii"),
        "integratedTime": entry.integrated_time,
        "logID": log_id.hex(),
        "logIndex": entry.index,
    }
    # RFC 8785 of such an object: the keys in order, no spaces, and nothing to escape.
    signed = json.dumps(fields, separators=(",", ":"), sort_keys=True).encode("ascii")
    return log.signed(entry.promise, signed)


def _check_checkpoint(
    proof: InclusionProof, log: TrustedLog, logs: Sequence[TrustedLog]
) -> TrustedLog:
    """The log that signed the checkpoint: of several with its key, the one that it names."""
    checkpoint = read_checkpoint(proof.checkpoint)
    own = [
        signature
        for name, key_id, signature in checkpoint.signatures
        if _names(checkpoint.origin, name) and log.has_key_id(name, key_id)
    ]
    # C2SP signed-note: a false signature in the name of a known key refuses the note.
    if not own or not all(log.signed(signature, checkpoint.note) for signature in own):
        raise _refuse(f"the checkpoint is not signed by the log {log.url}")
    check_root(checkpoint, proof)
    same = (one for one in (log, *logs) if one.key_hash == log.key_hash)
    return next((one for one in same if _may_name(checkpoint.origin, one.url)), log)


def _may_name(origin: str, url: str) -> bool:
    """Whether a log at `url` has that origin: the URL without its scheme, or the host alone."""
    place = url.partition("://")[2].rstrip("/")
    return any(_names(origin, name) for name in (place, place.partition("/")[0].partition(":")[0]))


def check_root(checkpoint: Checkpoint, proof: InclusionProof) -> None:
    """Raise unless the proof is one for the tree of the checkpoint.

    Raises:
        InvalidEvidence: step `transparency-log`.
    """
    # A path of hashes leads to the same root from other indices in trees of other sizes: without
    # the size, the index would be anybody's claim.
    if (checkpoint.size, checkpoint.root) != (proof.tree_size, proof.root):
        raise _refuse(
            f"the proof is for entry {proof.index} of a log of {proof.tree_size} entries, "
            f"where the log has signed a size of {str(checkpoint.size)!r}"
            if checkpoint.size != proof.tree_size
            else "the proof leads to another root than the one the log has signed"
        )


def _names(origin: str, name: str) -> bool:
    """Whether the log of that origin signs by that name: Rekor v1 appends the tree to it."""
    return origin == name or origin.startswith(f"{name} - ")


def _refuse(message: str) -> InvalidEvidence:
    return InvalidEvidence(message, step=_STEP, hint="the bundle is damaged or forged")
