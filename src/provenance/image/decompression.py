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

_WINDOW = 1 << 17  # compressed bytes handed to a decompressor at once; less costs threads turns
_OUTPUT = 1 << 19  # bytes asked of it at once
_RATIO_FROM = 64 << 20  # decompressed bytes below which no ratio is suspicious
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4", b"PK\x03\x04": "zip"}


class Readable(Protocol):
    """What hands out bytes: at most `size` of them, none at the end."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102


class _Decompressor(Protocol):
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
    while len(head) < 6 and (chunk := stream.read(6 - len(head))):
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
    from isal import isal_zlib

    decompressor: _Decompressor = isal_zlib.decompressobj(31)
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
        self._input = memoryview(head)
        self._window = _WINDOW
        self._member: _Decompressor | None = make()
        self._tail = b""  # input that zlib handed back because the output was full
        self._consumed = len(head)
        self._produced = 0

    def read(self, size: int, /) -> bytes:
        wanted = min(size, _OUTPUT)
        while True:
            member = self._member or self._next_member()
            if member is None:
                return b""
            chunk = self._step(member, wanted)
            if chunk:
                self._produced += len(chunk)
                self._check()
                return chunk

    def _next_member(self) -> _Decompressor | None:
        """Start the member that follows, if one does."""
        self._member = self._make() if self._input or self._fill() else None
        return self._member

    def _fill(self) -> bool:
        chunk = self._stream.read(_WINDOW)
        self._input = memoryview(chunk)
        self._consumed += len(chunk)
        return bool(chunk)

    def _step(self, member: _Decompressor, wanted: int) -> bytes:
        data: bytes | memoryview = self._tail
        ended = False
        starved = getattr(member, "needs_input", not self._tail)
        if not self._tail and starved:
            ended = not self._input and not self._fill()
            data, self._input = self._input[: self._window], self._input[self._window :]
        given = len(data)
        try:
            chunk = member.decompress(data, wanted)
        except Exception as error:
            raise self._place.malformed(f"cannot be decompressed: {error}") from error
        self._tail = getattr(member, "unconsumed_tail", b"")
        if member.eof:
            self._end_of_member(member.unused_data, given)
        elif ended and not chunk:  # what the decompressor still held has been handed out
            raise self._place.malformed(
                "compressed data ends in the middle", "it was cut short; fetch it again"
            )
        return chunk

    def _end_of_member(self, rest: bytes, given: int) -> None:
        """Put back what was read too far, and fit the window to the member's size."""
        if rest:
            self._input = self._before(rest)
        self._window = max(1024, min(_WINDOW, 2 * max(given - len(rest), 512)))
        self._tail, self._member = b"", None

    def _before(self, rest: bytes) -> memoryview:
        """The input with `rest`, its nearest past, in front: no copy, it is the same buffer."""
        whole = self._input.obj
        if isinstance(whole, bytes):
            start = len(whole) - len(self._input) - len(rest)
            if start >= 0 and whole[start : start + len(rest)] == rest:
                return memoryview(whole)[start:]
        return memoryview(rest + bytes(self._input))

    def _check(self) -> None:
        if self._produced > self._limits.layer_bytes:
            raise _too_large(self._place, self._limits)
        ratio = self._limits.layer_ratio
        if self._produced > _RATIO_FROM and self._produced > ratio * self._consumed:
            raise self._place.exceeded(
                "layer_ratio", ratio, f"decompresses to more than {ratio} times its size"
            )


def _too_large(place: Place, limits: Limits) -> Exception:
    return place.exceeded(
        "layer_bytes", limits.layer_bytes, f"is larger than {limits.layer_bytes} bytes"
    )
