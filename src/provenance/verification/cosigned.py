"""Envelopes that several have signed: what is one signature's own, and what is another's.

DSSE v1: an envelope may hold signatures by any number of keys, and each stands or falls for
itself. So does its proof: the time at which one was made, or a log that has it, says nothing of
another. sigstore-go refuses bundles with more than one; cosign's older layers may have them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.attestation.bundle_parts import Envelope
from provenance.errors import (
    InvalidEvidence,
    LimitExceeded,
    MalformedDocument,
    UnsupportedFormat,
)
from provenance.verification.entry_body import claims_of
from provenance.verification.foreign_entries import check_foreign_entry
from provenance.verification.log_proof import prove_entry
from provenance.verification.signatures import signs
from provenance.verification.timestamps import is_over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from provenance.attestation.bundle_parts import BundleParts, LoggedEntry
    from provenance.verification.anchors import Anchors
    from provenance.verification.content import SignedBytes
    from provenance.verification.entry_body import Claim, Signing

__all__ = ["own_parts", "signatures_by"]

_MOST_BY_ONE = 4
"""Signatures of one key on an envelope. Anybody can make two of one of ECDSA's."""
_MOST_TRIED = 64
"""Keys and signatures that entries name, held against each other: RSA takes milliseconds of one."""


def signatures_by(
    parts: BundleParts, key: PublicKeyTypes, signed: SignedBytes
) -> tuple[bytes, ...]:
    """The signatures that `key` has made; the first one, to be refused, where it made none.

    Raises:
        InvalidEvidence: step `signature`: there is none at all.
        UnsupportedFormat: the key is of an algorithm that nothing is signed with here.
        LimitExceeded: more than anybody needs: each is judged with all that is there.
    """
    made = tuple(dict.fromkeys(parts.signatures))
    if not made:
        raise InvalidEvidence("the envelope has no signature", step="signature")
    if len(made) == 1:
        return made
    found = tuple(s for s in made if signs(key, s, signed)) or made[:1]
    if len(found) > _MOST_BY_ONE:
        raise LimitExceeded(
            f"one key has made {len(found)} signatures on the envelope, more than {_MOST_BY_ONE}",
            hint="it is made to take time",
        )
    return found


def own_parts(parts: BundleParts, signing: Signing, anchors: Anchors) -> BundleParts:
    """`parts`, without the log entries and timestamps of other signatures on the same bytes.

    They prove nothing here, and must not be false either: an entry is in the log that it names,
    as far as the trust root knows it, and is about a signature by the key that it names. Whether
    that signature is on the envelope still, or damaged there, is not this one's to answer for.

    Raises:
        InvalidEvidence: step `transparency-log`: an entry of another signature is false.
        UnsupportedFormat: an entry is of a kind that is not read.
        LimitExceeded: there is more to be held against each other than anybody needs.
    """
    others = set(parts.signatures) - {signing.signature}
    if not others:
        return parts
    entries, budget = [], iter(range(_MOST_TRIED))
    for entry in parts.entries:
        claim = _another(entry, signing, budget)
        if claim is None:
            entries.append(entry)
            continue
        if anchors.logs and prove_entry(entry, parts.version, anchors) is None:
            check_foreign_entry(entry, parts.version, anchors)
        others |= {claim.signature} if claim.signature else set()
    own = parts.stamped(signing.signature)
    stamps = tuple(
        stamp
        for stamp in parts.timestamps
        if is_over(stamp, own) or not any(is_over(stamp, other) for other in others)
    )
    return replace(parts, entries=tuple(entries), timestamps=stamps)


def _another(entry: LoggedEntry, signing: Signing, budget: Iterator[int]) -> Claim | None:
    """What `entry` says of another signature, where that is true and it has none of this one."""
    try:
        claims = list(claims_of(entry, signing))
        if any(_is_about(claim, signing) for claim in claims):
            return None
        # A log has looked at each: the first tells whether it is a log's entry.
        return next((c for c in claims[:1] if _is_true(c, signing, budget)), None)
    except (InvalidEvidence, MalformedDocument):
        return None


def _is_about(claim: Claim, signing: Signing) -> bool:
    if claim.signature is None:
        return claim.is_by(signing)
    return claim.signature == signing.signature


def _is_true(claim: Claim, signing: Signing, budget: Iterator[int]) -> bool:
    """Whether the key made the signature; so too where its algorithm is not known here."""
    try:
        key = claim.key()
        return any(signs(key, s, signing.signed) for s in _within(budget, claim, signing))
    except UnsupportedFormat:
        return True


def _within(budget: Iterator[int], claim: Claim, signing: Signing) -> Iterator[bytes]:
    for signature in _candidates(claim, signing):
        if next(budget, None) is None:
            raise LimitExceeded(
                "the envelope's log entries name more keys and signatures than are looked at",
                hint="it is made to take time",
            )
        yield signature


def _candidates(claim: Claim, signing: Signing) -> Iterator[bytes]:
    if claim.signature is not None:
        yield claim.signature
    elif isinstance(signing.content, Envelope):
        yield from signing.content.signatures
