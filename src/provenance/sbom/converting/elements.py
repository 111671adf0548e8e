"""A document as its elements by identifier, and the rest of it; and together again.

Elements are what a reader of another format has too: components, packages, files. One that is
not in the first list of its kind says in `PLACE` where it is: in another component, in the
metadata, or under another key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PLACE", "Parts", "join", "shape_of", "split"]

PLACE = "^"
"""Key that no format has."""
_METADATA = "/metadata"
_DEPTH = 60
"""Of components within components, when they are put together."""


@dataclass(slots=True)
class Parts:
    """A document, taken apart."""

    elements: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Identifier to element."""
    body: dict[str, Any] = field(default_factory=dict)
    """Everything else."""

    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, item: dict[str, Any], key: str, place: str = "") -> str:
        """Enter an element under `key`, or a number where that is taken or none; return which."""
        name = key
        while not key or key in self.elements:
            count = self._counts[name] = self._counts.get(name, 0) + 1
            key = f"{name}#{count}"
        self.elements[key] = {**item, PLACE: place} if place else dict(item)
        return key


def shape_of(document: Mapping[str, Any]) -> str:
    """Whose shape a decoded document has: `cyclonedx`, `spdx2` or `spdx3`."""
    if "@graph" in document or "@context" in document:
        return "spdx3"
    return "spdx2" if "spdxVersion" in document else "cyclonedx"


def split(document: Mapping[str, Any]) -> Parts:
    """Take a document of any format apart, in the shape of its JSON."""
    parts = Parts(body=dict(document))
    shape = shape_of(document)
    if shape == "cyclonedx":
        _split_components(parts)
        return parts
    for key in ("@graph",) if shape == "spdx3" else ("packages", "files"):
        listed = parts.body.get(key)
        if not isinstance(listed, list):
            continue
        for item in _objects(listed):
            name = item.get("spdxId", item.get("@id")) if shape == "spdx3" else item.get("SPDXID")
            parts.add(item, name if isinstance(name, str) else "", key if key == "files" else "")
        parts.body[key] = [x for x in listed if not isinstance(x, dict)]
    return parts


def _split_components(parts: Parts) -> None:
    waiting: list[tuple[Any, str]] = []
    metadata = parts.body.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("component"), dict):
        parts.body["metadata"] = {k: v for k, v in metadata.items() if k != "component"}
        waiting.append(([metadata["component"]], _METADATA))
    if isinstance(parts.body.get("components"), list):
        waiting.append((parts.body["components"], ""))
        parts.body["components"] = [x for x in parts.body["components"] if not isinstance(x, dict)]
    waiting.reverse()
    while waiting:
        listed, place = waiting.pop()
        for item in _objects(listed):
            ref = item.get("bom-ref")
            key = parts.add(item, ref if isinstance(ref, str) else "", place)
            inner = item.get("components")
            if isinstance(inner, list) and any(isinstance(x, dict) for x in inner):
                waiting.append((inner, f"in {key}"))
                rest = [x for x in inner if not isinstance(x, dict)]
                element = parts.elements[key]
                del element["components"]
                if rest:
                    element["components"] = rest


def join(parts: Parts, shape: str) -> dict[str, Any]:
    """Put a document together again."""
    body = dict(parts.body)
    if shape == "cyclonedx":
        return _joined_components(parts, body)
    for key in ("@graph",) if shape == "spdx3" else ("packages", "files"):
        wanted = "" if key != "files" else key
        found = [
            {k: v for k, v in item.items() if k != PLACE}
            for item in parts.elements.values()
            if item.get(PLACE, "") == wanted
        ]
        if found:
            before = body.get(key)
            body[key] = found + (before if isinstance(before, list) else [])
    return body


def _joined_components(parts: Parts, body: dict[str, Any]) -> dict[str, Any]:
    made = {
        key: {k: v for k, v in item.items() if k != PLACE} for key, item in parts.elements.items()
    }
    top, inner = [], dict[str, list[Any]]()
    for key, item in made.items():
        place = parts.elements[key].get(PLACE, "")
        parent = str(place).removeprefix("in ")
        if place == _METADATA:
            body["metadata"] = {**_mapping(body.get("metadata")), "component": item}
        elif str(place).startswith("in ") and parent in made and _is_rooted(parts, key):
            inner.setdefault(parent, []).append(item)
        else:
            top.append(item)
    for key, listed in inner.items():
        before = made[key].get("components")
        made[key]["components"] = listed + (before if isinstance(before, list) else [])
    if top:
        before = body.get("components")
        body["components"] = top + (before if isinstance(before, list) else [])
    return body


def _is_rooted(parts: Parts, key: str) -> bool:
    """Whether the components around one end at the top, soon enough."""
    for _ in range(_DEPTH):
        place = parts.elements[key].get(PLACE, "")
        if not isinstance(place, str) or not place.startswith("in "):
            return True
        key = place.removeprefix("in ")
        if key not in parts.elements:
            return True
    return False


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(listed: list[Any]) -> Iterator[dict[str, Any]]:
    return (item for item in listed if isinstance(item, dict))
