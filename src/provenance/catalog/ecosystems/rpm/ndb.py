"""NDB, rpm's own database (`Packages.db`; SUSE): slots that point to blobs.

    header   32 bytes: "RpmP", version 0, generation, pages of slots, next index  (little-endian)
    slots    16 bytes: "Slot", package index, first block, blocks; unused: first block 0
    blobs    in blocks of 16 bytes: "BlbS", index, time, length; the header; padding;
             Adler-32 of all before it, length, "BlbE"

rpm refuses a database with one bad slot; here a bad slot costs its own package.

Source: rpm's lib/backend/ndb/rpmpkg.c.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from provenance.catalog.ecosystems.rpm.blobs import Blob, Budget, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

__all__ = ["is_ndb", "ndb_blobs"]

_BLOCK = 16
_PAGE = 4096
_MAX_SLOT_PAGES = 4096  # a million packages
_HEAD = struct.Struct("<4sIII")
_TAIL = struct.Struct("<II4s")


def is_ndb(body: bytes | mmap) -> bool:
    """Whether it begins as one."""
    return body[:4] == b"RpmP"


def ndb_blobs(body: bytes | mmap) -> Iterator[Blob | Fault]:
    """The header blobs, in the order of the slots."""
    if len(body) < _PAGE:
        yield Fault("an NDB database of less than a page")
        return
    _, version, _, pages = _HEAD.unpack_from(body)
    if version != 0:
        yield Fault(f"version {version} of the NDB format is unknown")
        return
    if pages > _MAX_SLOT_PAGES or pages * _PAGE > len(body):
        yield Fault(f"{pages} pages of slots, of which the file holds {len(body) // _PAGE}")
    end = min(pages, _MAX_SLOT_PAGES, len(body) // _PAGE) * _PAGE
    budget = Budget(len(body))
    for magic, index, first, blocks in _HEAD.iter_unpack(body[32:end]):
        if magic != b"Slot":
            yield Fault("a slot of the NDB database is damaged")
        elif first:
            yield _blob(body, index, first, blocks, budget)
        if budget.exhausted:
            yield budget.fault()
            return


def _blob(body: bytes | mmap, index: int, first: int, blocks: int, budget: Budget) -> Blob | Fault:
    start, end = first * _BLOCK, (first + blocks) * _BLOCK
    where = f"package {index} of the NDB database"
    if blocks < 2 or end > len(body):
        return Fault(f"{where} lies outside the file")
    magic, stated, _, length = _HEAD.unpack_from(body, start)
    checksum, again, tail = _TAIL.unpack_from(body, end - _TAIL.size)
    if (magic, tail, stated) != (b"BlbS", b"BlbE", index) or length != again:
        return Fault(f"{where} is damaged")
    if length > end - start - _HEAD.size - _TAIL.size or not budget.take(length):
        return Fault(f"{where} is longer than its place")
    # rpm does not check the sum when it reads, so that a package with a wrong one is installed.
    sound = zlib.adler32(body[start : end - _TAIL.size]) == checksum
    return Blob(
        str(index),
        body[start + _HEAD.size : start + _HEAD.size + length],
        "" if sound else f"{where} does not have the checksum beside it",
    )
