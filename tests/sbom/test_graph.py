"""Graphs drawn by hand, and random ones that networkx judges."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

import networkx as nx
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.packages.package import Package
from provenance.sbom import Sbom, read_sbom
from provenance.sbom.graphs.graph import Dependencies

if TYPE_CHECKING:
    from collections.abc import Iterable


def graph(edges: Iterable[tuple[str, str]], *alone: str, inside: str = "") -> Dependencies:
    """`("a", "b")`: a needs b. `inside="jar:x y"`: x and y lie inside of jar."""
    listed: dict[str, list[str]] = {}
    for source, target in edges:
        listed.setdefault(source, []).append(target)
    needs = {source: tuple(targets) for source, targets in listed.items()}
    holder, _, held = inside.partition(":")
    contains = {holder: tuple(held.split())} if holder else {}
    names = dict.fromkeys([n for edge in edges for n in edge] + [holder, *held.split(), *alone])
    packages = tuple(Package(n, "1", "npm", f"pkg:npm/{n}@1", id=n) for n in names if n)
    return Dependencies(packages, needs, contains)


def names(packages: Iterable[Package]) -> list[str]:
    return [p.name for p in packages]


def at(found: Dependencies, name: str) -> Package:
    return next(p for p in found.packages if p.name == name)


# app and tool are introduced by nobody; x and y need each other; z is needed by them alone.
EDGES = [("app", "a"), ("app", "b"), ("a", "c"), ("b", "c"), ("tool", "c")]
EDGES += [("x", "y"), ("y", "x"), ("y", "z"), ("self", "self"), ("app", "gone?")]
DRAWN = graph(EDGES[:-1], "lonely", inside="app:jar")


def test_a_purl_finds_what_spells_it_otherwise() -> None:
    """Source: purl-spec: percent-encoding, and names of PyPI in any case."""
    listed = (
        Package("core", "7.1", "npm", "pkg:npm/%40babel/core@7.1", id="1"),
        Package("Foo_Bar", "1", "pypi", "pkg:pypi/Foo_Bar@1?x=y", id="2"),
    )
    found = Dependencies(listed, {})
    for asked in ("pkg:npm/@babel/core", "pkg:npm/@babel/core@7.1", "pkg:NPM/%40babel/core"):
        assert found.paths_to(asked) == ((listed[0],),)
    assert found.paths_to("pkg:pypi/foo-bar@1?x=y") == ((listed[1],),)
    for other in (
        "pkg:npm/@babel/core@7",
        "pkg:npm/core",
        "pkg:pypi/foo-bar?x=z",
        "pkg:npm/@b/core",
    ):
        assert found.paths_to(other) == ()


def test_what_stands_where() -> None:
    assert names(DRAWN.roots) == ["app", "tool", "self", "lonely"]
    assert names(DRAWN.orphans) == ["lonely"]
    assert [names(group) for group in DRAWN.cycles] == [["x", "y"], ["self"]]
    assert DRAWN.depth == 1  # each by its shortest way, and tool needs c itself
    assert graph([("a", "b"), ("b", "c"), ("x", "y"), ("y", "x")]).depth == 2
    assert names(DRAWN.of(at(DRAWN, "app"))) == ["a", "b"]
    assert names(DRAWN.needed_by(at(DRAWN, "c"))) == ["a", "b", "tool"]
    assert names(DRAWN.dependents(at(DRAWN, "c"))) == ["app", "a", "b", "tool"]
    assert names(DRAWN.dependents(at(DRAWN, "jar"))) == ["app"]
    assert names(DRAWN.dependents(at(DRAWN, "z"))) == ["x", "y"]
    assert len(DRAWN) == 9


def test_what_is_not_there_has_no_edges() -> None:
    stranger = Package("stranger", id="stranger")
    assert DRAWN.of(stranger) == DRAWN.needed_by(stranger) == DRAWN.dependents(stranger) == ()
    assert DRAWN.paths_to("pkg:npm/stranger@1") == ()
    dangling = Dependencies((Package("a", id="a"),), {"a": ("b",), "c": ("a",)})
    assert names(dangling.roots) == names(dangling.orphans) == ["a"]
    assert list(dangling.typed_edges()) == []


@pytest.mark.parametrize(
    ("asked", "ways"),
    [
        ("pkg:npm/c@1", ["tool c", "app a c"]),
        ("pkg:npm/c", ["tool c", "app a c"]),
        ("c", ["tool c", "app a c"]),
        ("pkg:npm/jar@1", ["app jar"]),
        ("pkg:npm/app@1", ["app"]),
        ("pkg:npm/lonely@1", ["lonely"]),
        ("pkg:npm/x@1", ["x"]),
        ("pkg:npm/z@1", ["x y z"]),
        ("pkg:npm/self@1", ["self"]),
        ("pkg:npm/", []),
        ("pkg:npm/c@2", []),
        ("", []),
    ],
)
def test_why_it_is_here(asked: str, ways: list[str]) -> None:
    assert [" ".join(names(path)) for path in DRAWN.paths_to(asked)] == ways
    assert len(DRAWN.paths_to(asked, limit=1)) == min(1, len(ways))


def test_the_tree_shows_each_part_once() -> None:
    lines = [(step.level, step.package.name, step.again) for step in DRAWN.walk()]
    assert lines[:7] == [
        (0, "app", False),
        (1, "a", False),
        (2, "c", False),
        (1, "b", False),
        (2, "c", False),  # nothing is below it: nothing is left out
        (1, "jar", False),
        (0, "tool", False),
    ]
    assert (0, "x", False) in lines
    assert (2, "x", True) in lines
    assert len(list(DRAWN.walk(limit=3))) == 3
    assert {step.level for step in DRAWN.walk(depth=1)} == {0, 1}


NODES = st.integers(0, 9).map(lambda n: f"n{n}")


@given(st.lists(st.tuples(NODES, NODES), max_size=30))
def test_networkx_agrees(edges: list[tuple[str, str]]) -> None:
    found = graph(edges, *(f"n{n}" for n in range(10)))
    judge: nx.DiGraph[str] = nx.DiGraph(edges)
    judge.add_nodes_from(p.name for p in found.packages)
    loops = set(nx.nodes_with_selfloops(judge))
    groups = [g for g in nx.strongly_connected_components(judge) if len(g) > 1 or g & loops]
    assert {frozenset(names(g)) for g in found.cycles} == set(map(frozenset, groups))
    assert sum(map(len, found.cycles)) == sum(map(len, groups))
    plain = judge.copy()
    plain.remove_edges_from([(n, n) for n in loops])
    assert set(names(found.roots)) == {n for n, degree in plain.in_degree() if degree == 0}
    # What nobody needs; of packages that need each other and that nobody else needs, the first.
    order = names(found.packages)
    joined = nx.condensation(plain)
    tops = {
        min(joined.nodes[group]["members"], key=order.index)
        for group, degree in joined.in_degree()
        if degree == 0
    }
    assert {step.package.name for step in found.walk(depth=0)} == tops
    for package in found.packages:
        ancestors = nx.ancestors(plain, package.name)
        assert set(names(found.dependents(package))) == ancestors
        shortest = {
            top: nx.shortest_path_length(plain, top, package.name)
            for top in tops
            if top in ancestors or top == package.name
        }
        ways = found.paths_to(package.purl)
        assert {path[0].name: len(path) - 1 for path in ways} == shortest
    made = found.to_networkx()
    assert {(a, b) for a, b in made.edges()} == set(edges)
    assert {step.package.name for step in found.walk()} == set(judge.nodes)


def test_edges_are_rows() -> None:
    frame = DRAWN.to_pandas()
    assert len(frame) == 10
    assert set(frame.kind) == {"depends-on", "contains"}
    (row,) = frame[frame.kind == "contains"].itertuples()
    assert (row.source, row.target, row.target_purl) == ("app", "jar", "pkg:npm/jar@1")
    assert pl.DataFrame(DRAWN).rows() == list(frame.itertuples(index=False, name=None))
    made = DRAWN.to_networkx()
    assert made.nodes["jar"]["purl"] == "pkg:npm/jar@1"
    assert made.edges["app", "jar", "contains"] == {"kind": "contains"}
    assert made.has_node("lonely")


def test_repr_is_one_line_and_a_pickle_is_whole() -> None:
    assert repr(DRAWN) == "Dependencies(11 packages, 9 needed, 1 within another)"
    assert DRAWN.cycles
    assert pickle.loads(pickle.dumps(DRAWN)) == DRAWN


def test_drawings_show_what_was_asked_for() -> None:
    assert DRAWN.to_mermaid(to="pkg:npm/jar@1") == (
        'flowchart LR\n  n0["app 1"]\n  n1["jar 1"]\n  n0 -.-> n1\n'
    )
    assert 'n0 [label="app 1"];' in DRAWN.to_dot(to="jar")
    assert "n0 -> n1 [style=dashed];" in DRAWN.to_dot(to="jar")
    assert "// 9 more edges" in DRAWN.to_dot(limit=1)
    assert "%% 9 more edges" in DRAWN.to_mermaid(limit=1)


@given(st.text(max_size=30), st.text(max_size=30))
def test_names_stay_inside_their_quotes(first: str, second: str) -> None:
    pair = (Package(first, id="a"), Package(second, id="b"))
    found = Dependencies(pair, {"a": ("b",)})
    drawn = found.to_dot().splitlines()
    assert len(drawn) == 7
    for line in drawn[3:5]:
        assert re.fullmatch(r'  n\d \[label="(?:[^"\\]|\\\\|\\")*"\];', line)
    lines = found.to_mermaid().splitlines()
    assert len(lines) == 4
    for line in lines[1:3]:
        assert re.fullmatch(r'  n\d\["(?:[A-Za-z0-9 ._/:+~-]|#\d+;)*"\]', line)


def test_fifty_thousand_packages_are_no_matter() -> None:
    count = 50_000
    chain = graph([(f"n{n}", f"n{n + 1}") for n in range(count)])
    star = graph(
        [("hub", f"n{n}") for n in range(count)] + [(f"n{n}", "end") for n in range(count)]
    )
    ring = graph([(f"n{n}", f"n{(n + 1) % count}") for n in range(count)])
    assert len(chain.paths_to(f"pkg:npm/n{count}@1")[0]) == count + 1
    assert chain.depth == count
    assert chain.cycles == ()
    assert len(list(chain.walk())) == 51
    assert len(star.paths_to("pkg:npm/end@1")) == 1
    assert len(star.dependents(star.packages[-1])) == count + 1
    assert [len(group) for group in ring.cycles] == [count]
    assert len(ring.paths_to("pkg:npm/n7@1")) == 1
    assert len(chain.to_mermaid()) < 20_000


def test_many_of_one_purl_with_many_introducers_end() -> None:
    count = 300
    same = tuple(Package("x", "1", "npm", "pkg:npm/x@1", id=f"x{n}") for n in range(count))
    roots = tuple(Package("r", "1", id=f"r{n}") for n in range(count))
    needs = {r.id: tuple(p.id for p in same) for r in roots}
    found = Dependencies((*roots, *same), needs)
    assert len(found.paths_to("pkg:npm/x@1")) == 1000


def test_a_document_gives_both_kinds_of_edges() -> None:
    war = Package("app", "1", "maven", "pkg:maven/g/app@1")
    jar = Package("lib", "2", "maven", "pkg:maven/g/lib@2")
    log = Package("log", "3", "maven", "pkg:maven/g/log@3")
    made = Sbom.build(
        subject=None,
        packages=[war, jar, log],
        contains={war.purl: [jar.purl]},
        dependencies={jar.purl: [log.purl]},
    )
    for form in ("cyclonedx-1.6", "spdx-2.3", "spdx-3.0"):
        found = read_sbom(made.to_bytes(form)).dependencies
        assert [names(path) for path in found.paths_to(log.purl)] == [["app", "lib", "log"]], form
