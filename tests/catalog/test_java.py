"""Jars and what lies in them become packages, hashes, licences and edges."""

from __future__ import annotations

import csv
import hashlib
import io
import mmap
import random
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from provenance.catalog.cataloger import Item, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems.java import CATALOGER
from provenance.digests import Digest
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAYER = Digest(f"sha256:{'a' * 64}")


def jar(members: Mapping[str, bytes | str], *, manifest: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if manifest:
            archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\n{manifest}\n")
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def maven(group: str, artifact: str, version: str, pom: str = "") -> dict[str, bytes | str]:
    folder = f"META-INF/maven/{group}/{artifact}"
    members: dict[str, bytes | str] = {
        f"{folder}/pom.properties": f"groupId={group}\nartifactId={artifact}\nversion={version}\n"
    }
    if pom:
        members[f"{folder}/pom.xml"] = f"<project>{pom}</project>"
    return members


def items(path: str, body: bytes | mmap.mmap) -> list[Item]:
    return list(CATALOGER.read(MatchedFile(path, LAYER, len(body), 0o644, body)))


def packages(found: list[Item]) -> dict[str, Package]:
    return {p.purl: p for p in found if isinstance(p, Package)}


def problems(found: list[Item]) -> list[Problem]:
    return [p for p in found if isinstance(p, Problem)]


def test_a_jar_is_a_package_with_its_hashes_licences_and_needs() -> None:
    pom = """<name>Y</name><url>https://x.org</url><description>Does y.</description>
      <organization><name>X, Inc.</name></organization>
      <licenses><license><name>Apache License, Version 2.0</name></license></licenses>
      <dependencies><dependency><groupId>org.x</groupId><artifactId>z</artifactId>
      <version>3</version></dependency></dependencies>"""
    body = jar(maven("org.x", "y", "1.0", pom))
    (package,) = items("app/y-1.0.jar", body)
    assert package == Package(
        name="y",
        version="1.0",
        type="maven",
        purl="pkg:maven/org.x/y@1.0",
        licenses=("Apache-2.0",),
        stated_licenses=("Apache License, Version 2.0",),
        supplier="X, Inc.",
        description="Does y.",
        homepage="https://x.org",
        hashes={"sha1": hashlib.sha1(body).hexdigest()},
        locations=(Location("app/y-1.0.jar", LAYER),),
        depends=("org.x:z:3",),
        provides=("org.x:y",),
        cataloger="java",
    )
    assert isinstance(package, Package)
    assert CATALOGER.requirements is not None
    assert list(CATALOGER.requirements(package)) == [("org.x:z",)]


def test_a_map_of_a_file_is_read_like_bytes(tmp_path: Path) -> None:
    body = jar(maven("org.x", "y", "1.0"))
    path = tmp_path / "y.jar"
    path.write_bytes(body)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert items("y.jar", mapped) == items("y.jar", body)


def test_jars_inside_of_a_war_lie_in_it() -> None:
    inner = jar(maven("org.x", "y", "1.0"))
    boot = jar(
        {**maven("org.app", "web", "2"), "BOOT-INF/lib/y-1.0.jar": inner, "x.jar/": ""},
    )
    found = items("srv/web.war", jar({"WEB-INF/lib/web-2.jar": boot}))
    assert {p.locations[0].path for p in packages(found).values()} == {
        "srv/web.war!/WEB-INF/lib/web-2.jar",
        "srv/web.war!/WEB-INF/lib/web-2.jar!/BOOT-INF/lib/y-1.0.jar",
    }
    assert all(p.layer == LAYER for p in packages(found).values())
    assert [r for r in found if isinstance(r, Relation)] == [
        Relation("pkg:maven/org.app/web@2", "contains", "pkg:maven/org.x/y@1.0")
    ]
    assert packages(found)["pkg:maven/org.x/y@1.0"].hashes["sha1"] == (
        hashlib.sha1(inner).hexdigest()
    )


def test_an_archive_without_identity_passes_what_it_holds_outwards() -> None:
    inner = jar(maven("org.x", "y", "1.0"))
    outer = jar({**maven("org.app", "app", "1"), "lib.zip.jar": jar({"y.jar": inner})})
    assert Relation("pkg:maven/org.app/app@1", "contains", "pkg:maven/org.x/y@1.0") in items(
        "app.ear", outer
    )


def test_shaded_artifacts_are_packages_inside_of_the_jar() -> None:
    body = jar({**maven("com.google.guava", "guava", "29.0-jre"), **maven("org.x", "y", "1.0")})
    found = items("y-1.0.jar", body)
    guava = packages(found)["pkg:maven/com.google.guava/guava@29.0-jre"]
    assert guava.locations[0].path == (
        "y-1.0.jar!/META-INF/maven/com.google.guava/guava/pom.properties"
    )
    assert not guava.hashes
    assert Relation("pkg:maven/org.x/y@1.0", "contains", guava.purl) in found
    assert list(packages(found)) == ["pkg:maven/org.x/y@1.0", guava.purl]


def test_a_pom_alone_gives_the_coordinates() -> None:
    pom = """<parent><groupId>org.x</groupId><version>3</version></parent>
      <artifactId>y</artifactId>"""
    body = jar({"META-INF/maven/org.x/y/pom.xml": f"<project>{pom}</project>"})
    assert list(packages(items("y.jar", body))) == ["pkg:maven/org.x/y@3"]


def test_a_pom_elsewhere_is_a_template() -> None:
    pom = "<project><groupId>a</groupId><artifactId>b</artifactId><version>1</version></project>"
    body = jar({**maven("org.x", "y", "1.0"), "templates/pom.xml": pom})
    assert list(packages(items("y.jar", body))) == ["pkg:maven/org.x/y@1.0"]


def test_coordinates_of_any_text_end_in_a_package_or_a_problem() -> None:
    (nameless,) = items("a.jar", jar(maven("g", "a b", "1")))
    assert isinstance(nameless, Problem)
    assert nameless.path == "a.jar!/META-INF/maven/g/a b/pom.properties"
    assert list(packages(items("a-2.jar", jar(maven("g", "a", "${v}"))))) == ["pkg:maven/g/a@2"]
    (problem,) = items("a.jar", jar(maven("g", "a" * 1000, "1")))
    assert isinstance(problem, Problem)


def test_a_classifier_stands_in_the_purl() -> None:
    body = jar(maven("io.netty", "netty-epoll", "4.1"))
    found = items("netty-epoll-4.1-linux-x86_64.jar", body)
    assert list(packages(found)) == ["pkg:maven/io.netty/netty-epoll@4.1?classifier=linux-x86_64"]


def test_a_key_of_translations_is_no_vendor() -> None:
    said = "Bundle-SymbolicName: org.x.y\nBundle-Vendor: %providerName\nBundle-Description: %d"
    (package,) = packages(items("plugins/org.x.y_1.2.3.jar", jar({}, manifest=said))).values()
    assert (package.supplier, package.description) == ("", "")


def test_a_jar_without_version_says_so() -> None:
    body = jar({}, manifest="Bundle-SymbolicName: org.x.y\n")
    found = items("y.jar", body)
    assert list(packages(found)) == ["pkg:maven/org.x/y"]
    assert problems(found) == [Problem("y.jar", "nothing states the version of 'y'")]


@pytest.mark.parametrize(
    ("name", "members"),
    [("app.jar", {"com/example/A.class": b""}), ("app.war", {}), ("x.jar", {"a.txt": b""})],
)
def test_an_archive_without_identity_is_no_package(name: str, members: dict[str, bytes]) -> None:
    assert items(name, jar(members, manifest="Created-By: 17\n")) == []


@pytest.mark.parametrize("body", [b"PK", b"PK\3\4" + bytes(100), b"#!/bin/sh\n", bytes(5000)])
def test_what_is_no_archive_is_a_problem(body: bytes) -> None:
    found = items("a.jar", body)
    assert [type(i) for i in found] == [Problem]


def test_an_empty_file_and_another_kind_of_file_are_nothing() -> None:
    assert items("forcefield.par", b"# parameters") == []
    assert items("a.jar", b"") == []
    assert items("a.rar", b"Rar!\x1a\7\0" + bytes(100)) == []


def test_a_broken_part_costs_itself_alone() -> None:
    good = jar(maven("org.x", "y", "1.0"))
    body = jar(
        {
            **maven("org.app", "app", "1", "<broken"),
            "a.jar": good,
            "b.jar": good[:-30],
            "c.jar": b"x",
        }
    )
    found = items("app-1.jar", body)
    assert list(packages(found)) == ["pkg:maven/org.app/app@1", "pkg:maven/org.x/y@1.0"]
    assert [p.path for p in problems(found)] == [
        "app-1.jar!/META-INF/maven/org.app/app/pom.xml",
        "app-1.jar!/b.jar",
        "app-1.jar!/c.jar",
    ]


def test_archives_in_archives_end_at_a_depth() -> None:
    body = jar(maven("org.x", "y", "1.0"))
    for _ in range(100):
        body = jar({"a.jar": body})
    (problem,) = items("a.jar", body)
    assert isinstance(problem, Problem)
    assert "16 archives deep" in problem.message


def test_a_bomb_of_jars_ends_soon() -> None:
    leaf = jar({f"f{n}": b"" for n in range(2000)})
    middle = jar({f"{m}.jar": leaf for m in range(10)})
    body = jar({f"{n}.jar": middle for n in range(100)})
    start = time.process_time()
    found = items("bomb.jar", body)
    assert time.process_time() - start < 10  # on a loaded machine; alone it takes one
    assert "not read to its end" in problems(found)[-1].message


def test_problems_are_capped() -> None:
    found = items("a.jar", jar({f"{n}.jar": b"no" for n in range(300)}))
    assert len(problems(found)) == 100


def mutated(body: bytes, random: random.Random) -> bytes:
    data = bytearray(body)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data))
        match random.randrange(4):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                data[at : at + 4] = random.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"PK\5\6"])
            case 2:
                del data[at : at + random.randint(1, 40)]
            case _:
                data[at:at] = data[at : at + random.randint(1, 60)]
    return bytes(data)


def test_mutations_end_in_packages_or_problems_and_soon() -> None:
    pom = "<licenses><license><name>MIT</name></license></licenses>"
    inner = jar({**maven("org.x", "y", "1.0", pom), "org/x/A.class": b"\xca\xfe"})
    body = jar(
        {**maven("org.app", "app", "1", pom), "lib/y-1.0.jar": inner},
        manifest="Implementation-Title: app\nBundle-License: MIT\n",
    )
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Bundle-SymbolicName: org.x.y\n")
        archive.writestr("y.jar", inner)
    seeded = random.Random(20)
    slowest = 0.0
    for _ in range(1500):
        for whole in (body, stored.getvalue()):
            changed = mutated(whole, seeded)
            start = time.process_time()
            for item in items("app-1.jar", changed):
                assert isinstance(item, Package | Problem | Relation)
            slowest = max(slowest, time.process_time() - start)
    assert slowest < 2


@pytest.mark.corpus
def test_the_evidence_of_each_jar_of_the_corpus(corpus: Path) -> None:
    """Rows of coordinates give that package; rows of a manifest its version, name and group.

    Where a row states a bundle's name, the artifact may be the last part of it, and its version
    may be written as the build wrote it (1.19 for 1.19.0, 2.15.0-rc2 for 2.15.0.rc2).
    """
    folder = corpus / "java"
    table = (folder / "evidence.tsv").read_text("utf-8").splitlines()
    rows = list(csv.DictReader(table, delimiter="\t"))
    assert len(rows) > 30
    read = {r["file"]: items(r["file"], (folder / r["file"]).read_bytes()) for r in rows}
    for row in rows:
        found = read[row["file"]]
        path = "!/".join(filter(None, [row["file"], *row["nested path"].split("!")]))
        here = [p for p in packages(found).values() if p.locations[0].path.startswith(path)]
        artifact, version = row["artifactId"], row["version"]
        if row["evidence"] == "not a zip":
            assert len(problems(found)) == 1, row
            assert not here, row
        elif "levels" in row["evidence"]:
            assert "deep" in problems(found)[0].message, row
        elif row["evidence"].endswith("pom.properties"):
            if group := row["groupId"]:
                assert f"pkg:maven/{group}/{artifact}@{version}" in {p.purl for p in here}, row
            else:
                assert (artifact, version) in {(p.name, p.version) for p in here}, row
        elif version:
            (own,) = [p for p in here if p.locations[0].path == path]
            flat = own.version.replace("-", ".")
            assert version in {flat, own.version, f"{own.version}.0"}, row
            title = artifact.lower().replace(" ", "-")
            assert title.endswith((own.name, own.name.partition("-")[2])), row
            assert row["groupId"] in {own.purl.split("/")[1], "org.apache", ""}, row


@pytest.mark.corpus
def test_a_war_of_the_corpus_holds_its_libraries(corpus: Path) -> None:
    found = items("gradle.war", (corpus / "java" / "gradle.war").read_bytes())
    assert {(p.name, p.version) for p in packages(found).values()} == {
        ("commons-compress", "1.19"),
        ("commons-dbcp", "1.4"),
        ("commons-pool", "1.6"),
        ("log4j", "1.2.17"),
    }
    assert not problems(found)
