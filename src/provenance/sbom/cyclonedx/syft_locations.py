"""Where syft saw a package: `syft:location:N:path` and `:layerID`, properties of a component.

Source: syft's CycloneDX encoder. Layers are named by what they decompress to, as in its own JSON.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from provenance.packages.package import Location
from provenance.sbom.model import digest_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.digests import Digest

__all__ = ["SYFT_LOCATION", "syft_locations"]

SYFT_LOCATION = "syft:location:"
"""What the names of these properties begin with."""
_DIGITS = 6


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


@lru_cache(maxsize=1024)
def _place(name: str) -> tuple[int, str] | None:
    """Number and what is said of it. Cached: all components have the same names."""
    start, number, what = (
        name[: len(SYFT_LOCATION)],
        *name[len(SYFT_LOCATION) :].partition(":")[::2],
    )
    if start != SYFT_LOCATION or not (number.isascii() and number.isdigit()):
        return None
    return (int(number), what) if len(number) <= _DIGITS else None


@lru_cache(maxsize=1024)
def _layer(text: str | None) -> Digest | None:
    """Cached: the packages of a layer all name it."""
    return digest_or_none(text)
