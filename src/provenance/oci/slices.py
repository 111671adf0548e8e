"""A stretch of an open file as a file of its own."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import threading

    from _typeshed import WriteableBuffer

__all__ = ["Slice"]


class Slice(io.RawIOBase):
    """Bytes of `file` from `offset`. Several may be read at once, from several threads."""

    def __init__(
        self,
        file: BinaryIO,
        turn: threading.Lock,
        offset: int,
        size: int,
        *,
        settled: bool = False,
    ) -> None:
        """Read `file`, whose position is nobody's but of who holds `turn`.

        Args:
            file: an open file.
            turn: held while its position is used.
            offset: where the stretch begins.
            size: bytes of the stretch.
            settled: nothing more is written through `file`, so that the system can be asked for
                its bytes by their place, where there is such a call: nobody waits for a turn.
        """
        super().__init__()
        self.file, self.offset, self.size = file, offset, size
        self._turn = turn
        self._settled = settled and hasattr(os, "pread")
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
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer at the end only, as the system hands them over: without a copy."""
        if self.closed:
            raise ValueError("read of a closed file")
        left = self._end - self._at
        size = left if size is None or size < 0 else min(size, left)
        if self._settled:
            data = self._at_once(size)
        else:
            with self._turn:
                self.file.seek(self._at)
                data = self.file.read(size)
        self._at += len(data)
        return data

    def _at_once(self, size: int) -> bytes:
        handle = self.file.fileno()  # asked for each time: a closed file has none
        data = os.pread(handle, size, self._at)
        while len(data) < size and (
            more := os.pread(handle, size - len(data), self._at + len(data))
        ):
            data += more  # some file systems hand over less than there is
        return data
