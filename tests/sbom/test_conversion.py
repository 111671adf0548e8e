"""From one format to another and back: nothing is lost that is not in the report."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import MalformedDocument, UnsupportedFormat
from provenance.sbom import Format, Sbom, read_sbom

OTHERS = (
    *("spdx-2.3", "spdx-2.3-tag-value", "spdx-2.3-yaml", "spdx-3.0"),
    *("cyclonedx-1.4", "cyclonedx-1.6-xml"),
)

CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "version": 3,
    "metadata": {
        "timestamp": "2026-01-02T03:04:05.678Z",
        "tools": {"components": [{"type": "application", "name": "maker", "version": "2"}]},
        "authors": [{"name": "Ada", "email": "ada@example.org"}],
        "component": {"type": "application", "bom-ref": "root", "name": "app", "version": "1"},
        "lifecycles": [{"phase": "build"}],
    },
    "components": [
        {
            "type": "library",
            "bom-ref": "pkg:npm/left@1",
            "group": "@acme",
            "name": "left",
            "version": "1",
            "description": "left of it all",
            "copyright": "(c) Acme",
            "purl": "pkg:npm/%40acme/left@1",
            "cpe": "cpe:2.3:a:acme:left:1:*:*:*:*:*:*:*",
            "supplier": {"name": "Acme", "url": ["https://acme.example"]},
            "authors": [{"name": "Ada", "email": "ada@example.org"}, {"name": "Bob"}],
            "scope": "optional",
            "hashes": [
                {"alg": "SHA-256", "content": "a" * 64},
                {"alg": "MD5", "content": "b" * 32},
            ],
            "licenses": [
                {"license": {"id": "MIT", "acknowledgement": "declared"}},
                {"license": {"name": "Own", "text": {"content": "Do as you like."}}},
            ],
            "externalReferences": [
                {"type": "website", "url": "https://acme.example/left"},
                {"type": "distribution", "url": "https://acme.example/left.tgz"},
                {"type": "vcs", "url": "https://acme.example/left.git", "comment": "read only"},
                {"type": "issue-tracker", "url": "https://acme.example/bugs"},
            ],
            "properties": [{"name": "theirs", "value": "1"}, {"name": "theirs", "value": "2"}],
            "pedigree": {"notes": "forked", "ancestors": [{"type": "library", "name": "old"}]},
            "components": [{"type": "library", "bom-ref": "inner", "name": "inner"}],
        },
        {"type": "library", "name": "nameless"},
        {"type": "library", "bom-ref": "right", "name": "right", "version": "2"},
    ],
    "services": [{"bom-ref": "s", "name": "service", "endpoints": ["https://s.example"]}],
    "dependencies": [
        {"ref": "root", "dependsOn": ["pkg:npm/left@1"]},
        {"ref": "pkg:npm/left@1", "dependsOn": ["right", "inner"]},
        {"ref": "s", "dependsOn": ["right"]},
    ],
    "vulnerabilities": [{"id": "CVE-2026-1", "affects": [{"ref": "right"}]}],
    "compositions": [{"aggregate": "complete", "assemblies": ["root"]}],
}
SPDX: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "a document",
    "documentNamespace": "https://acme.example/docs/1",
    "comment": "made by hand",
    "creationInfo": {
        "created": "2026-01-02T03:04:05Z",
        "creators": ["Person: Ada (ada@example.org)", "Tool: maker-2"],
        "licenseListVersion": "3.20",
    },
    "packages": [
        {
            "SPDXID": "SPDXRef-left",
            "name": "left",
            "versionInfo": "1",
            "downloadLocation": "git+https://acme.example/left.git@abc",
            "homepage": "https://acme.example/left",
            "filesAnalyzed": False,
            "licenseDeclared": "LicenseRef-own",
            "licenseConcluded": "MIT OR Apache-2.0",
            "copyrightText": "(c) Acme",
            "supplier": "Person: Ada (ada@example.org)",
            "originator": "Organization: Acme",
            "summary": "left",
            "description": "left of it all",
            "comment": "a comment",
            "checksums": [{"algorithm": "SHA1", "checksumValue": "a" * 40}],
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": f"pkg:npm/left@{n}",
                }
                for n in (1, 2)
            ]
            + [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "advisory",
                    "referenceLocator": "https://acme.example/advisory",
                    "comment": "read it",
                },
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe22Type",
                    "referenceLocator": "cpe:/a:acme:left:1",
                },
            ],
            "annotations": [
                {
                    "annotationDate": "2026-01-02T03:04:05Z",
                    "annotationType": "REVIEW",
                    "annotator": "Person: Bob ()",
                    "comment": "looks good",
                }
            ],
        },
        {"SPDXID": "SPDXRef-right", "name": "right", "downloadLocation": "NOASSERTION"},
    ],
    "files": [
        {
            "SPDXID": "SPDXRef-file",
            "fileName": "./bin/left",
            "checksums": [{"algorithm": "SHA1", "checksumValue": "c" * 40}],
            "licenseConcluded": "MIT",
            "fileTypes": ["BINARY"],
        }
    ],
    "relationships": [
        {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
        for a, kind, b in (
            ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-left"),
            ("SPDXRef-left", "CONTAINS", "SPDXRef-file"),
            ("SPDXRef-right", "DEPENDENCY_OF", "SPDXRef-left"),
            ("SPDXRef-right", "TEST_TOOL_OF", "SPDXRef-left"),
        )
    ],
    "hasExtractedLicensingInfos": [
        {"licenseId": "LicenseRef-own", "name": "Own", "extractedText": "Do as you like."}
    ],
}
DOCUMENTS = {"cyclonedx": CYCLONEDX, "spdx": SPDX}


def unordered(value: Any) -> Any:
    """The value with every list as a set; written for these tests alone."""
    if isinstance(value, dict):
        return {key: unordered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((unordered(x) for x in value), key=lambda x: json.dumps(x, sort_keys=True))
    return value


def read(document: Any) -> Sbom:
    return read_sbom(json.dumps(document).encode())


def restored(document: dict[str, Any], target: str) -> Any:
    """The document after it went to `target` and back, through bytes alone."""
    before = read(document)
    there, losses = before.convert(target)
    assert list(losses) == []
    assert there.format is Format(target)
    assert [f for f in there.validate() if f.rule == "schema"] == []
    back, losses = read_sbom(there.to_bytes()).convert(before.format)
    assert list(losses) == []
    return json.loads(back.to_bytes())


@pytest.mark.parametrize("target", [*OTHERS, "cyclonedx-1.6", "cyclonedx-1.7"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_leaf_returns_from_another_format(name: str, target: str) -> None:
    document = DOCUMENTS[name]
    if Format(target) is not read(document).format:
        assert unordered(restored(document, target)) == unordered(document)


def test_core_fields_of_cyclonedx_are_fields_of_spdx() -> None:
    document = json.loads(read(CYCLONEDX).convert("spdx-2.3")[0].to_bytes())
    by_name = {package["name"]: package for package in document["packages"]}
    left = by_name["left"]
    assert left["versionInfo"] == "1"
    assert left["description"] == "left of it all"
    assert left["copyrightText"] == "(c) Acme"
    assert left["supplier"] == "Organization: Acme"
    assert left["originator"].startswith("Person: Ada <ada@example.org>, Bob")
    assert left["homepage"] == "https://acme.example/left"
    assert left["downloadLocation"] == "https://acme.example/left.tgz"
    assert {x["algorithm"]: x["checksumValue"] for x in left["checksums"]} == {
        "SHA256": "a" * 64,
        "MD5": "b" * 32,
    }
    own = next(x for x in document["hasExtractedLicensingInfos"] if x["name"] == "Own")
    assert own["extractedText"] == "Do as you like."
    assert left["licenseDeclared"] == f"MIT AND {own['licenseId']}"
    assert {(x["referenceType"], x["referenceLocator"]) for x in left["externalRefs"]} == {
        ("purl", "pkg:npm/%40acme/left@1"),
        ("cpe23Type", "cpe:2.3:a:acme:left:1:*:*:*:*:*:*:*"),
        ("vcs", "https://acme.example/left.git"),
        ("issue-tracker", "https://acme.example/bugs"),
    }
    ids = {package["SPDXID"]: name for name, package in by_name.items()}
    edges = {
        (ids.get(x["spdxElementId"]), x["relationshipType"], ids.get(x["relatedSpdxElement"]))
        for x in document["relationships"]
    }
    assert edges == {
        (None, "DESCRIBES", "app"),
        ("app", "DEPENDS_ON", "left"),
        ("left", "DEPENDS_ON", "right"),
        ("left", "DEPENDS_ON", "inner"),
        ("left", "CONTAINS", "inner"),
    }


def test_core_fields_of_spdx_are_fields_of_cyclonedx() -> None:
    document = json.loads(read(SPDX).convert("cyclonedx-1.6")[0].to_bytes())
    listed = [*document["components"], document["metadata"].get("component", {})]
    left = next(x for x in listed if x.get("name") == "left")
    assert (left["bom-ref"], left["version"]) == ("SPDXRef-left", "1")
    assert left["purl"] == "pkg:npm/left@1"
    assert left["copyright"] == "(c) Acme"
    assert left["supplier"] == {"name": "Ada <ada@example.org>"}
    assert left["authors"] == [{"name": "Acme"}]
    assert left["hashes"] == [{"alg": "SHA-1", "content": "a" * 40}]
    assert {"name": "provenance:purl", "value": "pkg:npm/left@2"} in left["properties"]
    own = {"name": "Own", "acknowledgement": "declared", "text": {"content": "Do as you like."}}
    assert {"license": own} in left["licenses"]
    urls = {(x["type"], x["url"]) for x in left["externalReferences"]}
    assert urls == {
        ("website", "https://acme.example/left"),
        ("distribution", "git+https://acme.example/left.git@abc"),
        ("other", "https://acme.example/advisory"),
        ("other", "cpe:/a:acme:left:1"),
    }
    assert {"ref": "SPDXRef-left", "dependsOn": ["SPDXRef-right"]} in document["dependencies"]


def test_xml_has_elements_for_what_json_says() -> None:
    more = {
        "vulnerabilities": [
            {
                "bom-ref": "v",
                "id": "CVE-2026-1",
                "source": {"name": "NVD", "url": "https://nvd.example"},
                "ratings": [{"score": 9.8, "severity": "critical", "method": "CVSSv31"}],
                "cwes": [79, 787],
                "analysis": {"state": "not_affected", "response": ["update"]},
                "affects": [{"ref": "right", "versions": [{"version": "2", "status": "affected"}]}],
            }
        ],
        "annotations": [
            {
                "subjects": ["right"],
                "annotator": {"individual": {"name": "Ada"}},
                "timestamp": "2026-01-02T03:04:05Z",
                "text": "seen",
            }
        ],
        "services": [
            {
                "bom-ref": "s",
                "name": "service",
                "endpoints": ["https://s.example"],
                "authenticated": False,
                "x-trust-boundary": True,
                "data": [{"flow": "inbound", "classification": "public"}],
            }
        ],
    }
    made = read(CYCLONEDX | more).convert("cyclonedx-1.6-xml")[0]
    assert [f for f in made.validate() if f.rule == "schema"] == []
    root = ET.fromstring(made.to_bytes())
    at = "{http://cyclonedx.org/schema/bom/1.6}"

    def texts(path: str) -> list[str | None]:
        return [x.text for x in root.findall("/".join(at + step for step in path.split("/")))]

    assert texts("vulnerabilities/vulnerability/cwes/cwe") == ["79", "787"]
    assert texts("vulnerabilities/vulnerability/ratings/rating/score") == ["9.8"]
    assert texts("vulnerabilities/vulnerability/analysis/responses/response") == ["update"]
    assert texts("vulnerabilities/vulnerability/affects/target/versions/version/version") == ["2"]
    assert texts("services/service/authenticated") == ["false"]
    assert texts("services/service/x-trust-boundary") == ["true"]
    assert texts("annotations/annotation/annotator/individual/name") == ["Ada"]
    assert texts("components/component/pedigree/ancestors/component/name") == ["old"]
    assert texts("compositions/composition/aggregate") == ["complete"]
    assert unordered(restored(CYCLONEDX | more, "cyclonedx-1.6-xml")) == unordered(CYCLONEDX | more)


def test_yaml_says_what_the_json_says() -> None:
    made = read(SPDX).convert("spdx-2.3-yaml")[0].to_bytes()
    found = yaml.safe_load(made)
    assert found["packages"][0] == SPDX["packages"][0]
    assert found["creationInfo"] == SPDX["creationInfo"]


def test_what_syft_says_and_no_field_takes_is_reported() -> None:
    document = {
        "artifacts": [
            {"id": "a", "name": "left", "version": "1", "type": "npm", "secret-of-syft": "odd"}
        ],
        "artifactRelationships": [],
        "source": {"id": "s", "name": "app", "version": "1", "type": "image", "metadata": {}},
        "distro": {},
        "descriptor": {"name": "syft", "version": "1.0"},
        "schema": {"version": "16.0.0", "url": "https://example.org/schema-16.0.0.json"},
    }
    made, losses = read(document).convert("cyclonedx-1.6")
    assert [p.name for p in made.packages] == ["left"]
    assert "/artifacts/*/secret-of-syft" in {f.pointer for f in losses}


def test_what_was_edited_meanwhile_comes_along() -> None:
    there = json.loads(read(CYCLONEDX).convert("spdx-2.3")[0].to_bytes())
    left = next(x for x in there["packages"] if x["name"] == "left")
    left["versionInfo"] = "1.1"
    left["attributionTexts"] = ["thanks to Bob"]
    back, losses = read(there).convert("cyclonedx-1.6")
    assert list(losses) == []
    again = json.loads(back.convert("spdx-2.3")[0].to_bytes())
    left = next(x for x in again["packages"] if x["name"] == "left")
    assert (left["versionInfo"], left["attributionTexts"]) == ("1.1", ["thanks to Bob"])


@pytest.mark.parametrize("target", OTHERS)
def test_the_same_document_gives_the_same_bytes(target: str) -> None:
    first, second = (read(CYCLONEDX).convert(target)[0] for _ in range(2))
    assert first.to_bytes() == second.to_bytes()
    assert read(CYCLONEDX).to_bytes(target) == first.to_bytes()


@pytest.mark.parametrize("target", ["spdx-2.3", "spdx-3.0", "cyclonedx-1.4"])
@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[1]",
        "zlib:not base 85 \u00e9",
        "zlib:c$@",
        '{"of":"spdx-2.3","body":{"packages":[3]},"more":{"x":1},"gone":[1]}',
        '{"of":"cyclonedx-1.6","more":{"a":{"^":"in b","name":"a"},"b":{"^":"in a","name":"b"}}}',
        '{"of":"spdx-3.0","body":[[[1]]],"patches":{"right":[7]}}',
        '{"of":"cyclonedx-1.6","body":' + '{"a":' * 300 + "0" + "}" * 301,
    ],
)
def test_a_hostile_rest_harms_nobody(value: str, target: str) -> None:
    document = json.loads(json.dumps(CYCLONEDX))
    rest = {"name": "provenance:rest", "value": value}
    document["metadata"]["properties"] = [rest]
    document["components"][2]["properties"] = [rest]
    converted, _ = read(document).convert(target)
    assert converted.to_bytes()


def test_an_unpacked_rest_is_bounded() -> None:
    import base64
    import zlib

    packed = base64.b85encode(zlib.compress(b"[" + b" " * 50_000_000 + b"]", 9)).decode()
    document = json.loads(json.dumps(CYCLONEDX))
    document["metadata"]["properties"] = [{"name": "provenance:rest", "value": f"zlib:{packed}"}]
    found, losses = read(document).convert("spdx-2.3")
    assert list(losses) == []
    assert "provenance:rest" in found.to_bytes().decode()


def test_what_nobody_writes_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="not written in"):
        read(SPDX).convert(Format.SPDX_2_3_RDF)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
fields = st.sampled_from(
    ["name", "version", "purl", "licenses", "hashes", "components", "properties", "bom-ref", "odd"]
)
components = st.dictionaries(fields, json_values, max_size=5)


@given(
    st.lists(components, max_size=4),
    st.dictionaries(st.sampled_from(["metadata", "dependencies", "x"]), json_values, max_size=3),
    st.sampled_from(["spdx-2.3", "spdx-3.0", "cyclonedx-1.4"]),
)
@settings(max_examples=80)
def test_odd_documents_return_too(
    listed: list[dict[str, Any]], more: dict[str, Any], target: str
) -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", **more, "components": listed}
    before = read(document)
    there, losses = before.convert(target)
    back, _ = read_sbom(there.to_bytes()).convert("cyclonedx-1.6")
    if not len(losses):
        assert unordered(json.loads(back.to_bytes())) == unordered(document)


@pytest.mark.parametrize(
    ("within", "pointer"),
    [
        ("<name>x</name>beside", "/bom/components/component"),
        ("<name>first</name><name>x</name>", "/bom/components/component/name"),
        ("<name lang='en'>x</name>", "/bom/components/component/name/@lang"),
        (
            "<name>x</name><e:own xmlns:e='https://e.example'>beside<e:in/></e:own>",
            "/bom/components/component/own",
        ),
    ],
)
def test_what_xml_says_and_json_has_no_place_for_is_reported(within: str, pointer: str) -> None:
    before = read_sbom(
        '<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library">'
        f"{within}</component></components></bom>".encode()
    )
    for target in ("cyclonedx-1.6", "spdx-2.3"):
        assert [f.pointer for f in before.convert(target)[1]] == [pointer]
    with pytest.raises(UnsupportedFormat, match="would not say all of it"):
        before.with_metadata(name="app")


@pytest.mark.parametrize(
    ("component", "pointers"),
    [
        (r'"description": "x\ud800y"', {"/components/0/description"}),
        (r'"properties": [{"name": "k", "value": "\udc00"}]', {"/components/0/properties/0/value"}),
        (r'"x-\ud800": 1', {"/components/0/x-\N{REPLACEMENT CHARACTER}"}),
        ('"x-odd": NaN', {"/components/0/x-odd"}),
        ('"version": "1", "version": "2"', {"/components/0/version"}),
        ('"x-large": 1e400', set()),
        (r'"description": "\ud83d\ude00"', set()),
    ],
)
@pytest.mark.parametrize("target", ["spdx-2.3", "cyclonedx-1.5", "spdx-3.0"])
def test_what_json_says_in_a_way_that_is_not_kept_is_reported(
    component: str, pointers: set[str], target: str
) -> None:
    raw = (
        '{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,'
        f' "components": [{{"type": "library", "name": "a", {component}}}]}}'
    )
    _, losses = read_sbom(raw.encode()).convert(target)
    assert {loss.pointer for loss in losses} == pointers


def test_what_xml_says_as_json_does_is_not_reported() -> None:
    before = read(CYCLONEDX).convert("cyclonedx-1.6-xml")[0]
    assert list(read_sbom(before.to_bytes()).convert("cyclonedx-1.6")[1]) == []


TAGS = b"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: doc
DocumentNamespace: https://doc.example/1
Creator: Tool: maker
Created: 2020-01-01T00:00:00Z
PackageName: left
SPDXID: SPDXRef-left
PackageDownloadLocation: NOASSERTION
PackageSupplier: Organization: Acme
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-left
"""


@pytest.mark.parametrize(
    ("statement", "pointer"),
    [
        (b"RelationshipComment: told\nRelationshipComment: once more", "/RelationshipComment"),
        (b"SnippetSPDXID: SPDXRef-snippet", "/SnippetSPDXID"),
        (b"Reviewer: Person: Ada", "/Reviewer"),
        (b"PackageName: right\nPackageName: right\nPackageVersion: 1\nPackageVersion: 2", None),
        (b"Odd: nobody knows", "/Odd"),
        (b"no tag at all", "/"),
    ],
)
def test_what_tags_say_and_json_has_no_place_for_is_reported(
    statement: bytes, pointer: str | None
) -> None:
    assert list(read_sbom(TAGS).convert("cyclonedx-1.6")[1]) == []
    before = read_sbom(TAGS + statement + b"\n")
    for target in ("spdx-2.3", "cyclonedx-1.6"):
        assert (pointer or "/PackageVersion") in [f.pointer for f in before.convert(target)[1]]
    with pytest.raises(UnsupportedFormat, match="would not say all of it"):
        before.redact(fields=["supplier"])


def test_tags_are_edited_where_all_of_them_are_written_again() -> None:
    after = read_sbom(TAGS).redact(fields=["supplier"]).to_bytes()
    assert b"Acme" not in after
    assert b"PackageName: left" in after


@pytest.mark.parametrize("form", ["cyclonedx-1.6-xml", "cyclonedx-1.3-xml"])
@pytest.mark.parametrize("name", ["a\x07b", "a\x07"])
def test_what_xml_cannot_spell_is_not_told_as_lost_on_the_way_back(form: str, name: str) -> None:
    component = {"type": "library", "name": name, "copyright": "c\x01 by x"}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    before = read({**document, "components": [component]})
    there, losses = before.convert(form)
    back, more = read_sbom(there.to_bytes()).convert(before.format)
    assert (list(losses), list(more)) == ([], [])
    assert json.loads(back.to_bytes())["components"] == [component]


@pytest.mark.parametrize("text", ["", "a\x07b", "a </text> b"])
@pytest.mark.parametrize("form", ["spdx-2.3-tag-value", "spdx-2.2-tag-value"])
def test_what_tags_cannot_spell_is_not_told_as_lost_on_the_way_back(form: str, text: str) -> None:
    document = json.loads(json.dumps(SPDX))
    document["packages"][0] |= {"sourceInfo": text, "comment": text}
    before = read(document)
    there, losses = before.convert(form)
    back, more = read_sbom(there.to_bytes()).convert(before.format)
    assert (list(losses), list(more)) == ([], [])
    assert unordered(json.loads(back.to_bytes())) == unordered(document)


def test_components_too_deep_for_xml_are_refused() -> None:
    depth = 400
    inner = '{"type":"library","name":"a","components":[' * depth + "]}" * depth
    raw = '{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[' + inner + "]}"
    deep = read_sbom(raw.encode())
    with pytest.raises(MalformedDocument, match="120"):
        deep.convert("cyclonedx-1.6-xml")


@pytest.mark.parametrize("target", OTHERS)
@pytest.mark.parametrize("kind", ["application", "container", "file", "operating-system"])
def test_a_reference_to_the_document_of_anything_comes_along(kind: str, target: str) -> None:
    """What SPDX makes of a component may be the subject, a file or a release, and no package."""
    about = {"type": "bom", "url": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"}
    item = {"type": kind, "name": "x", "externalReferences": [about]}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {**item, "bom-ref": "root"}},
        "components": [{**item, "bom-ref": "part"}],
    }
    assert restored(document, target) == unordered(document)
