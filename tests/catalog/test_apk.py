from __future__ import annotations

import base64
import csv
import hashlib
import io
import tarfile
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.cataloger import Fact, MatchedFile, Owned, Problem, Remaining
from provenance.catalog.ecosystems import apk
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.os_release import OsRelease
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from provenance.catalog.cataloger import Item

LAYER = Digest.of(b"layer")
DATABASE = "lib/apk/db/installed"
ALPINE = OsRelease.parse(b"ID=alpine\nVERSION_ID=3.20.3\n")
WANTED = Globs(apk.CATALOGER.paths)


def read(data: bytes, path: str = DATABASE) -> list[Item]:
    assert WANTED(path), path
    return list(apk.CATALOGER.read(MatchedFile(path, LAYER, len(data), 0o644, data)))


def complete(
    data: bytes, path: str = DATABASE, releases: Mapping[str, OsRelease] | None = None
) -> list[Package | Owned]:
    found = read(data, path)
    assert not [p for p in found if isinstance(p, Problem)]
    assert apk.CATALOGER.complete is not None
    remaining = Remaining(
        [p for p in found if isinstance(p, Package)],
        {"files": {f.key: f.value for f in found if isinstance(f, Fact)}},
        {"": ALPINE} if releases is None else releases,
    )
    return [x for x in apk.CATALOGER.complete(remaining) if isinstance(x, Package | Owned)]


def owned(data: bytes) -> dict[str, str]:
    """Path to hash, of one package with `data` as its files."""
    (*_, files) = complete(b"P:a\nV:1\n" + data)
    assert isinstance(files, Owned)
    return dict(hashed(files))


def hashed(files: Owned) -> list[tuple[str, str]]:
    return list(zip(files.paths, files.hashes or [""] * len(files.paths), strict=True))


WHOLE = b"""\
C:Q1yhJHGSZ80L7cL0y4UKKGrBPwrUQ=
P:ssl_client
V:1.36.1-r29
A:x86_64
S:4697
T:External ssl_client for busybox wget
U:https://busybox.net/
L:GPL-2.0
o:busybox
m:S\xc3\xb6ren <soeren@alpinelinux.org>
t:1718
D:so:libc.musl-x86_64.so.1 so:libssl.so.3>=3 pc:zlib<2 !other /bin/sh
p:cmd:ssl_client=1.36.1-r29
F:usr
F:usr/bin
M:0:0:755
R:ssl_client
a:0:0:755
Z:Q1Kq5sNclPz7QV2+lfQIuc6R7oRu0=

"""


def test_every_field_has_its_place() -> None:
    purl = "pkg:apk/alpine/ssl_client@1.36.1-r29?arch=x86_64&distro=alpine-3.20.3&upstream=busybox"
    assert complete(WHOLE) == [
        Package(
            name="ssl_client",
            version="1.36.1-r29",
            type="apk",
            purl=purl,
            licenses=("GPL-2.0-only",),
            stated_licenses=("GPL-2.0",),
            supplier="Sören <soeren@alpinelinux.org>",
            description="External ssl_client for busybox wget",
            homepage="https://busybox.net/",
            locations=(Location(DATABASE, LAYER),),
            architecture="x86_64",
            source="busybox",
            depends=(
                *("so:libc.musl-x86_64.so.1", "so:libssl.so.3>=3", "pc:zlib<2", "!other"),
                "/bin/sh",
            ),
            provides=("cmd:ssl_client",),
            cataloger="apk",
        ),
        # The 20 bytes of the base64 above, in hex.
        Owned(purl, ("usr/bin/ssl_client",), ("sha1:2aae6c35c94fcfb415dbe95f408b9ce91ee846ed",)),
    ]


def test_needs_are_names_and_a_conflict_is_none() -> None:
    package = read(WHOLE)[0]
    assert isinstance(package, Package)
    assert list(apk.requirements(package)) == [
        ("so:libc.musl-x86_64.so.1",),
        ("so:libssl.so.3",),
        ("pc:zlib",),
        ("/bin/sh",),
    ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"P:a\n", "'a' has no version"),
        (b"V:1\n", "'' has no package name"),
        (b"P:a b\nV:1\n", "no name or version"),
        (b"P:/\nV:1\n", "needs a name"),
        (b"P:a\nV:1\nD:" + b"x " * 600_000 + b"\n", "too long"),
        (b"P:a\nV:1\nF:etc\n" + b"R:x\n" * 300_001, "more than 300000 files"),
        (b"this is no database\n", "no field of an apk record"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_problem_with_its_line(
    record: bytes, message: str
) -> None:
    found = read(WHOLE + b"\n" + record + b"\n" + WHOLE)
    assert [x.name for x in found if isinstance(x, Package)].count("ssl_client") == 2
    (problem,) = (x for x in found if isinstance(x, Problem))
    assert message in problem.message
    assert (problem.path, problem.line) == (DATABASE, WHOLE.count(b"\n") + 2)


def test_files_have_the_hash_of_their_bytes_and_links_none() -> None:
    body = b"hello"
    sha1 = hashlib.sha1(body, usedforsecurity=False)
    sha256 = hashlib.sha256(body)

    def z(prefix: bytes, digest: bytes) -> bytes:
        return b"Z:" + prefix + base64.b64encode(digest) + b"\n"

    data = b"F:\nR:top\n" + z(b"Q1", sha1.digest())
    data += b"F:etc\nM:0:0:700\nR:two\na:0:0:600\n" + z(b"Q2", sha256.digest())
    data += b"R:attributes\na:0:0:755:Q1JaDEHQHBbizhEzoWK1YxuraNU/4=\n" + z(b"Q1", sha1.digest())
    data += b"R:link\na:0:0:777\n" + z(b"Q1", sha1.digest())
    data += b"R:none\nF:/lib/\nR:odd\r\n" + z(b"Q1", b"short") + b"R:bad\nZ:Q1***\nR:\nR:other\n"
    data += b"Z:5d41402abc4b2a76b9719d911017c592\n"
    assert owned(data) == {
        "top": f"sha1:{sha1.hexdigest()}",
        "etc/two": f"sha256:{sha256.hexdigest()}",
        "etc/attributes": f"sha1:{sha1.hexdigest()}",
        "etc/link": "",
        "etc/none": "",
        "lib/odd": "",
        "lib/bad": "",
        "lib/other": "",
    }


def test_a_package_of_directories_owns_no_files() -> None:
    assert [type(x) for x in complete(b"P:a\nV:1\nF:etc\nM:0:0:755\nF:usr\n")] == [Package]


@pytest.mark.parametrize("path", ["usr/lib/apk/db/installed", DATABASE])
@pytest.mark.parametrize("root", ["", "srv/root/"])
def test_the_root_is_what_stands_before_the_database(path: str, root: str) -> None:
    found = complete(WHOLE, root + path, {root: OsRelease.parse(b"ID=wolfi\n")})
    assert isinstance(found[0], Package)
    assert found[0].purl.startswith("pkg:apk/wolfi/ssl_client@")
    assert "distro=wolfi&" in found[0].purl
    found = complete(WHOLE, root + path, {})
    assert isinstance(found[0], Package)
    assert found[0].purl == "pkg:apk/alpine/ssl_client@1.36.1-r29?arch=x86_64&upstream=busybox"


def test_carriage_returns_and_blanks_between_records() -> None:
    data = b"P:a\r\nV:1\r\n \r\nP:b\r\nV:2\r\nL:MIT BSD\r\n"
    found = [x for x in read(data) if isinstance(x, Package)]
    assert [(p.name, p.version, p.licenses) for p in found] == [
        ("a", "1", ()),
        ("b", "2", ("MIT BSD",)),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 20_000_000,
        b"\n" * 20_000_000,
        b"P:a\n" * 5_000_000,
        b"a\n\n" * 6_000_000,
        b"P:a\nV:1\nF:b\n" + b"R:c\nZ:Q1\n" * 2_000_000,
        b"P:a\nV:1\nD:" + b"!" * 900_000,
    ],
    ids=["one line", "empty lines", "one field", "records", "files", "one need"],
)
def test_large_files_without_sense_end_soon(data: bytes) -> None:
    start = time.thread_time()
    assert len(read(data)) <= 102
    assert time.thread_time() - start < 4  # a second at most; quadratic ones would take minutes


@given(
    st.lists(
        st.sampled_from(
            [
                *(b"P:a\n", b"V:1\n", b"\n", b":\n", b"D:!,=\n", b"p:=\n", b"\xff:"),
                *(b"F:\n", b"R:a\n", b"Z:Q1=\n", b"a:\n"),
            ]
        )
    )
)
def test_no_bytes_bring_an_error(parts: list[bytes]) -> None:
    found = read(b"".join(parts))
    facts = {f.key: f.value for f in found if isinstance(f, Fact)}
    packages = [p for p in found if isinstance(p, Package)]
    assert apk.CATALOGER.complete is not None
    list(apk.CATALOGER.complete(Remaining(packages, {"files": facts})))
    for package in packages:
        list(apk.requirements(package))


@pytest.mark.corpus
def test_real_databases(corpus: Path) -> None:
    folder = corpus / "packages"
    expected: dict[str, set[tuple[str, str, str]]] = {}
    for row in csv.DictReader((folder / "expected.tsv").read_text().splitlines(), delimiter="\t"):
        kind, _, name = row["file"].partition("/")
        if kind == "apk":
            rows = expected.setdefault(name, set())
            if row["version"]:
                rows.add((row["name"], row["version"], row["architecture"]))
    assert len(expected) >= 5
    for name, rows in expected.items():
        found = read((folder / "apk" / name).read_bytes())
        assert {
            (p.name, p.version, p.architecture) for p in found if isinstance(p, Package)
        } == rows, name
    corrupt = read((folder / "apk/corrupt-first-line.installed").read_bytes())
    assert [type(p) for p in corrupt if not isinstance(p, Fact)] == [Problem, Package]


@pytest.mark.corpus
def test_real_root_filesystems_have_their_packages_and_the_files_these_say(corpus: Path) -> None:
    tables = sorted((corpus / "images" / "alpine").glob("*.packages.tsv"))
    assert len(tables) == 3
    for table in tables:
        archive = table.with_name(table.name.replace(".packages.tsv", ".tar.gz"))
        with tarfile.open(archive) as tar:
            members = {m.name.removeprefix("./"): m for m in tar.getmembers()}
            hashes = {
                name: hashlib.sha1(_bytes(tar, m), usedforsecurity=False).hexdigest()
                for name, m in members.items()
                if m.isfile()
            }
            found = complete(_bytes(tar, members[DATABASE]))
        rows = list(csv.DictReader(table.read_text("utf-8").splitlines(), delimiter="\t"))
        assert sorted(
            (p.name, p.version, p.architecture, p.source, (p.stated_licenses or p.licenses)[0])
            for p in found
            if isinstance(p, Package)
        ) == sorted(
            (r["name"], r["version"], r["architecture"], r["origin"], r["license"]) for r in rows
        )
        listed = {
            path: digest
            for files in found
            if isinstance(files, Owned)
            for path, digest in hashed(files)
        }
        assert len(listed) > 50
        present = {path for path in listed if path in members}
        assert len(present) > 0.9 * len(listed)  # scripts of packages take some away
        links = {path for path in present if members[path].issym()}
        assert not {path for path in links if listed[path]}
        different = {p for p in present - links if listed[p] != f"sha1:{hashes[p]}"}
        # What the scripts of packages rewrite when they are installed.
        assert different <= {"etc/passwd", "etc/group", "etc/shadow", "etc/apk/repositories"}


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return (tar.extractfile(member) or io.BytesIO()).read()
