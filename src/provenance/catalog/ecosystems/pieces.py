"""Pieces of a file, by their offsets: of one that streams by, and of a whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from mmap import mmap

__all__ = ["Pieces", "reader"]


class Pieces:
    """Keeps some pieces of a file that streams by, each named before its first byte comes."""

    __slots__ = ("_kept", "_next", "_position", "_spans")

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        """Keep the bytes of `spans` (start, end)."""
        merged: list[tuple[int, int]] = []
        for first, end in sorted(s for s in spans if s[0] < s[1]):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((first, end))
        self._spans = merged
        self._kept = [bytearray() for _ in merged]
        self._next = 0
        self._position = 0

    def feed(self, data: memoryview) -> bool:
        """The next bytes. True: no more are needed."""
        start = self._position
        end = self._position = start + len(data)
        while self._next < len(self._spans):
            first, behind = self._spans[self._next]
            if first >= end:
                return False
            self._kept[self._next] += data[max(first - start, 0) : behind - start]
            if behind > end:
                return False
            self._next += 1
        return True

    def read(self, offset: int, size: int) -> bytes | None:
        """`size` bytes from `offset`; None if they are not all kept."""
        for (first, behind), kept in zip(self._spans, self._kept, strict=True):
            if first <= offset < behind:
                inside = offset - first
                return bytes(kept[inside : inside + size]) if inside + size <= len(kept) else None
        return None


def reader(
    body: bytes | memoryview | mmap, start: int = 0, end: int | None = None
) -> Callable[[int, int], bytes | None]:
    """`Pieces.read` over a whole file, or what lies from `start` to `end` in it."""
    length = (len(body) if end is None else min(end, len(body))) - start

    def read(offset: int, size: int) -> bytes | None:
        if offset + size > length:
            return None
        return bytes(body[start + offset : start + offset + size])

    return read
