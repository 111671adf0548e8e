"""One element out of several records of it, in JSON: lists are joined, contradictions named."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from provenance.sbom.comparing.diff import same_licenses
from provenance.sbom.items import items, text, values
from provenance.sbom.spdx.carrying import comment, pairs_of

__all__ = ["Seen", "contradicts", "identity", "unify"]

Pairs = list[tuple[str, str]]
Seen = dict[int, tuple[list[Any], set[bytes]]]
"""Of a list by its identity: it, which so lives on, and what is in it, as text."""

_NOTHING = ("", "NOASSERTION", None)
_LICENSES = frozenset({"licenses", "licenseDeclared", "licenseConcluded"})  # all of a list apply
_IDENTIFIERS = frozenset({"bom-ref", "SPDXID"})
_NUMBERED = re.compile(r"(.*:)([0-9]{1,6})(:.*)", re.ASCII | re.DOTALL)


def identity(item: dict[str, Any]) -> tuple[str, ...]:
    """What records of one package agree in, in either family."""
    purl = text(item, "purl")
    for reference in items(item.get("externalRefs")):
        if not purl and reference.get("referenceType") == "purl":
            purl = text(reference, "referenceLocator")
    if purl:
        return (purl,)
    keys = ("name", "version", "versionInfo", "group", "type", "primaryPackagePurpose", "fileName")
    return tuple(text(item, key) for key in keys)


def contradicts(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the two have different bytes, and so are two whatever they are called."""
    here, there = _hashes(one), _hashes(other)
    return any(key in here and here[key] != value for key, value in there.items())


def _hashes(item: dict[str, Any]) -> dict[str, str]:
    listed = items(item.get("hashes")) + items(item.get("checksums"))
    return {
        text(x, "alg") or text(x, "algorithm"): (
            text(x, "content") or text(x, "checksumValue")
        ).lower()
        for x in listed
    }


def unify(first: dict[str, Any], other: dict[str, Any], seen: Seen) -> list[str]:
    """Add to `first` what `other` says besides; returned are the keys of it that contradict.

    Args:
        first: what there is. It is changed.
        other: another record of it, which is used up.
        seen: what is known of lists from earlier calls.
    """
    left = []
    _shift_places(first, other)
    _join_carried(first, other)
    for key, value in other.items():
        here = first.get(key)
        if key in _IDENTIFIERS or here == value or value in _NOTHING:
            continue
        if key == "signature":
            left.append(key)  # over another object than `first`
        elif here in _NOTHING or here == []:
            first[key] = value
        elif key == "sourceInfo":
            first[key] = f"{here}; {value}"
        elif not _is_joined(key, here, value, seen):
            left.append(key)
    return left


def _is_joined(key: str, here: Any, value: Any, seen: Seen) -> bool:
    """Add what a value says besides another; false where it contradicts that."""
    if key in _LICENSES:
        return _join_licenses(here, value, seen)
    if isinstance(here, list) and isinstance(value, list):
        _join(here, value, seen)
        return True
    if isinstance(here, dict) and isinstance(value, dict):
        # Of two suppliers none is made that has the name of one and the address of the other.
        return not _is_another(here, value) and not unify(here, value, seen)
    return False


def _join(here: list[Any], more: list[Any], seen: Seen) -> None:
    if id(here) not in seen:
        seen[id(here)] = here, set(map(_said, here))
    _, known = seen[id(here)]
    for item in more:
        if (said := _said(item)) not in known:
            known.add(said)
            here.append(item)


def _said(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _is_another(here: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two objects contradict each other in what they say themselves."""
    return any(
        here.get(key) not in _NOTHING and value not in _NOTHING and here[key] != value
        for key, value in other.items()
        if not isinstance(value, (dict, list)) and key not in _IDENTIFIERS
    )


def _join_licenses(here: Any, other: Any, seen: Seen) -> bool:
    """Add what is said of the same licences besides; false where it contradicts or has no place."""
    if not same_licenses(_texts(here), _texts(other)):
        return False
    if isinstance(here, str) or isinstance(other, str):
        return True
    known = {text_: choice for choice in items(here) if (text_ := _license(choice))}
    is_joined = True
    for choice in items(other):
        mine = known.get(_license(choice))
        if mine is None:
            is_joined &= len(list(values(choice))) == 1
        elif mine != choice:
            is_joined &= not unify(mine, choice, seen)
    return is_joined


def _license(choice: dict[str, Any]) -> str:
    license_ = choice.get("license")
    return text(choice, "expression") or text(license_, "id") or text(license_, "name")


def _texts(stated: Any) -> tuple[str, ...]:
    """Licences, of SPDX or of CycloneDX."""
    if isinstance(stated, str):
        return (stated,)
    return tuple(map(_license, items(stated)))


def _shift_places(first: dict[str, Any], other: dict[str, Any]) -> None:
    """Number the places of `other` on from those of `first`: properties name them by number."""
    here, there = _occurrences(first), _occurrences(other)
    if not there and not any(
        _NUMBERED.fullmatch(text(x, "name")) for x in items(other.get("properties"))
    ):
        return
    said = [(text(x, "name"), text(x, "value")) for x in items(first.get("properties"))]
    more = [(text(x, "name"), text(x, "value")) for x in items(other.get("properties"))]
    if set(filter(_is_numbered, more)) <= set(said) and all(x in here for x in there):
        return  # the same places
    count = len(here) if there else _count(said)
    if any(map(_is_numbered, more)):
        other["properties"] = [{"name": n, "value": v} for n, v in _shifted(more, count)]
    if here and there:
        first["evidence"] = {**first["evidence"], "occurrences": [*here, *there]}
        other["evidence"] = {k: v for k, v in other["evidence"].items() if k != "occurrences"}


def _occurrences(item: dict[str, Any]) -> list[dict[str, Any]]:
    evidence = item.get("evidence")
    return items(evidence.get("occurrences")) if isinstance(evidence, dict) else []


def _is_numbered(pair: tuple[str, str]) -> bool:
    return _NUMBERED.fullmatch(pair[0]) is not None


def _count(pairs: Pairs) -> int:
    """One more than the highest number."""
    found = [_NUMBERED.fullmatch(name) for name, _ in pairs]
    return max((int(match[2]) + 1 for match in found if match), default=0)


def _shifted(pairs: Pairs, count: int) -> Pairs:
    out = []
    for name, value in pairs:
        match = _NUMBERED.fullmatch(name)
        out.append((f"{match[1]}{int(match[2]) + count}{match[3]}" if match else name, value))
    return out


def _join_carried(first: dict[str, Any], other: dict[str, Any]) -> None:
    """Of SPDX: what this project carries, in one annotation, places numbered on."""
    mine = next((x for x in items(first.get("annotations")) if _pairs(x)), None)
    if mine is None:
        return
    kept = []
    for annotation in items(other.get("annotations")):
        here, there = _pairs(mine), _pairs(annotation)
        if not there:
            kept.append(annotation)
            continue
        if not set(filter(_is_numbered, there)) <= set(here):
            there = _shifted(there, _count(here))
        mine["comment"] = comment([*here, *(x for x in there if x not in here)])
    if "annotations" in other:
        other["annotations"] = kept


def _pairs(annotation: dict[str, Any]) -> Pairs:
    try:
        return pairs_of(annotation.get("comment")) or []
    except msgspec.DecodeError:
        return []
