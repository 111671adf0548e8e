"""Maven's order. Source: Maven's POM reference, "Version Order Specification"."""

from __future__ import annotations

import re
from functools import cmp_to_key

__all__ = ["key"]

_TOKENS = re.compile(r"([.-]?)([0-9]+|[^0-9.-]+|(?=[.-]|$))", re.ASCII)
_QUALIFIERS = ("alpha", "beta", "milestone", "rc", "snapshot", "", "sp")
_RANKS = {word: rank for rank, word in enumerate(_QUALIFIERS)}
_UNKNOWN = len(_QUALIFIERS)
_SAME = {"cr": "rc", "final": "", "ga": "", "release": ""}
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
# What a token is, in the order of "`.qualifier` < `-qualifier` < `-number` < `.number`".
_DOT_WORD, _HYPHEN_WORD, _HYPHEN_NUMBER, _DOT_NUMBER = range(4)
_NOTHING = _RANKS[""]

_Token = tuple[int, int, str]


def key(version: str) -> object:
    """Sorts by the specification. Any text is a version there."""
    return _KEY(_trimmed(_read(version.lower())))


def _read(text: str) -> list[tuple[str, _Token]]:
    """Separator and token. A change between digits and letters is a hyphen."""
    found: list[tuple[str, _Token]] = []
    matches = [m for m in _TOKENS.finditer(text) if m[0]]
    for position, match in enumerate(matches):
        separator = match[1] or ("-" if position else ".")
        word = match[2] or "0"
        if word[0] in "0123456789":
            found.append((separator, (_DOT_NUMBER - (separator == "-"), int(word), "")))
            continue
        following = matches[position + 1] if position + 1 < len(matches) else None
        if following is not None and not following[1]:  # a digit stands directly behind
            word = _SHORT.get(word, word)
        word = _SAME.get(word, word)
        rank = _RANKS.get(word, _UNKNOWN)
        kind = _HYPHEN_WORD if separator == "-" else _DOT_WORD
        found.append((separator, (kind, rank, word if rank == _UNKNOWN else "")))
    return found


def _trimmed(tokens: list[tuple[str, _Token]]) -> list[_Token]:
    """Without what says nothing at the end and before each hyphen."""
    found: list[_Token] = []
    for separator, token in tokens:
        if separator == "-":
            _trim(found)
        found.append(token)
    _trim(found)
    return found


def _trim(tokens: list[_Token]) -> None:
    while tokens and tokens[-1][1] == (_NOTHING if tokens[-1][0] <= _HYPHEN_WORD else 0):
        tokens.pop()


def _compare(a: list[_Token], b: list[_Token]) -> int:
    for position in range(max(len(a), len(b))):
        first = a[position] if position < len(a) else _padding(b[position])
        second = b[position] if position < len(b) else _padding(a[position])
        if first != second:
            return 1 if first > second else -1
    return 0


def _padding(token: _Token) -> _Token:
    """What a version that ends is taken to have where the other one has `token`."""
    if token[0] == _DOT_NUMBER:
        return _DOT_NUMBER, 0, ""
    return (_DOT_WORD if token[0] == _DOT_WORD else _HYPHEN_WORD), _NOTHING, ""


_KEY = cmp_to_key(_compare)
