"""Composer's order of released versions. Source: Composer's documentation, "Versions".

Branches (`dev-main`) have no order.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["key"]

_VERSION = re.compile(
    r"v?([0-9]+(?:\.[0-9]+){0,3})"
    r"(?:[._-]?(dev|alpha|a|beta|b|rc|stable|patch|pl|p)[.-]?([0-9]*))?(?:\+.*)?",
    re.ASCII,
)
_STABILITY = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "rc": 3, "stable": 4}
_STABILITY |= {"p": 5, "pl": 5, "patch": 5}


def key(version: str) -> Any:
    """Four numbers, stability and its number. None for a branch and for what is no version."""
    match = _VERSION.fullmatch(version.lower())
    if match is None:
        return None
    numbers = [int(n) for n in match[1].split(".")]
    stability = _STABILITY[match[2] or "stable"]
    return (*numbers, *[0] * (4 - len(numbers))), stability, int(match[3] or 0)
