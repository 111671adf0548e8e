"""`Reference`: documents about the subject that are elsewhere. Source: in-toto `reference` 0.1.

It signs a document that is too large for a log without the document in it: what was fetched
counts only if it has exactly the digest and the size that the signed statement names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from provenance.attestation.predicate_types import REFERENCE
from provenance.attestation.predicates.fields import resources, text
from provenance.attestation.predicates.predicate import TypedPredicate
from provenance.attestation.resource import ResourceDescriptor

if TYPE_CHECKING:
    from provenance.digests import Digest

__all__ = ["PREDICATE_TYPE_ANNOTATION", "SIZE_ANNOTATION", "Reference"]

SIZE_ANNOTATION = "size"
"""Of a referred document: its size in bytes, a JSON number. The predicate has no field for it."""
PREDICATE_TYPE_ANNOTATION = "predicateType"
"""Of a referred document: what its predicate type would be, were it in the statement."""


class Reference(TypedPredicate):
    """Documents about the subjects that are elsewhere."""

    __slots__ = ()
    FIELDS: ClassVar[tuple[str, ...]] = ("attester_id", "references")
    REQUIRED: ClassVar[tuple[str, ...]] = ("attester_id", "references")

    @property
    def attester_id(self) -> str:
        """The system that provides the documents: a URI."""
        return text(self.raw, "attester", "id")

    @property
    def references(self) -> tuple[ResourceDescriptor, ...]:
        """The documents."""
        return resources(self.raw, "references")

    @classmethod
    def to(
        cls,
        digest: Digest,
        size: int,
        *,
        media_type: str,
        predicate_type: str = "",
        location: str = "",
        attester: str = "",
    ) -> Self:
        """A reference to one document.

        Args:
            digest: of its bytes.
            size: in bytes.
            media_type: of the document.
            predicate_type: what the document is, as an attestation would say.
            location: where it is: the specification wants one, a URL or an image reference.
            attester: URI of the system that provides it; empty: this library's.
        """
        annotations: dict[str, str | int] = {SIZE_ANNOTATION: size}
        if predicate_type:
            annotations[PREDICATE_TYPE_ANNOTATION] = predicate_type
        document = ResourceDescriptor(
            digest={digest.algorithm: digest.hex},
            annotations=annotations,
            media_type=media_type,
            download_location=location,
        ).to_dict()
        del document["name"]  # it has none; a subject alone must say so
        attester = attester or "https://pypi.org/project/oci-provenance"
        return cls(REFERENCE, {"attester": {"id": attester}, "references": [document]})
