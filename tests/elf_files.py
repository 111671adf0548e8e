"""ELF files by construction, for tests: what a linker would write, and nothing of ours in it."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = 0x1000
TEXT, DATA = 5, 6
"""Flags of segments: read and execute, read and write."""
# The sentinels of cmd/go/internal/modload.
BEGIN = bytes.fromhex("3077af0c9274080241e1c107e6d618e6")
END = bytes.fromhex("f932433186182072008242104116d8f2")
MARK = b"\xff Go buildinf:"


@dataclass(frozen=True)
class Mapped:
    """A segment: bytes at an address."""

    address: int
    data: bytes
    flags: int = DATA


def elf(
    segments: Sequence[Mapped] = (),
    sections: Iterable[tuple[str, bytes]] = (),
    *,
    bits: int = 64,
    order: str = "<",
    kind: int = 2,
    filler: int = 0,
    names_first: bool = False,
    table_first: bool = False,
) -> bytes:
    """A file: headers, segments at offsets that fit their addresses, sections, their table.

    `filler` bytes stand between the sections and their names, as symbols do; with `names_first`
    the same between the names and their table, as LLD has it; `table_first` puts sections and
    table before the segments.
    """
    wide = bits == 64
    header, row = (64, 56) if wide else (52, 32)
    body = bytearray(header + row * len(segments))
    table_at = rows = 0
    sections = list(sections)
    if sections and table_first:
        table_at, rows = _sections(body, sections, wide, order, filler, names_first)
    placed = []
    for segment in segments:
        body += bytes((segment.address - len(body)) % PAGE)
        placed.append((len(body), segment))
        body += segment.data
    if sections and not table_first:
        table_at, rows = _sections(body, sections, wide, order, filler, names_first)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    body[:header] = ident + struct.pack(
        f"{order}{'HHIQQQI6H' if wide else 'HHIIIII6H'}",
        *(kind, 62, 1, 0, header, table_at, 0, header, row, len(segments)),
        *(64 if wide else 40, rows, max(rows - 1, 0)),
    )
    for index, (offset, segment) in enumerate(placed):
        size = len(segment.data)
        address = segment.address
        fields = (
            (1, segment.flags, offset, address, address, size, size, PAGE)
            if wide
            else (1, offset, address, address, size, size, segment.flags, PAGE)
        )
        struct.pack_into(
            f"{order}{'IIQQQQQQ' if wide else '8I'}", body, header + row * index, *fields
        )
    return bytes(body)


def _sections(
    body: bytearray,
    sections: Sequence[tuple[str, bytes]],
    wide: bool,  # noqa: FBT001  private
    order: str,
    filler: int,
    names_first: bool,  # noqa: FBT001  private
) -> tuple[int, int]:
    names = b"\0"
    rows = [(0,) * 10]
    for name, data in sections:
        rows.append((len(names), 1, 0, 0, len(body), len(data), 0, 0, 1, 0))
        names += name.encode() + b"\0"
        body += data
    label = len(names)
    names += b".shstrtab\0"
    body += bytes(filler)
    rows.append((label, 3, 0, 0, len(body), len(names), 0, 0, 1, 0))
    body += names
    if names_first:
        body += bytes(filler)
    body += bytes(-len(body) % 8)
    at = len(body)
    for fields in rows:
        body += struct.pack(f"{order}{'IIQQQQIIQQ' if wide else '10I'}", *fields)
    return at, len(rows)


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def framed(modules: str) -> bytes:
    return BEGIN + modules.encode() + END if modules else b""


def blob(toolchain: str, modules: str) -> bytes:
    """Build information in the form of Go 1.18 and later."""
    text = framed(modules)
    head = MARK + bytes([8, 2]) + bytes(16)
    return head + varint(len(toolchain)) + toolchain.encode() + varint(len(text)) + text


def go_program(modules: str, toolchain: str = "go1.22.1", *, before: int = 0x40) -> bytes:
    """A program as the Go linker writes it, `before` bytes of data before the blob."""
    data = bytes(before) + blob(toolchain, modules) + bytes(64)
    return elf([Mapped(0x400000, b"\xcc" * 5000, TEXT), Mapped(0x500000, data)])


def old_go_program(
    modules: str, toolchain: str = "go1.16.5", *, bits: int = 64, order: str = "<"
) -> bytes:
    """The form before Go 1.18."""
    return elf(old_go_segments(modules, toolchain, bits=bits, order=order), bits=bits, order=order)


def old_go_segments(
    modules: str, toolchain: str = "go1.16.5", *, bits: int = 64, order: str = "<"
) -> list[Mapped]:
    """What is mapped of it: two pointers to strings, each a pointer and a length."""
    word = f"{order}{'Q' if bits == 64 else 'I'}"
    size = bits // 8
    texts = [toolchain.encode(), framed(modules)]
    rodata, at = bytearray(5000), []
    for text in texts:
        at.append(0x600000 + len(rodata))
        rodata += text
    headers = b"".join(
        struct.pack(word, where) + struct.pack(word, len(text))
        for where, text in zip(at, texts, strict=True)
    )
    data_at = 0x700000
    head = MARK + bytes([size, 0 if order == "<" else 1])
    head += struct.pack(word, data_at + 64) + struct.pack(word, data_at + 64 + 2 * size)
    data = head.ljust(64, b"\0") + headers
    return [Mapped(0x600000, bytes(rodata), 4), Mapped(data_at, data)]


def audit(packages: Sequence[Mapping[str, object]]) -> bytes:
    """The contents of a section `.dep-v0`."""
    return zlib.compress(json.dumps({"packages": packages}).encode())
