"""Every real document can be compared, merged and questioned."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.errors import ProvenanceError
from provenance.sbom.codecs import decode, read_contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.sbom import Sbom
    from provenance.sbom.model import Contents

pytestmark = pytest.mark.corpus

ENDINGS = (".json", ".xml", ".spdx", ".yaml", ".rdf", ".jsonld")


def documents(corpus: Path) -> Iterator[tuple[str, Sbom]]:
    """All that can be read, of every format."""
    for path in sorted((corpus / "cyclonedx").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield from read(f"{path.name}/{name}", archive.read(name))
    for path in sorted((corpus / "spdx").rglob("*")):
        if path.suffix in ENDINGS and "schemas" not in path.parts:
            yield from read(str(path.relative_to(corpus)), path.read_bytes())


def read(name: str, raw: bytes) -> Iterator[tuple[str, Sbom]]:
    try:
        yield name, pv.read_sbom(io.BytesIO(raw))
    except ProvenanceError:
        return


def test_a_document_does_not_differ_from_itself(corpus: Path) -> None:
    count = 0
    for name, sbom in documents(corpus):
        assert pv.diff_sboms(sbom, sbom).ok, name
        count += 1
    assert count > 600


def test_every_document_answers_questions(corpus: Path) -> None:
    for name, sbom in documents(corpus):
        graph = sbom.dependencies
        assert len(graph.cycles) <= len(sbom.packages), name
        assert {s.package.id for s in graph.walk()} == {p.id for p in sbom.packages}, name
        for package in tuple(sbom.packages)[:20]:
            if package.purl:
                assert graph.paths_to(package.purl), name
        assert sum(sbom.licenses.summary().values()) == len(sbom.packages), name
        report = sbom.licenses.check(allow=["MIT"])
        assert len(report) <= len(sbom.packages), name
        assert "<script" not in sbom.licenses._repr_html_()
        graph.to_mermaid()
        graph.to_dot()


def test_one_example_in_several_formats_has_no_other_packages(corpus: Path) -> None:
    folder = corpus / "spdx" / "tools-python"
    same = [p for p in sorted(folder.rglob("SPDX*Example-v2.3*")) if p.suffix in ENDINGS]
    found = [sbom for path in same for _, sbom in read(path.name, path.read_bytes())]
    assert len(found) > 1
    for other in found[1:]:
        assert pv.diff_sboms(found[0], other).counts == {}, other.format


def _contents(sbom: pv.Sbom) -> Contents:
    return read_contents(decode(sbom.to_bytes(), sbom.format), sbom.format)


def test_all_of_them_are_parts_of_one_valid_document(corpus: Path) -> None:
    parts = [sbom for _, sbom in documents(corpus)]
    different = {p.to_bytes(): p for p in parts}.values()
    # What one document has as its distribution is one of the product's parts.
    systems = [_contents(p).subject for p in different if p.format.family == "cyclonedx"]
    expected = sum(len(p.packages) for p in different)
    expected += sum(1 for s in systems if s is not None and s.distribution is not None)
    for hierarchical in (True, False):
        merged = pv.merge_sboms(parts, name="all of them", hierarchical=hierarchical)
        assert merged.validate().ok
        found = pv.read_sbom(merged.to_bytes())
        if hierarchical:
            assert len(found.packages) == expected + len(different)
        else:
            assert len(found.packages) <= expected
