"""Values by glob, looked up by path: for tables of globs that every name of an image is held to.

Nearly every glob ends in a name (`status`), an ending (`*.jar`) or the beginning of a name
(`python3.*`), or stands below a named directory (`status.d/*`): a dictionary for each of these
leaves few names that a pattern is tried on, and patterns that no name comes to are not compiled.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

from provenance.image.names import glob_pattern

__all__ = ["GlobTable", "is_wild"]

V = TypeVar("V")
_BEGINNINGS = (4, 3)  # characters of a name, the more the better
_NOTHING: tuple[Any, ...] = ()
_WILD = re.compile(r"[*?\[]")
_WILD_PART = re.compile(r"(?:\*\*/|\[(?:[^/][^\]/]*\]?)?|[*?])+")


def is_wild(glob: str) -> bool:
    """Whether it is more than a path."""
    return _WILD.search(glob) is not None


class GlobTable(Generic[V]):
    """Filled by `add`, then asked."""

    def __init__(self) -> None:
        """Start empty."""
        self._by_name: dict[str, list[tuple[_Glob, V]]] = {}
        self._by_ending: dict[str, list[tuple[_Glob, V]]] = {}
        self._by_parent: dict[str, list[tuple[_Glob, V]]] = {}
        self._by_beginning: dict[str, list[tuple[_Glob, V]]] = {}
        self._others: list[tuple[_Glob, V]] = []
        self._hints: set[str] = set()  # every key of the above

    def add(self, glob: str, value: V) -> None:
        """Give `value` to the paths that `glob` matches."""
        self._group(glob).append((_Glob(glob), value))

    def _group(self, glob: str) -> list[tuple[_Glob, V]]:
        *above, last = glob.split("/")
        if not is_wild(last):
            return self._keyed(self._by_name, last)
        ending = last.rpartition(".")[2]
        # A bracket there may close a set, and the dot be one of its letters.
        if "." in last and ending and "]" not in ending and not is_wild(ending):
            return self._keyed(self._by_ending, ending)
        if above and last != "**" and not is_wild(above[-1]):
            return self._keyed(self._by_parent, above[-1])
        for length in _BEGINNINGS:
            if len(last) > length and not is_wild(last[:length]):
                return self._keyed(self._by_beginning, last[:length])
        return self._others

    def _keyed(self, groups: dict[str, list[tuple[_Glob, V]]], key: str) -> list[tuple[_Glob, V]]:
        self._hints.add(key)
        return groups.setdefault(key, [])

    @property
    def words(self) -> frozenset[str] | None:
        """One of these every path that a glob matches has, as `Screen.words` says; None: unknown.

        A path without any is matched by none.
        """
        if self._others:
            return None
        endings = (name.rpartition(".")[2] for name in self._by_name)
        return frozenset((*endings, *self._by_ending, *self._by_parent, *self._by_beginning))

    def __call__(self, path: str) -> tuple[V, ...]:
        """The values of the globs that match `path`, none twice, in the order of their groups."""
        at = path.rfind("/") + 1
        name = path[at:]
        parent = path[path.rfind("/", 0, at - 1) + 1 : at - 1] if at else ""
        ending = name[name.rfind(".") + 1 :]
        # So with nearly every name of an image.
        if not self._others and self._hints.isdisjoint((name, ending, parent, name[:4], name[:3])):
            return _NOTHING
        groups = (
            self._by_name.get(name, _NOTHING),
            self._by_ending.get(ending, _NOTHING),
            self._by_parent.get(parent, _NOTHING),
            self._by_beginning.get(name[:4], _NOTHING),
            self._by_beginning.get(name[:3], _NOTHING),
            self._others,
        )
        return tuple(
            dict.fromkeys(value for group in groups for glob, value in group if glob.matches(path))
        )


class _Glob:
    """A glob, compiled when it is first needed."""

    __slots__ = ("_glob", "_needed", "_tail")

    def __init__(self, glob: str) -> None:
        self._glob = glob
        # What every path that matches holds: the longest part without a wildcard.
        self._needed = max(_WILD_PART.split(glob), key=len)
        tail = glob.removeprefix("**/")
        self._tail = tail if tail != glob and not is_wild(tail) else ""

    def matches(self, path: str) -> bool:
        tail = self._tail
        if tail:
            return path.endswith(tail) and (len(path) == len(tail) or path[-len(tail) - 1] == "/")
        return self._needed in path and glob_pattern(self._glob).fullmatch(path) is not None
