"""Parts in which names collide, records contradict each other and shapes are odd, merged."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from tests.sbom.test_merging import as_read, by_name, spdx_part

import provenance as pv


def merged_json(*documents: Any, **how: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        pv.merge_sboms(as_read(*documents), name="shop", **how).to_bytes()
    )
    return found


def small(name: str, *components: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {"type": "application", "bom-ref": "root", "name": name}
    listed = [{"type": "library", **x} for x in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": about},
        "components": listed,
        **more,
    }


def library(**more: Any) -> dict[str, Any]:
    return {"bom-ref": "lib", "name": "lib", "purl": "pkg:npm/lib@1", **more}


SPEC = {"bom-ref": "spec", "name": "spec", "purl": "pkg:npm/spec@1"}


def test_what_a_component_provides_is_led_to_where_it_is() -> None:
    provides = {"ref": "lib", "provides": ["spec", "nobody"]}
    parts = (small("one", SPEC, library()), small("two", library(), SPEC, dependencies=[provides]))
    parts[1]["components"][1] = {**parts[1]["components"][1], "bom-ref": "spec"}
    merged = pv.merge_sboms(as_read(*parts), name="shop", hierarchical=False)
    listed = json.loads(merged.to_bytes())["dependencies"]
    assert {x["ref"]: x["provides"] for x in listed if "provides" in x} == {"lib": ["spec"]}
    assert [f.message for f in merged.findings if f.rule == "dangling-edge"] == [
        "1 edges of part 1 (two) lead to what is no package"
    ]


def test_flat_components_without_identifiers_in_others_share_none() -> None:
    def outer(letter: str) -> dict[str, Any]:
        hashes = [{"alg": "SHA-256", "content": letter * 64}]
        inner = {"type": "library", "name": "inner", "version": "1", "hashes": hashes}
        return {"bom-ref": letter, "name": letter, "components": [inner]}

    document = merged_json(small("x", outer("a")), small("y", outer("b")), hierarchical=False)
    known = by_name(document)
    for letter in "ab":
        (said,) = [x["value"] for x in known[letter]["properties"]]
        assert known[said]["hashes"][0]["content"] == letter * 64


def test_a_component_without_an_identifier_takes_none_that_leads_elsewhere() -> None:
    name = "pkg:npm/a@1"
    unnamed, meant = {"name": "unnamed", "purl": name}, {"bom-ref": name, "name": "meant"}
    affects = [{"id": "CVE-2026-1", "affects": [{"ref": name}]}]
    document = merged_json(small("x", unnamed, meant, vulnerabilities=affects))
    (affected,) = document["vulnerabilities"][0]["affects"]
    assert by_name(document)[affected["ref"]]["name"] == "meant"


@pytest.mark.parametrize(
    ("more", "is_told"),
    [({"text": {"content": "TERMS"}}, False), ({"url": "https://other.example"}, True)],
)
def test_flat_what_is_said_of_a_licence_is_kept_or_told(more: Any, is_told: Any) -> None:
    mit = {"license": {"id": "MIT", "url": "https://first.example"}}
    again = {"license": {"id": "MIT", **more}}
    parts = as_read(small("x", library(licenses=[mit])), small("y", library(licenses=[again])))
    merged = pv.merge_sboms(parts, name="shop", hierarchical=False)
    assert merged.validate().ok
    assert [f.rule for f in merged.findings] == ["merge-conflict"] * is_told
    (found,) = [x for x in json.loads(merged.to_bytes())["components"] if x["name"] == "lib"]
    assert found["licenses"] == [{"license": {**more, **mit["license"]}}]


def test_flat_no_supplier_gets_the_address_of_another() -> None:
    first, other = {"name": "First"}, {"name": "Other", "url": ["https://other.example"]}
    parts = as_read(small("x", library(supplier=first)), small("y", library(supplier=other)))
    merged = pv.merge_sboms(parts, name="shop", hierarchical=False)
    (found,) = [x for x in json.loads(merged.to_bytes())["components"] if x["name"] == "lib"]
    assert found["supplier"] == first
    assert [f.rule for f in merged.findings] == ["merge-conflict"]


@pytest.mark.parametrize("hierarchical", [True, False])
def test_a_signature_stays_with_what_it_is_over_alone(
    hierarchical: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    signature = {"algorithm": "ES256", "value": "c2ln"}
    signed = [library(signature=signature), library(cpe="cpe:2.3:a:a:b:1:*:*:*:*:*:*:*")]
    for parts in (signed, signed[::-1]):
        merged = pv.merge_sboms(
            as_read(small("x", parts[0]), small("y", parts[1])),
            name="shop",
            hierarchical=hierarchical,
        )
        known = by_name(json.loads(merged.to_bytes()))
        holders = [x for x in known.values() if "signature" in x]
        # What comes first keeps its name; flat, it says more than it did.
        assert holders == [{"type": "library", **signed[0]}] * (hierarchical and parts is signed)
        told = {f.pointer for f in merged.findings if f.rule == "not-merged"}
        conflicts = [f for f in merged.findings if f.rule == "merge-conflict"]
        assert bool(holders) != bool(conflicts or "/components/*/signature/value" in told)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"metadata": "LOST"}, "/metadata"),
        ({"metadata": {"component": "LOST"}}, "/metadata/component"),
        ({"metadata": {"tools": ["LOST"]}}, "/metadata/tools/*"),
        ({"metadata": {"tools": "LOST"}}, "/metadata/tools"),
        ({"metadata": {"tools": {"components": ["LOST"]}}}, "/metadata/tools/components/*"),
        ({"dependencies": [{"ref": "lib", "note": "LOST"}]}, "/dependencies/*/note"),
        ({"dependencies": [{"ref": "lib", "dependsOn": "LOST"}]}, "/dependencies/*/dependsOn"),
        ({"dependencies": [{"ref": "lib", "dependsOn": [17]}]}, "/dependencies/*/dependsOn/*"),
    ],
)
def test_odd_shapes_that_are_not_taken_are_told(change: Any, pointer: str) -> None:
    merged = pv.merge_sboms(as_read({**small("x", library()), **change}), name="shop")
    assert merged.validate().ok
    assert pointer in {f.pointer for f in merged.findings}


@pytest.mark.parametrize(
    ("inner", "pointer"),
    [("LOST", "/components/*/components"), (["LOST", {}], "/components/*/components/*")],
)
def test_flat_odd_shapes_within_components_are_told(inner: Any, pointer: str) -> None:
    parts = as_read(small("x", library(components=inner)))
    merged = pv.merge_sboms(parts, name="shop", hierarchical=False)
    assert pointer in {f.pointer for f in merged.findings}


def test_the_type_of_an_issue_is_none_of_a_component() -> None:
    patch = {"type": "backport", "resolves": [{"type": "odd", "id": "1"}]}
    part = small("x", library(pedigree={"patches": [patch, {"type": "odd"}]}))
    merged = pv.merge_sboms(as_read(part), name="shop")
    assert merged.validate().ok
    assert "/components/*/components/*/pedigree/patches/*/type" in {
        f.pointer for f in merged.findings
    }


def test_a_part_is_referred_to_by_the_version_of_its_document() -> None:
    serial = "3e671687-395b-41f5-a30f-a58921a69b79"
    part = small("x", serialNumber=f"urn:uuid:{serial}", version=7)
    (found,) = merged_json(part)["components"]
    assert [x["url"] for x in found["externalReferences"]] == [f"urn:cdx:{serial}/7"]


def test_what_a_converted_part_was_before_is_what_is_merged() -> None:
    part = small("x", library(pedigree={"notes": "forked"}), services=[{"name": "service"}])
    for form in ("spdx-2.3", "cyclonedx-1.4"):
        converted, losses = as_read(part)[0].convert(form)
        assert not losses.findings
        merged = pv.merge_sboms([converted], name="shop")
        assert not merged.findings
        document = json.loads(merged.to_bytes())
        assert document["services"] == [{"name": "service"}]
        assert b"forked" in merged.to_bytes()


def test_what_an_edited_part_carries_is_told() -> None:
    part = small("x", library(pedigree={"notes": "forked"}))
    converted, _ = as_read(part)[0].convert("spdx-2.3")
    document = json.loads(converted.to_bytes())
    document["packages"][-1]["comment"] = "edited since"
    merged = pv.merge_sboms(as_read(document), name="shop")
    assert any(f.pointer.endswith("annotations/*/comment") for f in merged.findings)


def test_ten_thousand_records_of_one_package_take_no_quadratic_time() -> None:
    def counted(count: int) -> int:
        listed = [library(properties=[{"name": f"n{n}", "value": ""}]) for n in range(count)]
        parts = as_read(small("x", *listed))
        calls = 0

        def count_call(frame: Any, event: str, _: Any) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count_call)
        try:
            merged = pv.merge_sboms(parts, name="shop", hierarchical=False)
        finally:
            sys.setprofile(None)
        assert len(merged.packages) == 2
        return calls

    assert counted(800) < 5 * counted(200)


def test_spdx_names_of_licences_in_other_documents_stay() -> None:
    one, two = spdx_part("one"), spdx_part("two")
    two["packages"][1]["licenseDeclared"] = "DocumentRef-more:LicenseRef-1 AND LicenseRef-1"
    document = merged_json(one, two, format="spdx-2.3")
    texts = {x["licenseId"]: x["extractedText"] for x in document["hasExtractedLicensingInfos"]}
    more = {x["externalDocumentId"]: x["spdxDocument"] for x in document["externalDocumentRefs"]}
    (lib,) = [x for x in document["packages"] if x.get("comment") == "lib of two"]
    outer, _, own = lib["licenseDeclared"].partition(" AND ")
    assert texts[own] == "terms of two"
    other, _, name = outer.partition(":")
    assert (more[other], name) == ("https://acme.example/two/more", "LicenseRef-1")


def test_spdx_of_two_texts_under_one_name_the_first_is_meant() -> None:
    part = spdx_part("one")
    part["hasExtractedLicensingInfos"].append(
        {"licenseId": "LicenseRef-1", "extractedText": "more"}
    )
    document = merged_json(part, format="spdx-2.3")
    texts = {x["licenseId"]: x["extractedText"] for x in document["hasExtractedLicensingInfos"]}
    (lib,) = [x for x in document["packages"] if x.get("comment") == "lib of one"]
    assert texts[lib["licenseDeclared"]] == "terms of one"
    assert set(texts.values()) == {"terms of one", "more"}


def test_spdx_no_document_of_a_part_is_taken_for_a_part() -> None:
    def named_after(uri: str, document: dict[str, Any]) -> str:
        (name,) = [
            x["externalDocumentId"]
            for x in document["externalDocumentRefs"]
            if x["spdxDocument"] == uri
        ]
        return str(name)

    one, two = spdx_part("one"), spdx_part("two")
    taken = named_after(two["documentNamespace"], merged_json(two, format="spdx-2.3"))
    one["externalDocumentRefs"][0]["externalDocumentId"] = taken
    document = merged_json(one, two, format="spdx-2.3")
    names = [x["externalDocumentId"] for x in document["externalDocumentRefs"]]
    assert len(set(names)) == len(names)
    (app,) = [x for x in document["packages"] if x.get("comment") == "app of two"]
    (other,) = [
        x["relatedSpdxElement"]
        for x in document["relationships"]
        if (x["spdxElementId"], x["relationshipType"]) == (app["SPDXID"], "DESCRIBED_BY")
    ]
    assert other == f"{named_after(two['documentNamespace'], document)}:SPDXRef-DOCUMENT"


def test_spdx_a_part_merged_once_more_is_listed_once() -> None:
    one = as_read(spdx_part("one"))
    product = pv.merge_sboms(one, name="shop", format="spdx-2.3")
    merged = pv.merge_sboms([product, *one], name="more", format="spdx-2.3")
    listed = json.loads(merged.to_bytes())["externalDocumentRefs"]
    names = [x["externalDocumentId"] for x in listed]
    assert len(set(names)) == len(names)


def test_spdx_what_is_said_with_a_description_is_told() -> None:
    part = spdx_part("one")
    describes = part["relationships"][-1]
    describes["comment"] = "LOST"
    part["relationships"].append({**describes, "relatedSpdxElement": "SPDXRef-lib"})
    part["relationships"].append(
        {
            "spdxElementId": "SPDXRef-lib",
            "relationshipType": "OTHER",
            "relatedSpdxElement": "SPDXRef-lib",
            "comment": "of itself",
        }
    )
    part["hasExtractedLicensingInfos"].append("LOST")
    merged = pv.merge_sboms(as_read(part), name="shop", format="spdx-2.3")
    told = {f.pointer: f.message for f in merged.findings}
    assert told["/relationships/*/comment"].startswith("2 of")
    assert told["/relationships/*/relationshipType"].startswith("2 of")
    assert "/hasExtractedLicensingInfos/*" in told
    assert b"of itself" in merged.to_bytes()


@pytest.mark.parametrize("hierarchical", [True, False])
def test_a_component_without_what_it_must_have_stays(*, hierarchical: bool) -> None:
    """The schema demands a name and a type, and would take nothing of it."""
    inner = {"name": 3, "type": "library", "version": "2"}
    listed = [{"purl": "pkg:npm/x@1", "version": "1", "components": [inner]}]
    part = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": listed}
    merged = pv.merge_sboms(
        [pv.read_sbom(json.dumps(part).encode())], name="p", hierarchical=hierarchical
    )
    assert merged.validate().ok
    assert {(p.purl, p.version) for p in merged.packages} >= {("pkg:npm/x@1", "1"), ("", "2")}
    assert "/components/*/name" in {f.pointer for f in merged.findings}
