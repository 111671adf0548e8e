"""Mach-O, the programs of macOS, as far as what compilers leave in them is concerned.

Source: Apple's `mach-o/loader.h` (header, load commands) and `mach-o/fat.h` (universal files:
programs for several processors in one). Nothing here believes a size: every read is bounded by the
bytes that are there.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.ecosystems.program import MOST_SEGMENTS, Extent, Program, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAGICS", "read_macho", "read_universal"]

_EXECUTE, _DYLIB, _BUNDLE = 2, 6, 8
_WRITABLE = 2
_ZEROES = 1
_SECTION_TYPE = 0xFF


class _Layout(NamedTuple):
    """The structures in one size and order."""

    header: Struct
    """Kind of file, number and size of the load commands."""
    start: int
    """Bytes of the header."""
    command: Struct
    """What it is, its size."""
    segment: int
    """The load command that is a segment."""
    mapped: Struct
    """Of a segment: address, offset and size in the file, protection, number of sections."""
    section: Struct
    """Name, name of the segment, size, offset, flags."""


def _layout(order: str, *, wide: bool) -> _Layout:
    return _Layout(
        Struct(f"{order}12x3I"),
        32 if wide else 28,
        Struct(f"{order}II"),
        0x19 if wide else 0x1,
        Struct(f"{order}24x{'Q8xQQ' if wide else 'I4xII'}4xII4x"),
        Struct(f"{order}16s16s{'8xQI12xI12x' if wide else '4xII12xI8x'}"),
    )


_LAYOUTS = {
    b"\xcf\xfa\xed\xfe": _layout("<", wide=True),
    b"\xce\xfa\xed\xfe": _layout("<", wide=False),
    b"\xfe\xed\xfa\xcf": _layout(">", wide=True),
    b"\xfe\xed\xfa\xce": _layout(">", wide=False),
}
# Offset and size of a program.
_SLICES = {b"\xca\xfe\xba\xbe": Struct(">8xII4x"), b"\xca\xfe\xba\xbf": Struct(">8xQQ8x")}
_COUNT = Struct(">4xI")
# A Java class begins as a universal file does; where the number of programs stands it has its
# version, which is 45 and more.
_MOST_SLICES = 16

MAGICS = (*_LAYOUTS, *_SLICES)


def read_macho(head: bytes) -> Program | int | None:
    """The headers of a program or library whose first bytes are `head`; None if it is none.

    An int says how many first bytes there have to be to know more. Sections are called
    `SEGMENT,SECTION`.
    """
    layout = _LAYOUTS.get(head[:4])
    if layout is None or len(head) < layout.start:
        return None
    kind, count, size = layout.header.unpack_from(head)
    if kind not in {_EXECUTE, _DYLIB, _BUNDLE}:
        return None
    end: int = layout.start + size
    if len(head) < end:
        return end
    segments: list[Segment] = []
    sections: dict[bytes, Extent] = {}
    for command in _segments(head[layout.start : end], layout, count):
        address, offset, stored, protection, rows = layout.mapped.unpack_from(command)
        if stored and len(segments) < MOST_SEGMENTS:
            segments.append(Segment(offset, address, stored, protection & _WRITABLE != 0))
        start, row = layout.mapped.size, layout.section.size
        table = command[start : start + min(rows * row, (len(command) - start) // row * row)]
        for name, segment, length, at, flags in layout.section.iter_unpack(table):
            if flags & _SECTION_TYPE != _ZEROES:
                full = segment.rstrip(b"\0") + b"," + name.rstrip(b"\0")
                sections.setdefault(full, Extent(at, length))
    return Program(tuple(sorted(segments)), sections)


def _segments(commands: bytes, layout: _Layout, count: int) -> Iterator[bytes]:
    """The load commands that are segments."""
    at = 0
    for _ in range(min(count, len(commands) // layout.command.size)):
        if at + layout.command.size > len(commands):
            return
        command, length = layout.command.unpack_from(commands, at)
        if length < layout.command.size:
            return
        body = commands[at : at + length]
        if command == layout.segment and len(body) >= layout.mapped.size:
            yield body
        at += length


def read_universal(head: bytes) -> list[Extent]:
    """Where the programs of a universal file are whose first bytes are `head`; none if it is none.

    In the order of their offsets. None begins before the one before it ends: macOS runs no others.
    """
    row = _SLICES.get(head[:4])
    if row is None or len(head) < _COUNT.size:
        return []
    (count,) = _COUNT.unpack_from(head)
    end = _COUNT.size + count * row.size
    if count > _MOST_SLICES or len(head) < end:
        return []
    found = []
    for extent in sorted(map(Extent._make, row.iter_unpack(head[_COUNT.size : end]))):
        if extent.offset >= end and extent.size:
            found.append(extent)
            end = extent.end
    return found
