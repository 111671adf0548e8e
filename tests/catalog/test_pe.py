from __future__ import annotations

import struct

import pytest
from tests.elf_files import DATA, TEXT, Mapped, elf
from tests.program_files import pe

from provenance.catalog.ecosystems.pe import read_pe
from provenance.catalog.ecosystems.program import Program

SEGMENTS = (Mapped(0x401000, b"x" * 700, TEXT), Mapped(0x402000, b"y" * 50, DATA))


def headers(body: bytes) -> Program:
    found = read_pe(body[:4096])
    assert isinstance(found, Program)
    return found


@pytest.mark.parametrize("bits", [32, 64])
def test_headers_of_both_sizes(bits: int) -> None:
    body = pe(SEGMENTS, [(".dep-v0", b"abc")], bits=bits)
    found = headers(body)
    assert found.segments is not None
    assert [(s.address, s.size, s.writable) for s in found.segments] == [
        (0x401000, 1024, False),
        (0x402000, 512, True),
        (0xD00000, 512, False),
    ]
    for segment, mapped in zip(found.segments, SEGMENTS, strict=False):
        assert body[segment.offset : segment.end].rstrip(b"\0") == mapped.data
    extent = found.sections[b".dep-v0"]
    assert body[extent.offset : extent.end] == b"abc"


def test_a_section_that_states_no_size_in_memory_has_its_size_in_the_file() -> None:
    body = bytearray(pe((), [(".dep-v0", b"abc")]))
    struct.pack_into("<I", body, body.index(b".dep-v0") + 8, 0)
    assert headers(bytes(body)).sections[b".dep-v0"].size == 512


def test_of_two_sections_of_one_name_the_first_counts() -> None:
    body = pe((), [(".dep-v0", b"abc"), (".dep-v0", b"defg")])
    assert headers(body).sections[b".dep-v0"].size == 3


def test_a_long_stub_asks_for_more() -> None:
    body = pe(SEGMENTS, stub=9000)
    need = read_pe(body[:4096])
    assert isinstance(need, int)
    assert 9000 < need < len(body)
    more = read_pe(body[:need])
    assert isinstance(more, int)
    assert need < more < len(body)
    assert isinstance(read_pe(body[:more]), Program)


def test_more_sections_than_windows_loads_are_not_read() -> None:
    found = read_pe(pe((), [(f".s{n}", b"x") for n in range(120)]))
    assert isinstance(found, Program)
    assert len(found.sections) == 96


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"MZ",
        b"MZ" + bytes(4000),
        b"MZ" + bytes(58) + struct.pack("<I", 0x40) + b"NE" + bytes(200),
        elf(SEGMENTS),
        pe(SEGMENTS).replace(b"PE\0\0", b"PE\0\1"),
        pe(SEGMENTS).replace(b"\x0b\x02", b"\x07\x01", 1),
    ],
)
def test_what_is_no_program(head: bytes) -> None:
    assert read_pe(head) is None
