"""Berkeley DB (`Packages`; RHEL up to 8, Fedora up to 32): the pages of a hash or a B-tree.

    page 0   8 log position, 4 page number, 4 magic (0x061561 hash, 0x053162 B-tree), 4 version,
             4 page size, 1 encryption, 1 type, 1 flags                         (either byte order)
    page     8 log position, 4 number, 4 previous, 4 next, 2 items, 2 free offset, 1 level, 1 type;
             offsets of the items, 2 bytes each
    hash     items in pairs, key and value, the first byte their kind: 1 inline up to the item
             before it, 3 kept off the page (3 unused, 4 page, 4 length)
    B-tree   2 length, 1 kind (1 inline, 3 off the page as above, 0x80 deleted)
    overflow a page of type 7: the "free offset" is the number of bytes on it

Each page is looked at for itself, whatever bucket it belongs to, so that a damaged one costs its
own packages alone. Free pages have type 0. The key is the package's number; 0 is a counter.

Source: Berkeley DB 5.3, dbinc/db_page.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.catalog.ecosystems.rpm.blobs import Blob, Budget, Fault
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

__all__ = ["bdb_blobs", "is_bdb"]

_MAGICS = {0x00061561, 0x00053162}
_HEAD = 26
_TYPE = 25
_OVERFLOW = 7
_HASH = {2, 13}  # unsorted (before 4.6) and sorted
_LEAF = 5
_INLINE, _OFF_PAGE = 1, 3
_DELETED = 0x80


def _order(body: bytes | mmap) -> str:
    magic = body[12:16]
    for order in "<>":
        if len(magic) == 4 and struct.unpack(f"{order}I", magic)[0] in _MAGICS:
            return order
    return ""


def is_bdb(body: bytes | mmap) -> bool:
    """Whether it begins as one."""
    return bool(_order(body))


def bdb_blobs(body: bytes | mmap) -> Iterator[Blob | Fault]:
    """The header blobs, in the order of the pages."""
    order = _order(body)
    if not order or len(body) < 512:
        yield Fault("a Berkeley DB database of less than a page")
        return
    (size,) = struct.unpack_from(f"{order}I", body, 20)
    if not 512 <= size <= 65536 or size & (size - 1):
        yield Fault(f"pages of {size} bytes are none of Berkeley DB")
        return
    if body[24] or body[26] & 1:
        yield Fault("an encrypted or checksummed Berkeley DB database, as rpm makes none")
        return
    reader = _Reader(body, order, size, Budget(len(body)))
    if len(body) % size:
        yield Fault("the Berkeley DB database ends within a page")
    for number, kind in enumerate(body[_TYPE::size]):
        if kind in _HASH or kind == _LEAF:
            yield from reader.page(number, is_hash=kind != _LEAF)
        if reader.budget.exhausted:
            yield reader.budget.fault()
            return


@dataclass(slots=True)
class _Reader:
    body: bytes | mmap
    order: str
    size: int
    budget: Budget

    def page(self, number: int, *, is_hash: bool) -> Iterator[Blob | Fault]:
        page = self.body[number * self.size : (number + 1) * self.size]
        (items,) = struct.unpack_from(f"{self.order}H", page, 20)
        if len(page) < self.size or _HEAD + 2 * items > self.size or items % 2:
            yield Fault(f"page {number} of the Berkeley DB database is damaged")
            return
        offsets = struct.unpack_from(f"{self.order}{items}H", page, _HEAD)
        ends = (self.size, *offsets) if is_hash else (self.size,) * items
        for index in range(0, items, 2):
            try:
                key = self._key(page, offsets[index], ends[index], is_hash=is_hash)
                if key == 0:
                    continue
                data = self._value(page, offsets[index + 1], ends[index + 1], is_hash=is_hash)
            except (MalformedDocument, struct.error, IndexError) as error:
                yield Fault(f"an item on page {number} of the Berkeley DB database: {error}")
                if self.budget.exhausted:
                    return
                continue
            if data is not None:
                yield Blob(str(key), data)

    def _key(self, page: bytes, start: int, end: int, *, is_hash: bool) -> int:
        data = self._inline(page, start, end) if is_hash else self._leaf_inline(page, start)
        if len(data) != 4:
            raise MalformedDocument(f"its key has {len(data)} bytes instead of 4")
        number: int = struct.unpack(f"{self.order}I", data)[0]
        return number

    def _value(self, page: bytes, start: int, end: int, *, is_hash: bool) -> bytes | None:
        if is_hash:
            kind = page[start]
            if kind == _INLINE:
                return self._taken(self._inline(page, start, end))
        else:
            kind = page[start + 2]
            if kind & _DELETED:
                return None
            if kind == _INLINE:
                return self._taken(self._leaf_inline(page, start))
        if kind != _OFF_PAGE:
            raise MalformedDocument(f"its value is of kind {kind}")
        first, length = struct.unpack_from(f"{self.order}II", page, start + 4)
        return self._overflow(first, length)

    def _inline(self, page: bytes, start: int, end: int) -> bytes:
        if page[start] != _INLINE or start < _HEAD or end <= start:
            raise MalformedDocument("it lies outside the page")
        return page[start + 1 : end]

    def _leaf_inline(self, page: bytes, start: int) -> bytes:
        (length,) = struct.unpack_from(f"{self.order}H", page, start)
        data = page[start + 3 : start + 3 + length]
        if page[start + 2] & ~_DELETED != _INLINE or len(data) < length:
            raise MalformedDocument("it lies outside the page")
        return data

    def _taken(self, data: bytes) -> bytes:
        if not self.budget.take(len(data)):
            raise MalformedDocument("its value is too large")
        return data

    def _overflow(self, number: int, length: int) -> bytes:
        """The value that a chain of pages holds: never more of them than its length needs."""
        if not self.budget.take(length):
            raise MalformedDocument(f"its value of {length} bytes is too large")
        body, size = self.body, self.size
        head = struct.Struct(f"{self.order}I2xHxB")  # next page, items, bytes on it, level, type
        chunks: list[bytes] = []
        missing = length
        while missing > 0:
            start = number * size
            if not number or start + size > len(body):
                raise MalformedDocument(f"its value goes on at page {number}, which is not there")
            following, filled, kind = head.unpack_from(body, start + 16)
            # All but the last are full: a ring of pages with a byte each would go on for ever.
            taken = min(size - _HEAD, missing)
            if kind != _OVERFLOW or filled < taken:
                raise MalformedDocument(f"its value goes on at page {number}, which holds none")
            chunks.append(body[start + _HEAD : start + _HEAD + taken])
            missing -= taken
            number = following
        return b"".join(chunks)
