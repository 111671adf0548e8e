"""What CycloneDX has otherwise: times, serial numbers, hashes, identifiers and references.

Source: the JSON schemas of CycloneDX 1.2 to 1.7 (`timestamp`, `serialNumber`, `hash-content`,
`refType`, `required` of a component).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.sbom.model import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["oddities"]

_UUID = re.compile(
    r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)
_HEX = re.compile(
    r"[0-9a-fA-F]{32}(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{32}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96})?"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def oddities(document: Mapping[str, Any]) -> Iterator[Finding]:
    """What is odd about a document in the shape of its JSON."""
    metadata = document.get("metadata")
    known: dict[str, int] = {}
    if isinstance(metadata, dict):
        yield from _time(metadata.get("timestamp"))
        if isinstance(metadata.get("component"), dict):
            yield from _components(
                [metadata["component"]], "/metadata/component", known, alone=True
            )
    serial = document.get("serialNumber")
    if serial is not None and not (isinstance(serial, str) and _UUID.fullmatch(serial)):
        yield _odd("odd-serial-number", "a serial number is a UUID as a URN", "/serialNumber")
    yield from _components(document.get("components"), "/components", known)
    yield from _components(document.get("services"), "/services", known)
    for name, count in known.items():
        if count > 1:
            yield _odd("duplicate-id", f"{name[:100]!r} names {count} components", "/components")
    yield from _dependencies(document.get("dependencies"), known)


def _components(
    listed: Any, pointer: str, known: dict[str, int], *, alone: bool = False
) -> Iterator[Finding]:
    """Components and services, with those in them; their identifiers are counted."""
    waiting = [(listed, pointer)]
    while waiting:
        items, where = waiting.pop()
        for number, item in enumerate(items if isinstance(items, list) else ()):
            if not isinstance(item, dict):
                continue
            at = where if alone and where == pointer else f"{where}/{number}"
            ref = item.get("bom-ref")
            if isinstance(ref, str):
                known[ref] = known.get(ref, 0) + 1
            if item.get("name") in (None, ""):
                yield _odd("missing-field", "name is mandatory", f"{at}/name")
            yield from _hashes(item.get("hashes"), f"{at}/hashes")
            waiting += [(item[k], f"{at}/{k}") for k in ("components", "services") if item.get(k)]


def _hashes(listed: Any, at: str) -> Iterator[Finding]:
    stated: dict[str, str] = {}
    for number, item in enumerate(listed if isinstance(listed, list) else ()):
        content = item.get("content") if isinstance(item, dict) else None
        if isinstance(content, str) and _HEX.fullmatch(content.strip()) is None:
            yield _odd("odd-hash", f"{content[:60]!r} is no hash in hex", f"{at}/{number}/content")
        if isinstance(content, str):
            name = str(item.get("alg") or "").lower().replace("-", "")
            if stated.setdefault(name, content).lower() != content.lower():
                message = f"another hash by {name[:20]!r} stands before it; the last one was read"
                yield _odd("odd-hash", message, f"{at}/{number}/content")


def _time(value: Any) -> Iterator[Finding]:
    if value is None or (isinstance(value, str) and _TIME.fullmatch(value.strip())):
        return
    shown = repr(value)[:100]
    said = "cannot be read as a time" if parse_time(value) is None else "is not as RFC 3339 has it"
    yield _odd("odd-time", f"{shown} {said}", "/metadata/timestamp")


def _dependencies(listed: Any, known: Mapping[str, int]) -> Iterator[Finding]:
    for number, item in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(item, dict):
            continue
        at = f"/dependencies/{number}"
        ref = item.get("ref")
        if isinstance(ref, str) and ref not in known:
            yield _dangling(ref, f"{at}/ref")
        for key in ("dependsOn", "provides"):
            targets = item.get(key)
            for place, target in enumerate(targets if isinstance(targets, list) else ()):
                if not isinstance(target, str):
                    message = "expected an identifier; passed over"
                    yield _odd("odd-value", message, f"{at}/{key}/{place}")
                elif target not in known:
                    yield _dangling(target, f"{at}/{key}/{place}")


def _dangling(name: str, at: str) -> Finding:
    return _odd("dangling-reference", f"{name[:100]!r} is nothing that the document has", at)


def _odd(rule: str, message: str, at: str) -> Finding:
    return Finding(rule, Severity.WARNING, message, at)
