"""One 512-byte tar header, read as Go's archive/tar reads it: what runtimes unpack is what counts.

Sources: POSIX.1-2017 pax "ustar interchange format", GNU tar manual "Basic Tar Format",
Go archive/tar. What that reader refuses is refused here, so that nobody can show us one tree and
the runtime another.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import adler32

from provenance.errors import MalformedDocument
from provenance.image.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BLOCK",
    "EXTENSION_BYTES",
    "ZERO_BLOCK",
    "Header",
    "careful_header",
    "number",
    "parse_header",
    "plain_header",
    "text",
]

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)
EXTENSION_BYTES = 1 << 20  # of one pax or GNU header, Go's own limit
_ADLER = 65521
_ENDS = b"\0 "
_KEPT = 1 << 15
_NAME = 100
# mode, size and its end, checksum, type, first byte of the prefix
_FIELDS = struct.Struct("=100x 8s 16x 11s B 12x 8s B 188x B 166x".replace(" ", "")).unpack
_CHECKSUM_ENDS = frozenset({b"\0 ", b" \0", b"\0\0", b"  "})
_NO_BODY = frozenset(b"123456")  # links, devices, directories, pipes: a size there means nothing


@dataclass(slots=True)
class Header:
    """The fields that matter to a reader. Values of pax and GNU headers replace them."""

    name: bytes
    mode: int
    size: int
    """Bytes of body that follow, before padding."""
    type: int
    """The type flag's byte. 0, the oldest form, is a directory if the final name ends in `/`."""
    link: bytes


def parse_header(block: bytes, place: Place) -> Header:
    """Read a header block that is not all zeros. Raises MalformedDocument."""
    if (plain := plain_header(block)) is not None:
        name, mode, size, kind = plain
        link = text(block[157:257]) if kind in b"12" else b""
        return Header(name.encode("ascii"), mode, 0 if kind in _NO_BODY else size, kind, link)
    return careful_header(block, place)


def careful_header(block: bytes, place: Place) -> Header:
    """Read a header block of any form. Raises MalformedDocument."""
    stored = number(block[148:156], place, "checksum")
    if not _checksum_holds(block, stored):
        raise place.malformed(
            "a tar header's checksum is wrong", "the layer is corrupt, or no tar archive"
        )
    size = number(block[124:136], place, "size")
    if size < 0:
        raise place.malformed("a tar header has a negative size")
    kind = block[156]
    name = text(block[:100])
    if prefix := _prefix(block):
        name = prefix + b"/" + name
    return Header(
        name=name,
        mode=number(block[100:108], place, "mode") & 0o7777,
        size=0 if kind in _NO_BODY else size,
        type=kind,
        link=text(block[157:257]) if kind in b"12" else b"",
    )


def plain_header(block: bytes) -> tuple[str, int, int, int] | None:
    """Name, mode, size as it is written, and type, of a header without anything special.

    Nearly all headers of a layer are such: fields in ASCII and octal. None: it is for
    `careful_header`, which says the same of these, and takes three times as long.
    """
    if not block.isascii():
        return None
    mode_field, size_field, size_end, sum_field, kind, prefix = _FIELDS(block)
    mode = _MODES[mode_field]
    # All bytes are ASCII, so their sum is adler32's low half less one.
    if mode < 0 or adler32(block) & 0xFFFF != _SUMS[sum_field]:
        return None
    if size_end not in _ENDS or not size_field.isdigit():
        return None
    try:
        size = int(size_field, 8)
    except ValueError:  # 8 or 9
        return None
    end = block.find(b"\0", 0, _NAME)
    name = block[: end if end >= 0 else _NAME]
    if prefix and (above := _prefix(block)):
        name = above + b"/" + name
    if b"\\" in name:  # may have to be doubled (names.py)
        return None
    return name.decode("ascii"), mode, size, kind


class _Kept(dict[bytes, int]):
    """What a field was read as, since most headers say the same as others; bounded."""

    def __init__(self, reads: Callable[[bytes], int]) -> None:
        super().__init__()
        self._reads = reads

    def __missing__(self, field: bytes) -> int:
        if len(self) >= _KEPT:
            self.clear()
        value = self[field] = self._reads(field)
        return value


def _expected_sum(field: bytes) -> int:
    """adler32's low half of a header with this checksum, whose own bytes count as spaces."""
    digits, end = field[:6], field[6:]
    if not digits.isdigit() or end not in _CHECKSUM_ENDS or b"8" in digits or b"9" in digits:
        return -1
    return int(digits, 8) + sum(field) - 8 * 0x20 + 1


def _mode(field: bytes) -> int:
    """Permission bits; -1: the field has an unusual form."""
    digits = field[:7]
    if not digits.isdigit() or field[7] not in _ENDS or b"8" in digits or b"9" in digits:
        return -1
    return int(digits, 8) & 0o7777


_SUMS, _MODES = _Kept(_expected_sum), _Kept(_mode)


def text(field: bytes) -> bytes:
    """A field's bytes before the first NUL."""
    end = field.find(b"\0")
    return field if end < 0 else field[:end]


def number(field: bytes, place: Place, what: str) -> int:
    """A numeric field: octal, or base-256 where its first bit is set. Raises MalformedDocument."""
    if field[0] & 0x80:
        return _base_256(field, place, what)
    digits = field.strip(b" \0")
    if not digits:
        return 0
    if not digits.isdigit():
        digits = text(digits)  # Go's reader stops at a NUL, whatever follows
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise place.malformed(f"a tar header's {what} is no number: {digits[:12]!r}")
    return int(digits, 8)


def _base_256(field: bytes, place: Place, what: str) -> int:
    bits = 8 * len(field) - 1
    value = int.from_bytes(field, "big") & ((1 << bits) - 1)
    if field[0] & 0x40:
        value -= 1 << bits
    if not -(1 << 63) <= value < 1 << 63:
        raise place.malformed(f"a tar header's {what} does not fit 64 bits")
    return value


def _checksum_holds(block: bytes, stored: int) -> bool:
    """Compare with the sum of all bytes, those of the field itself counted as spaces.

    Plain ASCII sums to less than adler32's modulus, so its low half is that sum plus one: five
    times as fast as `sum`.
    """
    counted = block[:148] + b"        " + block[156:]
    if counted.isascii():
        return (adler32(counted) & 0xFFFF) - 1 == stored
    unsigned = sum(counted)
    if unsigned == stored:
        return True
    return unsigned - 256 * sum(byte >> 7 for byte in counted) == stored  # signed char, old Sun tar


def _prefix(block: bytes) -> bytes:
    if not block[345]:
        return b""
    magic = block[257:265]
    if magic[:6] == b"ustar\0":
        return text(block[345:476] if block[508:512] == b"tar\0" else block[345:500])
    if magic == b"ustar  \0" and not (_is_time(block[345:357]) and _is_time(block[357:369])):
        # GNU keeps two times there; writers of old that knew no better put a prefix.
        prefix = text(block[345:500])
        return prefix if prefix.isascii() else b""
    return b""


def _is_time(field: bytes) -> bool:
    """Whether Go reads it as a number."""
    if not field[0]:
        return True
    try:
        number(field, Place(), "time")
    except MalformedDocument:
        return False
    return True
