"""Elements of an SPDX 3 graph: their names, texts, and who made all of them. Source: SPDX 3.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Element", "creation_info", "name_of", "text_of"]

Element: TypeAlias = Mapping[str, Any]


def name_of(element: Element) -> str:
    """Its identifier; empty: it has none."""
    return text_of(element, "spdxId") or text_of(element, "@id")


def text_of(element: Element, key: str) -> str:
    """A property that is a text; empty: there is none, or it is something else."""
    value = element.get(key)
    return value if isinstance(value, str) else ""


def creation_info(
    documents: Iterable[Element], elements: Mapping[str, Element], others: Iterable[Element]
) -> Element:
    """When and by whom it was made, as the first of the documents says that says so.

    Args:
        documents: the elements of that type.
        elements: all, by name: the answer may be one of its own.
        others: such answers; the first counts where no document says any.
    """
    for document in documents:
        stated = document.get("creationInfo")
        if isinstance(stated, dict):
            return stated
        if isinstance(stated, str) and stated in elements:
            return elements[stated]
    return next(iter(others), {})
