"""PE, the programs of Windows, as far as what compilers leave in them is concerned.

Source: Microsoft's "PE Format" (MS-DOS stub, COFF file header, optional header, section table).
Nothing here believes a size: every read is bounded by the bytes that are there.
"""

from __future__ import annotations

from struct import Struct

from provenance.catalog.ecosystems.program import MOST_SEGMENTS, Extent, Program, Segment

__all__ = ["MAGIC", "read_pe"]

MAGIC = b"MZ"
_SIGNATURE = b"PE\0\0"
_HEADER_AT = Struct("<60xI")
# Signature, then of the COFF header: number of sections, size of the optional header; its magic.
_COFF = Struct("<4s2xH12xH2xH")
_IMAGE_BASE = {0x10B: Struct("<28xI"), 0x20B: Struct("<24xQ")}
_OPTIONAL_AT = 24
_SMALLEST_OPTIONAL = 32
# Name, size in memory, address, size and offset in the file, characteristics.
_SECTION = Struct("<8s4I12xI")
_WRITABLE = 1 << 31


def read_pe(head: bytes) -> Program | int | None:
    """The headers of a program whose first bytes are `head`; None if it is none.

    An int says how many first bytes there have to be to know more.
    """
    if len(head) < _HEADER_AT.size or not head.startswith(MAGIC):
        return None
    (start,) = _HEADER_AT.unpack_from(head)
    optional: int = start + _OPTIONAL_AT
    if len(head) < optional + _SMALLEST_OPTIONAL:
        return optional + _SMALLEST_OPTIONAL
    signature, count, rest, magic = _COFF.unpack_from(head, start)
    if signature != _SIGNATURE or rest < _SMALLEST_OPTIONAL or magic not in _IMAGE_BASE:
        return None
    rows: int = optional + rest
    end: int = rows + min(count, MOST_SEGMENTS) * _SECTION.size
    if len(head) < end:
        return end
    (base,) = _IMAGE_BASE[magic].unpack_from(head, optional)
    segments = []
    sections: dict[bytes, Extent] = {}
    for name, in_memory, address, stored, offset, flags in _SECTION.iter_unpack(head[rows:end]):
        if stored:
            segments.append(Segment(offset, base + address, stored, flags & _WRITABLE != 0))
            # What is stored is rounded up.
            sections.setdefault(
                name.rstrip(b"\0"), Extent(offset, min(stored, in_memory or stored))
            )
    return Program(tuple(sorted(segments)), sections)
