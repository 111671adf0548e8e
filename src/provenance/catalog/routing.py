"""Which catalogers read a file, by its name or its first bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.image.entry import Screen
from provenance.image.glob_table import GlobTable
from provenance.image.names import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from provenance.catalog.cataloger import Cataloger

__all__ = ["TINY", "Router"]

TINY = 4096
"""Bytes: no program is smaller, and most files are."""
_SHORT = 2  # bytes of the shorter first bytes


class Router:
    """The catalogers' globs and first bytes, as a function of a file."""

    def __init__(self, catalogers: Sequence[Cataloger], *, file_lists: bool = False) -> None:
        """Sort the rules of `catalogers`; with `file_lists`, those for files of packages too."""
        self.catalogers = tuple(catalogers)
        self.globs: dict[str, None] = {}
        """Every glob there is."""
        table = GlobTable[int]()
        self.by_name: Callable[[str], tuple[int, ...]] = table.__call__
        """Path to the positions of the catalogers that have a glob for it, none twice."""
        self.magics: dict[bytes, tuple[int, ...]] = {}
        """First bytes to the catalogers that read a file larger than `TINY` which has them.

        For four, those who ask for the first two of them too.
        """
        for index, cataloger in enumerate(self.catalogers):
            for glob in (*cataloger.paths, *(cataloger.file_lists if file_lists else ())):
                clean = "/".join(steps(glob))
                self.globs[clean] = None
                table.add(clean, index)
            for magic in cataloger.magic:
                self.magics[magic] = (*self.magics.get(magic, ()), index)
        for magic, who in self.magics.items():
            if len(magic) > _SHORT:
                self.magics[magic] = (*who, *self.magics.get(magic[:_SHORT], ()))
        words = table.words
        self.screen = None if words is None else Screen(words, self.magics, TINY)
        """What a file has that a cataloger may read."""
