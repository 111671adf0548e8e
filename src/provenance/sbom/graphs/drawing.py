"""Graphs for other programs: Graphviz, Mermaid, networkx. Names are escaped for each."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from provenance.display.text import visible
from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from networkx import MultiDiGraph

    from provenance.packages.package import Package
    from provenance.sbom.graphs.graph import Dependencies, Edge

__all__ = ["dot", "mermaid", "networkx_graph"]

_LABEL = 120
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._/:+~-]", re.ASCII)


def networkx_graph(graph: Dependencies) -> MultiDiGraph[str]:
    """Nodes by identifier with name, version, type and purl; edges keyed by their kind."""
    try:
        import networkx as nx
    except ImportError as error:
        raise UnsupportedFormat(
            "networkx is not installed", hint="pip install 'oci-provenance[graph]'"
        ) from error
    made: MultiDiGraph[str] = nx.MultiDiGraph()
    for number, package in enumerate(graph.packages):
        made.add_node(
            package.id or f"#{number}",
            name=package.name,
            version=package.version,
            type=package.type,
            purl=package.purl,
        )
    for edge in graph.typed_edges():
        made.add_edge(edge.source.id, edge.target.id, key=edge.kind, kind=edge.kind)
    return made


def dot(edges: Iterator[Edge], limit: int) -> str:
    """A digraph in Graphviz' language; what lies inside of another is dashed."""
    drawn = _Drawn(edges, limit)
    lines = ["digraph dependencies {", "  rankdir=LR;", "  node [shape=box];"]
    for number, label in enumerate(drawn.labels):
        quoted = label.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  n{number} [label="{quoted}"];')
    for kind, source, target in drawn.edges:
        style = " [style=dashed]" if kind == "contains" else ""
        lines.append(f"  n{source} -> n{target}{style};")
    if drawn.more:
        lines.append(f"  // {drawn.more:,} more edges")
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(edges: Iterator[Edge], limit: int) -> str:
    """A flowchart in Mermaid's language; what lies inside of another is dotted."""
    drawn = _Drawn(edges, limit)
    lines = ["flowchart LR"]
    for number, label in enumerate(drawn.labels):
        escaped = _NOT_PLAIN.sub(lambda match: f"#{ord(match[0])};", label)
        lines.append(f'  n{number}["{escaped}"]')
    for kind, source, target in drawn.edges:
        lines.append(f"  n{source} {'-.->' if kind == 'contains' else '-->'} n{target}")
    if drawn.more:
        lines.append(f"  %% {drawn.more:,} more edges")
    return "\n".join(lines) + "\n"


class _Drawn:
    """The first edges, with nodes numbered as they come, and how many more there are."""

    def __init__(self, edges: Iterator[Edge], limit: int) -> None:
        self.labels: list[str] = []
        self._numbers: dict[str, int] = {}
        self.edges = [
            (edge.kind, self._number(edge.source), self._number(edge.target))
            for edge in islice(edges, limit)
        ]
        self.more = sum(1 for _ in edges)

    def _number(self, package: Package) -> int:
        number = self._numbers.setdefault(package.id, len(self.labels))
        if number == len(self.labels):
            label = visible(f"{package.name} {package.version}".strip())
            self.labels.append(label if len(label) <= _LABEL else f"{label[:_LABEL]}…")
        return number
