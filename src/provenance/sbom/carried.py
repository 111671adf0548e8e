"""What a package says that a format has no field for: carried under one namespace, and back.

CycloneDX carries it in `properties`, SPDX in an annotation; both as the same pairs, so that one
function writes and one reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.packages.package import Location, Package
from provenance.sbom.model import clean, digest_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PREFIX", "carry", "restore"]

PREFIX = "provenance:"
_TEXTS = ("type", "architecture", "source", "source_version", "cataloger")
_LISTS = ("depends", "provides")


def carry(package: Package) -> list[tuple[str, str]]:
    """Name and value of everything that has no field of its own, in a fixed order."""
    pairs = [(f"{PREFIX}{name}", getattr(package, name)) for name in _TEXTS]
    pairs += [(f"{PREFIX}{name}", value) for name in _LISTS for value in getattr(package, name)]
    for number, location in enumerate(package.locations):
        pairs.append((f"{PREFIX}location:{number}:path", location.path))
        if location.layer is not None:
            pairs.append((f"{PREFIX}location:{number}:layer", str(location.layer)))
    return [(name, clean(value)) for name, value in pairs if value]


def restore(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The fields of a `Package` that `carry` wrote; pairs of others are passed over."""
    fields: dict[str, Any] = {}
    paths: dict[int, str] = {}
    layers: dict[int, str] = {}
    for name, value in pairs:
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX)
        if key in _TEXTS:
            fields[key] = value
        elif key in _LISTS:
            fields[key] = (*fields.get(key, ()), value)
        elif key.startswith("location:"):
            number, _, what = key.removeprefix("location:").partition(":")
            if number.isascii() and number.isdigit() and len(number) < 7:
                (paths if what == "path" else layers)[int(number)] = value
    if paths:
        fields["locations"] = tuple(
            Location(paths[n], digest_or_none(layers.get(n))) for n in sorted(paths)
        )
    return fields
