"""The write-ahead log beside an SQLite database (`rpmdb.sqlite-wal`).

rpm's database is in WAL mode. A clean exit leaves an empty log or none; an image may hold one whose
pages the database does not have yet, so that the database alone states packages that were removed
and versions that were replaced. The two are two files, each read for itself and cached with its
layer. So each leaves a record of its pages, numbers only, and `replay` walks the tree with the
log's pages in the place of the database's. The log's own rows are read into packages where it is
read, the others are the database's.

    head    32 bytes: magic 0x377f0682 or ...83 (order of the checksum's words), version 3007000,
            page size, checkpoint, two salts, two words of checksum                (big-endian)
    frame   24 bytes: page number, pages of the database after a commit or 0, the salts, checksum;
            then the page. The checksum goes on from frame to frame.

Frames count up to the last commit before the first one with another salt or a wrong checksum.

Source: https://www.sqlite.org/fileformat2.html section 4.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.catalog.ecosystems.rpm.blobs import Blob, Budget, Fault
from provenance.catalog.ecosystems.rpm.sqlite import (
    Leaf,
    Pages,
    Tree,
    blob_column,
    parse_page,
    read_row,
    table_root,
)
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from mmap import mmap

    from provenance.catalog.ecosystems.rpm.sqlite import Cell

__all__ = ["Log", "record", "replay"]

_MAX_LOG = 32 << 20  # bytes of frames that are checked; SQLite empties its log at 4 MiB
_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}
_VERSION = 3007000
_HEAD = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    for one, two in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def committed_pages(body: bytes | mmap) -> tuple[Pages | None, bool]:
    """The newest committed version of each page in a log, and whether the log was read whole."""
    if len(body) < _HEAD.size:
        return None, True
    magic, version, size, _, *salts, first, second = _HEAD.unpack_from(body)
    if magic not in _ORDERS or version != _VERSION or not 512 <= size <= 65536 or size & (size - 1):
        return None, True
    order = _ORDERS[magic]
    sums = _checksum(body[:24], order, (0, 0))
    if sums != (first, second):
        return None, True
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    last = 0
    for at in range(_HEAD.size, len(body) - size - _FRAME.size + 1, _FRAME.size + size):
        page, length, *own_salts, first, second = _FRAME.unpack_from(body, at)
        if own_salts != salts or not page:
            break
        if at > _MAX_LOG:
            return None, False
        start = at + _FRAME.size
        sums = _checksum(body[at : at + 8] + body[start : start + size], order, sums)
        if sums != (first, second):
            break
        pending[page] = start
        if length:
            committed |= pending
            pending.clear()
            last = length
    found = {page: start for page, start in committed.items() if page <= last}
    top = found.get(1)
    unused = body[top + 20] if top is not None else 0
    return Pages(body, size, size - unused, found), True


@dataclass(slots=True)
class Log:
    """One log, read."""

    tree: Tree = field(default_factory=Tree)
    """Of its pages that belong to `Packages` or, being interior pages, may do so."""

    def blobs(self, body: bytes | mmap) -> Iterator[Blob | Fault]:
        """The headers that lie wholly in the log, whether the table still has their rows or not."""
        pages, whole = committed_pages(body)
        if pages is None or pages.offsets is None:
            if not whole:
                yield Fault(f"a write-ahead log of more than {_MAX_LOG >> 20} MiB is not read")
            return
        budget = Budget(len(body))
        for number in pages.offsets:
            for cell in self._rows(pages, number):
                if cell.overflow and cell.overflow not in pages.offsets:
                    continue  # the rest of it, unchanged, is in the database
                found = read_row(pages, cell, budget)
                if isinstance(found, Blob):
                    yield found
                if budget.exhausted:
                    yield budget.fault()
                    return

    def _rows(self, pages: Pages, number: int) -> Sequence[Cell]:
        """The cells of one page if it belongs to `Packages`. Notes what the page is."""
        try:
            parsed = parse_page(pages.get(number), number, pages.usable)
        except MalformedDocument:
            return ()  # most pages are of indexes, or the rest of a row
        if not isinstance(parsed, Leaf):
            self.tree.inner[number] = parsed
            return ()
        encoding = int.from_bytes(pages.get(1)[56:60])
        for cell in parsed.cells:
            self.tree.root = self.tree.root or table_root(cell.local, encoding)
        if any(blob_column(cell.local, cell.size) is None for cell in parsed.cells):
            return ()  # of another table
        self.tree.leaves[number] = [cell.key for cell in parsed.cells]
        return parsed.cells


def record(tree: Tree, purls: Mapping[str, str]) -> dict[str, Any]:
    """What is kept of a file: its pages, and by key the package of each row it holds whole."""
    return {
        "root": tree.root,
        "inner": [[page, *children] for page, children in tree.inner.items()],
        "leaves": [[page, *keys] for page, keys in tree.leaves.items()],
        "packages": dict(purls),
    }


def replay(
    database: Mapping[str, Any], log: Mapping[str, Any]
) -> Iterator[tuple[str, str] | Fault]:
    """The rows that the table has with the log applied, from the records of both files.

    Yields:
        The purl of the package that the log holds in a row, and of the one that the database
        holds; either may be empty, and both are for a row that is no package.
    """
    nodes: dict[int, tuple[bool, list[Any]]] = {}
    for one in (database, log):
        nodes |= {page: (False, children) for page, *children in one["inner"]}
        nodes |= {page: (True, keys) for page, *keys in one["leaves"]}
    ours, theirs = log["packages"], database["packages"]
    stack = [log["root"] or database["root"]]
    while stack:
        page = stack.pop()
        # Taken out, so that a ring of pages ends.
        is_leaf, items = nodes.pop(page, (True, None))
        if items is None:
            yield Fault(f"page {page} of the table Packages is not there, or is part of two trees")
        elif not is_leaf:
            stack.extend(reversed(items))
        else:
            for key in items:
                if key not in ours and key not in theirs:
                    yield Fault(f"row {key.partition(':')[0]} of the table Packages is incomplete")
                else:
                    yield ours.get(key, ""), theirs.get(key, "")
