"""Header blobs: how rpm stores what it knows of a package.

    4 bytes   number of index entries        all numbers big-endian
    4 bytes   bytes of data
    16 each   index entry: tag, type, offset into the data, count
    data

The first entry is as a rule a region (tag 61 to 63): what the builder wrote and signed. What rpm
adds on installation stands behind it, and an entry there replaces one of the region (headerImport
in rpm's lib/header.c), so that the last entry of a tag counts.

Sources: rpm's documentation, "RPM v4 package format" and "RPM v6 package format"; rpmtag.h.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from typing import NamedTuple

from provenance.errors import MalformedDocument

__all__ = ["MAX_HEADER", "Header", "StringArray", "Tag"]

MAX_HEADER = 128 << 20
"""Bytes of one header; the largest real ones (file lists of kernels) are below 30 MiB."""
_MAX_ENTRIES = 0xFFFF  # rpm's own limit

_START = struct.Struct(">II")
_ENTRY = struct.Struct(">IIiI")

_TEXT = {6, 9}  # STRING, I18NSTRING: of the latter the first string is that of the C locale
_STRINGS = {8, 9}
_NUMBER_WIDTH = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}  # CHAR, INT8, INT16, INT32, INT64
_NUMBER_ARRAY = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}


class Tag:
    """The tags that are read, by rpm's names."""

    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    EPOCH = 1003
    SUMMARY = 1004
    VENDOR = 1011
    LICENSE = 1014
    PACKAGER = 1015
    URL = 1020
    ARCH = 1022
    OLDFILENAMES = 1027
    FILESTATES = 1029
    FILEMODES = 1030
    FILEDIGESTS = 1035
    SOURCERPM = 1044
    PROVIDENAME = 1047
    REQUIREFLAGS = 1048
    REQUIRENAME = 1049
    REQUIREVERSION = 1050
    DIRINDEXES = 1116
    BASENAMES = 1117
    DIRNAMES = 1118
    FILEDIGESTALGO = 5011


class StringArray(NamedTuple):
    """An array of strings as it is stored, each with a NUL behind it."""

    raw: bytes
    size: int
    """How many strings."""

    def split(self) -> list[bytes]:
        """The strings."""
        return self.raw.split(b"\0", self.size)[: self.size]


class Header:
    """One header. Each accessor raises MalformedDocument for an entry that is not as it must be."""

    __slots__ = ("_data", "_entries", "_offsets", "size")

    def __init__(self, blob: bytes) -> None:
        if len(blob) < 8:
            raise MalformedDocument("an rpm header of less than 8 bytes")
        entries, size = _START.unpack_from(blob)
        start = 8 + 16 * entries
        if not 0 < entries <= _MAX_ENTRIES or start + size > len(blob):
            raise MalformedDocument(
                f"an rpm header says {entries} entries and {size} bytes of data, "
                f"which {len(blob)} bytes cannot hold"
            )
        self.size = len(blob)
        self._data = blob[start : start + size]
        self._entries = {
            tag: (kind, offset, count)
            for tag, kind, offset, count in _ENTRY.iter_unpack(blob[8:start])
        }
        self._offsets = sorted({entry[1] for entry in self._entries.values()})

    def text(self, tag: int) -> str:
        """A string; empty where the header has none."""
        entry = self._entries.get(tag)
        if entry is None:
            return ""
        _, offset, _ = self._checked(tag, entry, _TEXT)
        end = self._data.find(b"\0", offset)
        if end < 0:
            raise MalformedDocument(f"the string of rpm tag {tag} has no end")
        return str(self._data[offset:end], "utf-8", "replace")

    def number(self, tag: int) -> int | None:
        """The first number; None where the header has none."""
        numbers = self.numbers(tag)
        return numbers[0] if numbers else None

    def raw_numbers(self, tag: int) -> tuple[bytes, int]:
        """Numbers as they are stored, big-endian, and how many they are."""
        entry = self._entries.get(tag)
        if entry is None:
            return b"", 0
        kind, offset, count = self._checked(tag, entry, _NUMBER_WIDTH)
        end = offset + _NUMBER_WIDTH[kind] * count
        if end > len(self._data):
            raise MalformedDocument(f"the {count} numbers of rpm tag {tag} end outside the header")
        return self._data[offset:end], count

    def numbers(self, tag: int) -> array[int]:
        """Numbers; none where the header has none."""
        raw, _ = self.raw_numbers(tag)
        kind = self._entries[tag][0] if raw else 4
        return native(raw, _NUMBER_ARRAY[kind])

    def strings(self, tag: int) -> StringArray:
        """An array of strings; empty where the header has none."""
        entry = self._entries.get(tag)
        if entry is None:
            return StringArray(b"", 0)
        _, offset, count = self._checked(tag, entry, _STRINGS)
        # Up to the next entry's data, to copy the array alone; entries need not be in order.
        place = bisect_right(self._offsets, offset)
        end = self._offsets[place] if place < len(self._offsets) else len(self._data)
        raw = self._data[offset:end]
        if raw.count(b"\0") < count:
            raise MalformedDocument(f"rpm tag {tag} has fewer than the {count} strings it says")
        return StringArray(raw, count)

    def _checked(
        self, tag: int, entry: tuple[int, int, int], kinds: set[int] | dict[int, int]
    ) -> tuple[int, int, int]:
        kind, offset, count = entry
        if kind not in kinds:
            raise MalformedDocument(f"rpm tag {tag} is of type {kind}")
        if not 0 <= offset < len(self._data) or not count:
            raise MalformedDocument(f"the data of rpm tag {tag} lies outside the header")
        return entry


def native(raw: bytes, code: str) -> array[int]:
    """Big-endian numbers, in this machine's order."""
    numbers = array(code, raw)
    if numbers.itemsize > 1 and struct.pack("=H", 1) != struct.pack(">H", 1):
        numbers.byteswap()
    return numbers
