"""NuGet's order. Source: NuGet's documentation, "Package versioning".

Semantic versions with a fourth number, compared without regard to case.
"""

from __future__ import annotations

import re
from typing import Any

from provenance.packages.versions.semver import prerelease

__all__ = ["key"]

_VERSION = re.compile(r"([0-9]+(?:\.[0-9]+){0,3})(?:-([0-9a-z.-]+))?(?:\+.*)?", re.ASCII)


def key(version: str) -> Any:
    """Four numbers and what stands before a release. None for what is no such version."""
    match = _VERSION.fullmatch(version.lower())
    if match is None:
        return None
    numbers = [int(n) for n in match[1].split(".")]
    return (*numbers, *[0] * (4 - len(numbers))), prerelease(match[2] or "")
