"""JSON that package managers write, decoded into the few typed fields a cataloger wants.

The cataloger gets either the value or one sentence for its `Problem`: whatever the file holds,
nothing is raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["Unreadable", "decode_typed"]

_LARGEST = 32 << 20  # bytes: the largest such files known are some MiB
_MOST = 2_000_000  # values: each costs some dozen bytes, where it is kept
_SMALL = 1 << 20  # bytes that cannot hold too many values
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
T = TypeVar("T")


class Unreadable(NamedTuple):
    """What stands in for a value that could not be read."""

    why: str
    """Goes on where the name of the document ends: `is no JSON: ...`."""


def decode_typed(
    decoder: msgspec.json.Decoder[T], body: bytes | mmap | msgspec.Raw
) -> T | Unreadable:
    """The value, or why there is none."""
    with memoryview(body) as view:
        if view.nbytes > _LARGEST:
            return Unreadable(f"is larger than {_LARGEST >> 20} MiB")
    # A copy of what is no bytes: pieces of it (`Raw`) must not hold a map of a file open.
    data = body if isinstance(body, bytes) else bytes(body)
    if len(data) > _SMALL and sum(map(data.count, (b",", b"[", b"{"))) > _MOST:
        return Unreadable(f"has more than {_MOST} values")
    try:
        return decoder.decode(data.removeprefix(_BYTE_ORDER_MARK))
    except msgspec.ValidationError as error:
        return Unreadable(f"has a field of the wrong kind: {str(error)[:200]}")
    except RecursionError:
        return Unreadable("is nested too deeply")
    except (msgspec.MsgspecError, ValueError) as error:
        return Unreadable(f"is no JSON: {str(error)[:200]}")
