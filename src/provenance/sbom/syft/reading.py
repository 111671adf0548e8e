"""`Contents` out of syft's JSON. Source: syft's JSON schema, 1.0 to 16.

Everything understandable is read; every fault is a finding, none ends the reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.packages.os_release import OsRelease
from provenance.packages.package import ListedFile, Location, Package
from provenance.sbom.collection import paused_collection
from provenance.sbom.identifiers import purl_type
from provenance.sbom.model import Contents, Subject, SubjectLayer, digest_or_none
from provenance.sbom.syft.metadata import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read"]

_KINDS = {"image": "container", "directory": "application", "file": "file"}
# `parent TYPE child`, as syft has it. The first says that the child depends on the parent.
_DEPENDENCY, _OWNERSHIP = "dependency-of", ("contains", "ownership-by-file-overlap")
_MAX_FINDINGS = 1000


def read(document: Mapping[str, Any]) -> Contents:
    """What a syft document says."""
    with paused_collection():
        return _Reader(document).contents()


class _Reader:
    """Walks a document and keeps what it finds."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._findings: list[Finding] = []

    def contents(self) -> Contents:
        """Everything that the view holds."""
        artifacts = self._objects(self._document, "artifacts", "")
        packages = tuple(self._package(item, at) for at, item in artifacts)
        edges, contains = self._relations({p.id for p in packages})
        purls = {p.id: p.purl for p in packages if p.purl}
        owners: dict[str, str] = {}
        for parent, children in contains.items():
            for child in children:
                if parent in purls:
                    owners.setdefault(child, purls[parent])
        files = tuple(
            self._file(item, at, owners) for at, item in self._objects(self._document, "files", "")
        )
        inside = {
            parent: within
            for parent, children in contains.items()
            if (within := tuple(c for c in children if c in purls)) and parent in purls
        }
        return Contents(
            subject=self._subject(),
            packages=packages,
            edges={parent: tuple(children) for parent, children in edges.items()},
            contains=inside,
            files=files,
            tools=self._tools(),
            findings=tuple(self._findings),
        )

    def _odd(self, pointer: str, message: str) -> None:
        if len(self._findings) < _MAX_FINDINGS:
            self._findings.append(Finding("odd-value", Severity.WARNING, message, pointer))

    def _objects(
        self, parent: Mapping[str, Any], key: str, at: str
    ) -> list[tuple[str, Mapping[str, Any]]]:
        """The objects of an array, each with its pointer."""
        value = parent.get(key)
        found: list[tuple[str, Mapping[str, Any]]] = []
        if value is not None and not isinstance(value, list):
            self._odd(f"{at}/{key}", "expected an array; passed over")
        elif value is not None:
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    found.append((f"{at}/{key}/{number}", item))
                else:
                    self._odd(f"{at}/{key}/{number}", "expected an object; passed over")
        return found

    def _object(self, parent: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
        value = parent.get(key)
        if isinstance(value, dict):
            return value
        if value is not None:
            self._odd(f"{at}/{key}", "expected an object; passed over")
        return {}

    def _text(self, item: Mapping[str, Any], key: str, at: str) -> str:
        value = item.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self._odd(f"{at}/{key}", "expected a string; passed over")
        return ""

    def _package(self, item: Mapping[str, Any], at: str) -> Package:
        purl = self._text(item, "purl", at)
        declared, concluded, stated = self._licenses(item, at)
        licenses = declared or concluded
        fields: dict[str, Any] = {
            "name": self._text(item, "name", at),
            "version": self._text(item, "version", at),
            "type": purl_type(purl) or self._text(item, "type", at),
            "purl": purl,
            "licenses": licenses,
            "concluded": concluded,
            "is_declared": bool(declared) or not concluded,
            "stated_licenses": stated if stated != licenses else (),
            "cpes": self._cpes(item, at),
            "locations": tuple(
                Location(
                    self._text(place, "path", where).lstrip("/"),
                    digest_or_none(place.get("layerID")),
                )
                for where, place in self._objects(item, "locations", at)
            ),
            "cataloger": self._text(item, "foundBy", at),
            "id": self._text(item, "id", at),
        }
        return Package(**fields, **fields_of(self._object(item, "metadata", at)))

    def _licenses(
        self, item: Mapping[str, Any], at: str
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Expressions declared, those concluded, and the former in the source's own words."""
        found: dict[bool, list[str]] = {False: [], True: []}
        words: dict[bool, list[str]] = {False: [], True: []}
        value = item.get("licenses")
        if value is not None and not isinstance(value, list):
            self._odd(f"{at}/licenses", "expected an array; passed over")
            value = None
        for number, stated in enumerate(value or ()):
            said, is_concluded = stated, False
            if isinstance(stated, dict):  # since 8.0; before, a text
                keys = ("value", "fullText", "spdxExpression")
                said = next((x for key in keys if (x := stated.get(key))), None)
                expression = stated.get("spdxExpression") or said
                is_concluded = stated.get("type") == "concluded"
            else:
                expression = stated
            if isinstance(said, str) and isinstance(expression, str):
                found[is_concluded].append(expression)
                words[is_concluded].append(said)
            elif stated is not None:
                self._odd(f"{at}/licenses/{number}", "expected a licence; passed over")
        in_words = words[False] or words[True]
        return tuple(found[False]), tuple(found[True]), tuple(in_words)

    def _cpes(self, item: Mapping[str, Any], at: str) -> tuple[str, ...]:
        value = item.get("cpes")
        if value is not None and not isinstance(value, list):
            self._odd(f"{at}/cpes", "expected an array; passed over")
            return ()
        # Objects since 11.1; before, texts.
        names = (x.get("cpe") if isinstance(x, dict) else x for x in value or ())
        return tuple(name for name in names if isinstance(name, str))

    def _relations(self, packages: set[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Who depends on whom, and what lies inside of what."""
        edges: dict[str, list[str]] = {}
        contains: dict[str, list[str]] = {}
        for at, item in self._objects(self._document, "artifactRelationships", ""):
            parent, child = item.get("parent"), item.get("child")
            if not isinstance(parent, str) or not isinstance(child, str):
                self._odd(at, "expected a parent and a child; passed over")
                continue
            kind = item.get("type")
            if kind == _DEPENDENCY:
                if parent in packages and child in packages:
                    edges.setdefault(child, []).append(parent)
                else:
                    self._dangling(at, parent if child in packages else child)
            elif kind in _OWNERSHIP and parent in packages:
                contains.setdefault(parent, []).append(child)
        return edges, contains

    def _dangling(self, at: str, name: str) -> None:
        if len(self._findings) < _MAX_FINDINGS:
            message = f"{name[:100]!r} is nothing that the document lists; passed over"
            found = Finding("dangling-reference", Severity.WARNING, message, at)
            self._findings.append(found)

    def _file(self, item: Mapping[str, Any], at: str, owners: Mapping[str, str]) -> ListedFile:
        place = self._object(item, "location", at)
        size = self._object(item, "metadata", at).get("size")
        hashes = {}
        for _, digest in self._objects(item, "digests", at):
            algorithm, value = digest.get("algorithm"), digest.get("value")
            if isinstance(algorithm, str) and isinstance(value, str):
                hashes[algorithm.lower().replace("-", "")] = value
        identifier = self._text(item, "id", at)
        return ListedFile(
            path=self._text(place, "path", f"{at}/location").lstrip("/"),
            size=size if isinstance(size, int) and not isinstance(size, bool) else -1,
            hashes=hashes,
            layer=digest_or_none(place.get("layerID")),
            owner=owners.get(identifier, ""),
            id=identifier,
        )

    def _subject(self) -> Subject | None:
        source = self._object(self._document, "source", "")
        if not source:
            return None
        target = source.get("metadata", source.get("target"))  # the latter before 7.0
        about = target if isinstance(target, dict) else {}
        at = "/source/metadata"
        name = self._text(source, "name", "/source") or self._text(about, "userInput", at)
        name = name or self._text(about, "path", at) or (target if isinstance(target, str) else "")
        kind, version = (
            self._text(source, "type", "/source"),
            self._text(source, "version", "/source"),
        )
        labels = about.get("labels")
        platform = "/".join(
            part
            for key in ("os", "architecture", "variant")
            if isinstance(part := about.get(key), str) and part
        )
        return Subject(
            name=name,
            version=version,
            digest=digest_or_none(about.get("manifestDigest")) or digest_or_none(version),
            type=_KINDS.get(kind, kind),
            platform=platform if "/" in platform else "",
            labels={
                key: value
                for key, value in (labels if isinstance(labels, dict) else {}).items()
                if isinstance(value, str)
            },
            distribution=self._distribution(),
            layers=tuple(self._layers(about)),
        )

    def _layers(self, about: Mapping[str, Any]) -> list[SubjectLayer]:
        """Layers by what they decompress to, as syft names them, in locations too."""
        found = []
        for at, item in self._objects(about, "layers", "/source/metadata"):
            digest, size = digest_or_none(item.get("digest")), item.get("size")
            if digest is None:
                self._odd(f"{at}/digest", "expected a digest; passed over")
                continue
            known = size if isinstance(size, int) and not isinstance(size, bool) else -1
            media_type = self._text(item, "mediaType", at)
            found.append(SubjectLayer(digest, known, media_type, diff_id=digest))
        return found

    def _distribution(self) -> OsRelease | None:
        distro = self._object(self._document, "distro", "")
        identifier = self._text(distro, "id", "/distro") or self._text(distro, "name", "/distro")
        if not identifier:
            return None
        version = self._text(distro, "versionID", "/distro")
        return OsRelease(
            id=identifier,
            version_id=version or self._text(distro, "version", "/distro"),
            pretty_name=self._text(distro, "prettyName", "/distro"),
        )

    def _tools(self) -> tuple[str, ...]:
        made_by = self._object(self._document, "descriptor", "")
        name = self._text(made_by, "name", "/descriptor")
        version = self._text(made_by, "version", "/descriptor")
        return (f"{name} {version}".strip(),) if name else ()
