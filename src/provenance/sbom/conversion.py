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
        "component": {
            *("type", "bom-ref", "name", "version", "purl", "hashes"),
            *("properties", "externalReferences"),
        },
        "components": {
            *("type", "bom-ref", "name", "version", "description", "hashes", "licenses", "purl"),
            *("supplier", "publisher", "author", "authors", "cpe", "externalReferences"),
            *("evidence", "properties", "components"),
        },
    },
    "spdx": {
        "": {
            *("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace"),
            *("creationInfo", "packages", "relationships", "documentDescribes"),
            *("hasExtractedLicensingInfos", "files", "externalDocumentRefs"),
        },
        "packages": {
            *("SPDXID", "name", "versionInfo", "downloadLocation", "filesAnalyzed"),
            *("licenseConcluded", "licenseDeclared", "copyrightText", "supplier", "description"),
            *("checksums", "externalRefs", "primaryPackagePurpose", "sourceInfo", "annotations"),
            *("originator", "homepage", "packageVerificationCode", "hasFiles"),
        },
    },
}
_RELATIONS = (
    *("DESCRIBES", "DESCRIBED_BY", "CONTAINS", "CONTAINED_BY", "DEPENDS_ON", "DEPENDENCY_OF"),
)
_RELATIONS_3 = (
    *("describes", "contains", "dependsOn", "hasDeclaredLicense", "hasConcludedLicense"),
    "hasMetadata",
)
_ELEMENT = {"type", "spdxId", "@id", "creationInfo", "name", "comment"}
_ARTIFACT = {"verifiedUsing", "externalIdentifier", "description", "software_primaryPurpose"}
_COLLECTION = {"element", "rootElement", "profileConformance"}
_ELEMENTS: dict[str, set[str]] = {
    "CreationInfo": {"created", "createdBy", "createdUsing", "specVersion"},
    "SpdxDocument": _COLLECTION | {"dataLicense", "import", "namespaceMap"},
    "software_Sbom": _COLLECTION | {"software_sbomType"},
    "software_File": _ARTIFACT | {"software_fileKind"},
    "software_Package": {
        *_ARTIFACT,
        *("suppliedBy", "originatedBy", "software_homePage", "software_packageVersion"),
        *("software_packageUrl", "software_sourceInfo"),
    },
    "simplelicensing_LicenseExpression": {
        *("simplelicensing_licenseExpression", "simplelicensing_customIdToUri"),
    },
    "simplelicensing_SimpleLicensingText": {"simplelicensing_licenseText"},
    **{
        kind: {"externalIdentifier"}
        for kind in ("Agent", "Person", "Organization", "SoftwareAgent", "Tool")
    },
}
"""Of SPDX 3, what the view holds: properties of each kind of element."""
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
    if "@graph" in document:
        yield from _lost_elements(document)
        return
    known = _CARRIED[family]
    yield from _unknown(document, known[""], "")
    if family == "cyclonedx":
        metadata = document.get("metadata")
        if isinstance(metadata, dict):
            yield from _unknown(metadata, known["metadata"], "/metadata")
            if isinstance(metadata.get("component"), dict):
                component = metadata["component"]
                yield from _unknown(component, known["component"], "/metadata/component")
                yield from _properties(component, "/metadata/component")
                yield from _references(component, "/metadata/component", {"bom"})
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
        if kind not in _RELATIONS:
            yield f"/relationships ({str(kind)[:40]})"


def _lost_elements(document: Mapping[str, Any]) -> Iterator[str]:
    """SPDX 3: elements of kinds that the view has not, properties, relationships."""
    for item in _objects(document.get("@graph")):
        kind = str(item.get("type"))[:60]
        if kind == "Relationship":
            if item.get("relationshipType") not in _RELATIONS_3:
                yield f"/@graph/Relationship ({str(item.get('relationshipType'))[:40]})"
        elif kind not in _ELEMENTS:
            yield f"/@graph/{kind}"
        else:
            yield from _unknown(item, _ELEMENTS[kind] | _ELEMENT, f"/@graph/{kind}")
            if item.get("comment") and not str(item["comment"]).startswith("provenance "):
                yield f"/@graph/{kind}/comment"


def _partly_cyclonedx(item: Mapping[str, Any]) -> Iterator[str]:
    at = "/components/*"
    yield from _properties(item, at)
    yield from _references(item, at, {"bom", "website"})
    evidence = item.get("evidence")
    if isinstance(evidence, dict):
        names = {prop.get("name") for prop in _objects(item.get("properties"))}
        # An identity of ours says what cataloger and path say.
        derived = {"identity"} if "provenance:cataloger" in names else set()
        yield from _unknown(evidence, {"occurrences"} | derived, f"{at}/evidence")
    if isinstance(item.get("supplier"), dict):
        yield from _unknown(item["supplier"], {"name"}, f"{at}/supplier")
        if item.get("publisher"):
            yield f"{at}/publisher"
    people = _objects(item.get("authors"))
    if people and item.get("author"):
        yield f"{at}/author"
    for person in people:
        yield from _unknown(person, {"name", "email"}, f"{at}/authors/*")
    for choice in _objects(item.get("licenses")):
        stated = choice.get("license")
        if not isinstance(stated, dict):
            yield from _unknown(choice, {"expression", "acknowledgement"}, f"{at}/licenses/*")
            stated = choice
        else:
            known = {"id", "name", "acknowledgement"}
            yield from _unknown(stated, known, f"{at}/licenses/*/license")
        if stated.get("acknowledgement", "declared") != "declared":
            yield f"{at}/licenses/*/acknowledgement"


def _properties(item: Mapping[str, Any], at: str) -> Iterator[str]:
    for prop in _objects(item.get("properties")):
        if not str(prop.get("name")).startswith("provenance:"):
            yield f"{at}/properties"


def _references(item: Mapping[str, Any], at: str, kinds: set[str]) -> Iterator[str]:
    """One reference of each of `kinds` comes along."""
    seen: set[str] = set()
    for reference in _objects(item.get("externalReferences")):
        kind = str(reference.get("type"))
        extra = {"comment", "properties"} | (set() if kind == "bom" else {"hashes"})
        if kind not in kinds or kind in seen or extra & reference.keys():
            yield f"{at}/externalReferences"
        seen.add(kind)


def _partly_spdx(item: Mapping[str, Any]) -> Iterator[str]:
    purls = 0
    for ref in _objects(item.get("externalRefs")):
        purls += ref.get("referenceType") == "purl"
        if ref.get("referenceType") not in ("purl", "cpe23Type") or purls > 1:
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
