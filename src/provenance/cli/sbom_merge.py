"""`sbom merge`: one document of a product out of those of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.sbom_output import put_document, wanted_outputs
from provenance.cli.sbom_rows import read_document
from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.sbom import Sbom

__all__ = ["merge"]

_DEFAULT = "cyclonedx-json"


@click.command()
@click.argument("documents", nargs=-1, required=True, type=click.Path())
@click.option("--name", required=True, help="Of the product.")
@click.option("--version", default="", help="Of the product.")
@click.option("--purl", default="", help="Of the product.")
@click.option(
    "--flat", is_flag=True, help="Each package once, instead of once in each part that has it."
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="cyclonedx-json (the default), spdx-json, ...: as for `sbom generate`; repeatable.",
)
def merge(
    documents: tuple[str, ...],
    name: str,
    version: str,
    purl: str,
    flat: bool,  # noqa: FBT001  click passes options by name
    outputs: tuple[str, ...],
) -> None:
    """Merge DOCUMENTS, each of an image or another part, into the one of a product.

    What could not be taken over is told on standard error.
    """
    from provenance.sbom import merge_sboms

    wanted = wanted_outputs(outputs or [_DEFAULT])
    if documents.count("-") > 1:
        raise click.UsageError("standard input is one document")
    if not name.strip():
        raise click.UsageError("--name is empty: say what the product is called")
    parts: Iterable[Sbom] = map(read_document, documents)
    if len(wanted) > 1:
        parts = list(parts)  # else none is kept longer than it takes to merge it
    told: dict[str, None] = {}
    for form, file in wanted:
        made = merge_sboms(
            parts, name=name, version=version, purl=purl, hierarchical=not flat, format=form
        )
        put_document(made, file)
        told |= {f"note: {f.rule}: {f.message}": None for f in made.findings}
    for line in told:
        click.echo(visible(line), err=True)
