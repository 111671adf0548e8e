"""ELF, the programs of Linux, as far as what compilers leave in them is concerned.

Source: System V ABI, "Object Files" and "Program Loading" (ELF header, section and program header
tables). Nothing here believes a size: every read is bounded by the bytes that are there.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.ecosystems.program import MOST_SEGMENTS, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAGIC",
    "Elf",
    "Section",
    "c_string",
    "read_elf",
    "read_section",
    "read_sections",
]

MAGIC = b"\x7fELF"

_EXECUTABLE, _SHARED = 2, 3
_LOAD = 1
_WRITABLE = 2

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
    sections_size: int
    """Bytes of it."""
    sections: int
    """How many rows it has."""
    names: int
    """Which of them is the section of names."""


def read_elf(head: bytes) -> Elf | None:
    """The headers of an executable or shared object whose first bytes are `head`; else None."""
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
    sections_size = sections * row_of_sections
    segments = None
    count = min(count, MOST_SEGMENTS)
    if row == _SEGMENTS[wide, order].size and segments_at + count * row <= len(head):
        segments = _segments(head, segments_at, count, wide=wide, order=order)
    return Elf(wide, order, segments, sections_at, sections_size, sections, names)


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
