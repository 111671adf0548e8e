from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.elf_files import DATA, Mapped, elf
from tests.program_files import macho, pe, universal

from provenance.catalog.ecosystems.program import Segment, file_offset
from provenance.catalog.ecosystems.programs import Programs, programs_in

if TYPE_CHECKING:
    from provenance.catalog.ecosystems.programs import Headers

SEGMENTS = (Mapped(0x402000, b"y" * 5000, DATA),)


class Seen:
    """Keeps what it is fed, until it has `most` bytes."""

    def __init__(self, headers: Headers, size: int, first: memoryview, most: int) -> None:
        self.headers, self.size, self.most = headers, size, most
        self.first, self.data = bytes(first), b""

    def feed(self, data: memoryview) -> bool | None:
        self.data += data
        return len(self.data) >= self.most or None


def seen(body: bytes, chunk: int, most: int = 1 << 30) -> tuple[list[Seen], int]:
    """Those that were given, and how many bytes were taken."""
    programs = Programs(len(body), lambda headers, size, first: Seen(headers, size, first, most))
    for start in range(0, len(body), chunk):
        if programs.feed(memoryview(body)[start : start + chunk]):
            return programs.parts, min(start + chunk, len(body))
    return programs.parts, len(body)


@pytest.mark.parametrize(
    "body",
    [
        elf(SEGMENTS),
        pe(SEGMENTS),
        pe(SEGMENTS, stub=9000),
        macho(SEGMENTS),
        macho(SEGMENTS, others=400),
    ],
)
@pytest.mark.parametrize("chunk", [1, 100, 4095, 4096, 5000, 1 << 20])
def test_each_byte_is_passed_on_once_the_headers_are_known(body: bytes, chunk: int) -> None:
    (one,), _ = seen(body, chunk)
    assert one.data == body
    assert one.size == len(body)
    assert one.data.startswith(one.first)
    assert [(s, e, h) for s, e, h in programs_in(body)] == [(0, len(body), one.headers)]
    segments = one.headers.segments
    assert segments is not None
    assert [s.address for s in segments] == [0x402000]


@pytest.mark.parametrize("chunk", [1, 100, 4096, 20_000, 1 << 20])
def test_each_program_of_a_universal_file_gets_its_own_bytes(chunk: int) -> None:
    one, two = macho(SEGMENTS), macho(SEGMENTS, bits=32, order=">")
    body = universal(one, b"!<arch>\n" + bytes(9000), two) + bytes(70_000)
    given, taken = seen(body, chunk)
    assert [g.data for g in given] == [one, two]
    assert [(body[s:e], h) for s, e, h in programs_in(body)] == [
        (one, given[0].headers),
        (two, given[1].headers),
    ]
    assert taken - chunk < body.index(two) + len(two)


def test_universal_files_are_not_nested() -> None:
    body = universal(universal(macho(SEGMENTS)), macho(SEGMENTS))
    assert len(seen(body, 1 << 20)[0]) == len(list(programs_in(body))) == 1


def test_a_program_that_ends_behind_its_file_has_what_is_there() -> None:
    whole = universal(macho(SEGMENTS), macho(SEGMENTS))
    body = whole[:-1000]
    given, _ = seen(body, 5000)
    assert [g.size for g in given] == [e - s for s, e, _ in programs_in(body)]
    assert given[1].data == macho(SEGMENTS)[:-1000]


@pytest.mark.parametrize(
    "body",
    [
        b"#!/bin/sh\n" * 2000,
        b"MZ" + b"text\n" * 4000,
        b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(9000),
        b"\x7fELF" + bytes(9000),
        macho(SEGMENTS, kind=1),
        # Headers that would begin behind the end.
        b"MZ" + bytes(58) + b"\0\0\x10\0" + bytes(9000),
    ],
)
def test_what_is_no_program_is_read_no_further(body: bytes) -> None:
    assert seen(body, 5000) == ([], 5000)
    assert list(programs_in(body)) == []


def test_headers_far_away_are_unknown_not_none() -> None:
    (one,), _ = seen(pe(SEGMENTS, stub=70_000), 5000)
    assert one.headers.segments is None


def test_who_has_seen_enough_is_passed_by() -> None:
    given, taken = seen(elf(SEGMENTS) + bytes(9000), 4096, most=4096)
    assert (len(given), taken) == (1, 4096)


def test_addresses_lead_to_offsets_within_one_segment() -> None:
    segments = [Segment(100, 0x1000, 50, False), Segment(200, 0x1032, 50, True)]
    assert file_offset(segments, 0x1000, 50) == 100
    assert file_offset(segments, 0x1031, 1) == 149
    assert file_offset(segments, 0x1031, 2) is None
    assert file_offset(segments, 0x1032, 50) == 200
    assert file_offset(segments, 0xFFF, 1) is None
    assert file_offset(segments, 0x1000, 1 << 63) is None
