"""The members of a zip archive, by its central directory; each read on its own, within caps.

Source: PKWARE APPNOTE 6.3.10, sections 4.3 (layout) and 4.5.3 (zip64). Java's own reader agrees
with it in what counts here: the last end record rules, and bytes may stand before the archive (the
shell script of an executable jar). `zipfile` makes an object a member, which costs more than
reading all that a jar tells.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple, cast

from isal import isal_zlib

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["Archive", "BadArchive", "Budget", "Exhausted", "Member", "open_archive"]

_END = struct.Struct("<4s4xHHIIH")
_END64 = struct.Struct("<4s20xQQQQ")
_LOCATOR64 = struct.Struct("<4s4xQ")
_CENTRAL = struct.Struct("<4s4xHH4xIIIHHH8xI")
_CENTRAL_SIZES = struct.Struct("<4s24xHHH")
_LOCAL = struct.Struct("<4s22xHH")
_EXTRA = struct.Struct("<HH")

_END_TRIES = 32
"""End records looked at: the four bytes may stand in a comment."""
_NARROW = 0xFFFFFFFF
"""In a field of 32 bits: the value stands in the zip64 extra field."""
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_STORED, _DEFLATED = 0, 8
_RATIO_FROM = 1 << 20
_RATIO = 200
"""A member of a mebibyte and more that deflates better is made to fill memory."""


# Its stub calls the class an instance.
_InflateError = cast(type[Exception], isal_zlib.error)


class BadArchive(ValueError):
    """The archive, or one member, cannot be read: the message says why."""


class Member(NamedTuple):
    """One entry of the central directory."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes expanded, as stated."""
    offset: int
    """Where its local header is, as stated."""


class Exhausted(Exception):
    """What one file of the image may cost is spent: the message says on what."""


class Budget:
    """What one file of the image may cost, with all that lies inside of it."""

    def __init__(self, size: int, *, records: int = 1_500_000) -> None:
        self.records = records
        """Entries, lines, elements, a microsecond each; what takes longer counts as several."""
        self.expanded = min(1 << 30, (64 << 20) + 50 * size)
        """Bytes that members expand to."""

    def spend_records(self, count: int) -> None:
        """Take `count` records. Raises Exhausted where there are no more."""
        self.records -= count
        if self.records < 0:
            raise Exhausted("not read to its end: too many entries in it and what lies inside")

    def spend_bytes(self, count: int) -> None:
        """Take `count` expanded bytes. Raises Exhausted where there are no more."""
        self.expanded -= count
        if self.expanded < 0:
            raise Exhausted("not read to its end: it expands to too much")


class Archive:
    """An opened archive: what is worth a look, and the folders of its classes."""

    def __init__(self, body: bytes | mmap, base: int, budget: Budget) -> None:
        self.members: list[Member] = []
        """Those asked for; no class files and no folders."""
        self.folders: set[str] = set()
        """Folders that hold class files, `/` between the steps."""
        self._body = body
        self._base = base
        self._budget = budget
        self._starts: list[int] = []
        self._ends: list[int] = []

    def read(self, member: Member, *, limit: int, prefix: bool = False) -> bytes:
        """The member's bytes, checked against its size and CRC.

        Args:
            member: one of `members`.
            limit: most bytes to expand.
            prefix: more than that is no fault: the first `limit` bytes are enough, and then only
                they are read and nothing is checked.

        Raises:
            BadArchive: damaged, encrypted, packed otherwise, too big, it lies in another member or
                was read before.
            Exhausted: the budget is spent.
        """
        whole = member.size <= limit
        if not whole and not prefix:
            raise BadArchive(f"expands to {member.size} bytes, more than the {limit} read")
        if member.size >= _RATIO_FROM and member.size > member.packed * _RATIO:
            raise BadArchive(f"{member.packed} bytes that claim to expand to {member.size}")
        start = self._start(member)
        wanted = min(member.size, limit)
        self._budget.spend_bytes(wanted)
        end = start + member.packed
        if member.method == _STORED:
            if member.size != member.packed:
                raise BadArchive("stored, but with two different sizes")
            data = self._body[start : start + wanted]
        else:
            data = _inflate(self._body, start, end, wanted)
            if not whole:
                data = data[:wanted]
        if len(data) != wanted:
            raise BadArchive(f"expands to {len(data)} bytes, not to the {wanted} it states")
        if whole and isal_zlib.crc32(data) != member.crc:
            raise BadArchive("its bytes do not have the checksum it states")
        return data

    def _start(self, member: Member) -> int:
        """Where the bytes begin."""
        if member.flags & _ENCRYPTED:
            raise BadArchive("encrypted")
        if member.method not in {_STORED, _DEFLATED}:
            raise BadArchive(f"packed by method {member.method}")
        where = self._base + member.offset
        if where + _LOCAL.size > len(self._body):
            raise BadArchive("its header lies behind the end of the archive")
        magic, name_size, extra_size = _LOCAL.unpack_from(self._body, where)
        start: int = where + _LOCAL.size + name_size + extra_size
        end = start + member.packed
        if magic != b"PK\3\4" or end > len(self._body):
            raise BadArchive("its header is missing or its bytes are cut off")
        name = self._body[where + _LOCAL.size : where + _LOCAL.size + name_size]
        if _text(name, member.flags) != member.name:
            raise BadArchive("its own header has another name")
        self._claim(where, end)
        return start

    def _claim(self, where: int, end: int) -> None:
        """Take bytes for one member: sharing them makes a small file expand without end."""
        at = bisect_right(self._starts, where)
        before = at > 0 and self._ends[at - 1] > where
        if before or (at < len(self._starts) and self._starts[at] < end):
            raise BadArchive("its bytes lie in another member")
        self._starts.insert(at, where)
        self._ends.insert(at, end)


def open_archive(
    body: bytes | mmap,
    budget: Budget,
    *,
    suffixes: tuple[bytes, ...] = (b"",),
    prefixes: tuple[bytes, ...] = (),
) -> Archive:
    """Read the central directory of `body`.

    Args:
        body: the archive.
        budget: what it may cost.
        suffixes: members to keep, by the end of their names; most are never looked at.
        prefixes: and by the start of their names.

    Raises:
        BadArchive: no archive, or a damaged one.
        Exhausted: the budget is spent.
    """
    position, count, size, offset = _end(body)
    start = position - size
    base = start - offset
    if start < 0 or base < 0:
        raise BadArchive("the central directory lies outside of the archive")
    if size < count * _CENTRAL.size:
        raise BadArchive("the central directory is too small for its number of entries")
    budget.spend_records(count)
    archive = Archive(body, base, budget)
    _walk(archive, body[start:position], count, suffixes, prefixes)
    return archive


def _walk(
    archive: Archive,
    directory: bytes,
    count: int,
    suffixes: tuple[bytes, ...],
    prefixes: tuple[bytes, ...],
) -> None:
    """Go through the entries of the directory, and keep those wanted."""
    unpack, fixed, limit = _CENTRAL_SIZES.unpack_from, _CENTRAL.size, len(directory)
    folders: set[bytes] = set()
    keep = archive.members.append
    at = 0
    for _ in range(count):
        if at + fixed > limit:
            raise BadArchive("the central directory is cut off")
        magic, named, extra, comment = unpack(directory, at)
        if magic != b"PK\1\2":
            raise BadArchive("an entry of the central directory does not begin as one")
        start = at + fixed
        end = start + named
        name = directory[start:end]
        if name[-6:] == b".class":
            folders.add(name.rpartition(b"/")[0])
        elif (name.endswith(suffixes) or name.startswith(prefixes)) and name[-1:] != b"/":
            keep(_member(directory, at, name))
        at = end + extra + comment
    if at > limit:
        raise BadArchive("the central directory is cut off")
    archive.folders.update(f.decode("utf-8", "replace") for f in folders)


def _member(directory: bytes, at: int, name: bytes) -> Member:
    """The entry that begins at `at`."""
    _, flags, method, crc, packed, size, named, extra, _, offset = _CENTRAL.unpack_from(
        directory, at
    )
    if _NARROW in (packed, size, offset):
        behind = at + _CENTRAL.size + named
        packed, size, offset = _wide(directory[behind : behind + extra], packed, size, offset)
    return Member(_text(name, flags), flags, method, crc, packed, size, offset)


def _text(name: bytes, flags: int) -> str:
    """A name as UTF-8, as Java reads it whatever the flag says; else as code page 437."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("utf-8" if flags & 0x800 else "cp437", "replace")


def _end(body: bytes | mmap) -> tuple[int, int, int, int]:
    """End of the central directory, its number of entries, its size, its stated offset.

    The last record whose comment ends with the file; else, as bytes may follow the archive, the
    last that can be one.
    """
    length = len(body)
    stop, loose = length, None
    for _ in range(_END_TRIES):
        at = body.rfind(b"PK\5\6", max(0, length - 0xFFFF - _END.size), stop)
        if at < 0:
            break
        # The next one to the left may overlap this one's first three bytes.
        stop = at + 3
        if at + _END.size > length:
            continue
        _, _, count, size, offset, comment = _END.unpack_from(body, at)
        past = at + _END.size + comment
        found = (at, count, size, offset)
        if count == 0xFFFF or _NARROW in {size, offset}:
            found = _end64(body, at) or found
        if past > length or not _plausible(body, *found[:3]):
            continue
        if past == length:
            return found
        loose = loose or found
    if loose is None:
        raise BadArchive("no zip archive, or one whose end is missing")
    return loose


def _plausible(body: bytes | mmap, end: int, count: int, size: int) -> bool:
    return count == 0 or (end >= size and body[end - size : end - size + 4] == b"PK\1\2")


def _end64(body: bytes | mmap, end: int) -> tuple[int, int, int, int] | None:
    locator = end - 20
    if locator < _END64.size or body[locator : locator + 4] != b"PK\6\7":
        return None
    _, stated = _LOCATOR64.unpack_from(body, locator)
    # Bytes before the archive move the record; without extensible data it ends at the locator.
    for at in (stated, locator - 56):
        if 0 <= at <= locator - 56 and body[at : at + 4] == b"PK\6\6":
            _, _, count, size, offset = _END64.unpack_from(body, at)
            return (at, count, size, offset) if size <= at else None
    return None


def _wide(extra: bytes, packed: int, size: int, offset: int) -> tuple[int, int, int]:
    """The zip64 values of those that do not fit: size, packed size, offset, in this order."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += 4
        if kind == 1:
            values = extra[at : at + length]
            found = []
            for narrow in (size, packed, offset):
                if narrow == _NARROW and len(values) >= 8:
                    found.append(int.from_bytes(values[:8], "little"))
                    values = values[8:]
                else:
                    found.append(narrow)
            return found[1], found[0], found[2]
        at += length
    return packed, size, offset


def _inflate(body: bytes | mmap, start: int, end: int, wanted: int) -> bytes:
    """Up to `wanted` bytes, and one more where there are more."""
    inflater = isal_zlib.decompressobj(-15)
    # A view spares a copy; a map cannot be closed while one is open.
    try:
        with memoryview(body) as whole, whole[start:end] as packed:
            data: bytes = inflater.decompress(packed, wanted + 1)
            return data
    except _InflateError as error:
        raise BadArchive(f"cannot be inflated: {error}") from error
