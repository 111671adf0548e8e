"""Facts out of SPDX 3 in JSON-LD: the graph of its elements. Source: SPDX 3.0.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.quality.facts import Facts, Part

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
        self._nodes = {i: x for _, x in self._listed if (i := _identifier(x))}
        imported = [y for x in self._of_type("SpdxDocument") for y in _objects(x.get("import"))]
        self._there = {*self._nodes, *(_text(x, "externalSpdxId") for x in imported)}
        self._relations = [x for _, x in self._listed if isinstance(x.get("relationshipType"), str)]

    def _of_type(self, *kinds: str) -> list[Mapping[str, Any]]:
        return [x for _, x in self._listed if x.get("type") in kinds]

    def facts(self, syntax: str) -> Facts:
        documents = self._of_type("SpdxDocument")
        creation = self._creation(documents)
        agents = [self._node(name) for name in _names(creation.get("createdBy"))]
        people = [x for x in agents if x.get("type") in ("Person", "Organization", "Agent")]
        used = [self._node(name) for name in _names(creation.get("createdUsing"))]
        software = [x for x in agents if x.get("type") == "SoftwareAgent"]
        boms = self._of_type("software_Sbom")
        found = Facts(
            family="spdx",
            version=_text(creation, "specVersion"),
            syntax=syntax,
            uri="".join([_identifier(x) for x in (*boms, *documents)][:1]),
            created=_text(creation, "created"),
            authors=tuple(n for x in people if (n := _text(x, "name"))),
            contacts=tuple(c for x in people for c in _contacts(x)),
            tools=tuple(n for x in (*used, *software) if (n := _text(x, "name"))),
            contexts=tuple(name for x in boms for name in _names(x.get("software_sbomType"))),
            has_vulnerabilities=any(
                str(x.get("type")).startswith("security_") for _, x in self._listed
            ),
        )
        found.parts = self._parts()
        return found

    def _creation(self, documents: list[Mapping[str, Any]]) -> Mapping[str, Any]:
        for node in documents:
            stated = node.get("creationInfo")
            if isinstance(stated, dict):
                return stated
            if isinstance(stated, str) and stated in self._nodes:
                return self._nodes[stated]
        return next(iter(self._of_type("CreationInfo")), {})

    def _node(self, name: str) -> Mapping[str, Any]:
        return self._nodes.get(name, {})

    def _parts(self) -> list[Part]:
        roots = {n for x in self._of_type(*_COLLECTIONS) for n in _names(x.get("rootElement"))}
        parts: list[Part] = []
        by_name: dict[str, Part] = {}
        for number, item in self._listed:
            if item.get("type") in _PACKAGES:
                part = self._part(item, f"/@graph/{number}")
                part.is_primary = _identifier(item) in roots
                parts.append(part)
                by_name.setdefault(_identifier(item), part)
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
            name=_text(item, "name"),
            version=_text(item, "software_packageVersion"),
            suppliers=tuple(self._agent(n) for n in _names(item.get("suppliedBy"))),
            producers=tuple(self._agent(n) for n in _names(item.get("originatedBy"))),
            contacts=tuple(c for x in makers for c in _contacts(x)),
            identifiers=tuple(_identifiers(item)),
            hashes=tuple(_hashes(item)),
            artifact_uri=_text(item, "software_downloadLocation"),
        )

    def _agent(self, name: str) -> str:
        if _NO_ASSERTION in name:
            return "NOASSERTION"
        return _text(self._node(name), "name")

    def _relate(self, relation: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        kind, targets = relation["relationshipType"], _names(relation.get("to"))
        part = parts.get(_text(relation, "from"))
        if kind in _STRUCTURE | _OTHER_STRUCTURE and _text(relation, "from") in self._there:
            for found in filter(None, map(parts.get, targets)):
                found.is_related = True
        if part is None:
            return
        if kind in _STRUCTURE:
            if self._leads(targets):
                part.is_related = part.has_edges = True
            part.completeness = part.completeness or _text(relation, "completeness")
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
        return _text(node, "simplelicensing_licenseExpression") or _text(node, "name")


def _artifact(part: Part, file: Mapping[str, Any]) -> None:
    """The file that is delivered, which has the properties (TR-03183-2, section 8.2)."""
    part.filename = part.filename or _text(file, "name")
    part.artifact_hashes += tuple(_hashes(file))
    purposes = _names(file.get("software_additionalPurpose"))
    # What is not in the list is denied by it, where it is there or a comment says what it is.
    if "software_additionalPurpose" in file or "TR-03183" in _text(file, "comment"):
        part.executable = "executable" if "executable" in purposes else "non-executable"
        part.archive = "archive" if "archive" in purposes else "no archive"
        part.structured = "structured" if "container" in purposes else ""
        if "firmware" in purposes and not part.structured:
            part.structured = "unstructured"


def _identifiers(item: Mapping[str, Any]) -> Iterator[str]:
    if text := _text(item, "software_packageUrl"):
        yield text
    for entry in _objects(item.get("externalIdentifier")):
        if entry.get("externalIdentifierType") in ("packageUrl", "cpe22", "cpe23", "swid", "swhid"):
            yield _text(entry, "identifier")
    for entry in _objects(item.get("software_contentIdentifier")):
        yield _text(entry, "software_contentIdentifierValue")


def _contacts(agent: Mapping[str, Any]) -> Iterator[str]:
    for entry in _objects(agent.get("externalIdentifier")):
        if entry.get("externalIdentifierType") in ("email", "urlScheme", "other"):
            yield _text(entry, "identifier")


def _hashes(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in _objects(item.get("verifiedUsing")):
        yield _text(entry, "algorithm").replace("_", ""), _text(entry, "hashValue")


def _names(value: Any) -> list[str]:
    """Texts, also of elements that stand where they are used."""
    listed = value if isinstance(value, list) else [value]
    named = [_identifier(x) if isinstance(x, dict) else x for x in listed]
    return [x for x in named if isinstance(x, str) and x]


def _identifier(node: Mapping[str, Any]) -> str:
    return _text(node, "spdxId") or _text(node, "@id")


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
