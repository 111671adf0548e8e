"""`Package`: one thing that is installed or listed, whatever ecosystem or document it came from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.digests import Digest

__all__ = ["ListedFile", "Location", "Package", "Reference"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a package was seen."""

    path: str
    """Path in the image, without a leading slash; within an archive `a.war!/WEB-INF/lib/b.jar`."""
    layer: Digest | None = None
    """Digest of the layer (as stored) that the file came from."""
    created_by: str = ""
    """The instruction that made the layer, as the image's history says."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where more is said about a package."""

    type: str
    """The format's word: `vcs`, `issue-tracker`, `advisory`, ..."""
    url: str
    """URL or locator, as stated."""
    comment: str = ""
    category: str = ""
    """SPDX's category (`SECURITY`, ...) where its word for the type is none of CycloneDX's."""


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
    stated_licenses: tuple[str, ...] = ()
    """The licences in the source's own words, where `licenses` reads them otherwise."""
    supplier: str = ""
    """Maintainer or vendor, as stated."""
    author: str = ""
    """Who wrote it, as stated."""
    description: str = ""
    homepage: str = ""
    """URL of the project, as stated."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Algorithm in lower case without hyphen (`sha256`) to hex."""
    cpes: tuple[str, ...] = ()
    """CPE 2.3 names, where a stable rule gives one."""
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
    kind: str = ""
    """CycloneDX's word for what it is, `application` say; empty for a library."""
    id: str = ""
    """Its identifier in the document it was read from (`bom-ref`, `SPDXID`)."""
    copyright: str = ""
    """Copyright notices, as stated."""
    concluded: tuple[str, ...] = ()
    """Licences that somebody concluded after looking; `licenses` are these if none is declared."""
    is_declared: bool = True
    """Whether `licenses` are declared, not concluded ones in their place."""
    download: str = ""
    """Where it can be downloaded, as stated."""
    references: tuple[Reference, ...] = ()
    """More external references, as stated."""
    more_purls: tuple[str, ...] = ()
    """Further purls, where a document states several."""

    def changed(self, **values: Any) -> Package:
        """The same package, of which these fields are others. Many are: `replace` takes longer."""
        made = object.__new__(Package)
        for put, value in zip(_PUT, _VALUES(self), strict=True):
            put(made, value)
        for name, value in values.items():
            object.__setattr__(made, name, value)
        return made

    @property
    def layer(self) -> Digest | None:
        """The layer of the first location."""
        return self.locations[0].layer if self.locations else None


_VALUES = attrgetter(*(f.name for f in fields(Package)))
_PUT = tuple(getattr(Package, f.name).__set__ for f in fields(Package))
"""Of each field, past the guard of a frozen class."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that a document lists."""

    path: str
    """Path in the image, without a leading slash."""
    size: int = -1
    """Bytes; -1 where unknown."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Algorithm to hex, as in `Package.hashes`."""
    layer: Digest | None = None
    """Digest of the layer (as stored) that the bytes came from."""
    owner: str = ""
    """purl of the package that installed it."""
    id: str = ""
    """Its identifier in the document it was read from."""
