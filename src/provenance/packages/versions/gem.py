"""RubyGems' order. Source: RubyGems' guides, "Patterns", and the documentation of Gem::Version."""

from __future__ import annotations

import re
from functools import cmp_to_key
from itertools import zip_longest

__all__ = ["key"]

_VERSION = re.compile(r"[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)
_SEGMENTS = re.compile(r"[0-9]+|[A-Za-z]+", re.ASCII)
_ZERO = (1, 0, "")

_Segment = tuple[int, int, str]


def key(version: str) -> object:
    """Segments, of which a word comes before any number. None for what is no version."""
    text = version.strip()
    if _VERSION.fullmatch(text) is None:
        return None
    found: list[_Segment] = []
    for segment in _SEGMENTS.findall(text.replace("-", ".pre.")):
        if segment.isdecimal():
            found.append((1, int(segment), ""))
            continue
        if all(s[0] for s in found):  # 1.0.a is 1.a
            _strip(found)
        found.append((0, 0, segment))
    _strip(found)
    return _KEY(tuple(found))


def _strip(segments: list[_Segment]) -> None:
    while segments and segments[-1] == _ZERO:
        segments.pop()


def _compare(a: tuple[_Segment, ...], b: tuple[_Segment, ...]) -> int:
    for first, second in zip_longest(a, b, fillvalue=_ZERO):
        if first != second:
            return 1 if first > second else -1
    return 0


_KEY = cmp_to_key(_compare)
