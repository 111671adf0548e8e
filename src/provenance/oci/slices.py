"""A stretch of an open file as a file of its own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import threading

    from _typeshed import WriteableBuffer

__all__ = ["Slice"]


class Slice(io.RawIOBase):
    """Bytes of `file` from `offset`. Several may be read at once, from several threads."""

    def __init__(self, file: BinaryIO, turn: threading.Lock, offset: int, size: int) -> None:
        """Read `file`, whose position is nobody's but of who holds `turn`."""
        super().__init__()
        self.file, self.offset, self.size = file, offset, size
        self._turn = turn
        self._at, self._end = offset, offset + size

    def readable(self) -> bool:
        """It is."""
        return True

    def seek_to(self, position: int) -> None:
        """Read on from `position` bytes after the beginning."""
        self._at = self.offset + position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read on."""
        view = memoryview(buffer).cast("B")
        with self._turn:
            self.file.seek(self._at)
            data = self.file.read(min(len(view), self._end - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
