"""`sbom show`: the packages of a document, as a table or as data."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.printing import echo, finding_fields, show, show_json
from provenance.cli.sbom_rows import document_argument, print_rows, read_document, rows_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from provenance.packages.package import Package
    from provenance.sbom import Packages, Sbom

__all__ = ["sbom_table", "show_document"]

_COLUMNS = ("name", "version", "type", "licences", "path", "layer")
_NAME = 32
_WIDTHS = (_NAME, 12, 6, 14, 24, 19)  # what each needs to be read without much folding
_LEAST = 3


@click.command("show")
@document_argument
@click.option("--type", "kind", help="Only packages of this type, e.g. deb.")
@click.option("--name", help="Only packages of this name.")
@click.option("--license", "license_", help="Only packages that state this licence.")
@click.option(
    "--layer", metavar="DIGEST", help="Only packages of this layer; its beginning will do."
)
@click.option("--path", help="Only packages that were seen at this path.")
@click.option("--limit", type=click.IntRange(min=0), help="Show this many at most.")
@rows_option
def show_document(document: str, limit: int | None, output: str, **asked: str | None) -> None:
    """Show the packages of DOCUMENT; `-` reads standard input."""
    found = read_document(document)
    conditions = {
        "type": asked["kind"],
        "license": asked["license_"],
        **{name: asked[name] for name in ("name", "layer", "path")},
    }
    chosen = found.packages.where(**conditions)
    if output == "json":
        _print_json(found, chosen, limit)
        return
    if output == "csv":
        print_rows(output, "SBOM", {}, *_data(chosen[:limit]))
        return
    if output == "html":
        click.echo(_page(found, chosen, limit), nl=False)
        return
    if output == "markdown":
        facts = _about(found, chosen)
        print_rows(output, "SBOM", facts, _COLUMNS, chosen.rows(limit), total=len(chosen))
        return
    show(*sbom_table(found, chosen, limit=limit, width=_width()))
    if limit is not None and limit < len(chosen):
        echo(f"{len(chosen) - limit:,} more of {len(chosen):,}")
    for finding in found.findings:
        echo(f"note: {finding.rule}: {finding.message} ({finding.pointer})")


def sbom_table(
    found: Sbom,
    chosen: Packages | None = None,
    *,
    limit: int | None = None,
    width: int | None = None,
) -> tuple[Table, Table]:
    """What a document says of itself, and its packages.

    Args:
        found: the document.
        chosen: those of its packages to show; None: all.
        limit: how many of these at most.
        width: columns of text there are; what does not fit is left out, the layer first.
    """
    from provenance.display.terminal import facts, grid

    packages = found.packages if chosen is None else chosen
    rows = packages.rows(limit)
    kept = _fitting(rows, width)
    names = [_COLUMNS[n] for n in kept]
    table = grid(names, [[row[n] for n in kept] for row in rows])
    longest = max((len(row[0]) for row in rows), default=0)
    table.columns[0].min_width = min(longest, _NAME)  # the others fold first
    return facts(_about(found, packages)), table


def _page(found: Sbom, chosen: Packages, limit: int | None) -> str:
    from provenance.display.html import document, page

    facts, rows = _about(found, chosen), chosen.rows(limit)
    body = document("SBOM", facts, _COLUMNS, rows, total=len(chosen), limit=None)
    return page(str(found.subject or "SBOM"), body)


def _about(found: Sbom, packages: Packages) -> Mapping[str, object]:
    kinds = ", ".join(f"{n} {k}" for k, n in packages.types().items())
    return {
        "describes": found.subject or "nothing it names",
        "format": found.format.value,
        "packages": kinds or "none",
    }


def _width() -> int | None:
    """Of the terminal; None where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _fitting(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """The columns that say something, as many as there is room for."""
    kept = [n for n in range(len(_COLUMNS)) if n < _LEAST or any(row[n] for row in rows)]
    if width is None:
        return kept
    needs = [min(_WIDTHS[n], max((len(r[n]) for r in rows), default=0)) + 3 for n in kept]
    while len(kept) > _LEAST and sum(needs) > width:
        kept.pop()
        needs.pop()
    return kept


def _data(packages: Packages) -> tuple[list[str], list[list[str]]]:
    """Everything that goes into a cell, for a spreadsheet."""
    names = ["name", "version", "type", "purl", "licenses", "supplier", "path", "layer"]
    rows = [
        [
            *(p.name, p.version, p.type, p.purl, "; ".join(p.licenses), p.supplier),
            p.locations[0].path if p.locations else "",
            str(p.layer or ""),
        ]
        for p in packages
    ]
    return names, rows


def _print_json(found: Sbom, chosen: Packages, limit: int | None) -> None:
    show_json(
        "sbom-show",
        format=found.format.value,
        subject=str(found.subject) if found.subject else None,
        total=len(chosen),
        packages=[_package(p) for p in chosen[:limit]],
        findings=[finding_fields(f) for f in found.findings],
    )


def _package(p: Package) -> dict[str, Any]:
    return {
        "name": p.name,
        "version": p.version,
        "type": p.type,
        "purl": p.purl,
        "licenses": list(p.licenses),
        "supplier": p.supplier,
        "hashes": dict(p.hashes),
        "locations": [{"path": x.path, "layer": str(x.layer or "") or None} for x in p.locations],
    }
