"""Matches that only links make: `lib -> usr/lib` lets `lib/dpkg/status` match.

Loops and links to nothing are passed over: they match nothing. A link to the root, or thousands of
links to one directory, are cheap to write: the work and the matches have a cap.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded
from provenance.image.names import Globs, glob_pattern, steps
from provenance.image.tar import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.image.tree import Tree

__all__ = ["Expansion"]

_WORK = 20_000_000  # steps of paths and names looked at: under a minute
_MATCHES = 200_000  # files that match through links, far above what any image has


class Expansion:
    """Which globs match through a symbolic link: at its own name, or below it as a directory."""

    def __init__(self, tree: Tree, globs: Sequence[str], *, where: str = "") -> None:
        """Prepare for the links of `tree`; errors name `where`."""
        self._tree, self._where = tree, where
        self._sorted: list[str] | None = None
        self._known: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._names_seen = self._matches = 0
        rules: dict[tuple[str, str], None] = {}
        for glob in globs:
            parts = steps(glob)
            for count in range(1, len(parts) + 1):
                if parts[count - 1] != "**" or count == len(parts):
                    rules["/".join(parts[:count]), "/".join(parts[count:])] = None
        self._rules = tuple(rules)
        self._any = Globs(prefix for prefix, _ in rules)

    def through(self, link: str) -> Iterator[tuple[str, str]]:
        """Pairs of path and real path of the files that match through this symbolic link.

        Raises:
            LimitExceeded: following the image's links is too much work.
        """
        if not self._any(link) or (real := self._tree.find(link)) is None:
            return
        for prefix, rest in self._rules:
            if glob_pattern(prefix).fullmatch(link) is None:
                continue
            if (real, rest) not in self._known:
                self._known[real, rest] = list(self._below(real, rest))
            for below, target in self._known[real, rest]:
                self._matches += 1
                yield f"{link}/{below}" if below else link, target
            self._check()

    def _check(self) -> None:
        if self._matches > _MATCHES or self._names_seen + self._tree.walked > _WORK:
            raise LimitExceeded(
                "the image's symbolic links lead to too many files to follow them all",
                hint="ask for fewer or narrower paths",
                reference=self._where,
            )

    def _below(self, real: str, rest: str) -> Iterator[tuple[str, str]]:
        """Pairs of path below `real` and real path of the files that match `rest`."""
        start = f"{real}/" if real else ""
        if not set(rest) & set("*?["):
            target = self._file(start + rest if rest else real)
            if target is not None:
                yield rest, target
            return
        pattern = glob_pattern(rest)
        for name in self._names(start):
            below = name[len(start) :]
            if pattern.fullmatch(below) and (target := self._file(name)) is not None:
                yield below, target

    def _file(self, path: str) -> str | None:
        target = self._tree.find(path)
        return target if target is not None and self._tree.kind(target) is Kind.FILE else None

    def _names(self, start: str) -> Iterator[str]:
        if self._sorted is None:
            self._sorted = sorted(self._tree.nodes)
        for index in range(bisect_left(self._sorted, start), len(self._sorted)):
            self._names_seen += 1
            if not self._names_seen % 100_000:
                self._check()
            if not self._sorted[index].startswith(start):
                return
            yield self._sorted[index]
