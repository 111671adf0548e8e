"""What the headers of a program say of it, whatever its format: where its bytes are in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["MOST_SEGMENTS", "Extent", "Program", "Segment", "file_offset"]

MOST_SEGMENTS = 96
"""More than any linker makes; in hostile files they may overlap everything. What Windows loads."""


class Extent(NamedTuple):
    """A piece of a file."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """Offset of the first byte behind it."""
        return self.offset + self.size


class Segment(NamedTuple):
    """A part of the file that is mapped into memory."""

    offset: int
    address: int
    size: int
    """Bytes in the file."""
    writable: bool

    @property
    def end(self) -> int:
        """Offset of the first byte behind it."""
        return self.offset + self.size


class Program(NamedTuple):
    """The headers of a program that name its sections where they begin."""

    segments: tuple[Segment, ...] | None
    """In the order of their offsets; None where their table is not in the first bytes."""
    sections: Mapping[bytes, Extent]
    """By name."""


def file_offset(segments: Iterable[Segment], address: int, size: int) -> int | None:
    """Where the `size` bytes at a virtual address are in the file; None if not in one segment."""
    for segment in segments:
        inside = address - segment.address
        if inside >= 0 and inside + size <= segment.size:
            return segment.offset + inside
    return None
