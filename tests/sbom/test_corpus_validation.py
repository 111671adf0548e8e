"""The validator is right on every official fixture, and on the examples of SPDX."""

from __future__ import annotations

import zipfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.corpus


def fixtures(corpus: Path) -> Iterator[tuple[str, str, bytes]]:
    """Version, name and bytes of each official CycloneDX document."""
    for path in sorted((corpus / "cyclonedx").glob("*.zip")):
        version = path.name.removeprefix("cyclonedx-").removesuffix("-fixtures.zip")
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.endswith((".json", ".xml")):
                    yield version, name.rpartition("/")[2], archive.read(name)


def judged(raw: bytes) -> str:
    try:
        return "valid" if pv.read_sbom(raw).validate().ok else "invalid"
    except pv.UnsupportedFormat:
        return "refused"


def test_every_valid_fixture_is_valid_and_every_invalid_one_is_not(corpus: Path) -> None:
    wrong, counts = [], Counter[tuple[str, str]]()
    for version, name, raw in fixtures(corpus):
        wanted = name.partition("-")[0]
        if wanted not in ("valid", "invalid"):
            continue
        found = judged(raw)
        counts[wanted, name.rpartition(".")[2]] += 1
        # These do not say that they are CycloneDX (another bomFormat), or of which version (a
        # namespace of none): reading refuses them, there is nothing to validate them by.
        if found == "refused" and name.startswith(("invalid-bomformat-", "invalid-namespace-")):
            found = "invalid"
        if found != wanted:
            wrong.append((version, name, found))
    assert wrong == []
    assert counts == {
        ("valid", "json"): 218,
        ("invalid", "json"): 139,
        ("valid", "xml"): 232,
        ("invalid", "xml"): 150,
    }


def test_what_no_schema_can_say_of_the_valid_fixtures(corpus: Path) -> None:
    # Looked at one by one: each of these does depend on itself, or gives a name twice.
    odd = {
        name: {f.rule for f in report}
        for _, name, raw in fixtures(corpus)
        if name.startswith("valid-") and (report := pv.read_sbom(raw).validate())
        if len(report)
    }
    assert odd == {
        "valid-bom-1.2.json": {"self-reference"},
        "valid-bom-1.3.json": {"self-reference"},
        "valid-bom-1.4.json": {"self-reference"},
        "valid-bom-1.5.json": {"self-reference"},
        "valid-formulation-1.5.json": {"duplicate-id"},
        "valid-citations-1.7.json": {"duplicate-id"},
    }


def test_rules_that_the_specification_states_in_words_alone(corpus: Path) -> None:
    # The XML schema cannot express these two; by their names they are no fixtures to be refused.
    words = [raw for _, name, raw in fixtures(corpus) if name.startswith("informal-invalid-")]
    assert [pv.read_sbom(raw).validate().ok for raw in words] == [True, True]


def test_the_spdx_examples_are_valid_but_for_one_that_says_a_word_of_another_version(
    corpus: Path,
) -> None:
    invalid = {}
    paths = sorted((corpus / "spdx" / "examples").rglob("*"))
    documents = [p for p in paths if p.suffix in (".json", ".spdx")]
    assert len(documents) == 56
    for path in documents:
        report = pv.read_sbom(path).validate()
        if not report.ok:
            invalid[path.name] = {f.pointer for f in report if f.severity is Severity.ERROR}
    assert invalid == {
        "appbomination.spdx.json": {
            f"/packages/{n}/externalRefs/0/referenceCategory" for n in (3, 4, 5, 6)
        }
    }


def test_one_document_in_five_syntaxes_is_valid_in_each(corpus: Path) -> None:
    folder = corpus / "spdx" / "tools-python" / "data"
    paths = sorted(p for p in folder.iterdir() if "Example-" in p.name)
    assert len(paths) == 15
    for path in paths:
        report = pv.read_sbom(path).validate()
        assert report.ok, (path.name, report.findings)
        # Looked at: in 2.2 a package contains a file that contains it.
        assert {f.rule for f in report} <= {"contains-cycle"}, path.name


def test_what_breaks_the_schemas_of_spdx_is_not_valid(corpus: Path) -> None:
    folder = corpus / "spdx" / "tools-python"
    broken = [*(folder / "data" / "invalid").iterdir()]
    broken += (folder / "writer" / "json").rglob("*.json")
    broken += (folder / "data").glob("circleConversion*.json")
    assert len(broken) >= 3
    assert [p.name for p in broken if pv.read_sbom(p).validate().ok] == []


def test_spdx_3_0_0_has_no_schema_here_and_is_not_called_valid(corpus: Path) -> None:
    for path in sorted((corpus / "spdx" / "model-examples").glob("*.json")):
        sbom = pv.read_sbom(path)
        if path.name == "converted_from_spdx_2.json":  # names 3.0.1, in a list
            assert not sbom.validate().ok
            continue
        with pytest.raises(pv.UnsupportedFormat):
            sbom.validate()
