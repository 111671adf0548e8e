"""Layer records as bytes and back, for the cache. Small: what a field does not say is left out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.catalog.cataloger import Fact, Problem, Relation
from provenance.catalog.files import Reading
from provenance.errors import MalformedDocument
from provenance.findings import Finding, Severity
from provenance.image import zstd
from provenance.image.name_list import NameList
from provenance.image.record import LayerRecord
from provenance.packages.package import Location, Package, Reference

if TYPE_CHECKING:
    from provenance.catalog.cataloger import Item
    from provenance.digests import Digest

__all__ = ["decode_record", "encode_record"]

_DEFAULTS: dict[str, Any] = {
    f.name: ({} if f.default is dataclasses.MISSING else f.default)
    for f in dataclasses.fields(Package)
    if f.name not in {"name", "locations"}
}
_TUPLES = frozenset(name for name, value in _DEFAULTS.items() if isinstance(value, tuple))


def encode_record(record: LayerRecord[Reading]) -> bytes:
    """The record as bytes, compressed.

    Raises:
        MalformedDocument: it holds what cannot be kept, as a number of more than 64 bits.
    """
    try:
        return _encode(record)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise MalformedDocument(
            f"what a layer yielded cannot be kept ({type(error).__name__})"
        ) from error


def _encode(record: LayerRecord[Reading]) -> bytes:
    readings = [
        (
            path,
            [(name, [_encode_item(item) for item in items]) for name, items in reading.items],
            reading.size,
            reading.sha256,
        )
        for path, reading in record.items.items()
    ]
    small = (
        readings,
        sorted(record.whiteouts),
        sorted(record.opaques),
        record.symlinks,
        record.hardlinks,
        [(f.rule, f.severity.value, f.message, f.pointer) for f in record.findings],
        record.diff_id,
    )
    names, directories = record.names, record.directories
    return msgspec.msgpack.encode(
        (
            zstd.compress(msgspec.msgpack.encode(small), 3),
            names.blocks(),
            len(names),
            directories.blocks(),
            len(directories),
        )
    )


def decode_record(data: bytes, layer: Digest) -> LayerRecord[Reading]:
    """The record of `layer` again.

    Raises:
        MalformedDocument: these are not the bytes of a record.
    """
    try:
        return _decode(data, layer)
    except (msgspec.DecodeError, zstd.ZstdError, ValueError, TypeError, KeyError) as error:
        raise MalformedDocument(
            f"a cached layer cannot be read back ({type(error).__name__})", digest=layer
        ) from error


def _decode(data: bytes, layer: Digest) -> LayerRecord[Reading]:
    packed, names, name_count, directories, directory_count = msgspec.msgpack.decode(data)
    readings, whiteouts, opaques, symlinks, hardlinks, findings, diff_id = msgspec.msgpack.decode(
        zstd.decompress(packed)
    )
    return LayerRecord(
        items={
            path: Reading(
                tuple(
                    (name, tuple(_decode_item(item, layer) for item in items))
                    for name, items in read
                ),
                size,
                sha256,
            )
            for path, read, size, sha256 in readings
        },
        whiteouts=set(whiteouts),
        opaques=set(opaques),
        symlinks=symlinks,
        hardlinks=hardlinks,
        names=NameList(names, name_count),
        directories=NameList(directories, directory_count),
        findings=[Finding(rule, Severity(level), text, at) for rule, level, text, at in findings],
        diff_id=diff_id,
    )


def _encode_item(item: Item) -> tuple[Any, ...]:
    if isinstance(item, Package):
        said = {
            name: value
            for name, default in _DEFAULTS.items()
            if (value := getattr(item, name)) != default
        }
        return "p", item.name, [(at.path, at.layer is not None) for at in item.locations], said
    if isinstance(item, Fact):
        return "f", *item
    if isinstance(item, Relation):
        return "r", *item
    if isinstance(item, Problem):
        return "x", item.path, item.message, item.line
    raise TypeError(f"{type(item).__name__} is nothing that a cataloger may yield")


def _decode_item(item: Any, layer: Digest) -> Item:
    tag, *parts = item
    if tag == "p":
        name, places, said = parts
        for key in _TUPLES.intersection(said):
            said[key] = tuple(said[key])
        if "references" in said:
            said["references"] = tuple(Reference(**stated) for stated in said["references"])
        locations = tuple(Location(path, layer if inside else None) for path, inside in places)
        return Package(name=name, locations=locations, **said)
    if tag == "f":
        return Fact(*parts)
    if tag == "r":
        return Relation(*parts)
    if tag == "x":
        return Problem(*parts)
    raise ValueError(f"unknown record item {tag!r}")
