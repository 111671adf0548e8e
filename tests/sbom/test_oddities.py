"""What is odd in a document is a finding with a pointer, and the rest of it is read."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sbom.made_documents import (
    CYCLONEDX,
    GITHUB,
    SPDX,
    SPDX_3,
    SYFT,
    TAG_VALUE,
    in_json,
    in_xml,
    in_yaml,
)

from provenance.findings import Severity
from provenance.sbom import read_sbom
from provenance.sbom.decoding.json_oddities import examine_json

GONE = object()


def changed(document: dict[str, Any], pointer: str, value: Any) -> bytes:
    """The document with another value, or none, at a pointer."""
    out = copy.deepcopy(document)
    at: Any = out
    steps: list[Any] = [int(s) if s.isdigit() else s for s in pointer.split("/")[1:]]
    last = steps.pop()
    for step in steps:
        at = at[step]
    if value is GONE:
        del at[last]
    elif isinstance(at, list) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    return in_json(out)


def found(raw: bytes) -> list[tuple[str, str]]:
    sbom = read_sbom(raw)
    assert sbom.to_bytes() == raw
    assert "lib" in [p.name for p in sbom.packages]
    return [(finding.rule, finding.pointer) for finding in sbom.findings]


RELATIONSHIP = {"spdxElementId": "SPDXRef-app", "relatedSpdxElement": "SPDXRef-lib"}
TIME, CREATORS = "/creationInfo/created", "/creationInfo/creators"


@pytest.mark.parametrize(
    ("pointer", "value", "rule", "where"),
    [
        (TIME, "2022-12-27T23:08:17.349368Z", "odd-time", TIME),
        (TIME, "2022-12-27T23:08:17.349368123Z", "odd-time", TIME),
        (TIME, "2022-12-27T23:08:17+01:00", "odd-time", TIME),
        (TIME, "2022-12-27", "odd-time", TIME),
        (TIME, "yesterday", "odd-time", TIME),
        (TIME, GONE, "missing-field", TIME),
        (CREATORS, ["Tool"], "odd-actor", f"{CREATORS}/0"),
        (CREATORS, ["Person: x", "Tool: "], "odd-actor", f"{CREATORS}/1"),
        (CREATORS, ["NOASSERTION"], "odd-actor", f"{CREATORS}/0"),
        (CREATORS, [None], "odd-actor", f"{CREATORS}/0"),
        (CREATORS, [], "missing-field", CREATORS),
        (CREATORS, "Tool: a", "missing-field", CREATORS),
        ("/creationInfo", "x", "odd-value", "/creationInfo"),
        ("/packages/0/supplier", "Acme", "odd-actor", "/packages/0/supplier"),
        ("/packages/1/originator", "Person:x", "odd-actor", "/packages/1/originator"),
        ("/packages/0/versionInfo", 7, "odd-value", "/packages/0/versionInfo"),
        ("/packages/1/homepage", {}, "odd-value", "/packages/1/homepage"),
        ("/packages/1/checksums", "x", "odd-value", "/packages/1/checksums"),
        ("/packages/1/externalRefs/1", 7, "odd-value", "/packages/1/externalRefs/1"),
        ("/files/0/fileName", 7, "odd-value", "/files/0/fileName"),
        ("/files/1", "x", "odd-value", "/files/1"),
        ("/packages/0/releaseDate", "today", "odd-time", "/packages/0/releaseDate"),
        ("/packages/0/SPDXID", "SPDXRef-lib", "duplicate-id", ""),
        ("/packages/0/name", GONE, "missing-field", "/packages/0/name"),
        ("/packages/0/hasFiles", ["SPDXRef-x"], "dangling-reference", "/packages/0/hasFiles/0"),
        ("/files/0/checksums", GONE, "missing-checksum", "/files/0/checksums"),
        ("/files/0/checksums/0/algorithm", "MD5", "missing-checksum", "/files/0/checksums"),
        ("/documentDescribes", ["SPDXRef-x"], "dangling-reference", "/documentDescribes/0"),
        (
            "/relationships/1",
            RELATIONSHIP | {"relationshipType": "LOVES"},
            "unknown-relationship",
            "/relationships/1/relationshipType",
        ),
        (
            "/relationships/1",
            RELATIONSHIP | {"relationshipType": {"a": 1}},
            "unknown-relationship",
            "/relationships/1/relationshipType",
        ),
        (
            "/relationships/1",
            RELATIONSHIP | {"relationshipType": "OTHER", "relatedSpdxElement": "SPDXRef-x"},
            "dangling-reference",
            "/relationships/1/relatedSpdxElement",
        ),
        ("/annotations/0/annotator", "Jane", "odd-actor", "/annotations/0/annotator"),
        ("/documentNamespace", GONE, "missing-field", "/documentNamespace"),
        (
            "/externalDocumentRefs",
            [{"externalDocumentId": "DocumentRef-a", "spdxDocument": "urn:a"}],
            "missing-checksum",
            "/externalDocumentRefs/0",
        ),
    ],
)
def test_oddities_of_spdx_2(pointer: str, value: Any, rule: str, where: str) -> None:
    assert (rule, where) in found(changed(SPDX, pointer, value))


def test_pointers_into_what_github_exports_begin_at_its_root() -> None:
    raw = changed(GITHUB, "/sbom/creationInfo/created", "2022-12-27T23:08:17.349368Z")
    assert found(raw) == [("odd-time", "/sbom/creationInfo/created")]
    raw = changed(GITHUB, "/sbom/packages/0/versionInfo", 7)
    assert found(raw) == [("odd-value", "/sbom/packages/0/versionInfo")]


@pytest.mark.parametrize("raw", [TAG_VALUE, in_yaml(SPDX), in_xml(SPDX)])
def test_other_syntaxes_have_the_same_oddities(raw: bytes) -> None:
    odd = raw.replace(b"03:04:05Z", b"03:04:05.25Z").replace(b"Tool: maker-1.0", b"Tool maker")
    odd = odd.replace(b"lib DEPENDENCY_OF", b"lib LOVES").replace(b"DEPENDENCY_OF", b"LOVES")
    sbom = read_sbom(odd)
    assert sbom.created is not None
    assert {finding.rule for finding in sbom.findings} == {
        *("odd-time", "odd-actor", "unknown-relationship"),
    }


@pytest.mark.parametrize(
    ("pointer", "value", "rule", "where"),
    [
        ("/metadata/timestamp", "yesterday", "odd-time", "/metadata/timestamp"),
        ("/metadata/timestamp", "2026-01-02 03:04:05", "odd-time", "/metadata/timestamp"),
        ("/serialNumber", "3e671687", "odd-serial-number", "/serialNumber"),
        ("/components/0/bom-ref", "lib", "duplicate-id", "/components"),
        ("/components/0/name", GONE, "missing-field", "/components/0/name"),
        ("/components/1/hashes/0/content", "x", "odd-hash", "/components/1/hashes/0/content"),
        ("/components/0", 7, "odd-value", "/components/0"),
        ("/components/0/version", 7, "odd-value", "/components/0/version"),
        ("/dependencies/0/ref", "x", "dangling-reference", "/dependencies/0/ref"),
        ("/dependencies/0/dependsOn/1", "x", "dangling-reference", "/dependencies/0/dependsOn/1"),
        ("/dependencies/0/dependsOn/1", 7, "odd-value", "/dependencies/0/dependsOn/1"),
        (
            "/components/0/components",
            [{"type": "library"}],
            "missing-field",
            "/components/0/components/0/name",
        ),
    ],
)
def test_oddities_of_cyclonedx(pointer: str, value: Any, rule: str, where: str) -> None:
    assert (rule, where) in found(changed(CYCLONEDX, pointer, value))


def test_fractions_and_offsets_are_nothing_odd_in_cyclonedx() -> None:
    for time in ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05+02:00"):
        assert found(changed(CYCLONEDX, "/metadata/timestamp", time)) == []


@pytest.mark.parametrize(
    ("pointer", "value", "rule", "where"),
    [
        ("/@graph/0/created", "2026-01-02T03:04:05.5Z", "odd-time", "/@graph/0/created"),
        ("/@graph/2/rootElement/0", "urn:x", "dangling-reference", "/@graph/2/rootElement/0"),
        ("/@graph/3/type", 7, "missing-field", "/@graph/3/type"),
        ("/@graph/6/spdxId", "urn:needs", "duplicate-id", "/@graph"),
        ("/@graph/5/from", "urn:x", "dangling-reference", "/@graph/5/from"),
        ("/@graph/5/to/0", "urn:x", "dangling-reference", "/@graph/5/to/0"),
        (
            "/@graph/5/relationshipType",
            "loves",
            "unknown-relationship",
            "/@graph/5/relationshipType",
        ),
        ("/@graph/5/relationshipType", [1], "unknown-relationship", "/@graph/5/relationshipType"),
        ("/@graph/6", 7, "odd-value", "/@graph/6"),
    ],
)
def test_oddities_of_spdx_3(pointer: str, value: Any, rule: str, where: str) -> None:
    assert (rule, where) in found(changed(SPDX_3, pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value", "rule", "where"),
    [
        ("/artifacts/0", 7, "odd-value", "/artifacts/0"),
        ("/artifacts/0/licenses", "MIT", "odd-value", "/artifacts/0/licenses"),
        ("/artifacts/0/version", {}, "odd-value", "/artifacts/0/version"),
        ("/artifactRelationships/0/parent", 7, "odd-value", "/artifactRelationships/0"),
        ("/artifactRelationships/0/parent", "x", "dangling-reference", "/artifactRelationships/0"),
        ("/source", [], "odd-value", "/source"),
    ],
)
def test_oddities_of_syft(pointer: str, value: Any, rule: str, where: str) -> None:
    assert (rule, where) in found(changed(SYFT, pointer, value))


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        (b'{"a": 1, "a": 2}', ["/a"]),
        (b'{"a" : 1,"b/c~":[{"d":1},{"d":1,"e":2,"d":3}]}', ["/b~1c~0/1/d"]),
        (b'{"a": {"x": 1, "x": 1}, "b": {"y": 1, "y": 1, "y": 2}}', ["/a/x", "/b/y"]),
        (b'{"a": "\\":", "b": " :", "c": 1}', []),
        (b'{"\\u0061": 1, "a": 2}', ["/a"]),
        (b'{"a": "\\":", "b" : 1, "b" : 2}', ["/b"]),
    ],
)
def test_keys_written_twice_are_errors_at_their_place(raw: bytes, pointers: list[str]) -> None:
    value, findings = examine_json(raw)
    assert value == json.loads(raw)
    assert [f.pointer for f in findings] == pointers
    assert {(f.rule, f.severity) for f in findings} <= {("duplicate-key", Severity.ERROR)}


KEYS = st.text(alphabet='a":\\ \n/~', max_size=3)
VALUES = st.recursive(
    st.one_of(KEYS, st.integers(0, 9), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(st.tuples(KEYS, inner)).map(tuple)
    ),
    max_leaves=12,
)


def spelled(value: Any, blank: str) -> tuple[str, int]:
    """JSON of objects given as tuples of pairs, and how many keys in it come again."""
    if isinstance(value, tuple):
        parts = [(json.dumps(key), *spelled(inner, blank)) for key, inner in value]
        again = len({key for key, _ in value if [k for k, _ in value].count(key) > 1})
        text = ",".join(f"{key}{blank}:{inner}" for key, inner, _ in parts)
        kept = {key: count for key, _, count in parts}  # an object that is dropped is not looked at
        return f"{{{text}}}", again + sum(kept.values())
    if isinstance(value, list):
        parts_ = [spelled(inner, blank) for inner in value]
        return f"[{','.join(t for t, _ in parts_)}]", sum(n for _, n in parts_)
    return json.dumps(value), 0


@given(VALUES, st.sampled_from(["", " ", "\n", "  \t"]))
def test_every_key_written_twice_is_found_whatever_the_texts(value: Any, blank: str) -> None:
    text, again = spelled(value, blank)
    decoded, findings = examine_json(text.encode())
    assert decoded == json.loads(text)
    assert len(findings) == again


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"NaN", ""),
        (b"-Infinity", ""),
        (b'"a\tb"', "a\tb"),
        (b'"a\xffb"', "a\ufffdb"),
        (b'"a\\ud800b"', "a\ufffdb"),
    ],
)
def test_what_is_no_strict_json_is_read_with_a_finding(value: bytes, read: str) -> None:
    raw = in_json(CYCLONEDX).replace(b'"2.10"', value)
    sbom = read_sbom(raw)
    assert [p.version for p in sbom.packages if p.name == "lib"] == [read]
    assert "not-strict-json" in {f.rule for f in sbom.findings}


def test_numbers_beyond_what_others_take_are_read_as_texts() -> None:
    raw = in_json(CYCLONEDX)[:-1] + b',"x":[1e999,' + b"9" * 5000 + b"]}"
    assert {f.rule for f in read_sbom(raw).findings} == {"not-strict-json"}


def test_findings_of_one_kind_are_counted_beyond_a_hundred() -> None:
    files = [{"SPDXID": f"SPDXRef-{n}", "fileName": f"./{n}"} for n in range(1234)]
    findings = read_sbom(in_json(SPDX | {"files": files})).findings
    assert len(findings) == 101
    assert findings[-1].message == "and 1,134 more of the same kind"


def test_a_mark_before_json_is_noted() -> None:
    (finding,) = read_sbom(b"\xef\xbb\xbf" + in_json(SPDX)).findings
    assert (finding.rule, finding.severity) == ("byte-order-mark", Severity.INFO)


def test_two_hashes_of_one_algorithm_are_told() -> None:
    """Readers that take the first see another hash than those that take the last."""
    a, b = "a" * 64, "b" * 64
    two = [{"alg": "SHA-256", "content": a}, {"alg": "SHA-256", "content": b}]
    raw = in_json({**CYCLONEDX, "components": [{"type": "library", "name": "lib", "hashes": two}]})
    assert ("odd-hash", "/components/0/hashes/1/content") in found(raw)
    two[1] = {"alg": "SHA-256", "content": a.upper()}
    raw = in_json({**CYCLONEDX, "components": [{"type": "library", "name": "lib", "hashes": two}]})
    assert "odd-hash" not in [rule for rule, _ in found(raw)]
    sums = [{"algorithm": "SHA256", "checksumValue": x} for x in (a, b)]
    raw = changed(SPDX, "/packages/1/checksums", sums)
    assert ("odd-hash", "/packages/1/checksums/1/checksumValue") in found(raw)


def test_an_element_of_xml_that_comes_twice_is_told() -> None:
    raw = (
        b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components><component type="library">'
        b"<name>other</name><name>lib</name><version>1</version></component></components></bom>"
    )
    sbom = read_sbom(raw)
    assert [p.name for p in sbom.packages] == ["lib"]
    (finding,) = sbom.findings
    assert (finding.rule, finding.severity) == ("duplicate-key", Severity.ERROR)
    assert "'name'" in finding.message


@pytest.mark.parametrize("kind", ["https://spdx.org/rdf/3.0.1/terms/Software/Package", ["x"]])
def test_a_class_that_is_not_named_as_the_context_does_is_told(kind: Any) -> None:
    graph = [*SPDX_3["@graph"], {"type": kind, "spdxId": "urn:x:a", "name": "a"}]
    at = f"/@graph/{len(graph) - 1}/type"
    assert at in [where for _, where in found(in_json({**SPDX_3, "@graph": graph}))]
