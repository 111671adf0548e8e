"""ELF as far as what compilers leave in it is concerned: segments, sections, pieces of a stream.

Source: System V ABI, "Object Files" and "Program Loading" (ELF header, section and program header
tables). Nothing here believes a size: every read is bounded by the bytes that are there.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from mmap import mmap

__all__ = [
    "HEAD",
    "MAGIC",
    "Elf",
    "Section",
    "Segment",
    "Windows",
    "c_string",
    "file_offset",
    "read_elf",
    "read_section",
    "read_sections",
    "reader",
]

MAGIC = b"\x7fELF"
HEAD = 4096
"""Bytes from a file's start in which the program header table is expected."""

_EXECUTABLE, _SHARED = 2, 3
_LOAD = 1
_WRITABLE = 2
# More program headers than any linker makes; the tables of hostile files may overlap everything.
_MOST_SEGMENTS = 64

# Fields that nothing asks for are passed over. ELF header behind its 16 identifying bytes: type,
# offsets of program headers and section headers, size and number of program headers, the same of
# sections, index of the section of names.
_HEADERS = {
    (wide, order): Struct(f"{order}{'H14xQQ6x5H' if wide else 'H10xII6x5H'}")
    for wide in (False, True)
    for order in "<>"
}
_SECTIONS = {
    (wide, order): Struct(f"{order}{'IIQQQQIIQQ' if wide else '10I'}")
    for wide in (False, True)
    for order in "<>"
}
_SEGMENTS = {
    (wide, order): Struct(f"{order}{'IIQQ8xQ16x' if wide else '3I4xI4xI4x'}")
    for wide in (False, True)
    for order in "<>"
}


class Segment(NamedTuple):
    """A part of the file that is mapped into memory (`PT_LOAD`)."""

    offset: int
    address: int
    size: int
    """Bytes in the file."""
    writable: bool

    @property
    def end(self) -> int:
        """Offset of the first byte behind it."""
        return self.offset + self.size


class Section(NamedTuple):
    """A row of the section header table."""

    name: int
    """Offset in the section of names."""
    type: int
    flags: int
    offset: int
    size: int


class Elf(NamedTuple):
    """What the first bytes say of an executable or a shared object."""

    wide: bool
    """64 bit."""
    order: str
    """`<` or `>`, as `struct` writes the byte order."""
    segments: tuple[Segment, ...] | None
    """In the order of their offsets; None where their table is not in the first bytes."""
    sections_at: int
    """Offset of the section header table; 0 for none."""
    sections: int
    """How many rows it has."""
    names: int
    """Which of them is the section of names."""

    @property
    def sections_size(self) -> int:
        """Bytes of the section header table."""
        return self.sections * _SECTIONS[self.wide, self.order].size


# What `read_elf` said last: several catalogers ask for the same file, one after the other. To
# compare costs a hundredth of reading, and of what the hash of a cache's key would.
_LAST: list[tuple[bytes, Elf | None]] = [(b"", None)]


def read_elf(head: bytes) -> Elf | None:
    """The headers of an executable or shared object whose first bytes are `head`; else None."""
    last = _LAST[0]
    if last[0] == head:
        return last[1]
    elf = _headers(head)
    _LAST[0] = (head, elf)
    return elf


def _headers(head: bytes) -> Elf | None:
    if len(head) < 64 or head[:4] != MAGIC or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return None
    wide, order = head[4] == 2, "<" if head[5] == 1 else ">"
    kind, segments_at, sections_at, row, count, row_of_sections, sections, names = _HEADERS[
        wide, order
    ].unpack_from(head, 16)
    if kind not in {_EXECUTABLE, _SHARED}:
        return None
    if row_of_sections != _SECTIONS[wide, order].size:
        sections_at = sections = 0
    segments = None
    count = min(count, _MOST_SEGMENTS)
    if row == _SEGMENTS[wide, order].size and segments_at + count * row <= len(head):
        segments = _segments(head, segments_at, count, wide=wide, order=order)
    return Elf(wide, order, segments, sections_at, sections, names)


def _segments(
    head: bytes, start: int, count: int, *, wide: bool, order: str
) -> tuple[Segment, ...]:
    layout = _SEGMENTS[wide, order]
    rows = layout.iter_unpack(head[start : start + count * layout.size])
    if wide:
        found = [
            Segment(offset, address, size, flags & _WRITABLE != 0)
            for kind, flags, offset, address, size in rows
            if kind == _LOAD and size
        ]
    else:
        found = [
            Segment(offset, address, size, flags & _WRITABLE != 0)
            for kind, offset, address, size, flags in rows
            if kind == _LOAD and size
        ]
    found.sort()
    return tuple(found)


def read_section(elf: Elf, table: bytes | memoryview, index: int) -> Section | None:
    """One row of the section header table, whose bytes are `table`; None if there is none."""
    layout = _SECTIONS[elf.wide, elf.order]
    if (index + 1) * layout.size > len(table):
        return None
    name, kind, flags, _, offset, size, *_ = layout.unpack_from(table, index * layout.size)
    return Section(name, kind, flags, offset, size)


def read_sections(elf: Elf, table: bytes) -> Iterator[Section]:
    """The rows of the section header table."""
    for index in range(elf.sections):
        if section := read_section(elf, table, index):
            yield section


def c_string(table: bytes, offset: int, most: int = 64) -> bytes:
    """The text at `offset` of a table of strings that end in NUL."""
    return table[offset : offset + most].split(b"\0", 1)[0]


def file_offset(segments: Iterable[Segment], address: int, size: int) -> int | None:
    """Where the `size` bytes at a virtual address are in the file; None if not in one segment."""
    for segment in segments:
        inside = address - segment.address
        if inside >= 0 and inside + size <= segment.size:
            return segment.offset + inside
    return None


class Windows:
    """Keeps some pieces of a file that streams by, each named before its first byte comes."""

    __slots__ = ("_kept", "_next", "_position", "_spans")

    def __init__(self, spans: Sequence[tuple[int, int]], start: int = 0) -> None:
        """Keep the bytes of `spans` (start, end) of a stream whose next byte is at `start`."""
        merged: list[tuple[int, int]] = []
        for first, end in sorted(s for s in spans if s[0] < s[1]):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((first, end))
        self._spans = merged
        self._kept = [bytearray() for _ in merged]
        self._next = 0
        self._position = start

    def feed(self, data: memoryview) -> None:
        """The next bytes."""
        start = self._position
        end = self._position = start + len(data)
        while self._next < len(self._spans) and self._spans[self._next][0] < end:
            first, behind = self._spans[self._next]
            self._kept[self._next] += data[max(first - start, 0) : behind - start]
            if behind > end:
                return
            self._next += 1

    def read(self, offset: int, size: int) -> bytes | None:
        """`size` bytes from `offset`; None if they are not all kept."""
        index = bisect_right(self._spans, offset, key=lambda span: span[0]) - 1
        if index < 0:
            return None
        inside = offset - self._spans[index][0]
        if inside + size > len(self._kept[index]):
            return None
        return bytes(self._kept[index][inside : inside + size])


def reader(body: bytes | mmap) -> Callable[[int, int], bytes | None]:
    """`Windows.read` over a whole file."""

    def read(offset: int, size: int) -> bytes | None:
        return body[offset : offset + size] if offset + size <= len(body) else None

    return read
