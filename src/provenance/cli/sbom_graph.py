"""`sbom why` and `sbom tree`: what needs what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.printing import echo, show_json
from provenance.cli.sbom_rows import document_argument, print_rows, read_document
from provenance.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.packages.package import Package
    from provenance.sbom.graphs.graph import Dependencies, Step

__all__ = ["tree", "why"]

_FIELDS = ("name", "version", "purl")
_LINES = 1000
_EDGES = {"dot": 10_000, "mermaid": 500}  # more than 500 Mermaid does not draw

_graph_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "csv", "markdown", "html", "mermaid", "dot"]),
    default="text",
    help="What to print; mermaid (for Markdown) and dot (for Graphviz) draw.",
)


@click.command()
@document_argument
@click.argument("package")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Most ways to show; drawings have all.",
)
@_graph_option
def why(document: str, package: str, limit: int, output: str) -> None:
    """Show why PACKAGE is in DOCUMENT: each way from what nobody needs down to it.

    PACKAGE is a purl, with or without version and qualifiers, or a name; `-` reads the document
    from standard input. Exit status: 3 if it is not there.
    """
    graph = read_document(document).dependencies
    found = graph.find(package)
    if not found:
        raise NotFound(
            f"{package} is not in {document}", hint="`provenance sbom show` lists what is"
        )
    if output in ("mermaid", "dot"):
        click.echo(_drawn(graph, output, to=package), nl=False)
        return
    ways = graph.paths_to(package, limit=limit + 1)
    more, ways = len(ways) > limit, ways[:limit]
    if output == "json":
        listed = [[_named(p) for p in way] for way in ways]
        show_json("sbom-why", package=package, ways=listed, more=more)
        return
    if output != "text":
        rows = [
            (way, level, *_named(at).values())
            for way, packages in enumerate(ways, start=1)
            for level, at in enumerate(packages)
        ]
        said = f"{limit:,}, and more" if more else f"{len(ways):,}"
        facts = {"document": document, "package": package, "ways": said}
        print_rows(output, "Why it is here", facts, ("way", "level", *_FIELDS), rows)
        return
    for number, way in enumerate(ways):
        if number:
            click.echo()
        for level, at in enumerate(way):
            echo(f"{'   ' * (level - 1)}└─ {_title(at)}" if level else _title(at))
    if more:
        echo(f"\nmore than {limit} ways: --limit shows them")


@click.command()
@document_argument
@click.option(
    "--depth",
    type=click.IntRange(0, 100),
    default=10,
    show_default=True,
    help="Levels to show below the first; drawings have all.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="Most lines to show, 1000 if not said; most edges of a drawing, 500 and 10,000 for dot.",
)
@_graph_option
def tree(document: str, depth: int, limit: int | None, output: str) -> None:
    """Show what the packages of DOCUMENT need and contain, as a tree.

    `-` reads standard input. What stood in the tree before is marked `(above)`.
    """
    graph = read_document(document).dependencies
    if output in ("mermaid", "dot"):
        click.echo(_drawn(graph, output, limit=limit), nl=False)
        return
    limit = limit or _LINES
    steps = list(graph.walk(depth=depth, limit=limit + 1))
    more, steps = len(steps) > limit, steps[:limit]
    if output == "json":
        lines = [{"level": s.level, **_named(s.package), "again": s.again} for s in steps]
        show_json("sbom-tree", lines=lines, more=more)
        return
    if output != "text":
        cells = [(s.level, *_named(s.package).values(), "yes" if s.again else "") for s in steps]
        said = f"{limit:,}, and more" if more else f"{len(steps):,}"
        facts = {"document": document, "lines": said}
        print_rows(output, "What needs what", facts, ("level", *_FIELDS, "above"), cells)
        return
    for line in _lines(steps):
        echo(line)
    if more:
        echo(f"more than {limit} lines: --limit shows them")


def _lines(steps: list[Step]) -> Iterable[str]:
    """With rules between what belongs together; from below, as only there one knows what ends."""
    lines: list[str] = []
    going_on: set[int] = set()  # levels on which something follows
    for step in reversed(steps):
        rules = "".join("│  " if level in going_on else "   " for level in range(1, step.level))
        corner = ("├─ " if step.level in going_on else "└─ ") if step.level else ""
        above = " (above)" if step.again else ""
        lines.append(f"{rules}{corner}{_title(step.package)}{above}")
        going_on = {level for level in going_on if level < step.level} | {step.level}
    return reversed(lines)


def _drawn(graph: Dependencies, output: str, *, to: str = "", limit: int | None = None) -> str:
    draw = graph.to_dot if output == "dot" else graph.to_mermaid
    return draw(to=to, limit=limit or _EDGES[output])


def _title(package: Package) -> str:
    return f"{package.name} {package.version}".strip()


def _named(package: Package) -> dict[str, str]:
    return {"name": package.name, "version": package.version, "purl": package.purl}
