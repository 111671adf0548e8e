"""Licences in XML of CycloneDX: their terms, and expressions of which more is said."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.sbom.test_conversion import read, restored, unordered

from provenance.sbom import read_sbom

# The order of everything is the schema's, so that what is written can be compared as it is.
TERMS: dict[str, Any] = {
    "altIds": ["acme", "acme-license"],
    "licensor": {"organization": {"name": "Acme", "contact": [{"email": "a@example.org"}]}},
    "licensee": {"organization": {"name": "Example"}},
    "purchaser": {"individual": {"name": "Ada", "phone": "555"}},
    "purchaseOrder": "PO-1",
    "licenseTypes": ["appliance", "perpetual"],
    "lastRenewal": "2026-01-02T03:04:05Z",
    "expiration": "2027-01-02T03:04:05Z",
}
EXPRESSION: dict[str, Any] = {
    "expression": "MIT AND LicenseRef-Own",
    "bom-ref": "expression",
    "acknowledgement": "concluded",
    "expressionDetails": [
        {"licenseIdentifier": "MIT", "url": "https://example.org/mit"},
        {"licenseIdentifier": "LicenseRef-Own", "bom-ref": "own", "text": {"content": "Do."}},
    ],
    "licensing": TERMS,
    "properties": [{"name": "theirs", "value": "1"}],
}
TERMS_IN_XML = """
<licensing>
 <altIds><altId>acme</altId><altId>acme-license</altId></altIds>
 <licensor><organization><name>Acme</name>
  <contact><email>a@example.org</email></contact></organization></licensor>
 <licensee><organization><name>Example</name></organization></licensee>
 <purchaser><individual><name>Ada</name><phone>555</phone></individual></purchaser>
 <purchaseOrder>PO-1</purchaseOrder>
 <licenseTypes><licenseType>appliance</licenseType><licenseType>perpetual</licenseType>
 </licenseTypes>
 <lastRenewal>2026-01-02T03:04:05Z</lastRenewal><expiration>2027-01-02T03:04:05Z</expiration>
</licensing>"""
EXPRESSION_IN_XML = f"""
<expression-detailed expression="MIT AND LicenseRef-Own" bom-ref="expression"
 acknowledgement="concluded">
 <details license-identifier="MIT"><url>https://example.org/mit</url></details>
 <details license-identifier="LicenseRef-Own" bom-ref="own"><text>Do.</text></details>
 {TERMS_IN_XML}
 <properties><property name="theirs">1</property></properties>
</expression-detailed>"""
LICENSE_IN_XML = f"<license><name>Own</name>{TERMS_IN_XML}</license>"


def document(version: str, *licenses: Any) -> dict[str, Any]:
    component = {"type": "library", "name": "left", "licenses": [*licenses]}
    head = {"bomFormat": "CycloneDX", "specVersion": version, "version": 1}
    return {**head, "components": [component]}


def in_xml(version: str, licenses: str) -> bytes:
    return f"""<bom xmlns="http://cyclonedx.org/schema/bom/{version}" version="1"><components>
    <component type="library"><name>left</name><licenses>{licenses}</licenses></component>
    </components></bom>""".encode()


def flat(raw: bytes, version: str) -> str:
    """The element of the licences, without the blanks between elements."""
    found = ET.fromstring(raw).find(f".//{{http://cyclonedx.org/schema/bom/{version}}}licenses")
    assert found is not None
    for element in found.iter():
        element.text, element.tail = (element.text or "").strip(), ""
    return ET.tostring(found, encoding="unicode")


CASES = [
    ("1.5", {"license": {"name": "Own", "licensing": TERMS}}, LICENSE_IN_XML),
    ("1.6", {"license": {"name": "Own", "licensing": TERMS}}, LICENSE_IN_XML),
    ("1.7", {"license": {"name": "Own", "licensing": TERMS}}, LICENSE_IN_XML),
    ("1.7", EXPRESSION, EXPRESSION_IN_XML),
]


@pytest.mark.parametrize(("version", "stated", "xml"), CASES)
def test_what_is_said_of_licenses_is_read_from_xml_and_written(
    version: str, stated: dict[str, Any], xml: str
) -> None:
    raw, before = in_xml(version, xml), document(version, stated)
    from_xml, from_json = read_sbom(raw), read(before)
    assert from_xml.findings == ()
    assert [f for f in from_xml.validate() if f.rule == "schema"] == []
    assert from_xml.packages[0].licenses == from_json.packages[0].licenses != ()
    assert from_xml.packages[0].concluded == from_json.packages[0].concluded
    made, losses = from_json.convert(f"cyclonedx-{version}-xml")
    assert list(losses) == []
    assert flat(made.to_bytes(), version) == flat(raw, version)
    back = json.loads(from_xml.to_bytes(f"cyclonedx-{version}"))
    assert unordered(back["components"]) == unordered(before["components"])


@pytest.mark.parametrize("target", ["cyclonedx-1.6-xml", "cyclonedx-1.7-xml", "spdx-2.3"])
def test_what_is_said_of_an_expression_returns(target: str) -> None:
    before = document("1.7", EXPRESSION, {"expression": "ISC", "expressionDetails": []})
    assert unordered(restored(before, target)) == unordered(before)
