"""Programs for Windows and macOS by construction, for tests: what a linker would write.

Segments and `audit` are those of `elf_files`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.elf_files import Mapped

_WRITE = 2  # of a segment's flags, in all formats but PE


def pe(
    segments: Sequence[Mapped] = (),
    sections: Sequence[tuple[str, bytes]] = (),
    *,
    bits: int = 64,
    base: int = 0x400000,
    stub: int = 0x80,
) -> bytes:
    """A file: DOS stub of `stub` bytes, headers, table, what is mapped, in units of 512 bytes.

    A segment is a section without a name, at its address; `sections` are read only, behind them.
    """
    optional = 240 if bits == 64 else 224
    rows = [("", s.address - base, s.data, 0xC0000040 if s.flags & _WRITE else 0x60000020)
            for s in segments]  # fmt: skip
    rows += [(n, 0x900000 + 0x1000 * i, data, 0x40000040) for i, (n, data) in enumerate(sections)]
    body = bytearray(stub + 24 + optional + 40 * len(rows))
    body[:2] = b"MZ"
    struct.pack_into("<I", body, 60, stub)
    machine, magic, image_base = (0x8664, 0x20B, "<24xQ") if bits == 64 else (0x14C, 0x10B, "<28xI")
    struct.pack_into("<4sHH12xHH", body, stub, b"PE\0\0", machine, len(rows), optional, 0x22)
    struct.pack_into("<H", body, stub + 24, magic)
    body[stub + 26 : stub + 24 + 32] = struct.pack(image_base, base)[2:].ljust(30, b"\0")
    for index, (name, address, data, flags) in enumerate(rows):
        body += bytes(-len(body) % 512)
        at = stub + 24 + optional + 40 * index
        struct.pack_into(
            "<8sIIII12xI",
            body,
            at,
            *(name.encode(), len(data), address, len(data) + -len(data) % 512, len(body), flags),
        )
        body += data
    return bytes(body) + bytes(-len(body) % 512)


def macho(
    segments: Sequence[Mapped] = (),
    sections: Sequence[tuple[str, bytes]] = (),
    *,
    bits: int = 64,
    order: str = "<",
    kind: int = 2,
    others: int = 2,
) -> bytes:
    """A file: header, load commands (`others` that are no segments first), what is mapped.

    `sections` (`SEGMENT,SECTION`) each lie in a segment of their own that is not writable.
    """
    wide = bits == 64
    word = "Q" if wide else "I"
    segment_size, section_size = (72, 80) if wide else (56, 68)
    other = struct.pack(f"{order}II", 0xC, 32) + bytes(24)
    size = 32 * others + segment_size * len(segments)
    size += (segment_size + section_size) * len(sections)
    commands = bytearray(other * others)
    header = 32 if wide else 28
    body = bytearray(header + size)

    def mapped(name: bytes, address: int, data: bytes, flags: int, sections: int) -> int:
        body.extend(bytes((address - len(body)) % 0x1000))
        at = len(body)
        body.extend(data)
        commands.extend(
            struct.pack(
                f"{order}II16s{word * 4}4I",
                *(0x19 if wide else 1, segment_size + sections * section_size, name),
                *(address, len(data), at, len(data), 7, flags, sections, 0),
            )
        )
        return at

    for segment in segments:
        mapped(b"__SOME", segment.address, segment.data, 3 if segment.flags & _WRITE else 5, 0)
    for index, (full, data) in enumerate(sections):
        segment_name, _, name = full.encode().partition(b",")
        address = 0x900000 + 0x1000 * index
        at = mapped(segment_name, address, data, 1, 1)
        commands.extend(
            struct.pack(
                f"{order}16s16s{word * 2}{'8I' if wide else '7I'}",
                *(name, segment_name, address, len(data), at),
                *((0,) * (7 if wide else 6)),
            )
        )
    magic = struct.pack(f"{order}I", 0xFEEDFACF if wide else 0xFEEDFACE)
    count = others + len(segments) + len(sections)
    body[:header] = magic + struct.pack(f"{order}5I", 0, 0, kind, count, size).ljust(
        header - 4, b"\0"
    )
    body[header : header + size] = commands
    return bytes(body)


def universal(*programs: bytes, wide: bool = False) -> bytes:
    """One file of several programs, each at a multiple of 16 KiB, as `lipo` lays them."""
    row = 32 if wide else 20
    body = bytearray(8 + row * len(programs))
    struct.pack_into(">II", body, 0, 0xCAFEBABF if wide else 0xCAFEBABE, len(programs))
    for index, program in enumerate(programs):
        body += bytes(-len(body) % 0x4000)
        fields = (index, 0, len(body), len(program), 14)
        struct.pack_into(f">II{'QQI4x' if wide else 'III'}", body, 8 + row * index, *fields)
        body += program
    return bytes(body)
