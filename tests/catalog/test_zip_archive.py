"""The zip reader agrees with Python's own on good archives, and names the fault of bad ones."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.ecosystems.zip_archive import (
    Archive,
    BadArchive,
    Budget,
    Exhausted,
    Member,
    open_archive,
)

LIMIT = 1 << 20


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def opened(body: bytes) -> Archive:
    return open_archive(body, Budget(len(body)))


def everything(body: bytes) -> dict[str, bytes]:
    archive = opened(body)
    return {m.name: archive.read(m, limit=LIMIT) for m in archive.members}


def only(body: bytes) -> tuple[Archive, Member]:
    archive = opened(body)
    (member,) = archive.members
    return archive, member


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(
    st.dictionaries(
        NAMES.filter(lambda n: not n.endswith(("/", ".class"))), st.binary(max_size=2000)
    ),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.binary(max_size=50),
)
def test_every_member_is_read_as_zipfile_reads_it(
    members: dict[str, bytes], compression: int, before: bytes
) -> None:
    body = before.replace(b"PK", b"  ") + zipped(members, compression)
    with zipfile.ZipFile(io.BytesIO(body)) as peer:
        expected = {name: peer.read(name) for name in peer.namelist()}
    assert everything(body) == expected


@given(st.binary(max_size=400))
def test_bytes_that_are_no_archive_end_in_one_error(data: bytes) -> None:
    try:
        archive = opened(data)
    except BadArchive:
        return
    for member in archive.members:
        with pytest.raises(BadArchive):
            archive.read(member, limit=LIMIT)


def test_classes_leave_their_folders_only() -> None:
    archive = opened(zipped({"org/x/A.class": b"", "org/x/B.class": b"", "C.class": b"", "t": b""}))
    assert archive.folders == {"org/x", ""}
    assert [m.name for m in archive.members] == ["t"]


def test_a_script_may_stand_before_the_archive() -> None:
    assert everything(b"#!/bin/sh\nexec java\n" + zipped({"a": b"1"})) == {"a": b"1"}


def test_a_comment_that_holds_an_end_record_does_not_mislead() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"1")
        archive.comment = b"PK\5\6" + bytes(30)
    assert everything(buffer.getvalue()) == {"a": b"1"}


def test_sizes_and_offsets_of_64_bits() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"wide")
    assert everything(buffer.getvalue()) == {"a": b"wide"}
    # The same with every narrow field saying: look there.
    body = bytearray(zipped({"a": b"wide"}, zipfile.ZIP_STORED))
    at = body.index(b"PK\1\2")
    extra = struct.pack("<HHQQQ", 1, 24, 4, 4, 0)
    central = bytearray(body[at : at + 47])
    struct.pack_into("<II", central, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", central, 30, len(extra))
    struct.pack_into("<I", central, 42, 0xFFFFFFFF)
    directory = bytes(central) + extra
    end64 = struct.pack(
        "<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), at
    ) + struct.pack("<4sIQI", b"PK\6\7", 0, at + len(directory), 1)
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    wide = bytes(body[:at]) + directory + end64 + end
    assert everything(wide) == {"a": b"wide"}
    assert everything(b"#!before" + wide) == {"a": b"wide"}


def test_more_entries_than_16_bits_count() -> None:
    members = {f"m{n}": b"" for n in range(66_000)}
    assert len(opened(zipped(members, zipfile.ZIP_STORED)).members) == 66_000


def test_a_prefix_is_enough_where_that_is_asked_for() -> None:
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive, member = only(zipped({"a": b"x" * 5000}, compression))
        assert archive.read(member, limit=100, prefix=True) == b"x" * 100
        with pytest.raises(BadArchive, match="expands to 5000 bytes"):
            archive.read(member, limit=100)


def changed(body: bytes, field: int, value: bytes, *, local: bool = False) -> bytes:
    """One field of the only entry overwritten, in the central directory or in the local header."""
    at = body.index(b"PK\3\4" if local else b"PK\1\2") + field
    return body[:at] + value + body[at + len(value) :]


STORED = zipped({"name": b"0123456789"}, zipfile.ZIP_STORED)
PACKED = zipped({"name": b"0123456789" * 10})


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (changed(STORED, 8, b"\1"), "encrypted"),
        (changed(STORED, 10, b"\x0c"), "packed by method 12"),
        (changed(STORED, 16, b"\0\0\0\0"), "checksum"),
        (changed(STORED, 24, b"\x05"), "two different sizes"),
        (changed(STORED, 42, b"\xf0\xff\xff\x7f"), "behind the end"),
        (changed(STORED, 20, b"\xf0\xff\0\0"), "cut off"),
        (changed(STORED, 30, b"other"[:4], local=True), "another name"),
        (changed(STORED, 0, b"PK\3\5", local=True), "header is missing"),
        (changed(PACKED, 24, b"\x63"), "expands to 100 bytes, not to the 99"),
        (changed(PACKED, 24, b"\x65"), "expands to 100 bytes, not to the 101"),
        (changed(PACKED, 34, b"\xff\xff\xff\xff", local=True), "inflated"),
    ],
)
def test_a_member_that_cannot_be_trusted_says_why(body: bytes, fault: str) -> None:
    archive, member = only(body)
    with pytest.raises(BadArchive, match=fault):
        archive.read(member, limit=LIMIT)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "no zip archive"),
        (b"PK\5\6", "no zip archive"),
        (STORED[:-5], "no zip archive"),
        (changed(STORED, 0, b"PK\1\3"), "no zip archive"),
        (STORED[:-12] + b"\x02\0" + STORED[-10:], "too small"),
        (STORED[:-6] + b"\xff\xff\0\0" + STORED[-2:], "outside"),
        (changed(STORED, 28, b"\xff\xff"), "cut off"),
    ],
)
def test_a_broken_directory_says_why(body: bytes, fault: str) -> None:
    with pytest.raises(BadArchive, match=fault):
        opened(body)


def test_two_members_that_share_bytes_are_not_both_read() -> None:
    inner = zlib.compressobj(wbits=-15)
    data = inner.compress(b"x" * 1000) + inner.flush()
    crc = zlib.crc32(b"x" * 1000)

    def header(name: bytes, size: int) -> bytes:
        return struct.pack(
            "<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0, crc, size, 1000, len(name), 0
        ) + name  # fmt: skip

    second = header(b"b", len(data))
    body = header(b"a", len(second) + len(data)) + second + data
    directory = b"".join(
        struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            *(b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, size, 1000, 1, 0, 0, 0, 0, 0, offset),
        )
        + name
        for name, size, offset in [
            (b"b", len(data), 31),
            (b"a", len(second) + len(data), 0),
        ]
    )
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(body), 0)
    archive = opened(body + directory + end)
    first, overlapping = archive.members
    assert archive.read(first, limit=LIMIT) == b"x" * 1000
    with pytest.raises(BadArchive, match="in another member"):
        archive.read(overlapping, limit=LIMIT)


def test_a_bomb_is_not_expanded() -> None:
    archive, member = only(zipped({"bomb": bytes(50 << 20)}))
    with pytest.raises(BadArchive, match="claim to expand"):
        archive.read(member, limit=1 << 30)


def test_no_member_is_read_twice() -> None:
    archive, member = only(STORED)
    assert archive.read(member, limit=LIMIT) == b"0123456789"
    with pytest.raises(BadArchive, match="in another member"):
        archive.read(member, limit=LIMIT)


def test_the_budget_ends() -> None:
    body = zipped({"a": b"x" * 600, "b": b"y" * 600})
    budget = Budget(0)
    budget.expanded = 1000
    archive = open_archive(body, budget)
    archive.read(archive.members[0], limit=LIMIT)
    with pytest.raises(Exhausted, match="expands to too much"):
        archive.read(archive.members[1], limit=LIMIT)
    with pytest.raises(Exhausted, match="too many entries"):
        open_archive(body, Budget(0, records=1))
