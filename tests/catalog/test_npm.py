"""Packages are found at package roots only, and needs resolve as Node resolves them."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.cataloger import Item, MatchedFile, Problem, Relation, Remaining
from provenance.catalog.ecosystems.npm import CATALOGER, complete
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ("name", "version", "license", "licenses", "author", "contributors", "maintainers")
NEEDS = ("dependencies", "optionalDependencies", "peerDependencies")


def items(path: str, body: bytes) -> list[Item]:
    return list(CATALOGER.read(MatchedFile(path, None, len(body), 0o644, body)))


def read(path: str = "app/node_modules/x/package.json", **fields: Any) -> Package:
    body = json.dumps({"name": "x", "version": "1.0.0", **fields}).encode()
    (package,) = items(path, body)
    assert isinstance(package, Package)
    return package


def test_a_package_with_all_it_states() -> None:
    assert read(
        name="@scope/x",
        license="MIT",
        author="A <a@x.org> (https://a.org)",
        maintainers=[{"name": "M", "email": "m@x.org"}, "N"],
        description="Does x.",
        homepage="https://x.org",
        dependencies={"b": "^1", "@s/c": "2"},
        optionalDependencies={"d": "*"},
        peerDependencies={"e": "", "b": "^2"},
    ) == Package(
        name="@scope/x",
        version="1.0.0",
        type="npm",
        purl="pkg:npm/%40scope/x@1.0.0",
        licenses=("MIT",),
        supplier="M <m@x.org>, N",
        author="A <a@x.org>",
        description="Does x.",
        homepage="https://x.org",
        locations=(Location("app/node_modules/x/package.json"),),
        depends=("b@^1", "@s/c@2", "d@*", "e"),
        cataloger="npm",
    )


@pytest.mark.parametrize(
    ("fields", "licenses", "stated"),
    [
        ({"license": "(mit OR apache-2.0)"}, ("MIT OR Apache-2.0",), ("(mit OR apache-2.0)",)),
        ({"license": {"type": "ISC", "url": "https://x"}}, ("ISC",), ()),
        (
            {"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]},
            ("MIT", "GPL-2.0-only"),
            ("MIT", "GPL-2.0"),
        ),
        ({"license": ["MIT", "BSD"]}, ("MIT", "BSD"), ()),
        ({"license": "SEE LICENSE IN LICENSE.md"}, ("SEE LICENSE IN LICENSE.md",), ()),
        ({"license": "UNLICENSED"}, ("UNLICENSED",), ()),
        ({"license": 7, "licenses": {"a": []}}, (), ()),
    ],
)
def test_licences_in_all_their_forms(
    fields: dict[str, Any], licenses: tuple[str, ...], stated: tuple[str, ...]
) -> None:
    package = read(**fields)
    assert (package.licenses, package.stated_licenses) == (licenses, stated)


@pytest.mark.parametrize(
    ("repository", "page"),
    [
        ("github:a/b", "https://github.com/a/b"),
        ("a/b", "https://github.com/a/b"),
        ("gitlab:a/b", "https://gitlab.com/a/b"),
        ({"type": "git", "url": "git+https://github.com/a/b.git"}, "https://github.com/a/b"),
        ({"url": "git://github.com/a/b.git"}, "https://github.com/a/b"),
        ({"url": "ssh://git@x.org/a"}, ""),
        ([], ""),
    ],
)
def test_the_repository_stands_in_for_a_homepage(repository: object, page: str) -> None:
    assert read(repository=repository).homepage == page


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("app/node_modules/x/package.json", True),
        ("node_modules/x/package.json", True),
        ("usr/lib/node_modules/npm/node_modules/@npmcli/fs/package.json", True),
        ("app/node_modules/.pnpm/x@1.0.0/node_modules/x/package.json", True),
        ("usr/share/nodejs/x/package.json", True),
        ("usr/share/nodejs/@types/x/package.json", True),
        ("usr/lib/x86_64-linux-gnu/nodejs/x/package.json", True),
        ("app/test/node_modules/x/package.json", True),
        ("home/nodejs/app/test/node_modules/x/package.json", True),
        ("usr/src/nodejs/app/test/node_modules/x/package.json", True),
        ("app/node_modules/test/node_modules/x/package.json", True),
        ("app/node_modules/@fixtures/tests/node_modules/x/package.json", True),
        ("app/node_modules/bower/lib/node_modules/x/package.json", True),
        ("app/node_modules/y/test/fixtures/lib/node_modules/x/package.json", False),
        ("app/node_modules/@s/y/__tests__/node_modules/x/package.json", False),
        ("usr/share/nodejs/y/test/node_modules/@s/x/package.json", False),
        ("usr/lib/x86_64-linux-gnu/nodejs/y/test/node_modules/x/package.json", False),
        ("app/package.json", False),
        ("app/node_modules/package.json", False),
        ("app/node_modules/.cache/package.json", False),
        ("app/node_modules/@scope/package.json", False),
        ("app/node_modules/next/dist/compiled/y/package.json", False),
        ("app/node_modules/x/esm/package.json", False),
    ],
)
def test_only_the_root_of_a_package_is_one(path: str, wanted: bool) -> None:  # noqa: FBT001  a table
    body = json.dumps({"name": "x", "version": "1.0.0"}).encode()
    # fnmatch lets `*` cross folders: the number of steps below the folder tells the rest.
    matched = [
        glob
        for glob in CATALOGER.paths
        if fnmatch("/" + path, glob.replace("**/", "*/", 1))
        and path.rpartition(glob.split("/")[-4 if "@" in glob else -3])[2].count("/")
        == (3 if "@" in glob else 2)
    ]
    assert bool(matched and items(path, body)) is wanted


@pytest.mark.parametrize("body", ["{}", '{"name":"x"}', '{"version":"1"}', '{"type":"module"}'])
def test_without_name_or_version_there_is_no_package(body: str) -> None:
    assert items("node_modules/x/package.json", body.encode()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"name":"x","version":"1.0.0"',
        b'{"name":"x","version":1}',
        b'{"name":"x","version":"latest"}',
        b'{"name":"a b","version":"1"}',
        b'{"name":["x"],"version":"1"}',
        b'{"name":"../../x","version":"1"}',
        b'{"name":"x","version":"1","author":' + b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_a_problem(body: bytes) -> None:
    assert [type(i) for i in items("node_modules/x/package.json", body)] == [Problem]


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"name":"x","version":"1.0.0"}',
        b'{"name":"y","name":"x","version":"1.0.0"}',
        b'{"name":"x","version":"v1.0.0","author":"Andr\xe9"}',
        b'{"name":"x","version":" =1.0.0","dependencies":["a"],"license":{"type":{}}}',
    ],
)
def test_what_npm_tolerates_is_tolerated(body: bytes) -> None:
    (package,) = items("node_modules/alias/package.json", body)
    assert isinstance(package, Package)
    assert package.purl == "pkg:npm/x@1.0.0"


@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*FIELDS, *NEEDS, "homepage"), JSON)))
def test_fields_of_any_type_end_in_a_package_or_a_problem(fields: dict[str, Any]) -> None:
    found = items("node_modules/x/package.json", json.dumps(fields).encode())
    assert len(found) <= 1


def tree(files: dict[str, str]) -> tuple[list[Package], set[tuple[str, str]]]:
    """Packages and edges of a tree: folder to `name@version: need need`."""
    found = []
    for folder, text in files.items():
        word, _, needs = text.partition(":")
        name, _, version = word.rpartition("@")
        found.append(
            read(
                f"{folder}/package.json",
                name=name,
                version=version,
                dependencies=dict.fromkeys(needs.split(), "*"),
            )
        )
    out = list(complete(Remaining(found)))
    assert [p for p in out if isinstance(p, Package)] == found
    edges = [r for r in out if isinstance(r, Relation)]
    assert len(edges) == len(set(edges))
    assert {r.kind for r in edges} <= {"depends-on"}
    cut = len("pkg:npm/")
    return found, {(r.source[cut:], r.target[cut:]) for r in edges}


def test_the_nearest_folder_wins() -> None:
    _, edges = tree({
        "app/node_modules/a": "a@1: b c missing",
        "app/node_modules/a/node_modules/b": "b@2: c",
        "app/node_modules/b": "b@1: c @s/d",
        "app/node_modules/c": "c@1: a",
        "app/node_modules/@s/d": "@s/d@1: b",
        "other/node_modules/missing": "missing@1",
    })  # fmt: skip
    assert edges == {
        ("a@1", "b@2"),
        ("a@1", "c@1"),
        ("b@2", "c@1"),
        ("b@1", "c@1"),
        ("b@1", "%40s/d@1"),
        ("c@1", "a@1"),
        ("%40s/d@1", "b@1"),
    }


def test_one_version_in_two_places_has_the_edges_of_both() -> None:
    _, edges = tree({
        "app/node_modules/b": "b@1",
        "app/node_modules/x": "x@1: b",
        "app/node_modules/y/node_modules/x": "x@1: b",
        "app/node_modules/y/node_modules/b": "b@2",
    })  # fmt: skip
    assert edges == {("x@1", "b@1"), ("x@1", "b@2")}


def test_an_application_above_another_lends_its_packages() -> None:
    _, edges = tree({
        "node_modules/b": "b@1",
        "srv/app/node_modules/a": "a@1: b",
    })  # fmt: skip
    assert edges == {("a@1", "b@1")}


def test_debian_has_one_folder_for_all() -> None:
    _, edges = tree({
        "usr/share/nodejs/a": "a@1: b c",
        "usr/share/nodejs/b": "b@1",
        "usr/share/nodejs/a/node_modules/c": "c@1: b",
    })  # fmt: skip
    assert edges == {("a@1", "b@1"), ("a@1", "c@1"), ("c@1", "b@1")}


def test_a_store_of_pnpm_resolves_where_one_version_is_in_it() -> None:
    store = "app/node_modules/.pnpm"
    _, edges = tree({
        f"{store}/a@1/node_modules/a": "a@1: b c",
        f"{store}/b@1/node_modules/b": "b@1",
        f"{store}/c@1/node_modules/c": "c@1",
        f"{store}/c@2/node_modules/c": "c@2",
    })  # fmt: skip
    assert edges == {("a@1", "b@1")}


FOLDERS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(tuple)


@given(st.dictionaries(FOLDERS, st.sets(st.sampled_from("abcd"), max_size=3), max_size=12))
def test_edges_are_those_of_the_algorithm_of_node(needs: dict[tuple[str, ...], set[str]]) -> None:
    """`LOAD_NODE_MODULES` of Node's documentation, written out folder by folder."""
    places = {"/".join(f"node_modules/{n}" for n in chain): chain for chain in needs}
    version = {place: f"{number}.0.0" for number, place in enumerate(places)}
    expected = defaultdict(set)
    for place, chain in places.items():
        for need in needs[chain]:
            parts = place.split("/")
            for end in range(len(parts), -1, -1):
                if end and parts[end - 1] == "node_modules":
                    continue
                candidate = "/".join([*parts[:end], "node_modules", need])
                if candidate in places:
                    if candidate != place:
                        expected[f"{chain[-1]}@{version[place]}"].add(
                            f"{need}@{version[candidate]}"
                        )
                    break
    _, edges = tree({
        place: f"{chain[-1]}@{version[place]}: {' '.join(sorted(needs[chain]))}"
        for place, chain in places.items()
    })  # fmt: skip
    assert edges == {(s, t) for s, targets in expected.items() for t in targets}


def test_a_deep_tree_of_packages_that_need_thousands_ends_soon() -> None:
    folders = ["node_modules/x" + "/node_modules/x" * depth for depth in range(64)]
    one = read(dependencies={f"gone{i}": "*" for i in range(5000)})
    places = tuple(Location(f"c{c}/{f}/package.json", None) for c in range(20) for f in folders)
    start = time.process_time()
    *packages, problem = complete(Remaining([one.changed(locations=places)]))
    assert time.process_time() - start < 10
    assert [getattr(p, "name", "") for p in packages] == ["x"]
    assert isinstance(problem, Problem)
    assert problem.message == "packages need too many others: not all is told"


def test_mutations_end_in_a_package_or_a_problem() -> None:
    body = json.dumps({
        "name": "@scope/x",
        "version": "1.0.0",
        "license": {"type": "MIT"},
        "author": {"name": "é", "email": "a@b"},
        "repository": "a/b",
        "dependencies": {"a": "1", "b": "2"},
    }).encode()  # fmt: skip
    seeded = random.Random(4)
    start = time.process_time()
    for _ in range(5000):
        data = bytearray(body)
        for _ in range(seeded.randint(1, 4)):
            at = seeded.randrange(len(data))
            data[at : at + seeded.randint(0, 3)] = seeded.randbytes(seeded.randint(0, 3))
        found = items("node_modules/x/package.json", bytes(data))
        assert all(isinstance(i, Package | Problem) for i in found)
        list(complete(Remaining([p for p in found if isinstance(p, Package)])))
    assert time.process_time() - start < 20


@pytest.mark.corpus
def test_the_files_of_the_corpus(corpus: Path) -> None:
    folder = corpus / "packages"
    rows = (folder / "expected.tsv").read_text("utf-8").splitlines()
    expected = {}
    for row in rows:
        name, *columns = row.split("\t")
        if name.startswith("node/"):
            expected[name] = columns[:2]
    assert len(expected) == 4
    for name, (package, version) in expected.items():
        found = items("node_modules/x/package.json", (folder / name).read_bytes())
        got = [(p.name, p.version) for p in found if isinstance(p, Package)]
        assert got == ([(package, version)] if version else [])


@pytest.mark.parametrize(
    ("path", "name", "listed"),
    [
        ("opt/yarn-v1.22.22/package.json", "yarn", True),
        ("opt/yarn-v1.22.22/package.json", "other", False),
        ("root/.cache/node/corepack/v1/pnpm/9.1.0/package.json", "pnpm", True),
        ("root/.cache/node/corepack/pnpm/8.6.0/package.json", "pnpm", True),
        ("usr/lib/node_modules/corepack/dist/lib/package.json", "corepack", False),
    ],
)
def test_package_managers_have_roots_of_their_own(path: str, name: str, *, listed: bool) -> None:
    assert Globs(CATALOGER.paths)(path)
    body = json.dumps({"name": name, "version": "1.0.0"}).encode()
    assert bool(items(path, body)) == listed
