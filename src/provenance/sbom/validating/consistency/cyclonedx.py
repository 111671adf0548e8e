"""CycloneDX in JSON: every object once, then what refers to what. Source: CycloneDX 1.2 to 1.7.

References to other documents (BOM-Link, `urn:cdx:`) are left alone, unless they name this one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.sbom.validating.consistency.judging import Judge, Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.findings import Finding

__all__ = ["check", "pointer"]

_LINK = re.compile(r"urn:cdx:([0-9a-fA-F-]{36})/(\d+)(?:#(.+))?", re.ASCII | re.DOTALL)
# Lists of names and values, in which nothing is named by anything else.
_PASSED_OVER = frozenset({"properties", "dependencies", "compositions", "signature", "text"})
_TIMES = frozenset({"timestamp", "created", "published", "updated", "rejected", "lastUpdated"})
_WATCHED = _TIMES | {"bom-ref", "purl", "cpe", "expression"}


def check(document: Mapping[str, Any]) -> list[Finding]:
    """What contradicts itself."""
    judge = Judge(spell=pointer)
    _values(document, judge)
    serial = document.get("serialNumber")
    references = _References(judge, serial if isinstance(serial, str) else "")
    references.dependencies(document.get("dependencies"))
    references.compositions(document.get("compositions"))
    references.vulnerabilities(document.get("vulnerabilities"))
    references.annotations(document.get("annotations"))
    return judge.findings()


def pointer(place: Place) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)


def _values(document: Mapping[str, Any], judge: Judge) -> None:
    """Look at every object: without recursion, since nesting is a stranger's choice."""
    waiting: list[tuple[Any, Place]] = [(document, ())]
    # What is passed over has names of its own.
    for n, composition in _objects(document.get("compositions")):
        judge.defined(composition.get("bom-ref"), ("compositions", n, "bom-ref"))
    while waiting:
        item, place = waiting.pop()
        for key, value in reversed(item.items()):  # what is put down last is taken up first
            if isinstance(value, str):
                if key in _WATCHED:
                    _text(key, value, item, place, judge)
            elif key in _PASSED_OVER:
                continue
            elif isinstance(value, dict):
                waiting.append((value, (*place, key)))
            elif isinstance(value, list) and value:
                if key == "hashes":
                    _hashes(value, (*place, key), judge)
                else:
                    waiting += [
                        (value[n], (*place, key, n))
                        for n in range(len(value) - 1, -1, -1)
                        if isinstance(value[n], dict)
                    ]


def _text(key: str, value: str, item: Mapping[str, Any], place: Place, judge: Judge) -> None:
    if key == "bom-ref":
        judge.defined(value, (*place, key))
    elif key == "purl":
        judge.purl(value, (*place, key))
    elif key == "cpe":
        judge.cpe(value, (*place, key))
    elif key == "expression" and place[-2:-1] == ("licenses",):
        judge.expression(value, (*place, key))
    elif key in _TIMES and "content" not in item:
        judge.time(value, (*place, key))


def _hashes(listed: list[Any], place: Place, judge: Judge) -> None:
    for number, item in enumerate(listed):
        if isinstance(item, dict):
            judge.hash(item.get("alg"), item.get("content"), (*place, number, "content"))


class _References:
    """Asks the judge for each reference, once all identifiers are known."""

    def __init__(self, judge: Judge, serial: str) -> None:
        self._judge = judge
        self._serial = serial.removeprefix("urn:uuid:").lower()

    def refers(self, name: object, place: Place) -> None:
        if isinstance(name, str) and name.startswith("urn:cdx:") and name not in self._judge.ids:
            link = _LINK.fullmatch(name)
            # To another document, or to this one as a whole.
            if link is None or link[1].lower() != self._serial or not link[3]:
                return
            name = link[3]
        self._judge.refers(name, place)

    def dependencies(self, value: Any) -> None:
        seen: set[str] = set()
        for number, item in _objects(value):
            ref, place = item.get("ref"), ("dependencies", number)
            self.refers(ref, (*place, "ref"))
            if isinstance(ref, str) and ref in seen:
                message = f"{ref[:100]} has its dependencies listed before"
                self._judge.found("duplicate-dependency", message, (*place, "ref"))
            elif isinstance(ref, str):
                seen.add(ref)
            for key in ("dependsOn", "provides"):
                for index, target in _items(item.get(key)):
                    self.refers(target, (*place, key, index))
                    if target == ref and isinstance(ref, str):
                        message = f"{ref[:100]} depends on itself"
                        self._judge.found("self-reference", message, (*place, key, index))

    def compositions(self, value: Any) -> None:
        for number, item in _objects(value):
            for key in ("assemblies", "dependencies", "vulnerabilities"):
                for index, target in _items(item.get(key)):
                    self.refers(target, ("compositions", number, key, index))

    def vulnerabilities(self, value: Any) -> None:
        for number, item in _objects(value):
            for index, affected in _objects(item.get("affects")):
                place = ("vulnerabilities", number, "affects", index, "ref")
                self.refers(affected.get("ref"), place)

    def annotations(self, value: Any) -> None:
        for number, item in _objects(value):
            for index, subject in _items(item.get("subjects")):
                self.refers(subject, ("annotations", number, "subjects", index))


def _items(value: Any) -> Iterator[tuple[int, Any]]:
    return enumerate(value) if isinstance(value, list) else iter(())


def _objects(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return ((n, item) for n, item in _items(value) if isinstance(item, dict))
