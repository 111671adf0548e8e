"""What JSON says that is not in the value decoded of it: a key's first values, half characters."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.sbom.decoding.characters import in_utf8
from provenance.sbom.decoding.json_oddities import escaped, examine_json

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["unread_json"]

_HALF = re.compile("[\ud800-\udfff]")


class _Constant(float):
    """NaN or Infinity, which are no JSON and are read as null."""


def unread_json(raw: bytes) -> Counter[str]:
    """Pointers to what was read as something else, or not at all, and how often.

    Keys that are written more than once, of which the last value is read; texts with half of a
    surrogate pair or bytes that are no UTF-8, which are read with U+FFFD; NaN and Infinity, read
    as null. Raises MalformedDocument: no JSON.
    """
    _, findings = examine_json(raw)
    counts = Counter(f.pointer for f in findings if f.rule == "duplicate-key")
    if any(f.rule == "not-strict-json" for f in findings):
        counts.update(_changed(_loosely(in_utf8(raw)), ""))
    return counts


def _loosely(text: bytes) -> Any:
    """The value with its half characters and bytes that are no UTF-8 still in it."""
    return json.loads(
        text.decode("utf-8", "surrogateescape"),
        strict=False,
        parse_constant=_Constant,
        parse_int=str,
    )


def _changed(value: Any, at: str) -> Iterator[str]:
    waiting = [(value, at)]
    while waiting:
        item, place = waiting.pop()
        if isinstance(item, dict):
            waiting += [(v, f"{place}/{_plain(k)}") for k, v in item.items()]
            for key in item:
                if _HALF.search(key):
                    yield f"{place}/{_plain(key)}"
        elif isinstance(item, list):
            waiting += [(v, f"{place}/{number}") for number, v in enumerate(item)]
        elif isinstance(item, _Constant) or (isinstance(item, str) and _HALF.search(item)):
            yield place


def _plain(key: str) -> str:
    return escaped(_HALF.sub("\ufffd", key))
