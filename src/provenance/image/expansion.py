"""Matches that only links make: `lib -> usr/lib` lets `lib/dpkg/status` match.

Loops and links to nothing are passed over: they match nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from provenance.image.names import Globs, glob_pattern, steps
from provenance.image.tar import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.image.tree import Tree

__all__ = ["Expansion"]


class Expansion:
    """Which globs match through a symbolic link: at its own name, or below it as a directory."""

    def __init__(self, tree: Tree, globs: Sequence[str]) -> None:
        """Prepare for the links of `tree`."""
        self._tree = tree
        self._sorted: list[str] | None = None
        self._rules: list[tuple[str, list[str], bool]] = []
        for glob in globs:
            parts = steps(glob)
            for count in range(1, len(parts) + 1):
                if parts[count - 1] != "**" or count == len(parts):
                    prefix = parts[:count]
                    self._rules.append(("/".join(prefix), parts[count:], "**" in prefix))
        self._any = Globs(prefix for prefix, _, _ in self._rules)

    def through(self, link: str, direct: set[str]) -> Iterator[tuple[str, str]]:
        """Pairs of path and real path of the files that match through this link.

        Args:
            link: path of a symbolic link.
            direct: real paths that match by themselves.
        """
        if not self._any(link) or (real := self._tree.find(link)) is None:
            return
        for prefix, rest, anywhere in self._rules:
            if glob_pattern(prefix).fullmatch(link) is None:
                continue
            for path, target in self._below(link, real, rest):
                # Where `**` reaches the target under its real name, once is enough.
                if not (anywhere and rest and target in direct):
                    yield path, target

    def _below(self, link: str, real: str, rest: list[str]) -> Iterator[tuple[str, str]]:
        if not any(set(step) & set("*?[") for step in rest):
            target = self._tree.find("/".join([real, *rest]))
            if target is not None and self._tree.kind(target) is Kind.FILE:
                yield "/".join([link, *rest]), target
            return
        pattern = glob_pattern("/".join(rest))
        start = f"{real}/" if real else ""
        for name in self._names(start):
            below = name[len(start) :]
            target = self._tree.find(name) if pattern.fullmatch(below) else None
            if target is not None and self._tree.kind(target) is Kind.FILE:
                yield f"{link}/{below}", target

    def _names(self, start: str) -> Iterator[str]:
        if self._sorted is None:
            self._sorted = sorted(self._tree.nodes)
        for index in range(bisect_left(self._sorted, start), len(self._sorted)):
            if not self._sorted[index].startswith(start):
                return
            yield self._sorted[index]
