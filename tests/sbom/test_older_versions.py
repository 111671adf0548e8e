"""Documents of versions before CycloneDX 1.4 and SPDX 2.3: valid, and honest about what is lost."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from cyclonedx.model.bom import Bom
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.parser.tagvalue.parser import Parser
from tests.sbom.test_conversion import CYCLONEDX, SPDX, read, unordered

from provenance.packages.package import ListedFile, Package
from provenance.sbom import Format, Sbom, Subject, read_sbom

OLDER = [
    form for form in Format if form.writable and form.version in ("1.0", "1.1", "1.2", "1.3", "2.2")
]
NAMES = [form.value for form in OLDER]


def schema_errors(sbom: Sbom) -> list[str]:
    return [x.message for x in sbom.validate() if x.rule == "schema"]


def pointers(losses: Any) -> set[str]:
    return {x.pointer for x in losses}


pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated from CycloneDX")


def cyclonedx(sbom: Sbom) -> Any:
    """As the project's own library reads it."""
    raw = sbom.to_bytes()
    if sbom.format.syntax == "xml":
        return Bom.from_xml(ET.fromstring(raw))  # type: ignore[attr-defined]
    return Bom.from_json(json.loads(raw))  # type: ignore[attr-defined]


@pytest.mark.parametrize("document", [CYCLONEDX, SPDX], ids=["cyclonedx", "spdx"])
@pytest.mark.parametrize("form", OLDER, ids=NAMES)
def test_they_are_valid_and_what_is_carried_returns(form: Format, document: Any) -> None:
    before = read(document)
    there, losses = before.convert(form)
    assert there.format is form
    assert schema_errors(there) == []
    assert read_sbom(there.to_bytes()).format is form
    if form.carries:
        assert list(losses) == []
        back, more = read_sbom(there.to_bytes()).convert(before.format)
        assert list(more) == []
        assert unordered(json.loads(back.to_bytes())) == unordered(document)
    else:
        assert len(losses) > 0
        assert b"provenance:" not in there.to_bytes()


@pytest.mark.parametrize("form", OLDER, ids=NAMES)
def test_the_syntax_of_a_version_is_named_as_syft_names_it(form: Format) -> None:
    syntax = "json" if form.syntax in ("json", "yaml") else form.syntax
    if form.syntax != "yaml":
        assert Format.parse(f"{form.family}-{syntax}@{form.version}") is form


def test_what_1_2_has_no_place_for_is_in_the_report_and_nothing_else() -> None:
    """Source: bom-1.2-strict.schema.json. What it has fields for is not reported."""
    there, losses = read(CYCLONEDX).convert("cyclonedx-1.2")
    assert pointers(losses) == {
        "/components/*/authors/*/email",
        "/components/*/authors/*/name",  # of two authors one text is made
        "/components/*/licenses/*/license/acknowledgement",
        "/components/*/properties/*/name",
        "/components/*/properties/*/value",
        "/compositions/*/aggregate",
        "/compositions/*/assemblies/*",
        "/metadata/lifecycles/*/phase",
        "/metadata/tools/components/*/type",
        "/vulnerabilities/*/affects/*/ref",
        "/vulnerabilities/*/id",
    }
    found = json.loads(there.to_bytes())
    assert found["components"][0]["author"] == "Ada, Bob"
    assert found["metadata"]["tools"] == [{"name": "maker", "version": "2"}]
    assert [x["version"] for x in found["components"]] == ["1", "", "2"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_without_metadata_what_is_described_is_the_first_component(version: str) -> None:
    there, losses = read(CYCLONEDX).convert(f"cyclonedx-{version}-xml")
    found = {p.name for p in there.packages}
    assert there.packages[0].name == "app"
    assert found == {"app", "left", "inner", "nameless", "right"}
    said = pointers(losses)
    assert {"/metadata/component", "/dependencies/*/ref", "/services/*/name"} <= said
    assert "/components/*/name" not in said
    assert ("/components/*/bom-ref" in said) is (version == "1.0")
    assert ("/components/*/externalReferences/*/url" in said) is (version == "1.0")


def test_an_expression_is_a_name_in_1_0() -> None:
    """The schema of 1.0 knows licences alone."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [
            {"type": "library", "name": "a", "licenses": [{"expression": "MIT OR Apache-2.0"}]}
        ],
    }
    there, losses = read(document).convert("cyclonedx-1.0-xml")
    assert there.packages[0].licenses == ("MIT OR Apache-2.0",)
    assert schema_errors(there) == []
    assert list(losses) == []


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.4", "1.5"])
def test_xml_before_1_6_has_one_expression_or_licences(version: str) -> None:
    mixed = [{"expression": "MIT OR Apache-2.0"}, {"license": {"id": "ISC"}}]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "components": [{"type": "library", "name": "a", "licenses": mixed}],
    }
    there, _ = read(document).convert(f"cyclonedx-{version}-xml")
    assert schema_errors(there) == []
    assert there.packages[0].licenses == ("MIT OR Apache-2.0", "ISC")


def test_texts_are_one_line_in_1_2() -> None:
    """The schema's pattern `^(.*)$`."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{"type": "library", "name": "a", "version": "1", "description": "b\n  c"}],
    }
    there, losses = read(document).convert("cyclonedx-1.2")
    assert there.packages[0].description == "b c"
    assert schema_errors(there) == []
    assert pointers(losses) == {"/components/*/description"}


def test_what_xml_cannot_carry_is_lost_where_there_are_no_properties() -> None:
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [{"type": "library", "name": "a\x01", "version": "1"}],
    }
    there, losses = read(document).convert("cyclonedx-1.2-xml")
    assert schema_errors(there) == []
    assert pointers(losses) == {"/components/*/name"}


CONTENTS: dict[str, Any] = {
    "subject": Subject("app", "1", "pkg:generic/app@1", type="application"),
    "packages": [
        Package(
            "left",
            "1",
            type="npm",
            purl="pkg:npm/left@1",
            kind="framework",
            licenses=("MIT OR Apache-2.0",),
            hashes={"sha256": "a" * 64, "sha3384": "b" * 96, "blake3": "c" * 64},
            cpes=("cpe:2.3:a:acme:left:1:*:*:*:*:*:*:*",),
        ),
        Package("right", type="npm", purl="pkg:npm/right"),
    ],
    "dependencies": {"pkg:npm/left@1": ["pkg:npm/right"]},
    "files": [ListedFile("bin/left", hashes={"sha1": "d" * 40, "sha3256": "e" * 64})],
}


@pytest.mark.parametrize("form", OLDER, ids=NAMES)
def test_a_new_document_is_valid_and_read_again(form: Format) -> None:
    made = Sbom.build(**CONTENTS, form=form)
    assert schema_errors(made) == []
    found = read_sbom(made.to_bytes())
    packages = ["left", "right"]
    if form.version in ("1.0", "1.1"):
        packages.insert(0, "app")
    if form.version == "1.0":  # which has no word for files
        packages.append("bin/left")
    assert [p.name for p in found.packages] == packages
    left = found.packages.where(name="left")[0]
    assert (left.purl, left.licenses) == ("pkg:npm/left@1", ("MIT OR Apache-2.0",))
    if form.carries:
        assert left.hashes == CONTENTS["packages"][0].hashes
        assert left.kind == "framework"
        assert found.subject is not None
        assert (found.subject.name, found.subject.type) == ("app", "application")
        assert [f.hashes for f in found.files] == [CONTENTS["files"][0].hashes]


@pytest.mark.parametrize(
    "form", [f for f in OLDER if f.family == "cyclonedx"], ids=lambda f: str(f.value)
)
def test_the_library_of_cyclonedx_reads_the_same(form: Format) -> None:
    found = cyclonedx(read(CYCLONEDX).convert(form)[0])
    listed = {x.name: x for x in found.components}
    described = {"app"} if form.version in ("1.0", "1.1") else set()
    assert set(listed) == {"left", "nameless", "right"} | described
    left = listed["left"]
    assert str(left.purl) == "pkg:npm/%40acme/left@1"
    assert left.version == "1"
    assert {x.content for x in left.hashes} == {"a" * 64, "b" * 32}
    assert [x.name for x in left.components] == ["inner"]
    if form.version not in ("1.0", "1.1"):
        assert found.metadata.component.name == "app"
        assert left.supplier.name == "Acme"
        edges = {
            (str(a.ref.value), str(b.ref.value)) for a in found.dependencies for b in a.dependencies
        }
        assert ("root", "pkg:npm/left@1") in edges


@pytest.mark.parametrize("name", ["spdx-2.2", "spdx-2.2-tag-value"])
def test_the_library_of_spdx_reads_the_same(name: str) -> None:
    raw = read(SPDX).to_bytes(name)
    if name == "spdx-2.2":
        document = JsonLikeDictParser().parse(json.loads(raw))  # type: ignore[no-untyped-call]
    else:
        # Tables that it writes into its own folder, by default.
        parser = Parser(debug=False, write_tables=False)  # type: ignore[no-untyped-call]
        document = parser.parse(raw.decode())  # type: ignore[no-untyped-call]
    assert document.creation_info.spdx_version == "SPDX-2.2"
    left = next(p for p in document.packages if p.name == "left")
    purls = [x.locator for x in left.external_references if x.reference_type == "purl"]
    assert purls == ["pkg:npm/left@1", "pkg:npm/left@2"]
    assert {x.category.name for x in left.external_references} == {"PACKAGE_MANAGER", "SECURITY"}


def test_spdx_2_2_becomes_2_3_with_its_purls() -> None:
    """The word for package managers has an underscore in the one and a dash in the other."""
    older = read(SPDX).convert("spdx-2.2")[0]
    document = json.loads(older.to_bytes())
    for item in (document, *document["packages"], *document["files"]):
        item.pop("annotations", None)  # what is carried of 2.3
    newer, losses = read(document).convert("spdx-2.3")
    assert list(losses) == []
    left = next(p for p in json.loads(newer.to_bytes())["packages"] if p["name"] == "left")
    said = {x["referenceCategory"] for x in left["externalRefs"]}
    assert said == {"PACKAGE-MANAGER", "SECURITY"}
    assert schema_errors(newer) == []


@pytest.mark.parametrize("form", OLDER, ids=NAMES)
@pytest.mark.parametrize(
    "change",
    [
        {"bomFormat": "NOASSERTION", "components": []},
        {"version": {}},
        {"components": {}},
        {"components": [{"type": {"a": 1}, "name": "x"}]},
        {"components": [{"type": "library", "name": "x", "hashes": [{"alg": ["MD5"]}]}]},
        {"components": [{"type": "library", "name": "x", "properties": [{"value": "no name"}]}]},
    ],
)
def test_what_has_another_type_than_it_should_makes_nothing_invalid(
    form: Format, change: dict[str, Any]
) -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, **change}
    before = read(document)
    there, losses = before.convert(form)
    assert schema_errors(there) == []
    if form.carries:
        assert list(losses) == []
        back, more = read_sbom(there.to_bytes()).convert(before.format)
        assert list(more) == []
        assert unordered(json.loads(back.to_bytes())) == unordered(document)


def component(**more: Any) -> dict[str, Any]:
    return {"components": [{"type": "library", "name": "x", **more}]}


@pytest.mark.parametrize("form", [f for f in Format if f.writable and f.syntax == "xml"])
@pytest.mark.parametrize(
    "change",
    [
        component(cpe=""),
        component(cpe="nonsense"),
        component(purl="pkg:npm/50%"),
        component(purl="pkg:npm/a?b=[c]"),
        component(externalReferences=[{"type": "website", "url": "::"}]),
        component(externalReferences=[{"type": "website", "url": "http://[x/%zz"}]),
        component(licenses=[{"license": {"id": "MIT", "url": "%%%"}}]),
        component(swid={"tagId": "x", "name": "x", "tagVersion": 1.0}),
        {"version": 1.0},
    ],
)
def test_what_json_takes_and_xml_does_not_makes_nothing_invalid(
    form: Format, change: dict[str, Any]
) -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, **change}
    before = read(document)
    there, losses = before.convert(form)
    assert schema_errors(there) == []
    if form.carries:
        assert list(losses) == []
        back, more = read_sbom(there.to_bytes()).convert(before.format)
        assert list(more) == []
        assert unordered(json.loads(back.to_bytes())) == unordered(document)
    elif "version" not in change and "swid" not in change["components"][0]:
        assert len(losses) > 0


@pytest.mark.parametrize("cpe", ["cpe:/a:acme:x:1", "cpe:2.3:a:acme:x:1:*:*:*:*:*:*:*"])
def test_a_cpe_that_xml_takes_stays(cpe: str) -> None:
    there, _ = read(
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, **component(cpe=cpe)}
    ).convert("cyclonedx-1.3-xml")
    assert f"<cpe>{cpe}</cpe>".encode() in there.to_bytes()


def test_what_a_version_demands_hides_no_loss() -> None:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.7", "version": 1}
    document |= component(isExternal=False, copyright="")
    _, losses = read(document).convert("cyclonedx-1.0-xml")
    assert "/components/*/isExternal" in pointers(losses)
