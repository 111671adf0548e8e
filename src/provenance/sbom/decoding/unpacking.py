"""Documents that were compressed: gzip and zstd, told by their first bytes, within a cap."""

from __future__ import annotations

import sys
from typing import Protocol

from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat

__all__ = ["compression", "unpacked"]

_SMALLEST, _WINDOW = 1 << 10, 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_MEMBERS, _LEAST = 100_000, 512
"""Members of any size, and what those beyond expand to in the mean: each costs time of its own."""
# What is recognised in order to say so.
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"PK\x03\x04": "zip"}


class _Decompressor(Protocol):
    """What isal's and zstd's have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What followed it."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most `max_length` bytes of what `data` stands for."""
        ...


def compression(raw: bytes) -> str:
    """`gzip` or `zstd`; empty where the bytes are in neither.

    Raises:
        UnsupportedFormat: compressed in another way.
    """
    for magic, name in _OTHERS.items():
        if raw.startswith(magic):
            raise UnsupportedFormat(
                f"the document is compressed with {name}", hint="gzip and zstd are read"
            )
    if raw.startswith(_GZIP):
        return "gzip"
    is_skippable = raw[1:4] == _SKIPPABLE and raw[0] >> 4 == 5  # RFC 8878, section 3.1.2
    return "zstd" if raw.startswith(_ZSTD) or is_skippable else ""


def unpacked(raw: bytes, kind: str, limit: int) -> bytes:
    """What `raw`, in one or several gzip members or zstd frames, expands to.

    Args:
        raw: the compressed bytes.
        kind: as `compression` tells it.
        limit: most bytes to expand to; no more than a window beyond it is ever made.

    Raises:
        LimitExceeded: it expands to more.
        MalformedDocument: damaged or cut short.
    """
    make = _gzip if kind == "gzip" else _zstd
    out = bytearray()
    at = members = 0
    while at < len(raw):
        at = _member(make(), raw, at, out, limit)
        members += 1
        if members > _MEMBERS + len(out) // _LEAST:
            raise LimitExceeded(
                f"the compressed document has {members:,} members with hardly anything in them",
                hint="compress it anew",
            )
        if not raw[at : at + 1].strip(b"\0"):  # tape-like padding after the last member
            if raw.count(b"\0", at) != len(raw) - at:
                raise MalformedDocument(
                    "the compressed document goes on behind zero bytes", hint="fetch it again"
                )
            break
    return bytes(out)


def _member(member: _Decompressor, raw: bytes, at: int, out: bytearray, limit: int) -> int:
    """Expand one member into `out`; returns where the next begins."""
    # What follows a member is copied each time, so the window is small until a member is large.
    waiting, window = b"", _SMALLEST
    while not member.eof:
        starved = getattr(member, "needs_input", not waiting)
        if starved and not waiting:
            waiting = raw[at : at + window]
            at, window = at + len(waiting), min(2 * window, _WINDOW)
            ended = not waiting
        else:
            ended = False
        try:
            chunk = member.decompress(waiting, _WINDOW)
        except Exception as error:  # each library has its own, of no common root
            raise MalformedDocument(
                f"the document cannot be decompressed: {str(error)[:200]}",
                hint="fetch it again",
            ) from error
        waiting = getattr(member, "unconsumed_tail", b"")
        out += chunk
        if len(out) > limit:
            raise LimitExceeded(
                f"the document expands to more than {limit} bytes",
                hint="raise Limits.document_bytes",
            )
        if ended and not chunk and not member.eof:
            raise MalformedDocument(
                "the compressed document ends in the middle", hint="fetch it again"
            )
    return at - len(member.unused_data)


def _gzip() -> _Decompressor:
    from isal import isal_zlib

    made: _Decompressor = isal_zlib.decompressobj(31)
    return made


def _zstd() -> _Decompressor:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor
    else:
        from backports.zstd import ZstdDecompressor
    return ZstdDecompressor()
