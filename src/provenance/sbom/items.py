"""Lists and texts of a decoded document, of whatever types they turn out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["items", "text", "values"]


def items(value: Any, element: str = "") -> list[dict[str, Any]]:
    """The objects of a list; of XML that was read plainly, those in elements of that name."""
    if isinstance(value, dict) and element:
        value = value.get(element)
        value = [value] if isinstance(value, dict) else value
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def text(value: Any, key: str) -> str:
    """The text at a key; empty where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def values(document: Any) -> Iterator[Any]:
    """All that is neither object nor list, wherever it stands; without recursion."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        else:
            yield value
