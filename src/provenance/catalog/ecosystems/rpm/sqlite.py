"""SQLite (`rpmdb.sqlite`; Fedora, RHEL 9 and later): the rows of the table `Packages`.

Read page by page instead of by SQLite itself: SQLite gives up at the first damaged page, wants the
whole file in memory once more, and cannot be asked which pages a row was read from, which is needed
to replay a write-ahead log that only shows up as another file (wal.py).

    table leaf      a cell: payload size, row number, payload; what does not fit goes on in a chain
                    of overflow pages, 4 bytes next page before the rest of each
    table interior  a cell: 4 bytes child page, row number; the last child is in the page's header
    payload         size of its head, a type a column, the columns

Source: https://www.sqlite.org/fileformat2.html sections 1.3, 1.6, 2.1, 2.6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.ecosystems.rpm.blobs import Blob, Budget, Fault
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from mmap import mmap

__all__ = [
    "Cell",
    "Database",
    "Interior",
    "Leaf",
    "Pages",
    "Tree",
    "blob_column",
    "is_sqlite",
    "parse_page",
    "read_row",
    "table_root",
]

MAGIC = b"SQLite format 3\0"
_INTERIOR, _LEAF = 0x05, 0x0D
_FILE_HEAD = 100
_MAX_FAULTS = 1000
_ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}


class Cell(NamedTuple):
    """A row, as a leaf page holds it."""

    row: int
    size: int
    """Bytes of the whole payload."""
    local: bytes
    """What of it is on the page."""
    overflow: int
    """The page where it goes on; 0 where it does not."""

    @property
    def key(self) -> str:
        """Tells whether a cell in another file is this one."""
        return f"{self.row}:{self.size}:{self.overflow}"


class Leaf(NamedTuple):
    """A leaf page of a table."""

    cells: Sequence[Cell]
    damaged: int
    """Cells that could not be read."""


Interior = tuple[int, ...]
"""The children of an interior page, in the order of their rows."""


def is_sqlite(body: bytes | mmap) -> bool:
    """Whether it begins as a database."""
    return body[:16] == MAGIC


def page_size(body: bytes | mmap) -> tuple[int, int]:
    """Bytes of a page, and how many of them are for use. Raises MalformedDocument."""
    if len(body) < 512 or not is_sqlite(body):
        raise MalformedDocument("an SQLite database of less than a page")
    (size,) = struct.unpack_from(">H", body, 16)
    size = 65536 if size == 1 else size
    usable = size - body[20]
    if size < 512 or size & (size - 1) or usable < 480:
        raise MalformedDocument(f"pages of {size} bytes with {body[20]} unused are none of SQLite")
    return size, usable


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages by number, from 1."""

    body: bytes | mmap
    size: int
    usable: int
    offsets: Mapping[int, int] | None = None
    """Where in the body each page is; None: one after the other."""

    def get(self, number: int) -> bytes:
        """One page; empty where there is none."""
        start = (number - 1) * self.size if self.offsets is None else self.offsets.get(number, -1)
        page = self.body[start : start + self.size] if start >= 0 else b""
        return page if len(page) == self.size else b""

    def overflow(self, number: int, size: int) -> bytes:
        """`size` bytes from the chain that begins at `number`. Raises MalformedDocument."""
        chunks: list[bytes] = []
        room = self.usable - 4
        while size > 0:
            page = self.get(number)
            if not page:
                raise MalformedDocument(f"it goes on at page {number}, which is not there")
            chunks.append(page[4 : 4 + min(room, size)])
            size -= room
            number = int.from_bytes(page[:4])
        return b"".join(chunks)


def parse_page(page: bytes, number: int, usable: int) -> Leaf | Interior:
    """One page of a table's tree. Raises MalformedDocument for any other."""
    head = _FILE_HEAD if number == 1 else 0
    kind = page[head]
    if kind not in {_INTERIOR, _LEAF}:
        raise MalformedDocument(f"page {number} is no page of a table")
    (count,) = struct.unpack_from(">H", page, head + 3)
    start = head + (12 if kind == _INTERIOR else 8)
    if start + 2 * count > usable:
        raise MalformedDocument(f"page {number} has no room for its {count} cells")
    pointers = struct.unpack_from(f">{count}H", page, start)
    if kind == _INTERIOR:
        if any(not start <= pointer <= usable - 4 for pointer in pointers):
            raise MalformedDocument(f"a cell of page {number} lies outside of it")
        children = [struct.unpack_from(">I", page, pointer)[0] for pointer in pointers]
        return (*children, struct.unpack_from(">I", page, head + 8)[0])
    cells = []
    room = usable
    for pointer in pointers:
        try:
            cell = _cell(page, pointer, usable)
        except (MalformedDocument, IndexError):
            continue
        # Cells that overlap would make one page as large as the square of it.
        room -= len(cell.local)
        if room < 0:
            break
        cells.append(cell)
    return Leaf(cells, count - len(cells))


def _cell(page: bytes, at: int, usable: int) -> Cell:
    size, at = _varint(page, at)
    row, at = _varint(page, at)
    local = size
    if size > usable - 35:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        if local > usable - 35:
            local = least
    end = at + local
    if end + (4 if local < size else 0) > usable:
        raise MalformedDocument("a cell goes on outside its page")
    overflow = int.from_bytes(page[end : end + 4]) if local < size else 0
    return Cell(row, size, page[at:end], overflow)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to nine bytes and the place behind it. Raises IndexError."""
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for place in range(at + 1, at + 8):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


_WIDTHS = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)


def _columns(payload: bytes) -> list[tuple[int, int, int]]:
    """Type, start and length of each column. Raises IndexError, MalformedDocument."""
    head, at = _varint(payload, 0)
    if head > len(payload) or head > 1000:
        raise MalformedDocument("the head of a row is longer than the row")
    columns = []
    start = head
    while at < head:
        kind, at = _varint(payload, at)
        length = (kind - 12) // 2 if kind >= 12 else _WIDTHS[kind]
        columns.append((kind, start, length))
        start += length
    return columns


def blob_column(payload: bytes, size: int) -> tuple[int, int] | None:
    """Where the second column of `Packages` is, if this row (of `size` bytes) is one of it.

    Its two columns are the row's number, stored as NULL, and the header, a BLOB.
    """
    try:
        columns = _columns(payload)
    except (MalformedDocument, IndexError):
        return None
    if len(columns) != 2 or columns[0][0] != 0:
        return None
    kind, start, length = columns[1]
    if kind < 12 or kind % 2 or start + length > size:
        return None
    return start, length


def table_root(payload: bytes, encoding: int) -> int:
    """The root page of `Packages`, if this row of the schema describes it; else 0."""
    try:
        columns = _columns(payload)
        if len(columns) != 5:
            return 0
        codec = _ENCODINGS.get(encoding, "utf-8")
        kind, name = (
            str(payload[start : start + length], codec, "replace")
            for _, start, length in columns[:2]
        )
    except (MalformedDocument, IndexError):
        return 0
    if kind != "table" or name.lower() != "packages":
        return 0
    _, start, length = columns[3]
    return int.from_bytes(payload[start : start + length])


def leaves(
    pages: Pages, root: int, inner: dict[int, Interior] | None = None
) -> Iterator[tuple[int, Leaf] | Fault]:
    """The leaf pages below `root` with their numbers, in the order of rows.

    Args:
        pages: where pages are.
        root: number of the topmost page.
        inner: takes the interior pages that were passed.
    """
    seen: set[int] = set()
    stack = [root]
    faults = 0
    while stack:
        number = stack.pop()
        page = b"" if number in seen else pages.get(number)
        seen.add(number)
        try:
            if not page:
                raise MalformedDocument(f"page {number} is not there or is part of two trees")
            parsed = parse_page(page, number, pages.usable)
        except MalformedDocument as error:
            yield Fault(f"the table Packages: {error}")
            faults += 1
            if faults > _MAX_FAULTS:
                return
            continue
        if isinstance(parsed, Leaf):
            yield number, parsed
            continue
        stack.extend(reversed(parsed))
        if inner is not None:
            inner[number] = parsed


def find_table(pages: Pages, encoding: int) -> int:
    """The root page of `Packages`, which the tree below page 1 names; 0 where there is none."""
    for found in leaves(pages, 1):
        if isinstance(found, Fault):
            continue
        # The columns before the SQL text are short: what is on the page holds them.
        for cell in found[1].cells:
            if root := table_root(cell.local, encoding):
                return root
    return 0


def read_row(pages: Pages, cell: Cell, budget: Budget) -> Blob | Fault:
    """The header in a row of `Packages`."""
    try:
        if not budget.take(cell.size):
            raise MalformedDocument(f"its {cell.size} bytes are too many")
        payload = cell.local
        if cell.overflow:
            payload += pages.overflow(cell.overflow, cell.size - len(payload))
        place = blob_column(payload, len(payload))
        if place is None:
            raise MalformedDocument("it does not have the two columns of rpm's table")
    except MalformedDocument as error:
        return Fault(f"row {cell.row} of the table Packages: {error}")
    return Blob(cell.key, payload[place[0] : place[0] + place[1]])


@dataclass(slots=True)
class Tree:
    """The pages of the table `Packages`, as a replayed log needs them (wal.py)."""

    root: int = 0
    """0 where there is no such table."""
    inner: dict[int, Interior] = field(default_factory=dict)
    """Interior pages and their children."""
    leaves: dict[int, list[str]] = field(default_factory=dict)
    """Leaf pages and the keys of their cells."""


@dataclass(slots=True)
class Database:
    """One database file, read."""

    tree: Tree = field(default_factory=Tree)
    readable: bool = False
    """Whether it is a database at all."""

    def blobs(self, body: bytes | mmap) -> Iterator[Blob | Fault]:
        """The header blobs, by row."""
        try:
            size, usable = page_size(body)
        except MalformedDocument as error:
            yield Fault(str(error))
            return
        self.readable = True
        pages = Pages(body, size, usable)
        tree = self.tree
        tree.root = find_table(pages, int.from_bytes(body[56:60]))
        if not tree.root:
            return
        budget = Budget(len(body))
        for found in leaves(pages, tree.root, tree.inner):
            if isinstance(found, Fault):
                yield found
                continue
            number, leaf = found
            tree.leaves[number] = [cell.key for cell in leaf.cells]
            if leaf.damaged:
                yield Fault(f"page {number}: {leaf.damaged} rows are damaged")
            for cell in leaf.cells:
                yield read_row(pages, cell, budget)
                if budget.exhausted:
                    yield budget.fault()
                    return
