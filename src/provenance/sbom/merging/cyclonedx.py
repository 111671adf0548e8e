"""Parts in CycloneDX become components of one document, with everything that is said of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from provenance.sbom.carried import PREFIX
from provenance.sbom.cyclonedx.components import add_document
from provenance.sbom.items import items, text
from provenance.sbom.merging.references import Taken, redirect, rename
from provenance.sbom.merging.unifying import contradicts, identity, unify
from provenance.sbom.model import digest_or_none

if TYPE_CHECKING:
    from provenance.sbom.merging.parts import Notes, Part

__all__ = ["CycloneDxMerge"]

_LISTED = ("services", "vulnerabilities", "annotations", "compositions", "formulation")
"""Lists of a part that go on in the product's."""
_OWN = frozenset(
    {
        *("$schema", "bomFormat", "specVersion", "serialNumber", "version"),
        *("metadata", "components", "dependencies", *_LISTED),
    }
)
_OF_METADATA = frozenset({"component", "tools", "timestamp"})
_OF_TOOLS = frozenset({"type", "name", "version", "bom-ref"})
_CONTAINS, _KIND = f"{PREFIX}contains", f"{PREFIX}kind"
_ALTERNATIVES = 16
"""Packages of one purl with different bytes that a further one is compared with."""


class CycloneDxMerge:
    """Collects the parts of one product."""

    def __init__(self, document: dict[str, Any], notes: Notes, *, hierarchical: bool) -> None:
        """Begin with a document that describes the product and lists nothing."""
        self._document, self._notes, self._hierarchical = document, notes, hierarchical
        self._taken = Taken()
        rename(document, self._taken)
        self._root: str = document["metadata"]["component"]["bom-ref"]
        self._components: list[dict[str, Any]] = []
        self._edges: dict[str, dict[str, None]] = {}
        self._same: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        self._provided: dict[str, dict[str, None]] = {}
        self._merged: dict[str, str] = {}
        """Identifier of a record of a package to that of the package it was added to."""

    def add(self, part: Part) -> None:
        """Take over one part."""
        document = part.document
        described = self._described(document, part)
        listed = items(document.get("components"))
        self._name(described, listed)
        defined = rename(document, self._taken)
        ref = described["bom-ref"]
        inner = self._join(document, ref, defined, part)
        references = described.setdefault("externalReferences", [])
        if not isinstance(references, list):
            references = described["externalReferences"] = []
        pairs = add_document(references, part.other)
        if pairs:
            described["properties"] = [
                *items(described.get("properties")),
                *({"name": name, "value": value} for name, value in pairs),
            ]
        self._edges[self._root][ref] = None
        own = self._edges.setdefault(ref, {})
        own.update((x["bom-ref"], None) for x in listed if x["bom-ref"] not in inner)
        for item in listed:
            if item.get("type") == "operating-system":
                _mark_package(item)
        if self._hierarchical:
            self._hold(described, listed)
        else:
            self._add_flat(described, listed, part)
        for key in _LISTED:
            if value := items(document.get(key)):
                self._document.setdefault(key, []).extend(value)
        self._leave(document, part)

    def _described(self, document: dict[str, Any], part: Part) -> dict[str, Any]:
        """What the part describes, or a stand-in for it."""
        metadata = document.get("metadata")
        if not isinstance(metadata, dict):
            metadata = document["metadata"] = {}
        described = metadata.get("component")
        if not isinstance(described, dict):
            described = metadata["component"] = {}
        described.setdefault("type", "application")
        described.setdefault("name", part.name)
        digest = digest_or_none(described.get("version"))
        if digest is not None and described["type"] == "container":
            described.setdefault("hashes", [{"alg": "SHA-256", "content": digest.hex}])
        return described

    def _name(self, described: dict[str, Any], listed: list[Any]) -> None:
        """Give identifiers to those that have none."""
        for item in (described, *listed):
            if not isinstance(item.get("bom-ref"), str) or not item["bom-ref"]:
                name = f"{text(item, 'name')}@{text(item, 'version')}"
                item["bom-ref"] = text(item, "purl") or name

    def _join(self, document: dict[str, Any], ref: str, defined: set[str], part: Part) -> set[str]:
        """Take over edges; returned are those that something other than the part needs or holds."""
        dangling: Counter[str] = Counter()
        inner: set[str] = set()
        self._edges.setdefault(self._root, {})
        for item in items(document.get("dependencies")):
            source = item.get("ref")
            stated = item.get("dependsOn")
            targets = [x for x in stated if isinstance(x, str)] if isinstance(stated, list) else []
            known = [x for x in targets if x in defined]
            if source not in defined:
                dangling["from"] += len(targets)
                continue
            dangling["to"] += len(targets) - len(known)
            self._edges.setdefault(source, {}).update(dict.fromkeys(known))
            if source != ref:
                inner.update(known)
            self._keep_provided(item, source, defined)
        for way, count in (+dangling).items():
            self._notes.add(
                "dangling-edge", f"{count} edges of {part.label} lead {way} what is no package"
            )
        return inner

    def _keep_provided(self, item: dict[str, Any], source: str, defined: set[str]) -> None:
        provided = item.get("provides")
        if isinstance(provided, list):
            known = (x for x in provided if isinstance(x, str) and x in defined)
            self._provided.setdefault(source, {}).update(dict.fromkeys(known))

    def _hold(self, described: dict[str, Any], listed: list[dict[str, Any]]) -> None:
        """The part, with what is in it listed inside of it, and named as what it contains."""
        held = {
            said["value"]
            for item in listed
            for said in items(item.get("properties"))
            if said.get("name") == _CONTAINS and isinstance(said.get("value"), str)
        }
        described["properties"] = [
            *items(described.get("properties")),
            *(
                {"name": _CONTAINS, "value": item["bom-ref"]}
                for item in listed
                if item["bom-ref"] not in held
            ),
        ]
        described["components"] = [*items(described.get("components")), *listed]
        self._components.append(described)

    def _add_flat(
        self, described: dict[str, Any], listed: list[dict[str, Any]], part: Part
    ) -> None:
        """Each package once; what lies inside of another is said by a property."""
        waiting = [*items(described.pop("components", None)), *listed]
        self._components.append(described)
        while waiting:
            item = waiting.pop(0)
            inner = items(item.pop("components", None))
            if inner:
                self._name({"bom-ref": "-"}, inner)
                said = [{"name": _CONTAINS, "value": x["bom-ref"]} for x in inner]
                item["properties"] = [*items(item.get("properties")), *said]
                waiting += inner
            self._put(item, part)

    def _put(self, item: dict[str, Any], part: Part) -> None:
        same = self._same.setdefault(identity(item), [])
        for known in same[:_ALTERNATIVES]:
            if not contradicts(known, item):
                self._merged[item["bom-ref"]] = known["bom-ref"]
                self._notes.conflicts.update((part.label, key) for key in unify(known, item))
                return
        same.append(item)
        self._components.append(item)

    def _leave(self, document: dict[str, Any], part: Part) -> None:
        """Note what stays behind."""
        metadata = document["metadata"]
        rest = {key: value for key, value in document.items() if key not in _OWN}
        rest["metadata"] = {k: v for k, v in metadata.items() if k not in _OF_METADATA}
        if more := _beside_names(metadata.get("tools")):
            rest["metadata"]["tools"] = more
        self._notes.left(rest, part, ("components", "dependencies", *_LISTED))

    def document(self) -> dict[str, Any]:
        """The product's."""
        document, moved = self._document, self._merged
        document["components"] = self._components
        if moved:
            redirect(document, moved)
        edges: dict[str, dict[str, None]] = {}
        for source, targets in self._edges.items():
            ref = moved.get(source, source)
            edges.setdefault(ref, {}).update((moved.get(x, x), None) for x in targets)
            edges[ref].pop(ref, None)
        document["dependencies"] = [
            {"ref": ref}
            | ({"dependsOn": sorted(targets)} if targets else {})
            | ({"provides": sorted(self._provided[ref])} if ref in self._provided else {})
            for ref, targets in edges.items()
        ]
        return document


def _beside_names(tools: Any) -> Any:
    """What is said of tools besides name and version, under which the product lists them."""
    listed = tools.get("components") if isinstance(tools, dict) else tools
    told = [
        more
        for item in items(listed)
        if (more := {k: v for k, v in item.items() if k not in _OF_TOOLS})
    ]
    if not isinstance(tools, dict):
        return told
    rest = {key: value for key, value in tools.items() if key != "components"}
    return rest | ({"components": told} if told else {})


def _mark_package(item: dict[str, Any]) -> None:
    """Say of a system that it is a package, and not what the product runs on."""
    said = items(item.get("properties"))
    if not any(x.get("name") == _KIND for x in said):
        item["properties"] = [*said, {"name": _KIND, "value": text(item, "type")}]
