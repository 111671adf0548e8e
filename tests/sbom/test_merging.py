"""Products put together from parts that one can see through."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import provenance as pv
from provenance.digests import Digest
from provenance.errors import UnsupportedFormat
from provenance.packages.os_release import OsRelease
from provenance.packages.package import ListedFile, Location, Package
from provenance.sbom import Format, Sbom, Subject, read_sbom

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Digest.of(b"layer")
LIBC = Package(
    *("libc6", "2.36", "deb", "pkg:deb/debian/libc6@2.36"),
    licenses=("LGPL-2.1-only",),
    locations=(Location("var/lib/dpkg/status", LAYER),),
)
NODE = Package("node", "20", "deb", "pkg:deb/debian/node@20")
LEFT = Package("left-pad", "1.3.0", "npm", "pkg:npm/left-pad@1.3.0", hashes={"sha256": "a" * 64})


def part(name: str, *packages: Package, form: Format = Format.CYCLONEDX_1_6, **more: Any) -> Sbom:
    digest = Digest.of(name.encode())
    subject = Subject(name, str(digest), f"pkg:oci/{name}@{digest}", digest, "container")
    return read_sbom(Sbom.build(subject=subject, packages=packages, form=form, **more).to_bytes())


WEB = part("web", LIBC, NODE, LEFT, dependencies={LEFT.purl: [NODE.purl], NODE.purl: [LIBC.purl]})
API = part("api", LIBC, dependencies={})
FORMS = ["cyclonedx-1.6", "cyclonedx-1.4", "spdx-2.3", "spdx-3.0"]
FORMS += [f.value for f in Format if f.writable and f.carries and f.syntax == "xml"]


def names(sbom: Sbom) -> list[str]:
    return sorted(p.name for p in sbom.packages)


@pytest.mark.parametrize("form", FORMS)
def test_hierarchical_every_part_contains_its_packages(form: str) -> None:
    found = read_sbom(
        pv.merge_sboms([WEB, API], name="shop", version="1.0", format=form).to_bytes()
    )
    assert found.validate().ok
    assert found.subject is not None
    assert (found.subject.name, found.subject.version) == ("shop", "1.0")
    assert names(found) == ["api", "left-pad", "libc6", "libc6", "node", "web"]
    ids = [p.id for p in found.packages]
    assert len(set(ids)) == len(ids)
    edges = {(e.kind, e.source.name, e.target.name) for e in found.dependencies.typed_edges()}
    assert {
        *(("contains", "web", name) for name in ("left-pad", "node", "libc6")),
        ("contains", "api", "libc6"),
        ("depends-on", "left-pad", "node"),
        ("depends-on", "node", "libc6"),
        ("depends-on", "web", "left-pad"),
        ("depends-on", "api", "libc6"),
    } == edges
    held = [e.target for e in found.dependencies.typed_edges() if e.source.name == "api"]
    web = next(p for p in found.packages if p.name == "web")
    assert held[0] not in found.dependencies.of(web)


@pytest.mark.parametrize("form", FORMS)
def test_flat_what_is_the_same_is_there_once(form: str) -> None:
    elsewhere = Location("lib/apk", Digest.of(b"other"))
    copy = Package(*("libc6", "2.36", "deb", LIBC.purl), supplier="Debian", locations=(elsewhere,))
    parts = [WEB, part("api", copy)]
    merged = pv.merge_sboms(parts, name="shop", hierarchical=False, format=form)
    found = read_sbom(merged.to_bytes())
    assert found.validate().ok
    assert names(found) == ["api", "left-pad", "libc6", "node", "web"]
    libc = next(p for p in found.packages if p.name == "libc6")
    assert libc.licenses == ("LGPL-2.1-only",)
    assert libc.supplier == "Debian"
    assert [x.path for x in libc.locations] == ["var/lib/dpkg/status", "lib/apk"]
    ways = {" ".join(p.name for p in way) for way in found.dependencies.paths_to(LIBC.purl)}
    assert ways == {"web left-pad node libc6", "api libc6"}
    assert not [f for f in merged.findings if f.rule == "merge-conflict"]


def test_a_part_is_referred_to_by_digest_and_document() -> None:
    found = read_sbom(pv.merge_sboms([WEB, API], name="shop").to_bytes())
    for sbom in (WEB, API):
        assert sbom.subject is not None
        component = next(p for p in found.packages if p.purl == sbom.subject.purl)
        assert component.kind == "container"
        assert sbom.subject.digest is not None
        assert component.hashes["sha256"] == sbom.subject.digest.hex
        other = found.others[component.id]
        assert other.uri == sbom.uri
        assert other.hashes == {"sha256": hashlib.sha256(sbom.to_bytes()).hexdigest()}


def test_cyclonedx_lists_what_is_in_a_part_inside_of_it() -> None:
    document = json.loads(pv.merge_sboms([WEB, API], name="shop").to_bytes())
    assert {c["name"]: len(c["components"]) for c in document["components"]} == {"web": 3, "api": 1}


def test_other_readers_see_parts_packages_and_edges(tmp_path: Path) -> None:
    from cyclonedx.model.bom import Bom
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    merged = pv.merge_sboms([WEB, API], name="shop")
    bom: Any = Bom.from_json(json.loads(merged.to_bytes()))  # type: ignore[attr-defined]
    assert {c.name: sorted(x.name for x in c.components) for c in bom.components} == {
        "web": ["left-pad", "libc6", "node"],
        "api": ["libc6"],
    }
    assert len(bom.dependencies) == 7
    file = merged.write(tmp_path / "shop.spdx.json", format="spdx-2.3")
    document = parse_file(str(file))
    assert validate_full_spdx_document(document) == []
    assert len(document.packages) == 7


def test_what_has_other_bytes_is_another_package() -> None:
    other = Package(*("left-pad", "1.3.0", "npm", LEFT.purl), hashes={"sha256": "b" * 64})
    merged = pv.merge_sboms([WEB, part("api", other)], name="shop", hierarchical=False)
    assert names(merged).count("left-pad") == 2
    assert merged.validate().ok


def test_what_contradicts_is_told() -> None:
    other = Package(*("libc6", "2.36", "deb", LIBC.purl), licenses=("MIT",))
    merged = pv.merge_sboms([WEB, part("api", other)], name="shop", hierarchical=False)
    (conflict,) = [f for f in merged.findings if f.rule == "merge-conflict"]
    assert "licenses of 1 packages in part 1 (api)" in conflict.message


def test_the_same_document_twice_is_one_part() -> None:
    merged = pv.merge_sboms([WEB, API, WEB], name="shop")
    assert merged.to_bytes() == pv.merge_sboms([WEB, API], name="shop").to_bytes()
    assert [f.rule for f in merged.findings] == ["merged-once"]


def test_what_was_not_taken_is_told() -> None:
    document = json.loads(WEB.to_bytes())
    document["vulnerabilities"] = [{"id": "CVE-2026-1"}, {"id": "CVE-2026-2"}]
    document["components"][0]["modified"] = True
    document["dependencies"][1]["dependsOn"] = ["nobody"]
    document["metadata"]["lifecycles"] = [{"phase": "build"}]
    web = read_sbom(json.dumps(document).encode())
    found = pv.merge_sboms([web], name="shop").findings
    assert [(f.rule, f.message) for f in found] == [
        ("dangling-edge", "1 edges of part 0 (web) lead to what is no package"),
        ("not-merged", "1 of /metadata/lifecycles/*/phase in part 0 (web)"),
    ]
    found = pv.merge_sboms([web], name="shop", format="spdx-2.3").findings
    said = [(f.rule, f.message) for f in found]
    assert ("not-merged", "2 of /vulnerabilities/*/id in part 0 (web)") in said
    assert ("not-merged", "1 of /components/*/modified in part 0 (web)") in said
    # Pointers are the part's own, not those of what was made of it.
    assert all(f.pointer.startswith(("/vuln", "/comp", "/meta")) for f in found if f.pointer)


def full(name: str, version: str = "1") -> dict[str, Any]:
    """A document that says much of its components, by references of every kind."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "root",
                "name": name,
                "version": version,
                "scope": "required",
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": "lib",
                "name": "lib",
                "purl": "pkg:npm/lib@1",
                "scope": "optional",
                "pedigree": {"notes": f"forked for {name}"},
                "properties": [{"name": "theirs", "value": name}],
                "components": [{"type": "library", "bom-ref": "inner", "name": "inner"}],
            },
            {"type": "file", "bom-ref": "a-file", "name": "bin/lib"},
        ],
        "services": [{"bom-ref": "service", "name": f"{name}-service"}],
        "dependencies": [
            {"ref": "root", "dependsOn": ["lib", "service"]},
            {"ref": "service", "dependsOn": ["lib"]},
        ],
        "compositions": [{"aggregate": "complete", "assemblies": ["root", "lib"]}],
        "vulnerabilities": [
            {
                "bom-ref": "vulnerability",
                "id": "CVE-2026-1",
                "analysis": {"state": "not_affected", "detail": f"in {name}"},
                "affects": [{"ref": "lib"}, {"ref": "urn:cdx:other/1#x"}],
            }
        ],
        "annotations": [
            {
                "bom-ref": "annotation",
                "subjects": ["lib", "service", "gone"],
                "annotator": {"individual": {"name": "Ada"}},
                "timestamp": "2026-01-02T03:04:05Z",
                "text": f"of {name}",
            }
        ],
        "formulation": [
            {
                "bom-ref": "formula",
                "workflows": [
                    {
                        "bom-ref": "workflow",
                        "uid": "1",
                        "taskTypes": ["build"],
                        "resourceReferences": [{"ref": "lib"}],
                    }
                ],
            }
        ],
    }


def as_read(*documents: Any) -> list[Sbom]:
    return [read_sbom(json.dumps(document).encode()) for document in documents]


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every object with a `bom-ref`, by that; twice the same is an error."""
    found: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "bom-ref" in value:
                assert value["bom-ref"] not in found
                found[value["bom-ref"]] = value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found


@pytest.mark.parametrize("hierarchical", [True, False])
def test_what_is_said_of_components_leads_to_them_under_their_new_names(
    hierarchical: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    parts = as_read(full("one"), full("two"))
    merged = pv.merge_sboms(parts, name="shop", hierarchical=hierarchical)
    assert merged.validate().ok
    document = json.loads(merged.to_bytes())
    known = by_name(document)
    for number, name in enumerate(("one", "two")):
        vulnerability = document["vulnerabilities"][number]
        assert vulnerability["analysis"]["detail"] == f"in {name}"
        lib, link = (x["ref"] for x in vulnerability["affects"])
        assert link == "urn:cdx:other/1#x"
        assert known[lib]["name"] == "lib"
        assert not hierarchical or known[lib]["pedigree"]["notes"] == f"forked for {name}"
        annotation = document["annotations"][number]
        assert annotation["text"] == f"of {name}"
        assert annotation["subjects"][0] == lib
        assert known[annotation["subjects"][1]]["name"] == f"{name}-service"
        assert annotation["subjects"][2] not in known  # as it was
        root, assembled = document["compositions"][number]["assemblies"]
        assert (known[root]["name"], assembled) == (name, lib)
        formula = document["formulation"][number]["workflows"][0]
        assert formula["resourceReferences"] == [{"ref": lib}]
        service = document["services"][number]["bom-ref"]
        edges = {x["ref"]: x.get("dependsOn", []) for x in document["dependencies"]}
        assert lib in edges[service]
        assert service in edges[root]


def words(value: Any) -> set[str]:
    """Every text and number of a document, whatever its place."""
    if isinstance(value, dict):
        return {x for key, inner in value.items() if key not in NAMES for x in words(inner)}
    if isinstance(value, list):
        return {x for inner in value for x in words(inner)}
    return {str(value)}


NAMES = {
    *("bom-ref", "ref", "dependsOn", "subjects", "assemblies", "serialNumber"),
    *("SPDXID", "spdxElementId", "relatedSpdxElement", "documentNamespace", "snippetFromFile"),
    *("reference", "hasFiles", "documentDescribes", "spdxVersion", "specVersion", "$schema"),
}


@pytest.mark.parametrize("hierarchical", [True, False])
@pytest.mark.parametrize("form", ["cyclonedx-1.4", "cyclonedx-1.6", "cyclonedx-1.7-xml"])
def test_every_leaf_of_a_part_is_in_the_product_or_told(
    form: str,
    hierarchical: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    parts = [full("one"), full("two")]
    merged = pv.merge_sboms(as_read(*parts), name="shop", hierarchical=hierarchical, format=form)
    assert merged.validate().ok
    there = words(json.loads(merged.to_bytes("cyclonedx-1.7")))
    told = " ".join(f.message for f in merged.findings)
    for part in parts:
        for key in part:
            missing = words(part[key]) - there - {"1.6"}
            assert not missing or f"/{key}" in told or "pedigree" in told, (key, missing)


def spdx_part(name: str) -> dict[str, Any]:
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://acme.example/{name}",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: maker-2"]},
        "packages": [
            {
                "SPDXID": f"SPDXRef-{own}",
                "name": name if own == "app" else own,
                "downloadLocation": "NOASSERTION",
                "filesAnalyzed": False,
                "licenseDeclared": "LicenseRef-1",
                "comment": f"{own} of {name}",
                "primaryPackagePurpose": "APPLICATION" if own == "app" else "LIBRARY",
            }
            for own in ("app", "lib")
        ],
        "files": [
            {
                "SPDXID": "SPDXRef-file",
                "fileName": "./bin/lib",
                "checksums": [{"algorithm": "SHA1", "checksumValue": "a" * 40}],
                "licenseInfoInFiles": ["LicenseRef-1"],
                "noticeText": f"notice of {name}",
            }
        ],
        "snippets": [
            {
                "SPDXID": "SPDXRef-snippet",
                "snippetFromFile": "SPDXRef-file",
                "name": f"snippet of {name}",
                "ranges": [
                    {
                        "startPointer": {"offset": 1, "reference": "SPDXRef-file"},
                        "endPointer": {"offset": 9, "reference": "SPDXRef-file"},
                    }
                ],
            }
        ],
        "annotations": [
            {
                "annotationDate": "2026-01-02T03:04:05Z",
                "annotationType": "REVIEW",
                "annotator": "Person: Ada",
                "comment": f"read {name}",
            }
        ],
        "externalDocumentRefs": [
            {
                "externalDocumentId": "DocumentRef-more",
                "spdxDocument": f"https://acme.example/{name}/more",
                "checksum": {"algorithm": "SHA1", "checksumValue": "b" * 40},
            }
        ],
        "hasExtractedLicensingInfos": [
            {"licenseId": "LicenseRef-1", "extractedText": f"terms of {name}"}
        ],
        "relationships": [
            {
                "spdxElementId": a,
                "relationshipType": kind,
                "relatedSpdxElement": b,
                "comment": f"{kind} in {name}",
            }
            for a, kind, b in (
                ("SPDXRef-app", "DEPENDS_ON", "SPDXRef-lib"),
                ("SPDXRef-lib", "CONTAINS", "SPDXRef-file"),
                ("SPDXRef-file", "GENERATED_FROM", "SPDXRef-snippet"),
                ("SPDXRef-app", "VARIANT_OF", "DocumentRef-more:SPDXRef-app"),
                ("SPDXRef-lib", "OTHER", "NOASSERTION"),
            )
        ]
        + [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-app",
            }
        ],
    }


@pytest.mark.parametrize("form", ["spdx-2.3", "spdx-2.2"])
def test_what_spdx_says_leads_to_elements_under_their_new_names(form: str) -> None:
    parts = [spdx_part("one"), spdx_part("two")]
    merged = pv.merge_sboms(as_read(*parts), name="shop", format=form)
    assert merged.validate().ok
    told = {f.pointer for f in merged.findings}
    assert told <= {"/name", "/packages/*/primaryPackagePurpose"}
    document = json.loads(merged.to_bytes())
    listed = [x for key in ("packages", "files", "snippets") for x in document[key]]
    known = {x["SPDXID"]: x for x in listed}
    assert len(known) == len(listed) == 9
    texts = {x["licenseId"]: x["extractedText"] for x in document["hasExtractedLicensingInfos"]}
    more = {x["externalDocumentId"]: x["spdxDocument"] for x in document["externalDocumentRefs"]}
    for name in ("one", "two"):
        (app,) = [x for x in document["packages"] if x.get("comment") == f"app of {name}"]
        (lib,) = [x for x in document["packages"] if x.get("comment") == f"lib of {name}"]
        (file,) = [x for x in document["files"] if x["noticeText"] == f"notice of {name}"]
        (snippet,) = [x for x in document["snippets"] if x["name"] == f"snippet of {name}"]
        assert texts[lib["licenseDeclared"]] == f"terms of {name}"
        assert texts[file["licenseInfoInFiles"][0]] == f"terms of {name}"
        assert snippet["snippetFromFile"] == file["SPDXID"]
        assert snippet["ranges"][0]["endPointer"]["reference"] == file["SPDXID"]
        assert [x["comment"] for x in app["annotations"]] == [f"read {name}"]
        said = {
            x["comment"]: (x["spdxElementId"], x["relatedSpdxElement"])
            for x in document["relationships"]
            if x.get("comment", "").endswith(f" in {name}")
        }
        assert said[f"DEPENDS_ON in {name}"] == (app["SPDXID"], lib["SPDXID"])
        assert said[f"CONTAINS in {name}"] == (lib["SPDXID"], file["SPDXID"])
        assert said[f"GENERATED_FROM in {name}"] == (file["SPDXID"], snippet["SPDXID"])
        assert said[f"OTHER in {name}"] == (lib["SPDXID"], "NOASSERTION")
        other, _, element = said[f"VARIANT_OF in {name}"][1].partition(":")
        assert (more[other], element) == (f"https://acme.example/{name}/more", "SPDXRef-app")


@pytest.mark.parametrize(
    ("tools", "pointers"),
    [
        ([{"vendor": "Acme", "name": "maker", "version": "2"}], {"/metadata/tools/*/vendor"}),
        (
            {
                "components": [{"type": "application", "name": "maker", "scope": "required"}],
                "services": [{"name": "builds"}],
            },
            {"/metadata/tools/components/*/scope", "/metadata/tools/services/*/name"},
        ),
    ],
)
def test_what_is_said_of_tools_besides_their_names_is_told(tools: Any, pointers: set[str]) -> None:
    document = full("one")
    document["metadata"]["tools"] = tools
    merged = pv.merge_sboms(as_read(document), name="shop")
    assert any("maker" in tool for tool in merged.tools)
    assert {f.pointer for f in merged.findings} == pointers


def test_a_name_that_leads_nowhere_leads_to_nothing_of_another_part() -> None:
    one, two = full("one"), full("two")
    one["vulnerabilities"][0]["affects"] = [{"ref": "only-in-two"}]
    two["components"].append({"type": "library", "bom-ref": "only-in-two", "name": "x"})
    for parts in ((one, two), (two, one)):
        document = json.loads(pv.merge_sboms(as_read(*parts), name="shop").to_bytes())
        known = by_name(document)
        (said,) = [x for x in document["vulnerabilities"] if x["analysis"]["detail"] == "in one"]
        assert said["affects"][0]["ref"] not in known


def test_no_system_of_a_part_is_the_products() -> None:
    system = OsRelease("debian", "12", "Debian GNU/Linux", "Debian GNU/Linux 12", "bookworm")
    image = Subject("web", "1", type="container", distribution=system)
    for form in (Format.CYCLONEDX_1_6, Format.SPDX_2_3):
        one = read_sbom(Sbom.build(subject=image, packages=[LIBC], form=form).to_bytes())
        for written in ("cyclonedx-1.6", "spdx-2.3"):
            merged = pv.merge_sboms([one], name="shop", format=written)
            found = read_sbom(merged.to_bytes())
            assert found.subject is not None
            assert found.subject.distribution is None, (form, written)


def test_in_a_version_without_properties_the_product_is_valid_and_honest() -> None:
    merged = pv.merge_sboms(as_read(full("one"), full("two")), name="shop", format="cyclonedx-1.2")
    assert merged.validate().ok
    told = {f.pointer for f in merged.findings}
    assert {"/vulnerabilities/*/id", "/compositions/*/aggregate"} <= told


@pytest.mark.parametrize("form", [f for f in Format if f.writable and f.carries])
def test_of_what_we_wrote_ourselves_nothing_is_left_behind(form: Format) -> None:
    owned = ListedFile("etc/a", 3, {"sha256": "c" * 64}, owner=LIBC.purl)
    one = part(
        "web",
        *(LIBC, NODE),
        form=form,
        files=[owned],
        dependencies={NODE.purl: [LIBC.purl]},
        created=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    )
    merged = pv.merge_sboms([one], name="shop")
    assert [f.message for f in merged.findings] == []
    found = read_sbom(merged.to_bytes())
    assert [(f.path, f.owner) for f in found.files] == [("etc/a", LIBC.purl)]
    assert found.created == one.created


def test_formats_mix_and_a_part_needs_neither_name_nor_serial() -> None:
    bare = read_sbom(
        b'{"bomFormat":"CycloneDX","specVersion":"1.4","components":'
        b'[{"type":"library","name":"x","bom-ref":"1"},{"type":"library","name":"y","bom-ref":"2"}],'
        b'"dependencies":[{"ref":"1","dependsOn":["2"]}]}'
    )
    same_ids = read_sbom(bare.to_bytes().replace(b'"x"', b'"z"'))
    merged = pv.merge_sboms([bare, same_ids, part("web", LIBC, form=Format.SPDX_2_3)], name="shop")
    found = read_sbom(merged.to_bytes())
    assert found.validate().ok
    assert names(found) == ["libc6", "part 0", "part 1", "web", "x", "y", "y", "z"]
    assert {" ".join(p.name for p in way) for way in found.dependencies.paths_to("y")} == {
        "part 0 y",
        "part 1 y",
    }
    assert all(o.uri.startswith(("ni:", "http", "urn:")) for o in found.others.values())


def test_a_part_keeps_what_is_said_of_it_and_the_texts_of_its_licences() -> None:
    document = json.loads(part("web", LIBC, form=Format.SPDX_2_3).to_bytes())
    document["hasExtractedLicensingInfos"] = [
        {"licenseId": "LicenseRef-mine", "extractedText": "Do what is right.", "name": "mine"}
    ]
    document["packages"][-1]["licenseDeclared"] = "LicenseRef-mine"
    cyclonedx = json.loads(API.to_bytes())
    cyclonedx["metadata"]["component"]["description"] = "Answers"
    parts = [read_sbom(json.dumps(d).encode()) for d in (document, cyclonedx)]
    raw = pv.merge_sboms(parts, name="shop", format="spdx-2.3").to_bytes()
    assert b"Do what is right." in raw
    assert next(p for p in read_sbom(raw).packages if p.name == "api").description == "Answers"


def test_nothing_to_merge_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="no documents"):
        pv.merge_sboms([], name="shop")
    with pytest.raises(UnsupportedFormat):
        pv.merge_sboms([WEB], name="shop", format="nonsense")


REFS = st.sampled_from(["", "a", "b", "\0part 0", "\0part 0.0", "pkg:npm/a@1"])
LISTED = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("library"), "name": REFS, "bom-ref": REFS, "purl": REFS}
    ),
    max_size=4,
)


@given(LISTED, LISTED, st.booleans(), st.lists(st.tuples(REFS, REFS), max_size=4))
def test_no_part_can_take_the_place_of_another(
    first: Any, second: Any, hierarchical: Any, edges: Any
) -> None:
    def made(components: Any, name: str) -> Sbom:
        document = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "metadata": {"component": {"type": "application", "name": name}},
            "components": components,
            "dependencies": [{"ref": a, "dependsOn": [b]} for a, b in edges],
        }
        return read_sbom(json.dumps(document).encode())

    parts = [made(first, "first"), made(second, "second")]
    merged = pv.merge_sboms(parts, name="shop", hierarchical=hierarchical)
    found = read_sbom(merged.to_bytes())
    ids = [p.id for p in found.packages]
    assert len(set(ids)) == len(ids)
    if hierarchical:
        assert len(ids) == len(first) + len(second) + 2
    assert merged.to_bytes() == (
        pv.merge_sboms(parts, name="shop", hierarchical=hierarchical).to_bytes()
    )


def test_an_edge_from_nowhere_is_told_and_is_none_of_the_part() -> None:
    part = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"component": {"type": "application", "bom-ref": "app", "name": "app"}},
        "components": [
            {"type": "library", "bom-ref": name, "name": name} for name in ("outer", "inner")
        ],
        "dependencies": [
            {"ref": "app", "dependsOn": ["outer"]},
            {"ref": "outer", "dependsOn": ["inner"]},
            {"ref": "ghost", "dependsOn": ["inner"]},
        ],
    }
    merged = pv.merge_sboms([read_sbom(json.dumps(part).encode())], name="product")
    assert [f.rule for f in merged.findings] == ["dangling-edge"]
    document = json.loads(merged.to_bytes())
    (app,) = document["components"]
    names = {x["bom-ref"]: x["name"] for x in app["components"]}
    (edges,) = [x for x in document["dependencies"] if x["ref"] == app["bom-ref"]]
    assert [names[ref] for ref in edges["dependsOn"]] == ["outer"]


def test_what_xml_says_beside_elements_is_told() -> None:
    part = read_sbom(
        b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>'
        b'<component type="library"><name>x</name>beside</component></components></bom>'
    )
    merged = pv.merge_sboms([part], name="product")
    assert [f.pointer for f in merged.findings] == ["/bom/components/component"]
