"""Valid files, broken in small ways: what a reader of them must survive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

__all__ = ["mutations"]

_PIECES = (b"\x00", b"\xff", b'"', b"\\", b"{", b"[", b"]", b"}", b"\n", b",", b":", b"=", b"null")


def mutations(valid: bytes, random_: random.Random, count: int) -> Iterator[bytes]:
    """Yield `count` variants: bytes flipped, pieces put in, cut out or doubled, the end cut off."""
    for _ in range(count):
        data = bytearray(valid)
        for _ in range(random_.randint(1, 4)):
            at = random_.randrange(len(data) + 1)
            end = min(len(data), at + random_.randint(1, 20))
            match random_.randrange(5):
                case 0 if at < len(data):
                    data[at] = random_.randrange(256)
                case 1:
                    data[at:at] = random_.choice(_PIECES)
                case 2:
                    del data[at:end]
                case 3:
                    data[at:at] = data[at:end]
                case _:
                    del data[at + random_.randrange(len(data) + 1) :]
        yield bytes(data)
