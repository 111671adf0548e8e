from __future__ import annotations

import base64
import csv
import hashlib
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.mutations import mutations

from provenance.catalog.cataloger import MatchedFile, Problem, Relation
from provenance.catalog.ecosystems import dotnet
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Digest.of(b"layer")
PATH = "app/Shop.deps.json"
SHA512 = hashlib.sha512(b"nupkg")
STATED = f"sha512-{base64.b64encode(SHA512.digest()).decode()}"
SHOP, JSON = "pkg:generic/Shop@1.0.0", "pkg:nuget/Newtonsoft.Json@13.0.1"
RUNTIME = "pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@8.0.0"
PACK = "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64"
NAME = ".NETCoreApp,Version=v8.0/linux-x64"
DOCUMENT: dict[str, Any] = {
    "runtimeTarget": {"name": NAME, "signature": ""},
    "compilationOptions": {},
    "targets": {
        ".NETCoreApp,Version=v8.0": {"Other/1": {"dependencies": {"Newtonsoft.Json": "13.0.1"}}},
        NAME: {
            "Shop/1.0.0": {
                "dependencies": {"newtonsoft.json": "13.0.1", PACK: "8.0.0", "Gone": "1"}
            },
            "Newtonsoft.Json/13.0.1": {"runtime": {"lib/Newtonsoft.Json.dll": {}}},
            "Analyzer/1.0.0": {"compileOnly": True},
        },
    },
    "libraries": {
        "Shop/1.0.0": {"type": "project", "serviceable": False, "sha512": ""},
        "Newtonsoft.Json/13.0.1": {"type": "package", "serviceable": True, "sha512": STATED},
        f"{PACK}/8.0.0": {"type": "runtimepack", "serviceable": False, "sha512": ""},
        "Analyzer/1.0.0": {"type": "package", "sha512": ""},
        "System.Xml/4.0.0.0": {"type": "referenceassembly", "sha512": ""},
    },
}


def read(document: object) -> list[Package | Relation | Problem]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(dotnet.read(MatchedFile(PATH, LAYER, len(data), 0o644, data)))


def libraries(**entries: object) -> list[Package | Relation | Problem]:
    return read({"libraries": {key.replace("_", "/"): value for key, value in entries.items()}})


def test_packages_projects_and_the_runtime_have_their_own_purls_and_edges() -> None:
    place = (Location(PATH, LAYER),)
    assert read(DOCUMENT) == [
        Package(
            name="Shop",
            version="1.0.0",
            type="generic",
            purl=SHOP,
            locations=place,
            depends=("newtonsoft.json 13.0.1", f"{PACK} 8.0.0", "Gone 1"),
            cataloger="dotnet",
            kind="application",
        ),
        Package(
            name="Newtonsoft.Json",
            version="13.0.1",
            type="nuget",
            purl=JSON,
            hashes={"sha512": SHA512.hexdigest()},
            locations=place,
            cataloger="dotnet",
        ),
        Package(
            name="Microsoft.NETCore.App.Runtime.linux-x64",
            version="8.0.0",
            type="nuget",
            purl=RUNTIME,
            locations=place,
            cataloger="dotnet",
        ),
        Relation(SHOP, "depends-on", JSON),
        Relation(SHOP, "depends-on", RUNTIME),
    ]


def test_the_only_target_counts_where_none_is_named() -> None:
    document = {
        "targets": {"x": {"A/1": {"dependencies": {"B": "1", "A": "1"}}}},
        "libraries": {"A/1": {"type": "project"}, "B/1": {"type": "package"}},
    }
    relation = Relation("pkg:generic/A@1", "depends-on", "pkg:nuget/B@1")
    assert read(document)[2:] == [relation]
    assert read(document | {"runtimeTarget": "x"})[2:] == [relation]


@pytest.mark.parametrize("stated", ["", None, "sha512-short", STATED.replace("sha512-", "")])
def test_what_is_no_sha512_is_no_hash(stated: str | None) -> None:
    (found,) = libraries(A_1={"type": "package", "sha512": stated})
    assert isinstance(found, Package)
    assert found.hashes == {}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "is no JSON"),
        (b"[]", "field of the wrong kind"),
        ({"libraries": {"/1": {"type": "package"}}}, "'/1' has no usable name"),
        ({"libraries": {"a b/1": {"type": "package"}}}, "no usable name"),
        ({"libraries": {"a/1\n": {"type": "package"}}}, "no usable version"),
        ({"libraries": {"a/1": 7}}, "'a/1' has a field of the wrong kind"),
        ({"libraries": {f"a/{n}": {} for n in range(20_001)}}, "lists more than 20000"),
        ({"targets": {"x": {"a/1": 7}}, "libraries": {}}, "target of 'a/1' has a field"),
    ],
)
def test_what_cannot_be_read_is_a_problem(document: object, message: str) -> None:
    (problem,) = read(document)
    assert isinstance(problem, Problem)
    assert message in problem.message


def test_a_library_without_a_version_is_said_to_have_none() -> None:
    problem, found = libraries(A={"type": "package"})
    assert isinstance(problem, Problem)
    assert isinstance(found, Package)
    assert found.purl == "pkg:nuget/A"


def test_a_broken_library_costs_itself_alone() -> None:
    found = libraries(A_1={"type": "package"}, B_1=[], C_1={"type": "package"})
    assert [type(item) for item in found] == [Package, Problem, Package]


def test_only_what_was_published_is_read() -> None:
    ours = Globs(dotnet.CATALOGER.paths)
    assert ours(PATH)
    assert not ours("app/packages.lock.json")


def test_no_mutation_brings_an_error() -> None:
    for data in mutations(json.dumps(DOCUMENT).encode(), random.Random(4), 2000):
        read(data)


@given(
    st.dictionaries(
        st.sampled_from(["runtimeTarget", "targets", "libraries"]),
        st.recursive(
            st.none() | st.text(max_size=4) | st.integers(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=4), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    )
)
def test_fields_of_any_kind_end_in_results_or_problems(changes: dict[str, Any]) -> None:
    read(DOCUMENT | changes)


@pytest.mark.corpus
def test_real_applications(corpus: Path) -> None:
    folder = corpus / "packages"
    expected = set()
    for row in csv.DictReader((folder / "expected.tsv").read_text().splitlines(), delimiter="\t"):
        if row["file"].startswith("dotnet/"):
            kind = "generic" if row["status"] == "project" else "nuget"
            name = row["name"].removeprefix("runtimepack.")
            expected.add((row["file"], f"pkg:{kind}/{name}@{row['version']}"))
    found = set()
    for path in sorted((folder / "dotnet").glob("*.json")):
        for item in read(path.read_bytes()):
            if isinstance(item, Package):
                found.add((f"dotnet/{path.name}", item.purl))
            elif isinstance(item, Problem):
                assert path.name == "invalid.deps.json"
    assert found == expected
    assert len(found) == 24
