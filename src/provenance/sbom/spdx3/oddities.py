"""What SPDX 3.0 has otherwise: times, kinds of relationship, identifiers and references.

Source: the model of SPDX 3.0.1, Core: CreationInfo, Element, Relationship, ExternalMap.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.sbom.model import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["oddities"]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
# Named everywhere and defined nowhere: licences of the list, and individuals of the model.
_ELSEWHERE = ("https://spdx.org/licenses/", "https://spdx.org/rdf/", "http://spdx.org/")
_NOTHING = frozenset(("NoAssertionElement", "NoneElement", "SpdxOrganization"))
_KINDS = frozenset(
    (
        *("affects", "amendedBy", "ancestorOf", "availableFrom", "configures", "contains"),
        *("coordinatedBy", "copiedTo", "delegatedTo", "dependsOn", "descendantOf", "describes"),
        *("doesNotAffect", "expandsTo", "exploitCreatedBy", "fixedBy", "fixedIn", "foundBy"),
        *("generates", "hasAddedFile", "hasAssessmentFor", "hasAssociatedVulnerability"),
        *("hasConcludedLicense", "hasDataFile", "hasDeclaredLicense", "hasDeletedFile"),
        *("hasDependencyManifest", "hasDistributionArtifact", "hasDocumentation"),
        *("hasDynamicLink", "hasEvidence", "hasExample", "hasHost", "hasInput", "hasMetadata"),
        *("hasOptionalComponent", "hasOptionalDependency", "hasOutput", "hasPrerequisite"),
        *("hasProvidedDependency", "hasRequirement", "hasSpecification", "hasStaticLink"),
        *("hasTest", "hasTestCase", "hasVariant", "invokedBy", "modifiedBy", "other"),
        *("packagedBy", "patchedBy", "publishedBy", "reportedBy", "republishedBy"),
        *("serializedInArtifact", "testedOn", "trainedOn", "underInvestigationFor", "usesTool"),
    )
)


def oddities(document: Mapping[str, Any]) -> Iterator[Finding]:
    """What is odd about a document."""
    graph = document.get("@graph")
    nodes = graph if isinstance(graph, list) else [document]
    names: dict[str, int] = {}
    imported: set[str] = set()
    for node in nodes:
        if isinstance(node, dict):
            _gather(node, names, imported)
    for name, count in names.items():
        if count > 1:
            yield _odd("duplicate-id", f"{name[:100]!r} names {count} elements", "/@graph")
    for number, node in enumerate(nodes):
        if isinstance(node, dict):
            at = f"/@graph/{number}" if isinstance(graph, list) else ""
            yield from _element(node, at, names, imported)


def _gather(root: Mapping[str, Any], names: dict[str, int], imported: set[str]) -> None:
    """The identifiers that an element, and those within it, have or say that others have."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        name = node.get("spdxId", node.get("@id"))
        if isinstance(name, str):
            names[name] = names.get(name, 0) + 1
        for key, value in node.items():
            listed = value if isinstance(value, list) else [value]
            inner = [x for x in listed if isinstance(x, dict)]
            if key == "import":
                imported.update(x for i in inner if isinstance(x := i.get("externalSpdxId"), str))
            else:
                waiting += inner


def _element(
    node: Mapping[str, Any], at: str, names: Mapping[str, int], imported: set[str]
) -> Iterator[Finding]:
    kind = node.get("type")
    if not isinstance(kind, str):
        yield _odd("missing-field", "type is mandatory, one name; passed over", f"{at}/type")
        return
    if kind.startswith(_ELSEWHERE):
        message = f"{kind[:100]!r} is no name of the context, so no class was read"
        yield _odd("odd-value", message, f"{at}/type")
    info = node.get("creationInfo") if kind != "CreationInfo" else node
    if isinstance(info, dict):
        inner = "" if kind == "CreationInfo" else "/creationInfo"
        yield from _time(info.get("created"), f"{at}{inner}/created")
    keys = ("element", "rootElement")
    if kind.endswith("Relationship"):
        keys = ("from", "to")
        if not isinstance(node.get("relationshipType"), str):
            message = "expected a kind of relationship; passed over"
            yield _odd("unknown-relationship", message, f"{at}/relationshipType")
        elif node["relationshipType"] not in _KINDS:
            message = f"{node['relationshipType'][:60]!r} is no kind of relationship of SPDX 3.0"
            yield _odd("unknown-relationship", message, f"{at}/relationshipType")
    for key in keys:
        value = node.get(key)
        is_list = isinstance(value, list)
        for place, name in enumerate(value if isinstance(value, list) else [value]):
            where = f"{at}/{key}/{place}" if is_list else f"{at}/{key}"
            if isinstance(name, str) and not _is_known(name, names, imported):
                message = f"{name[:100]!r} is nothing that the document has"
                yield _odd("dangling-reference", message, where)


def _is_known(name: str, names: Mapping[str, int], imported: set[str]) -> bool:
    return name in names or name in imported or name in _NOTHING or name.startswith(_ELSEWHERE)


def _time(value: Any, at: str) -> Iterator[Finding]:
    if value is None or (isinstance(value, str) and _TIME.fullmatch(value)):
        return
    said = "cannot be read as a time"
    if parse_time(value) is not None:
        said = "is not of the form YYYY-MM-DDThh:mm:ssZ"
    yield _odd("odd-time", f"{repr(value)[:100]} {said}", at)


def _odd(rule: str, message: str, at: str) -> Finding:
    return Finding(rule, Severity.WARNING, message, at)
