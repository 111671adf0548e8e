"""Vulnerabilities and annotations that a document states."""

from __future__ import annotations

import datetime as dt

import pytest
from tests.sbom.made_documents import BY_NAME, CYCLONEDX, in_json

from provenance.sbom import read_sbom
from provenance.sbom.remarks import Annotation
from provenance.sbom.vulnerabilities import StatedVulnerability

WHEN = dt.datetime(2026, 1, 3, tzinfo=dt.UTC)


def test_vulnerabilities_of_cyclonedx() -> None:
    wanted = StatedVulnerability("CVE-2026-0001", "NVD", "critical", ("lib",), "not_affected")
    assert read_sbom(in_json(CYCLONEDX)).vulnerabilities == (wanted,)
    assert read_sbom(BY_NAME["spdx-2.3"]).vulnerabilities == ()


def test_vulnerabilities_in_xml() -> None:
    stated = b"""<vulnerabilities><vulnerability>
     <id>CVE-2026-0001</id><source><name>NVD</name></source>
     <ratings><rating><severity>low</severity></rating><rating><severity>critical</severity>
     </rating></ratings><analysis><state>not_affected</state></analysis>
     <affects><target><ref>lib</ref></target></affects>
    </vulnerability></vulnerabilities></bom>"""
    raw = BY_NAME["cyclonedx-1.6-xml"].replace(b"</bom>", stated)
    (found,) = read_sbom(raw).vulnerabilities
    assert found == StatedVulnerability(
        "CVE-2026-0001", "NVD", "critical", ("lib",), "not_affected"
    )


@pytest.mark.parametrize(
    ("name", "subjects", "annotator", "date"),
    [
        ("cyclonedx-1.6", ["app", "lib"], "Jane Doe", WHEN),
        *(
            (f"spdx-2.3{syntax}", ["SPDXRef-DOCUMENT"], "Person: Jane Doe ()", WHEN)
            for syntax in ("", "-tag-value", "-yaml", "-xml")
        ),
        ("github-sbom", ["SPDXRef-DOCUMENT"], "Person: Jane Doe ()", WHEN),
        ("spdx-3.0", ["urn:app"], "Acme", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        ("syft-json", [], "", WHEN),
    ],
)
def test_annotations(name: str, subjects: list[str], annotator: str, date: dt.datetime) -> None:
    assert read_sbom(BY_NAME[name]).annotations == tuple(
        Annotation(subject, "Looks well", annotator, date) for subject in subjects
    )


def test_what_this_library_carries_in_annotations_is_no_remark() -> None:
    carried = read_sbom(in_json(CYCLONEDX)).convert("spdx-2.3")[0]
    assert all("provenance" not in remark.text for remark in carried.annotations)


@pytest.mark.parametrize("value", [None, 7, "x", [], [7], [{}], {}, {"vulnerability": 7}])
def test_values_of_other_types_are_no_remarks(value: object) -> None:
    odd = CYCLONEDX | {"vulnerabilities": value, "annotations": value}
    sbom = read_sbom(in_json(odd))
    assert all(v.id == "" for v in sbom.vulnerabilities)
    assert all(a.text == "" for a in sbom.annotations)
