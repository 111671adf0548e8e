"""`sbom convert`: a document in other formats, and what it could not take along."""

from __future__ import annotations

import sys

import click

from provenance.cli.sbom_output import put_document, tell_losses, wanted_outputs
from provenance.cli.sbom_rows import document_argument, read_document

__all__ = ["convert"]


@click.command()
@document_argument
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    required=True,
    metavar="FORMAT[=FILE]",
    help="cyclonedx-json, cyclonedx-xml, spdx-json, spdx-tag-value, or a format with its version "
    "(cyclonedx-1.5, spdx-3.0); repeatable. One without FILE is printed.",
)
@click.option("--fail-on-loss", is_flag=True, help="Exit with 1 where anything was lost.")
def convert(
    document: str,
    outputs: tuple[str, ...],
    fail_on_loss: bool,  # noqa: FBT001  click passes options by name
) -> None:
    """Convert DOCUMENT to other formats; `-` reads standard input.

    What a format has no field for is carried in it and comes back with the next conversion; what
    is lost is told on standard error.
    """
    wanted = wanted_outputs(outputs)
    found = read_document(document)
    is_whole = True
    for name, file in wanted:
        made, losses = found.convert(name)
        tell_losses(losses)
        is_whole = is_whole and not len(losses)
        put_document(made, file)
    if fail_on_loss and not is_whole:
        sys.exit(1)
