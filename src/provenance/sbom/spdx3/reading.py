"""`Contents` out of SPDX 3.0 in JSON-LD. Source: SPDX 3.0.1, its model and serialization.

Read is the form that the JSON schema describes: a graph, elements by `spdxId`. Elements that
stand where they are used, instead of in the graph, are found too. Every fault is a finding.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.findings import Finding, Severity
from provenance.packages.package import ListedFile, Package
from provenance.sbom.collection import paused_collection
from provenance.sbom.identifiers import purl_type
from provenance.sbom.model import Contents, OtherDocument, Subject, digest_or_none, parse_time
from provenance.sbom.spdx import carrying
from provenance.sbom.spdx.vocabulary import (
    EPOCH,
    NO_TIME,
    NOTHING,
    algorithm_name,
    joined_actor,
    purpose_kind,
)
from provenance.sbom.spdx3.elements import creation_info, name_of, text_of
from provenance.sbom.spdx3.references import references_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.digests import Digest
    from provenance.packages.os_release import OsRelease

__all__ = ["read"]

_Node = dict[str, Any]
_OURS = "provenance-"
_MANIFEST_HASHES = ("sha256", "sha512", "sha384")
_ROOTS = ("container", "operating-system", "application")
_PACKAGES = ("software_Package", "ai_AIPackage", "dataset_DatasetPackage")
_COLLECTIONS = ("SpdxDocument", "software_Sbom", "Bom", "Bundle")
_LICENSES = ("hasDeclaredLicense", "hasConcludedLicense")
_LISTED_LICENSE = "https://spdx.org/licenses/"
_MAX_FINDINGS = 1000


def read(document: Mapping[str, Any]) -> Contents:
    """What an SPDX 3.0 document says. Odd parts become findings."""
    with paused_collection():
        return _Reader(document).contents()


class _Reader:
    """An index of the graph, and what is read from it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.findings: list[Finding] = []
        self._nodes: dict[str, _Node] = {}
        self._by_type: dict[str, list[_Node]] = {}
        self._carried: dict[str, list[tuple[str, str]]] = {}
        self._texts: dict[str, str] = {}
        for number, node in enumerate(self._graph(document)):
            identifier = name_of(node) or f"#/@graph/{number}"
            if identifier not in self._nodes:
                self._nodes[identifier] = node
                self._by_type.setdefault(text_of(node, "type"), []).append(node)
        self._relations: dict[str, list[tuple[str, str]]] = {}
        for node in self._of_type("Relationship", "LifecycleScopedRelationship"):
            source, kind = _reference(node.get("from")), text_of(node, "relationshipType")
            pairs = self._relations.setdefault(kind, [])
            pairs += [(source, target) for target in _references(node.get("to")) if source]

    def _odd(self, pointer: str, message: str) -> None:
        if len(self.findings) < _MAX_FINDINGS:
            self.findings.append(Finding("odd-value", Severity.WARNING, message, pointer))

    def _graph(self, document: Mapping[str, Any]) -> Iterator[_Node]:
        graph = document.get("@graph")
        if graph is None and "type" in document:
            graph = [dict(document)]
        if not isinstance(graph, list):
            self._odd("/@graph", "expected an array; passed over")
            return
        for number, node in enumerate(graph):
            if not isinstance(node, dict):
                self._odd(f"/@graph/{number}", "expected an object; passed over")
                continue
            yield from _nested(node)

    def _of_type(self, *kinds: str) -> list[_Node]:
        return [node for kind in kinds for node in self._by_type.get(kind, ())]

    def contents(self) -> Contents:
        """Everything that the view holds."""
        documents = self._of_type("SpdxDocument")
        creation = creation_info(documents, self._nodes, self._of_type("CreationInfo"))
        packages = self._of_type(*_PACKAGES)
        for node in packages:
            self._carried[name_of(node)] = self._pairs(node)
        tools = self._tools(creation)
        root = self._root(packages, ours=any(t.startswith(_OURS) for t in tools))
        subject = self._subject(root) if root is not None else None
        layers = subject.layers if subject else ()
        history = {str(layer.digest): layer.created_by for layer in layers}
        licenses = self._licenses()
        if root is not None and subject is not None:
            about = self._package(root, {}, licenses)
            subject = dataclasses.replace(subject, id=about.id, about=about)
        kept = packages if subject else ()
        release = next((x for x in kept if x is not root and self._distribution(x)), None)
        if subject is not None and release is not None:
            subject = dataclasses.replace(subject, distribution=self._distribution(release))
        found = [
            self._package(node, history, licenses)
            for node in packages
            if node is not root and node is not release
        ]
        purls = {package.id: package.purl for package in found}
        created = text_of(creation, "created")
        unknown = created == EPOCH and creation.get("comment") == NO_TIME
        return Contents(
            subject=subject,
            packages=tuple(found),
            edges=self._edges("dependsOn"),
            contains=self._edges("contains", purls),
            files=tuple(self._files(purls)),
            others=self._others(documents, purls),
            created=None if unknown else parse_time(created),
            tools=tools,
            findings=tuple(self.findings),
            parts=self._edges("contains"),
            described=self._described(),
            license_texts=self._texts,
        )

    def _tools(self, creation: Mapping[str, Any]) -> tuple[str, ...]:
        names = []
        for identifier in _references(creation.get("createdBy")):
            node = self._nodes.get(identifier, {})
            if text_of(node, "type") == "SoftwareAgent":
                names.append(text_of(node, "name"))
        used = _references(creation.get("createdUsing"))
        return (*names, *(text_of(self._nodes.get(x, {}), "name") for x in used))

    def _root(self, packages: list[_Node], *, ours: bool) -> _Node | None:
        """What is described, unless that is a package like the others (as in SPDX 2)."""
        described = self._described()
        for node in packages:
            pairs = self._carried[name_of(node)]
            if pairs and pairs[0][0] == carrying.SUBJECT and name_of(node) in described:
                return node
        if ours:
            return None
        if len(described) != 1:
            return None
        node = self._nodes.get(described[0], {})
        if text_of(node, "type") not in _PACKAGES:
            return None
        wholes = {a for kind in ("contains", "dependsOn") for a, _ in self._relations.get(kind, ())}
        purpose = purpose_kind(node.get("software_primaryPurpose"))
        if purpose in _ROOTS:
            return node
        return node if name_of(node) in wholes else None

    def _described(self) -> tuple[str, ...]:
        """What the collections are about."""
        collections = {name_of(n) for n in self._of_type(*_COLLECTIONS)}
        roots = [
            target
            for node in self._of_type(*_COLLECTIONS)
            for target in _references(node.get("rootElement"))
        ]
        roots += [b for a, b in self._relations.get("describes", ()) if a in collections]
        return tuple(dict.fromkeys(root for root in roots if root not in collections))

    def _distribution(self, node: _Node) -> OsRelease | None:
        """Only what is no package to other readers is none here."""
        pairs = self._carried[name_of(node)]
        is_one = node.get("software_primaryPurpose") == "operatingSystem" and not _purl(node)
        name, version = text_of(node, "name"), text_of(node, "software_packageVersion")
        return carrying.restore_distribution(pairs, name, version) if is_one and pairs else None

    def _subject(self, node: _Node) -> Subject:
        pairs, hashes = self._carried[name_of(node)], _hashes(node)
        digest: Digest | None = None
        for algorithm in _MANIFEST_HASHES:
            digest = digest or digest_or_none(f"{algorithm}:{hashes.get(algorithm, '')}")
        version = text_of(node, "software_packageVersion")
        fields: dict[str, Any] = {
            "name": text_of(node, "name"),
            "version": version,
            "purl": _purl(node),
            "digest": digest,
            "type": purpose_kind(node.get("software_primaryPurpose")),
        }
        if pairs:
            fields = carrying.restore_subject(pairs, fields)
        else:
            fields["digest"] = digest or digest_or_none(version)
        return Subject(**fields)

    def _package(
        self, node: _Node, history: Mapping[str, str], licenses: Mapping[tuple[str, str], str]
    ) -> Package:
        identifier, purl = name_of(node), _purl(node)
        pairs = self._carried[identifier]
        declared, concluded = (
            (text,) if (text := licenses.get((identifier, kind))) else () for kind in _LICENSES
        )
        fields: dict[str, Any] = {
            "name": text_of(node, "name"),
            "version": text_of(node, "software_packageVersion"),
            "type": purl_type(purl),
            "purl": purl,
            "licenses": declared or concluded,
            "concluded": concluded,
            "is_declared": bool(declared) or not concluded,
            "supplier": self._agent(_reference(node.get("suppliedBy"))),
            "author": "".join([self._agent(x) for x in _references(node.get("originatedBy"))][:1]),
            "description": text_of(node, "description") or text_of(node, "summary"),
            "homepage": text_of(node, "software_homePage"),
            "hashes": carrying.restore_hashes(pairs, _hashes(node)),
            "cpes": tuple(_identified(node, "cpe23")),
            "kind": purpose_kind(node.get("software_primaryPurpose")),
            "id": identifier,
            "copyright": _said(node, "software_copyrightText"),
            "download": _said(node, "software_downloadLocation"),
            "references": tuple(references_of(node)),
            "more_purls": tuple(x for x in _identified(node, "packageUrl") if x != purl),
        }
        return Package(**carrying.restore_package(pairs, history, fields))

    def _agent(self, identifier: str) -> str:
        node = self._nodes.get(identifier, {})
        addresses = [*_identified(node, "email"), ""]
        return joined_actor(text_of(node, "name"), addresses[0])

    def _licenses(self) -> dict[tuple[str, str], str]:
        """Each element's licence, declared and concluded."""
        found: dict[tuple[str, str], str] = {}
        for kind in _LICENSES:
            for source, target in self._relations.get(kind, ()):
                text = self._license(target)
                if text:
                    found.setdefault((source, kind), text)
        return found

    def _license(self, identifier: str) -> str:
        node = self._nodes.get(identifier)
        if node is None:
            short = identifier.removeprefix(_LISTED_LICENSE)
            return short if short != identifier else ""
        expression = text_of(node, "simplelicensing_licenseExpression")
        for entry in _objects(node, "simplelicensing_customIdToUri"):
            if entry.get("key") == expression:
                words = self._nodes.get(str(entry.get("value")), {})
                text, name = text_of(words, "simplelicensing_licenseText"), text_of(words, "name")
                if name and text:
                    self._texts.setdefault(name, text)
                return name or text or expression
        return expression or text_of(node, "name")

    def _files(self, purls: Mapping[str, str]) -> Iterator[ListedFile]:
        owners: dict[str, str] = {}
        for source, target in self._relations.get("contains", ()):
            if purls.get(source):
                owners.setdefault(target, purls[source])
        for node in self._of_type("software_File"):
            pairs, identifier = self._pairs(node), name_of(node)
            path = text_of(node, "name")
            fields: dict[str, Any] = {
                "path": path if pairs or not path.startswith(("./", "/")) else path.lstrip("./"),
                "hashes": carrying.restore_hashes(pairs, _hashes(node)),
                "id": identifier,
            }
            yield ListedFile(**fields, **carrying.restore_file(pairs, owners.get(identifier, "")))

    def _edges(self, kind: str, among: Any = None) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for source, target in self._relations.get(kind, ()):
            if among is None or (source in among and target in among):
                found.setdefault(source, []).append(target)
        return {source: tuple(dict.fromkeys(targets)) for source, targets in found.items()}

    def _others(self, documents: list[_Node], purls: Mapping[str, str]) -> dict[str, OtherDocument]:
        imported = {
            text_of(entry, "externalSpdxId"): _hashes(entry)
            for node in documents
            for entry in _objects(node, "import")
        }
        found: dict[str, OtherDocument] = {}
        for source, target in self._relations.get("hasMetadata", ()):
            if source in purls and target in imported:
                whole = carrying.restore_other(self._carried[source], imported[target])[1]
                found.setdefault(source, OtherDocument(target, whole))
        for source in purls:
            uri, hashes = carrying.restore_other(self._carried[source])
            if source not in found and uri is not None:
                found[source] = OtherDocument(uri, hashes)
        return found

    def _pairs(self, node: _Node) -> list[tuple[str, str]]:
        try:
            return carrying.pairs_of(node.get("comment")) or []
        except msgspec.DecodeError:
            self._odd(f"{name_of(node)}/comment", "cannot be read back")
            return []


def _nested(node: _Node) -> Iterator[_Node]:
    """A node, and elements that stand within it."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        yield item
        for value in item.values():
            if isinstance(value, dict):
                found = [value]
            elif isinstance(value, list):
                found = [x for x in value if isinstance(x, dict)]
            else:
                continue
            waiting += [x for x in found if "spdxId" in x or "@id" in x]


def _reference(value: Any) -> str:
    """The identifier of an element that is named or stands there."""
    if isinstance(value, dict):
        return name_of(value)
    return value if isinstance(value, str) else ""


def _references(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [found for item in values if (found := _reference(item))]


def _objects(node: Mapping[str, Any], key: str) -> list[_Node]:
    value = node.get(key)
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def _identified(node: Mapping[str, Any], kind: str) -> Iterator[str]:
    for item in _objects(node, "externalIdentifier"):
        if item.get("externalIdentifierType") == kind and isinstance(item.get("identifier"), str):
            yield item["identifier"]


def _purl(node: Mapping[str, Any]) -> str:
    return text_of(node, "software_packageUrl") or next(_identified(node, "packageUrl"), "")


def _said(node: Mapping[str, Any], key: str) -> str:
    text = text_of(node, key)
    return "" if text in NOTHING else text


def _hashes(node: Mapping[str, Any]) -> dict[str, str]:
    return {
        algorithm_name(item.get("algorithm")): item["hashValue"]
        for item in _objects(node, "verifiedUsing")
        if isinstance(item.get("hashValue"), str)
    }
