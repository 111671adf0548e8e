"""rpm's order. Source: rpm-version(7)."""

from __future__ import annotations

import re

__all__ = ["key"]

_EPOCH = re.compile(r"([0-9]+):(.*)", re.ASCII | re.DOTALL)
_SEGMENTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^", re.ASCII)
_TILDE, _END, _CARET, _WORD, _NUMBER = range(5)

_Segment = tuple[int, int, str]


def key(version: str) -> tuple[int, tuple[_Segment, ...], tuple[_Segment, ...]]:
    """Epoch, version, release; no release at all is less than an empty one."""
    match = _EPOCH.fullmatch(version)
    epoch, rest = (int(match[1]), match[2]) if match else (0, version)
    if "-" not in rest:
        return epoch, _segments(rest), ()
    head, _, release = rest.rpartition("-")
    return epoch, _segments(head), _segments(release)


def _segments(text: str) -> tuple[_Segment, ...]:
    found: list[_Segment] = []
    for segment in _SEGMENTS.findall(text):
        if segment == "~":
            found.append((_TILDE, 0, ""))
        elif segment == "^":
            found.append((_CARET, 0, ""))
        elif segment[0] in "0123456789":
            found.append((_NUMBER, int(segment), ""))
        else:
            found.append((_WORD, 0, segment))
    return (*found, (_END, 0, ""))
