"""Names by the hundred thousand, kept small: compressed, and asked for by streaming through them.

A layer of millions of entries has names of hundreds of megabytes as Python objects; as blocks of
compressed text they are a few, and a question is put to all of them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.image import zstd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["NameList"]

_BLOCK = 20_000  # names
_KEPT = 4  # blocks that are kept unpacked too, as most layers have no more and are asked often


class NameList:
    """A list of paths. Names in a tar cannot hold NUL, so that is what stands between them."""

    __slots__ = ("_blocks", "_last", "_packed", "_unpacked")

    def __init__(self, blocks: Iterable[bytes] = (), count: int = 0) -> None:
        """Empty, or out of the `blocks` of another, which has `count` names."""
        self._blocks = list(blocks)
        self._packed = count
        self._unpacked: list[list[str]] = []  # the first blocks
        self._last: list[str] = []

    def add(self, name: str) -> None:
        """Put a name at the end."""
        self._last.append(name)
        if len(self._last) >= _BLOCK:
            self._pack()

    def extend(self, names: Sequence[str]) -> None:
        """Put names at the end."""
        for start in range(0, len(names), _BLOCK):
            self._last += names[start : start + _BLOCK]
            if len(self._last) >= _BLOCK:
                self._pack()

    def _pack(self) -> None:
        if len(self._blocks) == _KEPT:
            self._unpacked = []
        elif len(self._blocks) == len(self._unpacked):
            self._unpacked.append(self._last)
        self._blocks.append(_pack(self._last))
        self._packed += len(self._last)
        self._last = []

    def blocks(self) -> list[bytes]:
        """The names as compressed blocks, to be kept somewhere."""
        return [*self._blocks, _pack(self._last)] if self._last else list(self._blocks)

    def parts(self) -> Iterator[Sequence[str]]:
        """The names, some thousands at a time."""
        if len(self._blocks) > _KEPT:
            yield from map(_unpack, self._blocks)
        else:
            self._unpacked += map(_unpack, self._blocks[len(self._unpacked) :])
            yield from self._unpacked
        if self._last:
            yield self._last

    def __len__(self) -> int:
        return self._packed + len(self._last)

    def __iter__(self) -> Iterator[str]:
        for names in self.parts():
            yield from names

    def among(self, asked: set[str]) -> set[str]:
        """Those of `asked` that are in the list."""
        found: set[str] = set()
        if not asked:
            return found
        for names in self.parts():
            found.update(asked.intersection(names))
        return found


def _pack(names: list[str]) -> bytes:
    return zstd.compress("\0".join(names).encode("utf-8", "surrogatepass"), 1)


def _unpack(block: bytes) -> list[str]:
    return zstd.decompress(block).decode("utf-8", "surrogatepass").split("\0")
