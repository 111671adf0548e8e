"""Quality: a document that says everything meets every rule; each thing taken away is missed."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provenance as pv
from provenance.findings import Severity
from provenance.sbom.quality import RULE_SETS, Answer, Quality
from provenance.sbom.quality.answers import told, told_hash, told_time

if TYPE_CHECKING:
    from collections.abc import Callable

SHA_512 = "ab" * 64


def bsi_property(name: str, value: str) -> dict[str, str]:
    return {"name": f"bsi:component:{name}", "value": value}


def component(name: str, **fields: Any) -> dict[str, Any]:
    """As section 8.2 of TR-03183-2 maps its fields to CycloneDX 1.6; NTIA's and CISA's too."""
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": "1.0",
        "supplier": {"name": "Acme Supplies"},
        "manufacturer": {"name": "Acme", "contact": [{"email": "oss@acme.example"}]},
        "purl": f"pkg:generic/{name}@1.0",
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
        "licenses": [{"expression": "MIT OR Apache-2.0", "acknowledgement": "concluded"}],
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://acme.example/{name}.tar.gz",
                "hashes": [{"alg": "SHA-512", "content": SHA_512}],
            },
            {"type": "source-distribution", "url": f"https://acme.example/{name}"},
        ],
        "properties": [
            bsi_property("filename", f"{name}.tar.gz"),
            bsi_property("executable", "non-executable"),
            bsi_property("archive", "archive"),
            bsi_property("structured", "structured"),
        ],
    } | fields


def whole() -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {
            "timestamp": "2026-01-02T03:04:05Z",
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "maker", "version": "1"}]},
            "manufacturer": {"name": "Acme", "url": ["https://acme.example"]},
            "component": component("app", type="application"),
        },
        "components": [component("lib")],
        "dependencies": [{"ref": "app", "dependsOn": ["lib"]}, {"ref": "lib"}],
        "compositions": [{"aggregate": "complete", "dependencies": ["app", "lib"]}],
    }


def measured(document: dict[str, Any], rules: str) -> Quality:
    return pv.read_sbom(json.dumps(document).encode()).quality(rules)


def unmet(found: Quality) -> set[str]:
    return {f.rule for f in found if f.severity is not Severity.INFO}


def test_the_document_that_says_everything_is_valid() -> None:
    assert list(pv.read_sbom(json.dumps(whole()).encode()).validate()) == []


@pytest.mark.parametrize("rules", RULE_SETS)
def test_a_document_that_says_everything_meets_every_rule(rules: str) -> None:
    found = measured(whole(), rules)
    assert unmet(found) == set()
    assert found.ok
    assert bool(found)
    assert found.score == 100.0
    assert found.packages == 2


@pytest.mark.parametrize("text", [" " * 30, "\u00a0", "\u200b", "???", "...", "-" * 40, "N.A."])
def test_what_says_nothing_meets_no_rule(text: str) -> None:
    assert told(text) is Answer.MISSING
    document = whole()
    lib(document)["version"] = text
    assert "component-version" in unmet(measured(document, "ntia-2021"))


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize("text", ["2026-13-02T03:04:05Z", "2026-02-30T00:00Z", "2026-01-01T25:00Z"])
def test_a_time_that_no_clock_shows_is_none(rules: str, text: str) -> None:
    document = whole()
    document["metadata"]["timestamp"] = text
    assert "timestamp" in unmet(measured(document, rules))
    assert told_time("2016-12-31T23:59:60Z")


@pytest.mark.parametrize("text", ["see the release", "deadbee", "0x" + "ab" * 32])
def test_a_hash_that_is_none_meets_no_rule(text: str) -> None:
    assert not told_hash(text)
    document = whole()
    lib(document)["hashes"] = [{"alg": "SHA-256", "content": text}]
    lib(document)["externalReferences"] = []
    assert "component-hash" in unmet(measured(document, "cisa-2025"))


def lib(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"][0]
    return found


def without(*steps: str) -> Callable[[dict[str, Any]], object]:
    def change(item: dict[str, Any]) -> object:
        for step in steps[:-1]:
            item = item[step]
        return item.pop(steps[-1])

    return change


# What is taken away, and the rules that are then not met: by the texts' own lists of fields.
TAKEN: dict[str, tuple[Callable[[dict[str, Any]], object], dict[str, set[str]]]] = {
    "the name": (
        lambda d: lib(d).update(name=""),
        {r: {"component-name"} for r in RULE_SETS},
    ),
    "the version": (
        lambda d: lib(d).pop("version"),
        {
            "ntia-2021": {"component-version"},
            "cisa-2025": {"component-version", "known-unknowns"},
            "bsi-tr-03183-2": {"component-version"},
        },
    ),
    "supplier and producer": (
        lambda d: (lib(d).pop("supplier"), lib(d).pop("manufacturer")),
        {
            "ntia-2021": {"supplier-name"},
            "cisa-2025": {"software-producer", "known-unknowns"},
            "bsi-tr-03183-2": {"component-creator"},
        },
    ),
    "the way to reach the producer": (
        lambda d: lib(d)["manufacturer"].pop("contact"),
        {"ntia-2021": set(), "cisa-2025": set(), "bsi-tr-03183-2": {"component-creator"}},
    ),
    "identifiers": (
        lambda d: lib(d).pop("purl"),
        {
            "ntia-2021": {"other-identifiers"},
            "cisa-2025": {"software-identifiers"},
            "bsi-tr-03183-2": set(),
        },
    ),
    "hashes": (
        lambda d: (lib(d).pop("hashes"), lib(d)["externalReferences"][0].pop("hashes")),
        {
            "ntia-2021": set(),
            "cisa-2025": {"component-hash", "known-unknowns"},
            "bsi-tr-03183-2": {"sha-512"},
        },
    ),
    "the SHA-512": (
        lambda d: lib(d)["externalReferences"][0].pop("hashes"),
        {"ntia-2021": set(), "cisa-2025": set(), "bsi-tr-03183-2": {"sha-512"}},
    ),
    "the licence": (
        lambda d: lib(d).pop("licenses"),
        {
            "ntia-2021": set(),
            "cisa-2025": {"license", "known-unknowns"},
            "bsi-tr-03183-2": {"distribution-licences"},
        },
    ),
    "the relationships": (
        lambda d: d.pop("dependencies"),
        {
            "ntia-2021": {"dependencies"},
            "cisa-2025": {"dependencies"},
            "bsi-tr-03183-2": {"dependencies"},
        },
    ),
    "completeness": (
        lambda d: d.pop("compositions"),
        {
            "ntia-2021": {"known-unknowns"},
            "cisa-2025": {"known-unknowns"},
            "bsi-tr-03183-2": {"dependencies"},
        },
    ),
    "the timestamp": (
        without("metadata", "timestamp"),
        {r: {"timestamp"} for r in RULE_SETS},
    ),
    "the author": (
        without("metadata", "manufacturer"),
        {
            "ntia-2021": set(),  # a tool is a source of the data, too
            "cisa-2025": {"sbom-author"},
            "bsi-tr-03183-2": {"sbom-creator"},
        },
    ),
    "the tool": (
        without("metadata", "tools"),
        {"ntia-2021": set(), "cisa-2025": {"tool-name"}, "bsi-tr-03183-2": set()},
    ),
    "author and tool": (
        lambda d: (d["metadata"].pop("manufacturer"), d["metadata"].pop("tools")),
        {
            "ntia-2021": {"sbom-author"},
            "cisa-2025": {"sbom-author", "tool-name"},
            "bsi-tr-03183-2": {"sbom-creator"},
        },
    ),
    "the lifecycle": (
        without("metadata", "lifecycles"),
        {"ntia-2021": set(), "cisa-2025": {"generation-context"}, "bsi-tr-03183-2": set()},
    ),
    "BSI's properties": (
        lambda d: lib(d).pop("properties"),
        {
            "ntia-2021": set(),
            "cisa-2025": set(),
            "bsi-tr-03183-2": {"filename", "executable", "archive", "structured"},
        },
    ),
}


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize("name", TAKEN)
def test_a_document_without(name: str, rules: str) -> None:
    document = whole()
    change, expected = TAKEN[name]
    change(document)
    found = measured(document, rules)
    assert unmet(found) == expected[rules]
    required = {r.rule.id for r in found.results if r.rule.is_required}
    assert found.ok is (not expected[rules] & required)
    assert (found.score < 100) is (not found.ok)


@pytest.mark.parametrize("words", ["", "  ", "NONE", "n/a", "-"])
def test_words_that_stand_for_nothing_meet_nothing(words: str) -> None:
    document = whole()
    lib(document).update(version=words)
    for rules in RULE_SETS:
        result = measured(document, rules)["component-version"]
        assert result.counts == {Answer.MET: 1, Answer.MISSING: 1}
        assert result.pointers == ("/components/0",)


def test_what_is_unknown_and_what_is_redacted_are_told_apart_and_meet_nothing() -> None:
    document = whole()
    document["components"] = [
        component("lib", version="NOASSERTION"),
        component("lib2", version="unknown"),
        component("lib3", version="[REDACTED]"),
    ]
    found = measured(document, "cisa-2025")
    assert found["component-version"].counts == {
        Answer.MET: 1,
        Answer.STATED_UNKNOWN: 2,
        Answer.REDACTED: 1,
    }
    assert found["component-version"].share == 0.25
    assert not found.ok


def test_a_gap_that_is_said_to_be_one_is_a_known_unknown() -> None:
    document = whole()
    lib(document).update(version="unknown")
    assert measured(document, "cisa-2025")["known-unknowns"].answer is Answer.MET
    lib(document).pop("version")
    assert measured(document, "cisa-2025")["known-unknowns"].counts[Answer.MISSING] == 1


def test_bsi_takes_words_of_its_own_alone() -> None:
    document = whole()
    lib(document)["properties"] = [
        bsi_property("filename", "lib/lib.tar.gz"),  # a path is no name of a file
        bsi_property("executable", "false"),
        bsi_property("archive", "yes"),
        bsi_property("structured", "Structured"),
    ]
    expected = {"filename", "executable", "archive", "structured"}
    assert unmet(measured(document, "bsi-tr-03183-2")) == expected


@pytest.mark.parametrize("version", ["1.4", "1.5"])
def test_bsi_takes_cyclonedx_since_1_6(version: str) -> None:
    document = whole() | {"specVersion": version}
    assert "format" in unmet(measured(document, "bsi-tr-03183-2"))


def test_bsi_wants_no_vulnerabilities() -> None:
    document = whole() | {"vulnerabilities": [{"id": "CVE-2021-44228"}]}
    assert unmet(measured(document, "bsi-tr-03183-2")) == {"no-vulnerabilities"}
    assert measured(document, "ntia-2021").ok


def test_a_licence_that_is_not_said_to_be_concluded_tells_bsi_nothing() -> None:
    document = whole()
    lib(document)["licenses"] = [{"license": {"id": "MIT"}}]
    result = measured(document, "bsi-tr-03183-2")["distribution-licences"]
    assert result.counts == {Answer.MET: 1, Answer.NOT_TOLD: 1}
    assert result.share == 1.0
    lib(document)["licenses"] = [
        {"license": {"name": "ours", "acknowledgement": "concluded"}},
    ]
    assert unmet(measured(document, "bsi-tr-03183-2")) == {"distribution-licences"}


def test_files_are_not_asked_for_what_packages_have() -> None:
    document = whole()
    document["components"].append(
        {"type": "file", "name": "/etc/passwd", "hashes": [{"alg": "SHA-1", "content": "ab" * 20}]}
    )
    assert measured(document, "ntia-2021").packages == 2


def test_a_document_without_packages_meets_no_rule_of_packages() -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    found = measured(document, "ntia-2021")
    assert not found.ok
    assert found.score < 20


def test_many_packages_make_one_finding_a_rule_and_a_row_each_only_when_asked() -> None:
    document = whole()
    document["components"] = [component(f"lib{n}", version="") for n in range(3000)]
    found = measured(document, "ntia-2021")
    (finding,) = [f for f in found if f.rule == "component-version"]
    assert finding.message.startswith("its version: 1 of 3,001 packages (3,000 missing)")
    assert finding.pointer == "/components/0"
    rows = list(found.per_package())
    assert len(rows) == 3001
    assert rows[1]["name"] == "lib0"
    assert rows[1]["component-version"] == "missing"
    assert tuple(rows[1]) == found.package_columns


def test_xml_answers_like_the_json_of_the_same_document() -> None:
    xml = b"""<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
     <metadata>
      <timestamp>2026-01-02T03:04:05Z</timestamp>
      <lifecycles><lifecycle><phase>build</phase></lifecycle></lifecycles>
      <tools><tool><name>m</name></tool></tools>
      <manufacturer><name>Acme</name><contact><email>oss@acme.example</email></contact></manufacturer>
     </metadata>
     <components>
      <component type="library" bom-ref="a">
       <manufacturer><name>Acme</name><url>https://acme.example</url></manufacturer>
       <name>a</name><version>1</version>
       <hashes><hash alg="SHA-256">%s</hash></hashes>
       <licenses><expression>MIT</expression></licenses>
       <purl>pkg:generic/a@1</purl>
      </component>
     </components>
     <dependencies><dependency ref="a"/></dependencies>
     <compositions><composition><aggregate>complete</aggregate>
      <dependencies><dependency ref="a"/></dependencies></composition></compositions>
    </bom>""" % (b"ab" * 32)
    sbom = pv.read_sbom(xml)
    assert list(sbom.validate()) == []
    assert unmet(sbom.quality("ntia-2021")) == set()
    assert unmet(sbom.quality("cisa-2025")) == set()


def spdx() -> dict[str, Any]:
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "made",
        "documentNamespace": "https://example.org/made",
        "creationInfo": {
            "created": "2026-01-02T03:04:05Z",
            "creators": ["Tool: maker-1", "Organization: Acme (oss@acme.example)"],
        },
        "documentDescribes": ["SPDXRef-app"],
        "packages": [spdx_package("app"), spdx_package("lib")],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-app",
                "relationshipType": "DEPENDS_ON",
                "relatedSpdxElement": "SPDXRef-lib",
            }
        ],
    }


def spdx_package(name: str) -> dict[str, Any]:
    return {
        "SPDXID": f"SPDXRef-{name}",
        "name": name,
        "versionInfo": "1.0",
        "downloadLocation": "NOASSERTION",
        "supplier": "Organization: Acme",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "MIT",
        "checksums": [{"algorithm": "SHA256", "checksumValue": "ab" * 32}],
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:generic/{name}@1.0",
            }
        ],
    }


def test_spdx_2_meets_ntia_and_cisa_but_for_what_it_cannot_say() -> None:
    assert measured(spdx(), "ntia-2021").ok
    found = measured(spdx(), "cisa-2025")
    assert found.ok
    assert found["generation-context"].answer is Answer.NOT_TOLD


def test_bsi_takes_no_spdx_2() -> None:
    assert "format" in unmet(measured(spdx(), "bsi-tr-03183-2"))


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("supplier", "NOASSERTION", "supplier-name"),
        ("versionInfo", "NOASSERTION", "component-version"),
        ("externalRefs", [], "other-identifiers"),
    ],
)
def test_spdx_2_without_an_element_of_ntia(field: str, value: Any, rule: str) -> None:
    document = spdx()
    document["packages"][1][field] = value
    found = measured(document, "ntia-2021")
    assert [f.rule for f in found if f.severity is Severity.ERROR] == [rule]
    assert found[rule].pointers == ("/packages/1",)


def test_a_licence_of_noassertion_is_stated_to_be_unknown() -> None:
    document = spdx()
    document["packages"][1]["licenseDeclared"] = "NOASSERTION"
    result = measured(document, "cisa-2025")["license"]
    assert result.counts == {Answer.MET: 1, Answer.STATED_UNKNOWN: 1}


def spdx3() -> dict[str, Any]:
    """As section 8.2 of TR-03183-2 maps its fields to SPDX 3.0.1."""
    base = "https://example.org/"

    def element(kind: str, name: str, /, **fields: Any) -> dict[str, Any]:
        return {"type": kind, "spdxId": base + name, "creationInfo": "_:info"} | fields

    def relation(name: str, source: str, kind: str, target: str) -> dict[str, Any]:
        fields = {"from": base + source, "relationshipType": kind, "to": [base + target]}
        return element("Relationship", name, completeness="complete", **fields)

    email = {
        "type": "ExternalIdentifier",
        "externalIdentifierType": "email",
        "identifier": "oss@acme.example",
    }
    return {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {
                "type": "CreationInfo",
                "@id": "_:info",
                "created": "2026-01-02T03:04:05Z",
                "createdBy": [base + "acme"],
                "createdUsing": [base + "maker"],
                "specVersion": "3.0.1",
            },
            element("Organization", "acme", name="Acme", externalIdentifier=[email]),
            element("Tool", "maker", name="maker"),
            element("SpdxDocument", "document", rootElement=[base + "sbom"]),
            element(
                "software_Sbom", "sbom", rootElement=[base + "app"], software_sbomType=["build"]
            ),
            element(
                "software_Package",
                "app",
                name="app",
                software_packageVersion="1.0",
                software_packageUrl="pkg:generic/app@1.0",
                originatedBy=[base + "acme"],
                suppliedBy=base + "acme",
            ),
            element(
                "software_File",
                "file",
                name="app.tar.gz",
                comment="software_additionalPurpose: properties of BSI TR-03183-2",
                software_additionalPurpose=["archive", "container"],
                verifiedUsing=[{"type": "Hash", "algorithm": "sha512", "hashValue": SHA_512}],
            ),
            element(
                "simplelicensing_LicenseExpression",
                "license",
                simplelicensing_licenseExpression="MIT",
            ),
            relation("r1", "app", "hasDistributionArtifact", "file"),
            relation("r2", "app", "hasConcludedLicense", "license"),
            relation("r3", "app", "contains", "file"),
        ],
    }


@pytest.mark.parametrize("rules", RULE_SETS)
def test_spdx_3_that_says_everything_meets_every_rule(rules: str) -> None:
    sbom = pv.read_sbom(json.dumps(spdx3()).encode())
    assert list(sbom.validate()) == []
    found = sbom.quality(rules)
    assert unmet(found) == set()
    assert found.score == 100.0


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("hasDistributionArtifact", {"filename", "sha-512", "executable", "archive", "structured"}),
        ("hasConcludedLicense", {"distribution-licences"}),
        ("contains", {"dependencies"}),
    ],
)
def test_spdx_3_without_a_relationship(kind: str, rules: set[str]) -> None:
    document = spdx3()
    graph = document["@graph"]
    document["@graph"] = [x for x in graph if x.get("relationshipType") != kind]
    assert unmet(measured(document, "bsi-tr-03183-2")) == rules


def test_rules_that_are_not_known_are_refused_with_those_that_are() -> None:
    sbom = pv.read_sbom(json.dumps(whole()).encode())
    with pytest.raises(pv.UnsupportedFormat, match="ntia-2021, cisa-2025, bsi-tr-03183-2"):
        sbom.quality("ntia-2020")


def test_every_rule_has_a_clause_and_a_name_of_its_own() -> None:
    for rules in RULE_SETS.values():
        names = [rule.id for rule in rules.rules]
        assert len(names) == len(set(names))
        for rule in rules.rules:
            assert rule.clause
            assert rule.title
            assert (rule.of_document is None) is not (rule.of_package is None)


def test_times_have_a_date_and_an_hour() -> None:
    assert told_time("2026-01-02T03:04:05Z")
    assert told_time("2026-01-02T03:04:05.5+01:00")
    assert not told_time("2026-01-02")
    assert not told_time("yesterday")
    assert told("Acme, Inc. of the long name that is no word")


def test_it_shows_itself_escaped_in_a_line_a_table_and_html() -> None:
    found = measured(whole(), "ntia-2021")
    assert repr(found) == "Quality(ntia-2021: ok, 100 of 100)"
    html = found._repr_html_()
    assert "NTIA minimum elements (2021)" in html
    assert "<script" not in html
    assert found.__rich__().row_count == len(found.results)
    report = pv.read_sbom(json.dumps(whole()).encode()).validate()
    assert "<script" not in report._repr_html_()


def test_a_report_escapes_what_strangers_wrote() -> None:
    document = whole()
    lib(document)["purl"] = "<script>alert(1)</script>"
    report = pv.read_sbom(json.dumps(document).encode()).validate()
    assert "<script>alert" not in report._repr_html_()
    assert "&lt;script&gt;" in report._repr_html_()
    assert report.__rich__().row_count == len(report)


JSON = st.recursive(
    st.none() | st.integers(-2, 2) | st.sampled_from(["", "a", "NOASSERTION", "Person: a (b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("name", "version", "licenses", "hashes", "properties", "externalReferences"),
                    *("supplier", "manufacturer", "authors", "component", "components", "tools"),
                    *("ref", "dependsOn", "assemblies", "aggregate", "SPDXID", "externalRefs"),
                    *("type", "spdxId", "from", "to", "relationshipType", "creationInfo"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
KEYS = st.sampled_from(
    [
        *("metadata", "components", "dependencies", "compositions", "vulnerabilities"),
        *("packages", "relationships", "creationInfo", "documentDescribes", "@graph"),
    ]
)


@given(
    st.dictionaries(KEYS, JSON),
    st.sampled_from(
        [
            {"bomFormat": "CycloneDX", "specVersion": "1.6"},
            {"spdxVersion": "SPDX-2.3"},
            {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"},
        ]
    ),
    st.sampled_from(sorted(RULE_SETS)),
)
def test_any_document_is_measured(fields: dict[str, Any], head: dict[str, Any], rules: str) -> None:
    found = measured(head | fields, rules)
    assert 0 <= found.score <= 100
    assert sum(1 for _ in found.per_package()) == found.packages
    found._repr_html_()


def test_measuring_changes_nothing_and_a_sbom_still_pickles() -> None:
    document = whole()
    before = copy.deepcopy(document)
    sbom = pv.read_sbom(json.dumps(document).encode())
    sbom.quality("cisa-2025")
    assert document == before
    assert pickle.loads(pickle.dumps(sbom)) == sbom


def cyclonedx_with(dependencies: Any) -> Any:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "application", "bom-ref": "app", "name": "app"}},
        "components": [{"type": "library", "bom-ref": "lib", "name": "lib"}],
        "services": [{"bom-ref": "service", "name": "service"}],
        "dependencies": dependencies,
    }


def spdx_with(relationships: Any) -> Any:
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "packages": [
            {"SPDXID": "SPDXRef-app", "name": "app"},
            {"SPDXID": "SPDXRef-lib", "name": "lib"},
        ],
        "relationships": [
            dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), x, strict=True))
            for x in relationships
        ],
    }


def spdx_3_with(to: Any) -> Any:
    info = {"type": "CreationInfo", "@id": "_:i", "specVersion": "3.0.1"}
    edge = {"type": "Relationship", "spdxId": "urn:r", "from": "urn:app", "to": to}
    packages = [
        {"type": "software_Package", "spdxId": f"urn:{x}", "name": x} for x in ("app", "lib")
    ]
    graph = [info, *packages, edge | {"relationshipType": "dependsOn"}]
    return {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph}


APP, LIB = "SPDXRef-app", "SPDXRef-lib"
RELATED: list[tuple[str, Any, set[str]]] = [
    ("to what is there", cyclonedx_with([{"ref": "app", "dependsOn": ["lib"]}]), {"app", "lib"}),
    ("to nothing that is there", cyclonedx_with([{"ref": "app", "dependsOn": ["x"]}]), set()),
    ("from nothing that is there", cyclonedx_with([{"ref": "x", "dependsOn": ["lib"]}]), set()),
    ("of none", cyclonedx_with([{"ref": "app"}]), {"app"}),
    ("to a service", cyclonedx_with([{"ref": "app", "dependsOn": ["service"]}]), {"app"}),
    ("elsewhere", cyclonedx_with([{"ref": "app", "dependsOn": ["urn:cdx:a/1#b"]}]), {"app"}),
    ("to what is there, SPDX", spdx_with([(APP, "DEPENDS_ON", LIB)]), {"app", "lib"}),
    ("to nothing, SPDX", spdx_with([(APP, "DEPENDS_ON", "SPDXRef-x")]), set()),
    ("from nothing, SPDX", spdx_with([("SPDXRef-x", "CONTAINS", LIB)]), set()),
    ("of none, SPDX", spdx_with([(APP, "DEPENDS_ON", "NONE")]), {"app"}),
    ("elsewhere, SPDX", spdx_with([(APP, "DEPENDS_ON", "DocumentRef-a:SPDXRef-b")]), {"app"}),
    ("to what is there, SPDX 3", spdx_3_with(["urn:lib"]), {"app", "lib"}),
    ("to nothing, SPDX 3", spdx_3_with(["urn:x"]), set()),
    ("of none, SPDX 3", spdx_3_with([]), {"app"}),
]


@pytest.mark.parametrize("rules", ["ntia-2021", "cisa-2025"])
@pytest.mark.parametrize(
    ("document", "related"), [x[1:] for x in RELATED], ids=[x[0] for x in RELATED]
)
def test_a_dependency_on_what_is_nowhere_is_no_relationship(
    document: Any, related: set[str], rules: str
) -> None:
    """NTIA 2021, Data Fields: "the relationship that an upstream component X is included in Y"."""
    quality = pv.read_sbom(json.dumps(document).encode()).quality(rules)
    assert quality["dependencies"].met == len(related)
