"""`Dependencies`: why is it here. Typed edges and quality of graphs come with later formats."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.packages.package import Package

__all__ = ["Dependencies"]

_MAX_PATHS = 1000


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Which package needs which."""

    packages: tuple[Package, ...]
    edges: Mapping[str, tuple[str, ...]]
    """Identifier to identifiers, as the document has them."""

    def __len__(self) -> int:
        return sum(len(set(targets)) for targets in self.edges.values())

    def of(self, package: Package) -> tuple[Package, ...]:
        """What `package` needs."""
        by_id = self._by_id()
        return tuple(by_id[t] for t in self.edges.get(package.id, ()) if t in by_id)

    def paths_to(self, purl: str, *, limit: int = _MAX_PATHS) -> tuple[tuple[Package, ...], ...]:
        """Every shortest way from a package nobody needs down to `purl`: each introducer once.

        Args:
            purl: the package asked for, with or without qualifiers.
            limit: most paths to return.

        Returns:
            Paths, introducer first; empty when it is not there. A package that nobody needs
            is a path of its own.
        """
        return tuple(_first(self._paths(purl), limit))

    def _paths(self, purl: str) -> Iterator[tuple[Package, ...]]:
        by_id = self._by_id()
        needed_by: dict[str, list[str]] = {}
        for source, targets in self.edges.items():
            if source in by_id:
                for target in dict.fromkeys(targets):
                    needed_by.setdefault(target, []).append(source)
        wanted = [p for p in self.packages if p.purl == purl or p.purl.partition("?")[0] == purl]
        for goal in wanted:
            following: dict[str, str] = {goal.id: ""}
            waiting = deque([goal.id])
            found_root = False
            while waiting:
                at = waiting.popleft()
                parents = needed_by.get(at, [])
                if not parents:
                    found_root = True
                    yield _walk(at, following, by_id)
                for parent in parents:
                    if parent not in following:
                        following[parent] = at
                        waiting.append(parent)
            if not found_root:  # only cycles lead here
                yield (goal,)

    def _by_id(self) -> dict[str, Package]:
        return {p.id: p for p in self.packages if p.id}


def _walk(
    at: str, following: Mapping[str, str], by_id: Mapping[str, Package]
) -> tuple[Package, ...]:
    path = []
    while at:
        if at in by_id:
            path.append(by_id[at])
        at = following[at]
    return tuple(path)


def _first(paths: Iterator[tuple[Package, ...]], limit: int) -> Iterator[tuple[Package, ...]]:
    for count, path in enumerate(paths):
        if count >= limit:
            return
        yield path
