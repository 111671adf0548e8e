"""What makes one decoded value of another: small, and still applicable when that was edited.

A patch is JSON itself. `[value]` sets; `0` removes; an object patches the keys it has; a pair
`[removed, added]` edits a list: hashes of items to take out, and `[index, item]` to put in.
Order alone is no difference: lists of documents are sets nearly everywhere.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import msgspec

__all__ = ["SAME", "applied", "difference"]

SAME: dict[str, Any] = {}
"""The patch that changes nothing."""
_DEPTH = 40
"""Objects nested deeper are set as a whole."""


def difference(wanted: Any, found: Any, *, depth: int = _DEPTH) -> Any:
    """The patch that makes `wanted` of `found`; `SAME` where they are equal but for order."""
    if depth and isinstance(wanted, dict) and isinstance(found, dict):
        patch: dict[str, Any] = {}
        for key, value in wanted.items():
            if key not in found:
                patch[key] = [value]
            elif (inner := difference(value, found[key], depth=depth - 1)) != SAME:
                patch[key] = inner
        patch |= {key: 0 for key in found if key not in wanted}
        return patch
    if isinstance(wanted, list) and isinstance(found, list):
        return _list_difference(wanted, found)
    return SAME if _is_equal(wanted, found) else [wanted]


def _list_difference(wanted: list[Any], found: list[Any]) -> Any:
    if wanted == found:
        return SAME if _key(wanted) == _key(found) else [wanted]  # 1 is no True
    left = Counter(map(_key, found))
    added: list[list[Any]] = []
    for index, item in enumerate(wanted):
        key = _key(item)
        if left[key]:
            left[key] -= 1
        else:
            added.append([index, item])
    removed = list(left.elements())
    if not added and not removed:
        return SAME
    return [wanted] if len(added) == len(wanted) else [removed, added]


def applied(found: Any, patch: Any, *, depth: int = _DEPTH) -> Any:
    """`found` with `patch` applied; parts of a patch that make no sense are passed over."""
    if isinstance(patch, dict):
        fits = depth and isinstance(found, dict)
        return _applied_object(found, patch, depth - 1) if fits else found
    if not isinstance(patch, list):
        return found
    if len(patch) == 1:
        return patch[0]
    if len(patch) == 2 and isinstance(found, list):
        return _applied_list(found, *patch)
    return found


def _applied_object(found: dict[str, Any], patch: dict[str, Any], depth: int) -> dict[str, Any]:
    out = dict(found)
    for key, inner in patch.items():
        if inner == 0:
            out.pop(key, None)
        elif key in out:
            out[key] = applied(out[key], inner, depth=depth)
        elif isinstance(inner, list) and len(inner) == 1:
            out[key] = inner[0]
        elif isinstance(inner, list) and len(inner) == 2 and isinstance(inner[1], list):
            out[key] = _applied_list([], *inner)  # what it edited is gone; what it added is not
    return out


def _applied_list(found: list[Any], removed: Any, added: Any) -> list[Any]:
    if not isinstance(removed, list) or not isinstance(added, list):
        return found
    less = Counter(x for x in removed if isinstance(x, str))
    kept = []
    for item in found:
        key = _key(item) if less else ""
        if less.get(key):
            less[key] -= 1
        else:
            kept.append(item)
    places = [x for x in added if isinstance(x, list) and len(x) == 2]
    out: list[Any] = []
    used = 0
    for place, item in places:
        if isinstance(place, int) and (more := place - len(out)) > 0:
            out += kept[used : used + more]
            used += more
        out.append(item)
    return out + kept[used:]


def _is_equal(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def _key(value: Any) -> str:
    """A short name of a value: few of one list share one, and then they are removed in order."""
    raw = msgspec.json.encode(value, order="deterministic")
    return hashlib.sha256(raw).hexdigest()[:10]
