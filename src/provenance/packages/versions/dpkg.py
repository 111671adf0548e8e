"""Debian's order. Source: Debian policy 5.6.12, deb-version(7)."""

from __future__ import annotations

import re

__all__ = ["key"]

_VERSION = re.compile(r"(?:([0-9]+):)?([A-Za-z0-9.+~:_-]+)", re.ASCII)
_PARTS = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)
_NOTHING = ((0,), 0)

_Part = tuple[tuple[int, ...], int]


def key(version: str) -> tuple[int, tuple[_Part, ...], tuple[_Part, ...]] | None:
    """Epoch, upstream version, revision. None for characters that no version has."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    upstream, _, revision = match[2].rpartition("-") if "-" in match[2] else (match[2], "", "")
    return int(match[1] or 0), _parts(upstream), _parts(revision)


def _parts(text: str) -> tuple[_Part, ...]:
    """Pairs of a text and a number. What ends is followed by nothing, which is more than `~`."""
    parts = [((*map(_order, w), 0), int(n or 0)) for w, n in _PARTS.findall(text)]
    while parts and parts[-1] == _NOTHING:
        parts.pop()
    return (*parts, _NOTHING)


def _order(character: str) -> int:
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256
