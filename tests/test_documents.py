"""Every page's code runs and prints what the page says; every notebook runs as committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.documents import run_page

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


def test_a_page_that_says_something_else_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    with pytest.raises(AssertionError, match="prints"):
        run_page(page, {})
    page.write_text("```python\nprint('a1b')\n```\n\n```text\na…b\n```\n")
    assert run_page(page, {}) == 2


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
    NotebookClient(
        committed, timeout=120, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()


def test_the_command_reference_is_what_the_commands_print() -> None:
    from docs._reference import cli_page

    assert (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8") == cli_page()
