"""One 512-byte tar header, read as Go's archive/tar reads it: what runtimes unpack is what counts.

Sources: POSIX.1-2017 pax "ustar interchange format", GNU tar manual "Basic Tar Format",
Go archive/tar. What that reader refuses is refused here, so that nobody can show us one tree and
the runtime another.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.image.place import Place

__all__ = ["BLOCK", "ZERO_BLOCK", "Header", "number", "parse_header", "text"]

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)
_ADLER = 65521
_NO_BODY = frozenset(b"123456")  # links, devices, directories, pipes: a size there means nothing


@dataclass(slots=True)
class Header:
    """The fields that matter to a reader. Values of pax and GNU headers replace them."""

    name: bytes
    mode: int
    size: int
    """Bytes of body that follow, before padding."""
    type: int
    """The type flag's byte."""
    link: bytes


def parse_header(block: bytes, place: Place) -> Header:
    """Read a header block that is not all zeros. Raises MalformedDocument."""
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
    if kind == 0:
        kind = 0x35 if name.endswith(b"/") else 0x30
    return Header(
        name=name,
        mode=number(block[100:108], place, "mode") & 0o7777,
        size=0 if kind in _NO_BODY else size,
        type=kind,
        link=text(block[157:257]) if kind in b"12" else b"",
    )


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
        return (zlib.adler32(counted) & 0xFFFF) - 1 == stored
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
    if magic == b"ustar  \0" and not _is_time(block[345:357]):
        # GNU keeps times there; writers of old that knew no better put a prefix.
        prefix = text(block[345:500])
        return prefix if prefix.isascii() else b""
    return b""


def _is_time(field: bytes) -> bool:
    return bool(field[0] & 0x80) or not field.strip(b" \0") or field.strip(b" \0").isdigit()
