"""The order of npm, Go, cargo, hex and pub. Source: semver.org 2.0.0, section 11.

Read as their tools do: `v` before it is nothing, missing numbers are 0, what follows the third
number without a hyphen is build metadata.
"""

from __future__ import annotations

import re

__all__ = ["key", "prerelease"]

_VERSION = re.compile(
    r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:\.[0-9.]+)?(?:-([0-9A-Za-z.-]*))?(?:\+.*)?",
    re.ASCII,
)

_Prerelease = tuple[int, tuple[tuple[int, int, str], ...]]


def key(version: str) -> tuple[tuple[int, ...], _Prerelease] | None:
    """Numbers and what stands before a release. None for what is no such version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    numbers = tuple(int(match[n] or 0) for n in (1, 2, 3))
    return numbers, prerelease(match[4] or "")


def prerelease(text: str) -> _Prerelease:
    """Sorts identifiers as section 11.4 says; a release comes after all of them."""
    if not text:
        return 1, ()
    parts = text.split(".")
    return 0, tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
