"""`sbom show`: what is printed for people, for programs and for pull requests."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from provenance.cli.main import main
from provenance.cli.printing import drawn
from provenance.cli.sbom_show import sbom_table
from provenance.digests import Digest
from provenance.packages.package import Location, Package
from provenance.sbom import Sbom, Subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYER = Digest.of(b"layer")
PACKAGES = [
    Package(
        "openssl",
        "3.0",
        "deb",
        "pkg:deb/debian/openssl@3.0",
        licenses=("Apache-2.0", "MIT"),
        supplier="Debian, the people",
        hashes={"sha256": "ab"},
        locations=(Location("var/lib/dpkg/status", LAYER),),
    ),
    Package("<b>|x", "1", "npm", "pkg:npm/x@1", licenses=("MIT",)),
    Package("\x1b[31mred", "2", "npm", "pkg:npm/red@2"),
]


@pytest.fixture
def document(tmp_path: Path) -> str:
    built = Sbom.build(subject=Subject("app"), packages=PACKAGES)
    return str(built.write(tmp_path / "app.cdx.json"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["sbom", "show", *arguments])
        assert ended.value.code == status
        return capsys.readouterr().out

    return call


def test_a_table_names_each_package_and_hides_nothing(
    run: Callable[..., str], document: str
) -> None:
    shown = run(document)
    assert "openssl" in shown
    assert "2 npm, 1 deb" in shown
    assert "\\x1b[31mred" in shown


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--type", "deb"], ["openssl"]),
        (["--license", "MIT"], ["openssl", "<b>|x"]),
        (["--layer", str(LAYER)[:20]], ["openssl"]),
        (["--path", "/var/lib/dpkg/status"], ["openssl"]),
        (["--name", "openssl"], ["openssl"]),
        (["--type", "npm", "--license", "MIT"], ["<b>|x"]),
        (["--type", "rpm"], []),
    ],
)
def test_options_choose_packages(
    run: Callable[..., str], document: str, options: list[str], names: list[str]
) -> None:
    shown = json.loads(run(document, *options, "-o", "json"))
    assert [p["name"] for p in shown["packages"]] == names
    assert shown["total"] == len(names)


def test_json_says_all_of_a_package(run: Callable[..., str], document: str) -> None:
    shown = json.loads(run(document, "--type", "deb", "-o", "json"))
    assert shown["schema"] == "provenance/sbom-show/v1"
    (package,) = shown["packages"]
    assert package["licenses"] == ["Apache-2.0", "MIT"]
    assert package["hashes"] == {"sha256": "ab"}
    assert package["locations"] == [{"path": "var/lib/dpkg/status", "layer": str(LAYER)}]


def test_a_limit_says_how_many_more_there_are(run: Callable[..., str], document: str) -> None:
    assert "2 more of 3" in run(document, "--limit", "1")
    shown = json.loads(run(document, "--limit", "1", "-o", "json"))
    assert (len(shown["packages"]), shown["total"]) == (1, 3)


def test_csv_is_read_back_by_a_csv_reader(run: Callable[..., str], document: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run(document, "--type", "deb", "-o", "csv"))))
    assert rows == [
        {
            "name": "openssl",
            "version": "3.0",
            "type": "deb",
            "purl": "pkg:deb/debian/openssl@3.0",
            "licenses": "Apache-2.0; MIT",
            "supplier": "Debian, the people",
            "path": "var/lib/dpkg/status",
            "layer": str(LAYER),
        }
    ]


def test_markdown_and_html_leave_no_markup_of_a_stranger_in_force(
    run: Callable[..., str], document: str
) -> None:
    markdown = run(document, "-o", "markdown")
    (line,) = [x for x in markdown.splitlines() if "MIT" in x and "npm" in x]
    assert "`<b>" in line
    assert "<b>" not in line.replace("`<b>", "")
    html = run(document, "-o", "html")
    assert "&lt;b&gt;|x" in html
    assert "<b>" not in html
    assert "<script" not in html


def test_a_page_has_every_package_and_a_limited_one_says_how_many_more(
    run: Callable[..., str], tmp_path: Path
) -> None:
    many = [Package(f"part-{n:03}", "1", "npm", f"pkg:npm/part-{n:03}@1") for n in range(150)]
    file = str(Sbom.build(subject=Subject("app"), packages=many).write(tmp_path / "a.cdx.json"))
    html = run(file, "-o", "html")
    assert html.startswith("<!doctype html>")
    assert all(f"part-{n:03}" in html for n in range(150))
    for output in ("html", "markdown", "text"):
        assert "149 more of 150" in run(file, "-o", output, "--limit", "1")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_has_no_line_wider_than_the_terminal(width: int) -> None:
    from rich.console import Console

    long = Package(
        *("package-with-a-long-name", "1.2.3-4+deb12u7", "deb", "pkg:deb/debian/x@1"),
        licenses=("GPL-2.0-or-later",),
        locations=(Location("usr/lib/python3/dist-packages/x/METADATA", LAYER),),
    )
    built = Sbom.build(subject=Subject("app"), packages=[long])
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(sbom_table(built, width=width)[1])
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    assert any("package-with-a-long-name" in line for line in lines), "the name was folded"


def test_columns_that_say_nothing_are_left_out() -> None:
    built = Sbom.build(subject=None, packages=[Package("a", "1", "deb", "pkg:deb/debian/a@1")])
    shown = drawn(sbom_table(built)[1])
    assert "version" in shown
    assert "layer" not in shown
