from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provenance.catalog.cataloger import Fact, MatchedFile, Owned, Problem, Remaining
from provenance.catalog.ecosystems import opkg
from provenance.catalog.ecosystems.control import requirements
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.os_release import OsRelease
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.catalog.cataloger import Item

LAYER = Digest.of(b"layer")
FOLDER = "usr/lib/opkg/"
OPENWRT = OsRelease.parse(b'ID="openwrt"\nVERSION_ID="23.05.3"\n')
WANTED = Globs(opkg.CATALOGER.paths)


def read(data: bytes, path: str = f"{FOLDER}status") -> list[Item]:
    assert WANTED(path), path
    return list(opkg.CATALOGER.read(MatchedFile(path, LAYER, len(data), 0o644, data)))


def complete(
    files: Mapping[str, bytes], releases: Mapping[str, OsRelease] | None = None
) -> list[Package | Owned]:
    items = [item for path, data in files.items() for item in read(data, path)]
    facts: dict[str, dict[str, object]] = {}
    for item in items:
        assert not isinstance(item, Problem)
        if isinstance(item, Fact):
            facts.setdefault(item.kind, {})[item.key] = item.value
    assert opkg.CATALOGER.complete is not None
    found = [p for p in items if isinstance(p, Package)]
    remaining = Remaining(found, facts, {"": OPENWRT} if releases is None else releases)
    return [x for x in opkg.CATALOGER.complete(remaining) if isinstance(x, Package | Owned)]


STATUS = b"""\
Package: libcurl4
Version: 8.7.1+x-r2
Depends: libc, libmbedtls12 (>= 2)
Provides: libcurl
Status: install user installed
Architecture: mipsel_24kc
Installed-Time: 1711

Package: gone
Version: 1
Status: deinstall ok not-installed
Architecture: all

"""
CONTROL = b"""\
Package: libcurl4
Version: 8.7.1+x-r2
Depends: libc, libmbedtls12
Source: feeds/packages/net/curl
SourceName: curl
License: mit
LicenseFiles: COPYING
Section: libs
Maintainer: Stan <stan@example.org>
CPE-ID: cpe:/a:haxx:libcurl
Architecture: mipsel_24kc
Description:  A client-side URL transfer library
 and more
"""


def test_status_says_what_is_installed_and_control_more_of_it() -> None:
    files = {
        f"{FOLDER}status": STATUS,
        f"{FOLDER}info/libcurl4.control": CONTROL,
        f"{FOLDER}info/libcurl4.list": b"/usr/lib/libcurl.so.4.8\n/usr/lib/libcurl.so.4\t0777\tx\n",
        # Left behind by a package that status does not list.
        f"{FOLDER}info/gone.control": b"Package: gone\nVersion: 1\n",
        f"{FOLDER}info/gone.list": b"/gone\n",
    }
    purl = "pkg:generic/openwrt/libcurl4@8.7.1%2Bx-r2?arch=mipsel_24kc&distro=openwrt-23.05.3"
    assert complete(files) == [
        Package(
            name="libcurl4",
            version="8.7.1+x-r2",
            type="generic",
            purl=purl,
            licenses=("MIT",),
            stated_licenses=("mit",),
            supplier="Stan <stan@example.org>",
            description="A client-side URL transfer library",
            cpes=("cpe:2.3:a:haxx:libcurl:8.7.1\\+x:*:*:*:*:*:*:*",),
            locations=(
                Location(f"{FOLDER}status", LAYER),
                Location(f"{FOLDER}info/libcurl4.control", LAYER),
            ),
            architecture="mipsel_24kc",
            source="curl",
            depends=("libc", "libmbedtls12 (>= 2)"),
            provides=("libcurl",),
            cataloger="opkg",
        ),
        Owned(purl, ["usr/lib/libcurl.so.4.8", "usr/lib/libcurl.so.4"]),
    ]


def test_needs_are_names() -> None:
    (package,) = read(STATUS)
    assert isinstance(package, Package)
    assert list(requirements(package)) == [("libc",), ("libmbedtls12",)]


@pytest.mark.parametrize("root", ["", "rom/"])
@pytest.mark.parametrize("folder", ["usr/lib/opkg/", "var/lib/opkg/", "lib/opkg/"])
def test_control_files_alone_are_packages(root: str, folder: str) -> None:
    path = f"{root}{folder}info/libcurl4.control"
    (package,) = complete({path: CONTROL}, {root: OPENWRT})
    assert isinstance(package, Package)
    assert package.locations == (Location(path, LAYER),)
    assert package.purl.startswith("pkg:generic/openwrt/libcurl4@")


def test_without_os_release_the_purl_has_no_namespace() -> None:
    (package,) = complete({f"{FOLDER}status": STATUS}, {})
    assert isinstance(package, Package)
    assert package.purl == "pkg:generic/libcurl4@8.7.1%2Bx-r2?arch=mipsel_24kc"


@pytest.mark.parametrize(
    "identifier", ["", "cpe:/a:haxx", "cpe:/a:haxx:curl:8", "cpe:2.3:a:x:y", "cpe:/a:a%b:c"]
)
def test_what_is_no_vendor_and_product_gives_no_cpe(identifier: str) -> None:
    data = CONTROL.replace(b"cpe:/a:haxx:libcurl", identifier.encode())
    (package,) = read(data, f"{FOLDER}info/libcurl4.control")
    assert isinstance(package, Package)
    assert package.cpes == ()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"Package: a\nStatus: install user installed\n", "'a' has no version"),
        (b"Package: a\nVersion: 1\n", "'a' has no status"),
        (b"Package: /\nVersion: 1\nStatus: install user installed\n", "needs a name"),
        (b"nonsense\n", "without a package name"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_problem_with_its_line(
    record: bytes, message: str
) -> None:
    package, problem = read(STATUS + record)
    assert isinstance(package, Package)
    assert isinstance(problem, Problem)
    assert message in problem.message
    assert problem.line == STATUS.count(b"\n") + 1
