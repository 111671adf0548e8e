"""One table about a document, as each output spells it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import echo, show
from provenance.cli.streams import standard_input
from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.sbom import Sbom

__all__ = ["document_argument", "print_rows", "read_document", "rows_option"]

_ROWS = 100
# What spreadsheets take for a formula (CWE-1236).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

document_argument = click.argument("document", type=click.Path())
rows_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "csv", "markdown", "html"]),
    default="text",
    help="What to print.",
)


def read_document(document: str) -> Sbom:
    """The document of a path; `-` is standard input."""
    from pathlib import Path

    from provenance.sbom import read_sbom
    from provenance.settings import Limits

    piped = document == "-"
    return read_sbom(standard_input(Limits().document_bytes) if piped else Path(document))


def print_rows(
    output: str,
    title: str,
    facts: Mapping[str, object],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    total: int | None = None,
) -> None:
    """Print a heading, facts and a table; CSV has the table alone, all of it.

    Args:
        output: `text`, `csv`, `markdown` or `html`.
        title: what this is.
        facts: names and values that stand above the table.
        columns: headings.
        rows: cells, in the columns' order.
        total: how many rows there are, where these are not all.
    """
    if output == "csv":
        _print_csv(columns, rows)
    elif output == "markdown":
        from provenance.display.markdown import document as markdown

        total = len(rows) if total is None else total
        click.echo(markdown(title, facts, columns, rows[:_ROWS], total=total), nl=False)
    elif output == "html":
        from provenance.display.html import document, page

        body = document(title, facts, columns, rows, total=total, limit=None)
        click.echo(page(title, body), nl=False)
    else:
        from provenance.display.terminal import facts as pairs
        from provenance.display.terminal import grid

        show(pairs(facts), *([grid(columns, rows[:_ROWS])] if rows else []))
        if len(rows) > _ROWS:
            echo(f"{len(rows) - _ROWS:,} more of {len(rows):,}: -o csv and -o json have all")


def _print_csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = [visible(str(cell)) for cell in row]
        writer.writerow([f"'{c}" if c.startswith(_FORMULA) else c for c in cells])
    click.echo(out.getvalue(), nl=False)
