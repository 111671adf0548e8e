"""What was found, for people: as text, as branches of a tree, as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.display.terminal import Branch
    from provenance.evidence.piece import Evidence
    from provenance.evidence.placements import Lookup

__all__ = ["NOBODY", "branches", "html", "text"]

NOBODY = "nobody in particular: valid is whatever anyone with a certificate has signed"
"""Whose signatures count, where no identity and no key was given."""


def text(title: str, found: Sequence[Branch]) -> str:
    """Lines drawn as a tree, control characters made visible."""
    return "\n".join([visible(title), *_drawn(found, "")])


def html(facts: dict[str, str], evidence: Sequence[Evidence]) -> str:
    """For a notebook: escaped, no script."""
    from provenance.display.html import document

    rows = [
        (e.kind, e.verdict, e.reason, str(e.placement), e.descriptor.digest.short) for e in evidence
    ]
    return document("Examination", facts, ("kind", "verdict", "why", "where", "digest"), rows)


def branches(evidence: Sequence[Evidence], lookups: Sequence[Lookup]) -> list[Branch]:
    """By placement, in the order they were asked; then what was asked."""
    places: dict[str, list[Branch]] = {}
    for item in evidence:
        places.setdefault(str(item.placement), []).append(_branch(item))
    found: list[Branch] = list(places.items())
    if not found:
        found.append(("nothing was found", ()))
    asked: list[Branch] = []
    for lookup in lookups:
        state = "answered" if lookup.error is None else f"could not tell: {lookup.error}"
        asked.append((f"{lookup.placement}: {state}", ()))
    found.append(("looked at", asked))
    return found


def _branch(item: Evidence) -> Branch:
    return f"{item.kind}: {item.verdict}: {item.reason}", tuple(_details(item))


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


def _drawn(found: Sequence[Branch], lead: str) -> Iterator[str]:
    for number, (label, below) in enumerate(found, 1):
        last = number == len(found)
        yield f"{lead}{'└── ' if last else '├── '}{visible(label)}"
        yield from _drawn(below, lead + ("    " if last else "│   "))
