"""SPDX 3.0.1 out of `Contents`, as JSON-LD. Source: SPDX 3.0.1, its model and JSON schema.

Identifiers are the document's namespace, which is a hash of everything said, and the names that
elements have in SPDX 2. What has no property is carried in the `comment` of its element.
Relationships claim nothing about completeness: nobody told.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.spdx import carrying
from provenance.sbom.spdx.encoding import in_utf8
from provenance.sbom.spdx.naming import Names, history, namespace, timestamp
from provenance.sbom.spdx.vocabulary import (
    ALGORITHMS,
    NO_TIME,
    PURPOSES_3,
    checksums,
    declared,
    is_cpe,
    is_download,
    is_url,
    makers,
    split_actor,
)
from provenance.sbom.spdx3.references import add_references, identifier_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.packages.os_release import OsRelease
    from provenance.packages.package import ListedFile, Package
    from provenance.sbom.model import Contents, OtherDocument, Subject

__all__ = ["as_document", "write"]

_CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_DATA_LICENSE = ("CC0-1.0",)
_CREATION = "_:creationinfo"
_DOCUMENT, _SBOM, _IMAGE = "#SPDXRef-DOCUMENT", "#SPDXRef-Sbom", "#SPDXRef-Image"
_DISTRIBUTION = "#SPDXRef-OperatingSystem"
_IRI = re.compile(r"(?!_:)[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", re.ASCII)
# Properties that name elements, relative to the document's namespace until that is known.
_REFERENCES = ("spdxId", "from", "suppliedBy", "dataLicense")
_LISTS = ("to", "originatedBy", "element", "rootElement", "createdBy", "createdUsing")


def write(contents: Contents) -> bytes:
    """An SPDX 3.0.1 document in JSON-LD. The same contents give the same bytes."""
    return in_utf8(_write, contents)


def _write(contents: Contents) -> bytes:
    return msgspec.json.format(msgspec.json.encode(as_document(contents)), indent=1)


def as_document(contents: Contents) -> dict[str, Any]:
    """An SPDX 3.0.1 document, as its JSON decodes."""
    graph = _Graph(contents).nodes()
    _resolve(graph, contents.namespace or namespace(msgspec.json.encode(graph)))
    return {"@context": _CONTEXT, "@graph": graph}


def _resolve(graph: list[dict[str, Any]], namespace: str) -> None:
    """Put the namespace before every identifier of this document."""
    for node in graph:
        for key in _REFERENCES:
            if key in node and node[key][0] == "#":
                node[key] = namespace + node[key]
        for key in _LISTS:
            if key in node:
                node[key] = [namespace + x if x[0] == "#" else x for x in node[key]]
        for entry in node.get("simplelicensing_customIdToUri", ()):
            entry["value"] = namespace + entry["value"]


class _Graph:
    """Collects the elements of a document."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._names = Names(contents)
        self._history = history(contents)
        self._agents: dict[str, dict[str, Any]] = {}
        self._licenses: dict[str, dict[str, Any]] = {}
        self._words: dict[str, str] = {}
        self._known_licenses: dict[tuple[str, ...], str] = {}
        self._imports: dict[str, dict[str, Any]] = {}
        self._relations: list[dict[str, Any]] = []

    def nodes(self) -> list[dict[str, Any]]:
        """Everything, the document first."""
        listed = self._listed()
        self._relate()
        self._license(_DATA_LICENSE)
        said = self._contents.license_texts
        texts = [
            _license_text(name, said.get(text, text), text if text in said else "")
            for name, text in sorted(self._words.items())
        ]
        others = [
            *(self._agents[key] for key in sorted(self._agents)),
            *(self._licenses[key] for key in sorted(self._licenses)),
            *texts,
            *self._relations,
        ]
        tools = self._tools()
        heads = self._collections(listed, [*tools, *others])
        return [self._creation(tools), *heads, *tools, *listed, *others]

    def _listed(self) -> list[dict[str, Any]]:
        subject, names = self._contents.subject, self._names
        listed = []
        if subject:
            listed.append(self._subject(subject))
            if subject.distribution:
                listed.append(_distribution(subject.distribution))
        others = {}
        for name, other in sorted(self._contents.others.items(), reverse=True):
            if (ref := names.ref(name)) is not None:
                others[ref] = other
        for package, ref in zip(names.packages, names.refs, strict=True):
            listed.append(self._package(package, _iri(names.ids[ref]), others.get(ref)))
        return listed + [_file(f, _iri(i), tell_owner=o is None) for f, i, o in names.files]

    def _creation(self, tools: list[dict[str, Any]]) -> dict[str, Any]:
        made_by, *used = (tool["spdxId"] for tool in tools)
        out: dict[str, Any] = {"type": "CreationInfo", "@id": _CREATION}
        if self._contents.created is None:
            out["comment"] = NO_TIME
        out |= {"created": timestamp(self._contents.created), "createdBy": [made_by]}
        if used:
            out["createdUsing"] = used
        return out | {"specVersion": "3.0.1"}

    def _tools(self) -> list[dict[str, Any]]:
        names = makers(self._contents.tools)
        return [
            _element("Tool" if number else "SoftwareAgent", f"#Tool-{number}", name)
            for number, name in enumerate(names)
        ]

    def _collections(
        self, listed: list[dict[str, Any]], others: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        subject = self._contents.subject
        name = str(subject) if subject else ""
        ids = [node["spdxId"] for node in listed]
        document = _element("SpdxDocument", _DOCUMENT, name or "packages")
        document["dataLicense"] = self._license(_DATA_LICENSE)
        document["profileConformance"] = ["core", "software", "simpleLicensing"]
        if self._imports:
            document["import"] = [self._imports[key] for key in sorted(self._imports)]
        document["rootElement"] = [_SBOM]
        # Of what is converted the SBOM lists the packages and files once.
        more = [] if self._contents.is_named else [*ids, *(node["spdxId"] for node in others)]
        document["element"] = [_SBOM, *more]
        sbom = _element("software_Sbom", _SBOM, name or "packages")
        sbom["software_sbomType"] = ["analyzed"]
        if ids:
            sbom["rootElement"] = [self._image()] if subject else self._roots(ids)
            sbom["element"] = ids
        return [document, sbom]

    def _image(self) -> str:
        subject = self._contents.subject
        return _iri(subject.id) if self._contents.is_named and subject else _IMAGE

    def _roots(self, listed: list[str]) -> list[str]:
        """What is described, where that is not one subject: all, if it is not said."""
        said = {_iri(x) for x in self._contents.described} if self._contents.is_named else set()
        return [x for x in listed if x in said] or listed

    def _subject(self, subject: Subject) -> dict[str, Any]:
        out = _element("software_Package", self._image(), subject.name)
        if subject.about is not None:
            out = self._package(subject.about, self._image(), None) | {"name": subject.name}
        out["comment"] = carrying.comment(carrying.subject_pairs(subject))
        if subject.digest is not None:
            (said,) = _hashes([(subject.digest.algorithm, subject.digest.hex)])
            out["verifiedUsing"] = [said, *(x for x in out.get("verifiedUsing", ()) if x != said)]
        out["software_primaryPurpose"] = PURPOSES_3.get(subject.type, "container")
        if subject.about is None:
            _add_identity(out, subject.version, subject.purl, ())
        return out

    def _package(
        self, package: Package, identifier: str, other: OtherDocument | None
    ) -> dict[str, Any]:
        out = _element("software_Package", identifier, package.name)
        pairs = carrying.package_pairs(package, self._history)
        self._describe(out, package)
        if package.homepage and is_url(package.homepage):
            out["software_homePage"] = package.homepage
        if package.kind in PURPOSES_3:
            out["software_primaryPurpose"] = PURPOSES_3[package.kind]
        twice = not self._contents.is_named
        _add_identity(out, package.version, package.purl, package.cpes, twice=twice)
        if package.locations:
            paths = ", ".join(dict.fromkeys([x.path for x in package.locations]))
            out["software_sourceInfo"] = f"found at: {paths}"
        if package.licenses and package.is_declared:
            license_ = self._license(package.licenses)
            self._relation(identifier, "hasDeclaredLicense", [license_])
        if package.concluded:
            license_ = self._license(package.concluded)
            self._relation(identifier, "hasConcludedLicense", [license_])
        add_references(out, package)
        if other is not None:
            pairs += self._other(identifier, other)
        if pairs:
            out["comment"] = carrying.comment(pairs)
        return out

    def _describe(self, out: dict[str, Any], package: Package) -> None:
        """What it is, and who made it."""
        if package.description:
            out["description"] = package.description
        if package.hashes and (known := checksums(package.hashes)[0]):
            out["verifiedUsing"] = _hashes(known)
        if package.supplier:
            out["suppliedBy"] = self._agent(package.supplier)
        if package.copyright:
            out["software_copyrightText"] = package.copyright
        if package.download and is_download(package.download):
            out["software_downloadLocation"] = package.download
        if package.author:
            out["originatedBy"] = [self._agent(package.author)]

    def _agent(self, text: str) -> str:
        """The element of who supplied or wrote something: person or organisation, who knows."""
        identifier = f"#Agent-{_short(text)}"
        if identifier not in self._agents:
            name, address = split_actor(text)
            agent = _element("Agent", identifier, name)
            if address:
                agent["externalIdentifier"] = [identifier_of("email", address)]
            self._agents[identifier] = agent
        return identifier

    def _license(self, licenses: tuple[str, ...]) -> str:
        if licenses in self._known_licenses:
            return self._known_licenses[licenses]
        words: dict[str, str] = {}
        expression = declared(licenses, words)
        identifier = f"#License-{_short(expression)}"
        out = _element("simplelicensing_LicenseExpression", identifier, "")
        if words:
            out["simplelicensing_customIdToUri"] = [
                {"type": "DictionaryEntry", "key": name, "value": f"#{name}"}
                for name in sorted(words)
            ]
        out["simplelicensing_licenseExpression"] = expression
        self._words |= words
        self._licenses[identifier] = out
        self._known_licenses[licenses] = identifier
        return identifier

    def _other(self, package: str, other: OtherDocument) -> list[tuple[str, str]]:
        """Refer to the SBOM that describes a package; what the reference cannot say."""
        uri = other.uri
        known, unsaid = checksums(other.hashes)
        if not _IRI.fullmatch(uri) or (
            uri in self._imports and self._imports[uri].get("verifiedUsing", []) != _hashes(known)
        ):
            return carrying.other_pairs(uri, sorted(other.hashes.items()), whole=True)
        entry: dict[str, Any] = {"type": "ExternalMap", "externalSpdxId": uri}
        if known:
            entry["verifiedUsing"] = _hashes(known)
        self._imports[uri] = entry
        self._relation(package, "hasMetadata", [uri])
        return carrying.other_pairs("", unsaid)

    def _relate(self) -> None:
        """Who contains and needs whom: one relationship an element and kind."""
        contents, names = self._contents, self._names
        if contents.is_named:
            self._relate_as_stated()
            return
        inside: dict[str, list[str]] = {}
        roots = [f"#{identifier}" for identifier in names.ids.values()]
        for _, identifier, owner in names.files:
            if owner is None:
                roots.append(f"#{identifier}")
            else:
                inside.setdefault(f"#{names.ids[owner]}", []).append(f"#{identifier}")
        if contents.subject:
            if contents.subject.distribution:
                roots.insert(0, _DISTRIBUTION)
            self._relation(_SBOM, "describes", [_IMAGE])
            self._relation(_IMAGE, "contains", roots)
        for source, target in names.pairs(contents.contains):
            inside.setdefault(f"#{source}", []).append(f"#{target}")
        needed: dict[str, list[str]] = {}
        for source, target in names.pairs(contents.edges):
            needed.setdefault(f"#{source}", []).append(f"#{target}")
        for source, targets in sorted(inside.items()):
            self._relation(source, "contains", targets)
        for source, targets in sorted(needed.items()):
            self._relation(source, "dependsOn", targets)

    def _relate_as_stated(self) -> None:
        """Of a document that is converted: what it says, and nothing besides."""
        contents, names = self._contents, self._names
        if contents.subject:
            self._relation(_SBOM, "describes", [self._image()])
        for kind, edges in (("contains", contents.parts), ("dependsOn", contents.edges)):
            found: dict[str, list[str]] = {}
            for source, target in names.pairs(edges):
                found.setdefault(_iri(source), []).append(_iri(target))
            for source, targets in found.items():
                self._relation(source, kind, targets)

    def _relation(self, source: str, kind: str, targets: list[str]) -> None:
        if not targets:
            return
        self._relations.append(
            {
                "type": "Relationship",
                "spdxId": f"#{kind}-{_relation_name(source)}",
                "creationInfo": _CREATION,
                "from": source,
                "relationshipType": kind,
                "completeness": "noAssertion",
                "to": targets,
            }
        )
        if self._contents.is_named:  # the same by default, said of every one
            del self._relations[-1]["completeness"]


def _element(kind: str, identifier: str, name: str) -> dict[str, Any]:
    out = {"type": kind, "spdxId": identifier, "creationInfo": _CREATION}
    if name:
        out["name"] = name
    return out


def _relation_name(source: str) -> str:
    return source.removeprefix("#SPDXRef-") if source[0] == "#" else _short(source)


def _iri(identifier: str) -> str:
    """An identifier of the document's own, or one that is an IRI already."""
    return identifier if ":" in identifier else f"#{identifier}"


def _add_identity(
    out: dict[str, Any], version: str, purl: str, cpes: Iterable[str], *, twice: bool = True
) -> None:
    """The purl has a field, and for readers that do not know it, stands as identifier `twice`."""
    found = [identifier_of("cpe23", text) for text in cpes if is_cpe(text)]
    if purl and twice:
        found.insert(0, identifier_of("packageUrl", purl))
    if found:
        out["externalIdentifier"] = found
    if version:
        out["software_packageVersion"] = version
    if purl:
        out["software_packageUrl"] = purl


def _hashes(known: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"type": "Hash", "algorithm": ALGORITHMS[name].spdx3, "hashValue": value}
        for name, value in known
    ]


def _distribution(release: OsRelease) -> dict[str, Any]:
    name = release.pretty_name or release.name or release.id
    out = _element("software_Package", _DISTRIBUTION, name)
    out["comment"] = carrying.comment(carrying.distribution_pairs(release))
    out["software_primaryPurpose"] = "operatingSystem"
    _add_identity(out, release.version_id, "", ())
    return out


def _file(file: ListedFile, identifier: str, *, tell_owner: bool) -> dict[str, Any]:
    out = _element("software_File", identifier, file.path)
    known, unsaid = checksums(file.hashes) if file.hashes else ([], [])
    if known:
        out["verifiedUsing"] = _hashes(known)
    pairs = carrying.file_pairs(file) + carrying.hash_pairs(unsaid)
    if tell_owner and file.owner:
        pairs.append(carrying.owner_pair(file))
    if pairs:
        out["comment"] = carrying.comment(pairs)
    out["software_fileKind"] = "file"
    return out


def _license_text(name: str, text: str, title: str) -> dict[str, Any]:
    out = _element("simplelicensing_SimpleLicensingText", f"#{name}", title)
    return out | {"simplelicensing_licenseText": text}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
