"""Packages installed by opkg (OpenWrt, Yocto): `status`, and `info/NAME.control` beside it.

Sources: opkg's own files, which have dpkg's syntax; OpenWrt's `package-pack.mk` for `SourceName`,
`License`, `CPE-ID`. `status` says what is installed, the `control` file more about it; an image
may have the one or the other. purl-spec defines no type for these packages, and they are no
Debian packages: their type is `generic`, below the distribution's name. A CPE is given where the
package itself states vendor and product.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Owned, Problem
from provenance.catalog.ecosystems.blocks import bounded
from provenance.catalog.ecosystems.control import (
    ABSENT,
    bare,
    identity_fault,
    records,
    relations,
    requirements,
)
from provenance.catalog.ecosystems.debian_lists import list_fact, owned
from provenance.errors import MalformedDocument
from provenance.packages.licenses import normalise
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import Item, MatchedFile, Remaining
    from provenance.catalog.ecosystems.control import Record

__all__ = ["CATALOGER"]

_WANTED = {
    "package": False,
    "status": False,
    "version": False,
    "architecture": False,
    "sourcename": False,
    "license": False,
    "maintainer": False,
    "homepage": False,
    "description": True,  # OpenWrt begins it on the second line
    "depends": True,
    "provides": True,
    "cpe-id": False,
}
_DATABASE = re.compile(r"((?:.*?/)??)((?:var/|usr/)?lib/opkg/)(status|info/[^/]+)", re.DOTALL)
_CPE_22 = re.compile(r"cpe:/([aho]):([a-z0-9._-]+):([a-z0-9._-]+)", re.ASCII)
_SPECIAL = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


def read(file: MatchedFile) -> Iterable[Item]:
    """Packages of `status` and `control` files; lists of files."""
    if file.path.endswith(".list"):
        return list_fact(file)
    return bounded(_packages(file), file.path)


def _packages(file: MatchedFile) -> Iterator[Package | Problem]:
    described = file.path.endswith(".control")
    for record in records(file.text(), _WANTED):
        status = record.fields.get("status", "")
        state = status.split()[-1] if status else ""
        if state in ABSENT and not described:
            continue
        fault = identity_fault(record)
        if not (fault or state or described):
            name = record.fields["package"][:100]
            fault = f"the record of {name!r} has no status, so it may not be installed"
        if fault:
            yield Problem(file.path, f"opkg: {fault}", record.line)
            continue
        try:
            yield _package(record, file)
        except MalformedDocument as error:
            yield Problem(file.path, f"opkg: {error}", record.line)


def _package(record: Record, file: MatchedFile) -> Package:
    fields = record.fields
    name, version = fields["package"], fields["version"]
    architecture = fields.get("architecture", "")
    stated = fields.get("license", "")
    licence = normalise(stated)
    return Package(
        name=name,
        version=version,
        type="generic",
        purl=_purl(name, version, architecture),
        licenses=(licence,) if licence else (),
        stated_licenses=(stated,) if stated != licence else (),
        supplier=fields.get("maintainer", ""),
        description=fields.get("description", "").strip().partition("\n")[0],
        homepage=fields.get("homepage", ""),
        cpes=_cpes(fields.get("cpe-id", ""), version),
        locations=(file.location,),
        architecture=architecture,
        source=fields.get("sourcename", ""),
        depends=relations(fields.get("depends", "")),
        provides=tuple(bare(word) for word in relations(fields.get("provides", ""))),
        cataloger="opkg",
    )


def _purl(name: str, version: str, architecture: str, vendor: str = "", distro: str = "") -> str:
    qualifiers = {"arch": architecture, "distro": distro}
    return build_purl("generic", vendor, name, version, qualifiers)


def _cpes(identifier: str, version: str) -> tuple[str, ...]:
    """The CPE 2.3 name of a `CPE-ID` (vendor and product), with the version without release."""
    match = _CPE_22.fullmatch(identifier)
    if match is None:
        return ()
    upstream = version.rpartition("-")[0] or version
    escaped = _SPECIAL.sub(lambda character: "\\" + character[0], upstream)
    return (f"cpe:2.3:{match[1]}:{match[2]}:{match[3]}:{escaped}:*:*:*:*:*:*:*",)


def complete(remaining: Remaining) -> Iterator[Package | Owned]:
    """The packages of `status` with what their `control` says; of that alone without a status."""
    described: dict[tuple[str, str, str], Package] = {}
    listed: list[tuple[str, Package]] = []
    for package in remaining.packages:
        path = package.locations[0].path
        match = _DATABASE.fullmatch(path)
        folder = match[1] + match[2] if match else ""
        if path.endswith(".control"):
            described[folder, package.name, package.version] = package
        else:
            listed.append((folder, package))
    with_status = {folder for folder, _ in listed}
    # Where there is a status, what it does not list is no longer installed.
    listed += [(key[0], p) for key, p in described.items() if key[0] not in with_status]
    for folder, package in listed:
        control = described.get((folder, package.name, package.version), package)
        match = _DATABASE.fullmatch(package.locations[0].path)
        root = match[1] if match else ""
        whole = _joined(package, control)
        vendor, distro = remaining.vendor(root, "")
        purl = _purl(whole.name, whole.version, whole.architecture, vendor, distro)
        whole = whole.changed(purl=purl)
        yield whole
        if files := owned(remaining, whole.purl, (f"{folder}info/{package.name}",)):
            yield files


def _joined(package: Package, control: Package) -> Package:
    if control is package:
        return package
    return control.changed(
        locations=package.locations + control.locations,
        architecture=package.architecture or control.architecture,
        depends=package.depends or control.depends,
        provides=package.provides or control.provides,
    )


CATALOGER = Cataloger(
    name="opkg",
    version=1,
    types=("generic",),
    read=read,
    paths=("**/lib/opkg/status", "**/lib/opkg/info/*.control", "**/lib/opkg/info/*.list"),
    complete=complete,
    requirements=requirements,
)
