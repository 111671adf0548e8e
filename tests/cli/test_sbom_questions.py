"""`sbom diff|merge|licenses|why|tree`: what is printed, and with which status they end."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from provenance.cli.main import main
from provenance.cli.sbom_diff import _KINDS
from provenance.packages.package import Package
from provenance.sbom import Sbom, Subject, read_sbom
from provenance.sbom.comparing.changes import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

APP = Package("app", "1", "npm", "pkg:npm/app@1", licenses=("MIT",))
LIB = Package("lib", "2.0.0", "npm", "pkg:npm/lib@2.0.0", licenses=("MIT OR GPL-3.0-only",))
LEAF = Package("leaf", "3", "npm", "pkg:npm/leaf@3?arch=x", licenses=("ISC",))
ODD = Package("\x1b[31m<b>|x", "1", "npm", "pkg:npm/odd@1", licenses=("=cmd()",))
NEEDS = {APP.purl: [LIB.purl], LIB.purl: [LEAF.purl, APP.purl]}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["sbom", *arguments])
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in err
        assert "\x1b" not in out
        return ended.value.code, out, err

    return call


@pytest.fixture
def old(tmp_path: Path) -> str:
    made = Sbom.build(subject=Subject("app", "1"), packages=[APP, LIB, LEAF], dependencies=NEEDS)
    return str(made.write(tmp_path / "old.cdx.json"))


@pytest.fixture
def new(tmp_path: Path) -> str:
    newer = Package("lib", "10.0.0", "npm", "pkg:npm/lib@10.0.0", licenses=LIB.licenses)
    made = Sbom.build(subject=Subject("app", "2"), packages=[APP, newer, LEAF, ODD])
    return str(made.write(tmp_path / "new.spdx.json"))


class TestDiff:
    def test_every_output(self, run: Run, old: str, new: str) -> None:
        status, out, _ = run("diff", old, new)
        assert status == 0
        assert "1 added, 1 upgraded; 2 unchanged" in out
        assert "10.0.0" in out
        told = json.loads(run("diff", old, new, "-o", "json")[1])
        assert told["schema"] == "provenance/sbom-diff/v1"
        assert told["counts"] == {"added": 1, "upgraded": 1}
        markdown = run("diff", old, new, "-o", "markdown")[1]
        assert markdown.startswith("**1 added, 1 upgraded; 2 unchanged**\n\n| change |")
        page = run("diff", old, new, "-o", "html")[1]
        assert page.startswith("<!doctype html>")
        assert "<b>" not in page
        rows = list(csv.reader(io.StringIO(run("diff", old, new, "-o", "csv")[1])))
        assert [row[0] for row in rows] == ["kind", "added", "upgraded"]
        assert dict(zip(rows[0], rows[2], strict=True))["new_version"] == "10.0.0"
        assert "'=cmd()" in rows[1]

    def test_the_status_is_what_was_asked_for(self, run: Run, old: str, new: str) -> None:
        assert run("diff", old, new, "--exit-code")[0] == 1
        assert run("diff", old, old, "--exit-code")[0] == 0
        assert run("diff", old, new, "--fail-on", "removed,downgraded")[0] == 0
        assert run("diff", old, new, "--fail-on", "removed, added")[0] == 1
        assert run("diff", new, old, "--fail-on", "downgraded")[0] == 1
        status, _, err = run("diff", old, new, "--fail-on", "nonsense")
        assert (status, "relicensed" in err) == (2, True)
        assert run("diff", old, f"{new}.gone")[0] == 3
        assert run("diff", "-", "-")[0] == 2

    def test_the_kinds_are_those_of_the_library(self) -> None:
        assert _KINDS == KINDS


class TestLicenses:
    def test_a_summary(self, run: Run, new: str) -> None:
        status, out, _ = run("licenses", new)
        assert status == 0
        assert "MIT OR GPL-3.0-only" in out
        told = json.loads(run("licenses", new, "-o", "json")[1])
        assert told["licenses"]["MIT"] == 1
        assert [p["purl"] for p in told["unknown"]] == ["pkg:npm/odd@1"]

    def test_the_status_is_the_answer(self, run: Run, old: str, new: str) -> None:
        allowed = ("--allow", "MIT", "--allow", "ISC")
        assert run("licenses", old, *allowed)[0] == 0
        assert run("licenses", new, *allowed)[0] == 1
        assert run("licenses", old, "--allow", "MIT")[0] == 1
        status, out, _ = run("licenses", old, "--allow", "MIT", "--exception", "leaf=it is fine")
        assert (status, "it is fine" in out) == (0, True)
        reason = f"{LEAF.purl}=asked"
        assert run("licenses", old, "--allow", "MIT", "--exception", reason)[0] == 0
        assert run("licenses", old, "--deny", "GPL-*")[0] == 0
        assert run("licenses", new, "--deny", "AGPL-*")[0] == 3
        assert run("licenses", new, "--deny", "ISC")[0] == 1
        assert run("licenses", old, "--deny", "MIT OR ISC")[0] == 3
        assert run("licenses", old, "--deny", "ISC", "--exception", "leaf")[0] == 2

    def test_findings_are_rows(self, run: Run, new: str) -> None:
        told = json.loads(run("licenses", new, "--allow", "MIT", "-o", "json")[1])
        assert told["ok"] is False
        assert {f["rule"] for f in told["findings"]} == {"license-not-allowed", "license-unknown"}
        rows = list(csv.reader(io.StringIO(run("licenses", new, "--deny", "ISC", "-o", "csv")[1])))
        assert sorted(row[1] for row in rows[1:]) == ["license-denied", "license-unknown"]
        assert set(told["findings"][0]) == {"rule", "severity", "message", "pointer"}

    def test_what_is_refused_stands_before_what_is_unknown(self, run: Run, tmp_path: Path) -> None:
        many = [Package(f"a{n}", "1", "npm", f"pkg:npm/a{n}@1") for n in range(150)]
        bad = Package("z", "1", "npm", "pkg:npm/z@1", licenses=("ISC",))
        made = Sbom.build(subject=Subject("app"), packages=[*many, bad])
        path = str(made.write(tmp_path / "many.cdx.json"))
        for output in ("text", "markdown"):
            assert "license-denied" in run("licenses", path, "--deny", "ISC", "-o", output)[1]

    def test_options_that_would_do_nothing_are_wrong_usage(self, run: Run, old: str) -> None:
        assert run("licenses", old, "--exception", "leaf=it is fine")[0] == 2
        assert run("licenses", old, "--allow", "")[0] == 2
        assert run("licenses", old, "--deny", " ")[0] == 2


class TestGraph:
    def test_why(self, run: Run, tmp_path: Path) -> None:
        needs = {APP.purl: [LIB.purl], LIB.purl: [LEAF.purl]}
        made = Sbom.build(subject=None, packages=[APP, LIB, LEAF, ODD], dependencies=needs)
        path = str(made.write(tmp_path / "a.cdx.json"))
        assert run("why", path, "pkg:npm/leaf")[:2] == (
            0,
            "app 1\n└─ lib 2.0.0\n   └─ leaf 3\n",
        )
        told = json.loads(run("why", path, "leaf", "-o", "json")[1])
        assert [[p["name"] for p in way] for way in told["ways"]] == [["app", "lib", "leaf"]]
        assert "n0 --> n1" in run("why", path, "leaf", "-o", "mermaid")[1]
        assert run("why", path, "leaf", "-o", "dot")[1].startswith("digraph")
        status, _, err = run("why", path, "pkg:npm/nobody")
        assert (status, "is not in" in err) == (3, True)

    def test_tree(self, run: Run, tmp_path: Path) -> None:
        needs = {APP.purl: [LIB.purl, LEAF.purl], LIB.purl: [LEAF.purl], LEAF.purl: [LIB.purl]}
        made = Sbom.build(subject=None, packages=[APP, LIB, LEAF], dependencies=needs)
        path = str(made.write(tmp_path / "a.cdx.json"))
        assert run("tree", path)[1].splitlines() == [
            "app 1",
            "├─ leaf 3",
            "│  └─ lib 2.0.0",
            "│     └─ leaf 3 (above)",
            "└─ lib 2.0.0 (above)",
        ]
        assert "more than 2 lines" in run("tree", path, "--limit", "2")[1]
        told = json.loads(run("tree", path, "--depth", "1", "-o", "json")[1])
        assert [line["level"] for line in told["lines"]] == [0, 1, 1]
        assert "flowchart" in run("tree", path, "-o", "mermaid")[1]

    def test_ways_and_trees_are_tables_too(self, run: Run, old: str) -> None:
        for verb, columns, shown in (
            (("why", old, "leaf"), "way level name version purl", "app lib leaf"),
            (("tree", old), "level name version purl above", "app lib app leaf"),
        ):
            status, out, _ = run(*verb, "-o", "csv")
            rows = list(csv.DictReader(io.StringIO(out)))
            assert (status, " ".join(rows[0])) == (0, columns)
            assert " ".join(row["name"] for row in rows) == shown
            assert "| `0` | `app` |" in run(*verb, "-o", "markdown")[1]
            assert "<td>leaf</td>" in run(*verb, "-o", "html")[1]

    def test_what_only_a_cycle_leads_to_has_a_way(self, run: Run, old: str) -> None:
        assert run("why", old, "leaf")[1] == "app 1\n└─ lib 2.0.0\n   └─ leaf 3\n"

    def test_a_terminal_without_the_characters_gets_others(
        self, old: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, "latin-1", write_through=True))
        with pytest.raises(SystemExit) as ended:
            main(["sbom", "tree", old])
        assert ended.value.code == 0
        assert b"app 1\n\\u2514\\u2500 lib 2.0.0\n" in out.getvalue()

    def test_a_drawing_has_the_edges_that_are_asked_for(self, run: Run, old: str) -> None:
        for output, edge in (("dot", " -> "), ("mermaid", " --> ")):
            assert run("tree", old, "-o", output)[1].count(edge) == 3
            assert run("tree", old, "-o", output, "--limit", "1")[1].count(edge) == 1

    def test_names_do_nothing_to_a_terminal(self, run: Run, new: str) -> None:
        assert "\\x1b[31m<b>|x 1" in run("tree", new)[1]


class TestMerge:
    def test_parts_become_a_product(self, run: Run, old: str, new: str, tmp_path: Path) -> None:
        status, out, _ = run("merge", old, new, "--name", "shop", "--version", "7")
        assert status == 0
        found = read_sbom(out.encode())
        assert str(found.subject) == "shop 7"
        assert len(found.packages) == 9
        file = tmp_path / "shop.json"
        assert run("merge", old, new, "--name", "shop", "--flat", "-o", f"spdx-json={file}")[0] == 0
        flat = read_sbom(file)
        assert flat.format.value == "spdx-2.3"
        assert len(flat.packages) == 7

    def test_what_was_not_taken_is_told(self, run: Run, old: str, tmp_path: Path) -> None:
        document = json.loads(Sbom.build(subject=Subject("b"), packages=[APP]).to_bytes())
        document["metadata"]["lifecycles"] = [{"phase": "build"}]
        other = tmp_path / "b.json"
        other.write_text(json.dumps(document))
        status, _, err = run("merge", old, str(other), "--name", "shop")
        assert status == 0
        assert "note: not-merged: 1 of /metadata/lifecycles/*/phase in part 1 (b)" in err

    def test_several_formats_are_all_written(self, run: Run, old: str, tmp_path: Path) -> None:
        wanted = {"spdx-2.3": tmp_path / "a.json", "cyclonedx-1.5": tmp_path / "b.json"}
        outputs = [part for form, path in wanted.items() for part in ("-o", f"{form}={path}")]
        assert run("merge", old, "--name", "x", *outputs)[:2] == (0, "")
        assert {form: read_sbom(path).format.value for form, path in wanted.items()} == {
            form: form for form in wanted
        }

    def test_wrong_usage(self, run: Run, old: str) -> None:
        assert run("merge", old)[0] == 2
        assert run("merge", old, "--name", " ")[0] == 2
        assert run("merge", old, "--name", "x", "-o", "spdx-json=/nonexistent/x.json")[0] == 3
        assert run("merge", "--name", "x")[0] == 2
        for output in ("nonsense", "spdx-json=", "spdx-2.3-rdf"):
            assert run("merge", old, "--name", "x", "-o", output)[0] == 2
        assert run("merge", "-", "-", "--name", "x")[0] == 2
        assert run("merge", f"{old}.gone", "--name", "x")[0] == 3
