"""Every page's code runs and prints what the page says; every notebook runs as committed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
from tests.documents import run_page

from provenance.cli.main import cli

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_page_does_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "_build" in page.parts or "api" in page.parts:
        pytest.fail("a built page lies among the sources: remove docs/_build and docs/api")
    monkeypatch.chdir(tmp_path)
    blocks = run_page(page, {})
    if page.name in {"README.md", "tutorial.md"}:
        assert blocks >= 2


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "prints"),
        ("```console\n$ provenance resolve A:B:C\n```\n", "ended with 2"),
        ("```console\n$ provenance ls x/..\n$ provenance --version\n```\n", "ended with 2"),
        ("```console\n$ ls\n```\n", "is not run"),
        ("```ruby\nputs 1\n```\n", "ruby"),
    ],
)
def test_a_page_that_is_wrong_fails(tmp_path: Path, blocks: str, message: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(blocks)
    with pytest.raises(AssertionError, match=message):
        run_page(page, {})


@pytest.mark.parametrize(
    "blocks",
    [
        "```python\nprint('a1b')\n```\n\n```text\na…b\n```\n",
        "```console\n$ provenance resolve A:B:C\n$ echo $?\n```\n\n```text\n2\n```\n",
        "```console\n$ provenance --version\n```\n\n```text\nprovenance, version …\n```\n",
    ],
)
def test_a_page_that_is_right_passes(tmp_path: Path, blocks: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(blocks)
    assert run_page(page, {}) == 2


def test_the_readme_says_the_two_commands_that_ci_runs() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("python3 -m venv")] == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/provenance demo",
        (
            "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && "
            ".venv/bin/python -m pytest -n auto"
        ),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_commands_in_the_text_of_a_page_have_the_options_they_are_written_with(page: Path) -> None:
    for text in re.findall(r"`provenance ([a-z][^`\n]*)`", page.read_text("utf-8")):
        words = text.split()
        command: click.Command = cli
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words[0]) if words else None
            if found is None:
                break
            command = found
            words.pop(0)
        assert command is not cli, text
        options = {o for parameter in command.params for o in parameter.opts} | {"--help", "-h"}
        written = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert written <= options, f"{page.name}: {text}"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.name)
def test_a_notebook_runs_and_is_committed_with_its_outputs(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_ALLOW_INSECURE_WRITES", "1")
    committed: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    for cell in committed.cells:
        if cell.cell_type == "code":
            assert cell.execution_count, "committed without its outputs"
    # The limit of every test is the one limit of time: a kernel begins slowly on a busy machine.
    NotebookClient(
        committed,
        timeout=None,
        startup_timeout=300,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()


def test_the_command_reference_is_what_the_commands_print() -> None:
    from docs._reference import cli_page

    assert (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8") == cli_page()
