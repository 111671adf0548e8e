"""Any document is told by its content, read, and handed back to the byte."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from typing import TYPE_CHECKING

import pytest
from tests.sbom.made_documents import (
    BY_NAME,
    CYCLONEDX,
    CYCLONEDX_1_0,
    CYCLONEDX_XML,
    SPDX,
    SPDX_3,
    TAG_VALUE,
    in_json,
    in_xml,
    in_yaml,
)

from provenance.attestation import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import LimitExceeded, MalformedDocument, NotFound, UnsupportedFormat
from provenance.sbom import Format, read_sbom
from provenance.settings import Limits
from provenance.testing.layers import _zstd  # the module, whichever Python has it

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = sorted(BY_NAME.items())
EVERY = pytest.mark.parametrize(("name", "raw"), PAIRS, ids=[name for name, _ in PAIRS])
MIB = 1 << 20


def rules(raw: bytes) -> list[str]:
    return sorted({finding.rule for finding in read_sbom(raw).findings})


@EVERY
def test_every_format_is_told_read_and_returned_to_the_byte(name: str, raw: bytes) -> None:
    sbom = read_sbom(raw)
    assert sbom.format.value == name
    assert sbom.to_bytes() == raw
    assert sbom.findings == ()
    (library,) = [p for p in sbom.packages if p.name == "lib"]
    assert library.version == "2.10"
    assert library.hashes == {"sha256": "b" * 64} or name == "syft-json"
    assert library.purl == "pkg:npm/lib@2.10" or name.endswith("rdf")
    if not name.endswith("rdf"):
        (path,) = sbom.dependencies.paths_to("pkg:npm/lib@2.10")
        assert path[-1] == library
    assert pickle.loads(pickle.dumps(sbom)).packages == sbom.packages


@EVERY
def test_the_name_of_a_file_says_nothing(name: str, raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpeg"
    path.write_bytes(raw)
    found = read_sbom(path)
    assert found.format.value == name
    assert read_sbom(io.BytesIO(raw)) == read_sbom(str(path)) == found


def test_all_syntaxes_of_spdx_2_say_the_same() -> None:
    wanted = read_sbom(BY_NAME["spdx-2.3"])
    for name in ("spdx-2.3-yaml", "spdx-2.3-xml", "spdx-2.3-tag-value", "github-sbom"):
        found = read_sbom(BY_NAME[name])
        assert list(found.packages) == list(wanted.packages), name
        assert found.files == wanted.files, name
        assert found.created == wanted.created, name
        assert found.dependencies.edges == wanted.dependencies.edges, name


@EVERY
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_other_encodings_are_read(name: str, raw: bytes, encoding: str) -> None:
    text = raw.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    wide = text.encode(encoding)
    found = read_sbom(wide)
    assert found.format.value == name
    assert found.to_bytes() == wide
    assert list(found.packages) == list(read_sbom(raw).packages)
    if encoding != "utf-8-sig":
        assert [f.rule for f in found.findings] == ["not-utf-8"]


SUBJECTS = (ResourceDescriptor(name="image", digest={"sha256": Digest.of(b"image").hex}),)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("https://cyclonedx.org/bom", "cyclonedx-1.6"),
        ("https://cyclonedx.org/bom/v1.6", "cyclonedx-1.6-xml"),
        ("https://spdx.dev/Document", "spdx-2.3"),
        ("https://spdx.dev/Document/v3", "spdx-3.0"),
        ("https://spdx.dev/Document", "spdx-2.3-tag-value"),
    ],
)
def test_a_statement_carries_it_unchecked(kind: str, name: str) -> None:
    raw = BY_NAME[name]
    predicate = raw if raw[:1] == b"{" else json.dumps(raw.decode()).encode()
    found = read_sbom(Statement.build(SUBJECTS, kind, predicate))
    assert found.format.value == name
    assert found.to_bytes() == raw
    assert [f.rule for f in found.findings] == ["signature-not-checked"]


def test_a_statement_is_no_sbom_itself() -> None:
    raw = json.dumps({"_type": "x", "predicateType": "y", "predicate": {}}).encode()
    with pytest.raises(UnsupportedFormat, match="read_statement"):
        read_sbom(raw)


@EVERY
@pytest.mark.parametrize("kind", ["gzip", "two gzip members", "zstd", "padded gzip"])
def test_a_compressed_document_is_that_document(name: str, raw: bytes, kind: str) -> None:
    half = len(raw) // 2
    packed = {
        "gzip": gzip.compress(raw, mtime=0),
        "two gzip members": gzip.compress(raw[:half], mtime=0) + gzip.compress(raw[half:], mtime=0),
        "zstd": _zstd().compress(raw),
        "padded gzip": gzip.compress(raw, mtime=0) + b"\0" * 512,
    }[kind]
    found = read_sbom(packed)
    assert found.format.value == name
    assert found.to_bytes() == raw


@pytest.mark.parametrize("pack", [gzip.compress, lambda raw: _zstd().compress(raw)])
def test_what_a_compressed_document_expands_to_is_capped(pack: object) -> None:
    packed = pack(b" " * (64 * MIB))  # type: ignore[operator]
    assert len(packed) < 128 << 10
    with pytest.raises(LimitExceeded, match="expands to more than 1048576 bytes"):
        read_sbom(packed, limits=Limits(document_bytes=MIB))


@pytest.mark.parametrize(
    ("raw", "kind", "said"),
    [
        (gzip.compress(BY_NAME["spdx-2.3"], mtime=0)[:-9], MalformedDocument, "ends in the middle"),
        (b"\x1f\x8b" + b"x" * 99, MalformedDocument, "cannot be decompressed"),
        (b"\x28\xb5\x2f\xfd" + b"x" * 99, MalformedDocument, "cannot be decompressed"),
        (b"BZh9xxxxx", UnsupportedFormat, "bzip2"),
        (b"PK\x03\x04xxxx", UnsupportedFormat, "zip"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), MalformedDocument, "no JSON"),
    ],
)
def test_broken_and_other_compression_is_told(raw: bytes, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        read_sbom(raw)


@pytest.mark.parametrize("text", ["null", "true", "1", "-1.5", '"bomFormat"', "[]", "[[1]]"])
def test_json_that_is_no_object_is_no_sbom(text: str) -> None:
    with pytest.raises(UnsupportedFormat, match="no JSON object"):
        read_sbom(text.encode())


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\x89PNG\r\n", "begins with"),
        (b"hi", "begins with"),
    ],
)
def test_a_refusal_names_the_file_and_what_is_in_it(raw: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "app.json"
    path.write_bytes(raw)
    with pytest.raises(MalformedDocument, match=said) as refused:
        read_sbom(path)
    assert str(path) in str(refused.value)


def test_a_file_that_is_open_as_text_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "app.json"
    path.write_bytes(in_json(CYCLONEDX))
    with path.open() as file, pytest.raises(TypeError, match="mode 'rb'"):
        read_sbom(file)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "form", "rule"),
    [
        (in_json(CYCLONEDX | {"specVersion": "1.8"}), Format.CYCLONEDX_1_7, "unknown-version"),
        (in_json(CYCLONEDX | {"specVersion": "1.1"}), Format.CYCLONEDX_1_2, "unknown-version"),
        (in_json(CYCLONEDX | {"specVersion": 1.6}), Format.CYCLONEDX_1_7, "version-not-stated"),
        (in_json(CYCLONEDX | {"bomFormat": "cdx"}), Format.CYCLONEDX_1_6, "odd-format"),
        (
            CYCLONEDX_XML.replace(b"bom/1.6", b"bom/1.9"),
            Format.CYCLONEDX_1_7_XML,
            "unknown-version",
        ),
        (in_json(SPDX | {"spdxVersion": "SPDX-2.1"}), Format.SPDX_2_2, "unknown-version"),
        (in_json(SPDX | {"spdxVersion": "SPDX-2.9"}), Format.SPDX_2_3, "unknown-version"),
        (in_yaml(SPDX | {"spdxVersion": "SPDX-2.1"}), Format.SPDX_2_2_YAML, "unknown-version"),
        (in_xml(SPDX | {"spdxVersion": ""}), Format.SPDX_2_3_XML, "version-not-stated"),
        (
            TAG_VALUE.replace(b"SPDXVersion: SPDX-2.3", b""),
            Format.SPDX_2_3_TAG,
            "version-not-stated",
        ),
        (
            in_json(SPDX_3 | {"@context": "https://spdx.org/rdf/3.1.0/spdx-context.jsonld"}),
            Format.SPDX_3_0,
            "unknown-version",
        ),
        (in_json({"@graph": SPDX_3["@graph"]}), Format.SPDX_3_0, "version-not-stated"),
    ],
)
def test_an_unknown_version_is_read_as_the_nearest(raw: bytes, form: Format, rule: str) -> None:
    found = read_sbom(raw)
    assert found.format is form
    assert rule in [finding.rule for finding in found.findings]
    assert [p.name for p in found.packages][-1] == "lib"
    assert found.to_bytes() == raw


def test_a_document_of_two_formats_is_an_error_whatever_it_is_read_as() -> None:
    for more in (
        {"spdxVersion": "SPDX-2.3", "packages": []},
        {"sbom": {"spdxVersion": "SPDX-2.3"}},
        {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []},
        {"descriptor": {"name": "syft"}, "artifacts": []},
    ):
        raw = json.dumps({**CYCLONEDX, **more}).encode()
        assert "several-formats" in rules(raw)
        with pytest.raises(MalformedDocument, match="CycloneDX"):
            read_sbom(raw, strict=True)
    assert all("several-formats" not in rules(raw) for raw in BY_NAME.values())


class Drops(io.BytesIO):
    """A file that gives a few bytes at a time, as pipes and sockets do."""

    most = 7

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


def test_a_file_that_gives_less_than_was_asked_for_is_read_to_its_end() -> None:
    raw = BY_NAME["spdx-2.3-tag-value"]
    for most in (7, len(raw) - 1, len(raw) // 2, len(raw)):
        file, again = Drops(raw), Drops(raw)
        file.most = again.most = most
        assert read_sbom(file).to_bytes() == raw
        with pytest.raises(LimitExceeded):
            read_sbom(again, limits=Limits(document_bytes=len(raw) - 1))
    with pytest.raises(TypeError, match="'rb'"):
        read_sbom(io.StringIO("{}"))  # type: ignore[arg-type]


def test_a_path_that_no_file_can_have_is_not_found() -> None:
    with pytest.raises(NotFound):
        read_sbom("a\0b")


def test_blanks_before_a_document_do_not_change_what_it_is() -> None:
    for name, raw in PAIRS:
        if raw.startswith((b"{", b"<bom", b"<Document")):
            assert read_sbom(b"\n" * 9999 + raw).format.value == name


def test_what_follows_zero_bytes_in_a_compressed_document_is_not_dropped() -> None:
    packed = gzip.compress(BY_NAME["spdx-2.3"])
    assert read_sbom(packed + b"\0" * 9).format.value == "spdx-2.3"
    with pytest.raises(MalformedDocument, match="zero bytes"):
        read_sbom(packed + b"\0" * 9 + packed)


def test_empty_members_without_end_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="members"):
        read_sbom(gzip.compress(b"") * 101_000)
    skipped = b"\x50\x2a\x4d\x18\4\0\0\0abcd"  # as pzstd begins
    raw = BY_NAME["spdx-2.3"]
    assert read_sbom(skipped + _zstd().compress(raw)).to_bytes() == raw


def test_a_carriage_return_alone_ends_a_line_of_tag_value() -> None:
    raw = b"SPDXVersion: SPDX-2.3\nPackageName: a\rPackageName: b\r\nPackageVersion: 1\n"
    assert [(p.name, p.version) for p in read_sbom(raw).packages] == [("a", ""), ("b", "1")]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("base: &b {name: a}\npackages: [{<<: *b}]", "merge-key"),
        ("packages: []\n---\nspdxVersion: SPDX-2.3", "several-documents"),
        ("packages: [{name: !!binary aGk=}]", "odd-value"),
        ("packages: [!!python/object:os.system {name: a}]", "odd-value"),
    ],
)
def test_yaml_of_which_others_make_more_is_told(text: str, rule: str) -> None:
    """Source: YAML 1.2.2, which has no merge keys; YAML 1.1 does, and its readers are many."""
    assert rule in rules(f"spdxVersion: SPDX-2.3\n{text}\n".encode())


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_first_versions_of_cyclonedx_are_xml(version: str) -> None:
    found = read_sbom(CYCLONEDX_1_0.replace(b"bom/1.0", f"bom/{version}".encode()))
    assert found.format.value == f"cyclonedx-{version}-xml"
    assert found.findings == ()
    lib, inner = found.packages
    assert (lib.name, lib.version, lib.purl) == ("lib", "2.10", "pkg:maven/org.example/lib@2.10")
    assert (lib.supplier, lib.licenses, lib.description) == ("Acme", ("MIT",), "A library")
    assert lib.hashes == {"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
    assert inner.name == "inner"


def test_a_patch_of_a_version_is_that_version() -> None:
    found = read_sbom(in_json(SPDX | {"spdxVersion": "SPDX-2.2.1"}))
    assert found.format is Format.SPDX_2_2
    assert found.findings == ()


def test_what_github_exports_bare_is_spdx() -> None:
    wrapped = read_sbom(BY_NAME["github-sbom"])
    assert wrapped.uri == "https://example.org/made"
    bare = read_sbom(in_json(json.loads(BY_NAME["github-sbom"])["sbom"]))
    assert bare.format is Format.SPDX_2_3
    assert bare.packages == wrapped.packages
    assert bare.tools == ("GitHub.com-Dependency-Graph",)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"bomFormat":"CycloneDX","specVersion":"1.6","components":' + b"[" * 100_000,
        in_json(CYCLONEDX)[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}",
        b"<Document>" + b"<a>" * 100_000,
        b"<Document>" + b"<a>" * 300 + b"</a>" * 300 + b"</Document>",
        CYCLONEDX_XML.replace(b"<components>", b"<components>" + b"<a>" * 100_000),
        b"spdxVersion: " + b"[" * 100_000,
        b"spdxVersion: SPDX-2.3\nx:\n" + b"".join(b" " * n + b"-\n" for n in range(1, 300)),
        b"spdxVersion: SPDX-2.3\nx: " + b"{a: " * 100_000,
        BY_NAME["spdx-2.3-rdf"].replace(b"<name>", b"<name>" * 100_000),
    ],
    ids=range(11),
)
def test_deep_nesting_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedDocument):
        # Packages are taken out quickly; that the rest is too deep is told with it.
        print(read_sbom(raw).findings)  # noqa: T201


def test_the_depth_is_what_limits_say() -> None:
    raw = in_json(CYCLONEDX)[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}"
    assert read_sbom(raw, limits=Limits(document_depth=400)).to_bytes() == raw
    with pytest.raises(MalformedDocument, match="more than 200 levels"):
        read_sbom(raw, strict=True)


@pytest.mark.parametrize("name", ["spdx-2.3-xml", "spdx-2.3-rdf", "cyclonedx-1.6-xml"])
def test_no_entity_is_expanded(name: str) -> None:
    head, separator, rest = BY_NAME[name].partition(b"?>")
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    with pytest.raises(MalformedDocument, match="DOCTYPE"):
        read_sbom(head + separator + bomb + rest)


def test_an_alias_bomb_is_refused() -> None:
    lines = ["spdxVersion: SPDX-2.3", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(MalformedDocument, match="aliases expand to more than"):
        read_sbom("\n".join(lines).encode())


def test_yaml_is_read_as_texts_and_aliases_within_reason_are_followed() -> None:
    raw = b"""\
%YAML 1.2
--- !!map
spdxVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
name: made
dataLicense: CC0-1.0
documentNamespace: https://example.org/made
creationInfo: {created: 2026-01-02T03:04:05Z, creators: [&who 'Organization: Acme ()']}
packages:
- {SPDXID: SPDXRef-a, name: a, versionInfo: 1.10, supplier: *who, filesAnalyzed: no}
- {SPDXID: SPDXRef-b, name: null, versionInfo: 2026-01-02, homepage: *nothing, name: b}
---
second: document
"""
    found = read_sbom(raw)
    assert [(p.name, p.version, p.supplier) for p in found.packages] == [
        ("a", "1.10", "Acme"),
        ("b", "2026-01-02", ""),
    ]
    assert found.created is not None
    assert [(f.rule, f.pointer) for f in found.findings] == [
        ("dangling-alias", "line 11"),
        ("duplicate-key", "line 11"),
        ("several-documents", "line 12"),
    ]


def test_a_text_field_of_xml_that_comes_twice_is_a_finding() -> None:
    raw = in_xml(SPDX).replace(b"<name>lib</name>", b"<name>first</name>\n<name>lib</name>")
    found = read_sbom(raw)
    assert [p.name for p in found.packages] == ["lib"]
    assert [(f.rule, f.pointer) for f in found.findings] == [("duplicate-key", "line 3")]


def test_strict_reading_refuses_what_has_errors() -> None:
    assert read_sbom(BY_NAME["spdx-2.3"], strict=True).findings == ()
    assert read_sbom(BY_NAME["syft-json"], strict=True).format is Format.SYFT_JSON
    twice = in_json(SPDX)[:-1] + b', "name": "again"}'
    with pytest.raises(MalformedDocument, match=r"more than once.*\(at /name\)"):
        read_sbom(twice, strict=True)
    with pytest.raises(MalformedDocument, match="not valid"):
        read_sbom(in_json(SPDX | {"files": "none"}), strict=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"<SpdxDocument ", b'<Agent rdf:about="urn:x"/><Document ', "holds 0 documents"),
        (b"<SpdxDocument ", b'<SpdxDocument rdf:about="urn:x#y"/><SpdxDocument ', "2 documents"),
        (b"#SPDXRef-DOCUMENT", b"", "no namespace"),
        (b'about="https://example.org/made#SPDXRef-D', b'about="#SPDXRef-D', "no namespace"),
        (b"<creationInfo>", b"<x>", "no XML"),
        (b"Tool: maker-1.0", b"maker", "no SPDX in RDF"),
    ],
)
def test_what_the_library_for_rdf_cannot_read_is_an_error_and_no_more(
    old: bytes, new: bytes, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    raw = BY_NAME["spdx-2.3-rdf"]
    assert old in raw
    if said == "holds 0 documents":
        raw = raw.replace(b"</SpdxDocument>", b"</Document>")
    with pytest.raises(MalformedDocument, match=said):
        read_sbom(raw.replace(old, new))
    assert capfd.readouterr() == ("", "")


def test_many_members_and_many_dependencies_of_one_take_no_time_to_speak_of() -> None:
    """Both were quadratic once: seconds then, milliseconds now, and no figure asserted."""
    members = gzip.compress(b" ", mtime=0) * 20_000 + gzip.compress(BY_NAME["spdx-2.3"])
    assert read_sbom(members).format is Format.SPDX_2_3
    edges = [{"ref": "app", "dependsOn": ["lib"]}] * 20_000
    found = read_sbom(in_json(CYCLONEDX | {"dependencies": edges}))
    assert len(found.dependencies) == 1


def test_what_is_attested_is_the_same_document_in_utf_8() -> None:
    wide = read_sbom(BY_NAME["spdx-2.3"].decode().encode("utf-16"))
    assert wide.predicate == BY_NAME["spdx-2.3"]
    exported = read_sbom(BY_NAME["github-sbom"])
    assert exported.predicate_type == "https://spdx.dev/Document"
    assert json.loads(exported.predicate) == json.loads(BY_NAME["github-sbom"])["sbom"]
    assert exported.predicate in BY_NAME["github-sbom"]


@pytest.mark.parametrize("ending", [".spdx.xml", ".spdx.rdf", ".spdx.rdf.xml"])
def test_a_file_that_is_named_after_a_format_has_no_other_in_it(
    ending: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedFormat, match="not written"):
        read_sbom(in_json(SPDX)).write(tmp_path / f"app{ending}")
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_but_not_written_is_copied_as_it_is(tmp_path: Path) -> None:
    raw = in_xml(SPDX)
    assert read_sbom(raw).write(tmp_path / "app.spdx.xml").read_bytes() == raw
