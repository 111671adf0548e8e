"""Every document of the corpus to every format that is written, and back.

What a core field should be on the other side is taken from the document's own JSON, and looked
for with readers that are not ours: cyclonedx-python-lib and spdx-tools.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.model.bom import Bom
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from tests.sbom.test_conversion import unordered

from provenance.errors import ProvenanceError
from provenance.sbom import Format, read_sbom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.corpus

TARGETS = (
    *("cyclonedx-1.4", "cyclonedx-1.6", "cyclonedx-1.7", "cyclonedx-1.6-xml"),
    *("spdx-2.3", "spdx-2.3-tag-value", "spdx-2.3-yaml", "spdx-3.0"),
    *("cyclonedx-1.3", "cyclonedx-1.3-xml", "cyclonedx-1.5-xml"),
    *("spdx-2.2", "spdx-2.2-tag-value", "spdx-2.2-yaml"),
)
BARE = ("cyclonedx-1.2", "cyclonedx-1.2-xml", "cyclonedx-1.1-xml", "cyclonedx-1.0-xml")
SPDX_HASH = {"SHA-1": "SHA1", "SHA-256": "SHA256", "MD5": "MD5", "SHA-512": "SHA512"}


def cyclonedx(corpus: Path, suffix: str = "") -> Iterator[tuple[str, bytes]]:
    for path in sorted((corpus / "cyclonedx").glob("*.zip")):
        with zipfile.ZipFile(path) as fixtures:
            for name in sorted(fixtures.namelist()):
                short = name.rpartition("/")[2]
                if short.startswith("valid-") and short.endswith(suffix or (".json", ".xml")):
                    yield f"{path.name[10:13]}/{short}", fixtures.read(name)


def spdx(corpus: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((corpus / "spdx").rglob("*")):
        kept = not {"schemas", "license-list", "invalid_documents"} & {*path.parts}
        if path.is_file() and kept:
            yield str(path.relative_to(corpus)), path.read_bytes()


@pytest.mark.parametrize("target", TARGETS)
def test_no_leaf_of_the_corpus_is_lost_unreported(corpus: Path, target: str) -> None:
    count, reported = 0, []
    for name, raw in (*cyclonedx(corpus), *spdx(corpus)):
        try:
            before = read_sbom(raw)
        except ProvenanceError:
            continue  # what is not read is not converted
        if before.format is Format(target):
            continue
        there, losses = before.convert(target)
        count += 1
        assert [f for f in there.validate() if f.rule == "schema"] == [], name
        if len(losses):
            reported.append(name)
            # Attributes at lists of XML and snippets of tag-value have no place in the shape of
            # JSON, and are told.
            said = {x.pointer.rpartition("/")[2] for x in losses}
            assert said == {"@foo", "@bar"} or any(x.startswith("Snippet") for x in said), name
        elif before.format.syntax == "json" and before.format.writable:
            back, more = read_sbom(there.to_bytes()).convert(before.format)
            assert list(more) == [], name
            assert unordered(json.loads(back.to_bytes())) == unordered(json.loads(raw)), name
    assert count > 450
    assert all(name.endswith(".spdx") or "random-attributes" in name for name in reported)


@pytest.mark.parametrize("target", BARE)
def test_what_has_no_properties_is_valid_and_holds_every_name(corpus: Path, target: str) -> None:
    for name, raw in (*cyclonedx(corpus), *spdx(corpus)):
        try:
            before = read_sbom(raw)
        except ProvenanceError:
            continue
        there, losses = before.convert(target)
        assert [f for f in there.validate() if f.rule == "schema"] == [], name
        names = {" ".join(p.name.split()) for p in there.packages}
        lost = {" ".join(p.name.split()) for p in before.packages} - names
        assert not lost or any("name" in x.pointer for x in losses), (name, lost)


def test_only_small_documents_grow_to_more_than_twice_their_size(corpus: Path) -> None:
    """Small ones have to: what stands around the elements is longer than they are."""
    over = []
    for name, raw in (*cyclonedx(corpus), *spdx(corpus)):
        for target in TARGETS:
            try:
                size = len(read_sbom(raw).to_bytes(target))
            except ProvenanceError:
                continue
            if size > 2 * len(raw) + 5120:
                over.append((name, target, round(size / len(raw), 1)))
    assert over == []


def components(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [*document.get("components", ())]
    if "component" in document.get("metadata", {}):
        waiting.append(document["metadata"]["component"])
    while waiting:
        item = waiting.pop()
        yield item
        waiting += item.get("components", ())


def test_spdx_tools_sees_the_core_fields_of_every_component(corpus: Path) -> None:
    """Of documents in CycloneDX, converted to SPDX 2.3."""
    seen = 0
    for name, raw in cyclonedx(corpus, ".json"):
        document = json.loads(raw)
        made = json.loads(read_sbom(raw).to_bytes("spdx-2.3"))
        found = JsonLikeDictParser().parse(made)  # type: ignore[no-untyped-call]
        packages = [*found.packages]
        files = [file.name.removeprefix("./") for file in found.files]
        for item in components(document):
            if item.get("type") in ("file", "operating-system") and item["name"] in files:
                continue
            assert any(_is_in_spdx(item, package, found) for package in packages), (name, item)
            seen += 1
    assert seen > 250


def _is_in_spdx(item: dict[str, Any], package: Any, document: Any) -> bool:
    """Whether `package`, as spdx-tools read it, says all that `item` says."""
    refs = {(x.reference_type, x.locator) for x in package.external_references}
    words = {x.license_id: x.license_name for x in document.extracted_licensing_info}
    licenses = f"{package.license_declared} {package.license_concluded}"
    for identifier, text in words.items():
        licenses = licenses.replace(identifier, str(text))
    urls = {
        *(locator for _, locator in refs),
        *(str(x) for x in (package.homepage, package.download_location)),
    }
    hashes = {x.algorithm.name: x.value for x in package.checksums}
    return (
        package.name == item["name"]
        and (package.version or "") == item.get("version", "")
        and (package.description or "") == item.get("description", "")
        and ("purl" not in item or ("purl", item["purl"]) in refs)
        and ("cpe" not in item or not item["cpe"].startswith("cpe:2.3") or bool(refs))
        and all(
            hashes.get(SPDX_HASH[x["alg"]]) == x["content"].lower()
            for x in item.get("hashes", ())
            if x["alg"] in SPDX_HASH
        )
        and ("copyright" not in item or str(package.copyright_text) == item["copyright"])
        and item.get("supplier", {}).get("name", "") in str(package.supplier)
        and all(
            str(x.get("license", {}).get("id", "")) in licenses for x in item.get("licenses", ())
        )
        and all(
            x["url"] in urls
            for x in item.get("externalReferences", ())
            if x["type"] != "bom" and " " not in x["url"] and x["url"].isascii()
        )
    )


def read_by_cyclonedx(raw: bytes) -> Any:
    found = Bom.from_json(json.loads(raw))  # type: ignore[attr-defined]
    assert isinstance(found, Bom)
    return found


def test_cyclonedx_python_lib_sees_the_core_fields_of_every_package(corpus: Path) -> None:
    """Of documents in SPDX 2, converted to CycloneDX 1.6."""
    seen = 0
    for name, raw in spdx(corpus):
        if not name.endswith(".json"):
            continue
        try:
            before = read_sbom(raw)
        except ProvenanceError:
            continue
        if before.format not in (Format.SPDX_2_2, Format.SPDX_2_3):
            continue
        document = json.loads(raw)
        found = read_by_cyclonedx(before.to_bytes("cyclonedx-1.6"))
        listed = {str(x.bom_ref.value): x for x in found.components}
        if found.metadata.component is not None:
            listed[str(found.metadata.component.bom_ref.value)] = found.metadata.component
        for item in document.get("packages", ()):
            _check_component(item, listed[item["SPDXID"]], name)
            seen += 1
        assert _edges(document) <= {
            (str(x.ref.value), str(y.ref.value)) for x in found.dependencies for y in x.dependencies
        }, name
    assert seen > 80


def _check_component(item: dict[str, Any], component: Any, name: str) -> None:
    assert component.name == item["name"], name
    assert (component.version or "") == item.get("versionInfo", ""), name
    assert (component.description or "") == item.get("description", ""), name
    refs = item.get("externalRefs", ())
    purls = [x["referenceLocator"] for x in refs if x["referenceType"] == "purl"]
    stated = {str(component.purl), *(x.value for x in component.properties)}
    assert len(purls) == len([x for x in purls if x in stated or "@" in x]), name
    urls = {str(x.url) for x in component.external_references}
    for ref in refs:
        if ref["referenceType"] not in ("purl", "cpe23Type"):
            assert ref["referenceLocator"] in urls, (name, ref)
    hashes = {x.alg.value.replace("-", ""): x.content for x in component.hashes}
    for checksum in item.get("checksums", ()):
        known = checksum["algorithm"] in ("SHA1", "SHA256", "SHA512", "MD5")
        if known and len(checksum["checksumValue"]) in (32, 40, 64, 128):
            assert hashes[checksum["algorithm"]] == checksum["checksumValue"], name
    supplier = item.get("supplier", "NOASSERTION")
    if supplier.startswith(("Organization: ", "Person: ")):
        first = supplier.partition(": ")[2].partition(" (")[0]
        assert first in component.supplier.name, name
    if item.get("copyrightText", "NOASSERTION") not in ("NOASSERTION", "NONE", ""):
        assert component.copyright == item["copyrightText"], name


def _edges(document: dict[str, Any]) -> set[tuple[str, str]]:
    known = {x["SPDXID"] for x in document.get("packages", ())}
    found = set()
    for item in document.get("relationships", ()):
        a, b = item["spdxElementId"], item["relatedSpdxElement"]
        if item["relationshipType"] == "DEPENDENCY_OF":
            a, b = b, a
        elif item["relationshipType"] != "DEPENDS_ON":
            continue
        if a in known and b in known and a != b:
            found.add((a, b))
    return found
