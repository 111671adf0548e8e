"""`provenance sbom convert`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.sbom.test_conversion import CYCLONEDX, unordered

from provenance.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["sbom", "convert", *arguments])
    return ended.value.code if isinstance(ended.value.code, int) else -1


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "a.cdx.json"
    path.write_text(json.dumps(CYCLONEDX))
    return path


def test_a_document_is_written_in_several_formats_and_comes_back(
    document: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spdx, old = tmp_path / "a.spdx.json", tmp_path / "old.json"
    outputs = (f"spdx-json={spdx}", f"cyclonedx-1.4={old}")
    assert run(str(document), "-o", outputs[0], "-o", outputs[1], "--fail-on-loss") == 0
    assert json.loads(old.read_bytes())["specVersion"] == "1.4"
    assert run(str(spdx), "-o", "cyclonedx-1.6") == 0
    out, err = capsys.readouterr()
    assert unordered(json.loads(out)) == unordered(CYCLONEDX)
    assert err == ""


def test_wrong_usage_is_told_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = str(tmp_path / "gone.json")
    for output, why in {
        "nonsense": "is no format",
        "table": "is no format",
        "spdx-2.3-rdf": "not written",
        "spdx-json=": "names no file",
    }.items():
        assert run(gone, "-o", output) == 2
        assert why in capsys.readouterr().err
    assert run(gone) == 2
    assert run(gone, "-o", "spdx-json") == 3
    assert "gone.json" in capsys.readouterr().err
