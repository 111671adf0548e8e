"""What is left of layer records once all layers lie on each other.

A path p of a lower layer is hidden where an upper layer

    1. has a whiteout of p or of an ancestor, or an opaque marker in an ancestor,
    2. has something that is no directory at an ancestor of p,
    3. has p itself, as whatever.

Whiteouts never act on their own layer. The question is put for a few paths at a time: those that
somebody read, those of links, and what links lead to. The names of the layers stream by once for
each such question; nothing is kept of the others.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from provenance.errors import LimitExceeded
from provenance.image.names import steps

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from provenance.image.record import LayerRecord

__all__ = ["Squash"]

T = TypeVar("T")
_FEW = 16  # prefixes that one comparison of a name can take
_NAME_BYTES = 256 << 20  # of directories above what was read and links, in all layers together
_STEPS = 5_000_000  # of long links that are followed: seconds
_SHORT = 16  # steps of a link that is none
_KNOWN_BYTES = 32 << 20  # of paths whose real path is remembered


class Squash(Generic[T]):
    """The records of an image's layers, bottom first, and what of them is visible."""

    def __init__(self, records: Sequence[LayerRecord[T]], *, hops: int = 40) -> None:
        """Decide on everything that was read and on all symbolic links.

        Args:
            records: one a layer, bottom first.
            hops: links followed for one path.
        """
        self.records = records
        self.hops = hops
        """Links followed for one path."""
        self._real: dict[str, str | None] = {"": ""}
        self._known_bytes = self._walked = 0
        covers = _Covers(records, [[*r.items, *r.symlinks, *r.hardlinks] for r in records])
        every = list(enumerate(records))
        self.symlinks = {
            p: to for i, r in every for p, to in r.symlinks.items() if covers.shows(p, i)
        }
        """Path to target, as written, of the links that are visible."""
        self.hardlinks = {
            p: (i, to) for i, r in every for p, to in r.hardlinks.items() if covers.shows(p, i)
        }
        """Path to layer and the path there whose file it shares."""
        self.items: dict[str, tuple[int, T]] = {
            p: (i, item)
            for i, r in every
            for p, item in r.items.items()
            if _is_name(p) and covers.shows(p, i)
        }
        """Path to layer and what was read, of the files that are visible."""
        self.history = {
            path: older
            for path, (layer, _) in self.items.items()
            if (older := covers.versions(path, layer, records))
        }
        """Path to the layers of older versions, newest first, as long as the file was never away
        between."""
        self.inherited: dict[str, str] = {}
        """Path to the hidden first name, under which its file was read."""
        for alias, (layer, target) in self.hardlinks.items():
            shared = records[layer].items.get(target)
            if shared is not None and self.items.get(target, (-1,))[0] != layer:
                self.items[alias] = layer, shared
                self.inherited[alias] = target.partition("\0")[0]

    def real(self, path: str) -> str | None:
        """The real path behind `path`, every link followed, whether anything is there or not.

        Absolute links start at the root, `..` above it stays there. None: the links form a loop.
        """
        if path in self._real:
            return self._real[path]
        parent, _, name = path.rpartition("/")
        above = self.real(parent) if parent.count("/") < 200 else self._follow(parent)
        found = None if above is None else self._follow(f"{above}/{name}" if above else name)
        self._known_bytes += len(path)
        if self._known_bytes < _KNOWN_BYTES:
            self._real[path] = found
        return found

    def _follow(self, path: str, left: set[str] | None = None) -> str | None:
        todo = deque(steps(path))
        real, hops = "", 0
        while todo:
            step = todo.popleft()
            if step == "..":
                if left is not None and real:
                    left.add(real)
                real = real.rpartition("/")[0]
                continue
            here = f"{real}/{step}" if real else step
            link = self.symlinks.get(here)
            if link is None:
                real = here
                continue
            hops += 1
            if hops > self.hops:
                return None
            if link.startswith("/"):
                real = ""
            further = steps(link)
            todo.extendleft(reversed(further))
            if len(further) > _SHORT:
                self._walked += len(further)
                if self._walked > _STEPS:
                    raise _no_builder(f"symbolic links take more than {_STEPS} steps to follow")
        return real

    def passable(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` that step out (`..`) of nothing but directories that are there."""
        left: dict[str, set[str]] = {path: set() for path in paths}
        size = 0
        for path, passed in left.items():
            self._follow(path, passed)
            size += sum(len(directory) + _SHORT for directory in passed)
            if size > _NAME_BYTES:
                raise _no_builder("symbolic links lead through too many directories")
        there = self.directories(set().union(*left.values())).keys()
        return {path for path, passed in left.items() if passed <= there}

    def locate(self, paths: Iterable[str], *, below: int | None = None) -> dict[str, int]:
        """The layer of each of `paths` (real ones) that is there and no directory.

        Args:
            paths: what is asked for.
            below: look at the layers below this one only.
        """
        wanted, records = set(paths), self.records[:below]
        where = [record.names.among(wanted) for record in records]
        covers = _Covers(records, where)
        return {p: i for i, found in enumerate(where) for p in found if covers.shows(p, i)}

    def directories(self, among: set[str] | None = None) -> dict[str, tuple[int, T | None]]:
        """Path of each directory to the layer whose entry counts, and what it yielded.

        The uppermost entry counts; where none has one, the lowest layer with something below it.

        Args:
            among: those that are asked for; None: all.
        """
        where = [
            list(record.directories) if among is None else record.directories.among(among)
            for record in self.records
        ]
        covers = _Covers(self.records, where)
        found: dict[str, tuple[int, T | None]] = {}
        for layer, record in enumerate(self.records):
            for path in where[layer]:
                item = record.folders.get(path)
                if (item is not None or path not in found) and covers.merges(path, layer):
                    found[path] = layer, item
            if "" in record.folders:  # the root, which nothing takes away
                found[""] = layer, record.folders[""]
        return found

    def below(self, directories: Iterable[str]) -> Iterator[str]:
        """Names of files and links below `directories`, of all layers, hidden or not."""
        prefixes = tuple(f"{d}/" if d else "" for d in directories)
        roots = frozenset(directories)
        for record in self.records:
            for names in record.names.parts():
                if len(prefixes) <= _FEW:
                    yield from (n for n in names if n.startswith(prefixes))
                else:
                    yield from (n for n in names if not roots.isdisjoint(_ancestors(n)))


class _Covers:
    """What lies over the paths that were asked for."""

    def __init__(self, records: Sequence[LayerRecord[T]], asked: Sequence[Collection[str]]) -> None:
        self._top = len(records) - 1
        self._below: dict[str, Sequence[int]] = {}
        self._things: dict[str, list[int]] = {}
        self._directories: dict[str, list[int]] = {}
        self._whiteouts: dict[str, list[int]] = {}
        self._opaques: dict[str, list[int]] = {}
        around = _Around()
        for layer, record in enumerate(records):
            for found, known in (
                (record.names.among(around.paths), self._things),
                (record.directories.among(around.paths), self._directories),
                (record.whiteouts & around.paths, self._whiteouts),
                ((p for p in record.opaques if not p or p in around.paths), self._opaques),
            ):
                for path in found:
                    known.setdefault(path, []).append(layer)
            if layer < self._top:
                around.add(asked[layer])

    def shows(self, path: str, layer: int) -> bool:
        """Whether nothing hides what is no directory in `layer`."""
        return self._things.get(path, (-1,))[-1] <= layer and self._removal(path, layer) is None

    def merges(self, path: str, layer: int) -> bool:
        """Whether a directory of `layer` is part of the one that is visible."""
        return self._removal(path, layer, self._things) is None

    def _removal(
        self, path: str, layer: int, others: Mapping[str, Sequence[int]] | None = None
    ) -> int | None:
        """The lowest layer above `layer` that takes `path` away.

        `others`: what of the same name does so, by default directories, as for a file.
        """
        if layer == self._top:
            return None
        found = [
            first
            for layers in (
                (self._directories if others is None else others).get(path),
                self._whiteouts.get(path),
                self._removals_below(path[: path.rfind("/")] if "/" in path else ""),
            )
            if layers and (first := _above(layers, layer)) is not None
        ]
        return min(found, default=None)

    def _removals_below(self, directory: str) -> Sequence[int]:
        """The layers, ascending, that take away what lower ones have below `directory`."""
        chain: list[str] = []
        while directory and directory not in self._below:
            chain.append(directory)
            directory = directory[: directory.rfind("/")] if "/" in directory else ""
        layers = self._below.get(directory, ()) if directory else self._opaques.get("", ())
        for path in reversed(chain):
            own = [self._things.get(path), self._whiteouts.get(path), self._opaques.get(path)]
            if any(own):
                layers = sorted({*layers, *(x for found in own if found for x in found)})
            self._below[path] = layers
        return layers

    def versions(self, path: str, layer: int, records: Sequence[LayerRecord[T]]) -> list[int]:
        """Layers of older versions, newest first, while the file was never away between."""
        if path not in self._things:
            return []
        first = next(i for i, record in enumerate(records) if path in record.items)
        found = []
        for lower in sorted({*self._things[path], first}, reverse=True):
            if lower >= layer:
                continue
            removed = self._removal(path, lower)
            if path not in records[lower].items or (removed is not None and removed <= layer):
                break
            found.append(lower)
        return found


def _no_builder(what: str) -> LimitExceeded:
    return LimitExceeded(f"the image's {what}", hint="no image builder writes such layers")


def _is_name(path: str) -> bool:
    """Whether the file has this name, and not others only."""
    return "\0" not in path and not path.startswith(".wh..wh.")


def _above(layers: Sequence[int], layer: int) -> int | None:
    """The lowest of ascending `layers` that is above `layer`."""
    if layers[-1] <= layer:
        return None
    return next(x for x in layers if x > layer)


class _Around:
    """Paths, and the directories above them."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._size = 0

    def add(self, paths: Iterable[str]) -> None:
        found = self.paths
        for path in paths:
            found.add(path)
            at = path.rfind("/")
            while at > 0 and (above := path[:at]) not in found:
                found.add(above)
                self._size += at
                at = path.rfind("/", 0, at)
            if self._size > _NAME_BYTES:
                raise _no_builder(f"directories have names of more than {_NAME_BYTES} bytes")


def _ancestors(path: str) -> list[str]:
    found = []
    at = path.rfind("/")
    while at > 0:
        path = path[:at]
        found.append(path)
        at = path.rfind("/")
    return found
