from __future__ import annotations

import struct

import pytest
from tests.elf_files import DATA, TEXT, Mapped, elf
from tests.program_files import macho, universal

from provenance.catalog.ecosystems.macho import read_macho, read_universal
from provenance.catalog.ecosystems.program import Extent, Program

SEGMENTS = (Mapped(0x401000, b"x" * 700, TEXT), Mapped(0x402010, b"y" * 50, DATA))


def headers(body: bytes) -> Program:
    found = read_macho(body[:4096])
    assert isinstance(found, Program)
    return found


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [2, 6, 8])
def test_headers_of_all_sizes_orders_and_kinds(bits: int, order: str, kind: int) -> None:
    body = macho(SEGMENTS, [("__DATA,.dep-v0", b"abc")], bits=bits, order=order, kind=kind)
    found = headers(body)
    assert found.segments is not None
    assert [(s.address, s.size, s.writable) for s in found.segments] == [
        (0x401000, 700, False),
        (0x402010, 50, True),
        (0x900000, 3, False),
    ]
    for segment, mapped in zip(found.segments, SEGMENTS, strict=False):
        assert body[segment.offset : segment.end] == mapped.data
    assert list(found.sections) == [b"__DATA,.dep-v0"]
    extent = found.sections[b"__DATA,.dep-v0"]
    assert body[extent.offset : extent.end] == b"abc"


def test_a_section_of_zeroes_is_not_in_the_file() -> None:
    body = bytearray(macho((), [("__DATA,.dep-v0", b"abc")]))
    section = body.index(b".dep-v0")
    struct.pack_into("<I", body, section + 64, 1)
    assert headers(bytes(body)).sections == {}


def test_many_load_commands_ask_for_more() -> None:
    body = macho(SEGMENTS, others=300)
    assert read_macho(body[:4096]) == 32 + 300 * 32 + 2 * 72
    whole = read_macho(body)
    assert isinstance(whole, Program)
    assert whole.segments is not None
    assert len(whole.segments) == 2


def test_more_segments_than_any_program_has_are_not_read() -> None:
    whole = read_macho(macho([Mapped(0x401000, b"x", DATA)] * 120))
    assert isinstance(whole, Program)
    assert whole.segments is not None
    assert len(whole.segments) == 96


@pytest.mark.parametrize("size", [0, 7, 20, 71, 1 << 31])
def test_a_load_command_of_no_possible_size_hides_no_other_before_it(size: int) -> None:
    body = bytearray(macho(SEGMENTS, others=0))
    struct.pack_into("<I", body, 32 + 72 + 4, size)
    found = headers(bytes(body))
    assert found.segments is not None
    assert found.segments[0].address == 0x401000


def test_more_sections_than_the_command_holds_are_not_read() -> None:
    body = bytearray(macho((), [("__DATA,.dep-v0", b"abc")], others=0))
    struct.pack_into("<I", body, 32 + 64, 0xFFFFFFFF)
    assert list(headers(bytes(body)).sections) == [b"__DATA,.dep-v0"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xcf\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe" + bytes(100),
        macho(SEGMENTS, kind=1),
        macho(SEGMENTS, kind=10),
        universal(macho(SEGMENTS)),
        elf(SEGMENTS),
    ],
)
def test_what_is_no_program(head: bytes) -> None:
    assert read_macho(head) is None


@pytest.mark.parametrize("wide", [False, True])
def test_the_programs_of_a_universal_file(wide: bool) -> None:  # noqa: FBT001  parametrised
    one, two = macho(SEGMENTS), macho(SEGMENTS, order=">", bits=32)
    body = universal(one, two, wide=wide)
    extents = read_universal(body[:4096])
    assert [body[e.offset : e.end] for e in extents] == [one, two]


def test_programs_that_overlap_are_those_that_macos_runs() -> None:
    rows = [(0x1000, 0x3000), (0x4000, 0x1000), (0x8, 0x10), (0x2000, 0x100), (0x9000, 0)]
    table = b"".join(struct.pack(">5I", 0, 0, *row, 14) for row in rows)
    head = struct.pack(">II", 0xCAFEBABE, len(rows)) + table
    assert read_universal(head) == [Extent(0x1000, 0x3000), Extent(0x4000, 0x1000)]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xca\xfe\xba\xbe",
        # A Java class, its version where the number of programs stands.
        b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(4000),
        universal(b"x" * 100, b"y" * 100)[:40],
        universal(),
        macho(SEGMENTS),
    ],
)
def test_what_is_no_universal_file(head: bytes) -> None:
    assert read_universal(head) == []
