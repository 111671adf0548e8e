"""SPDX 2.2 and 2.3 out of `Contents`. Source: both, and their JSON schemas.

Where the specification demands what nobody said (a time, the SHA-1 of a file), the value is the
one that tools agree on for "not known": the epoch, forty zeros; the reader takes it as such.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.spdx import carrying
from provenance.sbom.spdx.encoding import in_utf8
from provenance.sbom.spdx.naming import Names, history, namespace, timestamp
from provenance.sbom.spdx.versions import ADDED_CHECKSUMS, reword
from provenance.sbom.spdx.vocabulary import (
    ALGORITHMS,
    CATEGORIES,
    DOCUMENT,
    IDENTIFIERS,
    IMAGE,
    NO_TIME,
    PURPOSES,
    TOOL,
    UNKNOWN_SHA1,
    ZERO_SHA1,
    checksums,
    declared,
    is_cpe,
    is_download,
    is_locator,
    is_url,
    makers,
    written_actor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from provenance.packages.os_release import OsRelease
    from provenance.packages.package import ListedFile, Package
    from provenance.sbom.model import Contents, OtherDocument, Subject

__all__ = ["as_document", "blank_package", "external_document", "other_checksum", "write"]

DISTRIBUTION = "SPDXRef-OperatingSystem"
_NO_NAMESPACE = b'"documentNamespace":""'


def write(contents: Contents, version: str = "2.3") -> bytes:
    """An SPDX 2 document in JSON. The same contents give the same bytes."""
    return in_utf8(lambda found: _write(found, version), contents)


def _write(contents: Contents, version: str) -> bytes:
    document = _unnamed(contents, version)
    raw = msgspec.json.encode(document)
    # Within a string its quotes would be escaped, so the first match is the field.
    return msgspec.json.format(
        raw.replace(_NO_NAMESPACE, _NO_NAMESPACE[:-1] + namespace(raw).encode() + b'"', 1), indent=1
    )


def as_document(contents: Contents, version: str = "2.3") -> dict[str, Any]:
    """An SPDX 2 document, as its JSON decodes."""
    document = _unnamed(contents, version)
    return document | {"documentNamespace": namespace(msgspec.json.encode(document))}


def _unnamed(contents: Contents, version: str) -> dict[str, Any]:
    words = _Words(version)
    names = Names(contents)
    created = timestamp(contents.created)
    extracted: dict[str, str] = {}
    packages, relations = (
        _Packages(words, created, extracted, history(contents)),
        _Relations(words, contents, names),
    )
    listed = []
    if contents.subject:
        image = packages.subject(contents.subject)
        if not contents.is_named:
            image["filesAnalyzed"] = any(owner is None for _, _, owner in names.files)
        listed.append(image)
        if contents.subject.distribution and words.purposes:
            listed.append(packages.distribution(contents.subject.distribution))
    owned = {} if contents.is_named else _owned(names, contents.files)
    for package, ref in zip(names.packages, names.refs, strict=True):
        others = relations.other_of(ref)
        item = packages.package(package, names.ids[ref], others[1] if others else None)
        if ref in owned:
            item["filesAnalyzed"] = True
            _add_code(item, owned[ref])
        listed.append(item)
    name = str(contents.subject) if contents.subject else ""
    document: dict[str, Any] = {
        "spdxVersion": f"SPDX-{version}",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": name or "packages",
        "documentNamespace": "",
        "creationInfo": _creation(contents, created),
        "packages": listed,
    }
    if names.files:
        document["files"] = [_file(words, f, i, o is None) for f, i, o in names.files]
    if relations.documents:
        document["externalDocumentRefs"] = [ref for _, ref in sorted(relations.documents.items())]
    document["relationships"] = relations.all()
    if extracted:
        document["hasExtractedLicensingInfos"] = [
            {
                "licenseId": i,
                "extractedText": contents.license_texts.get(text, text) or " ",
                "name": text or "NOASSERTION",
            }
            for i, text in sorted(extracted.items())
        ]
    reword(document, version)
    return document


def _creation(contents: Contents, created: str) -> dict[str, Any]:
    """Who made the document, and when."""
    info: dict[str, Any] = {
        "created": created,
        "creators": [f"Tool: {tool}" for tool in makers(contents.tools)],
    }
    return info if contents.created is not None else info | {"comment": NO_TIME}


class _Words:
    """What a version has words for."""

    def __init__(self, version: str) -> None:
        is_older = version == "2.2"
        self._missing = ADDED_CHECKSUMS if is_older else frozenset()
        self.purposes: Mapping[str, str] = {} if is_older else PURPOSES

    def checksums(self, hashes: Mapping[str, str]) -> tuple[list[tuple[str, str]], ...]:
        """Hashes to state, and those to carry."""
        return checksums(hashes, self._missing)


def _owned(names: Names, files: Iterable[ListedFile]) -> dict[str, list[ListedFile]]:
    owned: dict[str, list[ListedFile]] = {}
    for file in files:
        if (ref := names.owner(file)) is not None:
            owned.setdefault(ref, []).append(file)
    return owned


def _add_code(item: dict[str, Any], files: list[ListedFile]) -> None:
    """The verification code (section 7.9), where the SHA-1 of every file is known."""
    known = [dict(checksums(f.hashes)[0]).get("sha1") for f in files]
    if None not in known:
        joined = "".join(sorted(str(value) for value in known))
        code = hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()
        item["packageVerificationCode"] = {"packageVerificationCodeValue": code}


class _Packages:
    """The entries under `packages`."""

    def __init__(
        self, words: _Words, created: str, extracted: dict[str, str], history: Mapping[str, str]
    ) -> None:
        self._words, self._created, self._history = words, created, history
        self._declared = functools.cache(lambda licenses: declared(licenses, extracted))

    def subject(self, subject: Subject) -> dict[str, Any]:
        out = blank_package(IMAGE, subject.name, subject.version)
        if subject.about is not None:
            out |= self.package(subject.about, subject.id or IMAGE, None)
            out |= {"name": subject.name, "annotations": []}
        if self._words.purposes:
            out["primaryPackagePurpose"] = PURPOSES.get(subject.type, "CONTAINER")
        if subject.digest is not None:
            (said,) = _checksums([(subject.digest.algorithm, subject.digest.hex)])
            out["checksums"] = [said, *(x for x in out.get("checksums", ()) if x != said)]
        if subject.purl:
            (said,) = [_purl(subject.purl)]
            out["externalRefs"] = [said, *(x for x in out.get("externalRefs", ()) if x != said)]
        pairs = carrying.subject_pairs(subject, with_distribution=not self._words.purposes)
        return self._annotated(out, pairs)

    def distribution(self, release: OsRelease) -> dict[str, Any]:
        name = release.pretty_name or release.name or release.id
        out = blank_package(DISTRIBUTION, name, release.version_id)
        out["primaryPackagePurpose"] = "OPERATING_SYSTEM"
        return self._annotated(out, carrying.distribution_pairs(release))

    def package(
        self, package: Package, identifier: str, other: OtherDocument | None
    ) -> dict[str, Any]:
        out = blank_package(identifier, package.name, package.version)
        words = self._words
        pairs = carrying.package_pairs(
            package, self._history, purposes=words.purposes, checksums_of=words.checksums
        )
        _describe(out, package)
        if package.hashes and (known := words.checksums(package.hashes)[0]):
            out["checksums"] = _checksums(known)
        if package.licenses and package.is_declared:
            out["licenseDeclared"] = self._declared(package.licenses)
        if package.concluded:
            out["licenseConcluded"] = self._declared(package.concluded)
        if package.copyright:
            out["copyrightText"] = package.copyright
        if package.download and is_download(package.download):
            out["downloadLocation"] = package.download
        if package.kind in words.purposes:
            out["primaryPackagePurpose"] = PURPOSES[package.kind]
        refs = [_purl(package.purl)] if package.purl else []
        if refs or package.cpes or package.references:
            refs += [_purl(purl) for purl in package.more_purls]
            refs += [_cpe(text) for text in package.cpes if is_cpe(text)]
            out["externalRefs"] = refs + _references(package)
        if package.locations:
            paths = ", ".join(dict.fromkeys([x.path for x in package.locations]))
            out["sourceInfo"] = f"found at: {paths}"
        if other is not None:
            pairs += carrying.other_pairs("", other_checksum(other, words.checksums)[1])
        return self._annotated(out, pairs)

    def _annotated(self, out: dict[str, Any], pairs: list[tuple[str, str]]) -> dict[str, Any]:
        if pairs:
            out["annotations"] = [
                {
                    "annotationDate": self._created,
                    "annotationType": "OTHER",
                    "annotator": f"Tool: {TOOL}",
                    "comment": carrying.comment(pairs),
                }
            ]
        return out


def blank_package(identifier: str, name: str, version: str) -> dict[str, Any]:
    """A package of which nothing is said."""
    out: dict[str, Any] = {"SPDXID": identifier, "name": name}
    if version:
        out["versionInfo"] = version
    out["downloadLocation"] = "NOASSERTION"
    out["filesAnalyzed"] = False
    out["licenseConcluded"] = "NOASSERTION"
    out["licenseDeclared"] = "NOASSERTION"
    out["copyrightText"] = "NOASSERTION"
    return out


def _describe(out: dict[str, Any], package: Package) -> None:
    """Who made it, and what it is."""
    if package.supplier:
        out["supplier"] = written_actor("Organization", package.supplier)
    if package.author:
        out["originator"] = written_actor("Person", package.author)
    if package.homepage and is_url(package.homepage):
        out["homepage"] = package.homepage
    if package.description:
        out["description"] = package.description


def _checksums(known: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"algorithm": ALGORITHMS[a].spdx2, "checksumValue": value} for a, value in known]


def _purl(purl: str) -> dict[str, str]:
    return {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": purl,
    }


def _cpe(name: str) -> dict[str, str]:
    return {
        "referenceCategory": "SECURITY",
        "referenceType": "cpe23Type",
        "referenceLocator": name,
    }


def _references(package: Package) -> list[dict[str, str]]:
    found = []
    for reference in package.references:
        if is_locator(reference.url) and is_locator(reference.type):
            category, kind = IDENTIFIERS.get(
                reference.type, (reference.category or "OTHER", reference.type)
            )
            out = {
                "referenceCategory": category if category in CATEGORIES else "OTHER",
                "referenceType": kind,
                "referenceLocator": reference.url,
            }
            found.append(out | {"comment": reference.comment} if reference.comment else out)
    return found


def _file(words: _Words, file: ListedFile, identifier: str, tell_owner: bool) -> dict[str, Any]:  # noqa: FBT001 - one caller, in this module
    known, unsaid = words.checksums(file.hashes) if file.hashes else ([], [])
    out: dict[str, Any] = {
        "SPDXID": identifier,
        "fileName": f"./{file.path}",
        "checksums": _checksums(known),
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }
    stated = dict(known).get("sha1", ZERO_SHA1)
    if stated == ZERO_SHA1:
        unsaid += [(a, v) for a, v in known if a == "sha1"]
        out["checksums"] = [UNKNOWN_SHA1, *_checksums(x for x in known if x[0] != "sha1")]
    pairs = carrying.file_pairs(file) + carrying.hash_pairs(unsaid)
    if tell_owner and file.owner:
        pairs.append(carrying.owner_pair(file))
    if pairs:
        out["comment"] = carrying.comment(pairs)
    return out


def other_checksum(
    other: OtherDocument,
    checksums_of: Callable[[Mapping[str, str]], tuple[list[tuple[str, str]], ...]] = checksums,
) -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """The one checksum to state of a document (SHA-1 before others), and the rest to carry."""
    known, unsaid = checksums_of(other.hashes)
    order = sorted(known, key=lambda x: (x[0] != "sha1", -ALGORITHMS[x[0]].digits, x[0]))
    stated = order[0] if order else ("sha1", ZERO_SHA1)
    return stated, [x for x in known if x != stated or x[1] == ZERO_SHA1] + unsaid


class _Relations:
    """The entries under `relationships`, and the documents that some lead to."""

    def __init__(self, words: _Words, contents: Contents, names: Names) -> None:
        self._contents, self._names = contents, names
        self._lists_distribution = bool(words.purposes)
        self._others = {
            ref: (_document_ref(other), other)
            for name, other in sorted(contents.others.items(), reverse=True)
            if (ref := names.ref(name)) is not None
        }
        self.documents = {
            name: _external(name, other, words) for name, other in self._others.values()
        }

    def other_of(self, ref: str) -> tuple[str, OtherDocument] | None:
        """The document that describes a package, with its name here."""
        return self._others.get(ref)

    def all(self) -> list[dict[str, str]]:
        contents, names = self._contents, self._names
        subject = contents.subject
        if contents.is_named:
            return self._stated()
        root, kind = (IMAGE, "CONTAINS") if subject else (DOCUMENT, "DESCRIBES")
        out = [_relation(DOCUMENT, "DESCRIBES", IMAGE)] if subject else []
        if subject and subject.distribution and self._lists_distribution:
            out.append(_relation(root, kind, DISTRIBUTION))
        out += [_relation(root, kind, identifier) for identifier in names.ids.values()]
        for _, identifier, owner in names.files:
            if owner is None:
                out.append(_relation(root, kind, identifier))
            else:
                out.append(_relation(names.ids[owner], "CONTAINS", identifier))
        out += [_relation(a, "CONTAINS", b) for a, b in names.pairs(contents.contains)]
        out += [_relation(a, "DEPENDS_ON", b) for a, b in names.pairs(contents.edges)]
        return out + [
            _relation(names.ids[ref], "DESCRIBED_BY", f"{name}:{DOCUMENT}")
            for ref, (name, _) in sorted(self._others.items())
        ]

    def _stated(self) -> list[dict[str, str]]:
        """Of a document that is converted: what it says, and nothing besides."""
        contents, names = self._contents, self._names
        if contents.subject is not None:
            roots = [contents.subject.id]
        else:
            known = {*names.ids, *(file.id for file in contents.files)}
            roots = [x for x in contents.described if x in known] or list(names.ids)
        return [
            *(_relation(DOCUMENT, "DESCRIBES", root) for root in roots),
            *(_relation(a, "CONTAINS", b) for a, b in names.pairs(contents.parts)),
            *(_relation(a, "DEPENDS_ON", b) for a, b in names.pairs(contents.edges)),
            *(
                _relation(names.end(ref), "DESCRIBED_BY", f"{name}:{DOCUMENT}")
                for ref, (name, _) in sorted(self._others.items())
            ),
        ]


def _relation(source: str, kind: str, target: str) -> dict[str, str]:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}


def external_document(other: OtherDocument, described: str) -> tuple[dict[str, Any], ...]:
    """A document that describes an element, and the relationship that says so."""
    name = _document_ref(other)
    relation = _relation(described, "DESCRIBED_BY", f"{name}:{DOCUMENT}")
    return _external(name, other, _Words("2.2")), dict(relation)


def _external(name: str, other: OtherDocument, words: _Words) -> dict[str, Any]:
    (checksum,) = _checksums([other_checksum(other, words.checksums)[0]])
    return {"externalDocumentId": name, "spdxDocument": other.uri, "checksum": checksum}


def _document_ref(other: OtherDocument) -> str:
    said = repr((other.uri, sorted(other.hashes.items())))
    return f"DocumentRef-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:16]}"
