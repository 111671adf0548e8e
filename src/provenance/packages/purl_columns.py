"""Package URLs of many packages at once, taken apart into columns.

What each part is, `parse_purl` says; it takes too long to be asked fifty thousand times. Texts of
the plain form, which is the canonical one, are split here, to the same parts; any other is left
to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from provenance.errors import MalformedDocument
from provenance.packages.purl import Purl, parse_purl
from provenance.packages.purl_types import LOWER_NAMESPACE, NO_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PurlColumns", "split_purls"]

_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~:%+@/?&=-\n"
_START = re.compile(r"pkg:([a-z][a-z0-9.-]*)((?:/[A-Za-z0-9._~%+-]+)*)", re.ASCII)
_KEY = re.compile(r"[a-z][a-z0-9._-]*", re.ASCII)
# Types whose names and namespaces are what they look like, once they are in lower case.
_LOWER = frozenset({"apk", "composer", "deb", "github", "npm", "pypi"})
_KNOWN = _LOWER | {"cargo", "conda", "gem", "generic", "golang", "maven", "nuget", "rpm"}


class PurlColumns(NamedTuple):
    """A value for each package URL; empty where it has no such part, or is none."""

    type: list[str]
    namespace: list[str]
    name: list[str]
    version: list[str]
    qualifiers: list[tuple[tuple[str, str], ...]]
    """Keys and values, by key."""
    subpath: list[str]


_Row = tuple[str, str, str, str, tuple[tuple[str, str], ...], str]
_NOTHING: _Row = ("", "", "", "", (), "")


def split_purls(purls: Sequence[str]) -> PurlColumns:
    """The parts of each.

    >>> split_purls(["pkg:npm/%40org/a@1.0?arch=x", "none"]).namespace
    ['@org', '']
    """
    if not purls:
        return PurlColumns([], [], [], [], [], [])
    starts: dict[str, tuple[str, str, bool] | None] = {}
    queries: dict[str, tuple[tuple[str, str], ...] | None] = {"": ()}
    is_plain = _all_plain(purls)
    rows: list[_Row] = []
    for purl in purls:
        head, _, query = purl.partition("?")
        path, _, last = head.rpartition("/")
        name, _, version = last.partition("@")
        if path not in starts:
            starts[path] = _start(path)
        if query not in queries:
            queries[query] = _qualifiers(query)
        start, qualifiers = starts[path], queries[query]
        if start is None or qualifiers is None or not (is_plain and name and version):
            rows.append(_parsed(purl))
            continue
        kind, namespace, is_lower = start
        if is_lower and not _is_normal(kind, name):
            rows.append(_parsed(purl))
        elif "%" not in last and "@" not in version:
            rows.append((kind, namespace, name, version, qualifiers, ""))
        elif "%" in name or "@" in version or (text := unquote(version)) != text.strip():
            rows.append(_parsed(purl))
        else:
            rows.append((kind, namespace, name, text, qualifiers, ""))
    return PurlColumns(*map(list, zip(*rows, strict=True)))


def _all_plain(purls: Sequence[str]) -> bool:
    """Whether all are of characters that stand for themselves, and none has a subpath."""
    joined = "\n".join(purls)
    if not joined.isascii() or joined.count("\n") >= len(purls):
        return False
    return not joined.encode().translate(None, _PLAIN)


def _start(path: str) -> tuple[str, str, bool] | None:
    """Type and namespace, and whether names are in lower case; None where that is not plain."""
    match = _START.fullmatch(path)
    if match is None or match[1] not in _KNOWN:
        return None
    kind, namespace = match[1], unquote(match[2][1:])
    segments = namespace.split("/") if namespace else []
    is_plain = namespace.isascii() and namespace.isprintable() and " " not in namespace
    if not is_plain or "" in segments or match[2].count("/") != len(segments):
        return None
    if namespace and kind in NO_NAMESPACE:
        return None
    if kind in _LOWER | LOWER_NAMESPACE and namespace != namespace.lower():
        return None
    return kind, namespace, kind in _LOWER


def _is_normal(kind: str, name: str) -> bool:
    if kind == "pypi" and "_" in name:
        return False
    return kind not in _LOWER or name == name.lower()


def _qualifiers(query: str) -> tuple[tuple[str, str], ...] | None:
    found: dict[str, str] = {}
    for pair in query.split("&"):
        key, equals, value = pair.partition("=")
        text = unquote(value)
        if not equals or _KEY.fullmatch(key) is None or key in found or not text.strip():
            return None
        found[key] = text
    return tuple(sorted(found.items()))


def _parsed(purl: str) -> _Row:
    try:
        parts: Purl = parse_purl(purl)
    except MalformedDocument:
        return _NOTHING
    pairs = tuple(sorted(parts.qualifiers.items()))
    return parts.type, parts.namespace, parts.name, parts.version, pairs, parts.subpath
