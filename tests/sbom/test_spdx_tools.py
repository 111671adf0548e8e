"""What others read: the library of the SPDX project, over our documents and the corpus."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from provenance.packages.package import ListedFile, Package
from provenance.sbom import spdx, spdx3
from provenance.sbom.model import Contents, OtherDocument, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# With its first document the library writes tables of its grammar, to files that it leaves open.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

COUNT = 12
PACKAGES = tuple(
    Package(
        f"package-{n}",
        f"1:{n}.0~rc1-1",
        "deb",
        f"pkg:deb/debian/package-{n}@1:{n}.0~rc1-1?arch=amd64",
        (("MIT",), ("GPL-2.0-or-later AND BSD-3-Clause", "MIT"), ("Odd, words\nin two lines",))[
            n % 3
        ],
        stated_licenses=("The </text> licence",),
        supplier=("Some Team <team@lists.example.org>", "Vendor (R) <x>", "Acme")[n % 3],
        author=("", "Jane Doe <jane@example.org>")[n % 2],
        description=("", "One line", "With </text>\nand <text> in\r\nlines")[n % 3],
        homepage=("", "https://www.example.org/package", "UNKNOWN")[n % 3],
        hashes=({}, {"sha256": f"{n:064x}", "md5": "0" * 32}, {"odd": "x"})[n % 3],
        cpes=(f"cpe:2.3:a:package:package-{n}:{n}.0\\~rc1:*:*:*:*:*:*:*",) if n % 2 else (),
        depends=("libc6 (>= 2.34)",),
        kind=("", "application", "operating-system")[n % 3],
    )
    for n in range(COUNT)
)
FILES = tuple(
    ListedFile(
        f"usr/share/file {n}",
        n,
        ({"sha256": f"{n:064x}"}, {"sha1": f"{n:040x}"}, {})[n % 3],
        None,
        PACKAGES[n // 2].purl if n < 8 else "",
    )
    for n in range(COUNT)
)


def contents(subject: Subject) -> Contents:
    return Contents(
        subject,
        PACKAGES,
        edges={p.purl: (PACKAGES[(n * 5 + 1) % COUNT].purl,) for n, p in enumerate(PACKAGES)},
        contains={PACKAGES[0].purl: (PACKAGES[1].purl, PACKAGES[2].purl)},
        files=FILES,
        others={
            PACKAGES[3].purl: OtherDocument("https://example.org/sbom", {"sha1": "a" * 40}),
            PACKAGES[4].purl: OtherDocument("urn:uuid:8b8f7c6e-7f6c-5b3f-8d0e-000000000001"),
        },
    )


@pytest.mark.parametrize("form", ["json", "tag-value"])
def test_the_library_of_the_spdx_project_reads_the_same_and_finds_no_fault(
    form: str, tmp_path: Path, image: Subject
) -> None:
    write = spdx.write if form == "json" else spdx.write_tag_value
    path = tmp_path / f"a.spdx{'.json' if form == 'json' else ''}"
    said = contents(image)
    path.write_bytes(write(said))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its parser generator
        from spdx_tools.spdx.parser.parse_anything import parse_file
        from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

        found: Any = parse_file(str(path))
        assert [m.validation_message for m in validate_full_spdx_document(found)] == []
    written = json.loads(spdx.write(said))
    packages = {p.spdx_id: p for p in found.packages}
    assert len(packages) == len(written["packages"]) == COUNT + 2
    for item in written["packages"]:
        package = packages[item["SPDXID"]]
        assert (package.name, package.version) == (item["name"], item.get("versionInfo"))
        assert {c.algorithm.name: c.value for c in package.checksums} == {
            c["algorithm"]: c["checksumValue"] for c in item.get("checksums", [])
        }
        assert [r.locator for r in package.external_references] == [
            r["referenceLocator"] for r in item.get("externalRefs", [])
        ]
        stated = str(package.license_declared).replace("(", "").replace(")", "")
        assert stated == item["licenseDeclared"].replace("(", "").replace(")", "")
    assert {p.spdx_id: p.name for p in found.files} == {
        f["SPDXID"]: f["fileName"] for f in written["files"]
    }
    assert {t.license_id: t.extracted_text for t in found.extracted_licensing_info} == {
        t["licenseId"]: t["extractedText"] for t in written["hasExtractedLicensingInfos"]
    }
    assert Counter(
        (r.spdx_element_id, r.relationship_type.name, r.related_spdx_element_id)
        for r in found.relationships
    ) == Counter(
        (r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"])
        for r in written["relationships"]
    )


@pytest.fixture
def image() -> Subject:
    from provenance.digests import Digest
    from provenance.packages.os_release import OsRelease

    return Subject(
        "registry.example/app",
        "1",
        digest=Digest.of(b"m"),
        type="container",
        labels={"a": "b </text>"},
        distribution=OsRelease("debian", "12", pretty_name="Debian GNU/Linux 12"),
    )


@pytest.mark.corpus
def test_spdx_3_examples_are_read(corpus: Path) -> None:
    """Every package and file of the graph is in the view, with version and identifier."""
    read = 0
    for path in [*corpus.glob("spdx/examples/**/spdx3.0/*.json"), *corpus.glob("spdx/*3.0.1/*")]:
        document = json.loads(path.read_bytes())
        graph = document["@graph"]
        found = spdx3.read(document)
        kinds = ("software_Package", "ai_AIPackage", "dataset_DatasetPackage")
        listed = {
            n["spdxId"]: (n.get("name", ""), n.get("software_packageVersion", ""))
            for n in graph
            if n["type"] in kinds
        }
        packages = {p.id: (p.name, p.version) for p in found.packages}
        missing = set(listed) - set(packages)
        assert len(missing) <= (found.subject is not None), path
        assert all(listed[name] == packages[name] for name in packages), path
        files = {n["spdxId"] for n in graph if n["type"] == "software_File"}
        assert {f.id for f in found.files} == files, path
        assert found.created is not None, path
        assert found.findings == (), path
        read += 1
    assert read > 15


def local_types(packages: Iterable[Package]) -> dict[str, Package]:
    """By identifier. A type of reference that a document defines is local in its tag-value."""
    return {
        package.id: dataclasses.replace(
            package,
            references=tuple(
                dataclasses.replace(r, type=r.type.rpartition("#")[2]) for r in package.references
            ),
        )
        for package in packages
    }


@pytest.mark.corpus
def test_tag_value_of_the_community_says_what_its_json_says(corpus: Path) -> None:
    folder = corpus / "spdx" / "tools-python" / "data"
    for version in ("2.2", "2.3"):
        tagged = spdx.read_tag_value(
            (folder / f"SPDXTagExample-v{version}.spdx").read_text("utf-8")
        )
        listed = spdx.read(
            json.loads((folder / f"SPDXJSONExample-v{version}.spdx.json").read_bytes())
        )
        assert local_types(tagged.packages) == local_types(listed.packages)
        names = [
            {f.id: dataclasses.replace(f, owner="") for f in x.files} for x in (tagged, listed)
        ]
        assert names[0] == names[1]
        assert tagged.created == listed.created
        assert tagged.tools == listed.tools


@pytest.mark.corpus
def test_tag_value_examples_are_read_whole(corpus: Path) -> None:
    read = 0
    for path in corpus.glob("spdx/**/*.spdx"):
        raw = path.read_bytes()
        found = spdx.read(spdx.decode_tag_value(raw))
        lines = raw.decode("utf-16" if b"\x00" in raw[:100] else "utf-8").splitlines()
        names = sum(line.startswith("PackageName:") for line in lines)
        assert len(found.packages) + (found.subject is not None) == names, path
        assert len(found.files) == sum(line.startswith("FileName:") for line in lines), path
        odd = {f.message for f in found.findings}
        assert odd <= {"SHA1: fileSha1 is no checksum; passed over"}, path
        read += 1
    assert read > 8


@pytest.mark.parametrize("word", ["NONE", "NOASSERTION"])
def test_a_name_that_is_a_keyword_costs_nobody_the_document(
    word: str, tmp_path: Path, image: Subject
) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file

    package = Package(word, word, "npm", f"pkg:npm/{word}@1", (word,), (word,), word, word, word)
    files = (ListedFile(word, 1, {"sha1": "0" * 40}),)
    raw = spdx.write_tag_value(
        Contents(dataclasses.replace(image, name=word), (package,), files=files)
    )
    (tmp_path / "odd.spdx").write_bytes(raw)
    assert len(parse_file(str(tmp_path / "odd.spdx")).packages) == 3
    (again,) = spdx.read(spdx.decode_tag_value(raw)).packages
    assert dataclasses.replace(again, id="") == package
