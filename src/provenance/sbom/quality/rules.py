"""`Rule` and `RuleSet`: what a document is measured by, each rule with its clause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.sbom.quality.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.sbom.quality.facts import Facts, Part

__all__ = ["Rule", "RuleSet", "cannot_be_told"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a text asks for: of the document, or of each package."""

    id: str
    """Stable kebab-case name, unique within its rule set."""
    clause: str
    """Where the text asks for it."""
    title: str
    """What it asks for, in a few words."""
    of_document: Callable[[Facts], Answer] | None = None
    of_package: Callable[[Part], Answer] | None = None
    is_required: bool = True
    """Whether the document fails without it. What is asked for only if it exists is not."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A text, and its rules in its order."""

    name: str
    title: str
    source: str
    """The text: issuer, title, version, date."""
    rules: tuple[Rule, ...]


def cannot_be_told(rules: Sequence[tuple[str, str, str]]) -> tuple[Rule, ...]:
    """Rules (id, clause, title) about what people do, which no document can show."""
    return tuple(
        Rule(id, clause, title, of_document=lambda _: Answer.NOT_TOLD, is_required=False)
        for id, clause, title in rules  # noqa: A001 - the field's name
    )
