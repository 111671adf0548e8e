"""Eggs that were not unpacked: archives that hold a distribution and its metadata.

Source: setuptools, "Internals of eggs": `EGG-INFO/` in the archive is what it is in a folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.cataloger import MatchedFile, Problem
from provenance.catalog.ecosystems.zip_archive import BadArchive, Budget, Exhausted, open_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["members"]

_LARGEST = 2 << 20  # bytes of one member
_WANTED = ("EGG-INFO/PKG-INFO", "EGG-INFO/requires.txt")


def members(file: MatchedFile) -> Iterator[MatchedFile | Problem]:
    """The metadata in an egg, each as the file it would be if the egg were a folder."""
    if file.body[:2] != b"PK":
        return  # others use the suffix as well
    try:
        suffixes = tuple(name.encode() for name in _WANTED)
        archive = open_archive(file.body, Budget(file.size), suffixes=suffixes)
        for member in archive.members:
            if member.name in _WANTED:
                data = archive.read(member, limit=_LARGEST)
                path = f"{file.path}!/{member.name}"
                yield MatchedFile(path, file.layer, len(data), file.mode, data)
    except (BadArchive, Exhausted) as error:
        yield Problem(file.path, str(error))
