"""`Examination`: everything found beside an image, where, and why it counts or does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.display.html import document
from provenance.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.evidence.placements import Lookup, Placement
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.reference import Reference
    from provenance.verification import SignedStatement

__all__ = ["Evidence", "Examination"]

_MARKS = {
    Outcome.PROVEN: "counts",
    Outcome.REFUTED: "does not count",
    Outcome.UNKNOWN: "could not tell",
    Outcome.ABSENT: "absent",
}


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
    signed: SignedStatement | None = field(default=None, repr=False)
    """What it proves; set only when every cryptographic step passed, whoever signed."""


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

    def explain(self) -> str:
        """A few lines for people: what was found, where, and why it counts or not."""
        lines = [str(self.reference)]
        for item in self.evidence:
            lines.append(f"  {item.kind}: {_MARKS[item.outcome]}: {item.reason}")
            lines.append(f"    {item.descriptor.digest} by {item.placement}")
        if not self.evidence:
            lines.append("  nothing was found")
        for lookup in self.lookups:
            state = "answered" if lookup.error is None else f"could not tell: {lookup.error}"
            lines.append(f"  looked at {lookup.placement}: {state}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            (e.kind, _MARKS[e.outcome], e.reason, str(e.placement), e.descriptor.digest.short)
            for e in self.evidence
        ]
        facts = {
            "Image": str(self.reference),
            "Outcome": self.outcome.value,
            "Complete": "yes" if self.complete else "no: some placements did not answer",
        }
        return document("Examination", facts, ("kind", "verdict", "why", "where", "digest"), rows)
