"""Documents out of contents. Source: CycloneDX 1.0 to 1.7, JSON and XML schemas."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from provenance import __version__
from provenance.sbom.carried import PREFIX
from provenance.sbom.collection import paused_collection
from provenance.sbom.cyclonedx.components import Components
from provenance.sbom.cyclonedx.older import make_older, without_refs
from provenance.sbom.cyclonedx.versions import Version
from provenance.sbom.identifiers import sort_files, sort_packages, unique, unique_refs
from provenance.sbom.model import NAMESPACE, Contents, Subject, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from provenance.packages.package import Package
    from provenance.sbom.model import OtherDocument

__all__ = ["as_document", "timestamp", "write", "write_xml"]

_NO_SERIAL = b'"serialNumber":""'


def write(contents: Contents, version: str = "1.6") -> bytes:
    """A document in JSON. The same contents give the same bytes."""
    with paused_collection():
        return msgspec.json.format(_in_one_line(contents, Version(version)), indent=1)


def _in_one_line(contents: Contents, version: Version) -> bytes:
    document, raw = _document(contents, version)
    # The first key of that name: those before it hold nothing of the contents.
    serial = f'"serialNumber":"{document["serialNumber"]}"'.encode()
    del document  # which is several times as large, with files
    return raw.replace(_NO_SERIAL, serial, 1)


def write_xml(contents: Contents, version: str = "1.6") -> bytes:
    """A document in XML. The same contents give the same bytes."""
    from provenance.sbom.cyclonedx.xml import encode_xml

    with paused_collection():
        return encode_xml(*without_refs(*_document(contents, Version(version, xml=True))))


def as_document(contents: Contents, version: str = "1.6") -> dict[str, Any]:
    """A document, as its JSON decodes."""
    return _document(contents, Version(version))[0]


def _document(contents: Contents, version: Version) -> tuple[dict[str, Any], bytes]:
    """The document, and its JSON without a serial number, which is made of that."""
    named = contents.is_named
    packages = contents.packages if named else sort_packages(contents.packages)
    refs = [p.id for p in packages] if named else unique_refs(packages)
    taken = set(refs)
    known = _Known(packages, refs, contents)
    make = Components(version, contents.subject, contents.license_texts)
    others, about_subject = known.others(contents)
    metadata: dict[str, Any] = {}
    if contents.created is not None:
        metadata["timestamp"] = timestamp(contents.created)
    metadata["tools"] = _tools(contents.tools, version)
    root, components = "", []
    if (subject := contents.subject) is not None:
        root = subject.id if named else unique([_names(subject)[0]], taken)[0]
        metadata["component"] = make.subject(subject, root, about_subject)
        if (release := subject.distribution) is not None:
            (ref,) = unique([f"os:{release.id}@{release.version_id}"], taken)
            components.append(make.distribution(release, ref))
    inside = known.edges(contents.parts if named else contents.contains)
    components += [
        make.package(package, ref, contains=sorted(inside.get(ref, ())), other=others.get(ref))
        for package, ref in zip(packages, refs, strict=True)
    ]
    if named and contents.subject is not None and inside.get(root):
        _add_parts(metadata["component"], inside[root])
    files = contents.files if named else sort_files(contents.files)
    file_refs = [f.id for f in files] if named else unique((f"file:{f.path}" for f in files), taken)
    components += [make.file(file, ref) for file, ref in zip(files, file_refs, strict=True)]
    document: dict[str, Any] = {
        "$schema": version.schema,
        "bomFormat": "CycloneDX",
        "specVersion": version.number,
        "serialNumber": "",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": _stated(known.edges(contents.edges))
        if named
        else _dependencies(known.edges(contents.edges), refs, root),
    }
    make_older(document, version)
    try:
        raw = msgspec.json.encode(document)
    except UnicodeEncodeError:  # half characters
        document = _cleaned(document)
        raw = msgspec.json.encode(document)
    if "serialNumber" in document:
        name = hashlib.sha256(raw).hexdigest()
        document["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, name)}"
    return document, raw


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return clean(value) if isinstance(value, str) else value


class _Known:
    """Every name that an edge may use for a package, to its `bom-ref`."""

    def __init__(
        self, packages: Iterable[Package], refs: Iterable[str], contents: Contents
    ) -> None:
        self._refs: dict[str, str] = {}
        if contents.is_named:
            self._refs |= {file.id: file.id for file in contents.files}
            if contents.subject is not None:
                self._refs[contents.subject.id] = contents.subject.id
        for package, ref in zip(packages, refs, strict=True):
            for name in (package.id, package.purl, ref):
                if name:
                    self._refs.setdefault(name, ref)

    def edges(self, stated: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
        """Edges between packages that are there."""
        found: dict[str, set[str]] = {}
        refs = self._refs
        for source, targets in stated.items():
            if (ref := refs.get(source)) is not None:
                found.setdefault(ref, set()).update(refs[t] for t in targets if t in refs)
                found[ref].discard(ref)
        return found

    def others(self, contents: Contents) -> tuple[dict[str, OtherDocument], OtherDocument | None]:
        """Documents about packages by `bom-ref`, and the one about the subject."""
        found: dict[str, OtherDocument] = {}
        subject = None
        for name, other in contents.others.items():
            if name in self._refs:
                found.setdefault(self._refs[name], other)
            elif contents.subject is not None and name in _names(contents.subject):
                subject = other
        return found, subject


def _add_parts(item: dict[str, Any], parts: Iterable[str]) -> None:
    """What the subject contains."""
    said = [{"name": f"{PREFIX}contains", "value": target} for target in sorted(parts)]
    item["properties"] = [*item.get("properties", ()), *said]


def _stated(edges: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Dependencies as they were stated; nothing is concluded from their absence."""
    return [
        {"ref": ref, "dependsOn": sorted(targets)} if targets else {"ref": ref}
        for ref, targets in edges.items()
    ]


def _names(subject: Subject) -> tuple[str, ...]:
    return (subject.purl or f"{subject.name}@{subject.version}",)


def _dependencies(
    edges: Mapping[str, set[str]], refs: list[str], root: str
) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    if root:
        needed = {target for targets in edges.values() for target in targets}
        out.append({"ref": root, "dependsOn": [ref for ref in refs if ref not in needed]})
    for ref in refs:
        targets = edges.get(ref)
        out.append({"ref": ref, "dependsOn": sorted(targets)} if targets else {"ref": ref})
    return out


def _tools(earlier: Iterable[str], version: Version) -> Any:
    """Those that made what was converted, and this one; until 1.4 a list, since 1.5 components."""
    ours = f"provenance {__version__}"
    listed = []
    for tool in dict.fromkeys([*(t for t in earlier if t != ours), ours]):
        name, _, release = clean(tool).rpartition(" ")
        entry = {"name": name, "version": release} if name else {"name": release}
        listed.append({"type": "application", **entry} if version.has_occurrences else entry)
    return {"components": listed} if version.has_occurrences else listed


def timestamp(moment: dt.datetime) -> str:
    """As CycloneDX writes times."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
