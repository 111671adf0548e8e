"""A tiled log, read by its clients: one entry, and the proof that it is in the tree.

Pure but for `fetch`, which gets what is at a path. Nothing is believed here: the proof leads to the
root that a checkpoint signs, or verification refuses it. Source: C2SP tlog-tiles, RFC 6962
section 2.1.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeAlias

from provenance.errors import MalformedDocument

__all__ = ["Fetch", "inclusion_path", "logged_entry", "tile_path"]

Fetch: TypeAlias = Callable[[str], bytes]
_WIDTH, _HASH = 256, 32
_LEVEL_BITS = 8


def tile_path(level: str, number: int, width: int) -> str:
    """Where a tile is, below the log's address.

    >>> tile_path("entries", 1234067, 7)
    'tile/entries/x001/x234/067.p/7'
    """
    text = f"{number:03d}"
    text = text.zfill(-(-len(text) // 3) * 3)
    parts = [text[i : i + 3] for i in range(0, len(text), 3)]
    folders = "".join(f"x{part}/" for part in parts[:-1])
    return f"tile/{level}/{folders}{parts[-1]}" + ("" if width == _WIDTH else f".p/{width}")


def logged_entry(fetch: Fetch, index: int, size: int) -> bytes:
    """The entry at `index` of a log of `size` entries.

    Raises:
        MalformedDocument: the tile is not of its form.
    """
    number, at = divmod(index, _WIDTH)
    data = fetch(tile_path("entries", number, _width(number, size)))
    for before in range(at, -1, -1):
        length = int.from_bytes(data[:2], "big")
        entry, data = data[2 : 2 + length], data[2 + length :]
        if len(entry) != length or not length:
            break
        if not before:
            return entry
    raise MalformedDocument("the tile ends before its entry does")


def inclusion_path(fetch: Fetch, index: int, size: int) -> list[bytes]:
    """The hashes that lead from the entry at `index` to the root of a tree of `size`.

    Raises:
        MalformedDocument: a tile is not of its form.
    """
    tiles = _Tiles(fetch, size)
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(tiles.root(middle, end))
            end = middle
        else:
            path.append(tiles.root(start, middle))
            start = middle
    return path[::-1]


class _Tiles:
    """Hashes of subtrees, by the tiles that hold them. Each tile is fetched once."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch, self._size = fetch, size
        self._held: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        """The hash over the leaves from `start` to `end`: a subtree of the whole tree."""
        count = end - start
        height = count.bit_length() - 1
        if count == 1 << height and height % _LEVEL_BITS == 0:
            return self._hash(height // _LEVEL_BITS, start >> height)
        middle = start + _split(count)
        both = self.root(start, middle) + self.root(middle, end)
        return hashlib.sha256(b"\1" + both).digest()

    def _hash(self, level: int, index: int) -> bytes:
        number, at = divmod(index, _WIDTH)
        if (level, number) not in self._held:
            width = _width(number, self._size >> (_LEVEL_BITS * level))
            tile = self._fetch(tile_path(str(level), number, width))
            if len(tile) != width * _HASH:
                raise MalformedDocument(f"the tile has {len(tile)} bytes, not {width * _HASH}")
            self._held[level, number] = tile
        return self._held[level, number][at * _HASH : (at + 1) * _HASH]


def _width(number: int, count: int) -> int:
    """How many of `count` hashes or entries are in a tile."""
    return min(_WIDTH, count - number * _WIDTH)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
