"""Tags: what spdx-tools reads of them too, and what is said twice, which it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from spdx_tools.spdx.parser.tagvalue.parser import Parser
from tests.sbom.test_conversion import read, restored, unordered

from provenance.errors import MalformedDocument
from provenance.sbom import read_sbom
from provenance.sbom.spdx import tags

if TYPE_CHECKING:
    from spdx_tools.spdx.model.document import Document

CODE = "d6a770ba38583ed4bb4525bd96e50461655d2758"


def document(
    *, relation: str = "built", reference: str = "as is", excluded: tuple[str, ...] = ("./a",)
) -> dict[str, Any]:
    code: dict[str, Any] = {"packageVerificationCodeValue": CODE}
    if excluded:
        code["packageVerificationCodeExcludedFiles"] = [*excluded]
    purl = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl"}
    purl |= {"referenceLocator": "pkg:npm/left@1", "comment": reference}
    package = {"SPDXID": "SPDXRef-left", "name": "left", "downloadLocation": "NONE"}
    file = {"SPDXID": "SPDXRef-file", "fileName": "./b"}
    told = {"relationshipType": "CONTAINS", "comment": relation}
    ends = {"spdxElementId": "SPDXRef-left", "relatedSpdxElement": "SPDXRef-file"}
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "app",
        "documentNamespace": "https://example.org/app",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: maker-1"]},
        "packages": [package | {"externalRefs": [purl], "packageVerificationCode": code}],
        "files": [file | {"checksums": [{"algorithm": "SHA1", "checksumValue": "a" * 40}]}],
        "relationships": [
            {**ends, **told},
            {**told, "spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-left"},
        ],
    }


def by_spdx_tools(raw: bytes) -> Document:
    found: Document = Parser().parse(raw.decode())  # type: ignore[no-untyped-call]
    return found


TEXTS = ["one", "two\nlines", "a <b> & c", "NONE", " blanks ", "", "a </text> b", "a\x07b", "#"]


@pytest.mark.parametrize("text", TEXTS)
def test_comments_of_relationships_and_references_return(text: str) -> None:
    before = document(relation=text, reference=text)
    assert unordered(restored(before, "spdx-2.3-tag-value")) == unordered(before)


def test_comments_are_said_as_spdx_tools_reads_them() -> None:
    made = by_spdx_tools(read(document(relation="two\nlines")).to_bytes("spdx-2.3-tag-value"))
    assert [x.comment for x in made.relationships] == ["two\nlines", "two\nlines"]
    assert [x.comment for x in made.packages[0].external_references] == ["as is"]


@pytest.mark.parametrize(
    "names", [(), ("./a",), ("./a", "./b c"), ("x",), ("a, b",), ("a)",), (" a",), ("./a ./b",)]
)
def test_files_that_a_verification_code_leaves_out_return(names: tuple[str, ...]) -> None:
    before = document(excluded=names)
    assert unordered(restored(before, "spdx-2.3-tag-value")) == unordered(before)
    made = read(before).to_bytes("spdx-2.3-tag-value")
    code = by_spdx_tools(made).packages[0].verification_code
    assert code is not None
    if f"{CODE} (excludes:".encode() in made:
        assert code.excluded_files == [*names]
    else:  # what no reader would read as it is
        assert not names or names[0] != "./a"


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("(./package.spdx)", ["./package.spdx"]),  # as the example of SPDX 2.2 has it
        (" (excludes: ./package.spdx)", ["./package.spdx"]),
        (" (excludes: ./a ./b)", ["./a", "./b"]),  # as spdx-tools writes several
        (" (excludes: ./a,./b)", ["./a", "./b"]),  # as it reads them
        (" (excludes: ./a, b)", ["./a", "b"]),
        ("", None),
        (" ()", None),
    ],
)
def test_what_others_write_is_read_and_not_told_as_lost(said: str, names: list[str] | None) -> None:
    raw = read(document(excluded=())).to_bytes("spdx-2.3-tag-value")
    changed = read_sbom(raw.replace(CODE.encode(), f"{CODE}{said}".encode()))
    there, losses = changed.convert("spdx-2.3")
    assert list(losses) == []
    assert names is None or all(f'"{name}"'.encode() in there.to_bytes() for name in names)
    assert (b"ExcludedFiles" in there.to_bytes()) == (names is not None)


def test_a_comment_of_what_is_passed_over_is_no_others() -> None:
    before = document(relation="", reference="")
    raw = read(before).to_bytes("spdx-2.3-tag-value").decode()
    broken = [("Relationship", "a b"), ("ExternalRef", "OTHER x")]
    for tag, value in broken:
        lines = raw.splitlines(keepends=True)
        at = max(n for n, line in enumerate(lines) if line.startswith(f"{tag}: "))
        lines[at + 1 : at + 1] = [f"{tag}: {value}\n", f"{tag}Comment: <text>of that</text>\n"]
        found = read_sbom("".join(lines).encode())
        assert b"of that" not in found.convert("spdx-2.3")[0].to_bytes()
        assert [f.message.partition(";")[0] for f in found.findings][1:] == [
            f"{tag}Comment belongs to no {'reference' if tag == 'ExternalRef' else 'relationship'}"
        ]


@pytest.mark.parametrize("said", ["(" * 200_000, f"(./a{' ' * 200_000}b)"])
def test_a_long_verification_code_is_read_in_one_pass(said: str) -> None:
    """Minutes, where each bracket or blank is tried as the beginning of what is left out."""
    names = [said[1:-1]] if said.endswith(")") else []
    assert tags.excluded(f"{CODE} {said}") == names


@pytest.mark.parametrize("version", ["2.2", "2.3"])
@pytest.mark.parametrize("said", [(), ("DESCRIBES", "CONTAINS"), ("DESCRIBED_BY", "CONTAINED_BY")])
def test_what_json_says_by_lists_of_names_is_a_relationship(
    said: tuple[str, ...], version: str
) -> None:
    """`documentDescribes` and `hasFiles` have no tags; what is said twice is written once."""
    before = document()
    before["documentDescribes"] = ["SPDXRef-left"]
    before["packages"][0]["hasFiles"] = ["SPDXRef-file"]
    pairs = [("SPDXRef-DOCUMENT", "SPDXRef-left"), ("SPDXRef-left", "SPDXRef-file")]
    before["relationships"] = [
        dict(
            zip(
                ("spdxElementId", "relationshipType", "relatedSpdxElement"),
                (a, kind, b) if kind in ("DESCRIBES", "CONTAINS") else (b, kind, a),
                strict=True,
            )
        )
        for (a, b), kind in zip(pairs, said, strict=False)
    ]
    there = read(before).convert(f"spdx-{version}-tag-value")[0]
    found = {
        frozenset((x.spdx_element_id, str(x.related_spdx_element_id)))
        for x in by_spdx_tools(there.to_bytes()).relationships
    }
    assert found == {frozenset(pair) for pair in pairs}
    assert len(by_spdx_tools(there.to_bytes()).relationships) == 2
    assert str(there.subject) == "left"
    assert unordered(restored(before, f"spdx-{version}-tag-value")) == unordered(before)


@pytest.mark.parametrize(
    "again",
    [
        *("SPDXVersion: SPDX-2.2", "DocumentName: other", "Created: 2020-01-01T00:00:00Z"),
        *("PackageVersion: 2", "SPDXID: SPDXRef-other", "PackageLicenseDeclared: MIT"),
        *("FilesAnalyzed: true", "PrimaryPackagePurpose: FILE", "PackageVerificationCode: b"),
        *("RelationshipComment: b", "PackageComment: <text>b</text>"),
    ],
)
def test_a_tag_that_should_be_there_once_and_is_again_is_an_error(again: str) -> None:
    tag = again.partition(":")[0]
    raw = f"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: app
DocumentNamespace: https://example.org/app
Creator: Tool: maker-1
Creator: Person: Ada
Created: 2026-01-02T03:04:05Z
PackageName: left
SPDXID: SPDXRef-left
PackageVersion: 1
PackageDownloadLocation: NONE
FilesAnalyzed: false
PackageVerificationCode: {CODE}
PackageLicenseDeclared: ISC
PackageComment: <text>a</text>
PrimaryPackagePurpose: LIBRARY
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-left
RelationshipComment: a
"""
    once, twice = read_sbom(raw.encode()), read_sbom(f"{raw}{again}\n".encode())
    assert once.findings == ()
    (found,) = twice.findings
    assert (found.rule, found.severity.value) == ("duplicate-key", "error")
    assert found.message == f"{tag} is written more than once; the first one was read"
    assert found.pointer == "line 20"
    assert [*twice.packages] == [*once.packages]
    with pytest.raises(MalformedDocument, match="more than once"):
        read_sbom(f"{raw}{again}\n".encode(), strict=True)
