"""What was noticed: a finding, a report of findings, and the four outcomes."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

__all__ = ["Finding", "Outcome", "Report", "Severity"]


class Outcome(enum.Enum):
    """How a question ended. Only `PROVEN` is a yes; `UNKNOWN` is never a no.

    >>> bool(Outcome.UNKNOWN)
    False
    """

    PROVEN = "proven"
    """Proven good."""
    REFUTED = "refuted"
    """Proven bad."""
    ABSENT = "absent"
    """Not found after every placement answered completely."""
    UNKNOWN = "unknown"
    """Could not tell: a lookup failed, a limit was met, a format is not read."""

    def __bool__(self) -> bool:
        return self is Outcome.PROVEN


class Severity(enum.Enum):
    """How much a finding weighs."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed, where, and what it means."""

    rule: str
    """Stable kebab-case id of the rule."""
    severity: Severity
    message: str
    """One sentence for people."""
    pointer: str = ""
    """Where: a JSON pointer (RFC 6901), `line N`, or a path in the image."""


@dataclass(frozen=True, slots=True)
class Report:
    """Findings in the order they were made."""

    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """No finding of severity error."""
        return all(f.severity is not Severity.ERROR for f in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[index]

    def _repr_html_(self) -> str:
        """A summary and twenty findings, for notebooks."""
        from provenance.display.html import ROWS, document

        facts = {"Outcome": "ok" if self.ok else "not ok", "Findings": f"{len(self):,}"}
        return document("Report", facts, _COLUMNS, self._rows(ROWS), total=len(self))

    def __rich__(self) -> Table:
        """Twenty findings, for terminals."""
        from provenance.display.html import ROWS
        from provenance.display.terminal import grid

        more = f" (first {ROWS})" if len(self) > ROWS else ""
        title = f"{'ok' if self.ok else 'not ok'}, {len(self):,} findings{more}"
        return grid(_COLUMNS, self._rows(ROWS), title=title)

    def _rows(self, limit: int) -> list[tuple[str, ...]]:
        return [(f.severity.value, f.rule, f.message, f.pointer) for f in self.findings[:limit]]


_COLUMNS = ("severity", "rule", "message", "where")
