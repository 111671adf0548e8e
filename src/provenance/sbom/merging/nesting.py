"""Components that lie inside of others, nested: how CycloneDX draws an assembly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.carried import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["nested"]

_CONTAINS = f"{PREFIX}contains"


def nested(raw: bytes) -> bytes:
    """A CycloneDX document in JSON with everything that is in a component listed inside of it.

    One level: what is in something that is in a component is listed in that one too.
    """
    document: dict[str, Any] = msgspec.json.decode(raw)
    components = [item for item in document["components"] if "bom-ref" in item]
    by_ref = {item["bom-ref"]: item for item in components}
    holder: dict[str, str] = {}
    for item in components:
        for prop in item.get("properties", ()):
            if prop["name"] == _CONTAINS and prop["value"] in by_ref:
                holder.setdefault(prop["value"], item["bom-ref"])
    outermost = _outermost(holder)
    kept = []
    for item in components:
        top = outermost.get(item["bom-ref"])
        if top is None:
            kept.append(item)
        else:
            by_ref[top].setdefault("components", []).append(item)
    document["components"] = kept
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _outermost(holder: Mapping[str, str]) -> dict[str, str]:
    """Each that is held to what holds it and is not held; what is in a circle is not held."""
    found: dict[str, str | None] = {}
    for ref in holder:
        way, at = [], ref
        while at in holder and at not in found:
            found[at] = None  # until the end of the way is known
            way.append(at)
            at = holder[at]
        top = found.get(at, at) if at in holder else at
        for step in way:
            found[step] = top
    return {ref: top for ref, top in found.items() if top is not None}
