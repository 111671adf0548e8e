"""Every leaf of a document: where it stands and what it says, order apart.

A leaf is a value that is neither object nor list, or one of those that is empty. Elements with
an identifier stand under it, so that the place of a component in its list does not matter.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Leaf", "leaves", "missing"]

Leaf = tuple[str, str]
"""Pointer, with `*` for positions in lists and identifiers for elements; value as text."""
_NOT_THERE = object()


def leaves(document: Any, at: str = "") -> Counter[Leaf]:
    """All leaves, and how often each is there. Linear in the size of the document."""
    found: Counter[Leaf] = Counter()
    waiting: list[tuple[str, Any]] = [(at, document)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [(f"{at}/{_step(key)}", inner) for key, inner in value.items()]
        elif isinstance(value, list) and value:
            waiting += [(f"{at}/*", inner) for inner in value]
        else:
            found[at, repr(value)] += 1
    return found


def missing(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Counter[Leaf]:
    """The leaves of `wanted`, a document in parts, that are not in `found`.

    Only what differs as JSON is walked: nearly all of a large document does not.
    """
    lost: Counter[Leaf] = Counter()
    for name in ("body", "elements"):
        for key, value in wanted[name].items():
            at, other = f"/{name}/{_step(key)}", found[name].get(key, _NOT_THERE)
            if other is _NOT_THERE:
                lost.update(leaves(value, at))
            elif msgspec.json.encode(value) != msgspec.json.encode(other):
                lost.update(leaves(value, at) - leaves(other, at))
    return lost


def _step(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key
