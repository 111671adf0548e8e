"""The databases of real distributions."""

from __future__ import annotations

import csv
import random
import time
from typing import TYPE_CHECKING

import pytest
from tests.catalog.rpm_writers import Catalogued, ndb, of_kind
from tests.catalog.test_rpm_databases import mutated

from provenance.catalog.cataloger import Owned
from provenance.packages.os_release import OsRelease

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus

DATABASES = {
    "libuuid": ("Packages", OsRelease(id="rhel", version_id="8.8"), "redhat"),
    "sle15-bci": ("Packages.db", OsRelease(id="sles", version_id="15.3"), "sles"),
    "cbl-mariner-2.0": ("rpmdb.sqlite", OsRelease(id="mariner", version_id="2.0"), "mariner"),
}


def quoted(text: str) -> str:
    """What RFC 3986 leaves unreserved, and `:`, stays; the rest of what names hold is encoded."""
    return text.replace("%", "%25").replace("+", "%2B").replace("^", "%5E")


@pytest.mark.parametrize("name", DATABASES)
def test_the_recorded_rows(corpus: Path, name: str) -> None:
    file, release, namespace = DATABASES[name]
    folder = corpus / "rpmdb" / name
    found = Catalogued({f"var/lib/rpm/{file}": (folder / file).read_bytes()}, {"": release})
    assert not found.problems
    lines = (folder / "packages.tsv").read_text("utf-8").splitlines()
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    expected = []
    for row in rows:
        evr = f"{row['version']}-{row['release']}"
        epoch = f"&epoch={row['epoch']}" if row["epoch"] else ""
        qualifiers = f"arch={row['arch']}&distro={release.distro}{epoch}"
        purl = f"pkg:rpm/{namespace}/{quoted(row['name'])}@{quoted(evr)}?{qualifiers}"
        expected.append(
            (
                f"{purl}&upstream={quoted(row['source_rpm'])}",
                f"{row['epoch']}:{evr}" if row["epoch"] else evr,
                row["license"],
                row["vendor"],
            )
        )
    stated = [
        (p.purl, p.version, (p.stated_licenses or p.licenses)[0], p.supplier)
        for p in found.packages
    ]
    assert sorted(stated) == sorted(expected)


def test_files_of_real_packages(corpus: Path) -> None:
    body = (corpus / "rpmdb" / "libuuid" / "Packages").read_bytes()
    (owned,) = of_kind(Catalogued({"var/lib/rpm/Packages": body}).completed, Owned)
    assert "usr/lib64/libuuid.so.1.3.0" in owned.paths
    sums = dict(zip(owned.paths, owned.hashes, strict=True))
    assert sums["usr/lib64/libuuid.so.1"] == ""  # a link
    assert sums["usr/lib64/libuuid.so.1.3.0"].startswith("sha256:")


def test_a_header_with_a_broken_file_list(corpus: Path) -> None:
    header = (corpus / "rpmdb" / "header-blob.bin").read_bytes()
    found = Catalogued({"var/lib/rpm/Packages.db": ndb([header])})
    assert found.names == ["publicsuffix-list-dafsa 20210518-2.fc35"]
    assert ["file list" in problem.message for problem in found.problems] == [True]
    assert not of_kind(found.completed, Owned)


@pytest.mark.parametrize("name", DATABASES)
def test_mutations(corpus: Path, name: str) -> None:
    file = DATABASES[name][0]
    body = (corpus / "rpmdb" / name / file).read_bytes()
    for seed in range(2000 if name == "libuuid" else 200):
        start = time.thread_time()
        Catalogued({f"var/lib/rpm/{file}": mutated(body, random.Random(seed))})
        assert time.thread_time() - start < 2, seed
