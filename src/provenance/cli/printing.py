"""Results on stdout: as text for people, or as JSON that names its schema."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

__all__ = ["echo", "show", "show_json"]


def show(*renderables: Any) -> None:
    """Print tables, trees and texts, as wide as the terminal; without one, 200 columns wide."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 200
    console = Console(highlight=False, soft_wrap=False, width=width, emoji=False, markup=False)
    for renderable in renderables:
        # By way of echo: a pipe that closes is an exception there, and rich's own exit here.
        with console.capture() as drawn:
            console.print(renderable)
        click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def echo(text: object) -> None:
    """One line, with control characters made visible."""
    from provenance.display.text import visible

    click.echo(visible(str(text)))


def show_json(schema: str, /, **fields: Any) -> None:
    """One JSON document; `schema` names its form and changes when that does."""
    document = {"schema": f"provenance/{schema}/v1", **fields}
    click.echo(json.dumps(document, indent=2, default=str))
