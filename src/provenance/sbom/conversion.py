"""Conversion between formats, and an honest list of what did not come along."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Report, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.sbom.formats import Format

__all__ = ["losses"]

# What the typed view holds, and so comes along. Everything else in a document is a loss.
_CARRIED = {
    "cyclonedx": {
        "": {
            *("$schema", "bomFormat", "specVersion", "serialNumber", "version"),
            *("metadata", "components", "dependencies"),
        },
        "metadata": {"timestamp", "component", "tools"},
        "component": {"type", "bom-ref", "name", "version", "purl", "hashes"},
        "components": {
            *("type", "bom-ref", "name", "version", "description", "hashes", "licenses", "purl"),
            *("supplier", "publisher", "evidence", "properties", "components"),
        },
    },
    "spdx": {
        "": {
            *("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace"),
            *("creationInfo", "packages", "relationships", "documentDescribes"),
            "hasExtractedLicensingInfos",
        },
        "packages": {
            *("SPDXID", "name", "versionInfo", "downloadLocation", "filesAnalyzed"),
            *("licenseConcluded", "licenseDeclared", "copyrightText", "supplier", "description"),
            *("checksums", "externalRefs", "primaryPackagePurpose", "sourceInfo", "annotations"),
        },
    },
}
_NOTHING: tuple[Any, ...] = ("", None, [], {}, "NOASSERTION", "NONE")


def losses(document: Mapping[str, Any], source: Format, target: Format) -> Report:
    """What of a document is not in its conversion: which field, and how often."""
    counts = Counter(_lost(document, source.family))
    return Report(
        tuple(
            Finding(
                "not-carried",
                Severity.WARNING,
                f"{count} of {pointer} did not come along to {target.value}",
                pointer,
            )
            for pointer, count in sorted(counts.items())
        )
    )


def _lost(document: Mapping[str, Any], family: str) -> Iterator[str]:
    known = _CARRIED[family]
    yield from _unknown(document, known[""], "")
    if family == "cyclonedx":
        metadata = document.get("metadata")
        if isinstance(metadata, dict):
            yield from _unknown(metadata, known["metadata"], "/metadata")
            if isinstance(metadata.get("component"), dict):
                component = metadata["component"]
                yield from _unknown(component, known["component"], "/metadata/component")
        waiting = [document.get("components")]
        while waiting:
            for item in _objects(waiting.pop()):
                yield from _unknown(item, known["components"], "/components/*")
                yield from _partly_cyclonedx(item)
                waiting.append(item.get("components"))
        return
    for item in _objects(document.get("packages")):
        yield from _unknown(item, known["packages"], "/packages/*")
        yield from _partly_spdx(item)
    for relation in _objects(document.get("relationships")):
        kind = relation.get("relationshipType")
        if kind not in ("DESCRIBES", "CONTAINS", "DEPENDS_ON", "DEPENDENCY_OF"):
            yield f"/relationships ({str(kind)[:40]})"


def _partly_cyclonedx(item: Mapping[str, Any]) -> Iterator[str]:
    for prop in _objects(item.get("properties")):
        if not str(prop.get("name")).startswith("provenance:"):
            yield "/components/*/properties"
    evidence = item.get("evidence")
    if isinstance(evidence, dict):
        yield from _unknown(evidence, {"occurrences"}, "/components/*/evidence")
    if isinstance(item.get("supplier"), dict):
        yield from _unknown(item["supplier"], {"name"}, "/components/*/supplier")
        if item.get("publisher"):
            yield "/components/*/publisher"
    if item.get("type") != "library":
        yield "/components/*/type"
    for choice in _objects(item.get("licenses")):
        stated = choice.get("license")
        if isinstance(stated, dict):
            yield from _unknown(stated, {"id", "name"}, "/components/*/licenses/*/license")


def _partly_spdx(item: Mapping[str, Any]) -> Iterator[str]:
    purls = 0
    for ref in _objects(item.get("externalRefs")):
        purls += ref.get("referenceType") == "purl"
        if ref.get("referenceType") != "purl" or purls > 1:
            yield "/packages/*/externalRefs"
    for annotation in _objects(item.get("annotations")):
        if not str(annotation.get("comment")).startswith("provenance "):
            yield "/packages/*/annotations"
    for key in ("downloadLocation", "copyrightText"):
        if item.get(key) not in _NOTHING:
            yield f"/packages/*/{key}"
    declared, concluded = item.get("licenseDeclared"), item.get("licenseConcluded")
    if concluded not in _NOTHING and declared not in _NOTHING and concluded != declared:
        yield "/packages/*/licenseConcluded"
    source = item.get("sourceInfo")
    if source not in _NOTHING and not str(source).startswith("found at: "):
        yield "/packages/*/sourceInfo"


def _unknown(item: Mapping[str, Any], known: set[str], pointer: str) -> Iterator[str]:
    for key, value in item.items():
        if key not in known and value not in _NOTHING:
            yield f"{pointer}/{key[:100]}"


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
