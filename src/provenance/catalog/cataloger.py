"""What a cataloger is: paths, and a pure function from one file to packages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from provenance.packages.os_release import OsRelease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from provenance.image.file import File
    from provenance.packages.package import Package

__all__ = ["OS_RELEASE", "Cataloger", "Context", "Problem", "Requirement", "root_of", "stanzas"]

OS_RELEASE = ("**/etc/os-release", "**/usr/lib/os-release")
_VENDOR = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be read: kept, as it may hide a package."""

    path: str
    message: str
    line: int = 0
    """First line of the record, 0 where lines mean nothing."""


@dataclass(frozen=True, slots=True)
class Context:
    """The other files a cataloger asked for, by path."""

    files: Mapping[str, File] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file that a context glob matched; None: the image has none."""
        file = self.files.get(path)
        return file.data if file is not None else None

    def os_release(self, root: str = "") -> OsRelease | None:
        """The distribution below `root` (empty or ending in `/`)."""
        for path in ("etc/os-release", "usr/lib/os-release"):
            data = self.read(root + path)
            if data is not None and (release := OsRelease.parse(data)).id:
                return release
        return None

    def vendor(self, root: str, default: str) -> tuple[str, str]:
        """Namespace and `distro` qualifier of purls below `root`.

        Without a usable os-release: the namespace that the database's format implies, no distro.
        """
        release = self.os_release(root)
        if release is None or _VENDOR.fullmatch(release.id) is None:
            return default, ""
        return release.id, release.distro


Requirement: TypeAlias = tuple[str, ...]
"""One need: names of which any one will do, best first."""


@dataclass(frozen=True, slots=True)
class Cataloger:
    """How the packages of one ecosystem are found."""

    name: str
    type: str
    """The purl type it yields."""
    paths: tuple[str, ...]
    """Globs of the files it reads, one at a time."""
    catalog: Callable[[File, Context], Iterator[Package | Problem]]
    """Pure: the packages that one file states."""
    requirements: Callable[[Package], Iterable[Requirement]]
    """Pure: what a package's `depends` ask for."""
    context: tuple[str, ...] = ()
    """Globs of the files it looks things up in."""


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
