"""Installed RPM packages, from each kind of database that rpm has had.

places                                  where they are
reading                                 from a file to packages and facts
header, files, dependencies, licenses   what a header blob says
packages                                from a header to a package
bdb, ndb, sqlite                        databases: files to header blobs
wal                                     the log beside an SQLite database
manifest                                the list of images without a database
completion                              what needs more than one file

Most images have none of this: what knows it is imported with the first file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger
from provenance.catalog.ecosystems.rpm.places import FILES, FOLDERS, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import (
        Item,
        MatchedFile,
        Owned,
        Problem,
        Relation,
        Remaining,
        Requirement,
    )
    from provenance.packages.package import Package

__all__ = ["CATALOGER"]


def _read(file: MatchedFile) -> Iterator[Item]:
    from provenance.catalog.ecosystems.rpm.reading import read

    return read(file)


def _complete(remaining: Remaining) -> Iterable[Package | Owned | Relation | Problem]:
    if not remaining.packages and not remaining.facts:
        return ()
    from provenance.catalog.ecosystems.rpm.completion import complete

    return complete(remaining)


def _requirements(package: Package) -> Iterator[Requirement]:
    from provenance.catalog.ecosystems.rpm.dependencies import requirements

    return requirements(package)


CATALOGER = Cataloger(
    name="rpm",
    version=1,
    types=("rpm",),
    read=_read,
    paths=(
        *(f"**/{folder}/{name}" for folder in FOLDERS for name in FILES),
        f"**/{MANIFEST}",
    ),
    complete=_complete,
    requirements=_requirements,
)
