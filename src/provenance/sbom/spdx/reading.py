"""`Contents` out of SPDX 2.2 and 2.3. Source: both, and their JSON schemas.

Everything understandable is read; every fault is a finding, none ends the reading.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.findings import Finding, Severity
from provenance.packages.package import ListedFile, Package, Reference
from provenance.sbom.collection import paused_collection
from provenance.sbom.identifiers import purl_type
from provenance.sbom.model import Contents, OtherDocument, Subject, digest_or_none, parse_time
from provenance.sbom.spdx import carrying
from provenance.sbom.spdx.vocabulary import (
    DOCUMENT,
    EPOCH,
    IMAGE,
    NO_TIME,
    NOTHING,
    REFERENCES,
    ZERO_SHA1,
    algorithm_name,
    license_words,
    purpose_kind,
    read_actor,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.packages.os_release import OsRelease

__all__ = ["read"]

_OURS = "Tool: provenance-"
_MANIFEST_HASHES = ("sha256", "sha512", "sha384")
_ROOTS = ("container", "operating-system", "application")
_INVERSE = {
    "DEPENDENCY_OF": "DEPENDS_ON",
    "CONTAINED_BY": "CONTAINS",
    "DESCRIBED_BY": "DESCRIBES",
}


def read(document: Mapping[str, Any], findings: Sequence[Finding] | None = None) -> Contents:
    """What an SPDX 2 document says, in the shape that its JSON has.

    Args:
        document: as decoded from JSON, or by `decode_tag_value`.
        findings: of reading its syntax; those that `document` holds itself where None.
    """
    said: Sequence[Finding] = getattr(document, "findings", ()) if findings is None else findings
    with paused_collection():
        return _read(document, said)


def _read(document: Mapping[str, Any], findings: Sequence[Finding]) -> Contents:
    reader = _Reader(findings, document)
    relations = _Relations(document, reader)
    creators, created, comment = _creation(document)
    reader.licenses(document)
    ours = any(c.startswith(_OURS) for c in creators)
    subject, distribution, listed = None, None, []
    items = reader.objects(document, "packages", "")
    carried = [reader.carried(item) for item in items]
    described = _subject_id(items, carried, relations, ours=ours)
    for item, pairs in zip(items, carried, strict=True):
        if described is not None and subject is None and item.get("SPDXID") == described:
            subject = reader.subject(item, pairs)
        elif described and distribution is None and (found := _distribution(item, pairs)):
            distribution = found
        else:
            listed.append((item, pairs))
    history = {str(x.digest): x.created_by for x in subject.layers} if subject else {}
    packages = [reader.package(item, pairs, history) for item, pairs in listed]
    purls = {p.id: p.purl for p in packages}
    owners = relations.owners(items, purls)
    files = [reader.file(item, owners) for item in reader.objects(document, "files", "")]
    others = _others(document, reader, relations, dict(zip(_ids(items), carried, strict=True)))
    return Contents(
        subject=_with(subject, distribution),
        packages=tuple(packages),
        edges=relations.edges("DEPENDS_ON"),
        contains=relations.edges("CONTAINS", purls.keys()),
        files=tuple(files),
        others={name: other for name, other in others.items() if name in purls},
        created=None if created == EPOCH and comment == NO_TIME else parse_time(created),
        tools=tuple(c.removeprefix("Tool: ") for c in creators if c.startswith("Tool: ")),
        findings=tuple(reader.findings),
        parts=relations.edges("CONTAINS"),
        described=tuple(relations.described),
        license_texts=reader.texts,
    )


def _ids(items: list[Mapping[str, Any]]) -> list[str]:
    return [x if isinstance(x := item.get("SPDXID"), str) else "" for item in items]


def _creation(document: Mapping[str, Any]) -> tuple[list[str], Any, Any]:
    info = document.get("creationInfo")
    if not isinstance(info, dict):
        return [], None, None
    creators = info.get("creators")
    listed = creators if isinstance(creators, list) else []
    return [c for c in listed if isinstance(c, str)], info.get("created"), info.get("comment")


def _distribution(item: Mapping[str, Any], pairs: list[tuple[str, str]]) -> OsRelease | None:
    """Only what is no package to other readers is none here."""
    if item.get("primaryPackagePurpose") != "OPERATING_SYSTEM" or "externalRefs" in item:
        return None
    return carrying.restore_distribution(pairs, item.get("name"), item.get("versionInfo", ""))


def _with(subject: Subject | None, distribution: OsRelease | None) -> Subject | None:
    if subject is None or distribution is None:
        return subject
    return dataclasses.replace(subject, distribution=distribution)


def _subject_id(
    items: list[Mapping[str, Any]],
    carried: list[list[tuple[str, str]]],
    relations: _Relations,
    *,
    ours: bool,
) -> str | None:
    """The identifier of what is described, unless that is a package like the others.

    What we wrote says it; of others, it is the one thing described that is said to be an image,
    a system or an application, or to have parts.
    """
    for item, pairs in zip(items, carried, strict=True):
        if pairs and pairs[0][0] == carrying.SUBJECT and item.get("SPDXID") in relations.described:
            return _ids([item])[0]
    if len(relations.described) != 1 or (ours and relations.described != [IMAGE]):
        return None
    (described,) = relations.described
    for item in items:
        if item.get("SPDXID") == described:
            purpose = purpose_kind(item.get("primaryPackagePurpose"))
            return described if purpose in _ROOTS or described in relations.wholes else None
    return None


def _others(
    document: Mapping[str, Any],
    reader: _Reader,
    relations: _Relations,
    carried: Mapping[str, list[tuple[str, str]]],
) -> dict[str, OtherDocument]:
    documents = {}
    for item in reader.objects(document, "externalDocumentRefs", ""):
        name, uri, checksum = (
            item.get(k) for k in ("externalDocumentId", "spdxDocument", "checksum")
        )
        if not isinstance(name, str) or not isinstance(uri, str):
            reader.odd("/externalDocumentRefs", "expected identifier and namespace; passed over")
            continue
        hashes = reader.hashes({"checksums": [checksum]} if isinstance(checksum, dict) else {})
        if hashes.get("sha1") == ZERO_SHA1:
            del hashes["sha1"]
        documents[name] = uri, hashes
    found: dict[str, OtherDocument] = {}
    for package, target in relations.described_elsewhere:
        name = target.partition(":")[0]
        if name in documents:
            uri, hashes = documents[name]
            whole = carrying.restore_other(carried.get(package, []), hashes)[1]
            found.setdefault(package, OtherDocument(uri, whole))
    return found


class _Relations:
    """Who is related to whom, in one direction."""

    def __init__(self, document: Mapping[str, Any], reader: _Reader) -> None:
        self._found: dict[str, list[tuple[str, str]]] = {"DEPENDS_ON": [], "CONTAINS": []}
        self.described_elsewhere: list[tuple[str, str]] = []
        """Package, and the document (`DocumentRef-...`) that describes it."""
        listed = document.get("documentDescribes")
        described = [x for x in listed if isinstance(x, str)] if isinstance(listed, list) else []
        for item in reader.objects(document, "relationships", ""):
            source, target = item.get("spdxElementId"), item.get("relatedSpdxElement")
            kind = item.get("relationshipType")
            if not (isinstance(source, str) and isinstance(target, str) and isinstance(kind, str)):
                continue
            if kind == "DESCRIBED_BY" and target.startswith("DocumentRef-"):
                self.described_elsewhere.append((source, target))
                continue
            if kind in _INVERSE:
                source, target, kind = target, source, _INVERSE[kind]
            if kind == "DESCRIBES" and source == DOCUMENT:
                described.append(target)
            elif kind in self._found:
                self._found[kind].append((source, target))
        self.described = list(dict.fromkeys(described))
        self.wholes = {source for pairs in self._found.values() for source, _ in pairs}

    def edges(self, kind: str, among: Any = None) -> dict[str, tuple[str, ...]]:
        """Edges of a kind; where `among` is given, only those within it."""
        found: dict[str, list[str]] = {}
        for source, target in self._found[kind]:
            if among is None or (source in among and target in among):
                found.setdefault(source, []).append(target)
        return {source: tuple(dict.fromkeys(targets)) for source, targets in found.items()}

    def owners(self, items: list[Mapping[str, Any]], purls: Mapping[str, str]) -> dict[str, str]:
        """Identifier of a file to the purl of the package that contains it."""
        found: dict[str, str] = {}
        for source, target in self._found["CONTAINS"]:
            if purls.get(source):
                found.setdefault(target, purls[source])
        for item in items:  # SPDX 2.2 lists them in the package
            purl, files = purls.get(str(item.get("SPDXID"))), item.get("hasFiles")
            if purl and isinstance(files, list):
                for name in files:
                    found.setdefault(str(name), purl)
        return found


class _Reader:
    """Walks a document; every fault is a finding with its pointer, none ends the reading."""

    def __init__(self, findings: Sequence[Finding], document: Mapping[str, Any]) -> None:
        self.findings = list(findings)
        self._document = document
        self._places: dict[int, str] | None = None
        self._licenses: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        """Name of a licence that the document defines to its text."""

    def odd(self, pointer: str, message: str) -> None:
        self.findings.append(Finding("odd-value", Severity.WARNING, message, pointer))

    def objects(self, parent: Mapping[str, Any], key: str, at: str) -> list[Mapping[str, Any]]:
        value = parent.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.odd(f"{self._place(parent, at)}/{key}", "expected an array; passed over")
            return []
        found: list[Mapping[str, Any]] = []
        for number, item in enumerate(value):
            if isinstance(item, dict):
                found.append(item)
            else:
                where = f"{self._place(parent, at)}/{key}/{number}"
                self.odd(where, "expected an object; passed over")
        return found

    def _place(self, item: Mapping[str, Any], at: str = "/packages") -> str:
        """The pointer to an element of the document; found when there is something to say of it."""
        if not at:
            return ""
        if self._places is None:
            lists = {key: self._document.get(key) for key in ("packages", "files")}
            self._places = {
                id(element): f"/{key}/{number}"
                for key, listed in lists.items()
                if isinstance(listed, list)
                for number, element in enumerate(listed)
            }
        return self._places.get(id(item), at)

    def licenses(self, document: Mapping[str, Any]) -> None:
        """Keep the licences that the document defines in words."""
        for item in self.objects(document, "hasExtractedLicensingInfos", ""):
            name, text = item.get("licenseId"), item.get("extractedText")
            if isinstance(name, str) and isinstance(text, str):
                words = self._licenses[name] = license_words(name, item.get("name"), text)
                if text not in (words, " "):
                    self.texts.setdefault(words, text)

    def text(self, item: Mapping[str, Any], key: str) -> str:
        value = item.get(key)
        if value is None or isinstance(value, str):
            return "" if value is None or value in NOTHING else value
        self.odd(f"{self._place(item)}/{key}", "expected a string; passed over")
        return ""

    def verbatim(self, item: Mapping[str, Any], key: str) -> str:
        """A text in which NOASSERTION is a word like any other."""
        value = item.get(key)
        return value if isinstance(value, str) else self.text(item, key)

    def subject(self, item: Mapping[str, Any], pairs: list[tuple[str, str]]) -> Subject:
        begun = len(self.findings)
        version = self.verbatim(item, "versionInfo")
        digest, hashes = None, self.hashes(item)
        for algorithm in _MANIFEST_HASHES:
            digest = digest or digest_or_none(f"{algorithm}:{hashes.get(algorithm, '')}")
        fields: dict[str, Any] = {
            "name": self.verbatim(item, "name"),
            "version": version,
            "purl": self.refs(item, "purl")[:1],
            "digest": digest,
            "type": purpose_kind(item.get("primaryPackagePurpose")),
        }
        fields["purl"] = "".join(fields["purl"])
        about = self.package(item, pairs, {})
        self.findings[begun:] = dict.fromkeys(self.findings[begun:])  # what both read is odd once
        fields |= {"id": about.id, "about": about}
        if pairs:
            return Subject(**carrying.restore_subject(pairs, fields))
        fields["digest"] = digest or digest_or_none(version)
        return Subject(**fields)

    def package(
        self, item: Mapping[str, Any], pairs: list[tuple[str, str]], history: Mapping[str, str]
    ) -> Package:
        purls = self.refs(item, "purl")
        purl = "".join(purls[:1])
        concluded, declared = (
            (self._licenses.get(text, text),) if text else ()
            for text in (self.text(item, "licenseConcluded"), self.text(item, "licenseDeclared"))
        )
        fields: dict[str, Any] = {
            "name": self.verbatim(item, "name"),
            "version": self.verbatim(item, "versionInfo"),
            "type": purl_type(purl),
            "purl": purl,
            "licenses": declared or concluded,
            "concluded": concluded,
            "is_declared": bool(declared) or not concluded,
            "supplier": read_actor(self.text(item, "supplier")),
            "author": read_actor(self.text(item, "originator")),
            "description": self.verbatim(item, "description"),
            "homepage": self.text(item, "homepage"),
            "hashes": carrying.restore_hashes(pairs, self.hashes(item)),
            "cpes": self.refs(item, "cpe23Type"),
            "kind": purpose_kind(item.get("primaryPackagePurpose")),
            "id": self.text(item, "SPDXID"),
            "copyright": self.text(item, "copyrightText"),
            "download": self.text(item, "downloadLocation"),
            "references": self.references(item),
            "more_purls": purls[1:],
        }
        return Package(**carrying.restore_package(pairs, history, fields))

    def file(self, item: Mapping[str, Any], owners: Mapping[str, str]) -> ListedFile:
        pairs, hashes = self.pairs(item, item.get("comment")), self.hashes(item)
        if hashes.get("sha1") == ZERO_SHA1:
            del hashes["sha1"]
        identifier = self.text(item, "SPDXID")
        path = self.verbatim(item, "fileName")
        fields: dict[str, Any] = {
            "path": path[2:] if path.startswith("./") else path.lstrip("/"),
            "hashes": carrying.restore_hashes(pairs, hashes),
            "id": identifier,
        }
        return ListedFile(**fields, **carrying.restore_file(pairs, owners.get(identifier, "")))

    def refs(self, item: Mapping[str, Any], kind: str) -> tuple[str, ...]:
        """The locators of its external references of one type."""
        return tuple(
            locator
            for ref in self.objects(item, "externalRefs", "/packages")
            if ref.get("referenceType") == kind
            and isinstance(locator := ref.get("referenceLocator"), str)
        )

    def references(self, item: Mapping[str, Any]) -> tuple[Reference, ...]:
        """Its external references but for purls and CPE names."""
        found = []
        for ref in self.objects(item, "externalRefs", "/packages"):
            kind, locator = ref.get("referenceType"), ref.get("referenceLocator")
            if kind in ("purl", "cpe23Type") or not isinstance(kind, str):
                continue
            category, comment = ref.get("referenceCategory"), ref.get("comment")
            if isinstance(locator, str) and isinstance(category, str):
                said = "" if category == "OTHER" and kind in REFERENCES else category
                text = comment if isinstance(comment, str) else ""
                found.append(Reference(kind, locator, text, said))
        return tuple(found)

    def hashes(self, item: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for checksum in self.objects(item, "checksums", "/packages"):
            value = checksum.get("checksumValue")
            if isinstance(value, str):
                found[algorithm_name(checksum.get("algorithm"))] = value
        return found

    def carried(self, item: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The pairs that were written into an annotation."""
        for annotation in self.objects(item, "annotations", "/packages"):
            if pairs := self.pairs(item, annotation.get("comment")):
                return pairs
        return []

    def pairs(self, item: Mapping[str, Any], comment: object) -> list[tuple[str, str]]:
        try:
            return carrying.pairs_of(comment) or []
        except msgspec.DecodeError:
            self.odd(f"{self._place(item)}/annotations", "cannot be read back")
            return []
