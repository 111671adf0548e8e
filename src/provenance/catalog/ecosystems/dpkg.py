"""Installed Debian packages: `status`, the `status.d/` of distroless images, chisel's manifest.

Sources: Debian Policy 5 (fields), 12.5 (copyright), dpkg(1) (states), dpkg-query(1) (`info/`).
Not read: `available` (offers, not facts); `diversions`, so a diverted file is named where its
package would have put it. No CPE: Debian states none, and names of source packages are no
vendors or products of NVD's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.cataloger import Cataloger, Fact, Owned, Problem
from provenance.catalog.ecosystems import chisel, debian_copyright
from provenance.catalog.ecosystems.blocks import bounded
from provenance.catalog.ecosystems.control import (
    ABSENT,
    bare,
    identity_fault,
    records,
    relations,
    requirements,
)
from provenance.catalog.ecosystems.debian_lists import LISTS, list_fact, owned
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import Item, MatchedFile, Remaining
    from provenance.catalog.ecosystems.control import Record
    from provenance.packages.package import Location

__all__ = ["CATALOGER"]

# Field to whether its continuation lines count.
_WANTED = {
    "package": False,
    "status": False,
    "version": False,
    "architecture": False,
    "source": True,
    "maintainer": True,
    "homepage": False,
    "description": False,
    "pre-depends": True,
    "depends": True,
    "provides": True,
    "conffiles": True,
}
_SOURCE = re.compile(r"(\S+)(?:\s+\(([^()]*)\))?")
_DATABASE = re.compile(
    r"((?:.*?/)??)((?:var/|usr/)?lib/(?:dpkg|chisel)/)(status|status\.d/[^/]+|info/[^/]+|manifest\.wall)",
    re.DOTALL,
)
# What a control archive holds besides `control`: no package, wherever it was unpacked to.
_NO_CONTROL = re.compile(
    r".+\.(preinst|postinst|prerm|postrm|config|templates|triggers|shlibs|symbols)"
)


class _Place(NamedTuple):
    root: str
    folder: str
    """Of the database, ending in `/`."""
    tail: str
    """Path of the file in it."""


@lru_cache(maxsize=64)  # all packages of a status file ask for the same
def _place(path: str) -> _Place | None:
    match = _DATABASE.fullmatch(path)
    return _Place(match[1], match[1] + match[2], match[3]) if match else None


def read(file: MatchedFile) -> Iterable[Item]:
    """Packages of `status` files; of the others what they say of packages."""
    if file.path.endswith("/copyright"):
        return debian_copyright.read(file)
    place = _place(file.path)
    if place is None or _NO_CONTROL.fullmatch(place.tail):
        return ()
    if place.tail == chisel.MANIFEST:
        return chisel.read(file)
    if place.tail.startswith("info/") or place.tail.endswith(LISTS):
        return list_fact(file)
    return bounded(_status(file, place), file.path)


def _status(file: MatchedFile, place: _Place) -> Iterator[Item]:
    single, locations = place.tail != "status", (file.location,)
    for record in records(file.text(), _WANTED):
        status = record.fields.get("status", "")
        state = status.split()[-1] if status else ""
        if state in ABSENT:
            continue
        fault = identity_fault(record)
        if not (fault or state or single):
            name = record.fields["package"][:100]
            fault = f"the record of {name!r} has no status, so it may not be installed"
        if fault:
            yield Problem(file.path, f"dpkg: {fault}", record.line)
            continue
        try:
            package = _package(record, locations)
        except MalformedDocument as error:
            yield Problem(file.path, f"dpkg: {error}", record.line)
            continue
        yield package
        if conffiles := record.fields.get("conffiles"):
            yield Fact("conffiles", _conffiles_key(package), conffiles)


def _package(record: Record, locations: tuple[Location, ...]) -> Package:
    fields = record.fields
    name, version = fields["package"], fields["version"]
    architecture = fields.get("architecture", "")
    source = source_version = ""
    if match := _SOURCE.match(fields.get("source", "")):
        source, source_version = match[1], (match[2] or "").strip()
    return Package(
        name=name,
        version=version,
        type="deb",
        purl=build_purl(
            "deb", "debian", name, version, _qualifiers(architecture, source, source_version)
        ),
        supplier=fields.get("maintainer", ""),
        description=fields.get("description", ""),
        homepage=fields.get("homepage", ""),
        locations=locations,
        architecture=architecture,
        source=source,
        source_version=source_version,
        depends=relations(fields.get("pre-depends", "")) + relations(fields.get("depends", "")),
        provides=tuple(bare(word) for word in relations(fields.get("provides", ""))),
        cataloger="dpkg",
    )


def _qualifiers(
    architecture: str, source: str, source_version: str, distro: str = ""
) -> dict[str, str]:
    upstream = f"{source}@{source_version}" if source and source_version else source
    return {"arch": architecture, "distro": distro, "upstream": upstream}


def _purl(package: Package, vendor: str, distro: str) -> str:
    qualifiers = _qualifiers(package.architecture, package.source, package.source_version, distro)
    return build_purl("deb", vendor, package.name, package.version, qualifiers)


def _conffiles_key(package: Package) -> str:
    return f"{package.locations[0].path} {package.name}:{package.architecture}"


_NOTHING: dict[str, list[str]] = {"licenses": [], "words": []}


def complete(remaining: Remaining) -> Iterator[Package | Owned]:
    """The packages with their distribution and licences, and the files that they installed."""
    licenses = remaining.of("licenses")
    cut = {id(p) for p in remaining.packages if p.locations[0].path.endswith(chisel.MANIFEST)}
    known = {(p.name, p.version) for p in remaining.packages if id(p) not in cut}
    for package in remaining.packages:
        place = _place(package.locations[0].path)
        # Of what chisel cut, status.d says more, where images have that too.
        if place is None or (id(package) in cut and (package.name, package.version) in known):
            continue
        # A package may have a link in place of its directory of documents (Policy 12.5).
        documents = remaining.real(debian_copyright.key(place.root, package.name))
        stated = licenses.get(documents or "", _NOTHING)
        whole = package.changed(
            purl=_purl(package, *remaining.vendor(place.root, "debian")),
            licenses=tuple(stated["licenses"]),
            stated_licenses=tuple(stated["words"]),
        )
        yield whole
        stems = (
            package.locations[0].path,  # status.d/NAME.md5sums
            f"{place.folder}info/{package.name}:{package.architecture}",
            f"{place.folder}info/{package.name}",
        )
        conffiles = remaining.of("conffiles").get(_conffiles_key(package), "")
        if files := owned(remaining, whole.purl, stems, conffiles):
            yield files


CATALOGER = Cataloger(
    name="dpkg",
    version=2,
    types=("deb",),
    read=read,
    paths=(
        "**/lib/dpkg/status",
        "**/lib/dpkg/status.d/*",
        "**/lib/dpkg/info/*.list",
        f"**/lib/chisel/{chisel.MANIFEST}",
        "**/usr/share/doc/*/copyright",
    ),
    file_lists=("**/lib/dpkg/info/*.md5sums", "**/lib/dpkg/info/*.conffiles"),
    complete=complete,
    requirements=requirements,
)
