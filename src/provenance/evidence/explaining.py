"""An examination for people: as text, as a tree on a terminal, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.display.text import visible
from provenance.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.tree import Tree

    from provenance.display.terminal import Branch
    from provenance.evidence.examination import Evidence, Examination

__all__ = ["MARKS", "as_html", "as_text", "as_tree"]

MARKS = {
    Outcome.PROVEN: "counts",
    Outcome.REFUTED: "does not count",
    Outcome.UNKNOWN: "could not tell",
    Outcome.ABSENT: "absent",
}
"""What an outcome is called."""


def as_text(examination: Examination) -> str:
    """Lines drawn as a tree, control characters made visible."""
    lines = [visible(str(examination.reference))]
    lines += _drawn(_branches(examination), "")
    return "\n".join(lines)


def as_tree(examination: Examination) -> Tree:
    """For a terminal, by rich."""
    from provenance.display.terminal import tree

    return tree(str(examination.reference), _branches(examination))


def as_html(examination: Examination) -> str:
    """For a notebook: escaped, no script."""
    from provenance.display.html import document

    rows = [
        (e.kind, MARKS[e.outcome], e.reason, str(e.placement), e.descriptor.digest.short)
        for e in examination.evidence
    ]
    facts = {
        "Image": str(examination.reference),
        "Outcome": examination.outcome.value,
        "Complete": "yes" if examination.complete else "no: some placements did not answer",
    }
    return document("Examination", facts, ("kind", "verdict", "why", "where", "digest"), rows)


def _branches(examination: Examination) -> list[Branch]:
    """By placement, in the order they were asked; then what was asked."""
    places: dict[str, list[Branch]] = {}
    for item in examination.evidence:
        places.setdefault(str(item.placement), []).append(_branch(item))
    branches: list[Branch] = list(places.items())
    if not branches:
        branches.append(("nothing was found", ()))
    asked: list[Branch] = []
    for lookup in examination.lookups:
        state = "answered" if lookup.error is None else f"could not tell: {lookup.error}"
        asked.append((f"{lookup.placement}: {state}", ()))
    branches.append(("looked at", asked))
    return branches


def _branch(item: Evidence) -> Branch:
    return f"{item.kind}: {MARKS[item.outcome]}: {item.reason}", tuple(_details(item))


def _details(item: Evidence) -> Iterator[Branch]:
    within = f", layer {item.layer.digest.short}" if item.layer is not None else ""
    yield f"{item.descriptor.digest}{within}", ()
    if item.step:
        yield f"refused at: {item.step}", ()
    if item.signed is None:
        return
    for entry in item.signed.log_entries:
        yield f"log entry {entry.index} ({entry.kind}) {entry.log}".rstrip(), ()
    for time in item.signed.times:
        clock = f"{time.source} {time.authority}".rstrip()
        yield f"{time.moment:%Y-%m-%d %H:%M:%S} UTC by {clock}", ()
    for warning in item.signed.warnings:
        yield f"note: {warning}", ()


def _drawn(branches: Sequence[Branch], lead: str) -> Iterator[str]:
    for number, (label, below) in enumerate(branches, 1):
        last = number == len(branches)
        yield f"{lead}{'└── ' if last else '├── '}{visible(label)}"
        yield from _drawn(below, lead + ("    " if last else "│   "))
