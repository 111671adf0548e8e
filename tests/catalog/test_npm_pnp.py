"""Packages that Yarn leaves in their archives are those that a table of Plug'n'Play names.

The tables are written as Yarn 4 writes them ("PnP specification"), and as 2 and 3 did.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, TypeAlias

import pytest

from provenance.catalog.cataloger import Fact, Item, MatchedFile, Problem, Relation, Remaining
from provenance.catalog.ecosystems.npm import CATALOGER
from provenance.image.names import Globs
from provenance.packages.package import Package


def items(path: str, body: bytes) -> list[Item]:
    assert Globs(CATALOGER.paths)(path), path
    return list(CATALOGER.read(MatchedFile(path, None, len(body), 0o644, body)))


def archive(name: str, version: str, **others: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        folder = f"node_modules/{name}"
        about = {"name": name, "version": version}
        file.writestr(f"{folder}/package.json", json.dumps(about))
        for path, text in others.items():
            file.writestr(f"{folder}/{path}", text)
    return made.getvalue()


Entry: TypeAlias = tuple[str | None, str | None, str, list[Any]]


def table(*entries: Entry) -> str:
    registry: dict[str | None, list[Any]] = {}
    for name, reference, location, needs in entries:
        one = {"packageLocation": location, "packageDependencies": needs, "linkType": "HARD"}
        registry.setdefault(name, []).append([reference, one])
    return json.dumps({"packageRegistryData": [[k, v] for k, v in registry.items()]}, indent=2)


def inlined(text: str, start: str = "const RAW_RUNTIME_STATE =\n", end: str = ";") -> bytes:
    """As it stands in `.pnp.cjs`: a string of JavaScript, a backslash at the end of each line."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\\n")
    return f"\"use strict\";\n\n{start}'{escaped}'{end}\n\nfunction x() {{}}".encode()


SETUP = "function $$SETUP_STATE(hydrateRuntimeState, basePath) {\n  return hydrateRuntimeState("
BASE = ", {basePath: basePath || __dirname});\n}"


def found(files: dict[str, bytes]) -> tuple[list[str], set[tuple[str, str]]]:
    """Purls of the packages, and which needs which."""
    packages: list[Package] = []
    facts: dict[str, dict[str, Any]] = {}
    for path, body in files.items():
        for item in items(path, body):
            if isinstance(item, Package):
                packages.append(item)
            else:
                assert isinstance(item, Fact), item
                facts.setdefault(item.kind, {})[item.key] = item.value
    assert CATALOGER.complete is not None
    done = list(CATALOGER.complete(Remaining(packages, facts)))
    edges = {(x.source, x.target) for x in done if isinstance(x, Relation)}
    return sorted(x.purl for x in done if isinstance(x, Package)), edges


def place(name: str, version: str, cache: str = "./.yarn/cache") -> str:
    flat = name.replace("/", "-")
    return f"{cache}/{flat}-npm-{version}-0123456789-abcdef0123.zip/node_modules/{name}/"


def stored(name: str, version: str, cache: str = "app/.yarn/cache") -> tuple[str, bytes]:
    return place(name, version, cache).partition("/node_modules/")[0], archive(name, version)


LEFT, RIGHT = "pkg:npm/left@1.0.0", "pkg:npm/%40s/right@2.0.0"
ENTRIES: list[Entry] = [
    (None, None, "./", [["left", "npm:1.0.0"]]),
    ("app", "workspace:.", "./", [["left", "npm:1.0.0"]]),
    ("left", "npm:1.0.0", place("left", "1.0.0"), [
        ["left", "npm:1.0.0"], ["alias", ["@s/right", "npm:2.0.0"]], ["peer", None]]),
    ("@s/right", "npm:2.0.0", place("@s/right", "2.0.0"), [["@s/right", "npm:2.0.0"]]),
]  # fmt: skip


@pytest.mark.parametrize(
    "tables",
    [
        {"app/.pnp.cjs": inlined(table(*ENTRIES))},
        {"app/.pnp.cjs": inlined(table(*ENTRIES), f"{SETUP}JSON.parse(", f"){BASE}")},
        {"app/.pnp.cjs": f"{SETUP}{table(*ENTRIES)}{BASE}".encode()},
        {"app/.pnp.js": f"{SETUP}{table(*ENTRIES)}{BASE}".encode()},
        {
            "app/.pnp.cjs": b"hydrateRuntimeState(x); './.pnp.data.json'",
            "app/.pnp.data.json": table(*ENTRIES).encode(),
        },
    ],
    ids=["in the program", "by Yarn 3.2", "by Yarn 3.0", "by Yarn 2", "in a file beside it"],
)
def test_the_archives_of_a_table_are_packages_and_it_says_what_they_need(
    tables: dict[str, bytes],
) -> None:
    files = dict([stored("left", "1.0.0"), stored("@s/right", "2.0.0"), stored("old", "0.9.0")])
    assert found({**files, **tables}) == ([RIGHT, LEFT], {(LEFT, RIGHT)})


def test_archives_that_no_table_names_are_downloads() -> None:
    files = dict([stored("left", "1.0.0"), stored("old", "1.0.0", "root/.yarn/berry/cache")])
    assert found(files) == ([], set())


def test_what_a_table_names_and_was_not_fetched_is_not_there() -> None:
    files = {"app/.pnp.cjs": inlined(table(*ENTRIES))}
    assert found(files | dict([stored("left", "1.0.0")])) == ([LEFT], set())


def test_a_package_with_peers_lies_where_its_virtual_folder_leads() -> None:
    shared = "root/.yarn/berry/cache"
    own = place("@s/right", "2.0.0", "./.yarn/__virtual__/@s-right-virtual-0a1b2c/0/cache")
    far = place("left", "1.0.0", "../../root/.yarn/berry/__virtual__/left-virtual-00ff/0/cache")
    up = place("up", "3.0.0", f"./.yarn/__virtual__/up-virtual-00ff/3/{shared}")
    entries: list[Entry] = [
        ("@s/right", "virtual:0a1b2c#npm:2.0.0", own, [["left", "virtual:00ff#npm:1.0.0"]]),
        ("left", "virtual:00ff#npm:1.0.0", far, []),
        ("up", "virtual:00ff#npm:3.0.0", up, []),
    ]
    files = dict([
        stored("@s/right", "2.0.0", "srv/app/.yarn/cache"),
        stored("left", "1.0.0", shared),
        stored("up", "3.0.0", shared),
    ])  # fmt: skip
    files["srv/app/.pnp.cjs"] = inlined(table(*entries))
    assert found(files) == ([RIGHT, LEFT, "pkg:npm/up@3.0.0"], {(RIGHT, LEFT)})


def test_what_was_unpacked_for_its_programs_is_found_by_its_folder() -> None:
    folder = ".yarn/unplugged/left-npm-1.0.0-0123456789/node_modules/left"
    entries: list[Entry] = [
        ("left", "npm:1.0.0", f"./{folder}/", [["@s/right", "npm:2.0.0"]]),
        ENTRIES[3],
    ]
    files = {
        f"app/{folder}/package.json": b'{"name": "left", "version": "1.0.0"}',
        "app/.pnp.cjs": inlined(table(*entries)),
    }
    assert found(files | dict([stored("@s/right", "2.0.0")])) == ([RIGHT, LEFT], {(LEFT, RIGHT)})


def test_only_the_root_of_an_archive_is_its_package() -> None:
    body = archive("x", "1.0.0", **{"node_modules/y/package.json": '{"name":"y","version":"1"}'})
    (package,) = items("app/.yarn/cache/x.zip", body)
    assert isinstance(package, Package)
    assert package.locations[0].path == "app/.yarn/cache/x.zip!/node_modules/x/package.json"


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("app/.yarn/cache/x.zip", b"no archive", "archive"),
        ("app/.yarn/cache/x.zip", archive("x", "1.0.0")[:-30], "archive"),
        ("app/.pnp.cjs", b"const RAW_RUNTIME_STATE = '{';", "no JSON"),
        ("app/.pnp.cjs", b"const RAW_RUNTIME_STATE = '{\"packageRegistryData\": 1}';", "kind"),
        ("app/.pnp.data.json", b"{}", "kind"),
        ("app/.pnp.cjs", f"{SETUP}{{}}{BASE}".encode(), "kind"),
        ("app/.pnp.cjs", f'{SETUP}{{"x": 1'.encode(), "where it is not looked for"),
        ("app/.pnp.cjs", b"hydrateRuntimeState(atob(''))", "where it is not looked for"),
    ],
)
def test_what_cannot_be_read_is_a_problem(path: str, body: bytes, why: str) -> None:
    (problem,) = items(path, body)
    assert isinstance(problem, Problem)
    assert (problem.path, why in problem.message) == (path, True), problem.message


def test_a_table_that_says_long_folders_again_and_again_is_a_problem() -> None:
    """Each need spells out a folder of thousands of letters, of which it says the name alone."""
    far = [(f"t{n}", "1", f"./{'y' * 4000}/{n}/", list[Any]()) for n in range(150)]
    needs = [[name, "1"] for name, *_ in far]
    near = [(f"n{n}", "1", f"./{n}/", needs) for n in range(150)]
    (problem,) = items("app/.pnp.data.json", table(*far, *near).encode())
    assert isinstance(problem, Problem)
    assert "more needs than is read" in problem.message
