from __future__ import annotations

import struct

import pytest
from tests.elf_files import DATA, TEXT, Mapped, elf

from provenance.catalog.ecosystems.elf import (
    c_string,
    read_elf,
    read_section,
    read_sections,
)

SEGMENTS = (Mapped(0x400000, b"x" * 100, TEXT), Mapped(0x501010, b"y" * 50, DATA))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_headers_of_both_sizes_and_orders(bits: int, order: str) -> None:
    body = elf(SEGMENTS, [(".one", b"abc"), (".two", b"")], bits=bits, order=order)
    found = read_elf(body[:4096])
    assert found is not None
    assert found.segments is not None
    assert [(s.address, s.size, s.writable) for s in found.segments] == [
        (0x400000, 100, False),
        (0x501010, 50, True),
    ]
    for segment, mapped in zip(found.segments, SEGMENTS, strict=True):
        assert body[segment.offset : segment.end] == mapped.data
    assert found.sections_at + found.sections_size == len(body)
    table = body[found.sections_at :]
    names = read_section(found, table, found.names)
    assert names is not None
    text = body[names.offset : names.offset + names.size]
    assert [(c_string(text, s.name), s.size) for s in read_sections(found, table)] == [
        (b"", 0),
        (b".one", 3),
        (b".two", 0),
        (b".shstrtab", names.size),
    ]
    assert read_section(found, table, 4) is None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x7fELF",
        b"\x7fELF" + bytes(100),
        b"\x7fELF\x03\x01" + bytes(100),
        b"\x7fELF\x02\x03" + bytes(100),
        b"MZ\x90\x00" + bytes(100),
        elf(SEGMENTS, kind=1),
        elf(SEGMENTS, kind=4),
        elf(SEGMENTS)[:63],
    ],
)
def test_what_is_no_program(head: bytes) -> None:
    assert read_elf(head) is None


def test_program_headers_out_of_reach_are_unknown_not_none() -> None:
    body = bytearray(elf(SEGMENTS))
    struct.pack_into("<Q", body, 32, 1 << 63)
    found = read_elf(bytes(body[:4096]))
    assert found is not None
    assert found.segments is None
