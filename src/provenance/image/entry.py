"""What a layer's tar is read into: entries, and whom they are told."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["KINDS", "Entry", "Feed", "Kind", "Screen", "Visitor"]


class Kind(enum.IntEnum):
    """What an entry is."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    HARDLINK = 3
    OTHER = 4
    """Devices, pipes."""


KINDS = {
    ord("0"): Kind.FILE,
    ord("7"): Kind.FILE,
    ord("S"): Kind.FILE,
    ord("1"): Kind.HARDLINK,
    ord("2"): Kind.SYMLINK,
    ord("3"): Kind.OTHER,
    ord("4"): Kind.OTHER,
    ord("5"): Kind.DIRECTORY,
    ord("6"): Kind.OTHER,
}
"""The type flag of a header to what its entry is."""


class Entry(NamedTuple):
    """One entry of a layer."""

    path: str
    """Below the root, cleaned; empty for the root."""
    kind: Kind
    size: int
    """Bytes of a file, holes included."""
    mode: int
    """Permission bits."""
    link: str = ""
    """Target of a symbolic link as written; path that a hard link shares."""
    data: bytes | None = None
    """The body, for those who keep it with the entry."""
    sparse: bool = False
    """Has holes: its body is not read."""


Feed: TypeAlias = "Callable[[memoryview], object]"
"""Takes the next bytes of a body; the view is good during the call only."""


class Screen(NamedTuple):
    """What a file has that somebody may take: nobody takes one without any of it."""

    words: frozenset[str]
    """One of these is what follows the last dot of its name (the name, if it has none), or its
    first three or four letters, or the name of its directory."""
    heads: Collection[bytes]
    """Or these are its first four or two bytes, and it is larger than `small`."""
    small: int


class Visitor(Protocol):
    """Who is told of a tar's entries, in their order."""

    @property
    def screen(self) -> Screen | None:
        """What tells files that nobody takes; None: `open` is to be asked about each."""
        ...

    def is_itself(self, directory: str, /) -> bool:
        """Whether its files lie at this path, and their names mean nothing else."""
        ...

    def passed(self, directory: str, paths: list[str], /) -> None:
        """Regular files of a directory that `is_itself`, of which the screen says: nobody's."""
        ...

    def folder(self, path: str, mode: int, /) -> None:
        """A directory."""
        ...

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        """A regular file, and who takes its body, which begins with `head` (up to four bytes).

        None: nobody takes it, and no more is said of this file.
        """
        ...

    def file(self, path: str, size: int, mode: int, /) -> None:
        """The file last asked about, after its body was taken."""
        ...

    def other(self, entry: Entry, /) -> None:
        """A link, a device; a sparse file, whose body is not read."""
        ...
