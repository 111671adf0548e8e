from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.elf_files import DATA, TEXT, Mapped, elf

from provenance.catalog.ecosystems.elf import (
    Segment,
    Windows,
    c_string,
    file_offset,
    read_elf,
    read_section,
    read_sections,
    reader,
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


def test_addresses_lead_to_offsets_within_one_segment() -> None:
    segments = [Segment(100, 0x1000, 50, False), Segment(200, 0x1032, 50, True)]
    assert file_offset(segments, 0x1000, 50) == 100
    assert file_offset(segments, 0x1031, 1) == 149
    assert file_offset(segments, 0x1031, 2) is None
    assert file_offset(segments, 0x1032, 50) == 200
    assert file_offset(segments, 0xFFF, 1) is None
    assert file_offset(segments, 0x1000, 1 << 63) is None


def test_a_whole_body_gives_what_it_has() -> None:
    read = reader(b"abcdef")
    assert read(2, 3) == b"cde"
    assert read(4, 3) is None


SPANS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 80)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=6,
)


@given(SPANS, st.lists(st.integers(0, 90), max_size=30), st.integers(0, 40))
def test_windows_keep_the_named_pieces_whatever_the_chunks(
    spans: list[tuple[int, int]], chunks: list[int], seed: int
) -> None:
    body = random.Random(seed).randbytes(300)
    windows = Windows(spans)
    at = 0
    for size in [*chunks, 300]:
        windows.feed(memoryview(body)[at : at + size])
        at += size
    for start, end in spans:
        expected = body[start:end] if end <= 300 and start < end else None
        if start < end:
            assert windows.read(start, end - start) == expected
    free = next((p for p in range(300) if not any(a <= p < b for a, b in spans)), None)
    if free is not None:
        assert windows.read(free, 1) is None
