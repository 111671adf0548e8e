"""Every official document is read, and handed back to the byte."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - a compiled module
from tests.sbom.made_documents import CYCLONEDX_1_0

from provenance.errors import MalformedDocument
from provenance.sbom import read_sbom

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_valid_fixtures_of_cyclonedx(corpus: Path, version: str) -> None:
    with zipfile.ZipFile(corpus / "cyclonedx" / f"cyclonedx-{version}-fixtures.zip") as archive:
        names = [n for n in archive.namelist() if n.startswith("valid-")]
        assert len(names) > 40
        for name in names:
            raw = archive.read(name)
            sbom = read_sbom(raw)
            syntax = "-xml" if name.endswith(".xml") else ""
            assert sbom.format.value == f"cyclonedx-{version}{syntax}", name
            assert sbom.to_bytes() == raw, name
            assert not [f for f in sbom.findings if f.rule in ("odd-time", "odd-hash")], name


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_made_document_of_the_first_versions_is_valid(corpus: Path, version: str) -> None:
    """There are no official fixtures of these; their schemas there are."""
    schemas = corpus / "cyclonedx" / "schemas"
    text = (schemas / f"bom-{version}.xsd").read_bytes()
    place = f'schemaLocation="{(schemas / "spdx.xsd").as_uri()}"'.encode()
    text = re.sub(rb'schemaLocation="[^"]*spdx[^"]*"', place, text)
    schema = etree.XMLSchema(etree.fromstring(text))
    raw = CYCLONEDX_1_0.replace(b"bom/1.0", f"bom/{version}".encode())
    schema.assertValid(etree.fromstring(raw))


@pytest.mark.parametrize("folder", ["examples", "model-examples", "spec-example-3.0.1"])
def test_examples_of_spdx(corpus: Path, folder: str) -> None:
    paths = sorted(p for p in (corpus / "spdx" / folder).rglob("*") if p.is_file())
    assert paths
    for path in paths:
        sbom = read_sbom(path)
        assert sbom.to_bytes() == path.read_bytes(), path
        where = path.parent.name
        if where.startswith("spdx"):
            assert sbom.format.version == where.removeprefix("spdx"), path
            assert len(sbom.packages) + len(sbom.files) + (sbom.subject is not None), path


SYNTAXES = {
    "Tag{}.spdx": "-tag-value",
    "JSON{}.spdx.json": "",
    "YAML{}.spdx.yaml": "-yaml",
    "XML{}.spdx.xml": "-xml",
    "Rdf{}.spdx.rdf.xml": "-rdf",
}


@pytest.mark.parametrize(
    ("of", "version"), [("-v2.2", "2.2"), ("-v2.3", "2.3"), ("-UTF-16", "2.2")]
)
def test_one_document_in_five_syntaxes(corpus: Path, of: str, version: str) -> None:
    data = corpus / "spdx" / "tools-python" / "data"
    read = {}
    for name, syntax in SYNTAXES.items():
        kind, _, ending = name.partition("{}")
        path = data / f"SPDX{kind}Example{of}{ending}"
        sbom = read_sbom(path)
        assert sbom.format.value == f"spdx-{version}{syntax}"
        assert sbom.to_bytes() == path.read_bytes()
        said = {(p.id, p.name, p.version, p.supplier.partition(" (")[0]) for p in sbom.packages}
        read[syntax] = said, {f.path for f in sbom.files}, sbom.created, len(sbom.annotations)
    assert read["-yaml"] == read["-xml"] == read[""] == read["-tag-value"] == read["-rdf"]


def test_odd_documents_of_the_field_are_read_with_findings(corpus: Path) -> None:
    (path,) = (corpus / "spdx" / "tools-python" / "data" / "invalid").iterdir()
    sbom = read_sbom(path)
    assert len(sbom.packages) > 100
    assert {"odd-time", "missing-checksum"} <= {f.rule for f in sbom.findings}


def test_what_is_no_spdx_in_rdf_is_refused(corpus: Path) -> None:
    folder = corpus / "spdx" / "tools-python" / "parser" / "rdf" / "data" / "invalid_documents"
    paths = sorted(folder.iterdir())
    assert len(paths) == 3
    for path in paths:
        with pytest.raises(MalformedDocument, match="no SPDX in RDF"):
            read_sbom(path)
