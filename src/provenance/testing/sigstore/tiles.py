"""A log's tree in tiles, for clients that read it themselves: monitors, and consistency checks.

Source: C2SP tlog-tiles; sigstore/rekor-tiles serves the same below `/api/v2`.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.testing.sigstore.merkle import Tree

__all__ = ["parse_tile", "read_tile", "tile_path"]

_WIDTH = 256
_PATH = re.compile(
    r"(?P<level>[0-9]{1,2}|entries)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[0-9]{1,3}))?"
)
_MAX_LEVEL = 5  # five levels of 256 hold more than any log has


def parse_tile(path: str) -> tuple[int, int, int] | None:
    """Level (-1: entries), number and width of `0/x001/234` or `entries/000.p/7`; None: no tile."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    level = -1 if found["level"] == "entries" else int(found["level"])
    width = int(found["width"]) if found["width"] else _WIDTH
    if level > _MAX_LEVEL or not 0 < width <= _WIDTH or (found["width"] and width == _WIDTH):
        return None
    return level, int(found["index"].replace("x", "").replace("/", "")), width


def tile_path(level: int, number: int, width: int = _WIDTH) -> str:
    """The path of a tile; level -1 is of entries."""
    digits = f"{number:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    index = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    partial = "" if width == _WIDTH else f".p/{width}"
    return f"{'entries' if level < 0 else level}/{index}{partial}"


def read_tile(
    tree: Tree, bodies: Sequence[bytes], level: int, number: int, width: int
) -> bytes | None:
    """A tile's bytes; None: the tree is not that large.

    Hashes one after the other; entries each behind its length in two bytes. Raises ValueError
    where an entry is longer than those can say.
    """
    span = _WIDTH ** max(level, 0)  # leaves below one hash of this level
    first = number * _WIDTH
    if (first + width) * span > len(tree):
        return None
    numbers = range(first, first + width)
    if level < 0:
        try:
            return b"".join(struct.pack("!H", len(bodies[i])) + bodies[i] for i in numbers)
        except struct.error as error:
            raise ValueError("an entry is longer than 65535 bytes") from error
    return b"".join(tree.node(i * span, span) for i in numbers)
