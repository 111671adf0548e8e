"""Facts out of SPDX 3 in JSON-LD: the graph of its elements. Source: SPDX 3.0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.quality.facts import Facts, Part
from provenance.sbom.spdx3.elements import creation_info, name_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["facts"]

_PACKAGES = ("software_Package", "ai_AIPackage", "dataset_DatasetPackage")
_COLLECTIONS = ("SpdxDocument", "software_Sbom", "Bom", "Bundle")
_STRUCTURE = frozenset({"contains", "dependsOn"})
_OTHER_STRUCTURE = frozenset({"generates", "packagedBy", "hasVariant", "descendantOf", "patchedBy"})
_LISTED_LICENSE = "https://spdx.org/licenses/"
_NO_ASSERTION, _NONE = "NoAssertion", "NoneElement"


def facts(document: Mapping[str, Any], syntax: str) -> Facts:
    """What the rules ask of a document."""
    return _Graph(document).facts(syntax)


class _Graph:
    """The elements, by identifier and type, and what relates them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        graph = document.get("@graph")
        listed = graph if isinstance(graph, list) else [document]
        self._listed = [(n, x) for n, x in enumerate(listed) if isinstance(x, dict)]
        self._nodes = {i: x for _, x in self._listed if (i := name_of(x))}
        imported = [y for x in self._of_type("SpdxDocument") for y in _objects(x.get("import"))]
        self._there = {*self._nodes, *(text_of(x, "externalSpdxId") for x in imported)}
        self._relations = [x for _, x in self._listed if isinstance(x.get("relationshipType"), str)]

    def _of_type(self, *kinds: str) -> list[Mapping[str, Any]]:
        return [x for _, x in self._listed if x.get("type") in kinds]

    def facts(self, syntax: str) -> Facts:
        documents = self._of_type("SpdxDocument")
        creation = creation_info(documents, self._nodes, self._of_type("CreationInfo"))
        agents = [self._node(name) for name in _names(creation.get("createdBy"))]
        people = [x for x in agents if x.get("type") in ("Person", "Organization", "Agent")]
        used = [self._node(name) for name in _names(creation.get("createdUsing"))]
        software = [x for x in agents if x.get("type") == "SoftwareAgent"]
        boms = self._of_type("software_Sbom")
        found = Facts(
            family="spdx",
            version=text_of(creation, "specVersion"),
            syntax=syntax,
            uri="".join([name_of(x) for x in (*boms, *documents)][:1]),
            created=text_of(creation, "created"),
            authors=tuple(n for x in people if (n := text_of(x, "name"))),
            contacts=tuple(c for x in people for c in _contacts(x)),
            tools=tuple(n for x in (*used, *software) if (n := text_of(x, "name"))),
            contexts=tuple(name for x in boms for name in _names(x.get("software_sbomType"))),
            has_vulnerabilities=any(
                str(x.get("type")).startswith("security_") for _, x in self._listed
            ),
        )
        found.parts = self._parts()
        return found

    def _node(self, name: str) -> Mapping[str, Any]:
        return self._nodes.get(name, {})

    def _parts(self) -> list[Part]:
        roots = {n for x in self._of_type(*_COLLECTIONS) for n in _names(x.get("rootElement"))}
        parts: list[Part] = []
        by_name: dict[str, Part] = {}
        for number, item in self._listed:
            if item.get("type") in _PACKAGES:
                part = self._part(item, f"/@graph/{number}")
                part.is_primary = name_of(item) in roots
                parts.append(part)
                by_name.setdefault(name_of(item), part)
        for relation in self._relations:
            self._relate(relation, by_name)
        if sum(part.is_primary for part in parts) > 1:  # a list, of which none is the whole
            for part in parts:
                part.is_primary = False
        return parts

    def _part(self, item: Mapping[str, Any], pointer: str) -> Part:
        makers = [self._node(name) for name in _names(item.get("originatedBy"))]
        return Part(
            pointer=pointer,
            name=text_of(item, "name"),
            version=text_of(item, "software_packageVersion"),
            suppliers=tuple(self._agent(n) for n in _names(item.get("suppliedBy"))),
            producers=tuple(self._agent(n) for n in _names(item.get("originatedBy"))),
            contacts=tuple(c for x in makers for c in _contacts(x)),
            identifiers=tuple(_identifiers(item)),
            hashes=tuple(_hashes(item)),
            artifact_uri=text_of(item, "software_downloadLocation"),
        )

    def _agent(self, name: str) -> str:
        if _NO_ASSERTION in name:
            return "NOASSERTION"
        return text_of(self._node(name), "name")

    def _relate(self, relation: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        kind, targets = relation["relationshipType"], _names(relation.get("to"))
        part = parts.get(text_of(relation, "from"))
        if kind in _STRUCTURE | _OTHER_STRUCTURE and text_of(relation, "from") in self._there:
            for found in filter(None, map(parts.get, targets)):
                found.is_related = True
        if part is None:
            return
        if kind in _STRUCTURE:
            if self._leads(targets):
                part.is_related = part.has_edges = True
            part.completeness = part.completeness or text_of(relation, "completeness")
        elif kind in ("hasConcludedLicense", "hasDeclaredLicense"):
            stated = tuple(self._license(name) for name in targets)
            part.licenses += stated
            if kind == "hasConcludedLicense":
                part.concluded += stated
            else:
                part.declared += stated
        elif kind == "hasDistributionArtifact":
            for name in targets:
                _artifact(part, self._node(name))

    def _leads(self, targets: list[str]) -> bool:
        """Whether what is named is there, be it nothing: what is nowhere relates nothing."""
        return not targets or any(x in self._there or _NONE in x for x in targets)

    def _license(self, name: str) -> str:
        node = self._nodes.get(name)
        if node is None:
            if _NO_ASSERTION in name:
                return "NOASSERTION"
            return name.removeprefix(_LISTED_LICENSE) if name.startswith(_LISTED_LICENSE) else ""
        return text_of(node, "simplelicensing_licenseExpression") or text_of(node, "name")


def _artifact(part: Part, file: Mapping[str, Any]) -> None:
    """The file that is delivered, which has the properties (TR-03183-2, section 8.2)."""
    part.filename = part.filename or text_of(file, "name")
    part.artifact_hashes += tuple(_hashes(file))
    purposes = _names(file.get("software_additionalPurpose"))
    # What is not in the list is denied by it, where it is there or a comment says what it is.
    if "software_additionalPurpose" in file or "TR-03183" in text_of(file, "comment"):
        part.executable = "executable" if "executable" in purposes else "non-executable"
        part.archive = "archive" if "archive" in purposes else "no archive"
        part.structured = "structured" if "container" in purposes else ""
        if "firmware" in purposes and not part.structured:
            part.structured = "unstructured"


def _identifiers(item: Mapping[str, Any]) -> Iterator[str]:
    if text := text_of(item, "software_packageUrl"):
        yield text
    for entry in _objects(item.get("externalIdentifier")):
        if entry.get("externalIdentifierType") in ("packageUrl", "cpe22", "cpe23", "swid", "swhid"):
            yield text_of(entry, "identifier")
    for entry in _objects(item.get("software_contentIdentifier")):
        yield text_of(entry, "software_contentIdentifierValue")


def _contacts(agent: Mapping[str, Any]) -> Iterator[str]:
    for entry in _objects(agent.get("externalIdentifier")):
        if entry.get("externalIdentifierType") in ("email", "urlScheme", "other"):
            yield text_of(entry, "identifier")


def _hashes(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in _objects(item.get("verifiedUsing")):
        yield text_of(entry, "algorithm").replace("_", ""), text_of(entry, "hashValue")


def _names(value: Any) -> list[str]:
    """Texts, also of elements that stand where they are used."""
    listed = value if isinstance(value, list) else [value]
    named = [name_of(x) if isinstance(x, dict) else x for x in listed]
    return [x for x in named if isinstance(x, str) and x]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []
