"""Parts in SPDX 2 become packages of one document, with everything that is said of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.carried import PREFIX
from provenance.sbom.items import items, text
from provenance.sbom.merging.references import Taken
from provenance.sbom.merging.unifying import contradicts, identity, unify
from provenance.sbom.spdx.vocabulary import DOCUMENT, IMAGE
from provenance.sbom.spdx.writing import blank_package, external_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.sbom.merging.parts import Notes, Part
    from provenance.sbom.merging.unifying import Seen

__all__ = ["SpdxMerge"]

_ELEMENTS = ("packages", "files", "snippets")
_OWN = frozenset(
    {
        *("spdxVersion", "dataLicense", "SPDXID", "documentNamespace", "documentDescribes"),
        *("creationInfo", "relationships", "annotations", *_ELEMENTS),
        *("hasExtractedLicensingInfos", "externalDocumentRefs"),
    }
)
_REFERENCES = frozenset(
    {"SPDXID", "spdxElementId", "relatedSpdxElement", "snippetFromFile", "reference"}
)
_LISTS = frozenset({"hasFiles"})
_LICENSES = frozenset(
    {
        *("licenseConcluded", "licenseDeclared", "licenseInfoFromFiles"),
        *("licenseInfoInFiles", "licenseInfoInSnippets"),
    }
)
_NAME = re.compile(r"(?<![A-Za-z0-9.:-])(?:DocumentRef|LicenseRef)-[A-Za-z0-9.-]+", re.ASCII)
"""Not behind a colon: there it is a name in another document."""
_INVERSE = {"DEPENDENCY_OF": "DEPENDS_ON", "CONTAINED_BY": "CONTAINS"}
_MARK = f'["{PREFIX}distribution",""],'
"""In what is carried: of what is described, and so not of a package in a part."""
_ALTERNATIVES = 16
"""Packages of one purl with different bytes that a further one is compared with."""


class SpdxMerge:
    """Collects the parts of one product."""

    def __init__(self, document: dict[str, Any], notes: Notes, *, hierarchical: bool) -> None:
        """Begin with a document that describes the product and lists nothing."""
        self._document, self._notes, self._hierarchical = document, notes, hierarchical
        self._taken = Taken("-")
        for name in (DOCUMENT, IMAGE, "NONE", "NOASSERTION"):
            self._taken.new(name)
        self._moved: dict[str, str] = {}
        self._same: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._seen: Seen = {}
        self._defined: dict[tuple[str, bytes], str] = {}
        """Licence or document, as a part calls it and what it is, to what it is called here."""

    def add(self, part: Part) -> None:
        """Take over one part."""
        document = part.document
        described = _described(document)
        packages = items(document.get("packages"))
        if described is None:
            described = blank_package("SPDXRef-Part", part.name, "")
            if several := document.get("documentDescribes"):
                self._notes.untaken(several, "/documentDescribes", part)
            packages = [described, *packages]
        ref = self._rename(document, packages, described)
        for item in packages:
            for annotation in items(item.get("annotations")):
                if _MARK in text(annotation, "comment"):
                    annotation["comment"] = annotation["comment"].replace(_MARK, "")
        said = items(document.get("annotations"))
        if said:
            described["annotations"] = [*items(described.get("annotations")), *said]
        reference, relation = external_document(part.other, ref)
        called = reference["externalDocumentId"]
        name = self._called("externalDocumentRefs", "externalDocumentId", called, reference)
        relation["relatedSpdxElement"] = f"{name}:{DOCUMENT}"
        relations = [*self._relations(document, packages, ref, part), relation]
        for key in _ELEMENTS:
            listed = packages if key == "packages" else items(document.get(key))
            for item in listed:
                if item is described or not self._is_known(item, key, part):
                    self._document.setdefault(key, []).append(item)
        self._document["relationships"] += relations
        self._leave(document, part)

    def _rename(
        self, document: dict[str, Any], packages: list[dict[str, Any]], described: dict[str, Any]
    ) -> str:
        """Give everything in a part a name that nothing else has; returned is the part's own."""
        known: dict[str, str] = {}
        elements = [x for key in _ELEMENTS if key != "packages" for x in items(document.get(key))]
        for item in [*packages, *elements]:
            name = text(item, "SPDXID")
            item["SPDXID"] = self._taken.new(name or "SPDXRef-unnamed")
            known.setdefault(name or item["SPDXID"], item["SPDXID"])
        known[text(document, "SPDXID") or DOCUMENT] = described["SPDXID"]
        known.setdefault(DOCUMENT, described["SPDXID"])
        words = self._define(document, "hasExtractedLicensingInfos", "licenseId")
        words |= self._define(document, "externalDocumentRefs", "externalDocumentId")

        def new(name: str) -> str:
            if ":" in name or name in ("NONE", "NOASSERTION"):
                return _reworded(name, words)
            if name not in known:
                known[name] = self._taken.new(name)  # which leads nowhere, and goes on so
            return known[name]

        done = {id(item) for item in (*packages, *elements)}
        relations, said = document.get("relationships"), document.get("annotations")
        for holder, key, is_name in _places([packages, elements, relations, said]):
            value = holder[key]
            if key == "SPDXID" and id(holder) in done:
                continue
            holder[key] = new(value) if is_name else _reworded(value, words)
        return str(described["SPDXID"])

    def _define(self, document: dict[str, Any], key: str, name: str) -> dict[str, str]:
        """Take over licences and documents that a part defines; returned is what is called anew."""
        words: dict[str, str] = {}
        for item in items(document.get(key)):
            called = text(item, name)
            words.setdefault(called, self._called(key, name, called, item))
        return {called: found for called, found in words.items() if called != found}

    def _called(self, key: str, name: str, called: str, item: dict[str, Any]) -> str:
        """What a licence or document is called here, where it is listed once."""
        said = called, msgspec.json.encode({**item, name: ""}, order="sorted")
        if said not in self._defined:
            self._defined[said] = found = self._taken.new(called or "LicenseRef-unnamed")
            self._document.setdefault(key, []).append({**item, name: found})
        return self._defined[said]

    def _relations(
        self, document: dict[str, Any], packages: list[dict[str, Any]], ref: str, part: Part
    ) -> Iterator[dict[str, Any]]:
        """Relationships of a part, and those by which it hangs together."""
        there = {x["SPDXID"] for key in _ELEMENTS for x in items(document.get(key))}
        names = {x["SPDXID"] for x in packages}
        there |= names
        dangling: Counter[str] = Counter()
        stated, left = set[tuple[str, str, str]](), list[Any]()
        for item in items(document.get("relationships")):
            source, target = text(item, "spdxElementId"), text(item, "relatedSpdxElement")
            kind = text(item, "relationshipType")
            is_about_all = kind in ("DESCRIBES", "DESCRIBED_BY") and ref in (source, target)
            if is_about_all and {source, target} <= there:
                left += _beside_description(item)
                continue  # by the part's document, which this is not
            if _is_gone(source, there) or _is_gone(target, there):
                dangling["from" if _is_gone(source, there) else "to"] += 1
                continue
            if kind in _INVERSE:
                source, target, kind = target, source, _INVERSE[kind]
            stated.add((source, kind, target))
            # Flat, packages are the product's: they lie in no part.
            is_held = kind == "CONTAINS" and source == ref and target in names
            if self._hierarchical or not is_held:
                yield item
        if left:
            self._notes.untaken(left, "/relationships", part)
        for way, count in dangling.items():
            self._notes.add(
                "dangling-edge", f"{count} edges of {part.label} lead {way} what is no package"
            )
        yield from self._holding(packages, ref, stated)

    def _holding(
        self, packages: list[dict[str, Any]], ref: str, stated: set[tuple[str, str, str]]
    ) -> Iterator[dict[str, Any]]:
        """That the product has the part, and the part its packages."""
        held = {target for _, kind, target in stated if kind == "CONTAINS"}
        needed = {
            target for source, kind, target in stated if kind == "DEPENDS_ON" and source != ref
        }
        root = self._document["packages"][0]["SPDXID"]
        yield _relation(root, "CONTAINS", ref)
        yield _relation(root, "DEPENDS_ON", ref)
        for own in (item["SPDXID"] for item in packages if item["SPDXID"] != ref):
            if not self._hierarchical:
                yield _relation(root, "CONTAINS", own)
            elif own not in held:
                yield _relation(ref, "CONTAINS", own)
            is_inner = own in needed or (own in held and (ref, "CONTAINS", own) not in stated)
            if not is_inner and (ref, "DEPENDS_ON", own) not in stated:
                yield _relation(ref, "DEPENDS_ON", own)

    def _is_known(self, item: dict[str, Any], key: str, part: Part) -> bool:
        """Flat: whether it is there already, and now with what is said here."""
        if self._hierarchical or key == "snippets":
            return False
        same = self._same.setdefault((key, *identity(item)), [])
        for known in same[:_ALTERNATIVES]:
            if not contradicts(known, item):
                self._moved[item["SPDXID"]] = known["SPDXID"]
                left = unify(known, item, self._seen)
                self._notes.conflicts.update((part.label, field) for field in left)
                return True
        same.append(item)
        return False

    def _leave(self, document: dict[str, Any], part: Part) -> None:
        """Note what stays behind."""
        rest = {key: value for key, value in document.items() if key not in _OWN}
        info = document.get("creationInfo")
        if isinstance(info, dict):
            creators = [
                x
                for x in (info["creators"] if isinstance(info.get("creators"), list) else ())
                if not str(x).startswith("Tool: ")
            ]
            rest["creationInfo"] = {
                key: value for key, value in info.items() if key not in ("created", "creators")
            } | ({"creators": creators} if creators else {})
        lists = ("hasExtractedLicensingInfos", "externalDocumentRefs")
        self._notes.left(rest, part, ("relationships", "annotations", *lists, *_ELEMENTS))

    def document(self) -> dict[str, Any]:
        """The product's."""
        document, moved = self._document, self._moved
        if moved:
            for holder, key, _ in _places([document.get(key) for key in _ELEMENTS]):
                holder[key] = moved.get(holder[key], holder[key])
        relations: dict[str, dict[str, Any]] = {}
        for item in document["relationships"]:
            ends = item["spdxElementId"], item["relatedSpdxElement"]
            item["spdxElementId"], item["relatedSpdxElement"] = (moved.get(x, x) for x in ends)
            if item["spdxElementId"] != item["relatedSpdxElement"] or ends[0] == ends[1]:
                relations.setdefault(repr(sorted(item.items(), key=str)), item)
        document["relationships"] = list(relations.values())
        return document


def _described(document: dict[str, Any]) -> dict[str, Any] | None:
    """The package that the document describes, where it is one."""
    listed = document.get("documentDescribes")
    found = [x for x in listed if isinstance(x, str)] if isinstance(listed, list) else []
    own = text(document, "SPDXID") or DOCUMENT
    for item in items(document.get("relationships")):
        source, target = text(item, "spdxElementId"), text(item, "relatedSpdxElement")
        if item.get("relationshipType") == "DESCRIBES" and source == own:
            found.append(target)
        elif item.get("relationshipType") == "DESCRIBED_BY" and target == own:
            found.append(source)
    packages = [x for x in items(document.get("packages")) if text(x, "SPDXID") in found]
    return packages[0] if len(packages) == 1 and len(set(found)) == 1 else None


def _beside_description(item: dict[str, Any]) -> list[dict[str, Any]]:
    """What is said with a description, and that of several things it is this one."""
    known = ("relationshipType", "spdxElementId", "relatedSpdxElement")
    rest = {key: value for key, value in item.items() if key not in known}
    if item["spdxElementId"] != item["relatedSpdxElement"]:
        rest["relationshipType"] = item["relationshipType"]
    return [rest] if rest else []


def _reworded(said: str, words: dict[str, str]) -> str:
    """An expression, or a name, with the licences and documents in it as they are called here."""
    if not words or "Ref-" not in said:
        return said
    return _NAME.sub(lambda match: words.get(match[0], match[0]), said)


def _is_gone(name: str, there: set[str]) -> bool:
    return name not in there and ":" not in name and name not in ("NONE", "NOASSERTION")


def _relation(source: str, kind: str, target: str) -> dict[str, Any]:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}


def _places(values: list[Any]) -> Iterator[tuple[Any, Any, bool]]:
    """Where a name stands, or an expression in which one may: what holds it, key or position.

    And whether it is a name.
    """
    waiting: list[Any] = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += [x for x in reversed(value) if isinstance(x, (dict, list))]
        elif isinstance(value, dict):
            for key, inner in value.items():
                if key in _REFERENCES or key in _LICENSES or key in _LISTS:
                    yield from _texts(value, key, is_name=key not in _LICENSES)
                elif isinstance(inner, (dict, list)):
                    waiting.append(inner)


def _texts(holder: dict[str, Any], key: str, *, is_name: bool) -> Iterator[tuple[Any, Any, bool]]:
    """The text at a key, or each of a list."""
    value = holder[key]
    if isinstance(value, str):
        yield holder, key, is_name
    elif isinstance(value, list):
        yield from ((value, n, is_name) for n, x in enumerate(value) if isinstance(x, str))
