"""Values that one schema takes and another does not, and lists that say nothing: they return."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.sbom.test_conversion import read, restored, unordered

from provenance.sbom import read_sbom


def document(**said: Any) -> dict[str, Any]:
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1} | said


@pytest.mark.parametrize("target", ["cyclonedx-1.4", "cyclonedx-1.6", "cyclonedx-1.7-xml"])
@pytest.mark.parametrize("listed", [[], [{}], [{"value": "1"}], [{"name": "theirs"}]])
def test_properties_return_beside_what_is_carried(listed: list[Any], target: str) -> None:
    """Since 1.6 each has to have a name; the call stack is what XML and 1.4 have no field for."""
    stack = {"evidence": {"callstack": {"frames": [{"module": "m"}]}}}
    component = {"type": "library", "name": "a", "properties": listed, **stack}
    before = document(metadata={"properties": listed}, components=[component])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert unordered(restored(before, target)) == unordered(before)


@pytest.mark.parametrize("target", ["cyclonedx-1.4", "cyclonedx-1.6", "spdx-2.3"])
def test_an_empty_list_of_properties_in_xml_returns(target: str) -> None:
    """What XML cannot carry is kept in that list, and taken out of it while it is read."""
    start = b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><metadata>'
    raw = start + b"<properties/></metadata></bom>"
    back = read_sbom(read_sbom(raw).to_bytes(target)).to_bytes("cyclonedx-1.5-xml")
    assert b"</properties>" in back
    assert b"provenance" not in back


@pytest.mark.parametrize("target", ["cyclonedx-1.4-xml", "cyclonedx-1.6-xml", "cyclonedx-1.7-xml"])
@pytest.mark.parametrize("url", ["a[b", ":", "%zz", "a#b#c", "https://example.org/a b"])
def test_the_address_of_a_source_is_one_in_xml_or_carried(url: str, target: str) -> None:
    source = {"name": "somebody", "url": url}
    found = {"id": "1", "source": source, "references": [{"id": "2", "source": source}]}
    before = document(vulnerabilities=[{**found, "ratings": [{"source": source}]}])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert unordered(restored(before, target)) == unordered(before)


@pytest.mark.parametrize("odd", [None, 1, "a"])
@pytest.mark.parametrize(
    "found",
    [
        lambda odd: {"references": [odd, {"id": "2", "source": {"name": "b"}}]},
        lambda odd: {"affects": [odd, {"ref": "a"}]},
    ],
)
def test_what_the_schema_of_1_4_takes_for_an_object_returns(found: Any, odd: Any) -> None:
    """It has no `type` there; an element of XML has one."""
    before = document(specVersion="1.4", vulnerabilities=[found(odd)])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert unordered(restored(before, "cyclonedx-1.4-xml")) == unordered(before)


@pytest.mark.parametrize("target", ["cyclonedx-1.5-xml", "cyclonedx-1.6-xml", "cyclonedx-1.7-xml"])
@pytest.mark.parametrize("key", ["dependencies", "vulnerabilities"])
def test_a_composition_of_something_without_a_name_returns(key: str, target: str) -> None:
    before = document(compositions=[{"aggregate": "complete", key: ["", "a"]}])
    assert [f for f in read(before).validate() if f.rule == "schema"] == []
    assert unordered(restored(before, target)) == unordered(before)


def spdx(version: str, **said: Any) -> dict[str, Any]:
    return {
        "spdxVersion": f"SPDX-{version}",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "app",
        "documentNamespace": "https://example.org/app",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: maker-1"]},
        **said,
    }


@pytest.mark.parametrize("order", [0, 7, -2, 10**17])
@pytest.mark.parametrize("version", ["2.2", "2.3"])
def test_the_order_of_a_cross_reference_is_a_number_in_yaml(order: int, version: str) -> None:
    text = {"licenseId": "LicenseRef-1", "extractedText": "Do as you like."}
    reference = {"url": "https://example.org/1", "order": order}
    before = spdx(version, hasExtractedLicensingInfos=[text | {"crossRefs": [reference]}])
    assert unordered(restored(before, f"spdx-{version}-yaml")) == unordered(before)


@pytest.mark.parametrize("target", ["spdx-2.3", "spdx-2.3-tag-value", "spdx-2.3-yaml"])
@pytest.mark.parametrize("checksums", [{}, {"checksums": []}])
@pytest.mark.parametrize("creators", [{}, {"creators": []}])
def test_what_may_be_left_out_until_spdx_2_2_stays_in_2_3(
    creators: dict[str, Any], checksums: dict[str, Any], target: str
) -> None:
    """2.3 demands a creator and checksums; a file and a time are no less stated without."""
    file: dict[str, Any] = {"SPDXID": "SPDXRef-File", "fileName": "./a", "copyrightText": "NONE"}
    file |= {"licenseConcluded": "MIT", "licenseInfoInFiles": ["MIT"]}
    created = {"created": "2026-01-02T03:04:05Z"}
    before = spdx("2.2", creationInfo=created | creators, files=[file | checksums])
    made = read(before).convert(target)[0]
    assert [(f.path, f.hashes) for f in made.files] == [("a", {})]
    assert made.created == read(before).created
    assert unordered(restored(before, target)) == unordered(before)


@pytest.mark.parametrize("target", ["spdx-2.2", "spdx-2.2-tag-value", "spdx-2.2-yaml"])
def test_a_persistent_identifier_is_another_reference_in_spdx_2_2(target: str) -> None:
    """Its schema knows no category of them."""
    name = "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2"
    reference = {"referenceCategory": "PERSISTENT-ID", "referenceType": "swh"}
    package: dict[str, Any] = {"SPDXID": "SPDXRef-a", "name": "a", "downloadLocation": "NONE"}
    package["externalRefs"] = [{**reference, "referenceLocator": name}]
    before = spdx("2.3", packages=[package])
    made = read(before).convert("spdx-2.2")[0].to_bytes()
    assert [x["referenceLocator"] for x in json.loads(made)["packages"][0]["externalRefs"]] == [
        name
    ]
    assert unordered(restored(before, target)) == unordered(before)
