"""`sbom`: make and look at SBOMs."""

from __future__ import annotations

import click

from provenance.cli.lazy import LazyGroup

__all__ = ["sbom"]

_COMMANDS = {
    "generate": ("generating", "generate", "List what is installed in an image."),
    "fetch": ("sbom_fetch", "fetch", "Print the SBOM of an image that is signed."),
    "show": ("sbom_show", "show_document", "Show the packages of a document."),
    "convert": ("sbom_convert", "convert", "Convert a document to other formats."),
    "diff": ("sbom_diff", "diff", "Show what changed from one document to another."),
    "merge": ("sbom_merge", "merge", "Merge documents of parts into one of the product."),
    "validate": ("sbom_validate", "validate", "Check a document by its official schema."),
    "quality": ("sbom_quality", "quality", "Measure what a document says by NTIA, CISA or BSI."),
    "licenses": ("sbom_licenses", "licenses", "Count licences, and judge them by lists."),
    "why": ("sbom_graph", "why", "Show why a package is there."),
    "tree": ("sbom_graph", "tree", "Show what packages need and contain, as a tree."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def sbom() -> None:
    """Make and look at SBOMs."""
