"""SPDX 2 in JSON. Source: SPDX 2.3, and its JSON schema.

Our own path, as the library for it refuses most documents seen in the wild. Written is 2.3.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from provenance import __version__
from provenance.findings import Finding, Severity
from provenance.packages.package import Package
from provenance.sbom.carried import carry, restore
from provenance.sbom.identifiers import sort_packages, spdx_id, unique_refs
from provenance.sbom.licensing import spdx_license
from provenance.sbom.model import (
    NAMESPACE,
    Contents,
    Subject,
    clean,
    digest_or_none,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read", "write"]

_TOOL = f"Tool: provenance-{__version__}"
_CHECKSUMS = {
    "md5": "MD5",
    "sha1": "SHA1",
    "sha224": "SHA224",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
    "blake3": "BLAKE3",
}
_EPOCH = "1970-01-01T00:00:00Z"
_COMMENT = "provenance "
_PURL_TYPE = re.compile(r"pkg:([A-Za-z0-9.+-]+)/", re.ASCII)
_ACTOR = re.compile(r"(?:Organization|Person): (.*)", re.DOTALL)
_NONE = ("NOASSERTION", "NONE")  # compared, not hashed: a document may have any value there
_MANIFEST_HASHES = ("sha256", "sha512", "sha384")


def write(contents: Contents) -> bytes:
    """An SPDX 2.3 document. The same contents give the same bytes."""
    packages = sort_packages(contents.packages)
    refs = unique_refs(packages)
    ids = dict(zip(refs, map(spdx_id, refs), strict=True))
    extracted: dict[str, str] = {}
    # The specification wants a time; without one, no time is invented.
    created = (
        contents.created.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if (contents.created)
        else _EPOCH
    )
    name = clean(str(contents.subject)) if contents.subject else "packages"
    listed = [_subject_package(contents.subject)] if contents.subject else []
    listed += [_package(p, ids[r], extracted, created) for p, r in zip(packages, refs, strict=True)]
    document: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name or "packages",
        "documentNamespace": "",
        "creationInfo": {"created": created, "creators": [_TOOL]},
        "packages": listed,
        "relationships": _relationships(contents, packages, refs, ids),
    }
    if extracted:
        document["hasExtractedLicensingInfos"] = [
            {"licenseId": i, "extractedText": text or " ", "name": text or "NOASSERTION"}
            for i, text in sorted(extracted.items())
        ]
    unique = uuid.uuid5(NAMESPACE, msgspec.json.encode(document).decode())
    document["documentNamespace"] = f"https://spdx.org/spdxdocs/provenance-{unique}"
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


_IMAGE_ID = "SPDXRef-Image"


def _subject_package(subject: Subject) -> dict[str, Any]:
    out = _blank(_IMAGE_ID, clean(subject.name), clean(subject.version))
    out["primaryPackagePurpose"] = "CONTAINER"
    if subject.digest is not None:
        algorithm = _CHECKSUMS[subject.digest.algorithm]
        out["checksums"] = [{"algorithm": algorithm, "checksumValue": subject.digest.hex}]
    if subject.purl:
        out["externalRefs"] = [_purl(subject.purl)]
    return out


def _package(
    package: Package, identifier: str, extracted: dict[str, str], created: str
) -> dict[str, Any]:
    out = _blank(identifier, clean(package.name), clean(package.version))
    carried = carry(package)
    if package.supplier:
        out["supplier"] = f"Organization: {clean(package.supplier)}"
    if package.description:
        out["description"] = clean(package.description)
    known = {a: v for a, v in package.hashes.items() if a in _CHECKSUMS}
    if known:
        out["checksums"] = [
            {"algorithm": _CHECKSUMS[a], "checksumValue": clean(v)}
            for a, v in sorted(known.items())
        ]
    carried += [
        (f"provenance:hash:{clean(a)}", clean(v))
        for a, v in sorted(package.hashes.items())
        if a not in known
    ]
    out["licenseDeclared"] = spdx_license(package.licenses, extracted)
    carried += [("provenance:license", clean(text)) for text in package.licenses]
    if package.purl:
        out["externalRefs"] = [_purl(package.purl)]
    if package.locations:
        paths = ", ".join(dict.fromkeys(clean(x.path) for x in package.locations))
        out["sourceInfo"] = f"found at: {paths}"
    if carried:
        comment = _COMMENT + msgspec.json.encode(carried).decode()
        out["annotations"] = [
            {
                "annotationDate": created,
                "annotationType": "OTHER",
                "annotator": _TOOL,
                "comment": comment,
            }
        ]
    return out


def _blank(identifier: str, name: str, version: str) -> dict[str, Any]:
    out: dict[str, Any] = {"SPDXID": identifier, "name": name}
    if version:
        out["versionInfo"] = version
    return out | {
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }


def _purl(purl: str) -> dict[str, str]:
    return {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": clean(purl),
    }


def _relationships(
    contents: Contents, packages: tuple[Package, ...], refs: list[str], ids: Mapping[str, str]
) -> list[dict[str, str]]:
    def relation(source: str, kind: str, target: str) -> dict[str, str]:
        return {
            "spdxElementId": source,
            "relationshipType": kind,
            "relatedSpdxElement": target,
        }

    names: dict[str, str] = {}
    for package, ref in zip(packages, refs, strict=True):
        for name in (package.id, package.purl, ref):
            if name:
                names.setdefault(name, ids[ref])
    root = _IMAGE_ID if contents.subject else "SPDXRef-DOCUMENT"
    out = [relation("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE_ID)] if contents.subject else []
    kind = "CONTAINS" if contents.subject else "DESCRIBES"
    out += [relation(root, kind, ids[ref]) for ref in refs]
    edges = {
        (names[source], names[target])
        for source, targets in contents.edges.items()
        for target in targets
        if source in names and target in names and names[source] != names[target]
    }
    return out + [relation(source, "DEPENDS_ON", target) for source, target in sorted(edges)]


def read(document: Mapping[str, Any]) -> Contents:
    """What an SPDX 2 document says. Odd parts become findings."""
    reader = _Reader()
    info = document.get("creationInfo")
    info = info if isinstance(info, dict) else {}
    relations = list(reader.objects(document, "relationships", ""))
    described = _described(document, relations)
    subject, packages = None, []
    for item in reader.objects(document, "packages", ""):
        identifier = item.get("SPDXID")
        if subject is None and described == [identifier] and _is_image(item, relations):
            subject = reader.subject(item)
            continue
        packages.append(reader.package(item))
    creators = info.get("creators")
    tools = [
        c.removeprefix("Tool: ")
        for c in (creators if isinstance(creators, list) else [])
        if isinstance(c, str) and c.startswith("Tool: ")
    ]
    created = parse_time(info.get("created"))
    return Contents(
        subject=subject,
        packages=tuple(packages),
        edges=_edges(relations),
        created=None if info.get("created") == _EPOCH else created,
        tools=tuple(tools),
        findings=tuple(reader.findings),
    )


def _described(document: Mapping[str, Any], relations: list[Mapping[str, Any]]) -> list[Any]:
    listed = document.get("documentDescribes")
    found = list(listed) if isinstance(listed, list) else []
    found += [
        r.get("relatedSpdxElement")
        for r in relations
        if r.get("relationshipType") == "DESCRIBES" and r.get("spdxElementId") == "SPDXRef-DOCUMENT"
    ]
    return list(dict.fromkeys(x for x in found if isinstance(x, str)))


def _is_image(item: Mapping[str, Any], relations: list[Mapping[str, Any]]) -> bool:
    """The one thing described is the subject, unless it is the one package there is."""
    if item.get("primaryPackagePurpose") in ("CONTAINER", "OPERATING-SYSTEM", "APPLICATION"):
        return True
    return any(
        r.get("spdxElementId") == item.get("SPDXID")
        and r.get("relationshipType") in ("CONTAINS", "DEPENDS_ON")
        for r in relations
    )


def _edges(relations: list[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for relation in relations:
        source, target = relation.get("spdxElementId"), relation.get("relatedSpdxElement")
        kind = relation.get("relationshipType")
        if not isinstance(source, str) or not isinstance(target, str):
            continue
        if kind == "DEPENDENCY_OF":
            source, target = target, source
        if kind in ("DEPENDS_ON", "DEPENDENCY_OF"):
            found[source] = (*found.get(source, ()), target)
    return found


class _Reader:
    """Walks a document; every fault is a finding with its pointer, none ends the reading."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def odd(self, pointer: str, message: str) -> None:
        self.findings.append(Finding("odd-value", Severity.WARNING, message, pointer))

    def objects(self, parent: Mapping[str, Any], key: str, at: str) -> list[Mapping[str, Any]]:
        value = parent.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.odd(f"{at}/{key}", "expected an array; passed over")
            return []
        found: list[Mapping[str, Any]] = []
        for number, item in enumerate(value):
            if isinstance(item, dict):
                found.append(item)
            else:
                self.odd(f"{at}/{key}/{number}", "expected an object; passed over")
        return found

    def text(self, item: Mapping[str, Any], key: str) -> str:
        value = item.get(key)
        if value is None or isinstance(value, str):
            return "" if value is None or value in _NONE else value
        self.odd(f"/packages ({item.get('SPDXID')})/{key}", "expected a string; passed over")
        return ""

    def subject(self, item: Mapping[str, Any]) -> Subject:
        version = self.text(item, "versionInfo")
        digest, hashes = None, self.hashes(item)
        for algorithm in _MANIFEST_HASHES:
            digest = digest or digest_or_none(f"{algorithm}:{hashes.get(algorithm, '')}")
        digest = digest or digest_or_none(version)
        purpose = str(item.get("primaryPackagePurpose") or "")
        return Subject(
            name=self.text(item, "name"),
            version=version,
            purl=self.purl(item),
            digest=digest,
            type=purpose.lower(),
        )

    def package(self, item: Mapping[str, Any]) -> Package:
        purl = self.purl(item)
        match = _PURL_TYPE.match(purl)
        pairs = self.carried(item)
        hashes = self.hashes(item)
        prefix = "provenance:hash:"
        hashes |= {n.removeprefix(prefix): v for n, v in pairs if n.startswith(prefix)}
        actor = _ACTOR.fullmatch(self.text(item, "supplier"))
        declared = self.text(item, "licenseDeclared") or self.text(item, "licenseConcluded")
        licenses = tuple(v for n, v in pairs if n == "provenance:license")
        fields: dict[str, Any] = {
            "name": self.text(item, "name") if item.get("name") not in _NONE else item["name"],
            "version": item.get("versionInfo")
            if isinstance(item.get("versionInfo"), str)
            else self.text(item, "versionInfo"),
            "type": match[1].lower() if match else "",
            "purl": purl,
            "licenses": licenses or ((declared,) if declared else ()),
            "supplier": actor[1] if actor else "",
            "description": item.get("description")
            if isinstance(item.get("description"), str)
            else self.text(item, "description"),
            "hashes": hashes,
            "id": self.text(item, "SPDXID"),
        }
        return Package(**(fields | restore(pairs)))

    def purl(self, item: Mapping[str, Any]) -> str:
        for ref in self.objects(item, "externalRefs", "/packages"):
            locator = ref.get("referenceLocator")
            if ref.get("referenceType") == "purl" and isinstance(locator, str):
                return locator
        return ""

    def hashes(self, item: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for checksum in self.objects(item, "checksums", "/packages"):
            value = checksum.get("checksumValue")
            if isinstance(value, str):
                algorithm = str(checksum.get("algorithm") or "").lower()
                found[algorithm.replace("-", "")] = value
        return found

    def carried(self, item: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The pairs that `write` put into an annotation."""
        for annotation in self.objects(item, "annotations", "/packages"):
            comment = annotation.get("comment")
            if isinstance(comment, str) and comment.startswith(_COMMENT):
                try:
                    raw = comment.removeprefix(_COMMENT).encode("utf-8", "replace")
                    return msgspec.json.decode(raw, type=list[tuple[str, str]])
                except msgspec.DecodeError:
                    self.odd(f"/packages ({item.get('SPDXID')})/annotations", "cannot be read back")
        return []
