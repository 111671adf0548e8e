"""`Examination`: everything found beside an image, where, and why it counts or does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provenance.evidence.explaining import NOBODY, branches, html, text
from provenance.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

    from provenance.display.terminal import Branch
    from provenance.evidence.piece import Evidence
    from provenance.evidence.placements import Lookup
    from provenance.oci.reference import Reference

__all__ = ["Examination"]


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found beside an image."""

    reference: Reference
    """The image, pinned."""
    evidence: tuple[Evidence, ...]
    lookups: tuple[Lookup, ...]
    """Every placement that was asked."""
    asked: str = ""
    """Whose signatures count, in words; empty: nobody's in particular."""

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
        pieces = "1 piece" if len(self) == 1 else f"{len(self)} pieces"
        where, outcome = str(self.reference), self.outcome.value
        return f"Examination({where!r}, {outcome}, {pieces} of evidence{state})"

    def explain(self) -> str:
        """A tree for people: what was found, where, and why it counts or not."""
        return text(str(self.reference), self._branches())

    def to_dict(self) -> dict[str, Any]:
        """As JSON: all of it; `asked` is null where nobody in particular was asked for."""
        return {
            "reference": str(self.reference),
            "asked": self.asked or None,
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
        from provenance.display.terminal import tree

        return tree(str(self.reference), self._branches())

    def _repr_html_(self) -> str:
        facts = {
            "Image": str(self.reference),
            "Asked for": self.asked or NOBODY,
            "Outcome": self.outcome.value,
            "Complete": "yes" if self.complete else "no: some placements did not answer",
        }
        return html(facts, self.evidence)

    def _branches(self) -> list[Branch]:
        found = branches(self.evidence, self.lookups)
        return found if self.asked else [*found, (f"asked for: {NOBODY}", ())]
