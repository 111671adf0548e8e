"""Contents out of documents, in the JSON shape. Source: CycloneDX 1.0 to 1.7.

Odd parts become findings with a JSON pointer; none ends the reading.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.findings import Finding, Severity
from provenance.packages.os_release import OsRelease
from provenance.packages.package import ListedFile, Package, Reference
from provenance.sbom.carried import (
    PREFIX,
    agreed,
    restore,
    restore_distribution,
    restore_subject,
)
from provenance.sbom.cyclonedx.files import is_only_file
from provenance.sbom.cyclonedx.references import reference_of
from provenance.sbom.cyclonedx.syft_locations import syft_locations
from provenance.sbom.cyclonedx.versions import UUID
from provenance.sbom.identifiers import purl_type
from provenance.sbom.licensing import cyclonedx_licenses
from provenance.sbom.model import Contents, OtherDocument, Subject, digest_or_none, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.digests import Digest

__all__ = ["read"]

Pairs = list[tuple[str, str]]

_HASH = f"{PREFIX}hash:"
_CONTAINS = f"{PREFIX}contains"
_OTHER = f"{PREFIX}other"
_OTHER_TYPE = tuple[str, dict[str, str]]  # URI, hashes
_BOM_LINK = "urn:cdx:"


def read(document: Mapping[str, Any]) -> Contents:
    """What a CycloneDX document of any version says."""
    reader = _Reader()
    metadata = reader.mapping(document.get("metadata"), "/metadata")
    if metadata.get("component") is not None:
        described = reader.mapping(metadata["component"], "/metadata/component")
        reader.describe(described)
    reader.components(document.get("components"), "/components")
    return Contents(
        subject=reader.subject,
        packages=tuple(reader.packages),
        edges=reader.edges(document.get("dependencies")),
        contains={ref: tuple(targets) for ref, targets in reader.contains.items()},
        files=tuple(reader.files),
        others=reader.others,
        created=parse_time(metadata.get("timestamp")),
        tools=tuple(reader.tools(metadata.get("tools"))),
        findings=tuple(reader.findings),
        parts=reader.parts(),
        license_texts=reader.texts,
        release=reader.release,
    )


class _Reader:
    """Walks a document and keeps what it finds."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.subject: Subject | None = None
        self.packages: list[Package] = []
        self.files: list[ListedFile] = []
        self.contains: dict[str, list[str]] = {}
        self.others: dict[str, OtherDocument] = {}
        self.texts: dict[str, str] = {}
        self.release: Package | None = None
        self._nested: dict[str, list[str]] = {}
        self._history: dict[str, str] = {}

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

    def text(self, item: Mapping[str, Any], key: str, at: str) -> str:
        value = item.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self.odd(f"{at}/{key}", "expected a string; passed over")
        return ""

    def pairs(self, item: Mapping[str, Any], at: str) -> Pairs:
        """Properties; those without value in XML have an empty one."""
        listed = item.get("properties")
        if listed is None:
            return []
        found = []
        for prop in self.sequence(listed, f"{at}/properties"):
            if isinstance(prop, dict):
                name, value = prop.get("name"), prop.get("value", "")
                if isinstance(name, str) and isinstance(value, str):
                    found.append((name, value))
        return found

    def describe(self, item: Mapping[str, Any]) -> None:
        """Read the subject."""
        at, begun = "/metadata/component", len(self.findings)
        kind, version = self.text(item, "type", at), self.text(item, "version", at)
        pairs = self.pairs(item, at)
        stated = dict(pairs)
        digest: Digest | None = None
        hashes = self.hashes(item.get("hashes"), f"{at}/hashes")
        # A hash of a container component is its manifest's digest; that of a file is its own.
        if kind == "container":
            for algorithm in ("sha256", "sha512", "sha384"):
                digest = digest or digest_or_none(f"{algorithm}:{hashes.get(algorithm, '')}")
        fields: dict[str, Any] = {
            "name": self.text(item, "name", at),
            "version": version,
            "purl": self.text(item, "purl", at) or stated.get(f"{PREFIX}purl", ""),
            "digest": digest or digest_or_none(version),
            "type": stated.get(f"{PREFIX}type", kind) if kind == "container" else kind,
        }
        fields |= restore_subject(pairs)
        if digest:
            fields["digest"] = digest
        self.subject = Subject(**fields)
        layers = self.subject.layers
        self._history = {str(x.digest): x.created_by for x in layers if x.created_by}
        about = self.package(item, pairs, at)
        self.findings[begun:] = dict.fromkeys(self.findings[begun:])  # what both read is odd once
        self.subject = dataclasses.replace(self.subject, id=about.id, about=about)
        if isinstance(item.get("components"), list):
            self.components(item["components"], f"{at}/components", about.id)

    def parts(self) -> dict[str, tuple[str, ...]]:
        """Who contains whom: as it is stated, and as components lie in each other."""
        found = {ref: list(targets) for ref, targets in self._nested.items()}
        for ref, targets in self.contains.items():
            found.setdefault(ref, []).extend(targets)
        return {ref: tuple(dict.fromkeys(targets)) for ref, targets in found.items()}

    def components(self, value: Any, pointer: str, inside: str = "") -> None:
        """Every component, nested ones after the one they are in."""
        waiting = [(value, pointer, inside)]
        while waiting:
            listed, where, parent = waiting.pop()
            for number, item in enumerate(self.sequence(listed, where)):
                at = f"{where}/{number}"
                if not isinstance(item, dict):
                    self.odd(at, "expected a component; passed over")
                    continue
                self.component(item, at)
                ref = item.get("bom-ref")
                name = ref if isinstance(ref, str) else ""
                if parent and name:
                    self._nested.setdefault(parent, []).append(name)
                if item.get("components"):
                    waiting.append((item["components"], f"{at}/components", name))

    def component(self, item: Mapping[str, Any], at: str) -> None:
        kind = item.get("type")
        pairs = self.pairs(item, at)
        # A package may be of these types too; ours then say so.
        if kind in ("file", "operating-system") and not any(
            name == f"{PREFIX}kind" for name, _ in pairs
        ):
            if kind == "file" and is_only_file(item):
                self.files.append(self.file(item, pairs, at))
                return
            if kind != "file" and not item.get("purl") and self.distribution(item, pairs, at):
                return
        self.packages.append(self.package(item, pairs, at))

    def distribution(self, item: Mapping[str, Any], pairs: Pairs, at: str) -> bool:
        """Read the first operating system as the subject's; False where nothing can have it."""
        if self.subject is None or self.subject.distribution is not None:
            return False
        fields: dict[str, Any] = {
            "id": self.text(item, "name", at),
            "version_id": self.text(item, "version", at),
            "pretty_name": self.text(item, "description", at),
        }
        self.release = self.package(item, pairs, at)
        release = OsRelease(**(fields | agreed(fields, restore_distribution(pairs), {})))
        self.subject = dataclasses.replace(self.subject, distribution=release)
        return True

    def file(self, item: Mapping[str, Any], pairs: Pairs, at: str) -> ListedFile:
        stated = dict(pairs)
        size = stated.get(f"{PREFIX}size", "")
        name = self.text(item, "name", at).lstrip("/")
        path = stated.get(f"{PREFIX}path", name)
        return ListedFile(
            path=path if path.lstrip("/") == name else name,
            size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else -1,
            hashes=self.all_hashes(item, pairs, at),
            layer=digest_or_none(stated.get(f"{PREFIX}layer")),
            owner=stated.get(f"{PREFIX}owner", ""),
            id=self.text(item, "bom-ref", at),
        )

    def package(self, item: Mapping[str, Any], pairs: Pairs, at: str) -> Package:
        ref = self.text(item, "bom-ref", at)
        fields: dict[str, Any] = {
            "name": self.text(item, "name", at),
            "version": self.text(item, "version", at),
            "purl": self.text(item, "purl", at),
            "supplier": self.supplier(item, at),
            "author": self.author(item, at),
            "description": self.text(item, "description", at),
            "hashes": self.all_hashes(item, pairs, at),
            "kind": self.text(item, "type", at).removeprefix("library"),
            "id": ref,
            "copyright": self.text(item, "copyright", at),
            **self.licenses(item.get("licenses"), f"{at}/licenses"),
            **self.references(item, at, pairs),
        }
        exact = tuple(v for n, v in pairs if n == f"{PREFIX}license")
        if exact and [x.get("expression") for x in cyclonedx_licenses(exact)[0]] == [
            *fields["licenses"]
        ]:
            fields["licenses"] = exact
        for name, value in pairs:
            if name == f"{PREFIX}purl" and not fields["purl"]:
                fields["purl"] = value
            elif name == f"{PREFIX}purl":
                fields["more_purls"] = (*fields.get("more_purls", ()), value)
            elif name == _CONTAINS and ref:
                self.contains.setdefault(ref, []).append(value)
        fields["type"] = purl_type(fields["purl"])
        paths = self.occurrences(item, at)
        own = {k: v for k, v in fields.items() if k != "type"}
        fields |= agreed(own, restore(pairs, paths=paths, history=self._history), {})
        if not fields.get("locations"):
            fields["locations"] = syft_locations(pairs)
        if cpe := self.text(item, "cpe", at):
            fields["cpes"] = (cpe, *fields.get("cpes", ()))
        return Package(**fields)

    def supplier(self, item: Mapping[str, Any], at: str) -> str:
        stated = item.get("supplier")
        if isinstance(stated, dict):
            return self.text(stated, "name", f"{at}/supplier")
        return self.text(item, "publisher", at)

    def author(self, item: Mapping[str, Any], at: str) -> str:
        """One text until 1.5, people since 1.6."""
        if item.get("authors") is None:
            return self.text(item, "author", at)
        people = []
        for person in self.sequence(item["authors"], f"{at}/authors"):
            if isinstance(person, dict):
                name = self.text(person, "name", f"{at}/authors")
                email = self.text(person, "email", f"{at}/authors")
                people.append(f"{name} <{email}>".strip() if email else name)
        return ", ".join(people)

    def references(self, item: Mapping[str, Any], at: str, pairs: Pairs) -> dict[str, Any]:
        """Keep the document that describes the component; return its web site and the rest."""
        ref, found = item.get("bom-ref"), {"homepage": "", "download": ""}
        more: list[Reference] = []
        listed = self.sequence(item.get("externalReferences"), f"{at}/externalReferences")
        for number, value in enumerate(listed):
            where = f"{at}/externalReferences/{number}"
            reference = self.mapping(value, where)
            kind, url = reference.get("type"), reference.get("url")
            if not isinstance(url, str):
                continue
            field = {"website": "homepage", "distribution": "download"}.get(str(kind), "")
            if field and not found[field]:
                found[field] = url
            elif kind == "bom" and isinstance(ref, str) and ref not in self.others:
                hashes = self.hashes(reference.get("hashes"), f"{where}/hashes")
                self.others[ref] = OtherDocument(_serial(url), hashes)
            elif isinstance(kind, str):
                more.append(reference_of(kind, url, reference.get("comment")))
        for name, stated in pairs:
            if name == _OTHER and isinstance(ref, str):
                try:
                    raw = stated.encode("utf-8", "replace")
                    self.others[ref] = OtherDocument(*msgspec.json.decode(raw, type=_OTHER_TYPE))
                except msgspec.DecodeError:
                    self.odd(f"{at}/properties", f"{_OTHER} cannot be read back")
        return {**found, "references": tuple(more)}

    def all_hashes(self, item: Mapping[str, Any], pairs: Pairs, at: str) -> dict[str, str]:
        found = self.hashes(item.get("hashes"), f"{at}/hashes")
        for name, value in pairs:
            if name.startswith(_HASH):
                found.setdefault(name.removeprefix(_HASH), value)
        return found

    def hashes(self, value: Any, pointer: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in self.sequence(value, pointer):
            if isinstance(item, dict) and isinstance(item.get("content"), str):
                algorithm = str(item.get("alg") or "").lower().replace("-", "")
                found[algorithm] = item["content"]
            else:
                self.odd(pointer, "expected hashes; one was passed over")
        return found

    def licenses(self, value: Any, pointer: str) -> dict[str, Any]:
        """The licences, those concluded apart."""
        found: dict[str, list[str]] = {}
        for number, item in enumerate(self.sequence(value, pointer)):
            stated = item.get("license") if isinstance(item, dict) else None
            if isinstance(stated, dict):
                text = stated.get("id", stated.get("name"))
                self._keep_text(stated)
            else:
                stated = item if isinstance(item, dict) else {}
                text = stated.get("expression")
            if isinstance(text, str):
                found.setdefault(str(stated.get("acknowledgement")), []).append(text)
            else:
                self.odd(f"{pointer}/{number}", "expected a licence; passed over")
        concluded = tuple(found.pop("concluded", ()))
        declared = tuple(text for texts in found.values() for text in texts)
        return {
            "licenses": declared or concluded,
            "concluded": concluded,
            "is_declared": bool(declared) or not concluded,
        }

    def _keep_text(self, stated: Mapping[str, Any]) -> None:
        name, text = stated.get("name"), stated.get("text")
        if isinstance(name, str) and isinstance(text, dict) and not text.get("encoding"):
            content = text.get("content")
            if isinstance(content, str) and content:
                self.texts.setdefault(name, content)

    def occurrences(self, item: Mapping[str, Any], at: str) -> list[str]:
        evidence = item.get("evidence")
        if evidence is None:
            return []
        listed = self.mapping(evidence, f"{at}/evidence").get("occurrences")
        return [
            place["location"].lstrip("/")
            for place in self.sequence(listed, f"{at}/evidence/occurrences")
            if isinstance(place, dict) and isinstance(place.get("location"), str)
        ]

    def edges(self, value: Any) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for number, item in enumerate(self.sequence(value, "/dependencies")):
            ref = item.get("ref") if isinstance(item, dict) else None
            if not isinstance(ref, str):
                self.odd(f"/dependencies/{number}", "expected a dependency; passed over")
                continue
            targets = item.get("dependsOn")
            listed = self.sequence(targets, f"/dependencies/{number}/dependsOn")
            found.setdefault(ref, []).extend(t for t in listed if isinstance(t, str))
        return {ref: tuple(targets) for ref, targets in found.items()}

    def tools(self, value: Any) -> Iterable[str]:
        """Tools in the form of 1.5 and later, or the older list."""
        listed = value.get("components") if isinstance(value, dict) else value
        for item in self.sequence(listed, "/metadata/tools"):
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                yield f"{item['name']} {item.get('version') or ''}".strip()


def _serial(link: str) -> str:
    """The serial number of a BOM-Link to a first version; any other URL as it is."""
    serial, slash, version = link.removeprefix(_BOM_LINK).partition("/")
    if link.startswith(_BOM_LINK) and slash and version == "1" and UUID.fullmatch(serial):
        return f"urn:uuid:{serial}"
    return link
