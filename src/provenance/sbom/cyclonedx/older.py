"""Documents of the versions before 1.4: what those do not know goes, what they demand is there.

Source: bom-1.0.xsd to bom-1.4.xsd. Until 1.2 there are no properties, so that what goes is lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.items import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.sbom.cyclonedx.versions import Version

__all__ = ["components_of", "make_older", "without_refs"]

# Key to the minor version that brought it.
_OF_DOCUMENT = {
    "serialNumber": 1,
    "externalReferences": 1,
    "metadata": 2,
    "services": 2,
    "dependencies": 2,
    "compositions": 3,
    "properties": 4,
    "vulnerabilities": 4,
    "signature": 4,
}
_OF_METADATA = {"licenses": 3, "properties": 3}
_OF_COMPONENTS = {
    "pedigree": 1,
    "externalReferences": 1,
    "supplier": 2,
    "author": 2,
    "swid": 2,
    "mime-type": 2,
    "properties": 3,
    "evidence": 3,
    "releaseNotes": 4,
    "signature": 4,
}
_OF_LICENSES = {"text": 1, "url": 1}
_OF_REFERENCES = {"hashes": 3}
_HASHES_1_1 = frozenset({"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-512"})
_BREAK = re.compile("\\s*[\n\r\u2028\u2029]\\s*")
_PEDIGREE = ("ancestors", "descendants", "variants")


def make_older(document: dict[str, Any], version: Version) -> None:
    """Make a document in the shape of 1.4 one of an older version, in place.

    In 1.0 `bom-ref` stays, so that components can be told apart, until `without_refs`.
    """
    minor = version.minor
    if minor >= 4:
        return
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        _drop(metadata, _OF_METADATA, minor)
    if minor < 2:
        listed = document.setdefault("components", [])
        if isinstance(listed, list) and isinstance(metadata, dict):
            # Without metadata what is described is a component like others, the first.
            listed[:0] = _objects([metadata.get("component")])
    _drop(document, _OF_DOCUMENT, minor)
    for component in components_of(document):
        _make_older(component, version)
    for service in _objects(document.get("services")):
        _drop(service, {"properties": 3}, minor)
    if minor <= 2:
        _join_lines(document)


def _join_lines(document: dict[str, Any]) -> None:
    """Nearly every text is one line until 1.2; attached ones are not."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            value |= {k: _joined(v) for k, v in value.items() if k != "content"}
            waiting += value.values()
        elif isinstance(value, list):
            value[:] = map(_joined, value)
            waiting += value


def _joined(value: Any) -> Any:
    if isinstance(value, str) and _BREAK.search(value):
        return _BREAK.sub(" ", value).strip()
    return value


def _make_older(component: dict[str, Any], version: Version) -> None:
    minor = version.minor
    _drop(component, _OF_COMPONENTS, minor)
    component.setdefault("version", "")  # demanded until 1.3
    if minor == 0:
        component.setdefault("modified", False)  # demanded as well
    if text(component, "type") not in version.types:
        component["type"] = "library"
    if component.get("scope") == "excluded" and minor == 0:
        del component["scope"]
    if minor < 2 and isinstance(component.get("hashes"), list):
        kept = [x for x in _objects(component["hashes"]) if text(x, "alg") in _HASHES_1_1]
        component["hashes"] = kept
    for reference in _objects(component.get("externalReferences")):
        _drop(reference, _OF_REFERENCES, minor)
    pedigree = component.get("pedigree")
    if isinstance(pedigree, dict) and minor < 2:
        pedigree.pop("patches", None)
    if isinstance(component.get("licenses"), list):
        component["licenses"] = [
            _older_license(x, minor) for x in _objects(component["licenses"])
        ] or component["licenses"]


def _older_license(choice: dict[str, Any], minor: int) -> dict[str, Any]:
    """1.0 has names of licences, and no expressions: one is a name there."""
    if minor == 0 and "expression" in choice:
        return {"license": {"name": choice["expression"]}}
    stated = choice.get("license")
    if isinstance(stated, dict) and minor == 0:
        return {"license": {k: v for k, v in stated.items() if _OF_LICENSES.get(k, 0) <= minor}}
    return choice


def _drop(item: dict[str, Any], since: Mapping[str, int], minor: int) -> None:
    for key, first in since.items():
        if minor < first:
            item.pop(key, None)


def components_of(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every component: of the metadata, the list, those in others, and those in pedigrees."""
    metadata = document.get("metadata")
    waiting = _objects([metadata.get("component")] if isinstance(metadata, dict) else [])
    waiting += _objects(document.get("components"))
    while waiting:
        item = waiting.pop()
        yield item
        waiting += _objects(item.get("components"))
        pedigree = item.get("pedigree")
        if isinstance(pedigree, dict):
            for key in _PEDIGREE:
                waiting += _objects(pedigree.get(key))


def without_refs(document: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
    """A document of 1.0, and its JSON, without `bom-ref` and lists of no licence.

    Others are as they are.
    """
    if document["specVersion"] != "1.0":
        return document, raw
    bare: dict[str, Any] = msgspec.json.decode(raw)
    for component in components_of(bare):
        component.pop("bom-ref", None)
        if not component.get("licenses", True):
            del component["licenses"]
    return bare, raw


def _objects(value: Any) -> list[dict[str, Any]]:
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []
