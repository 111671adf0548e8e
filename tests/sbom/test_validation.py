"""Validation: the schema decides, and each rule it cannot state is broken once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provenance as pv
from provenance.findings import Severity
from provenance.sbom.validating.consistency import RULES
from provenance.sbom.validating.consistency.identifiers import is_cpe, is_purl

SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
SHA = "ab" * 32
Cases = dict[str, tuple[dict[str, Any], tuple[str, str]]]
"""What to add to a document, and the one finding that it makes."""


def cyclonedx(**fields: Any) -> dict[str, Any]:
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": SERIAL, "version": 1}
    return head | fields


def component(**fields: Any) -> dict[str, Any]:
    return {"type": "library", "name": "a", "bom-ref": "a"} | fields


def spdx(**fields: Any) -> dict[str, Any]:
    head = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "made",
        "documentNamespace": "https://example.org/made",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: made-1"]},
        "packages": [package()],
        "documentDescribes": ["SPDXRef-a"],
    }
    return head | fields


def package(**fields: Any) -> dict[str, Any]:
    return {"SPDXID": "SPDXRef-a", "name": "a", "downloadLocation": "NOASSERTION"} | fields


def relation(source: str, kind: str, target: str) -> dict[str, str]:
    return {"spdxElementId": source, "relationshipType": kind, "relatedSpdxElement": target}


def spdx3(*nodes: dict[str, Any]) -> dict[str, Any]:
    info = {
        "type": "CreationInfo",
        "@id": "_:info",
        "created": "2026-01-02T03:04:05Z",
        "createdBy": ["https://example.org/me"],
        "specVersion": "3.0.1",
    }
    me = {"type": "Person", "spdxId": "https://example.org/me", "name": "Me"}
    whole = {
        "type": "SpdxDocument",
        "spdxId": "https://example.org/document",
        "rootElement": ["https://example.org/a"],
    }
    root = {"type": "software_Package", "spdxId": "https://example.org/a", "name": "a"}
    rest: list[dict[str, Any]] = [me, whole, root, *nodes]
    graph = [info, *({**n, "creationInfo": "_:info"} for n in rest)]
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    return {"@context": context, "@graph": graph}


def check(document: dict[str, Any]) -> list[tuple[str, str]]:
    report = pv.read_sbom(json.dumps(document).encode()).validate()
    assert report.ok, report.findings
    assert {f.severity for f in report} <= {Severity.WARNING}
    return [(f.rule, f.pointer) for f in report]


def depends(ref: str, *targets: str) -> dict[str, Any]:
    return {"ref": ref, "dependsOn": list(targets)}


@pytest.mark.parametrize("document", [cyclonedx(components=[component()]), spdx(), spdx3()])
def test_a_document_without_fault_has_no_finding(document: dict[str, Any]) -> None:
    assert check(document) == []


CYCLONEDX: Cases = {
    "two components of one bom-ref": (
        {"components": [component(), component(name="b", version="2")]},
        ("duplicate-id", "/components/1/bom-ref"),
    ),
    "a service called as a component": (
        {"components": [component()], "services": [{"name": "s", "bom-ref": "a"}]},
        ("duplicate-id", "/services/0/bom-ref"),
    ),
    "a dependency on nothing": (
        {"components": [component()], "dependencies": [depends("a", "b")]},
        ("dangling-reference", "/dependencies/0/dependsOn/0"),
    ),
    "dependencies of nothing": (
        {"components": [component()], "dependencies": [depends("b")]},
        ("dangling-reference", "/dependencies/0/ref"),
    ),
    "dependencies listed twice": (
        {"components": [component()], "dependencies": [depends("a"), {"ref": "a"}]},
        ("duplicate-dependency", "/dependencies/1/ref"),
    ),
    "a component that depends on itself": (
        {"components": [component()], "dependencies": [depends("a", "a")]},
        ("self-reference", "/dependencies/0/dependsOn/0"),
    ),
    "a vulnerability that affects nothing": (
        {"vulnerabilities": [{"id": "CVE-2021-44228", "affects": [{"ref": "a"}]}]},
        ("dangling-reference", "/vulnerabilities/0/affects/0/ref"),
    ),
    "a composition of nothing": (
        {"compositions": [{"aggregate": "complete", "assemblies": ["a"]}]},
        ("dangling-reference", "/compositions/0/assemblies/0"),
    ),
    "an annotation of nothing": (
        {
            "annotations": [
                {
                    "subjects": ["a"],
                    "annotator": {"individual": {"name": "me"}},
                    "timestamp": "2026-01-02T03:04:05Z",
                    "text": "words",
                }
            ]
        },
        ("dangling-reference", "/annotations/0/subjects/0"),
    ),
    "a link to a part of this document that is not there": (
        {
            "vulnerabilities": [
                {"affects": [{"ref": f"urn:cdx:{SERIAL.removeprefix('urn:uuid:')}/1#gone"}]}
            ]
        },
        ("dangling-reference", "/vulnerabilities/0/affects/0/ref"),
    ),
    "no purl": (
        {"components": [component(purl="npm/left-pad@1.3.0")]},
        ("bad-purl", "/components/0/purl"),
    ),
    "no purl of a nested component": (
        {"components": [component(components=[component(**{"bom-ref": "b"}, purl="pkg:npm")])]},
        ("bad-purl", "/components/0/components/0/purl"),
    ),
    "no CPE": (
        {"components": [component(cpe="cpe:2.3:a:acme:app")]},
        ("bad-cpe", "/components/0/cpe"),
    ),
    "no licence expression": (
        {"components": [component(licenses=[{"expression": "MIT OR"}])]},
        ("bad-license-expression", "/components/0/licenses/0/expression"),
    ),
    "a licence that no list has": (
        {"components": [component(licenses=[{"expression": "MIT AND Acme-1.0"}])]},
        ("unknown-license", "/components/0/licenses/0/expression"),
    ),
    "a SHA-256 of 32 digits": (
        {"components": [component(hashes=[{"alg": "SHA-256", "content": "ab" * 16}])]},
        ("hash-length", "/components/0/hashes/0/content"),
    ),
}


@pytest.mark.parametrize("name", CYCLONEDX)
def test_cyclonedx_with(name: str) -> None:
    fields, finding = CYCLONEDX[name]
    assert check(cyclonedx(**fields)) == [finding]


def test_a_bom_link_to_another_document_is_left_alone() -> None:
    link = "urn:cdx:11111111-1111-4111-8111-111111111111/1#a"
    assert check(cyclonedx(vulnerabilities=[{"affects": [{"ref": link}]}])) == []


SPDX: Cases = {
    "two packages of one identifier": (
        {"packages": [package(), package()]},
        ("duplicate-id", "/packages/1/SPDXID"),
    ),
    "an identifier with a slash": (
        {"packages": [package(), package(SPDXID="SPDXRef-a/b")]},
        ("bad-id", "/packages/1/SPDXID"),
    ),
    "a relationship to nothing": (
        {"relationships": [relation("SPDXRef-a", "DEPENDS_ON", "SPDXRef-b")]},
        ("dangling-reference", "/relationships/0/relatedSpdxElement"),
    ),
    "a relationship to a document that is not declared": (
        {"relationships": [relation("SPDXRef-a", "DEPENDS_ON", "DocumentRef-x:SPDXRef-b")]},
        ("dangling-reference", "/relationships/0/relatedSpdxElement"),
    ),
    "a description of nothing": (
        {"documentDescribes": ["SPDXRef-a", "SPDXRef-b"]},
        ("dangling-reference", "/documentDescribes/1"),
    ),
    "no description at all": ({"documentDescribes": []}, ("describes-nothing", "")),
    "a package in itself": (
        {
            "packages": [package(), package(SPDXID="SPDXRef-b")],
            "relationships": [
                relation("SPDXRef-a", "CONTAINS", "SPDXRef-b"),
                relation("SPDXRef-a", "CONTAINED_BY", "SPDXRef-b"),
            ],
        },
        ("contains-cycle", "/relationships/0"),
    ),
    "a LicenseRef without a text": (
        {"packages": [package(licenseDeclared="MIT AND LicenseRef-x")]},
        ("license-ref-without-text", "/packages/0/licenseDeclared"),
    ),
    "a day that no calendar has": (
        {"creationInfo": {"created": "2026-02-30T00:00:00Z", "creators": ["Tool: made-1"]}},
        ("bad-time", "/creationInfo/created"),
    ),
    "an end before the release": (
        {
            "packages": [
                package(releaseDate="2026-01-02T00:00:00Z", validUntilDate="2026-01-01T00:00:00Z")
            ]
        },
        ("times-out-of-order", "/packages/0/validUntilDate"),
    ),
    "a document under another licence": (
        {"dataLicense": "MIT"},
        ("bad-data-license", "/dataLicense"),
    ),
    "a supplier without a kind": (
        {"packages": [package(supplier="Acme")]},
        ("bad-actor", "/packages/0/supplier"),
    ),
    "a SHA1 of 64 digits": (
        {"packages": [package(checksums=[{"algorithm": "SHA1", "checksumValue": SHA}])]},
        ("hash-length", "/packages/0/checksums/0/checksumValue"),
    ),
    "a purl that is none": (
        {
            "packages": [
                package(
                    externalRefs=[
                        {
                            "referenceCategory": "PACKAGE-MANAGER",
                            "referenceType": "purl",
                            "referenceLocator": "left-pad@1",
                        }
                    ]
                )
            ]
        },
        ("bad-purl", "/packages/0/externalRefs/0/referenceLocator"),
    ),
}


@pytest.mark.parametrize("name", SPDX)
def test_spdx_2_with(name: str) -> None:
    fields, finding = SPDX[name]
    assert check(spdx(**fields)) == [finding]


def edge(kind: str, source: str, target: str) -> dict[str, Any]:
    return {
        "type": "Relationship",
        "spdxId": f"https://example.org/{kind}-{source}-{target}",
        "relationshipType": kind,
        "from": f"https://example.org/{source}",
        "to": [f"https://example.org/{target}"],
    }


B = {"type": "software_Package", "spdxId": "https://example.org/b", "name": "b"}
SPDX3: dict[str, tuple[list[dict[str, Any]], tuple[str, str]]] = {
    "two elements of one identifier": (
        [{"type": "software_Package", "spdxId": "https://example.org/a", "name": "b"}],
        ("duplicate-id", "/@graph/4/spdxId"),
    ),
    "a relationship to nothing": (
        [edge("dependsOn", "a", "b")],
        ("dangling-reference", "/@graph/4/to/0"),
    ),
    "a package in itself": (
        [B, edge("contains", "a", "b"), edge("contains", "b", "a")],
        ("contains-cycle", "/@graph/5"),
    ),
    "no purl": (
        [{**B, "software_packageUrl": "https://example.org/left-pad"}],
        ("bad-purl", "/@graph/4/software_packageUrl"),
    ),
    "a sha256 of 32 digits": (
        [
            {
                **B,
                "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": "ab" * 16}],
            }
        ],
        ("hash-length", "/@graph/4/verifiedUsing/0/hashValue"),
    ),
}


@pytest.mark.parametrize("name", SPDX3)
def test_spdx_3_with(name: str) -> None:
    nodes, finding = SPDX3[name]
    assert check(spdx3(*nodes)) == [finding]


def test_every_rule_is_broken_by_a_test_above() -> None:
    broken = {rule for table in (CYCLONEDX, SPDX, SPDX3) for _, (rule, _) in table.values()}
    assert broken == set(RULES)


XML = """<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
 <components>
  <component type="library" bom-ref="a">
   <name>a</name>
   <hashes><hash alg="SHA-256">abababababababababababababababab</hash></hashes>
   <licenses><expression>MIT OR</expression></licenses>
   <cpe>cpe:2.3:a:acme:app:1:*:*:*:*:*:*:*</cpe>
   <purl>left-pad</purl>
  </component>
 </components>
 <dependencies>
  <dependency ref="a">
   <dependency ref="b"/>
   <dependency ref="a"/>
  </dependency>
 </dependencies>
</bom>
"""


def test_xml_is_judged_by_the_same_rules_and_says_the_line() -> None:
    report = pv.read_sbom(XML.encode()).validate()
    assert report.ok
    assert {(f.rule, f.pointer) for f in report} == {
        ("hash-length", "line 6"),
        ("bad-license-expression", "line 7"),
        ("bad-purl", "line 9"),
        ("dangling-reference", "line 14"),
        ("self-reference", "line 15"),
    }


def test_what_the_xml_schema_refuses_is_an_error_with_its_line() -> None:
    report = pv.read_sbom(XML.replace("<name>a</name>", "<nome>a</nome>").encode()).validate()
    (error,) = [f for f in report if f.severity is Severity.ERROR]
    assert (error.rule, error.pointer) == ("schema", "line 5")
    assert "{http" not in error.message


def test_what_the_json_schema_refuses_is_an_error_with_its_pointer() -> None:
    document = cyclonedx(components=[{"type": "librarian", "name": "a"}])
    report = pv.read_sbom(json.dumps(document).encode()).validate()
    assert not report.ok
    (error,) = report
    assert (error.rule, error.pointer) == ("schema", "/components/0/type")
    assert error.message.startswith('"librarian" is not one of')


def test_a_message_never_repeats_a_strangers_document() -> None:
    document = cyclonedx(components=[component(description="x" * 100_000)], odd=1)
    report = pv.read_sbom(json.dumps(document).encode()).validate()
    assert [len(f.message) < 500 for f in report] == [True]


TAGS = """SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: made
DocumentNamespace: https://example.org/made
DocumentComment: <text>
PackageName: not a tag
</text>
Creator: Tool: made-1
Created: 2026-01-02T03:04:05Z

PackageName: a
SPDXID: SPDXRef-a
PackageDownloadLocation: NOASSERTION
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a

PackageName: b
SPDXID: SPDXRef-b
PackageDownloadLocation: NOASSERTION
ExternalRef: PACKAGE-MANAGER purl left-pad@1
Relationship: SPDXRef-b DEPENDS_ON SPDXRef-c
"""


def test_tag_value_is_judged_like_its_json_and_says_the_line_of_the_element() -> None:
    report = pv.read_sbom(TAGS.encode()).validate()
    assert report.ok, report.findings
    assert [(f.rule, f.pointer) for f in report] == [
        ("bad-purl", "line 17"),
        ("dangling-reference", "line 21"),
    ]


def test_what_github_exports_is_judged_as_the_spdx_document_within_it() -> None:
    exported = {"sbom": spdx(packages=[package(supplier="Acme", name=1)])}
    report = pv.read_sbom(json.dumps(exported).encode()).validate()
    assert [(f.rule, f.pointer) for f in report] == [
        ("schema", "/sbom/packages/0/name"),
        ("bad-actor", "/sbom/packages/0/supplier"),
    ]


def test_syfts_own_format_has_no_schema_here() -> None:
    document = {
        "artifacts": [],
        "source": {},
        "descriptor": {"name": "syft"},
        "schema": {"version": "16.0.0", "url": "https://example.org/schema-16.0.0.json"},
    }
    sbom = pv.read_sbom(json.dumps(document).encode())
    with pytest.raises(pv.UnsupportedFormat, match="no schema of syft in json"):
        sbom.validate()
    with pytest.raises(pv.UnsupportedFormat, match="convert it to CycloneDX or SPDX"):
        sbom.quality("ntia-2021")


def test_many_findings_of_a_rule_are_counted_and_the_first_hundred_listed() -> None:
    listed = [component(**{"bom-ref": f"{n}"}, purl="none") for n in range(5000)]
    report = pv.read_sbom(json.dumps(cyclonedx(components=listed)).encode()).validate()
    assert len(report) == 101
    assert report[-1].message == "4,900 more: not a package URL"


SPDX3_ERRORS: dict[str, tuple[Any, str]] = {
    "a property that its class has not": ({**B, "odd": 1}, "/@graph/4"),
    "a value of another type": ({**B, "name": 1}, "/@graph/4/name"),
    "a class that there is not": ({**B, "type": "software_Parcel"}, "/@graph/4/type"),
    "a class that is no text": ({**B, "type": ["software_Package"]}, "/@graph/4/type"),
    "an element that is none": ("https://example.org/b", "/@graph/4"),
}


@pytest.mark.parametrize("name", SPDX3_ERRORS)
def test_spdx_3_is_not_valid_with(name: str) -> None:
    element, pointer = SPDX3_ERRORS[name]
    document = spdx3()
    if isinstance(element, dict):
        element |= {"creationInfo": "_:info"}
    document["@graph"].append(element)
    report = pv.read_sbom(json.dumps(document).encode()).validate()
    errors = [f for f in report if f.severity is Severity.ERROR]
    assert not report.ok
    assert {f.pointer for f in errors} == {pointer}


def test_spdx_3_with_another_key_beside_its_graph_is_not_valid() -> None:
    report = pv.read_sbom(json.dumps(spdx3() | {"odd": 1}).encode()).validate()
    assert "'odd'" in next(iter(report)).message


def test_elements_within_elements_take_no_time_to_refuse() -> None:
    # The schema's own reasons multiply by some twenty with each level.
    node: dict[str, Any] = {**B, "creationInfo": "_:info", "odd": 1}
    for number in range(30):
        node = edge("contains", f"{number}", "a") | {"creationInfo": "_:info", "from": node}
    report = pv.read_sbom(json.dumps(spdx3(node)).encode()).validate()
    assert not report.ok
    assert report[0].pointer == "/@graph/4"


def test_a_version_later_than_those_known_is_not_said_to_be_valid() -> None:
    sbom = pv.read_sbom(json.dumps(cyclonedx(specVersion="1.9")).encode())
    with pytest.raises(pv.UnsupportedFormat, match=r"1\.9"):
        sbom.validate()


def test_errors_among_many_siblings_take_linear_time() -> None:
    body = b'<component type="x"/>' * 30_000
    raw = b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>%s</components></bom>'
    report = pv.read_sbom(raw % body).validate()
    assert not report.ok
    assert "type" in report[0].message
    # Few errors keep their line, however large the document.
    good = b'<component type="library"><name>a</name></component>\n' * 5_000
    errors = pv.read_sbom(raw % (good + body[:21])).validate()
    assert {error.pointer for error in errors} == {"line 5001"}
    assert pv.read_sbom(raw % good).validate().ok


def test_a_version_without_a_shipped_schema_could_not_be_told() -> None:
    document = spdx3()
    document["@context"] = "https://spdx.org/rdf/3.0.0/spdx-context.jsonld"
    sbom = pv.read_sbom(json.dumps(document).encode())
    with pytest.raises(pv.UnsupportedFormat, match=r"3\.0\.0"):
        sbom.validate()


@pytest.mark.parametrize(
    "text",
    [
        "pkg:npm/left-pad@1.3.0",
        "pkg:npm/%40angular/core@17.0.0",
        "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12",
        "pkg:golang/github.com/a/b@v1.0.0",
        "pkg:maven/org.acme/app@1?type=jar",
        "pkg:generic/openssl@3.0",
    ],
)
def test_package_urls(text: str) -> None:
    assert is_purl(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "pkg:npm/a b@1",
            "pkg:npm/a@1\x1b[0m",
            "pkg:npm/a@\u202e1",
            "pkg:npm/a@%zz",
            "pkg:npm/${a}",
        ),
        "",
        "pkg:",
        "pkg:npm",
        "pkg:npm/",
        "npm/left-pad",
        "https://a/b",
        "pkg:/left-pad@1",
    ],
)
def test_texts_that_are_no_package_urls(text: str) -> None:
    assert not is_purl(text)


@pytest.mark.parametrize(
    "text",
    [
        # Examples of NIST IR 7695, sections 6.1.2.4 and 6.2.3.
        "cpe:2.3:a:microsoft:internet_explorer:8.0.6001:beta:*:*:*:*:*:*",
        "cpe:2.3:a:microsoft:internet_explorer:8.*:sp?:*:*:*:*:*:*",
        r"cpe:2.3:a:hp:insight_diagnostics:7.4.0.1570:-:*:*:online:win2003:x64:*",
        r"cpe:2.3:a:foo\\bar:big\$money:2010:*:*:*:special:ipod_touch:80gb:*",
        "cpe:/a:microsoft:internet_explorer:8.0.6001:beta",
        "cpe:/a:hp:insight_diagnostics:7.4.0.1570::~~online~win2003~x64~",
    ],
)
def test_cpe_names(text: str) -> None:
    assert is_cpe(text)


@pytest.mark.parametrize(
    "text", ["", "cpe", "cpe:2.3:a:b", "cpe:2.3:x:a:b:1:*:*:*:*:*:*:*", "cpe:/a:b:c d"]
)
def test_texts_that_are_no_cpe_names(text: str) -> None:
    assert not is_cpe(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        *("components", "services", "dependencies", "compositions", "vulnerabilities"),
        *("annotations", "metadata", "packages", "files", "relationships", "creationInfo"),
        *("documentDescribes", "hasExtractedLicensingInfos", "externalDocumentRefs", "@graph"),
    ]
)


@given(
    st.dictionaries(KEYS, JSON),
    st.sampled_from(
        [
            cyclonedx(),
            {"spdxVersion": "SPDX-2.3"},
            {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"},
        ]
    ),
)
def test_nothing_in_a_document_ends_in_another_error(
    fields: dict[str, Any], head: dict[str, Any]
) -> None:
    sbom = pv.read_sbom(json.dumps(head | fields).encode())
    for finding in sbom.validate():
        assert finding.rule == "schema" or finding.rule in RULES


def test_cycles_and_opened_texts_of_any_size_take_linear_time() -> None:
    ring = [relation(f"SPDXRef-{n}", "CONTAINS", f"SPDXRef-{n + 1}") for n in range(20_000)]
    ring.append(relation("SPDXRef-20000", "CONTAINS", "SPDXRef-0"))
    listed = [package(SPDXID=f"SPDXRef-{n}") for n in range(20_001)]
    document = spdx(packages=listed, relationships=ring, documentDescribes=["SPDXRef-0"])
    assert [rule for rule, _ in check(document)] == ["contains-cycle"]
    pv.read_sbom((TAGS + "PackageComment: <text>\n" * 20_000).encode()).validate()
