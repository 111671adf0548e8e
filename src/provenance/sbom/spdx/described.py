"""What an SPDX 2 document in JSON describes, found without decoding all of its relationships.

What that is, is `reading`'s to say; here the same is said for documents without oddities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import field

from provenance.sbom.spdx.vocabulary import DOCUMENT, purpose_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["described_row"]

_DESCRIBE, _FEW, _NEAR = b"DESCRIBE", 100, 4096
_ROOTS = ("container", "operating-system", "application")
_PARTS = ("DEPENDS_ON", "CONTAINS")
_INVERSE = {
    "DEPENDENCY_OF": "DEPENDS_ON",
    "CONTAINED_BY": "CONTAINS",
    "DESCRIBED_BY": "DESCRIBES",
}


class _Element(Protocol):
    @property
    def id(self) -> str | None: ...
    @property
    def primary_package_purpose(self) -> str | None: ...


class _Relationship(msgspec.Struct, gc=False):
    """Who is related to whom."""

    source: str | None = field(default=None, name="spdxElementId")
    kind: str | None = field(default=None, name="relationshipType")
    target: str | None = field(default=None, name="relatedSpdxElement")


_ONE = msgspec.json.Decoder(_Relationship)


def described_row(
    packages: Sequence[_Element], listed: list[str] | None, relationships: msgspec.Raw
) -> int | None:
    """The row of the one thing described that is an image, or has parts."""
    described = set(listed or ())
    for r in _describing(bytes(relationships)):
        if r.kind == "DESCRIBES":
            if r.source == DOCUMENT and r.target is not None:
                described.add(r.target)
        elif r.kind == "DESCRIBED_BY" and r.target == DOCUMENT and r.source is not None:
            described.add(r.source)
    if len(described) != 1:
        return None
    (wanted,) = described
    for number, package in enumerate(packages):
        if package.id == wanted:
            is_root = purpose_kind(package.primary_package_purpose) in _ROOTS
            return number if is_root or _has_parts(wanted, _all(bytes(relationships))) else None
    return None


def _all(relationships: bytes) -> list[_Relationship]:
    return msgspec.json.decode(relationships or b"null", type=list[_Relationship] | None) or []


def _describing(relationships: bytes) -> list[_Relationship]:
    """Those that say what is described, among many: looked for by their word.

    One found alone is whole: where strings have no escapes, a brace inside of a string cannot
    begin or end an object that can be decoded. Wherever that is in doubt, all are decoded.
    """
    found: list[_Relationship] = []
    at = relationships.find(_DESCRIBE)
    if at < 0 and b"\\" not in relationships:
        return []
    while at >= 0 and len(found) < _FEW:
        start, end = relationships.rfind(b"{", max(0, at - _NEAR), at), relationships.find(b"}", at)
        try:
            found.append(_ONE.decode(relationships[start : end + 1] if start >= 0 else b""))
        except msgspec.DecodeError:
            return _all(relationships)
        at = relationships.find(_DESCRIBE, end)
    return found if at < 0 and b"\\" not in relationships else _all(relationships)


def _has_parts(wanted: str, relationships: Sequence[_Relationship]) -> bool:
    for r in relationships:
        if r.source is None or r.target is None or r.kind is None:
            continue
        if r.kind in _PARTS:
            if r.source == wanted:
                return True
        elif r.target == wanted and _INVERSE.get(r.kind) in _PARTS:
            return True
    return False
