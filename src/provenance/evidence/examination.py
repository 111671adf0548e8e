"""`Examination`: everything found beside an image, where, and why it counts or does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

    from provenance.attestation.statement import Statement
    from provenance.digests import Digest
    from provenance.evidence.placements import Lookup, Placement
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.reference import Reference
    from provenance.verification.signed import SignedImage, SignedStatement

__all__ = ["Evidence", "Examination"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing found."""

    descriptor: Descriptor
    """Of its manifest."""
    kind: str
    """`signature`, a predicate family, or the artifact type: proven where `signed` is set."""
    placement: Placement
    outcome: Outcome
    """`PROVEN`: a signature by whom one asked for, or by anyone if nobody was."""
    reason: str
    """Why, in one sentence."""
    step: str = ""
    """The step of verification that refused."""
    signed: SignedStatement | SignedImage | None = field(default=None, repr=False)
    """What it proves; set only when every cryptographic step passed, whoever signed."""
    subject: Digest | None = None
    """What it must be about: the image, or the index that it was resolved through."""
    layer: Descriptor | None = field(default=None, repr=False)
    """Of the layer that holds it, where one does."""
    claimed: Statement | None = field(default=None, repr=False)
    """What an unsigned statement says: anyone who may write there can have said it."""

    def __repr__(self) -> str:
        digest = self.descriptor.digest.short
        return f"Evidence({self.kind!r}, {self.outcome.value}, {digest} by {str(self.placement)!r})"

    def to_dict(self) -> dict[str, Any]:
        """As JSON; `proven` holds what is proven, whoever signed, `claimed` what no one signed."""
        from provenance.evidence.verified import Proof

        proven = claimed = None
        if self.signed is not None and self.subject is not None:
            proven = Proof(
                *(self.signed, self.placement, self.descriptor, self.kind, self.subject, self.layer)
            ).to_dict()
        if self.claimed is not None:
            claimed = {
                "predicate_type": self.claimed.predicate_type,
                "predicate": self.claimed.predicate,
            }
        return {
            "kind": self.kind,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "step": self.step,
            "digest": self.descriptor.digest,
            "layer": self.layer.digest if self.layer is not None else None,
            "subject": self.subject,
            "placement": str(self.placement),
            "through_index": self.placement.through_index,
            "proven": proven,
            "claimed": claimed,
        }


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found beside an image."""

    reference: Reference
    """The image, pinned."""
    evidence: tuple[Evidence, ...]
    lookups: tuple[Lookup, ...]
    """Every placement that was asked."""

    @property
    def complete(self) -> bool:
        """Whether every placement answered. If not, what is missing here is not absent."""
        return all(lookup.complete for lookup in self.lookups)

    @property
    def outcome(self) -> Outcome:
        """`PROVEN` if anything counts; else `UNKNOWN` if anything could not be told."""
        if any(e.outcome for e in self.evidence):
            return Outcome.PROVEN
        if not self.complete or any(e.outcome is Outcome.UNKNOWN for e in self.evidence):
            return Outcome.UNKNOWN
        return Outcome.REFUTED if self.evidence else Outcome.ABSENT

    def __iter__(self) -> Iterator[Evidence]:
        return iter(self.evidence)

    def __len__(self) -> int:
        return len(self.evidence)

    def __repr__(self) -> str:
        state = "" if self.complete else ", not complete"
        place, outcome = str(self.reference), self.outcome.value
        return f"Examination({place!r}, {outcome}, {len(self)} pieces of evidence{state})"

    def explain(self) -> str:
        """A tree for people: what was found, where, and why it counts or not."""
        from provenance.evidence.explaining import as_text

        return as_text(self)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: all of it."""
        return {
            "reference": str(self.reference),
            "outcome": self.outcome.value,
            "complete": self.complete,
            "evidence": [item.to_dict() for item in self.evidence],
            "lookups": [
                {"placement": x.placement, "error": str(x.error) if x.error else None}
                for x in self.lookups
            ],
        }

    def __rich__(self) -> Tree:
        """The same, for terminals."""
        from provenance.evidence.explaining import as_tree

        return as_tree(self)

    def _repr_html_(self) -> str:
        from provenance.evidence.explaining import as_html

        return as_html(self)
