from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat
from provenance.image.decompression import decompressed
from provenance.image.place import Place
from provenance.settings import Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PLACE = Place("registry.example/app@sha256:0", "sha256:1")
COMPRESSIONS = {
    "gzip": lambda data: gzip.compress(data, 1),
    "zstd": zstd.compress,
}


def read(data: bytes, step: int = 1 << 16, limits: Limits | None = None) -> bytes:
    stream = decompressed(io.BytesIO(data), place=PLACE, limits=limits or Limits())
    parts = []
    while part := stream.read(step):
        assert len(part) <= step
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("name", COMPRESSIONS)
class TestEach:
    @given(
        parts=st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 3000)), max_size=8),
        step=st.sampled_from([1, 7, 512, 1 << 20]),
    )
    def test_members_one_after_another_are_one_stream(
        self, name: str, parts: list[tuple[bytes, int]], step: int
    ) -> None:
        plain = [a + b"x" * n for a, n in parts]
        packed = b"".join(COMPRESSIONS[name](p) for p in plain)
        assert read(packed, step) == b"".join(plain)

    @pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3_000_000])
    def test_sizes_around_the_window(self, name: str, size: int) -> None:
        data = random.Random(size).randbytes(size // 2) + bytes(size - size // 2)
        assert read(COMPRESSIONS[name](data)) == data

    @pytest.mark.parametrize("step", [1, 3, 500])
    def test_members_of_any_size_from_a_source_that_hands_out_little(
        self, name: str, step: int
    ) -> None:
        noise = random.Random(step).randbytes
        plain = [noise(size) for size in (0, 1, 40_000, 2, 5, 9_000, 1)]
        packed = io.BytesIO(b"".join(COMPRESSIONS[name](p) for p in plain))

        class Slow:
            def read(self, size: int, /) -> bytes:
                return packed.read(min(size, step))

        stream = decompressed(Slow(), place=PLACE, limits=Limits())
        assert b"".join(iter(lambda: stream.read(1 << 20), b"")) == b"".join(plain)

    def test_thousands_of_small_members(self, name: str) -> None:
        packed = b"".join(COMPRESSIONS[name](b"%d" % i) for i in range(20_000))
        assert read(packed) == b"".join(b"%d" % i for i in range(20_000))

    @pytest.mark.parametrize("kept", [10, 1000, -1])
    def test_a_stream_cut_short_is_malformed_and_names_reference_and_digest(
        self, name: str, kept: int
    ) -> None:
        packed = COMPRESSIONS[name](random.Random(1).randbytes(5000))
        with pytest.raises(MalformedDocument, match="ends in the middle") as caught:
            read(packed[:kept])
        assert caught.value.reference == PLACE.reference
        assert caught.value.digest == PLACE.digest

    def test_garbage_in_the_middle_is_malformed(self, name: str) -> None:
        packed = bytearray(COMPRESSIONS[name](random.Random(1).randbytes(5000)))
        packed[4:60] = b"\xff" * 56
        with pytest.raises(MalformedDocument, match=r"decompressed|in the middle"):
            read(bytes(packed))

    def test_a_bomb_meets_the_ratio(self, name: str) -> None:
        packed = COMPRESSIONS[name](bytes(80 << 20))
        with pytest.raises(LimitExceeded, match="more than 100 times") as caught:
            read(packed, limits=Limits(layer_ratio=100))
        assert "layer_ratio" in caught.value.hint

    def test_a_layer_over_its_cap_is_refused(self, name: str) -> None:
        with pytest.raises(LimitExceeded, match="larger than 4096 bytes"):
            read(COMPRESSIONS[name](bytes(5000)), limits=Limits(layer_bytes=4096))


# RFC 1952: flags; two bytes that count the extra field; name; comment; CRC of all before.
HEADERS = {
    "nothing more": b"\x1f\x8b\x08\x02" + bytes(6),
    "every field": b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x04\x00abcdname\0comment\0",
}


def with_header(header: bytes, data: bytes, *, change: int = 0) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(data) + packer.flush()
    check = zlib.crc32(header) & 0xFFFF ^ change
    trailer = struct.pack("<II", zlib.crc32(data), len(data))
    return header + struct.pack("<H", check) + body + trailer


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
class TestHeaderCrc:
    def test_one_that_holds_is_read(self, header: bytes) -> None:
        assert read(with_header(header, b"data" * 9)) == b"data" * 9

    def test_another_is_refused(self, header: bytes) -> None:
        with pytest.raises(MalformedDocument, match=r"cannot be decompressed: .*checksum"):
            read(with_header(header, b"data" * 9, change=1))


class TestHeaderInPieces:
    """Whatever the chunks are that the compressed bytes come in."""

    FIRST = random.Random(1).randbytes(9000)

    @pytest.mark.parametrize(("flags", "parts"), [
        (0b00100, b"\x04\x00abcd"),
        (0b01100, b"\x04\x00abcdname\0"),
        (0b11000, b"name\0comment\0"),
        (0b11101, b"\x04\x00abcdname\0comment\0"),
        (0b01100, b"\xff\xff" + b"a" * 0xFFFF + b"n" * 500 + b"\0"),
    ], ids=["extra", "extra, name", "name, comment", "all", "the longest"])  # fmt: skip
    @pytest.mark.parametrize("before", [b"", FIRST], ids=["first member", "second member"])
    def test_is_read(self, before: bytes, flags: int, parts: bytes) -> None:
        header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + parts
        first = gzip.compress(before) if before else b""
        whole = first + header + gzip.compress(b"data" * 9, mtime=0)[10:]
        cuts = range(len(first) + 1, len(first) + len(header) + 2, max(1, len(header) // 40))
        for cut in cuts:
            assert read_in([whole[:cut], whole[cut:]]) == before + b"data" * 9, cut

    def test_a_name_is_never_taken_for_data(self) -> None:
        # The name reads as a stored block as well, that ends among the data, where a trailer
        # follows, and a header whose extra field lasts to the data of the last member.
        hidden = b"what a reader sees that takes the name for data"
        last = gzip.compress(b"last", mtime=0)
        block = (len(hidden) + 1 + 5) | 0x0100
        shown = hidden + b"n" * (block - len(hidden) - 6)
        name = b"\xf8" + struct.pack("<HH", block, block ^ 0xFFFF) + shown
        after = b"\x1f\x8b\x08\x04" + bytes(6) + struct.pack("<H", 8 + 10)
        size = 2 + 8 + len(after)
        stored = b"\x01" + struct.pack("<HH", size, size ^ 0xFFFF)
        seen = shown + b"\0" + stored
        data = b"\x03\x00" + struct.pack("<II", zlib.crc32(seen), len(seen)) + after
        header = b"\x1f\x8b\x08\x0c" + bytes(6) + b"\x04\x00abcd" + name + b"\0"
        trailer = struct.pack("<II", zlib.crc32(data), len(data))
        whole = gzip.compress(self.FIRST) + header + stored + data + trailer + last
        cut = whole.index(b"abcd") + 2
        assert read_in([whole[:cut], whole[cut:]]) == self.FIRST + data + b"last"

    @pytest.mark.parametrize(("flags", "parts"), [
        (0b11000, b"n" * (1 << 17) + b"\0comment\0"),
        (0b11000, b"name\0" + b"c" * (1 << 17) + b"\0"),
        (0b01100, b"\xff\xff" + b"a" * 0xFFFF + b"n" * 70_000 + b"\0"),
        (0b00110, b"\xff\xff" + b"a" * 0xFFFF),
    ], ids=["name", "comment", "extra, name", "cut"])  # fmt: skip
    @pytest.mark.parametrize("before", [b"", FIRST], ids=["first member", "second member"])
    def test_longer_than_any_that_runtimes_agree_on_is_refused(
        self, before: bytes, flags: int, parts: bytes
    ) -> None:
        first = gzip.compress(before) if before else b""
        header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + parts
        rest = b"" if flags & 0b10 else gzip.compress(b"data" * 9, mtime=0)[10:]
        with pytest.raises(MalformedDocument, match="a gzip header is cut short or has more"):
            read(first + header + rest)

    @pytest.mark.parametrize("size", range(2, 12))
    @pytest.mark.parametrize("third", [b"\x08", b"\x06", b"\x1e"])
    def test_that_is_cut_is_refused(self, size: int, third: bytes) -> None:
        header = (b"\x1f\x8b" + third + b"\x1e" + bytes(8))[:size]
        with pytest.raises(MalformedDocument):
            read(gzip.compress(b"first") + header)


def read_in(pieces: list[bytes]) -> bytes:
    class Pieces:
        def read(self, size: int, /) -> bytes:
            return pieces.pop(0) if pieces else b""

    plain = decompressed(Pieces(), place=PLACE, limits=Limits())
    return b"".join(iter(lambda: plain.read(1 << 20), b""))


@pytest.mark.parametrize("at", [-8, -5, -4, -1], ids=["crc", "crc, end", "size", "size, end"])
def test_a_gzip_trailer_that_does_not_hold_is_refused(at: int) -> None:
    packed = bytearray(gzip.compress(bytes(300_000)))
    packed[at] ^= 1
    with pytest.raises(MalformedDocument, match=r"cannot be decompressed: .*checksum"):
        read(bytes(packed))


def test_skippable_frames_are_skipped() -> None:
    frame = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"index"
    assert read(frame + zstd.compress(b"data") + frame) == b"data"


@pytest.mark.parametrize("data", [b"", b"x", b"plain tar", bytes(100_000)])
def test_plain_bytes_pass_through(data: bytes) -> None:
    assert read(data) == data


def test_plain_bytes_have_a_cap_too() -> None:
    with pytest.raises(LimitExceeded, match="larger than 10 bytes"):
        read(b"x" * 11, limits=Limits(layer_bytes=10))


@pytest.mark.parametrize(
    ("data", "name"),
    [(bz2.compress(b"x"), "bzip2"), (lzma.compress(b"x"), "xz"), (b"PK\x03\x04....", "zip")],
)
def test_other_compressions_are_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=f"compressed with {name}"):
        read(data)
