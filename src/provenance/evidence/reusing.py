"""`reuse=True`: what this signer has said already, in the same words, and verifiably.

Equal is what says the same in every field: subjects with their names and annotations, type and
predicate; of older signatures the payload. Whatever could not be looked at raises: it may be there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provenance.attestation.bundle import is_bundle_media_type
from provenance.attestation.statement import Statement
from provenance.evidence.gathering import examine_image
from provenance.evidence.making import BUNDLE, LEGACY, kind_of
from provenance.evidence.storing import Stored
from provenance.verification import Identity, SignedImage, SignedStatement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.attestation.simple_signing import SimpleSigning
    from provenance.evidence.making import Pen
    from provenance.evidence.piece import Evidence
    from provenance.evidence.storing import Shelf
    from provenance.signing import Signer

__all__ = ["present"]


def present(
    shelf: Shelf,
    pen: Pen,
    layouts: Iterable[str],
    statement: Statement,
    payload: SimpleSigning | None,
) -> dict[str, Stored]:
    """Of each layout, an equal statement by this signer that is there and verifies.

    Args:
        shelf: where to look.
        pen: the signer: its identity, or its key.
        layouts: to judge each for itself.
        statement: what is to be said.
        payload: what is to be said in its place in the legacy layout; None: the statement too.

    Raises:
        ProvenanceError: a placement did not answer: nothing is known.
    """
    signer = pen.signer
    key = signer.public_key
    who = _whom(signer) if key is None else None
    examination = examine_image(
        shelf.image,
        who,
        trust=signer.trust,
        keys=() if key is None else (key,),
        unsafe_no_log=signer.unsafe_no_log,
        elsewhere=shelf.elsewhere,
        limits=shelf.limits,
    )
    for lookup in examination.lookups:
        if lookup.error is not None:
            raise lookup.error
    found: dict[str, Stored] = {}
    for item in examination.evidence:
        layout = _layout(item)
        if not item.outcome or item.placement.through_index or layout not in layouts:
            continue
        said = payload if layout == LEGACY and payload is not None else statement
        if _says(item, said):
            found.setdefault(layout, _kept(item, shelf, kind_of(statement.predicate_type)))
    return found


def _whom(signer: Signer) -> Identity:
    """Exactly the signer, whom an authority of one's own may certify without an issuer."""
    issuer = signer.issuer or "^$"
    return Identity(signer.identity, issuer=issuer, issuer_is_pattern=not signer.issuer)


def _layout(item: Evidence) -> str:
    """The layout that it is stored in; empty: one that is not written here."""
    if item.placement.scheme == "tag":
        return LEGACY
    is_bundle = item.layer is not None and is_bundle_media_type(item.layer.media_type)
    return BUNDLE if is_bundle else ""


def _says(item: Evidence, said: Statement | SimpleSigning) -> bool:
    """Whether `item` proves just what is to be said."""
    signed = item.signed
    if isinstance(said, Statement):
        if not isinstance(signed, SignedStatement):
            return False
        other = signed.statement
        # As they are written, where that is the same: one predicate can be many megabytes.
        return other.raw == said.raw or (
            (other.predicate_type, other.subjects) == (said.predicate_type, said.subjects)
            and _same(other.predicate, said.predicate)
        )
    if not isinstance(signed, SignedImage):
        return False
    payload = signed.payload
    return (payload.digest, payload.docker_reference, dict(payload.annotations)) == (
        said.digest,
        said.docker_reference,
        dict(said.annotations),
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: in Python true is equal to 1, and 1 to 1.0."""
    return bool(one == other) and _spelled(one) == _spelled(other)


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _kept(item: Evidence, shelf: Shelf, kind: str) -> Stored:
    return Stored(
        shelf.place.with_digest(item.descriptor.digest),
        item.descriptor,
        kind,
        item.placement,
        reused=True,
        subject=shelf.image.digest,
    )
