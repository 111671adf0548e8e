from __future__ import annotations

import csv
import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog import Context, Problem, python
from provenance.digests import Digest
from provenance.image.file import File
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

LAYER = Digest.of(b"layer")
SITE = "usr/lib/python3/site-packages"


def catalog(data: bytes, path: str = f"{SITE}/a-1.dist-info/METADATA") -> list[Package | Problem]:
    file = File(path, LAYER, len(data), 0o644, data, path)
    return list(python.CATALOGER.catalog(file, Context()))


WHOLE = b"""\
Metadata-Version: 2.4
Name: Foo_Bar.baz
Version: 1.0.post1
Summary: does things
Author-email: Ann <ann@example.org>
License-Expression: mit OR Apache-2.0
License: the whole text
        of a licence
Classifier: License :: OSI Approved :: BSD License
Requires-Dist: requests[socks] (>=2.8.1) ; python_version >= "3"
Requires-Dist: Zope.Interface
Requires-Dist: pytest; extra == "test"
Description-Content-Type: text/x-rst

Name: not this
Version: nor that
"""


def test_every_field_has_its_place() -> None:
    assert catalog(WHOLE) == [
        Package(
            name="Foo_Bar.baz",
            version="1.0.post1",
            type="pypi",
            purl="pkg:pypi/foo-bar-baz@1.0.post1",
            licenses=("MIT OR Apache-2.0",),
            supplier="Ann <ann@example.org>",
            description="does things",
            locations=(Location(f"{SITE}/a-1.dist-info/METADATA", LAYER),),
            depends=(
                'requests[socks] (>=2.8.1) ; python_version >= "3"',
                "Zope.Interface",
                'pytest; extra == "test"',
            ),
            provides=("foo-bar-baz",),
            cataloger="python",
        )
    ]


def test_needs_are_normalised_names_and_those_of_extras_are_none() -> None:
    package = catalog(WHOLE)[0]
    assert isinstance(package, Package)
    assert list(python.requirements(package)) == [("requests",), ("zope-interface",)]


@pytest.mark.parametrize(
    ("author", "supplier"),
    [
        (b"Author: Ann\nAuthor-email: a@b.c\n", "Ann <a@b.c>"),
        (b"Author: Ann\nAuthor-email: A <a@b.c>, B <b@b.c>\n", "Ann"),
        (b"Author: UNKNOWN\nAuthor-email: UNKNOWN\nMaintainer: Bob\n", "Bob"),
        (b"", ""),
    ],
)
def test_the_supplier_is_who_is_named(author: bytes, supplier: str) -> None:
    found = catalog(b"Name: a\nVersion: 1\n" + author)
    assert isinstance(found[0], Package)
    assert found[0].supplier == supplier


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Version: 1\n", "'' has no usable name"),
        (b"Name: a\n", "'a' has no usable version"),
        (b"Name: a\n\nVersion: 1\n", "'a' has no usable version"),
        (b"Name: a/../b\nVersion: 1\n", "no usable"),
        (b"", "no usable name"),
    ],
)
def test_metadata_without_name_or_version_is_a_problem(data: bytes, message: str) -> None:
    (problem,) = catalog(data)
    assert isinstance(problem, Problem)
    assert message in problem.message


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        (f"{SITE}/a-1.dist-info/METADATA", True),
        (f"{SITE}/a-1.egg-info/PKG-INFO", True),
        (f"{SITE}/a-1.egg-info", True),
        (f"{SITE}/a-1.egg/EGG-INFO/PKG-INFO", True),
        (f"{SITE}/a-1.dist-info/RECORD", False),
        ("src/a/METADATA", False),
        ("src/a/PKG-INFO", False),
    ],
)
def test_only_what_installers_write_is_read(path: str, is_ours: bool) -> None:  # noqa: FBT001
    assert Globs(python.CATALOGER.paths)(path) is is_ours


@given(
    st.lists(
        st.sampled_from(
            [
                b"Name: a\n",
                b"Version: 1\n",
                b"\n",
                b" x\n",
                b":\n",
                b"\xff",
                b"Requires-Dist: ;;\n",
                b"Requires-Dist: \n",
                b"Summary\n",
            ]
        )
    )
)
def test_no_bytes_bring_an_error(parts: list[bytes]) -> None:
    for item in catalog(b"".join(parts)):
        if isinstance(item, Package):
            list(python.requirements(item))


def test_what_importlib_reads_of_this_environment_we_read_too() -> None:
    tried = 0
    for distribution in importlib.metadata.distributions():
        folder = getattr(distribution, "_path", None)
        if not isinstance(folder, Path) or not (folder / "METADATA").is_file():
            continue
        (package,) = catalog((folder / "METADATA").read_bytes())
        assert isinstance(package, Package)
        assert (package.name, package.version) == (
            distribution.metadata["Name"],
            distribution.version,
        )
        tried += 1
    assert tried > 5


@pytest.mark.corpus
def test_real_metadata(corpus: Path) -> None:
    folder = corpus / "packages"
    tried = 0
    for row in csv.DictReader((folder / "expected.tsv").read_text().splitlines(), delimiter="\t"):
        if row["file"].startswith("python/"):
            (package,) = catalog((folder / row["file"]).read_bytes())
            assert isinstance(package, Package)
            assert (package.name, package.version) == (row["name"], row["version"])
            tried += 1
    assert tried == 7
