"""Facts out of SPDX 2.2 and 2.3, in the shape of their JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.quality.facts import Facts, Part

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

__all__ = ["facts"]

_ACTORS = frozenset({"Person", "Organization"})
_TOOL = "Tool:"
# Relationships that say how packages are made of each other (section 11.1).
_STRUCTURE = frozenset(
    {
        *("CONTAINS", "CONTAINED_BY", "DEPENDS_ON", "DEPENDENCY_OF", "GENERATES", "GENERATED_FROM"),
        *("BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF", "STATIC_LINK"),
        *("PROVIDED_DEPENDENCY_OF", "TEST_DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "DYNAMIC_LINK"),
        *("PREREQUISITE_FOR", "HAS_PREREQUISITE", "PACKAGE_OF", "VARIANT_OF", "DESCENDANT_OF"),
        *("ANCESTOR_OF", "OPTIONAL_COMPONENT_OF", "DISTRIBUTION_ARTIFACT", "PATCH_FOR"),
    }
)
_IDENTIFIERS = ("purl", "cpe22Type", "cpe23Type", "swid", "gitoid", "swh")


def facts(document: Mapping[str, Any], syntax: str) -> Facts:
    """What the rules ask of a document."""
    info = document.get("creationInfo")
    info = info if isinstance(info, dict) else {}
    creators = [c for c in _list(info.get("creators")) if isinstance(c, str)]
    actors = [actor for c in creators if (actor := _actor(c)) is not None]
    remarks = (_text(info, "comment"), _text(document, "comment"))
    found = Facts(
        family="spdx",
        version=_text(document, "spdxVersion").upper().removeprefix("SPDX-"),
        syntax=syntax,
        uri=_text(document, "documentNamespace"),
        created=_text(info, "created"),
        authors=tuple(name or contact for name, contact in actors if name or contact),
        contacts=tuple(contact for _, contact in actors if contact),
        tools=tuple(c.removeprefix(_TOOL).strip() for c in creators if c.startswith(_TOOL)),
        remarks=tuple(text for text in remarks if text),
        can_state_context=False,
    )
    found.parts = _parts(document)
    found.has_vulnerabilities = any(
        reference.get("referenceCategory") == "SECURITY"
        and reference.get("referenceType") in ("advisory", "fix")
        for package in _objects(document.get("packages"))
        for reference in _objects(package.get("externalRefs"))
    )
    return found


def _parts(document: Mapping[str, Any]) -> list[Part]:
    described = {x for x in _list(document.get("documentDescribes")) if isinstance(x, str)}
    related: set[str] = set()
    sources: set[str] = set()
    nothing: set[str] = set()
    there = _names(document)
    for item in _objects(document.get("relationships")):
        source, target = _text(item, "spdxElementId"), _text(item, "relatedSpdxElement")
        kind = _text(item, "relationshipType")
        if kind == "DESCRIBES":
            described.add(target)
        elif kind == "DESCRIBED_BY":
            described.add(source)
        elif kind in _STRUCTURE and target == "NOASSERTION":
            nothing.add(source)
        elif kind in _STRUCTURE and _leads(source, there) and _leads(target, there):
            related |= {source, target}
            sources.add(target if kind.endswith(("_OF", "_BY")) else source)
    parts = []
    for number, item in enumerate(_list(document.get("packages"))):
        if not isinstance(item, dict):
            continue
        part, name = _part(item, f"/packages/{number}"), _text(item, "SPDXID")
        part.is_primary = name in described
        part.is_related = name in related or bool(_list(item.get("hasFiles")))
        part.has_edges = name in sources
        part.completeness = "unknown" if name in nothing else ""
        parts.append(part)
    if sum(part.is_primary for part in parts) > 1:  # a list of packages, of which none is the whole
        for part in parts:
            part.is_primary = False
    return parts


def _names(document: Mapping[str, Any]) -> set[str]:
    """Of everything that a relationship may lead to."""
    lists = ("packages", "files", "snippets")
    found = {_text(x, "SPDXID") for key in lists for x in _objects(document.get(key))}
    return found | {"NONE", _text(document, "SPDXID")}


def _leads(name: str, there: Container[str]) -> bool:
    """Whether a name leads to something, be it in another document."""
    return name in there or (name.startswith("DocumentRef-") and ":" in name)


def _part(item: Mapping[str, Any], pointer: str) -> Part:
    supplier, originator = _text(item, "supplier"), _text(item, "originator")
    made = _actor(originator)
    concluded, declared = _text(item, "licenseConcluded"), _text(item, "licenseDeclared")
    hashes = tuple(
        (_text(x, "algorithm").lower().replace("-", ""), _text(x, "checksumValue"))
        for x in _objects(item.get("checksums"))
    )
    return Part(
        pointer=pointer,
        name=_text(item, "name"),
        version=_text(item, "versionInfo"),
        suppliers=_named(supplier),
        producers=_named(originator),
        contacts=(made[1],) if made and made[1] else (),
        identifiers=tuple(
            _text(x, "referenceLocator")
            for x in _objects(item.get("externalRefs"))
            if x.get("referenceType") in _IDENTIFIERS
        ),
        hashes=hashes,
        artifact_hashes=hashes,
        licenses=tuple(text for text in (concluded, declared) if text),
        concluded=(concluded,) if concluded else (),
        declared=(declared,) if declared else (),
        filename=_text(item, "packageFileName"),
        artifact_uri=_text(item, "downloadLocation"),
    )


def _actor(text: str) -> tuple[str, str] | None:
    """Name and mail address of a person or organisation; None where it is neither."""
    kind, colon, rest = text.partition(":")
    if not colon or kind.strip() not in _ACTORS:
        return None
    rest = rest.strip()
    if not rest.endswith(")") or "(" not in rest:
        return rest, ""
    name, _, contact = rest[:-1].rpartition("(")
    return name.strip(), contact.strip()


def _named(text: str) -> tuple[str, ...]:
    """The name of an actor; what is none (`NOASSERTION`) as it is."""
    actor = _actor(text)
    name = text if actor is None else actor[0] or actor[1]
    return (name,) if name else ()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [x for x in _list(value) if isinstance(x, dict)]


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
