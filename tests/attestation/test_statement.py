from __future__ import annotations

import base64
import io
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation import ResourceDescriptor, Statement, read_statement
from provenance.attestation.bundle import Bundle
from provenance.attestation.predicate_types import family, matches, resolve_predicate_type
from provenance.digests import Digest
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = Digest.of(b"x")
GOOD: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app", "digest": {"sha256": DIGEST.hex}}],
    "predicateType": "https://example.org/v1",
    "predicate": {"a": 1},
}


def raw(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": [{"digest": {"sha256": DIGEST.hex}}]},
        {"subject": [{"name": None, "digest": {"sha256": DIGEST.hex, "gitCommit": "abc"}}]},
        {"subject": [{"name": "b", "digest": {"sha1": "x"}}, *GOOD["subject"]]},
        {"predicate": "SPDX tag-value text"},
        {"predicate": None},
    ],
)
def test_statements_as_honest_tools_write_them(changes: dict[str, Any]) -> None:
    found = Statement.parse(raw(**changes))
    assert found.is_about(DIGEST)
    assert not found.is_about(Digest.of(b"y"))
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"_type": "https://in-toto.io/Statement/v2"}, UnsupportedFormat),
        ({"_type": 1}, UnsupportedFormat),
        ({"subject": []}, MalformedDocument),
        ({"subject": "x"}, MalformedDocument),
        ({"subject": [{"digest": "x"}]}, MalformedDocument),
        ({"subject": [{"digest": {"sha256": 1}}]}, MalformedDocument),
        ({"subject": [{"name": 1, "digest": {}}]}, MalformedDocument),
        ({"predicateType": ""}, MalformedDocument),
        ({"predicateType": 1}, MalformedDocument),
    ],
)
def test_what_is_no_statement_is_refused(changes: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Statement.parse(raw(**changes))


def test_a_digest_of_another_algorithm_is_another_digest() -> None:
    found = Statement.parse(raw(subject=[{"name": "x", "digest": {"sha512": DIGEST.hex}}]))
    assert not found.is_about(DIGEST)


def test_a_predicate_in_bytes_comes_back_as_it_was() -> None:
    predicate = b'{ "b" : 1.0,\n "a": "\\u00e9" }'
    built = Statement.build([ResourceDescriptor("app", {"sha256": DIGEST.hex})], "urn:x", predicate)
    assert built.predicate_bytes == predicate
    with pytest.raises(MalformedDocument):
        Statement.build([ResourceDescriptor("app", {"sha256": "x"})], "urn:x", b"{")


@given(st.binary(max_size=300))
def test_no_bytes_escape_the_typed_errors(data: bytes) -> None:
    for parse in (Statement.parse, Bundle.parse, read_statement):
        with pytest.raises(ProvenanceError):
            parse(data)


def test_a_statement_is_read_out_of_what_carries_it(tmp_path: Path) -> None:
    envelope = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.b64encode(raw()).decode(),
        "signatures": [{"sig": "eA=="}],
    }
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"tlogEntries": []},
        "dsseEnvelope": envelope,
    }
    path = tmp_path / "att.json"
    for document in (GOOD, envelope, bundle):
        path.write_bytes(json.dumps(document).encode())
        assert read_statement(path) == read_statement(io.BytesIO(path.read_bytes()))
        assert read_statement(str(path)).predicate == {"a": 1}
    with pytest.raises(LimitExceeded):
        read_statement(path, limits=Limits(bundle_bytes=10))
    with pytest.raises(NotFound):
        read_statement(tmp_path / "absent")
    with pytest.raises(UnsupportedFormat):
        read_statement(b'{"a": 1}')


FAMILIES = {
    "https://slsa.dev/provenance/v0.2": "slsa-provenance",
    "https://slsa.dev/provenance/v1": "slsa-provenance",
    "https://spdx.dev/Document": "spdx",
    "https://spdx.dev/Document/v2.3": "spdx",
    "https://cyclonedx.org/bom/v1.6": "cyclonedx",
    "https://sigstore.dev/cosign/sign/v1": "signature",
    "https://slsa.dev/provenance/v1/evil": "https://slsa.dev/provenance/v1/evil",
    "xhttps://spdx.dev/Document": "xhttps://spdx.dev/Document",
}


@pytest.mark.parametrize(("predicate_type", "name"), FAMILIES.items())
def test_families_match_in_full(predicate_type: str, name: str) -> None:
    assert family(predicate_type) == name
    assert matches(predicate_type, name)
    assert matches(predicate_type, "any")
    assert matches(predicate_type, "sbom") is (name in {"spdx", "cyclonedx"})


def test_names_of_types_to_write() -> None:
    assert resolve_predicate_type("spdxjson") == "https://spdx.dev/Document"
    assert resolve_predicate_type("slsaprovenance02") == "https://slsa.dev/provenance/v0.2"
    assert resolve_predicate_type("https://example.org/x") == "https://example.org/x"
    with pytest.raises(ValueError, match="use a URI"):
        resolve_predicate_type("nonsense")
