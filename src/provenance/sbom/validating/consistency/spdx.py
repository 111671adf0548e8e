"""SPDX 2 in the shape of its JSON, whatever its syntax. Source: SPDX 2.2 and 2.3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.sbom.validating.consistency import expressions
from provenance.sbom.validating.consistency.cyclonedx import pointer
from provenance.sbom.validating.consistency.judging import Judge, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provenance.findings import Finding

__all__ = ["check"]

_DATA_LICENSE = "CC0-1.0"
_NOTHING = frozenset({"NONE", "NOASSERTION"})
_ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+", re.ASCII)  # section 7.2.1 and its kin
_ELSEWHERE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+):(SPDXRef-.+)", re.ASCII | re.DOTALL)
_ACTOR = re.compile(r"(Person|Organization|Tool): ?\S.*", re.DOTALL)
_LISTED = ("packages", "files", "snippets")
_LICENSES = ("licenseConcluded", "licenseDeclared")
_LICENSE_LISTS = ("licenseInfoFromFiles", "licenseInfoInFiles", "licenseInfoInSnippets")
_TIMES = ("releaseDate", "builtDate", "validUntilDate")
_DESCRIBES = ("DESCRIBES", "DESCRIBED_BY")


def check(document: Mapping[str, Any], spell: Callable[[Place], str] = pointer) -> list[Finding]:
    """What contradicts itself.

    Args:
        document: as its JSON decodes.
        spell: writes out where something is.
    """
    walk = _Walk(document, Judge(spell=spell))
    walk.creation()
    walk.identifiers()
    for key in _LISTED:
        for number, item in _objects(document.get(key)):
            walk.element(item, (key, number))
    walk.references()
    return walk.judge.findings()


class _Walk:
    """One document, looked at once."""

    def __init__(self, document: Mapping[str, Any], judge: Judge) -> None:
        self.judge = judge
        self._document = document
        self._elsewhere = _texts(document.get("externalDocumentRefs"), "externalDocumentId")
        self._explained = _texts(document.get("hasExtractedLicensingInfos"), "licenseId")
        self._asked: set[str] = set()

    def creation(self) -> None:
        stated = self._document.get("dataLicense")
        if isinstance(stated, str) and stated != _DATA_LICENSE:
            message = f"{stated[:100]} is not {_DATA_LICENSE}, which section 6.2 asks for"
            self.judge.found("bad-data-license", message, ("dataLicense",))
        info = self._document.get("creationInfo")
        if isinstance(info, dict):
            self.judge.time(info.get("created"), ("creationInfo", "created"))
            for number, text in _items(info.get("creators")):
                self._actor(text, ("creationInfo", "creators", number))

    def identifiers(self) -> None:
        self._identifier(self._document, ())
        for key in _LISTED:
            for number, item in _objects(self._document.get(key)):
                self._identifier(item, (key, number))

    def _identifier(self, item: Mapping[str, Any], place: Place) -> None:
        name = item.get("SPDXID")
        self.judge.defined(name, (*place, "SPDXID"))
        if isinstance(name, str) and _ID.fullmatch(name) is None:
            message = f"{name[:100]} is not SPDXRef- with letters, digits, dots and hyphens"
            self.judge.found("bad-id", message, (*place, "SPDXID"))
        for number, annotation in _objects(item.get("annotations")):
            where = (*place, "annotations", number, "annotationDate")
            self.judge.time(annotation.get("annotationDate"), where)

    def element(self, item: Mapping[str, Any], place: Place) -> None:
        """A package, file or snippet."""
        for number, checksum in _objects(item.get("checksums")):
            where = (*place, "checksums", number, "checksumValue")
            self.judge.hash(checksum.get("algorithm"), checksum.get("checksumValue"), where)
        for key in _LICENSES:
            self._license(item.get(key), (*place, key))
        for key in _LICENSE_LISTS:
            for number, text in _items(item.get(key)):
                self._license(text, (*place, key, number))
        for number, reference in _objects(item.get("externalRefs")):
            self._external(reference, (*place, "externalRefs", number, "referenceLocator"))
        for key in ("supplier", "originator"):
            self._actor(item.get(key), (*place, key))
        released, built, ends = (self.judge.time(item.get(k), (*place, k)) for k in _TIMES)
        for begin in (released, built):
            if begin is not None and ends is not None and ends < begin:
                message = f"valid until {ends.isoformat()}, before {begin.isoformat()}"
                self.judge.found("times-out-of-order", message, (*place, "validUntilDate"))

    def _license(self, text: Any, place: Place) -> None:
        if not isinstance(text, str) or text in _NOTHING:
            return
        self.judge.expression(text, place)
        for name in expressions.references(text):
            if name not in self._explained and name not in self._asked:
                self._asked.add(name)
                message = f"{name[:100]} has no text in hasExtractedLicensingInfos"
                self.judge.found("license-ref-without-text", message, place)

    def _external(self, reference: Mapping[str, Any], place: Place) -> None:
        kind, locator = reference.get("referenceType"), reference.get("referenceLocator")
        if kind == "purl":
            self.judge.purl(locator, place)
        elif kind in ("cpe23Type", "cpe22Type"):
            self.judge.cpe(locator, place)

    def _actor(self, text: Any, place: Place) -> None:
        if isinstance(text, str) and text not in _NOTHING and _ACTOR.fullmatch(text) is None:
            message = f"{text[:100]} does not begin with Person:, Organization: or Tool:"
            self.judge.found("bad-actor", message, place)

    def references(self) -> None:
        """What refers to what, once all identifiers are known."""
        document = self._document
        described = [text for _, text in _items(document.get("documentDescribes"))]
        for number, text in enumerate(described):
            self._refers(text, ("documentDescribes", number))
        describes, contains = bool(described), dict[str, list[str]]()
        stated: dict[str, int] = {}
        for number, item in _objects(document.get("relationships")):
            source, target = item.get("spdxElementId"), item.get("relatedSpdxElement")
            self._refers(source, ("relationships", number, "spdxElementId"))
            self._refers(target, ("relationships", number, "relatedSpdxElement"))
            kind = item.get("relationshipType")
            describes = describes or kind in _DESCRIBES
            if kind == "CONTAINED_BY":
                source, target = target, source
            if kind in ("CONTAINS", "CONTAINED_BY") and isinstance(source, str):
                contains.setdefault(source, []).append(str(target))
                stated.setdefault(source, number)
            elif kind == "DEPENDS_ON" and source == target and isinstance(source, str):
                message = f"{source[:100]} depends on itself"
                self.judge.found("self-reference", message, ("relationships", number))
        for number, package in _objects(document.get("packages")):
            for index, text in _items(package.get("hasFiles")):
                self._refers(text, ("packages", number, "hasFiles", index))
        self.judge.acyclic(contains, lambda name: ("relationships", stated[name]))
        if not describes:
            self.judge.found(
                "describes-nothing", "it has no DESCRIBES and no documentDescribes", ()
            )

    def _refers(self, name: Any, place: Place) -> None:
        if not isinstance(name, str) or name in _NOTHING:
            return
        if name.startswith("DocumentRef-"):
            match = _ELSEWHERE.fullmatch(name)
            outside = match[1] if match else name.partition(":")[0]
            if outside not in self._elsewhere:
                message = f"no external document is called {outside[:100]}"
                self.judge.found("dangling-reference", message, place)
            return
        self.judge.refers(name, place)


def _texts(value: Any, key: str) -> set[str]:
    return {text for _, item in _objects(value) if isinstance(text := item.get(key), str)}


def _items(value: Any) -> Iterator[tuple[int, Any]]:
    return enumerate(value) if isinstance(value, list) else iter(())


def _objects(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return ((n, item) for n, item in _items(value) if isinstance(item, dict))
