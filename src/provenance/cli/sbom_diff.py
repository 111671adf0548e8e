"""`sbom diff`: what changed between two documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.printing import show_json
from provenance.cli.sbom_rows import print_rows, read_document, rows_option

if TYPE_CHECKING:
    from provenance.sbom import Diff

__all__ = ["diff"]

# As in provenance.sbom.comparing.changes.KINDS, without importing it for the help: a test compares.
_KINDS = (
    *("added", "removed", "upgraded", "downgraded", "changed"),
    *("relicensed", "rehashed", "replaced", "moved"),
)


def _kinds(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    del ctx, param
    kinds = tuple(kind.strip() for kind in value.split(",")) if value else ()
    if unknown := [kind for kind in kinds if kind not in _KINDS]:
        raise click.BadParameter(f"{', '.join(unknown)}: use {', '.join(_KINDS)}")
    return kinds


@click.command()
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@click.option(
    "--fail-on",
    metavar="KIND,...",
    callback=_kinds,
    help=f"Exit 1 where there is a change of these kinds: {', '.join(_KINDS)}.",
)
@click.option("--exit-code", is_flag=True, help="Exit 1 where there is any change.")
@rows_option
def diff(
    old: str,
    new: str,
    fail_on: tuple[str, ...],
    exit_code: bool,  # noqa: FBT001  click passes options by name
    output: str,
) -> int:
    """Show what changed from document OLD to document NEW, of whatever formats.

    One of them may be `-`, standard input. Markdown is made for a pull request.
    """
    from provenance.sbom import diff_sboms

    if old == new == "-":
        raise click.UsageError("standard input is one document: name a file for the other")
    found = diff_sboms(read_document(old), read_document(new))
    _print(found, output)
    return int(bool(found.of(*(_KINDS if exit_code else fail_on))))


def _print(found: Diff, output: str) -> None:
    if output == "json":
        show_json("sbom-diff", **found.to_dict())
    elif output == "markdown":
        click.echo(found.to_markdown(), nl=False)
    elif output == "csv":
        rows = [[_cell(value) for value in change.to_dict().values()] for change in found]
        print_rows(output, "Changes", {}, found.fields, rows)
    else:
        facts: dict[str, object] = {"from": found.old, "to": found.new, "changes": found.summary()}
        print_rows(output, "Changes", facts, found.columns, found.rows())


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}:{text}" for name, text in sorted(value.items()))
    return "; ".join(value) if isinstance(value, list) else str(value)
