"""`sbom`: make and look at SBOMs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import echo, show, show_json
from provenance.cli.session import image_argument, output_option, platform_option, settings

if TYPE_CHECKING:
    from provenance.sbom import Sbom

__all__ = ["sbom"]


@click.group()
def sbom() -> None:
    """Make and look at SBOMs."""


@sbom.command()
@image_argument
@platform_option
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="cyclonedx-json (the default), spdx-json, cyclonedx-1.6, spdx-2.3, or table; repeatable.",
)
def generate(image: str, platform: str | None, outputs: tuple[str, ...]) -> None:
    """List what is installed in IMAGE."""
    from provenance.catalog import generate_sbom
    from provenance.sbom import Format

    wanted = [(name, file) for name, _, file in (o.partition("=") for o in outputs)]
    wanted = wanted or [("cyclonedx-json", "")]
    for name, _ in wanted:
        if name != "table":
            Format.parse(name)  # before the work, so that a typing error costs nothing
    made = generate_sbom(image, platform=platform, settings=settings())
    for name, file in wanted:
        if name == "table":
            _show(made)
        elif file:
            made.write(Path(file), format=name)
        else:
            click.echo(made.to_bytes(name).decode())
    for finding in made.findings:
        click.echo(f"note: {finding.rule}: {finding.message} ({finding.pointer})", err=True)


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
    _show(found, kind)


def _show(found: Sbom, kind: str | None = None) -> None:
    from provenance.display.terminal import facts, grid

    packages = found.packages.where(type=kind)
    show(
        facts(
            {
                "describes": found.subject or "nothing it names",
                "format": found.format.value,
                "packages": ", ".join(f"{n} {k}" for k, n in packages.types().items()) or "none",
            }
        ),
        grid(("name", "version", "type", "licences", "path", "layer"), packages.rows()),
    )
    for finding in found.findings:
        echo(f"note: {finding.rule}: {finding.message} ({finding.pointer})")
