"""What a cataloger is: which files it reads, and pure functions from them to packages.

Two functions do the work::

    read      one matched file -> packages and facts; runs while its layer streams by, layers in
              parallel, and what it yields is cached with the layer
    complete  what is left once all layers lie on each other -> packages with what other files say

A cataloger that needs no other file than the one it reads has no `complete`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from mmap import mmap

    from provenance.digests import Digest
    from provenance.packages.os_release import OsRelease

__all__ = [
    "Again",
    "Cataloger",
    "Fact",
    "Item",
    "MatchedFile",
    "Owned",
    "Problem",
    "Relation",
    "Remaining",
    "Requirement",
    "Sink",
    "root_of",
    "stanzas",
]

_VENDOR = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class MatchedFile:
    """A regular file that a cataloger asked for."""

    path: str
    """Path in the image, without a leading slash: the file's own, or that by way of a link where
    only this is a name that is read."""
    layer: Digest | None
    """The layer (as stored) it is from; None in a directory."""
    size: int
    """Bytes."""
    mode: int
    """Permission bits."""
    body: bytes | mmap = field(repr=False, default=b"")
    """The bytes; of a large file a map of a temporary copy, whose slices are bytes. Empty while a
    `Sink` is fed."""

    def text(self) -> str:
        """The body as UTF-8, what is none replaced."""
        return str(self.body, "utf-8", "replace")

    @property
    def location(self) -> Location:
        """The place that packages found in it state."""
        return Location(self.path, self.layer)


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read: kept, as it may hide a package. Becomes a finding."""

    path: str
    message: str
    line: int = 0
    """First line of the record, 0 where lines mean nothing."""


class Failure(Problem):
    """A cataloger's own failure: what it would have found is missing."""


class Fact(NamedTuple):
    """What a file says that is no package yet, for `complete`.

    `value` is text, bytes, numbers, or lists and dicts with string keys of these: it is kept in
    the layer cache.
    """

    kind: str
    """The cataloger's own word, e.g. `licenses`."""
    key: str
    """What it is about, e.g. root and name of a package."""
    value: Any


class Owned(NamedTuple):
    """The files that a package installed."""

    purl: str
    paths: Sequence[str]
    """Paths in the image, without a leading slash, as the database writes them."""
    hashes: Sequence[str] = ()
    """`algorithm:hex` a path, empty where unknown; or none at all."""


class Relation(NamedTuple):
    """An edge between two packages, by purl."""

    source: str
    kind: str
    """`depends-on`, or `contains`: the target lies inside of the source."""
    target: str


class Again(NamedTuple):
    """Asked by a `Sink`: `read` has to see this whole file, in a second pass."""

    path: str


Item: TypeAlias = Package | Fact | Problem | Relation | Again
"""What reading one file yields."""

Requirement: TypeAlias = tuple[str, ...]
"""One need: names of which any one will do, best first."""


class Sink(Protocol):
    """Takes a file's bytes as they stream by, where keeping them all would be too much."""

    def feed(self, data: memoryview, /) -> bool | None:
        """The next bytes. The view is only good during the call. True: no more are needed."""
        ...

    def close(self) -> Iterable[Item]:
        """What the file yields, after its last byte."""
        ...


@dataclass(frozen=True, slots=True)
class Remaining:
    """What one cataloger read in the files that are left once all layers lie on each other."""

    packages: Sequence[Package]
    """Each with the layer since which it is there."""
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Kind to key to value."""
    releases: Mapping[str, OsRelease] = field(default_factory=dict)
    """The distributions, by root: empty, or ending in `/`."""
    real: Callable[[str], str | None] = str
    """The real path behind one whose steps may be links; None: the links form a loop."""

    def of(self, kind: str) -> Mapping[str, Any]:
        """The facts of one kind, by key."""
        return self.facts.get(kind, {})

    def vendor(self, root: str, default: str) -> tuple[str, str]:
        """Namespace and `distro` qualifier of purls below `root`.

        Without a usable os-release: the namespace that the database's format implies, no distro.
        """
        release = self.releases.get(root)
        if release is None or _VENDOR.fullmatch(release.id) is None:
            return default, ""
        return release.id, release.distro


@dataclass(frozen=True, slots=True)
class Cataloger:
    """How the packages of one ecosystem are found."""

    name: str
    version: int
    """Raised with every change of what it yields: cached layers of another version are not used."""
    types: tuple[str, ...]
    """The purl types it yields."""
    read: Callable[[MatchedFile], Iterable[Item]]
    """Pure: what one file states. Never raises for what the file holds: a `Problem` says it."""
    paths: tuple[str, ...] = ()
    """Globs of the files it reads: `**` any steps, `*`, `?`, `[...]` within one."""
    file_lists: tuple[str, ...] = ()
    """Globs of files that are read too where the files of packages are asked for."""
    magic: tuple[bytes, ...] = ()
    """First four or two bytes of the files it reads whatever their name, if over 4 KiB."""
    stream: Callable[[MatchedFile], Sink | None] | None = None
    """Asked for each matched file, whose body is empty: a sink for its bytes, or None to pass it.
    Without `stream` the whole body is kept and `read`."""
    complete: Callable[[Remaining], Iterable[Package | Owned | Relation | Problem]] | None = None
    """Pure: the packages that are left, with what other files say of them; None: as they were
    read."""
    requirements: Callable[[Package], Iterable[Requirement]] | None = None
    """Pure: what a package's `depends` ask for by name, among the packages of this cataloger."""


def root_of(path: str, *suffixes: str) -> str:
    """What stands before the first of `suffixes` that `path` ends with: empty or ending in `/`."""
    for suffix in suffixes:
        if path == suffix or path.endswith("/" + suffix):
            return path[: -len(suffix)]
    return ""


def stanzas(text: str) -> Iterator[tuple[int, list[str]]]:
    """Blocks of lines between empty ones, each with the number of its first line, from 1."""
    block: list[str] = []
    start = 1
    # Only \n ends a line: a form feed in a description must not begin a field.
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if line.strip(" \t"):
            if not block:
                start = number
            block.append(line)
        elif block:
            yield start, block
            block = []
    if block:
        yield start, block
