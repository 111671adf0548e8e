"""Parts in CycloneDX become components of one document, with everything that is said of them."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from provenance.sbom.carried import PREFIX
from provenance.sbom.cyclonedx.components import add_document
from provenance.sbom.items import items, text
from provenance.sbom.merging.references import Taken, redirect, rename
from provenance.sbom.merging.signatures import signed, without_signature
from provenance.sbom.merging.unifying import contradicts, identity, unify
from provenance.sbom.model import digest_or_none

if TYPE_CHECKING:
    from provenance.sbom.merging.parts import Notes, Part
    from provenance.sbom.merging.unifying import Seen

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
_DEMANDED = {"type": "library", "name": ""}
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
        self._seen: Seen = {}
        self._signed: list[tuple[Part, str, dict[str, Any], bytes]] = []

    def add(self, part: Part) -> None:
        """Take over one part."""
        document = part.document
        described = self._described(document, part)
        listed = items(document.get("components"))
        self._complete(listed, part)
        self._signed += [(part, *found) for found in signed(document)]
        defined = rename(document, self._taken)
        defined |= self._name(described, *listed)
        ref = described["bom-ref"]
        inner = self._join(document, ref, defined, part)
        references = described.setdefault("externalReferences", [])
        if not isinstance(references, list):
            self._notes.untaken(references, "/metadata/component/externalReferences", part)
            references = described["externalReferences"] = []
        pairs = add_document(references, part.other)
        if not pairs:
            _say_version(references[-1], document.get("version"))
        else:
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
        metadata = document.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            self._notes.untaken(metadata, "/metadata", part)
            metadata = document["metadata"] = {}
        described = metadata.setdefault("component", {})
        if not isinstance(described, dict):
            self._notes.untaken(described, "/metadata/component", part)
            described = metadata["component"] = {}
        described.setdefault("type", "application")
        described.setdefault("name", part.name)
        digest = digest_or_none(described.get("version"))
        if digest is not None and described["type"] == "container":
            described.setdefault("hashes", [{"alg": "SHA-256", "content": digest.hex}])
        return described

    def _complete(self, listed: list[dict[str, Any]], part: Part) -> None:
        """Give what every component must have, without which the schema takes none of it."""
        waiting = deque(listed)
        while waiting:
            item = waiting.popleft()
            for key, stand_in in _DEMANDED.items():
                if not isinstance(item.get(key), str):
                    if key in item:
                        self._notes.untaken(item[key], f"/components/*/{key}", part)
                    item[key] = stand_in
            waiting += items(item.get("components"))

    def _name(self, *listed: dict[str, Any]) -> set[str]:
        """Give identifiers to those that have none, to which nothing can refer; return these."""
        given = set()
        for item in listed:
            if not text(item, "bom-ref"):
                name = f"{text(item, 'name')}@{text(item, 'version')}"
                item["bom-ref"] = self._taken.new(text(item, "purl") or name)
                given.add(item["bom-ref"])
        return given

    def _join(self, document: dict[str, Any], ref: str, defined: set[str], part: Part) -> set[str]:
        """Take over edges; returned are those that something other than the part needs or holds."""
        dangling: Counter[str] = Counter()
        inner: set[str] = set()
        self._edges.setdefault(self._root, {})
        for item in items(document.get("dependencies")):
            source = text(item, "ref")
            for key, edges in (("dependsOn", self._edges), ("provides", self._provided)):
                stated = item.pop(key, [])
                listed = stated if isinstance(stated, list) else []
                if odd := [x for x in listed if not isinstance(x, str)] if listed else stated:
                    self._notes.untaken(odd, f"/dependencies/*/{key}", part)
                targets = [x for x in listed if isinstance(x, str)]
                known = [x for x in targets if x in defined]
                if source not in defined:
                    dangling["from"] += len(targets)
                    continue
                dangling["to"] += len(targets) - len(known)
                edges.setdefault(source, {}).update(dict.fromkeys(known))
                if source != ref and key == "dependsOn":
                    inner.update(known)
            if more := {key: value for key, value in item.items() if key != "ref"}:
                self._notes.untaken(more, "/dependencies/*", part)
        for way, count in (+dangling).items():
            self._notes.add(
                "dangling-edge", f"{count} edges of {part.label} lead {way} what is no package"
            )
        return inner

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
        waiting = deque([*self._taken_out(described, part), *listed])
        self._components.append(described)
        while waiting:
            item = waiting.popleft()
            inner = self._taken_out(item, part)
            if inner:
                self._name(*inner)
                said = [{"name": _CONTAINS, "value": x["bom-ref"]} for x in inner]
                item["properties"] = [*items(item.get("properties")), *said]
                waiting += inner
            self._put(item, part)

    def _taken_out(self, item: dict[str, Any], part: Part) -> list[dict[str, Any]]:
        """Components within another."""
        stated = item.pop("components", [])
        inner = items(stated)
        if not isinstance(stated, list) or len(inner) < len(stated):
            odd = [x for x in stated if not isinstance(x, dict)] if inner else stated
            self._notes.untaken(odd, "/components/*/components", part)
        return inner

    def _put(self, item: dict[str, Any], part: Part) -> None:
        same = self._same.setdefault(identity(item), [])
        for known in same[:_ALTERNATIVES]:
            if not contradicts(known, item):
                self._merged[item["bom-ref"]] = known["bom-ref"]
                self._notes.conflicts.update(
                    (part.label, key) for key in unify(known, item, self._seen)
                )
                return
        same.append(item)
        self._components.append(item)

    def _leave(self, document: dict[str, Any], part: Part) -> None:
        """Note what stays behind."""
        metadata = document["metadata"]
        rest = {key: value for key, value in document.items() if key not in _OWN}
        rest["metadata"] = {k: v for k, v in metadata.items() if k not in _OF_METADATA}
        if (more := _beside_names(metadata.get("tools", []))) not in ([], {}):
            rest["metadata"]["tools"] = more
        self._notes.left(rest, part, ("components", "dependencies", *_LISTED))

    def document(self) -> dict[str, Any]:
        """The product's."""
        document, moved = self._document, self._merged
        document["components"] = self._components
        if moved:
            redirect(document, moved)
        for part, at, holder, before in self._signed:
            if (signature := without_signature(holder, before)) is not None:
                self._notes.untaken(signature, f"{at}/signature", part)
        edges, provided = (self._led(stated) for stated in (self._edges, self._provided))
        document["dependencies"] = [
            {"ref": ref}
            | ({"dependsOn": sorted(targets)} if targets else {})
            | ({"provides": sorted(provided[ref])} if provided.get(ref) else {})
            for ref, targets in edges.items()
        ]
        return document

    def _led(self, stated: dict[str, dict[str, None]]) -> dict[str, dict[str, None]]:
        """Edges between what records of packages were added to."""
        moved, found = self._merged, dict[str, dict[str, None]]()
        for source, targets in stated.items():
            ref = moved.get(source, source)
            found.setdefault(ref, {}).update((moved.get(x, x), None) for x in targets)
            found[ref].pop(ref, None)
        return found


def _say_version(reference: dict[str, Any], version: Any) -> None:
    """Name the version of a part's document in the BOM-Link to it."""
    if type(version) is int and version > 1 and reference["url"].startswith("urn:cdx:"):
        reference["url"] = f"{reference['url'].removesuffix('/1')}/{version}"


def _beside_names(tools: Any) -> Any:
    """What is said of tools besides name and version, under which the product lists them."""
    if isinstance(tools, dict):
        rest = {key: value for key, value in tools.items() if key != "components"}
        told = _beside_names(tools.get("components", []))
        return rest | ({"components": told} if told != [] else {})
    if not isinstance(tools, list):
        return tools
    found = [
        {k: v for k, v in x.items() if k not in _OF_TOOLS} if isinstance(x, dict) else x
        for x in tools
    ]
    return [x for x in found if x != {}]


def _mark_package(item: dict[str, Any]) -> None:
    """Say of a system that it is a package, and not what the product runs on."""
    said = items(item.get("properties"))
    if not any(x.get("name") == _KIND for x in said):
        item["properties"] = [*said, {"name": _KIND, "value": text(item, "type")}]
