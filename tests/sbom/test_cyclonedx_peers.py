"""CycloneDX against others: the library of the project, the official fixtures, hostile XML."""

from __future__ import annotations

import json
import random
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from cyclonedx.model import HashAlgorithm
from cyclonedx.model.bom import Bom
from cyclonedx.output.json import BY_SCHEMA_VERSION as JSON_OUTPUTS
from cyclonedx.output.xml import BY_SCHEMA_VERSION as XML_OUTPUTS
from cyclonedx.schema import SchemaVersion

from provenance.digests import Digest
from provenance.errors import MalformedDocument, ProvenanceError, UnsupportedFormat
from provenance.packages.package import Location, Package
from provenance.sbom import Format, Sbom, Subject, read_sbom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

WRITTEN = [form for form in Format if form.family == "cyclonedx" and form.carries]
NAMES = [form.value for form in WRITTEN]
DIGEST = Digest.of(b"manifest")
PACKAGES = [
    Package(
        name="a & <b>",
        version="1:2-3",
        type="deb",
        purl="pkg:deb/debian/a@1%3A2-3?arch=amd64",
        licenses=("MIT", "words & <more>"),
        supplier="Someone",
        author="Else",
        description="one ]]> line",
        homepage="https://example.org/",
        hashes={"sha256": "a" * 64, "md5": "b" * 32},
        cpes=("cpe:2.3:a:a:a:1:*:*:*:*:*:*:*",),
        locations=(Location("var/lib/dpkg/status"),),
        cataloger="dpkg",
    ),
    Package("c", "2", "npm", "pkg:npm/c@2", licenses=("MIT OR Apache-2.0",), kind="application"),
    Package("d", "3", "npm", "pkg:npm/%40s/d@3", licenses=("Apache-2.0",)),
]
# Version 1.4 is written with fields that later ones call old.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated from CycloneDX")
A, C, D = (package.purl for package in PACKAGES)
EDGES = {A: [C, D], C: [D]}
_OURS = {HashAlgorithm.SHA_256: "sha256", HashAlgorithm.MD5: "md5"}


def built(form: Format) -> Sbom:
    subject = Subject("app", str(DIGEST), f"pkg:oci/app@{DIGEST}", DIGEST, "container")
    return Sbom.build(subject=subject, packages=PACKAGES, dependencies=EDGES, form=form)


def as_read_by_the_library(sbom: Sbom) -> Any:
    if sbom.format.syntax == "xml":
        found = Bom.from_xml(ET.fromstring(sbom.to_bytes()))  # type: ignore[attr-defined]
    else:
        found = Bom.from_json(json.loads(sbom.to_bytes()))  # type: ignore[attr-defined]
    assert isinstance(found, Bom)
    return found


def license_text(license_: Any) -> str:
    return str(getattr(license_, "value", None) or license_.id or license_.name)


@pytest.mark.parametrize("form", WRITTEN, ids=NAMES)
def test_the_projects_library_reads_the_same(form: Format) -> None:
    bom = as_read_by_the_library(built(form))
    found = {str(c.bom_ref.value): c for c in bom.components}
    assert set(found) == {p.purl for p in PACKAGES}
    for package in PACKAGES:
        component = found[package.purl]
        assert (component.name, component.version) == (package.name, package.version)
        # The purl library writes the colon of an epoch unescaped.
        assert unquote(str(component.purl)) == unquote(package.purl)
        assert {_OURS[h.alg]: h.content for h in component.hashes} == package.hashes
        assert {license_text(x) for x in component.licenses} == set(package.licenses)
        assert component.type.value == (package.kind or "library")
        assert component.description == (package.description or None)
        assert component.cpe == (package.cpes[0] if package.cpes else None)
        assert (component.supplier.name if component.supplier else "") == package.supplier
        people = [a.name for a in component.authors] or [component.author]
        assert people == [package.author or None]
        sites = [str(x.url) for x in component.external_references]
        assert sites == ([package.homepage] if package.homepage else [])
    edges = {str(d.ref.value): {str(t.ref.value) for t in d.dependencies} for d in bom.dependencies}
    assert {k: edges[k] for k in EDGES} == {k: set(v) for k, v in EDGES.items()}
    described = bom.metadata.component
    assert described is not None
    assert [h.content for h in described.hashes] == [DIGEST.hex]


@pytest.mark.parametrize("version", ["1.4", "1.5", "1.6", "1.7"])
def test_what_the_projects_library_writes_is_read_the_same(version: str) -> None:
    bom = as_read_by_the_library(built(Format.CYCLONEDX_1_6))
    schema = SchemaVersion.from_version(version)
    for outputs in (JSON_OUTPUTS, XML_OUTPUTS):
        raw = outputs[schema](bom).output_as_string().encode()
        found = read_sbom(raw)
        assert found.format.version == version
        assert found.validate().ok
        assert essence(found.packages) == essence(PACKAGES)
        assert [dict(p.hashes) for p in found.packages if p.name == "a & <b>"] == [
            PACKAGES[0].hashes
        ]
        (path,) = found.dependencies.paths_to(C)
        assert [p.name for p in path] == ["a & <b>", "c"]


def essence(packages: Iterable[Package]) -> set[tuple[Any, ...]]:
    return {(p.name, p.version, unquote(p.purl), p.supplier, p.homepage, p.cpes) for p in packages}


ENTITY = b'<!DOCTYPE bom [<!ENTITY a "b">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>'
DEEP = b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6">' + b"<a>" * 100_000


class TestXml:
    @pytest.mark.parametrize(
        ("raw", "kind"),
        [
            (ENTITY, MalformedDocument),
            (ENTITY.decode().encode("utf-16"), MalformedDocument),
            (b'<?xml version="1.0" encoding="utf-7"?>' + ENTITY, MalformedDocument),
            (b"<bom xmlns='http://cyclonedx.org/schema/bom/1.6'>&a;</bom>", MalformedDocument),
            (b"<bom xmlns='http://cyclonedx.org/schema/bom/9.9'/>", UnsupportedFormat),
            (b"<a/>", UnsupportedFormat),
            (b"<", MalformedDocument),
            (DEEP, MalformedDocument),
            (DEEP + b"</a>" * 100_000 + b"</bom>", MalformedDocument),
        ],
        ids=range(9),
    )
    def test_hostile_documents_are_refused(self, raw: bytes, kind: type[Exception]) -> None:
        with pytest.raises(kind):
            read_sbom(raw)

    def test_other_encodings_are_read(self) -> None:
        text = built(Format.CYCLONEDX_1_6_XML).to_bytes().decode()
        again = read_sbom(text.replace("UTF-8", "UTF-16").encode("utf-16"))
        assert again.packages == built(Format.CYCLONEDX_1_6_XML).packages
        assert read_sbom(b"\xef\xbb\xbf" + text.encode()).packages == again.packages

    def test_what_has_no_place_in_the_json_is_carried(self) -> None:
        raw = built(Format.CYCLONEDX_1_6_XML).to_bytes().decode()
        raw = raw.replace("<dependencies>", "<odd><a>1</a></odd><dependencies>", 1)
        raw = raw.replace("<name>c</name>", "<group>g</group><name>c</name><scope>x</scope>", 1)
        converted, losses = read_sbom(raw.encode()).convert("cyclonedx-1.6")
        assert list(losses) == []
        assert converted.validate().ok
        carried = json.loads(converted.to_bytes())["metadata"]["properties"]
        assert any("odd" in x["value"] for x in carried if x["name"] == "provenance:rest")

    def test_an_exact_text_is_put_back_only_where_it_was(self) -> None:
        sbom = Sbom.build(subject=None, packages=[Package("a\x00b")], form=Format.CYCLONEDX_1_6_XML)
        assert sbom.packages[0].name == "a\x00b"
        raw = sbom.to_bytes().decode()
        assert "provenance:exact:/components/0/name" in raw
        edited = read_sbom(raw.replace("<name>a\ufffdb</name>", "<name>new</name>").encode())
        assert edited.packages[0].name == "new"
        moved = read_sbom(
            raw.replace("exact:/components/0/name", "exact:/components/9/-1").encode()
        )
        assert moved.packages[0].name == "a\ufffdb"

    def test_blanks_that_the_schema_takes_away_are_taken_away(self) -> None:
        raw = built(Format.CYCLONEDX_1_6_XML).to_bytes()
        for text in (b"a" * 64, C.encode(), b"https://example.org/"):
            raw = raw.replace(b">" + text + b"<", b">\n  " + text + b"\n <")
        found = read_sbom(raw)
        assert found.validate().ok
        assert found.packages == built(Format.CYCLONEDX_1_6_XML).packages

    def test_a_list_in_two_parts_is_read_whole(self) -> None:
        raw = built(Format.CYCLONEDX_1_6_XML).to_bytes().decode()
        found = read_sbom(
            raw.replace("</component>\n", "</component></components><components>\n", 1).encode()
        )
        assert len(found.packages) == len(PACKAGES)

    def test_many_unknown_elements_take_linear_time(self) -> None:
        raw = built(Format.CYCLONEDX_1_6_XML).to_bytes()
        many = raw.replace(b"<dependencies>", b"<x/>" * 300_000 + b"<dependencies>", 1)
        assert len(read_sbom(many).packages) == len(PACKAGES)

    def test_findings_of_the_schema_name_a_line(self) -> None:
        raw = built(Format.CYCLONEDX_1_6_XML).to_bytes().replace(b'type="library"', b'type="no"')
        report = read_sbom(raw).validate()
        assert not report.ok
        assert report.findings[0].pointer.startswith("line ")

    def test_mutations_end_in_a_result_or_a_typed_error(self) -> None:
        raw = built(Format.CYCLONEDX_1_6_XML).to_bytes()
        chance = random.Random(5)
        tokens = [b"<", b">", b"</a>", b"&#1;", b"<![CDATA[", b"]]>", b"\xff", b'"', b"<!--"]
        for _ in range(1500):
            mutated = bytearray(raw)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(mutated))
                mutated[at : at + chance.randint(0, 30)] = chance.choice(tokens)
            try:
                found = read_sbom(bytes(mutated))
                found.convert("cyclonedx-1.4")
            except ProvenanceError:
                continue


def fixtures(corpus: Path, ending: str) -> Iterator[tuple[str, str, bytes]]:
    """Version, name and bytes of each official fixture."""
    for path in sorted((corpus / "cyclonedx").glob("cyclonedx-1.*-fixtures.zip")):
        version = path.name.split("-")[1]
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(ending):
                    yield version, name.rpartition("/")[2].removesuffix(ending), archive.read(name)


@pytest.mark.corpus
def test_every_valid_fixture_is_read_and_converted(corpus: Path) -> None:
    checked = 0
    for ending in (".json", ".xml"):
        for version, name, raw in fixtures(corpus, ending):
            if not name.startswith("valid-"):
                continue
            found = read_sbom(raw)
            assert found.format.version == version, name
            assert found.to_bytes() == raw
            for form in (Format.CYCLONEDX_1_4, Format.CYCLONEDX_1_7_XML):
                converted, _ = found.convert(form)
                assert [f for f in converted.validate() if f.rule == "schema"] == [], name
            checked += 1
    assert checked > 400


@pytest.mark.corpus
def test_the_schemas_agree_with_the_names_of_the_fixtures(corpus: Path) -> None:
    checked = 0
    for ending in (".json", ".xml"):
        for version, name, raw in fixtures(corpus, ending):
            if version in ("1.2", "1.3") or not name.startswith(("valid-", "invalid-")):
                continue
            try:
                ok = read_sbom(raw).validate().ok
            except (MalformedDocument, UnsupportedFormat):
                ok = False
            assert ok is name.startswith("valid-"), (version, name, ending)
            checked += 1
    assert checked > 500


@pytest.mark.corpus
def test_every_component_and_edge_of_the_xml_fixtures_is_read(corpus: Path) -> None:
    """Counted by another way through the elements; the JSON twins differ in what they say."""
    checked = 0
    for _, name, raw in fixtures(corpus, ".xml"):
        if not name.startswith("valid-"):
            continue
        found, root = read_sbom(raw), ET.fromstring(raw)
        space = root.tag.partition("}")[0] + "}"
        top = root.findall(f"{space}components")
        stated = [c for part in top for c in part.iter(f"{space}component")]
        hidden = [c for part in top for p in part.iter(f"{space}pedigree") for c in p.iter()]
        listed = [c.findtext(f"{space}name") or "" for c in stated if c not in hidden]
        seen = [p.name for p in found.packages] + [f.path for f in found.files]
        if found.subject is not None and found.subject.distribution is not None:
            seen.append(found.subject.distribution.id)
        assert sorted(seen) == sorted(listed), name
        edges = root.findall(f"{space}dependencies/{space}dependency/{space}dependency")
        assert sum(map(len, found.dependencies.edges.values())) == len(edges), name
        checked += 1
    assert checked > 200
