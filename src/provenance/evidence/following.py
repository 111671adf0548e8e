"""Documents that are too large for a log: a signed statement names one, and only that is followed.

Source: in-toto `reference` 0.1. The blob lies in the repository of the evidence; it counts only if
it has exactly the digest and the size that the signed statement names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.attestation.predicate_types import REFERENCE, matches
from provenance.attestation.predicates.reference import PREDICATE_TYPE_ANNOTATION, SIZE_ANNOTATION
from provenance.digests import Digest
from provenance.errors import InvalidEvidence, ProvenanceError
from provenance.evidence.placements import SBOM_TYPES
from provenance.oci.descriptor import Descriptor
from provenance.oci.repository import read_blob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.attestation.statement import Statement
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Repository
    from provenance.settings import Limits, Settings

__all__ = ["Document", "Referred", "Source", "referred"]


@dataclass(frozen=True, slots=True)
class Referred:
    """A document that a statement names."""

    digest: Digest
    size: int
    """In bytes."""
    media_type: str
    predicate_type: str
    """What it is, as an attestation would say; empty where the statement does not."""

    def is_a(self, wanted: str) -> bool:
        """Whether it is of the family or type wanted, as the statement says.

        Never a signature: that says nothing that could be too large.
        """
        if matches(self.predicate_type, "signature"):
            return False
        if self.predicate_type:
            return matches(self.predicate_type, wanted)
        kind = SBOM_TYPES.get(self.media_type, "")
        return bool(kind) and wanted in {kind, "sbom", "any"}

    def read(self, repository: Repository, limits: Limits) -> Document:
        """The document itself.

        Raises:
            ContentMismatch: what is there is another. NotFound: nothing is.
            LimitExceeded: larger than `Limits.document_bytes`.
        """
        blob = Descriptor(self.media_type, self.digest, self.size)
        return Document(self, read_blob(repository, blob, limit=limits.document_bytes))


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was fetched, and is the one that was named."""

    named: Referred
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents lie, for whoever asks for one later."""

    place: Reference
    registry: Registry | None = None
    settings: Settings | None = None
    limits: Limits | None = None

    def read(self, named: Referred) -> Document:
        """The document. Raises as `Referred.read`, and what the registry says."""
        from provenance.oci.connect import connect
        from provenance.settings import Limits

        limits = self.limits or Limits()
        with connect(
            self.place, registry=self.registry, settings=self.settings, limits=limits
        ) as repository:
            return named.read(repository, limits)


def referred(statement: Statement) -> Iterator[Referred]:
    """The documents that a statement names by digest and size; none unless it is a reference.

    Raises:
        InvalidEvidence: it names one in a way that cannot be checked; after all the others.
    """
    if statement.predicate_type != REFERENCE:
        return
    predicate = statement.predicate
    listed = predicate.get("references") if isinstance(predicate, dict) else None
    if not isinstance(listed, list):
        raise _unusable("names no documents")
    refusals = []
    for entry in listed:
        try:
            yield _referred(entry)
        except InvalidEvidence as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def _referred(entry: Any) -> Referred:
    if not isinstance(entry, dict):
        raise _unusable("names what is no document")
    digests, annotations = entry.get("digest"), entry.get("annotations") or {}
    if not isinstance(digests, dict) or not isinstance(annotations, dict):
        raise _unusable("names a document without a digest")
    size = annotations.get(SIZE_ANNOTATION)
    media_type = entry.get("mediaType") or ""
    kind = annotations.get(PREDICATE_TYPE_ANNOTATION) or ""
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _unusable("names a document without its size")
    if not isinstance(media_type, str) or not isinstance(kind, str):
        raise _unusable("names a document of no type")
    for algorithm in ("sha512", "sha384", "sha256"):
        if algorithm in digests:
            try:
                digest = Digest(f"{algorithm}:{digests[algorithm]}")
            except ProvenanceError as error:
                raise _unusable(f"names a document by no digest: {error}") from error
            return Referred(digest, size, media_type or "application/octet-stream", kind)
    raise _unusable("names a document by no digest that is known here")


def _unusable(why: str) -> InvalidEvidence:
    return InvalidEvidence(
        f"the reference {why}", step="reference", hint="the document cannot be checked against it"
    )
