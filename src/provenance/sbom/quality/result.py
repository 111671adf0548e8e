"""`Quality`: how a document answers a rule set, counted; row by row only when asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.display.html import document as html_document
from provenance.findings import Finding, Severity
from provenance.sbom.quality.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.table import Table

    from provenance.sbom.quality.facts import Part
    from provenance.sbom.quality.rules import Rule, RuleSet

__all__ = ["SHOWN", "Quality", "RuleResult"]

SHOWN = 5
"""Pointers of a rule that are kept."""
_COLUMNS = ("rule", "met", "answer", "clause")


@dataclass(frozen=True, slots=True)
class RuleResult:
    """How one rule is answered: by the document, or by its packages together."""

    rule: Rule
    counts: Mapping[Answer, int]
    """How often each answer was given."""
    pointers: tuple[str, ...] = ()
    """JSON pointers to the first packages that do not meet it."""

    @property
    def is_of_document(self) -> bool:
        """Whether it is asked once, of the document."""
        return self.rule.of_document is not None

    @property
    def total(self) -> int:
        """How often it was asked."""
        return sum(self.counts.values())

    @property
    def met(self) -> int:
        """How often it is met."""
        return self.counts.get(Answer.MET, 0)

    @property
    def share(self) -> float | None:
        """Met of those that could be told, 0 to 1; None where none could."""
        told = self.total - self.counts.get(Answer.NOT_TOLD, 0)
        if told == 0:
            # No package at all meets nothing; packages of which nothing can be told are not asked.
            return None if self.total else 0.0
        return self.met / told

    @property
    def answer(self) -> Answer:
        """Met by all; could not be told of any; else the commonest way of not meeting it."""
        if self.share is None:
            return Answer.NOT_TOLD
        if self.share == 1.0:
            return Answer.MET
        gaps = {a: n for a, n in self.counts.items() if a not in (Answer.MET, Answer.NOT_TOLD)}
        return max(gaps, key=gaps.__getitem__, default=Answer.MISSING)

    def words(self) -> str:
        """The answers, in a few words."""
        if self.is_of_document or self.total == 0:
            return self.answer.value
        return ", ".join(
            f"{self.counts[a]:,} {a.value}"
            for a in Answer
            if a is not Answer.MET and self.counts.get(a)
        )


@dataclass(frozen=True, slots=True)
class Quality:
    """A report: `.ok`, findings, and a score. Made by `Sbom.quality`."""

    rules: RuleSet
    format: str
    """Of the document."""
    results: tuple[RuleResult, ...]
    """One for each rule, in the order of the text."""
    _parts: tuple[Part, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """No required rule is left unmet."""
        return all(f.severity is not Severity.ERROR for f in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def score(self) -> float:
        """0 to 100: the mean share of the required rules that could be told."""
        shares = [r.share for r in self.results if r.rule.is_required and r.share is not None]
        return round(100 * sum(shares) / len(shares), 1) if shares else 0.0

    @property
    def packages(self) -> int:
        """How many were asked, what the document describes among them."""
        return len(self._parts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One for each rule that is not met by all: required ones are errors."""
        return tuple(_finding(r) for r in self.results if r.answer is not Answer.MET)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, rule: str) -> RuleResult:
        """The result of a rule, by its id."""
        for result in self.results:
            if result.rule.id == rule:
                return result
        raise KeyError(rule)

    def per_package(self) -> Iterator[dict[str, str]]:
        """A row a package: pointer, name, version, and the answer to each rule of packages."""
        asked = [(r.rule.id, r.rule.of_package) for r in self.results]
        for part in self._parts:
            row = {"pointer": part.pointer, "name": part.name, "version": part.version}
            yield row | {name: ask(part).value for name, ask in asked if ask is not None}

    @property
    def package_columns(self) -> tuple[str, ...]:
        """The keys of `per_package`, in their order."""
        asked = (r.rule.id for r in self.results if r.rule.of_package is not None)
        return ("pointer", "name", "version", *asked)

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of `rows`."""
        return _COLUMNS

    def rows(self) -> list[tuple[str, ...]]:
        """A row a rule: name, in parentheses if not scored, how often met, answer, clause."""
        return [
            (
                r.rule.id if r.rule.is_required else f"({r.rule.id})",
                "" if r.is_of_document else f"{r.met:,} of {r.total:,}",
                r.words() or r.answer.value,
                # The heading alone: that of its section is in `Rule.clause`.
                r.rule.clause.rpartition(": ")[2],
            )
            for r in self.results
        ]

    def facts(self) -> dict[str, str]:
        """What stands above the rows."""
        unmet = sum(f.severity is Severity.ERROR for f in self.findings)
        packages = f"{self.packages:,} package{'' if self.packages == 1 else 's'}"
        rules = "rule is" if unmet == 1 else "rules are"
        return {
            "rules": self.rules.title,
            "document": f"{self.format}, {packages}",
            "score": f"{self.score:g} of 100; rules in parentheses are not scored",
            "answer": "every required rule is met" if self.ok else f"{unmet} {rules} not met",
        }

    def __repr__(self) -> str:
        state = "ok" if self.ok else "not ok"
        return f"Quality({self.rules.name}: {state}, {self.score:g} of 100)"

    def _repr_html_(self) -> str:
        """The rules and how they are answered, for notebooks."""
        facts = {name.capitalize(): value for name, value in self.facts().items()}
        return html_document("SBOM quality", facts, _COLUMNS, self.rows())

    def __rich__(self) -> Table:
        """The same, for terminals."""
        from provenance.display.terminal import grid

        title = f"{self.rules.title}, {self.score:g} of 100, {self.facts()['answer']}"
        return grid(_COLUMNS, self.rows(), title=title)


def _finding(result: RuleResult) -> Finding:
    rule = result.rule
    if result.answer is Answer.NOT_TOLD:
        severity = Severity.INFO
    else:
        severity = Severity.ERROR if rule.is_required else Severity.WARNING
    if result.is_of_document:
        said = f"{rule.title}: {result.answer.value}"
    elif result.total == 0:
        said = f"{rule.title}: the document lists no package"
    else:
        said = f"{rule.title}: {result.met:,} of {result.total:,} packages ({result.words()})"
        if len(result.pointers) > 1:
            said += f", the first at {', '.join(result.pointers[:3])}"
    pointer = result.pointers[0] if result.pointers else ""
    return Finding(rule.id, severity, f"{said} [{rule.clause}]", pointer)
