"""`sbom validate` and `sbom quality` on the command line: what they print, and how they end."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import click.testing
import pytest

from provenance.cli.main import cli
from provenance.cli.sbom_quality import _RULE_SETS
from provenance.sbom.quality import RULE_SETS

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "components": [{"type": "library", "name": "=a|b", "bom-ref": "a", "purl": "no purl"}],
}


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, document: dict[str, Any] = DOCUMENT) -> tuple[int, str]:
        (tmp_path / "app.cdx.json").write_text(json.dumps(document))
        runner = click.testing.CliRunner()
        result = runner.invoke(cli, ["sbom", *arguments], standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        status = result.return_value
        return status if isinstance(status, int) else 0, result.output

    return run


def test_a_valid_document_ends_with_0_and_its_warnings_are_shown(ended: Any) -> None:
    status, out = ended("validate", "app.cdx.json")
    assert status == 0
    assert "yes, 1 warning" in out
    assert "bad-purl" in out
    assert "/components/0/purl" in out


def test_validity_fails_for_what_is_asked_as_quality_does(ended: Any) -> None:
    invalid = DOCUMENT | {"odd": 1}
    for document, statuses in ((DOCUMENT, (0, 1, 0)), (invalid, (1, 1, 0))):
        for kind, status in zip(("error", "warning", "never"), statuses, strict=True):
            found = ended("validate", "--fail-on", kind, "app.cdx.json", document=document)
            assert found[0] == status


def test_a_document_that_is_not_valid_ends_with_1(ended: Any) -> None:
    status, out = ended("validate", "app.cdx.json", "-o", "json", document=DOCUMENT | {"odd": 1})
    said = json.loads(out)
    assert (status, said["ok"], said["schema"]) == (1, False, "provenance/sbom-validate/v1")
    assert said["findings"][0]["rule"] == "schema"


def test_csv_has_every_row_and_no_formula(ended: Any) -> None:
    status, out = ended("quality", "app.cdx.json", "--per-package", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 1
    assert rows[0]["name"] == "'=a|b"
    assert rows[0]["component-version"] == "missing"


def test_markdown_leaves_nothing_of_a_stranger_in_force(ended: Any) -> None:
    _, out = ended("quality", "app.cdx.json", "--per-package", "-o", "markdown")
    assert r"`=a\|b`" in out
    assert out.startswith("### SBOM quality\n")


def test_the_rows_of_packages_fit_a_terminal_and_say_what_is_not_met(ended: Any) -> None:
    _, out = ended("quality", "app.cdx.json", "--per-package")
    (row,) = [line for line in out.splitlines() if "/components/0" in line]
    assert "component-version: missing" in row
    assert "component-name" not in row


def test_one_warning_is_not_several(ended: Any) -> None:
    assert "yes, 1 warning\n" in ended("validate", "app.cdx.json")[1]


def test_html_is_a_page_without_script(ended: Any) -> None:
    _, out = ended("validate", "app.cdx.json", "-o", "html")
    assert out.startswith("<!doctype html>")
    assert "<script" not in out


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ((), 1),
        (("--fail-on", "error"), 1),
        (("--fail-on", "warning"), 1),
        (("--fail-on", "never"), 0),
        (("--min-score", "10"), 0),
        (("--min-score", "100"), 1),
    ],
)
def test_quality_ends_as_asked(ended: Any, options: tuple[str, ...], status: int) -> None:
    assert ended("quality", "app.cdx.json", "--rules", "ntia-2021", *options)[0] == status


def test_quality_as_json_has_each_rule_with_its_clause(ended: Any) -> None:
    _, out = ended("quality", "app.cdx.json", "--rules", "bsi-tr-03183-2", "-o", "json")
    said = json.loads(out)
    assert said["schema"] == "provenance/sbom-quality/v1"
    assert {r["rule"]: r["clause"] for r in said["results"]}["sha-512"] == "5.2.2"
    assert "packages" not in said


def test_a_score_that_is_no_number_is_wrong_usage(ended: Any) -> None:
    with pytest.raises(click.UsageError, match="no number"):
        ended("quality", "app.cdx.json", "--min-score", "nan")


def test_score_and_severity_are_not_asked_for_at_once(ended: Any) -> None:
    with pytest.raises(click.UsageError, match="either"):
        ended("quality", "app.cdx.json", "--min-score", "1", "--fail-on", "never")


def test_the_help_names_the_rule_sets_that_there_are() -> None:
    assert set(_RULE_SETS) == set(RULE_SETS)
