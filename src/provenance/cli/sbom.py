"""`sbom`: make and look at SBOMs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.generating import generate
from provenance.cli.printing import echo, show, show_json
from provenance.cli.session import output_option

if TYPE_CHECKING:
    from rich.table import Table

    from provenance.sbom import Sbom

__all__ = ["sbom", "sbom_table"]


@click.group()
def sbom() -> None:
    """Make and look at SBOMs."""


sbom.add_command(generate)


@sbom.command("show")
@click.argument("document", type=click.Path())
@click.option("--type", "kind", help="Only packages of this type, e.g. deb.")
@output_option
def show_document(document: str, kind: str | None, output: str) -> None:
    """Show the packages of DOCUMENT; `-` reads standard input."""
    import sys

    from provenance.sbom import read_sbom

    found = read_sbom(sys.stdin.buffer if document == "-" else Path(document))
    packages = found.packages.where(type=kind)
    if output == "json":
        show_json(
            "sbom-show",
            format=found.format.value,
            subject=str(found.subject) if found.subject else None,
            packages=[
                {
                    "name": p.name,
                    "version": p.version,
                    "type": p.type,
                    "purl": p.purl,
                    "licenses": list(p.licenses),
                }
                for p in packages
            ],
            findings=[f"{f.rule}: {f.message} ({f.pointer})" for f in found.findings],
        )
        return
    show(*sbom_table(found, kind))
    for finding in found.findings:
        echo(f"note: {finding.rule}: {finding.message} ({finding.pointer})")


def sbom_table(found: Sbom, kind: str | None = None) -> tuple[Table, Table]:
    """What a document says of itself, and its packages."""
    from provenance.display.terminal import facts, grid

    packages = found.packages.where(type=kind)
    about = {
        "describes": found.subject or "nothing it names",
        "format": found.format.value,
        "packages": ", ".join(f"{n} {k}" for k, n in packages.types().items()) or "none",
    }
    return facts(about), grid(
        ("name", "version", "type", "licences", "path", "layer"), packages.rows()
    )
