"""Alpine's order. Source: apk-package(5), section on versions, and what apk-tools answers.

`1.2.3a_rc1_p2~abcdef-r4`: numbers, a letter, suffixes, a commit, a revision. What stands after
the part that is a version makes it older than one that ends there, and sorts as text.
"""

from __future__ import annotations

import re
from functools import cmp_to_key

__all__ = ["key"]

_FIRST = re.compile(r"[0-9]+", re.ASCII)
_TOKENS = re.compile(
    r"\.(?P<digits>[0-9]+)|(?P<letter>[a-z])"
    r"|_(?P<suffix>alpha|beta|pre|rc|cvs|svn|git|hg|p)(?P<count>[0-9]*)"
    r"|~(?P<commit>[0-9a-f]+)|-r(?P<revision>[0-9]*)(?=$)",
    re.ASCII,
)
_SUFFIXES = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1}
_SUFFIXES |= {"cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}
# In the order in which they may follow: of two that differ, the earlier one is the newer version.
_INITIAL, _DIGITS, _LETTER, _SUFFIX, _COMMIT, _REVISION, _END, _REST = range(8)

_Token = tuple[int, int, str]


def key(version: str) -> object:
    """Sorts as `apk version -t` does. None without a number at the beginning."""
    tokens = _tokens(version)
    return _KEY(tokens) if tokens else None


def _tokens(version: str) -> list[_Token]:
    first = _FIRST.match(version)
    if first is None:
        return []
    found: list[_Token] = [(_INITIAL, int(first[0]), "")]
    at, kind = first.end(), _INITIAL
    while match := _TOKENS.match(version, at):
        token = _token(match)
        if token[0] < kind or (token[0] == kind and kind not in (_DIGITS, _SUFFIX)):
            break
        found.append(token)
        kind, at = token[0], match.end()
    rest = version[at:]
    if not rest:
        return [*found, (_END, 0, "")]
    return [*found, (_REST, 0, "" if rest[0] == "-" else rest)]  # for apk one revision like another


def _token(match: re.Match[str]) -> _Token:
    if match["digits"]:
        return _DIGITS, int(match["digits"]), match["digits"]
    if match["letter"]:
        return _LETTER, 0, match["letter"]
    if match["suffix"]:
        count = int(match["count"] or 0)
        return _SUFFIX, _SUFFIXES[match["suffix"]], f"{count:0500d}" if count else ""
    if match["commit"]:
        return _COMMIT, 0, match["commit"]
    return _REVISION, int(match["revision"] or 0), ""


def _compare(a: list[_Token], b: list[_Token]) -> int:
    for first, second in zip(a, b, strict=False):
        if first[0] != second[0]:
            return _between(first, second)
        if first[0] == _DIGITS and "0" not in (first[2][0], second[2][0]):
            left, right = (first[1], ""), (second[1], "")
        elif first[0] == _DIGITS:  # behind a leading zero they are decimals: text
            left, right = (0, first[2]), (0, second[2])
        else:
            left, right = first[1:], second[1:]
        if left != right:
            return 1 if left > right else -1
    return 0


def _between(first: _Token, second: _Token) -> int:
    """Of two that go on differently: a suffix of before a release is less than anything."""
    if first[0] == _SUFFIX and first[1] < 0:
        return -1
    if second[0] == _SUFFIX and second[1] < 0:
        return 1
    return 1 if first[0] < second[0] else -1


_KEY = cmp_to_key(_compare)
