"""Candidates: what may be evidence, read out of manifests and not judged yet.

A placement yields candidates (bytes to judge), `Evidence` (what needs no judging: it holds no
signature, or could not be read) and lookups (how the asking ended). Nothing here believes a
media type: it decides who judges the bytes, not what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from provenance.attestation.bundle import is_bundle_media_type
from provenance.attestation.predicate_types import COSIGN_SIGN, family
from provenance.attestation.simple_signing import SIMPLE_SIGNING
from provenance.attestation.statement import PAYLOAD_TYPE
from provenance.errors import (
    ContentMismatch,
    InvalidEvidence,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    VerificationError,
)
from provenance.evidence.piece import Evidence
from provenance.evidence.placements import (
    LONGEST_KIND,
    SBOM_TYPES,
    Lookup,
    Placement,
    listed_kind,
)
from provenance.findings import Outcome
from provenance.oci.repository import read_blob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Manifest
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = [
    "DSSE",
    "MOST_VALUES",
    "Budget",
    "Candidate",
    "Found",
    "Place",
    "Unopened",
    "in_manifest",
    "refused",
]

DSSE = "application/vnd.dsse.envelope.v1+json"
"""Media type of a layer that holds a DSSE envelope, cosign's attestations before version 3."""
PREDICATE_TYPE = ("predicateType", "in-toto.io/predicate-type")
"""Layer annotations that claim a predicate type: cosign's and BuildKit's."""
MOST_VALUES = 10_000_000
"""JSON values in all that strangers say of one image."""
# Nobody said no: what was asked for was not seen.
_UNANSWERED = frozenset({"rate-limited", "registry-unavailable", "unauthorized", "forbidden"})


class Budget:
    """What one call may still read: many small pieces are as bad as a large one."""

    def __init__(self, limits: Limits) -> None:
        """Begin with all of `Limits.evidence_bytes`, and with pieces for every honest image."""
        self.left = limits.evidence_bytes
        self.pieces = limits.referrers + limits.signatures
        self.values = MOST_VALUES

    def take(self, descriptor: Descriptor) -> None:
        """Count a piece before it is read. Raises LimitExceeded."""
        self.pieces -= 1
        if descriptor.size > self.left or self.pieces < 0:
            raise LimitExceeded(
                "what lies beside the image is more than is read of one",
                digest=descriptor.digest,
                hint="raise Limits.evidence_bytes, referrers or signatures if you trust it",
            )
        self.left -= descriptor.size

    def hear(self, statement: bytes, digest: Digest) -> None:
        """Count what a stranger says, which may take thirty times as much memory as bytes.

        Raises:
            LimitExceeded: together they say more than one honest statement does.
        """
        self.values -= sum(map(statement.count, (b",", b"{", b"[")))
        if self.values < 0:
            raise LimitExceeded(
                f"strangers say more than {MOST_VALUES} JSON values of the image",
                digest=digest,
                hint="it is made to fill memory",
            )


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look, and for what."""

    repository: Repository
    subject: Digest
    limits: Limits
    budget: Budget
    through_index: bool = False
    elsewhere: str = ""
    """The repository's name, where it is not the image's own."""

    def placement(self, scheme: str, tag: str = "") -> Placement:
        """A placement here."""
        return Placement(scheme, tag, self.through_index, self.elsewhere)

    def read(self, descriptor: Descriptor) -> bytes:
        """A small blob, verified. Raises LimitExceeded before anything is read."""
        self.budget.take(descriptor)
        return read_blob(self.repository, descriptor, limit=self.limits.bundle_bytes)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Bytes that may be evidence."""

    descriptor: Descriptor
    """Of the manifest."""
    layer: Descriptor
    placement: Placement
    subject: Digest
    kind: str
    """As it says itself."""
    shape: str
    """`bundle`, `layer` (cosign's annotations), or `statement`: an envelope or nothing around."""
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unopened:
    """A referrer that does not look like a signature: looked into when nothing else counts."""

    descriptor: Descriptor
    placement: Placement
    subject: Digest

    def evidence(self) -> Evidence:
        """What it is, as listed."""
        kind = listed_kind(self.descriptor)
        return Evidence(
            self.descriptor,
            kind,
            self.placement,
            Outcome.REFUTED,
            what_it_is(kind),
            "kind",
            subject=self.subject,
        )


Found: TypeAlias = "Candidate | Evidence | Lookup | Unopened"


def in_manifest(
    place: Place, manifest: Manifest, descriptor: Descriptor, placement: Placement, kind: str = ""
) -> Iterator[Found]:
    """Every candidate among a manifest's layers; each stands or falls for itself."""
    kind = kind or listed_kind(descriptor, manifest)
    layers = [(layer, _shape(layer.media_type)) for layer in manifest.layers]
    signing = [(layer, shape) for layer, shape in layers if shape]
    where = Unopened(descriptor, placement, place.subject)
    if not signing:
        reason = what_it_is(kind)
        layer = manifest.layers[0] if len(manifest.layers) == 1 else None
        yield Evidence(
            *(descriptor, kind, placement, Outcome.REFUTED, reason, "kind"),
            subject=place.subject,
            layer=layer,
        )
        return
    if any(shape == "bundle" for _, shape in signing) and len(layers) != 1:
        # Source: cosign, `specs/BUNDLE_SPEC.md`; which of several would be meant is not said.
        error = MalformedDocument(
            f"a bundle's manifest has one layer, this has {len(layers)}", digest=descriptor.digest
        )
        yield from refused(where, kind, error)
        return
    if len(signing) > place.limits.signatures:
        yield from refused(where, kind, _too_many(place, len(signing), descriptor))
        return
    for layer, shape in signing:
        yield from _in_layer(place, where, layer, shape, kind)


def _in_layer(
    place: Place, where: Unopened, layer: Descriptor, shape: str, kind: str
) -> Iterator[Found]:
    said = next((layer.annotations[n] for n in PREDICATE_TYPE if n in layer.annotations), "")
    if said:
        kind = "signature" if said == COSIGN_SIGN else family(said)[:LONGEST_KIND]
    try:
        raw = place.read(layer)
    except ProvenanceError as error:
        yield from refused(where, kind, error, layer)
        return
    yield Candidate(where.descriptor, layer, where.placement, place.subject, kind, shape, raw)


def refused(
    where: Unopened, kind: str, error: ProvenanceError, layer: Descriptor | None = None
) -> Iterator[Evidence | Lookup]:
    """What is told of something that could not be read or does not hold: a no, or no answer."""
    outcome, step, reason = _told_of(error)
    yield Evidence(
        *(where.descriptor, kind, where.placement, outcome, reason, step),
        subject=where.subject,
        layer=layer,
    )
    # Other bytes in its place prove no signature bad, nor do those that were not read.
    if step == "lookup" or isinstance(error, (ContentMismatch, LimitExceeded)):
        yield Lookup(f"{where.placement} {where.descriptor.digest}", error)


def _told_of(error: ProvenanceError) -> tuple[Outcome, str, str]:
    """Outcome, step and reason."""
    if isinstance(error, InvalidEvidence):
        return Outcome.REFUTED, error.step, str(error)
    if isinstance(error, (MalformedDocument, VerificationError)):
        return Outcome.REFUTED, error.code, str(error)
    if isinstance(error, NotFound):
        return Outcome.REFUTED, "content", f"it is listed but not there: {error}"
    step = "lookup" if error.code in _UNANSWERED else error.code
    return Outcome.UNKNOWN, step, str(error)


def what_it_is(kind: str) -> str:
    """Why something without a signature that could be judged here does not count."""
    if kind == "notation-signature":
        return "a Notation signature (notaryproject.dev), which Sigstore's rules do not cover"
    if kind in {"legacy-sbom", *SBOM_TYPES.values()}:
        return "an SBOM without a signature"
    return "an artifact without a signature of its own"


def _shape(media_type: str) -> str:
    if is_bundle_media_type(media_type):
        return "bundle"
    return {SIMPLE_SIGNING: "layer", DSSE: "layer", PAYLOAD_TYPE: "statement"}.get(media_type, "")


def _too_many(place: Place, count: int, descriptor: Descriptor) -> LimitExceeded:
    return LimitExceeded(
        f"a manifest with {count} signatures has more than {place.limits.signatures}",
        reference=place.repository.name,
        digest=descriptor.digest,
        hint="raise Limits.signatures if you trust the repository",
    )
