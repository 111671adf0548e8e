"""Which components are files and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_only_file"]

_KEYS = frozenset({"type", "bom-ref", "name", "mime-type", "hashes", "properties"})
_DEMANDED = ("version", "modified")
"""Until 1.3; without a value they say nothing."""


def is_only_file(item: Mapping[str, Any]) -> bool:
    """Whether a component of type `file` says no more than a file can."""
    return all(key in _KEYS or (key in _DEMANDED and not item[key]) for key in item)
