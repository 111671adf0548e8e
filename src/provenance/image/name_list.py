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
_KEPT = 10  # blocks of which the text is kept too, as most layers have no more


class NameList:
    """A list of paths. Names in a tar cannot hold NUL, so that is what stands between them."""

    __slots__ = ("_blocks", "_pending", "_texts", "count")

    def __init__(self, blocks: Iterable[bytes] = (), count: int = 0) -> None:
        """Empty, or out of the `blocks` of another."""
        self._blocks = list(blocks)
        self._pending: list[str] = []
        self._texts: list[str] = []
        self.count = count

    def add(self, name: str) -> None:
        """Put a name at the end."""
        self._pending.append(name)
        if len(self._pending) >= _BLOCK:
            self._flush()

    def extend(self, names: Sequence[str]) -> None:
        """Put names at the end."""
        for start in range(0, len(names), _BLOCK):
            self._pending += names[start : start + _BLOCK]
            if len(self._pending) >= _BLOCK:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            self.count += len(self._pending)
            joined = "\0".join(self._pending).encode("utf-8", "surrogatepass")
            self._blocks.append(zstd.compress(joined, 1))
            self._pending = []

    def blocks(self) -> list[bytes]:
        """The compressed blocks, to be kept somewhere."""
        self._flush()
        return self._blocks

    def texts(self) -> Iterator[str]:
        """Block after block, names separated by NUL."""
        if len(self._blocks) > _KEPT:
            yield from map(_text, self._blocks)
        else:
            self._texts += map(_text, self._blocks[len(self._texts) :])
            yield from self._texts
        if self._pending:
            yield "\0".join(self._pending)

    def __len__(self) -> int:
        return self.count + len(self._pending)

    def __iter__(self) -> Iterator[str]:
        for text in self.texts():
            yield from text.split("\0")

    def among(self, asked: set[str]) -> set[str]:
        """Those of `asked` that are in the list."""
        found: set[str] = set()
        if not asked:
            return found
        for text in self.texts():
            found.update(asked.intersection(text.split("\0")))
        return found


def _text(block: bytes) -> str:
    return zstd.decompress(block).decode("utf-8", "surrogatepass")
