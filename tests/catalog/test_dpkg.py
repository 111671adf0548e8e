from __future__ import annotations

import csv
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.cataloger import Fact, MatchedFile, Owned, Problem, Remaining
from provenance.catalog.ecosystems import dpkg
from provenance.catalog.ecosystems.control import requirements
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.image.zstd import compress
from provenance.packages.os_release import OsRelease
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.catalog.cataloger import Item

LAYER = Digest.of(b"layer")
STATUS = "var/lib/dpkg/status"
INFO = "var/lib/dpkg/info/"
DEBIAN = OsRelease.parse(b'ID=debian\nVERSION_ID="12"\n')
WANTED = Globs(dpkg.CATALOGER.paths)
WITH_HASHES = Globs((*dpkg.CATALOGER.paths, *dpkg.CATALOGER.file_lists))


def read(data: bytes, path: str = STATUS) -> list[Item]:
    assert WITH_HASHES(path), path
    return list(dpkg.CATALOGER.read(MatchedFile(path, LAYER, len(data), 0o644, data)))


def packages(data: bytes, path: str = STATUS) -> list[Package]:
    found = read(data, path)
    assert not [p for p in found if isinstance(p, Problem)]
    return [p for p in found if isinstance(p, Package)]


def complete(
    files: Mapping[str, bytes],
    releases: Mapping[str, OsRelease] | None = None,
    wanted: Globs = WITH_HASHES,
) -> list[Package | Owned]:
    """What the files of an image yield in the end."""
    found: list[Package] = []
    facts: dict[str, dict[str, object]] = {}
    for path, data in files.items():
        for item in read(data, path) if wanted(path) else ():
            assert not isinstance(item, Problem)
            if isinstance(item, Package):
                found.append(item)
            elif isinstance(item, Fact):
                assert item.key not in facts.setdefault(item.kind, {})
                facts[item.kind][item.key] = item.value
    assert dpkg.CATALOGER.complete is not None
    remaining = Remaining(found, facts, {"": DEBIAN} if releases is None else releases)
    return [x for x in dpkg.CATALOGER.complete(remaining) if isinstance(x, Package | Owned)]


def whole(files: Mapping[str, bytes]) -> dict[str, Package]:
    return {p.name: p for p in complete(files) if isinstance(p, Package)}


def record(name: str, *lines: str) -> bytes:
    head = (f"Package: {name}", "Status: install ok installed", "Architecture: amd64")
    return "\n".join((*head, "Version: 1", *lines, "\n")).encode()


WHOLE = b"""\
Package: libacl1
Status: install ok installed
Maintainer: Guillem Jover <guillem@debian.org>
Architecture: amd64
Multi-Arch: same
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
Homepage: https://savannah.nongnu.org/projects/acl/

"""


def test_every_field_has_its_place() -> None:
    copyright_file = b"Format: x\n\nFiles: *\nLicense: GPL-2+\n long\n"
    assert complete({STATUS: WHOLE, "usr/share/doc/libacl1/copyright": copyright_file}) == [
        Package(
            name="libacl1",
            version="1:2.3.1-3+b1",
            type="deb",
            purl="pkg:deb/debian/libacl1@1:2.3.1-3%2Bb1"
            "?arch=amd64&distro=debian-12&upstream=acl%402.3.1-3",
            licenses=("GPL-2.0-or-later",),
            stated_licenses=("GPL-2+",),
            supplier="Guillem Jover <guillem@debian.org>",
            description="access control list",
            homepage="https://savannah.nongnu.org/projects/acl/",
            locations=(Location(STATUS, LAYER),),
            architecture="amd64",
            source="acl",
            source_version="2.3.1-3",
            depends=("dpkg (>= 1.17)", "libc6:any (>= 2.34)", "a | b", "c"),
            provides=("libacl", "libacl-abi"),
            cataloger="dpkg",
        ),
        Owned(
            "pkg:deb/debian/libacl1@1:2.3.1-3%2Bb1"
            "?arch=amd64&distro=debian-12&upstream=acl%402.3.1-3",
            ["etc/x"],
            ["md5:11a06baf8245fd8d690b99024d228c1f"],
        ),
    ]


def test_what_a_layer_yields_has_a_purl_already_and_needs_no_other_file() -> None:
    package = packages(WHOLE)[0]
    assert package.purl == "pkg:deb/debian/libacl1@1:2.3.1-3%2Bb1?arch=amd64&upstream=acl%402.3.1-3"
    assert package.layer == LAYER


def test_needs_are_names_with_alternatives() -> None:
    needs = list(requirements(packages(WHOLE)[0]))
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
    ("faulty", "message"),
    [
        (b"Status: install ok installed\nVersion: 1\n", "without a package name"),
        (b"Package: a\nStatus: install ok installed\n", "'a' has no version"),
        (b"Package: a\nVersion: 1\n", "'a' has no status"),
        (b"Package: a b\nStatus: install ok installed\nVersion: 1\n", "without a package name"),
        (b"Package: a\nStatus: install ok installed\nVersion: 1 2\n", "version of 'a' is none"),
        (b"Package: /\nStatus: install ok installed\nVersion: 1\n", "needs a name"),
        (b"nonsense\n", "without a package name"),
        (b"Package: a\nDepends: " + b"x," * 600_000 + b"\nVersion: 1\n", "too long"),
        (b"Package: a\nConffiles:\n" + b" x\n" * 60_000 + b"Version: 1\n", "more than 50000 lines"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_problem_with_its_line(
    faulty: bytes, message: str
) -> None:
    found = read(WHOLE + b"\n" + faulty + b"\n" + record("last"))
    first, _, problem, last = found
    assert isinstance(first, Package)
    assert isinstance(problem, Problem)
    assert message in problem.message
    assert (problem.path, problem.line) == (STATUS, WHOLE.count(b"\n") + 2)
    assert isinstance(last, Package)


def test_a_file_of_nothing_but_faults_is_told_of_briefly() -> None:
    found = read(b"nonsense\n\n" * 5000)
    assert len(found) == 101
    assert found[-1] == Problem(STATUS, "more than 100 records cannot be read")


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 20_000_000,
        b"\n" * 20_000_000,
        b"Package: a\n" * 1_500_000,
        b"Depends:\n" + b" a,\n" * 4_000_000,
        b"\n" + b" " * 20_000_000 + b"x",
        b"Depends:" + b" " * 10_000_000 + b"," * 10_000_000,
        b"a\n\n" * 6_000_000,
    ],
    ids=["one line", "empty lines", "one field", "one value", "blanks", "commas", "records"],
)
def test_large_files_without_sense_end_soon(data: bytes) -> None:
    start = time.thread_time()
    found = read(data)
    assert len(found) <= 102
    assert all(isinstance(item, Problem) for item in found)
    assert time.thread_time() - start < 4  # a second at most; quadratic ones would take minutes


def test_status_d_needs_no_status_and_its_checksums_are_its_files() -> None:
    data = b"Package: tzdata\nVersion: 1\nArchitecture: all\n"
    folder = "var/lib/dpkg/status.d"
    purl = "pkg:deb/debian/tzdata@1?arch=all&distro=debian-12"
    sums = b"d41d8cd98f00b204e9800998ecf8427e  etc/x\n"
    files = {f"{folder}/tzdata": data, f"{folder}/tzdata.md5sums": sums}
    package, owned = complete(files, wanted=WANTED)
    assert isinstance(package, Package)
    assert package.purl == purl
    assert owned == Owned(purl, ["etc/x"], ["md5:d41d8cd98f00b204e9800998ecf8427e"])
    # Some build tools keep dpkg's own place for them, and put maintainer scripts beside.
    files = {f"{folder}/tzdata": data, f"{INFO}tzdata.md5sums": sums, f"{folder}/t.postinst": b"#"}
    assert complete(files)[1] == owned


def test_the_files_of_a_package_and_the_hashes_of_those_that_have_one() -> None:
    status = record("a", "Conffiles:", f" /etc/a {'1' * 32}", f" /etc/old {'2' * 32} obsolete")
    listing = b"/.\n/etc\n/etc/a\n/usr/b c\n/usr/\xff\n"
    files = {
        STATUS: status,
        f"{INFO}a.list": listing,
        f"{INFO}a.md5sums": b"A" * 32 + b"  usr/b c\nnonsense\n" + b"z" * 32 + b"  etc\n",
    }
    purl = "pkg:deb/debian/a@1?arch=amd64&distro=debian-12"
    paths = ["etc", "etc/a", "usr/b c", "usr/\ufffd"]
    assert complete(files)[1] == Owned(purl, paths, ["", "md5:" + "1" * 32, "md5:" + "a" * 32, ""])
    assert complete({STATUS: record("a"), f"{INFO}a.list": listing})[1] == Owned(purl, paths)


def test_conffiles_beside_a_record_without_list_are_its_files_too() -> None:
    folder = "var/lib/dpkg/status.d"
    files = {
        f"{folder}/a": record("a"),
        f"{folder}/a.md5sums": b"a" * 32 + b"  ./usr/a\n",
        f"{folder}/a.conffiles": b"/etc/a\r\n\nremove-on-upgrade /etc/old\n",
    }
    (_, owned) = complete(files)
    assert isinstance(owned, Owned)
    assert owned.paths == ["usr/a", "etc/a"]
    assert owned.hashes == ["md5:" + "a" * 32, ""]


def test_two_architectures_of_one_package_have_lists_of_their_own() -> None:
    other = record("a").replace(b"amd64", b"i386")
    files = {
        STATUS: record("a") + other,
        f"{INFO}a:amd64.list": b"/x86_64\n",
        f"{INFO}a:i386.list": b"/x86\n",
    }
    owned = [x for x in complete(files) if isinstance(x, Owned)]
    assert [(x.purl.partition("arch=")[2][:5], x.paths) for x in owned] == [
        ("amd64", ["x86_64"]),
        ("i386&", ["x86"]),
    ]


def test_a_list_beyond_all_bounds_is_a_problem() -> None:
    for data in (b"/a\n" * 300_001, b"a" * ((16 << 20) + 1)):
        (problem,) = read(data, f"{INFO}a.list")
        assert isinstance(problem, Problem)


def test_carriage_returns_case_and_spaces_on_empty_lines() -> None:
    data = b"package: a\r\nSTATUS: install ok installed\r\nVersion:1\r\n \t\r\nPackage: b\n"
    data += b"Status: install ok installed\nVersion: 2"
    assert [(p.name, p.version) for p in packages(data)] == [("a", "1"), ("b", "2")]


def test_a_form_feed_begins_no_field() -> None:
    data = record("a", "Description: x", " y\x0cVersion: 2", " z\x85Package: b")
    assert [(p.name, p.version) for p in packages(data)] == [("a", "1")]


def test_a_database_below_another_root_looks_there() -> None:
    root = "srv/chroot/"
    files = {
        f"{root}var/lib/dpkg/status": record("a"),
        f"{root}var/lib/dpkg/info/a.list": b"/bin/a\n",
        f"{root}usr/share/doc/a/copyright": b"/usr/share/common-licenses/Apache-2.0",
        "usr/share/doc/a/copyright": b"/usr/share/common-licenses/MPL-2.0",
    }
    ubuntu = OsRelease.parse(b"ID=ubuntu\nVERSION_ID=24.04\n")
    package, owned = complete(files, {"": DEBIAN, root: ubuntu})
    assert isinstance(package, Package)
    assert package.purl == "pkg:deb/ubuntu/a@1?arch=amd64&distro=ubuntu-24.04"
    assert package.licenses == ("Apache-2.0",)
    assert isinstance(owned, Owned)
    assert owned.paths == ["bin/a"]


@pytest.mark.parametrize("release", [b"", b"VERSION_ID=1\n", b"ID=../../x\n"])
def test_without_a_usable_os_release_the_vendor_is_the_format_s(release: bytes) -> None:
    (package, *_) = complete({STATUS: record("a")}, {"": OsRelease.parse(release)})
    assert isinstance(package, Package)
    assert package.purl == "pkg:deb/debian/a@1?arch=amd64"


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
                b"Conffiles:\n /a\n",
            ]
        )
    )
)
def test_no_bytes_bring_an_error(parts: list[bytes]) -> None:
    for item in read(b"".join(parts)):
        if isinstance(item, Package):
            list(requirements(item))


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
        found = read((folder / "dpkg" / name).read_bytes(), path)
        assert {
            (p.name, p.version, p.architecture) for p in found if isinstance(p, Package)
        } == rows, name
    for name in ("corrupt.status", "empty.status"):
        found = read((folder / "dpkg" / name).read_bytes())
        assert found
        assert all(isinstance(p, Problem) for p in found), name


@pytest.mark.corpus
def test_a_real_distroless_record_has_its_files_and_licences(corpus: Path) -> None:
    folder = corpus / "packages" / "dpkg" / "distroless"
    stem = "status.d/libsqlite3-0"
    files = {
        f"var/lib/dpkg/{name}": (folder / name).read_bytes() for name in (stem, f"{stem}.md5sums")
    }
    path = "usr/share/doc/libsqlite3-0/copyright"
    files[path] = (folder / "copyright" / "libsqlite3-0").read_bytes()
    package, owned = complete(files)
    assert isinstance(package, Package)
    assert package.licenses == ("public-domain", "GPL-2.0-or-later")
    assert isinstance(owned, Owned)
    lines = files[f"var/lib/dpkg/{stem}.md5sums"].decode().splitlines()
    assert [f"{h[4:]}  {p}" for p, h in zip(owned.paths, owned.hashes, strict=True)] == lines


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


def build(folder: Path, name: str, control: str, files: Mapping[str, bytes]) -> Path:
    """A package made by dpkg-deb, with checksums, and with conffiles below etc."""
    tree = folder / name
    for path, data in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
    (tree / "DEBIAN").mkdir()
    head = f"Package: {name}\nVersion: 1:1-1\nArchitecture: all\nMaintainer: me <me@example.org>\n"
    (tree / "DEBIAN/control").write_text(f"{head}{control}Description: {name}\n")
    conffiles = [f"/{path}\n" for path in files if path.startswith("etc/")]
    (tree / "DEBIAN/conffiles").write_text("".join(conffiles))
    sums = [
        f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {path}\n"
        for path, data in files.items()
        if not path.startswith("etc/")
    ]
    (tree / "DEBIAN/md5sums").write_text("".join(sums))
    (tree / "DEBIAN").chmod(0o755)
    package = folder / f"{name}.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)]
    subprocess.run(command, check=True, capture_output=True)
    return package


@pytest.mark.peer
def test_a_root_made_by_dpkg_is_read_as_dpkg_query_reads_it(tmp_path: Path) -> None:
    if shutil.which("dpkg") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg on this machine")
    root = tmp_path / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    free = b"Format: x\n\nFiles: *\nLicense: Expat\n"
    debs = [
        build(tmp_path, "tool", "Depends: lib | other\n", {"usr/bin/tool": b"a", "etc/tool": b"b"}),
        build(tmp_path, "lib", "Source: libs (2)\nProvides: other\n", {"usr/lib/x y": b"c"}),
        build(tmp_path, "gone", "", {"usr/bin/gone": b"a", "etc/gone": b"b"}),
        build(tmp_path, "base", "Source: libs (2)\n", {"usr/share/doc/base/copyright": free}),
    ]
    dpkg_ = ["dpkg", f"--root={root}", "--force-not-root", "--force-bad-path", f"--log={root}/log"]
    installed = subprocess.run(
        [*dpkg_, "--install", *map(str, debs)], check=False, capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"dpkg cannot install into a folder here: {installed.stderr[-200:]}")
    subprocess.run([*dpkg_, "--remove", "gone"], check=True, capture_output=True)

    paths = [p for p in sorted(root.rglob("*")) if p.is_file()]
    files = {str(p.relative_to(root)): p.read_bytes() for p in paths}
    found = complete({path: data for path, data in files.items() if WITH_HASHES(path)})
    named = {p.name: p for p in found if isinstance(p, Package)}
    owned = {x.purl: x for x in found if isinstance(x, Owned)}
    query = ["dpkg-query", f"--admindir={root}/var/lib/dpkg"]
    form = "${db:Status-Status} ${Package} ${Version} ${source:Package} ${source:Version}\\n"
    listed = subprocess.run(
        [*query, "-W", "-f", form], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert "config-files gone 1:1-1 gone 1:1-1" in listed
    assert sorted(
        f"installed {p.name} {p.version} {p.source or p.name} {p.source_version or p.version}"
        for p in named.values()
    ) == sorted(line for line in listed if line.startswith("installed "))
    for name, package in named.items():
        listing = subprocess.run([*query, "-L", name], check=True, capture_output=True, text=True)
        files_of = owned[package.purl]
        assert [f"/{p}" for p in files_of.paths] == [
            line for line in listing.stdout.splitlines() if line != "/."
        ]
        for path, digest in zip(files_of.paths, files_of.hashes, strict=True):
            if (root / path).is_file():
                expected = hashlib.md5(files[path], usedforsecurity=False).hexdigest()
                assert digest == f"md5:{expected}"
            else:
                assert digest == ""
    # What the copyright of another package of the same source says, is not said of `lib`.
    assert (named["lib"].licenses, named["base"].licenses) == ((), ("MIT",))


WALL = "var/lib/chisel/manifest.wall"
LINES = b"""\
{"jsonwall":"1.0","schema":"1.0","count":7}
{"kind":"content","slice":"libc6_libs","path":"/usr/lib/"}
{"kind":"content","slice":"libc6_libs","path":"/usr/lib/libc.so.6"}
{"kind":"package","name":"libc6","version":"2.39-0ubuntu8.7","sha256":"7d25","arch":"arm64"}
{"kind":"package","name":"zlib1g","version":"1:1.3-3.1","sha256":"cbe3","arch":"arm64"}
{"kind":"path","path":"/usr/lib/libc.so.6","mode":"0755","slices":["libc6_libs"],"size":2}
{"kind":"slice","name":"libc6_libs"}
"""


def test_what_chisel_cut_is_installed_though_no_database_says_so() -> None:
    ubuntu = {"": OsRelease(id="ubuntu", version_id="24.04")}
    found = complete({WALL: compress(LINES)}, ubuntu)
    libc = "pkg:deb/ubuntu/libc6@2.39-0ubuntu8.7?arch=arm64&distro=ubuntu-24.04"
    zlib = "pkg:deb/ubuntu/zlib1g@1:1.3-3.1?arch=arm64&distro=ubuntu-24.04"
    assert [p.purl for p in found if isinstance(p, Package)] == [libc, zlib]
    assert [o for o in found if isinstance(o, Owned)] == [Owned(libc, ["usr/lib/libc.so.6"])]


def test_what_chisel_cut_is_listed_once() -> None:
    record = b"Package: libc6\nVersion: 2.39-0ubuntu8.7\nArchitecture: arm64\nSource: glibc\n"
    found = complete({"var/lib/dpkg/status.d/chisel": record, WALL: compress(LINES)})
    assert [(p.name, p.source) for p in found if isinstance(p, Package)] == [
        ("libc6", "glibc"),
        ("zlib1g", ""),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zstd",
        compress(LINES)[:40],
        compress(b"[1]\n"),
        compress(b'{"kind":"package","name":"a b","version":"1"}'),
        compress(b'{"kind":"package","name":"a"}'),
        compress(bytes((16 << 20) + 2)),
    ],
)
def test_a_manifest_that_cannot_be_read_is_a_problem(data: bytes) -> None:
    found = read(data, WALL)
    assert [type(item) for item in found] == ([Problem] if data else [])
