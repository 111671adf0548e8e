"""SPDX 3 in JSON-LD: the graph, and the elements that stand within others. Source: SPDX 3.0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.validating.consistency.cyclonedx import pointer
from provenance.sbom.validating.consistency.judging import Judge, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.findings import Finding

__all__ = ["check"]

# Properties whose values are elements, by their short names in the context.
_REFERENCES = (
    *("from", "to", "rootElement", "element", "creationInfo", "createdBy", "createdUsing"),
    *("suppliedBy", "originatedBy", "subject", "supportLevel", "expandedlicensing_member"),
    *("expandedlicensing_subjectLicense", "expandedlicensing_subjectAddition"),
    *("security_assessedElement", "software_snippetFromFile", "dataLicense"),
)
_TIMES = ("created", "builtTime", "releaseTime", "validUntilTime", "startTime", "endTime")
_INDIVIDUALS = ("https://spdx.org/", "http://spdx.org/", "NoAssertion", "None")
_DOCUMENTS = ("SpdxDocument", "Bom", "Bundle", "software_Sbom")


def check(document: Mapping[str, Any]) -> list[Finding]:
    """What contradicts itself."""
    judge = Judge(spell=pointer)
    nodes = list(_nodes(document))
    known = set(_imported(nodes))
    for node, place in nodes:
        for key in ("spdxId", "@id"):
            judge.defined(node.get(key), (*place, key))
        _values(node, place, judge)
    contains: dict[str, list[str]] = {}
    stated: dict[str, Place] = {}
    describes = False
    for node, place in nodes:
        for key in _REFERENCES:
            for name, where in _named(node.get(key), (*place, key)):
                # Anything else with a scheme that is not here is of another document, by 3.0.1
                # only where it is imported.
                if name not in known and not name.startswith(_INDIVIDUALS):
                    judge.refers(name, where)
        if node.get("type") in _DOCUMENTS and node.get("rootElement"):
            describes = True
        kind, source = node.get("relationshipType"), node.get("from")
        describes = describes or kind == "describes"
        if kind == "contains" and isinstance(source, str):
            contains.setdefault(source, []).extend(n for n, _ in _named(node.get("to"), ()))
            stated.setdefault(source, place)
    judge.acyclic(contains, stated.__getitem__)
    if not describes:
        judge.found("describes-nothing", "no document or SBOM in it has a rootElement", ())
    return judge.findings()


def _nodes(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Place]]:
    """Every object of the graph, also within others, without recursion."""
    graph = document.get("@graph")
    waiting: list[tuple[Any, Place]] = (
        [(x, ("@graph", n)) for n, x in enumerate(graph)]
        if isinstance(graph, list)
        else [(document, ())]
    )
    waiting.reverse()
    while waiting:
        node, place = waiting.pop()
        if not isinstance(node, dict):
            continue
        yield node, place
        for key, value in node.items():
            if isinstance(value, dict):
                waiting.append((value, (*place, key)))
            elif isinstance(value, list):
                waiting += [
                    (x, (*place, key, n)) for n, x in enumerate(value) if isinstance(x, dict)
                ]


def _imported(nodes: list[tuple[Mapping[str, Any], Place]]) -> Iterator[str]:
    for node, _ in nodes:
        if isinstance(name := node.get("externalSpdxId"), str):
            yield name


def _named(value: Any, place: Place) -> Iterator[tuple[str, Place]]:
    listed = value if isinstance(value, list) else [value]
    for number, name in enumerate(listed):
        if isinstance(name, str):
            yield name, (*place, number) if isinstance(value, list) else place


def _values(node: Mapping[str, Any], place: Place, judge: Judge) -> None:
    judge.purl(node.get("software_packageUrl"), (*place, "software_packageUrl"))
    kind = node.get("externalIdentifierType")
    if kind == "packageUrl":
        judge.purl(node.get("identifier"), (*place, "identifier"))
    elif kind in ("cpe22", "cpe23"):
        judge.cpe(node.get("identifier"), (*place, "identifier"))
    if "hashValue" in node:
        judge.hash(node.get("algorithm"), node["hashValue"], (*place, "hashValue"))
    expression = node.get("simplelicensing_licenseExpression")
    if expression not in ("NONE", "NOASSERTION"):
        judge.expression(expression, (*place, "simplelicensing_licenseExpression"))
    times = {key: judge.time(node[key], (*place, key)) for key in _TIMES if key in node}
    for begin, end in (("releaseTime", "validUntilTime"), ("startTime", "endTime")):
        earlier, later = times.get(begin), times.get(end)
        if earlier is not None and later is not None and later < earlier:
            judge.found("times-out-of-order", f"{end} is before {begin}", (*place, end))
