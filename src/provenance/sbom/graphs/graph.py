"""`Dependencies`: why is it here, what needs it, what goes round in circles.

Nothing here calls itself or looks at a pair of packages twice: depth and size are a stranger's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.sbom.graphs.cycles import strong_components
from provenance.sbom.same_purls import is_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from networkx import MultiDiGraph

    from provenance.packages.package import Package

__all__ = ["CONTAINS", "DEPENDS_ON", "Dependencies", "Edge", "Step"]

DEPENDS_ON, CONTAINS = "depends-on", "contains"
_MAX_PATHS = 1000
_MAX_GOALS = 100  # packages of one purl that are asked about
_MAX_STEPS = 1_000_000  # packages in all paths of one answer
_DRAWN = 200
_FIELDS = attrgetter("name", "version", "purl")
_COLUMNS = (
    *("kind", "source", "source_version", "source_purl"),
    *("target", "target_version", "target_purl"),
)


class Edge(NamedTuple):
    """From one package to another."""

    kind: str
    """`depends-on` or `contains`."""
    source: Package
    target: Package


class Step(NamedTuple):
    """One line of a tree."""

    level: int
    """0 for what nobody needs."""
    package: Package
    again: bool
    """It stood in the tree before, what it needs stands there."""


@dataclass(frozen=True, repr=False)
class Dependencies:
    """Which package needs which, and which lies inside of which. `len()` counts what is needed."""

    packages: tuple[Package, ...]
    edges: Mapping[str, tuple[str, ...]]
    """Identifier to identifiers of what it needs, as the document has them."""
    contains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Identifier to identifiers of what lies inside of it."""

    def __len__(self) -> int:
        return sum(len(set(targets)) for targets in self.edges.values())

    def __repr__(self) -> str:
        inside = sum(map(len, self.contains.values()))
        within = f", {inside:,} within another" if inside else ""
        return f"Dependencies({len(self.packages):,} packages, {len(self):,} needed{within})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what is stated, not what was worked out from it."""
        return Dependencies, (self.packages, dict(self.edges), dict(self.contains))

    def of(self, package: Package) -> tuple[Package, ...]:
        """What `package` needs."""
        at = self._places.get(package.id)
        return () if at is None else self._at(self._needs[at])

    def needed_by(self, package: Package) -> tuple[Package, ...]:
        """What needs `package` itself."""
        at = self._places.get(package.id)
        return () if at is None else self._at(_turned(self._needs)[at])

    def dependents(self, package: Package) -> tuple[Package, ...]:
        """Everything that would miss `package`: what needs or contains it, directly or not."""
        at = self._places.get(package.id)
        if at is None:
            return ()
        above = _levels([at], self._parents)
        return self._at(sorted(above.keys() - {at}))

    @cached_property
    def roots(self) -> tuple[Package, ...]:
        """What no other package needs or contains."""
        return self._at([at for at, above in enumerate(self._parents) if not above])

    @cached_property
    def orphans(self) -> tuple[Package, ...]:
        """What stands alone: it needs nothing, and nothing needs or contains it."""
        apart = zip(self._children, self._parents, strict=True)
        return self._at([at for at, (down, up) in enumerate(apart) if not down and not up])

    @cached_property
    def cycles(self) -> tuple[tuple[Package, ...], ...]:
        """Groups of packages that all need each other, directly or not."""
        groups = strong_components(self._needs)
        return tuple(
            self._at(sorted(group))
            for group in sorted(groups, key=min)
            if len(group) > 1 or group[0] in self._needs[group[0]]
        )

    @cached_property
    def depth(self) -> int:
        """Edges on the way to the package that is farthest from what nobody needs."""
        roots = [at for at, above in enumerate(self._parents) if not above]
        return max(_levels(roots, self._children).values(), default=0)

    def find(self, purl: str) -> tuple[Package, ...]:
        """The packages of a purl (without qualifiers or version: all of those), else of a name.

        Where none is spelled so, those whose purl is the same in another spelling.
        """
        exact = tuple(p for p in self.packages if p.purl == purl)
        if exact:
            return exact
        if not purl.startswith("pkg:"):
            return tuple(p for p in self.packages if p.name == purl)
        ends = ("?", "#", "@")
        found = tuple(
            p for p in self.packages if p.purl.startswith(purl) and p.purl[len(purl)] in ends
        )
        return found or tuple(p for p in self.packages if is_named(p.purl, purl))

    def paths_to(self, purl: str, *, limit: int = _MAX_PATHS) -> tuple[tuple[Package, ...], ...]:
        """Every shortest way from a package nobody needs down to `purl`: each introducer once.

        Where packages need each other and nobody else needs any of them, the first of them stands
        for the package nobody needs.

        Args:
            purl: the package asked for, with or without qualifiers and version.
            limit: most paths to return; of more than a hundred packages of that purl, the first
                hundred are looked at.

        Returns:
            Paths, introducer first; empty when it is not there. A package that nobody needs
            is a path of its own.
        """
        found: list[tuple[Package, ...]] = []
        steps = 0
        for path in self._paths(purl):
            steps += len(path)
            if len(found) >= limit or steps > _MAX_STEPS:
                break
            found.append(path)
        return tuple(found)

    def _paths(self, purl: str) -> Iterator[tuple[Package, ...]]:
        for package in self.find(purl)[:_MAX_GOALS]:
            goal = self._places.get(package.id)
            if goal is None:
                yield (package,)
                continue
            following: dict[int, int] = {goal: -1}
            waiting = deque([goal])
            while waiting:
                at = waiting.popleft()
                if at in self._tops:
                    yield self._at(_walk(at, following))
                for parent in self._parents[at]:
                    if parent not in following:
                        following[parent] = at
                        waiting.append(parent)

    def walk(self, *, depth: int = 50, limit: int = 10_000) -> Iterator[Step]:
        """A tree: what nobody needs, below each what it needs and contains; each part once.

        Args:
            depth: levels to go down.
            limit: most lines.
        """
        seen: set[int] = set()
        lines = 0
        for start in self._tops:
            waiting = [(0, start)]
            while waiting:
                level, at = waiting.pop()
                if lines == limit:
                    return
                lines += 1
                again = at in seen and bool(self._children[at])
                yield Step(level, self._nodes[at], again)
                if at not in seen and level < depth:
                    waiting += [(level + 1, c) for c in reversed(self._children[at])]
                seen.add(at)

    @cached_property
    def _tops(self) -> Mapping[int, None]:
        """Roots, then the first of each cycle that nothing else leads to: all is below these."""
        roots: list[int] = []
        first: list[int] = []
        for group in strong_components(self._children):
            inside = set(group)
            if all(above in inside for at in group for above in self._parents[at]):
                (first if len(group) > 1 else roots).append(min(group))
        return dict.fromkeys([*sorted(roots), *sorted(first)])

    def typed_edges(self) -> Iterator[Edge]:
        """Every edge between packages that are there, each once."""
        for kind, table in ((DEPENDS_ON, self._needs), (CONTAINS, self._inside)):
            for at, targets in enumerate(table):
                source = self._nodes[at]
                for target in targets:
                    yield Edge(kind, source, self._nodes[target])

    def to_pandas(self) -> pd.DataFrame:
        """A data frame, one row an edge.

        Raises:
            UnsupportedFormat: pandas is not installed.
        """
        from provenance.sbom.tables import needed

        frame: pd.DataFrame = needed("pandas", extra="pandas").DataFrame(
            self._edge_rows(), columns=_COLUMNS
        )
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A row an edge for whatever speaks Arrow: polars and DuckDB take it so."""
        from provenance.sbom.tables import row_table

        table = row_table(dict.fromkeys(_COLUMNS, "str"), self._edge_rows())
        stream: object = table.__arrow_c_stream__(requested_schema)
        return stream

    def _edge_rows(self) -> list[dict[str, str]]:
        return [
            dict(
                zip(
                    _COLUMNS,
                    (kind, *_FIELDS(source), *_FIELDS(target)),
                    strict=True,
                )
            )
            for kind, source, target in self.typed_edges()
        ]

    def to_networkx(self) -> MultiDiGraph[str]:
        """A graph of networkx: nodes by identifier, edges keyed by their kind.

        Raises:
            UnsupportedFormat: networkx is not installed.
        """
        from provenance.sbom.graphs.drawing import networkx_graph

        return networkx_graph(self)

    def to_dot(self, *, to: str = "", limit: int = 10_000) -> str:
        """For Graphviz. Names are quoted.

        Args:
            to: draw only what leads to this purl.
            limit: most edges; more are counted in a comment.
        """
        from provenance.sbom.graphs.drawing import dot

        return dot(self.typed_edges() if not to else self._leading_to(to), limit)

    def to_mermaid(self, *, to: str = "", limit: int = _DRAWN) -> str:
        """For Markdown on a code host. Names are escaped.

        Args:
            to: draw only what leads to this purl.
            limit: most edges; more are counted in a comment.
        """
        from provenance.sbom.graphs.drawing import mermaid

        return mermaid(self.typed_edges() if not to else self._leading_to(to), limit)

    def _leading_to(self, purl: str) -> Iterator[Edge]:
        goals = [self._places[p.id] for p in self.find(purl) if p.id in self._places]
        above = _levels(goals, self._parents)
        for edge in self.typed_edges():
            if self._places[edge.target.id] in above:
                yield edge

    def _at(self, places: Sequence[int]) -> tuple[Package, ...]:
        return tuple(self._nodes[at] for at in places)

    @cached_property
    def _nodes(self) -> tuple[Package, ...]:
        """Packages that an edge can name, the first of each identifier, then all others."""
        named: dict[str, Package] = {}
        rest = []
        for package in self.packages:
            if package.id and package.id not in named:
                named[package.id] = package
            else:
                rest.append(package)
        return (*named.values(), *rest)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for at, package in enumerate(self._nodes):
            if package.id:
                found.setdefault(package.id, at)
        return found

    @cached_property
    def _needs(self) -> list[list[int]]:
        return self._table(self.edges)

    @cached_property
    def _inside(self) -> list[list[int]]:
        return self._table(self.contains)

    @cached_property
    def _children(self) -> list[list[int]]:
        pairs = zip(self._needs, self._inside, strict=True)
        return [list(dict.fromkeys(a + b)) if a and b else a or b for a, b in pairs]

    @cached_property
    def _parents(self) -> list[list[int]]:
        """Without itself: what needs only itself is still needed by nobody."""
        return [
            [above for above in listed if above != at]
            for at, listed in enumerate(_turned(self._children))
        ]

    def _table(self, stated: Mapping[str, tuple[str, ...]]) -> list[list[int]]:
        """Targets of each node, each once, without those that are no packages."""
        places = self._places
        found: list[list[int]] = [[] for _ in self._nodes]
        for source, targets in stated.items():
            if (at := places.get(source)) is not None:
                found[at] = [places[t] for t in dict.fromkeys(targets) if t in places]
        return found


def _turned(table: Sequence[Sequence[int]]) -> list[list[int]]:
    """The other way round."""
    found: list[list[int]] = [[] for _ in table]
    for at, targets in enumerate(table):
        for target in targets:
            found[target].append(at)
    return found


def _levels(starts: Sequence[int], table: Sequence[Sequence[int]]) -> dict[int, int]:
    """What can be reached, with the least number of edges to it."""
    found = dict.fromkeys(starts, 0)
    waiting = deque(starts)
    while waiting:
        at = waiting.popleft()
        for following in table[at]:
            if following not in found:
                found[following] = found[at] + 1
                waiting.append(following)
    return found


def _walk(at: int, following: Mapping[int, int]) -> list[int]:
    path = []
    while at >= 0:
        path.append(at)
        at = following[at]
    return path
