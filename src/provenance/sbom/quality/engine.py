"""From a decoded document to `Quality`: its facts, asked by every rule of a set, once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat
from provenance.sbom.collection import paused_collection
from provenance.sbom.formats import Format
from provenance.sbom.quality import (
    bsi_tr_03183_2,
    cisa_2025,
    cyclonedx_facts,
    ntia_2021,
    spdx3_facts,
    spdx_facts,
)
from provenance.sbom.quality.answers import Answer
from provenance.sbom.quality.result import SHOWN, Quality, RuleResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.sbom.quality.facts import Facts, Part
    from provenance.sbom.quality.rules import Rule, RuleSet

__all__ = ["RULE_SETS", "assess", "find_rules"]

RULE_SETS: Mapping[str, RuleSet] = {
    rules.name: rules for rules in (ntia_2021.RULES, cisa_2025.RULES, bsi_tr_03183_2.RULES)
}
"""Rule sets by name."""


def find_rules(name: str) -> RuleSet:
    """The rule set of this name. Raises UnsupportedFormat for any other; names those there are."""
    found = RULE_SETS.get(name)
    if found is None:
        raise UnsupportedFormat(
            f"no rules are called {name[:60]!r}", hint=f"use one of {', '.join(RULE_SETS)}"
        )
    return found


def assess(document: Mapping[str, Any], form: Format, rules: RuleSet) -> Quality:
    """Ask every rule of a document.

    Args:
        document: decoded, in the shape of its format's JSON.
        form: its format.
        rules: what to ask.

    Raises:
        UnsupportedFormat: no facts are read from this format.
    """
    with paused_collection():
        facts = _facts(document, form)
        results = tuple(_result(rule, facts) for rule in rules.rules)
    return Quality(rules, form.value, results, tuple(facts.parts))


def _facts(document: Mapping[str, Any], form: Format) -> Facts:
    if form.family == "cyclonedx":
        return cyclonedx_facts.facts(document, form.syntax)
    if form.family != "spdx":
        raise UnsupportedFormat(
            f"the quality of {form.value} is not measured",
            hint="convert it to CycloneDX or SPDX: what is missing then, was missing before",
        )
    if form.version.startswith("3"):
        return spdx3_facts.facts(document, form.syntax)
    facts = spdx_facts.facts(document, form.syntax)
    if form is Format.GITHUB_SBOM:  # the document is a member of what is exported
        for part in facts.parts:
            part.pointer = f"/sbom{part.pointer}"
    return facts


def _result(rule: Rule, facts: Facts) -> RuleResult:
    if rule.of_document is not None:
        answer = rule.of_document(facts)
        return RuleResult(rule, {answer: 1})
    ask = rule.of_package
    answers = [ask(part) for part in facts.parts] if ask is not None else []
    return RuleResult(rule, dict(Counter(answers)), _first(answers, facts.parts))


def _first(answers: Sequence[Answer], parts: Sequence[Part]) -> tuple[str, ...]:
    """Pointers to the first packages that do not meet it."""
    found: list[str] = []
    for answer, part in zip(answers, parts, strict=True):
        if answer is not Answer.MET and answer is not Answer.NOT_TOLD:
            found.append(part.pointer)
            if len(found) == SHOWN:
                break
    return tuple(found)
