"""Statements: read widely, written narrowly, never changed."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import MalformedDocument, ProvenanceError, UnsupportedFormat

SHA = Digest.of(b"an image")
GOOD: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app", "digest": {"sha256": SHA.hex}}],
    "predicateType": "https://example.com/p",
    "predicate": {"a": 1},
}


def parse(**changes: Any) -> Statement:
    document = {k: v for k, v in (GOOD | changes).items() if v is not ...}
    return Statement.parse(json.dumps(document).encode())


@pytest.mark.parametrize("version", ["v1", "v0.1"])
def test_both_versions_are_read(version: str) -> None:
    found = parse(_type=f"https://in-toto.io/Statement/{version}")
    assert found.subjects == (ResourceDescriptor("app", {"sha256": SHA.hex}),)
    assert found.is_about(SHA)
    assert not found.is_about(Digest.of(b"another"))


@pytest.mark.parametrize(
    "subject",
    [
        {"digest": {"sha256": SHA.hex}},
        {"name": None, "digest": {"sha256": SHA.hex}},
        {"digest": {"gitCommit": "abc", "sha256": SHA.hex, "dirHash": "h1:x"}},
        {"name": "a", "uri": "b", "digest": {"sha256": SHA.hex}, "annotations": {"k": [1]}},
    ],
)
def test_subjects_in_the_wild_are_read(subject: dict[str, Any]) -> None:
    assert parse(subject=[{"digest": {}}, subject]).is_about(SHA)


@pytest.mark.parametrize("predicate", ["SPDXVersion: SPDX-2.3", [1], 1.5, None, True, ...])
def test_any_predicate_is_read(predicate: object) -> None:
    found = parse(predicate=predicate)
    assert found.predicate == (None if predicate is ... else predicate)
    assert json.loads(found.predicate_bytes) == found.predicate


def test_the_predicates_bytes_are_the_signed_ones() -> None:
    raw = json.dumps(GOOD).encode().replace(b'{"a": 1}', b'{ "b":1.00,  "a" : "\\u0041" }')
    assert Statement.parse(raw).predicate_bytes == b'{ "b":1.00,  "a" : "\\u0041" }'


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"predicateType": ...}, "/predicateType"),
        ({"predicateType": ""}, "/predicateType"),
        ({"predicateType": 1}, "/predicateType"),
        ({"subject": ...}, "/subject"),
        ({"subject": []}, "/subject"),
        ({"subject": {}}, "/subject"),
        ({"subject": [{"digest": {}}] * 10_001}, "/subject"),
        ({"subject": [1]}, "/subject/0"),
        ({"subject": [{"digest": {}}, {"name": 1, "digest": {}}]}, "/subject/1/name"),
        ({"subject": [{"name": "a"}]}, "/subject/0/digest"),
        ({"subject": [{"digest": {"sha256": 1}}]}, "/subject/0/digest"),
        ({"subject": [{"digest": {}, "annotations": 1}]}, "/subject/0/annotations"),
        ({"subject": [{"digest": {}, "uri": 1}]}, "/subject/0/uri"),
        ({"subject": [{"digest": {}, "mediaType": 1}]}, "/subject/0/mediaType"),
        # Readers made from the protocol buffer know these spellings too.
        ({"predicate_type": "https://example.com/q"}, "/predicate_type"),
        ({"type": "https://in-toto.io/Statement/v1"}, "/type"),
        ({"subject": [{"digest": {}, "media_type": "x"}]}, "/subject/0/media_type"),
        ({"subject": [{"digest": {}, "download_location": ""}]}, "/subject/0/download_location"),
    ],
)
def test_a_fault_is_pointed_at(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse(**changes)
    assert caught.value.pointer == pointer


@pytest.mark.parametrize("kind", ["https://in-toto.io/Statement/v2", None, ..., 1, ["v1"]])
def test_another_type_is_not_read(kind: object) -> None:
    with pytest.raises(UnsupportedFormat, match="no in-toto statement"):
        parse(_type=kind)


@given(raw=st.binary(max_size=200))
def test_any_bytes_raise_our_errors(raw: bytes) -> None:
    with pytest.raises(ProvenanceError):
        Statement.parse(raw)


def test_what_is_built_is_compact_version_1_with_a_name() -> None:
    subject = ResourceDescriptor("ghcr.io/org/app", {"sha256": SHA.hex}, {"k": "v"})
    built = Statement.build([subject], "https://example.com/p", {"ü": 1})
    assert (
        built.raw
        == (
            '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"ghcr.io/org/app",'
            f'"digest":{{"sha256":"{SHA.hex}"}},"annotations":{{"k":"v"}}}}],'
            '"predicateType":"https://example.com/p","predicate":{"ü":1}}'
        ).encode()
    )


def test_a_predicate_in_bytes_is_embedded_as_it_is() -> None:
    subject = ResourceDescriptor("app", {"sha256": SHA.hex})
    body = b'{ "z": 1.0, "a": [ ] }'
    assert Statement.build([subject], "https://example.com/p", body).predicate_bytes == body


@pytest.mark.parametrize(
    "predicate",
    [
        {"a": float("nan")},
        {"a": object()},
        {"a": "\ud800"},
        b"{",
        b'{"a":1,"a":2}',
        b'{},"predicate":{}',
        b'{},"subject":[]',
        b"",
    ],
)
def test_a_predicate_that_is_no_json_is_refused(predicate: Any) -> None:
    subject = ResourceDescriptor("app", {"sha256": SHA.hex})
    with pytest.raises(MalformedDocument):
        Statement.build([subject], "https://example.com/p", predicate)


def test_bytes_cannot_add_to_the_statement_around_them() -> None:
    subject = ResourceDescriptor("app", {"sha256": SHA.hex})
    with pytest.raises(MalformedDocument):
        Statement.build([subject], "https://example.com/p", b'{},"extra":{}')


def test_it_pickles_compares_and_hashes() -> None:
    found = parse()
    again = pickle.loads(pickle.dumps(found))
    assert (again, hash(again), again.predicate) == (found, hash(found), {"a": 1})


def test_what_was_read_cannot_be_changed_in_place() -> None:
    digests: Any = parse().subjects[0].digest
    with pytest.raises(TypeError):
        digests["sha256"] = "0" * 64


def test_version_0_1_is_written_where_it_is_asked_for() -> None:
    subject = ResourceDescriptor("app", {"sha256": SHA.hex})
    built = Statement.build(
        [subject], "https://example.com/p", {}, statement_type="https://in-toto.io/Statement/v0.1"
    )
    assert built.type == "https://in-toto.io/Statement/v0.1"
    assert built.raw.startswith(b'{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name"')
    with pytest.raises(UnsupportedFormat):
        Statement.build([subject], "https://example.com/p", {}, statement_type="v1")


@pytest.mark.parametrize("predicate", ["SPDXVersion: SPDX-2.3\n", [1], None, True])
def test_a_predicate_of_any_json_type_is_written(predicate: Any) -> None:
    subject = ResourceDescriptor("app", {"sha256": SHA.hex})
    assert Statement.build([subject], "https://example.com/p", predicate).predicate == predicate


def test_a_statement_about_nothing_is_not_built() -> None:
    with pytest.raises(MalformedDocument):
        Statement.build([], "https://example.com/p", {})


def test_all_that_a_subject_says_is_read_and_written() -> None:
    subject = ResourceDescriptor(
        "app",
        {"sha256": SHA.hex},
        {"k": ["v"]},
        uri="https://example.com/app",
        media_type="application/octet-stream",
        download_location="https://example.com/app.tar",
        content="AA==",
    )
    (found,) = Statement.build([subject], "https://example.com/p", {}).subjects
    assert found == subject
    assert pickle.loads(pickle.dumps(found)) == found
