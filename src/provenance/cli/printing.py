"""Results on stdout: as text for people, or as JSON that names its schema."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from provenance.findings import Finding

__all__ = ["counted", "drawn", "echo", "finding_fields", "note", "show", "show_json"]

_WIDE = 200


def show(*renderables: Any) -> None:
    """Print tables, trees and texts, as wide as the terminal; without one, 200 columns wide."""
    # By way of echo: a pipe that closes is an exception there, and rich's own exit here.
    for text in map(partial(_drawn, width=None if sys.stdout.isatty() else _WIDE), renderables):
        click.echo(text)


def drawn(*renderables: Any) -> str:
    """What `show` prints where there is no terminal."""
    return "\n".join(_drawn(renderable, width=_WIDE) for renderable in renderables)


def _drawn(renderable: Any, *, width: int | None) -> str:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False, width=width, emoji=False, markup=False)
    with console.capture() as captured:
        console.print(renderable)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def echo(text: object) -> None:
    """One line, with control characters made visible."""
    from provenance.display.text import visible

    click.echo(visible(str(text)))


def note(text: object) -> None:
    """One line on stderr, with control characters made visible."""
    from provenance.display.text import visible

    click.echo(f"note: {visible(str(text))}", err=True)


def show_json(schema: str, /, **fields: Any) -> None:
    """One JSON document; `schema` names its form and changes when that does."""
    document = {"schema": f"provenance/{schema}/v1", **fields}
    click.echo(json.dumps(document, indent=2, default=str))


def finding_fields(finding: Finding) -> dict[str, str]:
    """A finding as every JSON output has it."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "pointer": finding.pointer,
    }


def counted(count: int, noun: str) -> str:
    """`1 package`, `2 packages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
