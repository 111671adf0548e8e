"""`sign` and `attest`: make a statement about an image, sign it, check it, store it beside it.

A signature is a statement with nothing to say: predicate type `cosign/sign/v1`, as cosign v3
writes it, so that one mechanism stores and verifies both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from provenance.attestation.predicate_types import COSIGN_SIGN
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.evidence.asked import evidence_place
from provenance.evidence.in_turn import in_turn, store_all
from provenance.evidence.making import BUNDLE, LEGACY, Pen, public_name, simple_signing_of
from provenance.evidence.recursion import subjects_of
from provenance.evidence.referenced import largest_inline, reference_to, store_document
from provenance.evidence.reusing import present
from provenance.evidence.said import said_of
from provenance.evidence.storing import Shelf, require_digest
from provenance.image import resolve
from provenance.settings import Limits, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.evidence.said import Sayable
    from provenance.evidence.storing import Stored
    from provenance.image import Image, ImageLike
    from provenance.oci.registry import Registry
    from provenance.signing import Signer

__all__ = ["Layout", "attest", "sign"]

Layout: TypeAlias = Literal["bundle", "legacy", "both"]
"""`bundle`: a referrer, as cosign v3 writes it. `legacy`: the tags `.sig` and `.att`, for older
verifiers. `both`: what a fleet needs that has some of each."""
_LAYOUTS: dict[str, tuple[str, ...]] = {
    "bundle": (BUNDLE,),
    "legacy": (LEGACY,),
    "both": (BUNDLE, LEGACY),
}


def sign(
    image: ImageLike,
    signer: Signer,
    *,
    layout: Layout = "bundle",
    annotations: Mapping[str, str] | None = None,
    recursive: bool = False,
    reuse: bool = False,
    evidence_repository: str | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Stored:
    """Sign an image and store the signature beside it, where cosign finds it too.

    In both layouts everything is signed and verified before anything is stored; run again with
    `reuse` after a fault, it writes what is missing.

    Args:
        image: what to sign; a tag is pinned to its digest first.
        signer: who signs.
        layout: `bundle`, `legacy` or `both`.
        annotations: said along with the signature, about the subject.
        recursive: of an index, sign everything in it too, in any depth, attestation manifests
            included (as cosign does); the index comes last.
        reuse: keep a signature of this signer that is there already, says the same and verifies;
            each layout is judged for itself.
        evidence_repository: repository to write to, in place of the image's own; None: as the
            settings say, which is cosign's COSIGN_REPOSITORY; empty: beside the image.
        platform: sign this platform's image of an index; None: what the reference names.
        registry: session to use.
        settings: how to fetch.
        limits: caps on what is read.

    Returns:
        What was written of the first layout, for the image named; the rest in `also`.

    Raises:
        SigningError: no signature was made; nothing was stored.
        PartlyStored: some of several things are stored; it carries them, and what went wrong.
        ValueError: no such layout.
        ProvenanceError: the registry refused or did not answer.
    """
    layouts, pen = _layouts(layout), Pen(signer)
    session: dict[str, Any] = {"registry": registry, "settings": settings, "limits": limits}
    found = resolve(image, platform=platform, **session)
    session["registry"] = found.registry  # an image brings the one that it was resolved with
    elsewhere = evidence_place(found, evidence_repository, found.registry, settings)

    def write(one: Image) -> Stored:
        shelf = Shelf.of(one, elsewhere, **session)
        subject = require_digest(one).digest
        statement = Statement.build([_named(one, annotations or {})], COSIGN_SIGN, {})
        payload = simple_signing_of(one, subject, annotations or {})
        kept = present(shelf, pen, layouts, statement, payload) if reuse else {}
        missing = [name for name in layouts if name not in kept]
        return store_all(pen.sign(statement, payload, missing), kept, shelf, layouts)

    images = subjects_of(found, limits or Limits()) if recursive else (found,)
    return in_turn(images, write)


def attest(
    image: ImageLike,
    predicate: Sayable,
    signer: Signer,
    *,
    predicate_type: str | None = None,
    layout: Layout = "bundle",
    annotations: Mapping[str, str] | None = None,
    reuse: bool = False,
    evidence_repository: str | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Stored:
    """Say something signed about an image, and store it beside it.

    A predicate too large for the log is stored as a referrer of its own, and what is signed is a
    `reference` to it (in-toto): its digest, size and media type. `verify` follows that; cosign
    verifies the statement, and does not fetch what it refers to. Too large is more than
    `Settings.inline_predicate` for a log of Rekor v1, which is sent it whole; otherwise more
    than 64 MiB, as verifiers read bundles of 128 MiB (cosign), which hold it in base64.

    Args:
        image: what it is about.
        predicate: an object that knows its type (`Sbom`, ...), a JSON object, or a document: its
            bytes or its path. An SBOM knows its own type; with `custom`, any text is wrapped as
            cosign wraps it; with `spdx`, tag-value stays what it is, in a JSON string.
        signer: who says it.
        predicate_type: a URI, a family name, or a word of `cosign attest --type`; needed for what
            does not know it.
        layout: `bundle`, `legacy` or `both`; it is signed once, and logged once.
        annotations: said along with it, about the subject.
        reuse: keep an equal statement of this signer that is there already and verifies; each
            layout is judged for itself.
        evidence_repository: as for `sign`.
        platform: speak of this platform's image of an index.
        registry: session to use.
        settings: how to fetch, and `inline_predicate`.
        limits: caps on what is read.

    Raises:
        SigningError: the SBOM is of another image, or no signature was made.
        PartlyStored: some of several things are stored; it carries them, and what went wrong.
        NotFound: no such file.
        MalformedDocument: no predicate type is known, or the document is not of the type.
        ValueError: no such layout.
        ProvenanceError: the registry refused or did not answer.
    """
    layouts, pen = _layouts(layout), Pen(signer)
    session: dict[str, Any] = {"registry": registry, "settings": settings, "limits": limits}
    found = resolve(image, platform=platform, **session)
    session["registry"] = found.registry
    subject = require_digest(found).digest
    said = said_of(predicate, predicate_type, found, limits or Limits())
    elsewhere = evidence_place(found, evidence_repository, found.registry, settings)
    shelf = Shelf.of(found, elsewhere, **session)
    refers = len(said.predicate) > largest_inline(pen, settings or Settings())
    stated = reference_to(said, shelf) if refers else said
    statement = Statement.build(
        [_named(found, annotations or {})], stated.predicate_type, stated.predicate
    )
    kept = present(shelf, pen, layouts, statement, None) if reuse else {}
    missing = [name for name in layouts if name not in kept]
    pieces = pen.attest(statement, subject, missing) if missing else []
    # The document first: what is signed must never refer to what is not there.
    document = store_document(said, shelf) if refers else None
    return store_all(pieces, kept, shelf, layouts, document)


def _layouts(layout: str) -> tuple[str, ...]:
    if layout not in _LAYOUTS:
        raise ValueError(f"no layout {layout!r}: expected one of {', '.join(_LAYOUTS)}")
    return _LAYOUTS[layout]


def _named(image: Image, annotations: Mapping[str, str]) -> ResourceDescriptor:
    digest = require_digest(image).digest
    return ResourceDescriptor(public_name(image), {digest.algorithm: digest.hex}, dict(annotations))
