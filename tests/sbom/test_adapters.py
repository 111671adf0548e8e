"""Objects of other libraries: what they say is what the document says, and comes back."""

from __future__ import annotations

import datetime as dt
import json
import warnings
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.package import ExternalPackageRef, ExternalPackageRefCategory
from spdx_tools.spdx.model.package import Package as SpdxPackage
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion

import provenance as pv
from provenance.packages.package import Package
from provenance.sbom import Format, Sbom, Subject

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = (
    Package(
        name="attr",
        version="1:2.5.1-4",
        type="deb",
        purl="pkg:deb/debian/attr@1:2.5.1-4?arch=amd64",
        licenses=("GPL-2.0-or-later",),
        supplier="Debian Maintainers",
        hashes={"sha256": "ab" * 32},
    ),
    Package(
        name="left-pad",
        version="1.3.0",
        type="npm",
        purl="pkg:npm/left-pad@1.3.0",
        licenses=("MIT OR Apache-2.0",),
        cpes=("cpe:2.3:a:left-pad:left-pad:1.3.0:*:*:*:*:*:*:*",),
    ),
)
# Before 1.2 nothing is described, and nothing depends on anything.
FORMATS = [form for form in Format if form.writable and form.version not in ("1.0", "1.1")]


def built(form: Format) -> Sbom:
    return Sbom.build(
        subject=Subject(name="app", version="1.0", type="application"),
        packages=PACKAGES,
        dependencies={PACKAGES[1].purl: [PACKAGES[0].purl]},
        created=dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        form=form,
    )


def said(sbom: Sbom) -> set[tuple[Any, ...]]:
    fields = ("name", "version", "purl", "licenses", "supplier", "cpes")
    return {
        (*(getattr(p, f) for f in fields), tuple(sorted(p.hashes.items()))) for p in sbom.packages
    }


def edges(sbom: Sbom) -> set[tuple[str, str]]:
    return {(p.purl, q.purl) for p in sbom.packages for q in sbom.dependencies.of(p)}


@pytest.mark.parametrize("form", FORMATS)
def test_a_bom_of_cyclonedx_says_what_the_document_says(form: Format) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = built(form).to_cyclonedx()
    assert isinstance(made, Bom)
    bom: Any = made  # decorators hide its fields from pyright
    found = {(c.name, c.version, str(c.purl)) for c in bom.components if c.purl}
    assert found == {(p.name, p.version, p.purl) for p in PACKAGES}
    assert bom.metadata.component is not None
    assert bom.metadata.component.name == "app"


@pytest.mark.parametrize("form", FORMATS)
def test_a_document_comes_back_from_a_bom_of_cyclonedx(form: Format) -> None:
    sbom = built(form)
    back = Sbom.from_cyclonedx(sbom.to_cyclonedx())
    assert back.validate().ok
    assert said(back) == said(sbom)
    assert edges(back) == edges(sbom) == {(PACKAGES[1].purl, PACKAGES[0].purl)}


@pytest.mark.parametrize("form", FORMATS)
def test_a_document_comes_back_from_spdx_tools(form: Format) -> None:
    sbom = built(form)
    document = sbom.to_spdx_tools()
    assert isinstance(document, Document)
    assert {"attr", "left-pad"} <= {p.name for p in document.packages}
    back = Sbom.from_spdx_tools(document)
    assert back.format is (Format.SPDX_2_2 if form.version == "2.2" else Format.SPDX_2_3)
    assert back.validate().ok
    assert said(back) == said(sbom)
    assert edges(back) == edges(sbom)


def test_a_bom_made_by_others_becomes_a_document_of_the_version_asked_for() -> None:
    made: Any = Bom  # decorators hide its fields from pyright
    component: Any = Component
    bom = made(components=[component(name="a", version="1")])
    for version in ("1.4", "1.5", "1.6"):
        sbom = Sbom.from_cyclonedx(bom, version=version)
        assert sbom.format.value == f"cyclonedx-{version}"
        assert [(p.name, p.version) for p in sbom.packages] == [("a", "1")]
    with pytest.raises(pv.UnsupportedFormat, match=r"2\.0"):
        Sbom.from_cyclonedx(bom, version="2.0")


def test_a_document_made_by_spdx_tools_is_read_and_valid() -> None:
    reference = ExternalPackageRef(
        ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", "pkg:npm/left-pad@1.3.0"
    )
    package = SpdxPackage(
        spdx_id="SPDXRef-a",
        name="left-pad",
        download_location=SpdxNoAssertion(),
        version="1.3.0",
        external_references=[reference],
    )
    info = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id="SPDXRef-DOCUMENT",
        name="made",
        document_namespace="https://example.org/made",
        creators=[Actor(ActorType.TOOL, "maker")],
        created=dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 - as that library wants it
    )
    sbom = Sbom.from_spdx_tools(Document(info, [package]))
    assert sbom.validate().ok
    assert [p.purl for p in sbom.packages] == ["pkg:npm/left-pad@1.3.0"]


def test_what_spdx_tools_does_not_take_is_told() -> None:
    document = json.loads(built(Format.SPDX_2_3).to_bytes())
    document["creationInfo"]["created"] = "2026-01-02T03:04:05.678Z"
    sbom = pv.read_sbom(json.dumps(document).encode())
    with pytest.raises(pv.UnsupportedFormat, match=r"spdx-tools cannot take.*05\.678Z"):
        sbom.to_spdx_tools()


def test_what_cyclonedx_python_lib_does_not_take_is_told() -> None:
    document = json.loads(built(Format.CYCLONEDX_1_6).to_bytes())
    document["components"][0]["type"] = "librarian"
    sbom = pv.read_sbom(json.dumps(document).encode())
    with pytest.raises(pv.UnsupportedFormat, match=r"lib cannot take.*librarian"):
        sbom.to_cyclonedx()


def test_xml_in_any_encoding_becomes_a_bom_of_cyclonedx() -> None:
    text = built(Format.CYCLONEDX_1_6_XML).to_bytes().decode()
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):  # all of which say that they are UTF-8
        sbom = pv.read_sbom(text.encode(encoding))
        bom: Any = sbom.to_cyclonedx()
        assert {"attr", "left-pad"} <= {c.name for c in bom.components}
        assert sbom.validate().ok


def test_what_cannot_be_written_is_told() -> None:
    document = Document.__new__(Document)
    with pytest.raises(pv.UnsupportedFormat, match="spdx-tools cannot write this object"):
        Sbom.from_spdx_tools(document)
    with pytest.raises(pv.UnsupportedFormat, match="cyclonedx-python-lib cannot write"):
        Sbom.from_cyclonedx(Bom.__new__(Bom))


@pytest.mark.corpus
def test_the_valid_fixtures_that_cyclonedx_python_lib_takes(corpus: Path) -> None:
    refused, counts = set(), Counter[str]()
    for path in sorted((corpus / "cyclonedx").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                short = name.rpartition("/")[2]
                if not short.startswith("valid-"):
                    continue
                counts["all"] += 1
                sbom = pv.read_sbom(archive.read(name))
                try:
                    back = Sbom.from_cyclonedx(sbom.to_cyclonedx())
                except pv.UnsupportedFormat:
                    refused.add(short)
                    continue
                assert back.validate().ok, short
                counts["taken"] += 1
    # A newer library takes more of them; a name that is not here is news.
    assert {name.rpartition("-1.")[0] for name in refused} <= {
        "valid-external-elements",
        "valid-saasbom",
        "valid-cryptography-full",
        "valid-cryptography-full-deprecated",
        "valid-license-choice",
        "valid-license-declared-concluded-mix",
    }
    assert counts["all"] == 450
    assert counts["taken"] >= 431


@pytest.mark.corpus
def test_the_examples_that_spdx_tools_takes(corpus: Path) -> None:
    taken = 0
    for path in sorted((corpus / "spdx" / "examples").rglob("*")):
        if path.suffix not in (".json", ".spdx"):
            continue
        back = Sbom.from_spdx_tools(pv.read_sbom(path).to_spdx_tools())
        assert back.validate().ok, path.name
        taken += 1
    assert taken == 56
