"""Where syft saw a package: `syft:location:N:path` and `:layerID`, properties of a component.

Source: syft's CycloneDX encoder. Layers are named by what they decompress to, as in its own JSON.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from provenance.packages.package import Location
from provenance.sbom.lists import Places
from provenance.sbom.model import digest_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provenance.digests import Digest

__all__ = ["syft_locations", "syft_places"]

_SYFT_LOCATION = "syft:location:"
_SYFT = _SYFT_LOCATION.encode()
_DIGITS = 6


class _Property(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | None = ""


_DECODER = msgspec.json.Decoder(list[list[_Property]])


def syft_locations(pairs: Iterable[tuple[str, str]]) -> tuple[Location, ...]:
    """Those that properties, names and values, spell; by their number."""
    places: dict[int, dict[str, str]] = {}
    for name, value in pairs:
        if (said := _place(name)) is not None:
            places.setdefault(said[0], {})[said[1]] = value
    if not places:
        return ()
    return tuple(
        Location(place["path"].lstrip("/"), _layer(place.get("layerID")))
        for _, place in sorted(places.items())
        if "path" in place
    )


def syft_places(stated: Sequence[msgspec.Raw]) -> Places:
    """The same of many components, out of the bytes of their properties.

    Raises:
        msgspec.DecodeError: some are no properties with names and values that are texts.
    """
    rows, slices = _that_say_any(stated)
    try:
        listed = _DECODER.decode(b"[[" + b",[".join(slices) + b"]" if slices else b"[]")
    except msgspec.DecodeError:
        listed = _DECODER.decode(b"[" + b",".join([stated[row] for row in rows]) + b"]")
    found = _places(listed)
    if None in found.paths or None in found.layers:  # which are passed over
        found = _places([[p for p in said if p.value is not None] for said in listed])
    counts = [0] * len(stated)
    for row, count in zip(rows, found.counts, strict=True):
        counts[row] = count
    known = {text: _layer(text) for text in set(found.layers)}
    return Places(
        counts, [path.lstrip("/") for path in found.paths], [known[text] for text in found.layers]
    )


class _Stated(NamedTuple):
    counts: list[int]
    paths: list[Any]
    layers: list[str | None]


def _places(listed: Sequence[Sequence[_Property]]) -> _Stated:
    """Places as properties state them. Most packages have the same names in the same order."""
    found = _Stated([], [], [])
    counts, paths, layers = found
    plans: dict[tuple[str | None, ...], list[tuple[int, int]]] = {}
    for properties in listed:
        names = tuple([p.name for p in properties])
        if (plan := plans.get(names)) is None:
            plan = plans[names] = _plan(names)
        for at, layer_at in plan:
            paths.append(properties[at].value)
            layers.append(properties[layer_at].value if layer_at >= 0 else "")
        counts.append(len(plan))
    return found


def _that_say_any(stated: Sequence[msgspec.Raw]) -> tuple[list[int], list[bytes]]:
    """The rows that may name places, and their properties from the first that does so on.

    What is before the last brace before a name is left out, if nothing in it is escaped. Then as
    many quotes are between the two as are decoded: from a brace within a string the name would be
    decoded as no string. From one that lies deeper than a property more brackets are closed than
    are open. Neither can be decoded, and all of the properties are decoded instead.
    """
    rows, slices = [], []
    for row, raw in enumerate(stated):
        said = bytes(raw)
        at = said.find(_SYFT)
        start = said.rfind(b"{", 0, at) if at >= 0 else -1
        if start >= 0 and said.find(b"\\", 0, at) < 0:
            slices.append(said[start:])
        elif at >= 0 or b"\\" in said:  # by which a name may hide from the search for it
            slices.append(_inner(said))
        else:
            continue
        rows.append(row)
    return rows, slices


def _inner(array: bytes) -> bytes:
    if array[:1] != b"[":
        raise msgspec.ValidationError
    return array[1:]


def _plan(names: Sequence[str | None]) -> list[tuple[int, int]]:
    """Where among properties of these names path and layer of each place are; -1: nowhere."""
    places: dict[int, dict[str, int]] = {}
    for at, name in enumerate(names):
        if name is not None and (said := _place(name)) is not None:
            places.setdefault(said[0], {})[said[1]] = at
    return [
        (place["path"], place.get("layerID", -1))
        for _, place in sorted(places.items())
        if "path" in place
    ]


@lru_cache(maxsize=1024)
def _place(name: str) -> tuple[int, str] | None:
    """Number and what is said of it. Cached: all components have the same names."""
    start, number, what = (
        name[: len(_SYFT_LOCATION)],
        *name[len(_SYFT_LOCATION) :].partition(":")[::2],
    )
    if start != _SYFT_LOCATION or not (number.isascii() and number.isdigit()):
        return None
    return (int(number), what) if len(number) <= _DIGITS else None


@lru_cache(maxsize=1024)
def _layer(text: str | None) -> Digest | None:
    """Cached: the packages of a layer all name it."""
    return digest_or_none(text)
