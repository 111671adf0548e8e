"""Log entries of a log that the trust root does not list: passed over, or false.

A client may ask two logs, a public and a private one; whoever knows one of them must be able to
verify. sigstore-go, and so cosign and gh, pass over an entry of an unknown log without a look: one
damaged byte in the name of a known log then takes its entry away, and nobody is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence, NotEvaluated
from provenance.verification.checkpoint import check_inclusion, read_checkpoint
from provenance.verification.log_proof import (
    check_complete,
    check_root,
    promised_time,
    promises,
)

if TYPE_CHECKING:
    from provenance.attestation.bundle_parts import LoggedEntry
    from provenance.verification.anchors import Anchors, TrustedLog

__all__ = ["check_foreign_entry"]


def check_foreign_entry(entry: LoggedEntry, version: str, anchors: Anchors) -> None:
    """Raise unless `entry` is what a log that the trust root does not list may have written.

    It proves nothing, and is no more than what anybody could add or take away. That it is about
    the signature is for `check_entry` to say, as of every entry.

    Args:
        entry: it names a log that the root does not list.
        version: of the bundle, as of `prove_entry`.
        anchors: the trust root.

    Raises:
        InvalidEvidence: step `transparency-log`: its proof is false, or it is of a log of the
            root, under another name.
    """
    check_complete(entry, version)
    if entry.promise:
        promised_time(entry)
        for log in anchors.logs:
            if _has_promised(log, entry):
                raise _under_another_name(log)
    if entry.proof is None:
        return
    check_inclusion(entry.body, entry.proof)
    if not entry.proof.checkpoint:
        return
    checkpoint = read_checkpoint(entry.proof.checkpoint)
    check_root(checkpoint, entry.proof)
    for log in anchors.logs:
        if any(log.has_key_id(name, key_id) for name, key_id, _ in checkpoint.signatures):
            raise _under_another_name(log)


def _has_promised(log: TrustedLog, entry: LoggedEntry) -> bool:
    """Whether the promise is by `log`, whose own name is signed in it."""
    try:
        return promises(log, entry, log.log_id)
    except NotEvaluated:
        return False  # its key is not verified here: under its own name it would prove nothing


def _under_another_name(log: TrustedLog) -> InvalidEvidence:
    return InvalidEvidence(
        f"the entry is of the log {log.url}, and names another",
        step="transparency-log",
        hint="the bundle is damaged or forged",
    )
