"""Facts out of CycloneDX 1.0 to 1.7, in the shape of its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.sbom.cyclonedx.files import is_only_file
from provenance.sbom.cyclonedx.older import components_of
from provenance.sbom.quality.facts import Facts, Part

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

__all__ = ["facts"]

_BSI = "bsi:component:"
_IDENTIFIERS = ("purl", "cpe")
_IDENTIFIER_LISTS = ("omniborId", "swhid")
_ARTIFACTS = ("distribution", "distribution-intake")
_SOURCES = ("source-distribution", "vcs")
# What a component of type `file` says when it is a file and nothing more.


def facts(document: Mapping[str, Any], syntax: str) -> Facts:
    """What the rules ask of a document."""
    metadata = _object(document.get("metadata"))
    made_by = [
        *_objects(metadata.get("authors"), "author"),
        *_objects(metadata.get("manufacturer")),
    ]
    found = Facts(
        family="cyclonedx",
        version=_text(document, "specVersion"),
        syntax=syntax,
        uri=_text(document, "serialNumber"),
        created=_text(metadata, "timestamp"),
        authors=_said(
            _text(x, "name") or _text(x, "email")
            for x in (*made_by, *_objects(metadata.get("manufacture")))
        ),
        contacts=_said(contact for x in made_by for contact in _contacts(x)),
        tools=tuple(_tools(metadata.get("tools"))),
        contexts=_said(
            _text(x, "phase") or _text(x, "name")
            for x in _objects(metadata.get("lifecycles"), "lifecycle")
        ),
        # `metadata.lifecycles` is there since 1.5.
        can_state_context=_text(document, "specVersion") not in ("1.0", "1.1", "1.2", "1.3", "1.4"),
        has_vulnerabilities=bool(_objects(document.get("vulnerabilities"), "vulnerability")),
    )
    found.parts = list(_Parts(document).parts(metadata))
    return found


def _names(document: Mapping[str, Any]) -> set[str]:
    """Of everything that a dependency may lead to."""
    found = {_text(item, "bom-ref") for item in components_of(document)}
    waiting = _objects(document.get("services"), "service")
    while waiting:
        item = waiting.pop()
        found.add(_text(item, "bom-ref"))
        waiting += _objects(item.get("services"), "service")
    return found


def _leads(target: str, there: Container[str]) -> bool:
    """Whether a reference leads to something, be it in another document."""
    return target in there or target.startswith("urn:cdx:")


class _Parts:
    """Components, with what the rest of the document says of them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._enumerated: set[str] = set()
        self._related: set[str] = set()
        there = _names(document)
        for item in _objects(document.get("dependencies")):
            ref = item.get("ref")
            targets = [x for key in ("dependsOn", "provides") for x in _list(item.get(key))]
            if not isinstance(ref, str):
                continue
            named = [x for x in targets if isinstance(x, str) and _leads(x, there)]
            if named or not targets:  # what names nothing but what is nowhere enumerates nothing
                self._enumerated.add(ref)
                self._related.add(ref)
            if ref in there:
                self._related.update(named)
        self._complete = self._completeness()

    def _completeness(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in _objects(self._document.get("compositions"), "composition"):
            if item.get("aggregate") == "not_specified":  # which is what saying nothing means
                continue
            for key, one in (("assemblies", "assembly"), ("dependencies", "dependency")):
                for ref in _list(item.get(key), one):
                    name = _text(ref, "ref") if isinstance(ref, dict) else ref
                    if isinstance(name, str):
                        found.setdefault(name, _text(item, "aggregate"))
        return found

    def parts(self, metadata: Mapping[str, Any]) -> Iterator[Part]:
        described = _object(metadata.get("component"))
        if described:
            part = self._part(described, "/metadata/component", within=False)
            part.is_primary = True
            yield part
        waiting = [(self._document.get("components"), "/components", False)]
        if described.get("components"):
            waiting.append((described["components"], "/metadata/component/components", True))
        while waiting:
            listed, pointer, within = waiting.pop()
            for number, item in enumerate(_list(listed)):
                if not isinstance(item, dict):
                    continue
                at = f"{pointer}/{number}"
                if item.get("type") != "file" or not is_only_file(item):
                    yield self._part(item, at, within=within)
                if item.get("components"):
                    waiting.append((item["components"], f"{at}/components", True))

    def _part(self, item: Mapping[str, Any], pointer: str, *, within: bool) -> Part:
        ref = _text(item, "bom-ref")
        properties = {
            p["name"]: _text(p, "value")
            for p in _list(item.get("properties"), "property")
            if isinstance(p, dict) and isinstance(p.get("name"), str) and _BSI in p["name"]
        }
        part = Part(
            pointer=pointer,
            name=_text(item, "name"),
            version=_text(item, "version"),
            identifiers=tuple(_identifiers(item)),
            hashes=tuple(_hashes(item)),
            is_related=within or ref in self._related or bool(_list(item.get("components"))),
            has_edges=ref in self._enumerated,
            completeness=self._complete.get(ref, "") if ref else "",
            filename=properties.get(f"{_BSI}filename", ""),
            executable=properties.get(f"{_BSI}executable", ""),
            archive=properties.get(f"{_BSI}archive", ""),
            structured=properties.get(f"{_BSI}structured", ""),
        )
        _people(part, item)
        _licenses(part, item)
        _references(part, item)
        return part


def _people(part: Part, item: Mapping[str, Any]) -> None:
    supplier, made = _object(item.get("supplier")), _object(item.get("manufacturer"))
    authors = _objects(item.get("authors"), "author")
    part.suppliers = _said((_text(supplier, "name"), _text(item, "publisher")))
    if not made and not authors:
        part.producers = _said((_text(item, "author"),))
        return
    part.producers = _said(
        (_text(made, "name"), *(_text(x, "name") for x in authors), _text(item, "author"))
    )
    part.contacts = _said(c for x in (made, *authors) for c in _contacts(x))


def _licenses(part: Part, item: Mapping[str, Any]) -> None:
    for choice in _objects(item.get("licenses")):
        stated = _object(choice.get("license")) or choice
        text = _text(stated, "id") or _text(stated, "expression") or _text(stated, "name")
        part.licenses += (text,)
        kind = _text(stated, "acknowledgement")
        if kind == "concluded":
            part.concluded += (text,)
        elif kind == "declared":
            part.declared += (text,)


def _references(part: Part, item: Mapping[str, Any]) -> None:
    for reference in _objects(item.get("externalReferences")):
        kind, url = reference.get("type"), _text(reference, "url")
        if kind in _ARTIFACTS:
            part.artifact_uri = part.artifact_uri or url
            part.artifact_hashes += tuple(_hashes(reference))
        elif kind in _SOURCES:
            part.source_uri = part.source_uri or url


def _identifiers(item: Mapping[str, Any]) -> Iterator[str]:
    for key in _IDENTIFIERS:
        if text := _text(item, key):
            yield text
    for key in _IDENTIFIER_LISTS:
        yield from (x for x in _list(item.get(key)) if isinstance(x, str))
    if text := _text(_object(item.get("swid")), "tagId"):
        yield text


def _hashes(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in _objects(item.get("hashes"), "hash"):
        yield _text(entry, "alg").lower().replace("-", ""), _text(entry, "content")


def _contacts(item: Mapping[str, Any]) -> Iterator[str]:
    """Mail address of a person; URLs and those of the contacts of an organisation."""
    yield _text(item, "email")
    yield from (x for x in _list(item.get("url")) if isinstance(x, str))
    for contact in _objects(item.get("contact")):
        yield _text(contact, "email")


def _tools(value: Any) -> Iterator[str]:
    """In the form of 1.5 and later, or the older list."""
    listed = _list(value)
    if isinstance(value, dict):
        listed = [*_list(value.get("components")), *_list(value.get("services"), "service")]
    yield from (x["name"] for x in listed if isinstance(x, dict) and isinstance(x.get("name"), str))


def _list(value: Any, one: str = "") -> list[Any]:
    """A list, also as XML without a table of shapes gives it: `{"author": {...} or [...]}`."""
    if one and isinstance(value, dict) and one in value:
        value = value[one]
        return value if isinstance(value, list) else [value]
    return value if isinstance(value, list) else []


def _objects(value: Any, one: str = "") -> list[Mapping[str, Any]]:
    if isinstance(value, dict) and not (one and one in value):
        return [value]
    return [x for x in _list(value, one) if isinstance(x, dict)]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _said(texts: Iterator[str] | tuple[str, ...] | Any) -> tuple[str, ...]:
    return tuple(text for text in texts if text)
