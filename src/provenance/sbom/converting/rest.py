"""Where a document of another format keeps the rest: what its fields do not say.

One patch an element, as JSON, in a property (CycloneDX) or an annotation (SPDX) under the
project's namespace; and one record of the document's own. Where that would be too long, the
record holds all of it, compressed.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.carried import PREFIX
from provenance.sbom.converting.elements import Parts, join, shape_of, split
from provenance.sbom.spdx.vocabulary import EPOCH, TOOL

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

__all__ = ["Rest", "is_rest", "placed", "plain", "taken", "without_empty"]

_NAME = f"{PREFIX}rest"
_START = f"{_NAME} "
_PACKED = "zlib:"
_MAX_RATIO = 60
"""Of the length unpacked to that packed; JSON of documents has under 30."""
_ALWAYS = 8 * 2**20
"""Bytes that are unpacked whatever the ratio."""
_OURS = "provenance ["


@dataclass(slots=True)
class Rest:
    """What is kept of the document that was converted."""

    format: str = ""
    """Its format's name; empty where nothing is kept."""
    namespace: str = ""
    """What precedes the identifiers that the way back makes."""
    is_bare: bool = False
    """Whether it has metadata only to keep this."""
    is_plain: bool = False
    """Whether it had nothing of this project's own."""
    patches: dict[str, Any] = field(default_factory=dict)
    """Identifier, in the document that keeps it, to the patch of that element."""
    names: dict[str, str] = field(default_factory=dict)
    """Identifier here to that in the document that was converted, where they differ."""
    body: Any = field(default_factory=dict)
    """Patch of everything that belongs to no element."""
    more: dict[str, Any] = field(default_factory=dict)
    """Elements that have no counterpart here."""
    gone: list[str] = field(default_factory=list)
    """Identifiers of elements that the way back makes, and that were not there."""

    def record(self, here: Container[str], *, whole: bool) -> str:
        """As one text; with `whole`, everything in it, compressed; else what is not `here`."""
        said: dict[str, Any] = {"of": self.format, "plain": self.is_plain, "bare": self.is_bare}
        said["ns"] = self.namespace
        said |= {"body": self.body, "more": self.more, "gone": self.gone}
        if not whole:
            said["patches"] = {k: v for k, v in self.patches.items() if k not in here}
            said["names"] = {k: v for k, v in self.names.items() if k not in here}
            said = {key: value for key, value in said.items() if value}
            return msgspec.json.encode(said).decode()
        raw = msgspec.json.encode(said | {"patches": self.patches, "names": self.names})
        return _PACKED + base64.b85encode(zlib.compress(raw, 9)).decode()


def placed(document: Mapping[str, Any], rest: Rest, *, whole: bool) -> dict[str, Any]:
    """The document with the rest in it."""
    parts, shape = split(document), shape_of(document)
    here = frozenset(parts.elements)
    rest.is_bare = "metadata" not in document
    if not whole:
        for key in dict.fromkeys((*rest.patches, *rest.names)):
            patch = rest.patches.get(key, {})
            if key in rest.names:
                patch = {"@": rest.names[key], **patch}
            if key in here and patch:
                text = msgspec.json.encode(patch).decode()
                _add(parts, shape, parts.elements[key], text, document, key)
    _add(parts, shape, parts.body, rest.record(here, whole=whole), document, "")
    return join(parts, shape)


def _add(
    parts: Parts,
    shape: str,
    item: dict[str, Any],
    text: str,
    document: Mapping[str, Any],
    key: str,
) -> None:
    if shape == "cyclonedx":
        if not key:
            metadata = item.get("metadata")
            item["metadata"] = item = dict(metadata) if isinstance(metadata, dict) else {}
        item["properties"] = [*_items(item, "properties"), {"name": _NAME, "value": text}]
    elif shape == "spdx2":
        item["annotations"] = [*_items(item, "annotations"), _annotation(document, text)]
    else:
        name = key or next(_named(parts, "SpdxDocument"), "")
        number = f"urn:provenance:annotation:{len(parts.elements)}"
        parts.elements[number] = {
            "type": "Annotation",
            "spdxId": f"{name.partition('#')[0]}#Annotation-{len(parts.elements)}",
            "creationInfo": next(_named(parts, "CreationInfo"), ""),
            "annotationType": "other",
            "contentType": "application/json",
            "statement": _START + text,
            "subject": name,
        }


def _annotation(document: Mapping[str, Any], text: str) -> dict[str, str]:
    info = document.get("creationInfo")
    created = info.get("created") if isinstance(info, dict) else None
    return {
        "annotationDate": created if isinstance(created, str) else EPOCH,
        "annotationType": "OTHER",
        "annotator": f"Tool: {TOOL}",
        "comment": _START + text,
    }


def _named(parts: Parts, kind: str) -> Iterator[str]:
    return (key for key, item in parts.elements.items() if item.get("type") == kind)


def _items(item: Mapping[str, Any], key: str) -> list[Any]:
    value = item.get(key)
    return value if isinstance(value, list) else []


def taken(document: Mapping[str, Any]) -> tuple[dict[str, Any], Rest]:
    """The document without the rest, and the rest; what cannot be understood stays."""
    parts, shape, rest = split(document), shape_of(document), Rest()
    if shape == "spdx3":
        _take_annotations(parts, rest)
        return (join(parts, shape), rest) if rest.format else (dict(document), Rest())
    key = "properties" if shape == "cyclonedx" else "annotations"
    body = parts.body
    if shape == "cyclonedx":
        metadata = body.get("metadata")
        body = dict(metadata) if isinstance(metadata, dict) else {}
    if (record := _take(body, key, is_record=True)) is None:
        return dict(document), Rest()
    _enter(rest, record)
    if shape == "cyclonedx":
        parts.body["metadata"] = body
        if rest.is_bare and not body:
            del parts.body["metadata"]
    for name, item in parts.elements.items():
        if (patch := _take(item, key)) is not None:
            _enter_patch(rest, name, patch)
    return join(parts, shape), rest


def without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """The document without an empty list where the rest may be kept.

    Once that is taken out again, nobody could say whether the list was there.
    """
    parts, shape = split(document), shape_of(document)
    key = "annotations" if shape == "spdx2" else "properties"
    holders = [parts.body, *parts.elements.values()]
    if isinstance(metadata := parts.body.get("metadata"), dict):
        metadata = parts.body["metadata"] = dict(metadata)
        holders.append(metadata)
    for item in holders:
        if item.get(key) == []:
            del item[key]
    return join(parts, shape)


def _take(item: dict[str, Any], key: str, *, is_record: bool = False) -> Any:
    """What is kept at `item`, now no more; None where nothing is."""
    found, kept = None, []
    for entry in _items(item, key):
        text = None if found is not None else _text(entry)
        if text is None or (found := _decoded(text, is_record=is_record)) is None:
            kept.append(entry)
    if found is not None:
        item[key] = kept
        if not kept:
            del item[key]
    return found


def _text(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    if entry.get("name") == _NAME:
        value = entry.get("value")
        return value if isinstance(value, str) else None
    for key in ("comment", "statement"):
        value = entry.get(key)
        if isinstance(value, str) and value.startswith(_START):
            return value.removeprefix(_START)
    return None


def _take_annotations(parts: Parts, rest: Rest) -> None:
    documents = set(_named(parts, "SpdxDocument"))
    is_told = False
    for name in list(_named(parts, "Annotation")):
        item = parts.elements[name]
        text = _text(item)
        subject = item.get("subject")
        is_record = not is_told and isinstance(subject, str) and subject in documents
        found = None if text is None else _decoded(text, is_record=is_record)
        if found is None:
            continue
        del parts.elements[name]
        is_told = is_told or is_record
        if is_record:
            _enter(rest, found)
        elif isinstance(subject, str):
            _enter_patch(rest, subject, found)


def _enter(rest: Rest, record: dict[str, Any]) -> None:
    def of(key: str, kind: type, instead: Any) -> Any:
        value = record.get(key)
        return value if isinstance(value, kind) else instead

    rest.format, rest.namespace = of("of", str, ""), of("ns", str, "")
    rest.is_plain, rest.is_bare = of("plain", bool, instead=False), of("bare", bool, instead=False)
    rest.body = of("body", dict, {})
    rest.more = {k: v for k, v in of("more", dict, {}).items() if isinstance(v, dict)}
    rest.gone = [x for x in of("gone", list, []) if isinstance(x, str)]
    rest.patches |= of("patches", dict, {})
    rest.names |= {k: v for k, v in of("names", dict, {}).items() if isinstance(v, str)}


def _enter_patch(rest: Rest, name: str, patch: dict[str, Any]) -> None:
    before = patch.get("@")
    if isinstance(before, str):
        rest.names[name] = before
    rest.patches[name] = {key: value for key, value in patch.items() if key != "@"}


def _decoded(text: str, *, is_record: bool) -> dict[str, Any] | None:
    """The value; only one record of a document is unpacked, or each could be eight megabytes."""
    try:
        if text.startswith(_PACKED) and is_record:
            raw = _unpacked(text.removeprefix(_PACKED))
        else:
            raw = text.encode("utf-8", "replace")
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError, msgspec.DecodeError, zlib.error, binascii.Error):
        return None
    return value if isinstance(value, dict) else None


def _unpacked(text: str) -> bytes:
    packed = base64.b85decode(text)
    engine = zlib.decompressobj()
    raw = engine.decompress(packed, max(len(packed) * _MAX_RATIO, _ALWAYS))
    if engine.unconsumed_tail or not engine.eof:
        raise ValueError
    return raw


def is_rest(entry: Mapping[str, Any]) -> bool:
    """Whether a property or annotation keeps what another format said."""
    return _text(dict(entry)) is not None


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without anything of this project's own, as others write them."""
    parts, shape = split(document), shape_of(document)
    for item in parts.elements.values():
        for key in ("properties", "annotations"):
            before = _items(item, key)
            kept = [x for x in before if not _is_ours(x)]
            if len(kept) < len(before):
                item[key] = kept
                if not kept:
                    del item[key]
        if str(item.get("comment", "")).startswith(_OURS):
            del item["comment"]
    return join(parts, shape)


def _is_ours(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    said = str(entry.get("comment", ""))
    return str(entry.get("name", "")).startswith(PREFIX) or said.startswith(_OURS)
