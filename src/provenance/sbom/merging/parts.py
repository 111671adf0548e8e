"""A part of a product, and what of it was not taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.sbom.converting.leaves import leaves

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from provenance.sbom.model import OtherDocument

__all__ = ["Notes", "Part"]


@dataclass(slots=True)
class Part:
    """One document, decoded in the shape of the product's."""

    number: int
    document: dict[str, Any]
    """It is used up."""
    other: OtherDocument
    """What the document is called, and its hash."""
    name: str
    """Of what it describes."""
    is_native: bool = False
    """Whether it was of another family, and what it left behind is told already."""
    tools: tuple[str, ...] = ()
    created: dt.datetime | None = None

    @property
    def label(self) -> str:
        """How findings call it."""
        return f"part {self.number} ({self.name[:100]})"


@dataclass(slots=True)
class Notes:
    """Findings of a merge."""

    findings: list[Finding] = field(default_factory=list)
    conflicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Part and field to how often what it says contradicts what was taken before."""

    def add(self, rule: str, message: str, pointer: str = "") -> None:
        """Keep one."""
        severity = Severity.INFO if rule == "merged-once" else Severity.WARNING
        self.findings.append(Finding(rule, severity, message, pointer))

    def left(self, rest: Mapping[str, Any], part: Part, lists: Iterable[str]) -> None:
        """Note what of a part's document stays behind.

        Args:
            rest: all that is not taken, by its key.
            part: whose document it is.
            lists: keys of lists that are taken, but for what is no object in them.
        """
        if part.is_native:
            return
        odd: dict[str, Any] = {}
        for key in lists:
            value = part.document.get(key, [])
            if isinstance(value, list):
                value = [x for x in value if not isinstance(x, dict)]
            if value != []:
                odd[key] = value
        for key, value in {**rest, **odd}.items():
            if value != {}:
                self.untaken(value, f"/{key}", part)

    def untaken(self, value: Any, at: str, part: Part) -> None:
        """Every leaf of a value was left where it was."""
        counts: Counter[str] = Counter()
        for (pointer, _), count in leaves(value, at).items():
            counts[pointer] += count
        for pointer, count in sorted(counts.items()):
            self.add("not-merged", f"{count} of {pointer} in {part.label}", pointer)

    def all(self) -> list[Finding]:
        """They, and a line for every kind of contradiction."""
        return self.findings + [
            Finding(
                "merge-conflict",
                Severity.WARNING,
                f"{field} of {count} packages in {part} contradicts what was taken before",
            )
            for (part, field), count in self.conflicts.items()
        ]
