"""CycloneDX in JSON. Source: CycloneDX 1.2 to 1.7, the JSON schemas of the specification.

Our own path, as the library for it drops data on a quarter of the official valid documents and
is quadratic. Written is 1.6; read is every version, with a finding for what is odd.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from provenance import __version__
from provenance.findings import Finding, Severity
from provenance.packages.package import Location, Package
from provenance.sbom.carried import carry, restore
from provenance.sbom.identifiers import sort_packages, unique_refs
from provenance.sbom.licensing import cyclonedx_licenses
from provenance.sbom.model import (
    NAMESPACE,
    Contents,
    Subject,
    clean,
    digest_or_none,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.digests import Digest

__all__ = ["read", "write"]

_HASHES = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "sha3256": "SHA3-256",
    "sha3384": "SHA3-384",
    "sha3512": "SHA3-512",
    "blake3": "BLAKE3",
}
# The schema's own pattern for a hash.
_HEX = re.compile(
    r"[a-fA-F0-9]{32}|[a-fA-F0-9]{40}|[a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128}", re.ASCII
)
_COMPONENT_TYPES = frozenset(
    {"application", "framework", "library", "container", "operating-system", "file", "firmware"}
)
_HASH_PROPERTY = "provenance:hash:"
_PURL_TYPE = re.compile(r"pkg:([A-Za-z0-9.+-]+)/", re.ASCII)


def write(contents: Contents) -> bytes:
    """A CycloneDX 1.6 document. The same contents give the same bytes."""
    packages = sort_packages(contents.packages)
    refs = unique_refs(packages)
    by_id = _by_id(packages, refs)
    metadata: dict[str, Any] = {}
    if contents.created is not None:
        metadata["timestamp"] = contents.created.isoformat().replace("+00:00", "Z")
    metadata["tools"] = {"components": [_tool()]}
    root = ""
    if contents.subject is not None:
        component = _subject_component(contents.subject, set(refs))
        root = component["bom-ref"]
        metadata["component"] = component
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": [_component(p, r) for p, r in zip(packages, refs, strict=True)],
        "dependencies": _dependencies(contents, packages, refs, by_id, root),
    }
    serial = uuid.uuid5(NAMESPACE, msgspec.json.encode(document).decode())
    document = {
        **dict(list(document.items())[:3]),
        "serialNumber": f"urn:uuid:{serial}",
        **document,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _by_id(packages: Iterable[Package], refs: Iterable[str]) -> dict[str, str]:
    """Every name an edge may use for a package, to its `bom-ref`."""
    found: dict[str, str] = {}
    for package, ref in zip(packages, refs, strict=True):
        for name in (package.id, package.purl, ref):
            if name:
                found.setdefault(name, ref)
    return found


def _dependencies(
    contents: Contents,
    packages: tuple[Package, ...],
    refs: list[str],
    by_id: Mapping[str, str],
    root: str,
) -> list[dict[str, Any]]:
    edges: dict[str, set[str]] = {}
    for source, targets in contents.edges.items():
        if source in by_id:
            found = {by_id[t] for t in targets if t in by_id} - {by_id[source]}
            edges.setdefault(by_id[source], set()).update(found)
    out = []
    if root:
        needed = {target for targets in edges.values() for target in targets}
        out.append({"ref": root, "dependsOn": [r for r in refs if r not in needed]})
    for _, ref in zip(packages, refs, strict=True):
        entry: dict[str, Any] = {"ref": ref}
        if edges.get(ref):
            entry["dependsOn"] = sorted(edges[ref])
        out.append(entry)
    return out


def _tool() -> dict[str, Any]:
    return {"type": "application", "name": "provenance", "version": __version__}


def _subject_component(subject: Subject, taken: set[str]) -> dict[str, Any]:
    ref = clean(subject.purl or f"{subject.name}@{subject.version}")
    while ref in taken:
        ref = f"{ref}#image"
    known = subject.type if subject.type in _COMPONENT_TYPES else "container"
    out: dict[str, Any] = {"type": known, "bom-ref": ref or "image", "name": clean(subject.name)}
    if subject.version:
        out["version"] = clean(subject.version)
    if subject.digest is not None:
        algorithm = _HASHES[subject.digest.algorithm]
        out["hashes"] = [{"alg": algorithm, "content": subject.digest.hex}]
    if subject.purl:
        out["purl"] = clean(subject.purl)
    return out


def _component(package: Package, ref: str) -> dict[str, Any]:
    out: dict[str, Any] = {"type": "library", "bom-ref": ref}
    if package.supplier:
        out["supplier"] = {"name": clean(package.supplier)}
    out["name"] = clean(package.name)
    if package.version:
        out["version"] = clean(package.version)
    if package.description:
        out["description"] = clean(package.description)
    hashes, unknown = _split_hashes(package.hashes)
    properties = [*carry(package), *unknown]
    if hashes:
        out["hashes"] = hashes
    if package.licenses:
        out["licenses"] = cyclonedx_licenses(package.licenses)
    if package.purl:
        out["purl"] = clean(package.purl)
    if package.locations:
        paths = dict.fromkeys(clean(location.path) for location in package.locations)
        out["evidence"] = {"occurrences": [{"location": path} for path in paths]}
    if properties:
        out["properties"] = [{"name": name, "value": value} for name, value in properties]
    return out


def _split_hashes(
    hashes: Mapping[str, str],
) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    """Those the schema takes, and the rest as properties."""
    native, rest = [], []
    for algorithm, value in sorted(hashes.items()):
        if algorithm in _HASHES and _HEX.fullmatch(value):
            native.append({"alg": _HASHES[algorithm], "content": value})
        else:
            rest.append((f"{_HASH_PROPERTY}{clean(algorithm)}", clean(value)))
    return native, rest


def read(document: Mapping[str, Any]) -> Contents:
    """What a CycloneDX document of any version says. Odd parts become findings."""
    reader = _Reader()
    metadata = reader.mapping(document.get("metadata"), "/metadata")
    subject = None
    if metadata.get("component") is not None:
        described = reader.mapping(metadata["component"], "/metadata/component")
        subject = reader.subject(described)
    packages = reader.components(document.get("components"), "/components")
    return Contents(
        subject=subject,
        packages=tuple(packages),
        edges=reader.edges(document.get("dependencies")),
        created=parse_time(metadata.get("timestamp")),
        tools=tuple(reader.tools(metadata.get("tools"))),
        findings=tuple(reader.findings),
    )


class _Reader:
    """Walks a document; every fault is a finding with its pointer, none ends the reading."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def odd(self, pointer: str, message: str) -> None:
        self.findings.append(Finding("odd-value", Severity.WARNING, message, pointer))

    def mapping(self, value: Any, pointer: str) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        if value is not None:
            self.odd(pointer, "expected an object; passed over")
        return {}

    def sequence(self, value: Any, pointer: str) -> list[Any]:
        if isinstance(value, list):
            return value
        if value is not None:
            self.odd(pointer, "expected an array; passed over")
        return []

    def text(self, value: Any, pointer: str) -> str:
        if isinstance(value, str):
            return value
        if value is not None:
            self.odd(pointer, "expected a string; passed over")
        return ""

    def subject(self, component: Mapping[str, Any]) -> Subject:
        pointer = "/metadata/component"
        kind = self.text(component.get("type"), f"{pointer}/type")
        version = self.text(component.get("version"), f"{pointer}/version")
        digest: Digest | None = None
        hashes = self.hashes(component.get("hashes"), f"{pointer}/hashes")
        # A hash of a container component is its manifest's digest; that of a file is its own.
        if kind == "container":
            for algorithm in ("sha256", "sha512", "sha384"):
                digest = digest or digest_or_none(f"{algorithm}:{hashes.get(algorithm, '')}")
        digest = digest or digest_or_none(version)
        return Subject(
            name=self.text(component.get("name"), f"{pointer}/name"),
            version=version,
            purl=self.text(component.get("purl"), f"{pointer}/purl"),
            digest=digest,
            type=kind,
        )

    def components(self, value: Any, pointer: str) -> list[Package]:
        """Every component, nested ones after the one they are in."""
        found = []
        waiting = [(value, pointer)]
        while waiting:
            listed, where = waiting.pop()
            for number, item in enumerate(self.sequence(listed, where)):
                at = f"{where}/{number}"
                if not isinstance(item, dict):
                    self.odd(at, "expected a component; passed over")
                    continue
                found.append(self.package(item, at))
                if item.get("components"):
                    waiting.append((item["components"], f"{at}/components"))
        return found

    def package(self, item: Mapping[str, Any], at: str) -> Package:
        purl = self.text(item.get("purl"), f"{at}/purl")
        match = _PURL_TYPE.match(purl)
        pairs = [
            (p["name"], p["value"])
            for p in self.sequence(item.get("properties"), f"{at}/properties")
            if isinstance(p, dict)
            and isinstance(p.get("name"), str)
            and isinstance(p.get("value"), str)
        ]
        hashes = self.hashes(item.get("hashes"), f"{at}/hashes")
        hashes |= {
            n.removeprefix(_HASH_PROPERTY): v for n, v in pairs if n.startswith(_HASH_PROPERTY)
        }
        fields: dict[str, Any] = {
            "name": self.text(item.get("name"), f"{at}/name"),
            "version": self.text(item.get("version"), f"{at}/version"),
            "type": match[1].lower() if match else "",
            "purl": purl,
            "licenses": self.licenses(item.get("licenses"), f"{at}/licenses"),
            "supplier": self.supplier(item, at),
            "description": self.text(item.get("description"), f"{at}/description"),
            "hashes": hashes,
            "locations": self.occurrences(item.get("evidence"), f"{at}/evidence"),
            "id": self.text(item.get("bom-ref"), f"{at}/bom-ref"),
        }
        return Package(**(fields | restore(pairs)))

    def supplier(self, item: Mapping[str, Any], at: str) -> str:
        stated = item.get("supplier")
        if isinstance(stated, dict):
            return self.text(stated.get("name"), f"{at}/supplier/name")
        return self.text(item.get("publisher"), f"{at}/publisher")

    def hashes(self, value: Any, pointer: str) -> dict[str, str]:
        found = {}
        for item in self.sequence(value, pointer):
            if isinstance(item, dict) and isinstance(item.get("content"), str):
                algorithm = str(item.get("alg") or "").lower().replace("-", "")
                found[algorithm] = item["content"]
            else:
                self.odd(pointer, "expected hashes; one was passed over")
        return found

    def licenses(self, value: Any, pointer: str) -> tuple[str, ...]:
        found = []
        for number, item in enumerate(self.sequence(value, pointer)):
            stated = item.get("license") if isinstance(item, dict) else None
            if isinstance(stated, dict):
                text = stated.get("id", stated.get("name"))
            else:
                text = item.get("expression") if isinstance(item, dict) else None
            if isinstance(text, str):
                found.append(text)
            else:
                self.odd(f"{pointer}/{number}", "expected a licence; passed over")
        return tuple(found)

    def occurrences(self, value: Any, pointer: str) -> tuple[Location, ...]:
        listed = self.mapping(value, pointer).get("occurrences")
        return tuple(
            Location(item["location"].lstrip("/"))
            for item in self.sequence(listed, f"{pointer}/occurrences")
            if isinstance(item, dict) and isinstance(item.get("location"), str)
        )

    def edges(self, value: Any) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for number, item in enumerate(self.sequence(value, "/dependencies")):
            ref = item.get("ref") if isinstance(item, dict) else None
            targets = item.get("dependsOn") if isinstance(item, dict) else None
            if not isinstance(ref, str):
                self.odd(f"/dependencies/{number}", "expected a dependency; passed over")
                continue
            listed = self.sequence(targets, f"/dependencies/{number}/dependsOn")
            found[ref] = found.get(ref, ()) + tuple(t for t in listed if isinstance(t, str))
        return found

    def tools(self, value: Any) -> Iterable[str]:
        """Tools in the form of 1.5 and later, or the older list."""
        listed = value.get("components") if isinstance(value, dict) else value
        for item in self.sequence(listed, "/metadata/tools"):
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                yield f"{item['name']} {item.get('version') or ''}".strip()
