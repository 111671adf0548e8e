"""`sbom`: make and look at SBOMs."""

from __future__ import annotations

import click

from provenance.cli.generating import generate
from provenance.cli.sbom_convert import convert
from provenance.cli.sbom_diff import diff
from provenance.cli.sbom_graph import tree, why
from provenance.cli.sbom_licenses import licenses
from provenance.cli.sbom_merge import merge
from provenance.cli.sbom_quality import quality
from provenance.cli.sbom_show import show_document
from provenance.cli.sbom_validate import validate

__all__ = ["sbom"]


@click.group()
def sbom() -> None:
    """Make and look at SBOMs."""


sbom.add_command(generate)
sbom.add_command(convert)
sbom.add_command(show_document)
sbom.add_command(validate)
sbom.add_command(quality)
sbom.add_command(diff)
sbom.add_command(merge)
sbom.add_command(licenses)
sbom.add_command(why)
sbom.add_command(tree)
