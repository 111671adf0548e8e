"""A plain stream cut into a tar's blocks of 512 bytes: exact reads, and bodies passed or poured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.image.header import BLOCK, ZERO_BLOCK

if TYPE_CHECKING:
    from provenance.image.decompression import Readable
    from provenance.image.entry import Feed, Visitor
    from provenance.image.place import Place

__all__ = ["Blocks"]

_CHUNK = 1 << 20


class Blocks:
    """Exact reads and skips over a stream that returns what it has."""

    def __init__(self, stream: Readable, place: Place) -> None:
        self._stream, self._place = stream, place
        self.chunk, self.at = b"", 0

    def header(self) -> bytes | None:
        """The next header block; None at the end of the archive."""
        block = self._next_block()
        if block is None or block != ZERO_BLOCK:
            return block
        if self._next_block() in {None, ZERO_BLOCK}:
            return None
        raise self._place.malformed("a single zero block stands between tar entries")

    def _next_block(self) -> bytes | None:
        if self.at == len(self.chunk) and not self._fill():
            return None
        return self.take(BLOCK)

    def _more(self, size: int) -> None:
        """See to it that the chunk holds `size` bytes more, if the stream has them."""
        kept = self.chunk[self.at :]
        while len(kept) < size and self._fill():
            kept += self.chunk
        self.chunk, self.at = kept, 0

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises MalformedDocument where the stream ends before."""
        end = self.at + size
        if end <= len(self.chunk):
            data, self.at = self.chunk[self.at : end], end
            return data
        parts = [self.chunk[self.at :]]
        missing = size - len(parts[0])
        while missing:
            if not self._fill():
                raise self._cut(missing)
            part = self.chunk[:missing]
            self.at = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def body(self, path: str, size: int, mode: int, visitor: Visitor) -> None:
        """Pass a body and its padding, feeding it to whom `visitor` names."""
        shown = min(4, size)
        if self.at + shown > len(self.chunk):
            self._more(shown)
        feed = visitor.open(path, size, mode, self.chunk[self.at : self.at + shown])
        if feed is None:
            self.pass_body(size)
        else:
            self.pour(size, feed)
            visitor.file(path, size, mode)

    def pass_body(self, size: int) -> None:
        """Pass a body and its padding."""
        self.skip(size)
        self.skip(-size % BLOCK, padding=True)

    def pour(self, size: int, feed: Feed) -> None:
        """Hand out a body as it lies in the chunks, and pass its padding."""
        missing = size
        while missing:
            if self.at == len(self.chunk) and not self._fill():
                raise self._cut(missing)
            part = memoryview(self.chunk)[self.at : self.at + missing]
            feed(part)
            missing -= len(part)
            self.at += len(part)
        self.skip(-size % BLOCK, padding=True)

    def skip(self, size: int, *, padding: bool = False) -> None:
        """Pass `size` bytes. The padding of the last entry may be missing."""
        self.at += size
        while self.at > len(self.chunk):
            beyond = self.at - len(self.chunk)
            if not self._fill():
                if padding:
                    return
                raise self._cut(beyond)
            self.at = beyond

    def _fill(self) -> bool:
        self.chunk, self.at = self._stream.read(_CHUNK), 0
        return bool(self.chunk)

    def _cut(self, missing: int) -> Exception:
        return self._place.malformed(
            f"the tar ends in the middle of an entry, {missing} bytes are missing",
            "it was cut short; fetch or build it again",
        )
