"""From a database, log or manifest to what it states: the packages, and facts for `completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Fact, Problem
from provenance.catalog.ecosystems.rpm.bdb import bdb_blobs, is_bdb
from provenance.catalog.ecosystems.rpm.blobs import Fault
from provenance.catalog.ecosystems.rpm.completion import FILES, LOG, TREE, file_key
from provenance.catalog.ecosystems.rpm.files import file_list
from provenance.catalog.ecosystems.rpm.header import Header
from provenance.catalog.ecosystems.rpm.manifest import read_manifest
from provenance.catalog.ecosystems.rpm.ndb import is_ndb, ndb_blobs
from provenance.catalog.ecosystems.rpm.packages import package_of
from provenance.catalog.ecosystems.rpm.places import LOG_SUFFIX, MANIFEST
from provenance.catalog.ecosystems.rpm.sqlite import Database, Tree, is_sqlite
from provenance.catalog.ecosystems.rpm.wal import Log, record
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from provenance.catalog.cataloger import Item, MatchedFile
    from provenance.catalog.ecosystems.rpm.blobs import Blob

__all__ = ["read", "read_header"]

_MAX_PROBLEMS = 100
_MAX_PACKAGES = 100_000


def read(file: MatchedFile) -> Iterator[Item]:
    """Yield the packages of a database, log or manifest, told apart by what they begin with."""
    problems = 0
    for item in _read(file):
        if isinstance(item, Problem):
            problems += 1
            if problems > _MAX_PROBLEMS:
                continue
        yield item
    if problems > _MAX_PROBLEMS:
        yield Problem(file.path, f"{problems - _MAX_PROBLEMS} more parts of it cannot be read")


def _read(file: MatchedFile) -> Iterator[Item]:
    body = file.body
    if file.path.endswith(MANIFEST):
        yield from read_manifest(file)
    elif file.path.endswith(LOG_SUFFIX):
        log = Log()
        purls = yield from _headers(file, log.blobs(body))
        if log.tree != Tree():
            yield Fact(LOG, file.path, record(log.tree, purls))
    elif is_sqlite(body):
        database = Database()
        purls = yield from _headers(file, database.blobs(body))
        if database.readable:
            yield Fact(TREE, file.path, record(database.tree, purls))
    elif is_ndb(body):
        yield from _headers(file, ndb_blobs(body))
    elif is_bdb(body):
        yield from _headers(file, bdb_blobs(body))
    elif len(body):
        yield Problem(file.path, "an rpm database of an unknown kind")


def _headers(
    file: MatchedFile, blobs: Iterable[Blob | Fault]
) -> Generator[Item, None, dict[str, str]]:
    """Yield what the headers say; return the purl of each by the database's key, empty for none."""
    purls: dict[str, str] = {}
    for blob in blobs:
        if isinstance(blob, Fault):
            yield Problem(file.path, blob.message)
            continue
        if blob.key in purls:
            continue  # a log may hold one row on two pages, of which the table has one
        if len(purls) >= _MAX_PACKAGES:
            yield Problem(file.path, f"more than {_MAX_PACKAGES} packages; the rest is not read")
            break
        if blob.doubt:
            yield Problem(file.path, blob.doubt)
        purls[blob.key] = yield from read_header(file, blob.data)
    return purls


def read_header(file: MatchedFile, data: bytes) -> Generator[Item, None, str]:
    """Yield what one header says; return its package's purl, empty for none."""
    try:
        header = Header(data)
        package, faults = package_of(header, file.location)
    except MalformedDocument as error:
        yield Problem(file.path, str(error))
        return ""
    if package is None:
        return ""
    yield package
    for fault in faults:
        yield Problem(file.path, f"the package {package.name!r}: {fault}")
    try:
        if files := file_list(header):
            yield Fact(FILES, file_key(file.path, package.purl), files)
    except MalformedDocument as error:
        yield Problem(file.path, f"the file list of the package {package.name!r}: {error}")
    return package.purl
