"""CycloneDX in XML: the same rules as for its JSON, over elements, which know their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.validating.consistency.judging import Judge, Place

if TYPE_CHECKING:
    from provenance.findings import Finding

__all__ = ["check"]

_NAMESPACE = "{http://cyclonedx.org/schema/bom/"
_TIMES = frozenset({"timestamp", "created", "published", "updated", "rejected"})
# Where a text is a reference: the element and the one around it.
_REFERENCES = frozenset({("ref", "target"), ("subject", "subjects")})
# And where an attribute `ref` is one.
_REFERRING = frozenset({"dependency", "assembly", "vulnerability", "subject", "provides"})


def check(root: Any) -> list[Finding]:
    """What contradicts itself, in a tree of lxml."""
    judge = Judge(spell=_line)
    referring: list[tuple[str, Any]] = []
    for part in root:
        in_part: list[tuple[str, Any]] = []
        _part(part, judge, in_part)
        if part.tag != f"{root.tag.rpartition('}')[0]}}}formulation":
            # A workflow refers to tasks and inputs by ways of its own.
            referring += in_part
    for ref, element in referring:
        if not ref.startswith("urn:cdx:"):
            judge.refers(ref, (element,))
    _twice(root, judge)
    return judge.findings()


def _part(part: Any, judge: Judge, referring: list[tuple[str, Any]]) -> None:
    for element in part.iter():
        tag = element.tag
        if isinstance(tag, str) and tag.startswith(_NAMESPACE):
            name = tag.rpartition("}")[2]
            if element.attrib:
                _attributes(name, element, judge, referring)
            if len(element) == 0 and element.text:
                _text(name, element, judge, referring)


def _line(place: Place) -> str:
    element: Any = place[0]
    return f"line {element.sourceline}"


def _attributes(name: str, element: Any, judge: Judge, referring: list[tuple[str, Any]]) -> None:
    defined = element.get("bom-ref")
    if defined is not None:
        judge.defined(defined, (element,))
    ref = element.get("ref")
    if ref is not None and name in _REFERRING:
        referring.append((ref, element))
    if name == "hash":
        judge.hash(element.get("alg"), (element.text or "").strip(), (element,))


def _text(name: str, element: Any, judge: Judge, referring: list[tuple[str, Any]]) -> None:
    text = element.text.strip()
    if name == "purl":
        judge.purl(text, (element,))
    elif name == "cpe":
        judge.cpe(text, (element,))
    elif name == "expression" and _around(element) == "licenses":
        judge.expression(text, (element,))
    elif name in _TIMES:
        judge.time(text, (element,))
    elif (name, _around(element)) in _REFERENCES:
        referring.append((text, element))


def _around(element: Any) -> str:
    parent = element.getparent()
    return "" if parent is None else str(parent.tag).rpartition("}")[2]


def _twice(root: Any, judge: Judge) -> None:
    """Dependencies of one thing, listed twice; things that depend on themselves."""
    seen: set[str] = set()
    start = root.tag.rpartition("}")[0]
    for item in root.iterfind(f"{start}}}dependencies/{start}}}dependency"):
        ref = item.get("ref", "")
        if ref in seen:
            message = f"{ref[:100]} has its dependencies listed before"
            judge.found("duplicate-dependency", message, (item,))
        seen.add(ref)
        for target in item:
            if ref and target.get("ref") == ref:
                message = f"{ref[:100]} depends on itself"
                judge.found("self-reference", message, (target,))
