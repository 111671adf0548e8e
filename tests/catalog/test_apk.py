from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog import Context, Problem, apk
from provenance.digests import Digest
from provenance.image.file import File
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Digest.of(b"layer")
DATABASE = "lib/apk/db/installed"
ALPINE = b"ID=alpine\nVERSION_ID=3.20.3\n"


def file(data: bytes, path: str = DATABASE) -> File:
    return File(path, LAYER, len(data), 0o644, data, path)


def catalog(data: bytes, path: str = DATABASE) -> list[Package | Problem]:
    context = Context({"etc/os-release": file(ALPINE)})
    return list(apk.CATALOGER.catalog(file(data, path), context))


WHOLE = b"""\
C:Q1yhJHGSZ80L7cL0y4UKKGrBPwrUQ=
P:ssl_client
V:1.36.1-r29
A:x86_64
S:4697
T:External ssl_client for busybox wget
U:https://busybox.net/
L:GPL-2.0-only
o:busybox
m:S\xc3\xb6ren <soeren@alpinelinux.org>
t:1718
D:so:libc.musl-x86_64.so.1 so:libssl.so.3>=3 !other /bin/sh
p:cmd:ssl_client=1.36.1-r29
F:usr/bin
R:ssl_client
a:0:0:755
Z:Q1FGpYTdQxWvZe3FzTs8sXoL3qGnE=

"""


def test_every_field_has_its_place() -> None:
    assert catalog(WHOLE) == [
        Package(
            name="ssl_client",
            version="1.36.1-r29",
            type="apk",
            purl="pkg:apk/alpine/ssl_client@1.36.1-r29"
            "?arch=x86_64&distro=alpine-3.20.3&upstream=busybox",
            licenses=("GPL-2.0-only",),
            supplier="Sören <soeren@alpinelinux.org>",
            description="External ssl_client for busybox wget",
            locations=(Location(DATABASE, LAYER),),
            architecture="x86_64",
            source="busybox",
            depends=("so:libc.musl-x86_64.so.1", "so:libssl.so.3>=3", "!other", "/bin/sh"),
            provides=("cmd:ssl_client",),
            cataloger="apk",
        )
    ]


def test_needs_are_names_and_a_conflict_is_none() -> None:
    package = catalog(WHOLE)[0]
    assert isinstance(package, Package)
    assert list(apk.requirements(package)) == [
        ("so:libc.musl-x86_64.so.1",),
        ("so:libssl.so.3",),
        ("/bin/sh",),
    ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"P:a\n", "'a' has no version"),
        (b"V:1\n", "'' has no package name"),
        (b"this is no database\n", "no field of an apk record"),
    ],
)
def test_a_record_that_cannot_be_read_is_a_problem_with_its_line(
    record: bytes, message: str
) -> None:
    first, second = catalog(WHOLE + record)
    assert isinstance(first, Package)
    assert isinstance(second, Problem)
    assert message in second.message
    assert (second.path, second.line) == (DATABASE, WHOLE.count(b"\n") + 1)


def test_apk_3_keeps_its_database_below_usr() -> None:
    files = {"etc/os-release": file(ALPINE)}
    path = "usr/lib/apk/db/installed"
    found = list(apk.CATALOGER.catalog(file(WHOLE, path), Context(files)))
    assert isinstance(found[0], Package)
    assert "distro=alpine-3.20.3" in found[0].purl


@given(
    st.lists(st.sampled_from([b"P:a\n", b"V:1\n", b"\n", b":\n", b"D:!,=\n", b"p:=\n", b"\xff:"]))
)
def test_no_bytes_bring_an_error(parts: list[bytes]) -> None:
    for item in catalog(b"".join(parts)):
        if isinstance(item, Package):
            list(apk.requirements(item))


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
        found = catalog((folder / "apk" / name).read_bytes())
        assert {
            (p.name, p.version, p.architecture) for p in found if isinstance(p, Package)
        } == rows, name
    corrupt = catalog((folder / "apk/corrupt-first-line.installed").read_bytes())
    assert [type(p) for p in corrupt] == [Problem, Package]
