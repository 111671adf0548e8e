"""Layer bytes as a plain stream: gzip, zstd or none, told apart by their first bytes.

Media types lie (docker archives hold gzip under `layer.tar`), magic numbers do not. Memory is one
window of input and one of output, whatever the size of the layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.image.place import Place
    from provenance.settings import Limits

__all__ = ["Readable", "decompressed", "is_plain"]

_MAGIC = 6  # bytes that tell what it is
_WINDOW = 1 << 17  # compressed bytes handed to a decompressor at once; less costs threads turns
_HEAD = 4  # bytes of a gzip header that tell its parts
_PARTS = 0b11110  # flags of a gzip header: FHCRC, FEXTRA, FNAME, FCOMMENT
_ONE_PART = {0, 0b100, 0b1000, 0b10000}  # any but FHCRC
_SMALL_WINDOW = 1 << 10  # the same after a small member
_OUTPUT = 1 << 19  # bytes asked of it at once
_RATIO_FROM = 64 << 20  # decompressed bytes below which no ratio is suspicious
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4", b"PK\x03\x04": "zip"}


class Readable(Protocol):
    """What hands out bytes: at most `size` of them, none at the end."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102


class _Decompressor(Protocol):
    @property
    def needs_input(self) -> bool: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: Any, max_length: int, /) -> bytes: ...


def decompressed(stream: Readable, *, place: Place, limits: Limits) -> Readable:
    """The plain bytes of `stream`.

    Raises:
        UnsupportedFormat: another compression, by name.
        MalformedDocument: while reading: cut short or corrupt.
        LimitExceeded: while reading: `layer_bytes` or `layer_ratio` of `limits` met.
    """
    head = b""
    while len(head) < _MAGIC and (chunk := stream.read(_WINDOW)):
        head += chunk
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise place.unsupported(f"compressed with {name}", "OCI layers are gzip, zstd or plain")
    if head.startswith(b"\x1f\x8b"):
        return _Members(stream, head, _gzip, place=place, limits=limits)
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return _Members(stream, head, _zstd, place=place, limits=limits)
    return _Plain(stream, head, place=place, limits=limits)


def is_plain(stream: Readable) -> bool:
    """Whether what `decompressed` returned hands out the bytes as they were."""
    return isinstance(stream, _Plain)


def _gzip() -> _Decompressor:
    from isal import igzip_lib

    decompressor: _Decompressor = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    return decompressor


def _zstd() -> _Decompressor:
    from provenance.image.zstd import ZstdDecompressor

    return ZstdDecompressor()


class _Plain:
    """Bytes as they come."""

    def __init__(self, stream: Readable, head: bytes, *, place: Place, limits: Limits) -> None:
        self._stream, self._head, self._place, self._limits = stream, head, place, limits
        self._seen = 0

    def read(self, size: int, /) -> bytes:
        if self._head:
            chunk, self._head = self._head[:size], self._head[size:]
        else:
            chunk = self._stream.read(size)
        self._seen += len(chunk)
        if self._seen > self._limits.layer_bytes:
            raise _too_large(self._place, self._limits)
        return chunk


class _Members:
    """Gzip members or zstd frames, one after another.

    The window shrinks while members are small (eStargz has thousands), as what follows a member
    is copied out of the decompressor each time.

    A gzip header of several parts is handed over whole: of one that comes in pieces isal takes a
    later part for data, so that a layer could show us one tree and a runtime another. The longest
    that Go's reader takes is smaller than a window, and a longer one is refused.
    """

    def __init__(
        self,
        stream: Readable,
        head: bytes,
        make: Callable[[], _Decompressor],
        *,
        place: Place,
        limits: Limits,
    ) -> None:
        self._stream, self._make = stream, make
        self._place, self._limits = place, limits
        self._input, self._at = memoryview(head), 0
        self._window = _WINDOW
        self._member: _Decompressor | None = None
        self._consumed = len(head)
        self._produced = 0

    def read(self, size: int, /) -> bytes:
        wanted = min(size, _OUTPUT)
        while (member := self._member or self._next_member()) is not None:
            chunk = self._step(member, wanted)
            if chunk:
                self._produced += len(chunk)
                self._check()
                return chunk
        return b""

    def _next_member(self) -> _Decompressor | None:
        """Start the member that follows, if one does."""
        self._gather(_HEAD)
        head = bytes(self._input[self._at : self._at + _HEAD])
        if head:
            if head.startswith(b"\x1f\x8b") and head[-1] & _PARTS not in _ONE_PART:
                self._window = _WINDOW
                self._gather(_WINDOW)
                if not _holds_header(bytes(self._input[self._at : self._at + _WINDOW])):
                    raise self._place.malformed(
                        f"a gzip header is cut short or has more than {_WINDOW} bytes",
                        "no builder writes that, and runtimes read it in different ways",
                    )
            self._member = self._make()
        return self._member

    def _gather(self, size: int) -> None:
        """See to it that there are `size` bytes of input, if the stream has them."""
        missing = size - len(self._input) + self._at
        if missing <= 0:
            return
        parts = [self._input[self._at :]] if self._at < len(self._input) else []
        while missing > 0 and (chunk := self._stream.read(_WINDOW)):
            self._consumed += len(chunk)
            missing -= len(chunk)
            parts.append(memoryview(chunk))
        self._input, self._at = parts[0] if len(parts) == 1 else memoryview(b"".join(parts)), 0

    def _step(self, member: _Decompressor, wanted: int) -> bytes:
        starved = member.needs_input
        window = self._next_window() if starved else b""
        try:
            chunk = member.decompress(window, wanted)
        except Exception as error:
            raise self._place.malformed(f"cannot be decompressed: {error}") from error
        if member.eof:
            self._end_of_member(member.unused_data, len(window))
        elif starved and not window and not chunk:  # nor did the decompressor still hold any
            raise self._place.malformed(
                "compressed data ends in the middle", "it was cut short; fetch it again"
            )
        return chunk

    def _next_window(self) -> memoryview:
        """What a decompressor gets next; nothing at the end of the input."""
        self._gather(1)
        window = self._input[self._at : self._at + self._window]
        self._at += len(window)
        self._window = min(_WINDOW, 2 * self._window)
        return window

    def _end_of_member(self, rest: bytes, given: int) -> None:
        """Put back what was read too far, and fit the window to the member's size."""
        self._at -= len(rest)
        if self._at < 0:  # the last bytes of the input before are among them
            self._input, self._at = memoryview(rest[: -self._at] + bytes(self._input)), 0
        self._window = min(_WINDOW, max(_SMALL_WINDOW, 2 * (given - len(rest))))
        self._member = None

    def _check(self) -> None:
        if self._produced > self._limits.layer_bytes:
            raise _too_large(self._place, self._limits)
        ratio = self._limits.layer_ratio
        if self._produced > _RATIO_FROM and self._produced > ratio * self._consumed:
            raise self._place.exceeded(
                "layer_ratio", ratio, f"decompresses to more than {ratio} times its size"
            )


def _holds_header(data: bytes) -> bool:
    """Whether all of a gzip header is there (RFC 1952, 2.3)."""
    if len(data) < 10:
        return False
    flags, end = data[3], 10
    if flags & 0b100:  # extra fields, after their length
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for text in (0b1000, 0b10000):  # name, comment: each up to a NUL
        if flags & text:
            end = data.find(b"\0", end) + 1
            if not end:
                return False
    return end + (flags & 0b10) <= len(data)  # and a checksum of two bytes


def _too_large(place: Place, limits: Limits) -> Exception:
    return place.exceeded(
        "layer_bytes", limits.layer_bytes, f"is larger than {limits.layer_bytes} bytes"
    )
