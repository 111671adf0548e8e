"""`Package`: one thing that is installed or listed, whatever ecosystem or document it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.digests import Digest

__all__ = ["Location", "Package"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a package was seen."""

    path: str
    """Path in the image, without a leading slash."""
    layer: Digest | None = None
    """Digest of the layer (as stored) that the file came from."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package. Empty strings and tuples mean that the source does not say."""

    name: str
    version: str = ""
    """As the ecosystem writes it, epoch included where it has one."""
    type: str = ""
    """purl type: `deb`, `apk`, `pypi`, ...; empty where unknown."""
    purl: str = ""
    """Canonical package URL (purl-spec)."""
    licenses: tuple[str, ...] = ()
    """Declared licences: SPDX expressions where they can be read as such, else the words."""
    supplier: str = ""
    """Maintainer or vendor, as stated."""
    description: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Algorithm in lower case without hyphen (`sha256`) to hex."""
    locations: tuple[Location, ...] = ()
    """Where it was seen, the file that states it first."""
    architecture: str = ""
    source: str = ""
    """Name of the source package, where it has another."""
    source_version: str = ""
    depends: tuple[str, ...] = ()
    """What it states to need, in the ecosystem's words."""
    provides: tuple[str, ...] = ()
    """Names under which others may need it, besides its own."""
    cataloger: str = ""
    """Which cataloger found it."""
    id: str = ""
    """Its identifier in the document it was read from (`bom-ref`, `SPDXID`)."""

    @property
    def layer(self) -> Digest | None:
        """The layer of the first location."""
        return self.locations[0].layer if self.locations else None
