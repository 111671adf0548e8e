from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog import Context, Problem, dpkg
from provenance.digests import Digest
from provenance.image.file import File
from provenance.packages.package import Package

LAYER = Digest.of(b"layer")
STATUS = "var/lib/dpkg/status"
DEBIAN = b'ID=debian\nVERSION_ID="12"\n'


def file(data: bytes, path: str = STATUS) -> File:
    return File(path, LAYER, len(data), 0o644, data, path)


def catalog(data: bytes, path: str = STATUS, **others: bytes) -> list[Package | Problem]:
    files = {"etc/os-release": file(DEBIAN, "etc/os-release")}
    files |= {
        f"usr/share/doc/{name.replace('_', '-')}/copyright": file(text)
        for name, text in others.items()
    }
    return list(dpkg.CATALOGER.catalog(file(data, path), Context(files)))


def packages(data: bytes, path: str = STATUS, **others: bytes) -> list[Package]:
    found = catalog(data, path, **others)
    assert not [p for p in found if isinstance(p, Problem)]
    return [p for p in found if isinstance(p, Package)]


WHOLE = b"""\
Package: libacl1
Status: install ok installed
Maintainer: Guillem Jover <guillem@debian.org>
Architecture: amd64
Source: acl (2.3.1-3)
Version: 1:2.3.1-3+b1
Pre-Depends: dpkg (>= 1.17)
Depends: libc6:any (>= 2.34), a | b,
 c
Provides: libacl (= 2), libacl-abi
Conffiles:
 /etc/x 11a06baf8245fd8d690b99024d228c1f
Description: access control list
 Long: not a field
 .
 more

"""


def test_every_field_has_its_place() -> None:
    assert packages(WHOLE, libacl1=b"Format: x\n\nFiles: *\nLicense: GPL-2+\n long\n") == [
        Package(
            name="libacl1",
            version="1:2.3.1-3+b1",
            type="deb",
            purl="pkg:deb/debian/libacl1@1:2.3.1-3%2Bb1"
            "?arch=amd64&distro=debian-12&upstream=acl%402.3.1-3",
            licenses=("GPL-2.0-or-later",),
            supplier="Guillem Jover <guillem@debian.org>",
            description="access control list",
            locations=packages(WHOLE)[0].locations,
            architecture="amd64",
            source="acl",
            source_version="2.3.1-3",
            depends=("dpkg (>= 1.17)", "libc6:any (>= 2.34)", "a | b", "c"),
            provides=("libacl", "libacl-abi"),
            cataloger="dpkg",
        )
    ]
    assert packages(WHOLE)[0].layer == LAYER
    assert packages(WHOLE)[0].locations[0].path == STATUS


def test_needs_are_names_with_alternatives() -> None:
    needs = list(dpkg.requirements(packages(WHOLE)[0]))
    assert needs == [("dpkg",), ("libc6",), ("a", "b"), ("c",)]


@pytest.mark.parametrize(
    ("status", "present"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("deinstall ok installed", True),
        ("install reinstreq half-installed", True),
        ("install ok unpacked", True),
        ("install ok triggers-awaited", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
    ],
)
def test_a_package_is_there_in_every_state_but_two(status: str, present: bool) -> None:  # noqa: FBT001
    data = f"Package: a\nStatus: {status}\nVersion: 1\n".encode()
    assert bool(packages(data)) is present


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"Status: install ok installed\nVersion: 1\n", "without a package name"),
        (b"Package: a\nStatus: install ok installed\n", "'a' has no version"),
        (b"Package: a\nVersion: 1\n", "'a' has no status"),
        (b"Package: a b\nStatus: install ok installed\nVersion: 1\n", "without a package name"),
        (b"nonsense\n", "without a package name"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_problem_with_its_line(
    record: bytes, message: str
) -> None:
    found = catalog(WHOLE + record)
    assert isinstance(found[0], Package)
    assert isinstance(found[1], Problem)
    assert message in found[1].message
    assert (found[1].path, found[1].line) == (STATUS, WHOLE.count(b"\n") + 1)


def test_status_d_needs_no_status_and_its_checksums_are_no_packages() -> None:
    data = b"Package: tzdata\nVersion: 1\nArchitecture: all\n"
    folder = "var/lib/dpkg/status.d"
    assert [p.name for p in packages(data, f"{folder}/tzdata")] == ["tzdata"]
    assert catalog(b"d41d8cd98f00b204e9800998ecf8427e  etc/x\n", f"{folder}/tzdata.md5sums") == []


def test_carriage_returns_case_and_spaces_on_empty_lines() -> None:
    data = b"package: a\r\nSTATUS: install ok installed\r\nVersion:1\r\n \t\r\nPackage: b\n"
    data += b"Status: install ok installed\nVersion: 2"
    assert [(p.name, p.version) for p in packages(data)] == [("a", "1"), ("b", "2")]


def test_a_database_below_another_root_looks_there() -> None:
    path = "srv/chroot/var/lib/dpkg/status"
    files = {
        "etc/os-release": file(DEBIAN),
        "srv/chroot/usr/lib/os-release": file(b"ID=ubuntu\nVERSION_ID=24.04\n"),
    }
    found = list(dpkg.CATALOGER.catalog(file(WHOLE, path), Context(files)))
    assert isinstance(found[0], Package)
    assert found[0].purl.startswith("pkg:deb/ubuntu/libacl1@")
    assert "distro=ubuntu-24.04" in found[0].purl


@pytest.mark.parametrize("release", [b"", b"VERSION_ID=1\n", b"ID=../../x\n"])
def test_without_a_usable_os_release_the_vendor_is_the_format_s(release: bytes) -> None:
    context = Context({"etc/os-release": file(release)})
    found = list(dpkg.CATALOGER.catalog(file(WHOLE), context))
    assert isinstance(found[0], Package)
    assert found[0].purl.startswith("pkg:deb/debian/")
    assert "distro=" not in found[0].purl


@pytest.mark.parametrize(
    ("text", "licenses"),
    [
        (
            b"""\
Format: https://x/1.0/

Files: *
Copyright: me
License: Expat

Files: a
License: GPL-2+ or Artistic
 text

License: Expat
 Permission ...
""",
            ("MIT", "GPL-2.0-or-later OR Artistic-1.0-Perl"),
        ),
        (b"On Debian the text is in `/usr/share/common-licenses/GPL-2'.\n", ("GPL-2",)),
        (b"see /usr/share/common-licenses/Apache-2.0.\n", ("Apache-2.0",)),
        (b"License: is granted to everybody\n", ()),
        (b"\xff\xfe", ()),
        (b"", ()),
    ],
)
def test_copyright_files(text: bytes, licenses: tuple[str, ...]) -> None:
    assert dpkg.copyright_licenses(text) == licenses


@given(
    st.lists(
        st.sampled_from(
            [
                b"Package: a\n",
                b"Status: install ok installed\n",
                b"\n",
                b" x\n",
                b"Version: 1\n",
                b": \n",
                b"\xff",
                b"Source: (\n",
                b"Depends: |,(\n",
            ]
        )
    )
)
def test_no_bytes_bring_an_error(parts: list[bytes]) -> None:
    for item in catalog(b"".join(parts), a=b"".join(parts)):
        if isinstance(item, Package):
            list(dpkg.requirements(item))


@pytest.mark.corpus
def test_real_databases(corpus: Path) -> None:
    folder = corpus / "packages"
    expected: dict[str, set[tuple[str, str, str]]] = {}
    for row in csv.DictReader((folder / "expected.tsv").read_text().splitlines(), delimiter="\t"):
        kind, _, name = row["file"].partition("/")
        if kind == "dpkg":
            rows = expected.setdefault(name, set())
            if row["version"] and not row["status"].startswith("deinstall"):
                rows.add((row["name"], row["version"], row["architecture"]))
    assert len(expected) >= 8
    for name, rows in expected.items():
        path = f"var/lib/dpkg/{name.removeprefix('distroless/')}" if "/" in name else STATUS
        found = catalog((folder / "dpkg" / name).read_bytes(), path)
        assert {
            (p.name, p.version, p.architecture) for p in found if isinstance(p, Package)
        } == rows, name
    for name in ("corrupt.status", "empty.status"):
        found = catalog((folder / "dpkg" / name).read_bytes())
        assert found
        assert all(isinstance(p, Problem) for p in found), name


@pytest.mark.peer
def test_this_machine_s_packages_are_those_that_dpkg_query_lists() -> None:
    query = shutil.which("dpkg-query")
    if query is None or not os.access("/var/lib/dpkg/status", os.R_OK):
        pytest.skip("no dpkg on this machine")
    fields = "db:Status-Status Package Version Architecture source:Package source:Version"
    form = "\\t".join(f"${{{field}}}" for field in fields.split()) + "\\n"
    listed = subprocess.run(
        [query, "-W", "-f", form], check=True, capture_output=True, text=True
    ).stdout
    expected = {
        tuple(line.split("\t")[1:])
        for line in listed.splitlines()
        if line.split("\t")[0] not in {"not-installed", "config-files"}
    }
    found = {
        (p.name, p.version, p.architecture, p.source or p.name, p.source_version or p.version)
        for p in packages(Path("/var/lib/dpkg/status").read_bytes())
    }
    assert found == expected
