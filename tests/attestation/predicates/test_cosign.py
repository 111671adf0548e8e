"""What `cosign attest --type` makes of a file. Cosign itself is asked in tests/peers."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from provenance.attestation.predicates import predicate_of_file
from provenance.errors import MalformedDocument

LINK_FIELDS = ["_type", "name", "byproducts", "command", "materials", "products", "environment"]
NOW = dt.datetime(2026, 12, 1, 3, 4, 5, 999_999, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def test_custom_wraps_text_with_its_time() -> None:
    # cosign, generateCustomPredicate: {Data: string(file), Timestamp: RFC 3339 in UTC}
    predicate_type, body = predicate_of_file("custom", b'{"a": 1}\n', now=NOW)
    assert predicate_type == "https://cosign.sigstore.dev/attestation/v1"
    assert json.loads(body) == {"Data": '{"a": 1}\n', "Timestamp": "2026-12-01T02:04:05Z"}


def test_spdx_in_tag_value_is_one_string() -> None:
    text = "SPDXVersion: SPDX-2.3\nDocumentName: ü\n"
    predicate_type, body = predicate_of_file("spdx", text.encode())
    assert (predicate_type, json.loads(body)) == ("https://spdx.dev/Document", text)
    assert json.loads(predicate_of_file("spdx", b'{"a": 1}\n')[1]) == '{"a": 1}\n'


@pytest.mark.parametrize(
    ("word", "predicate_type", "body"),
    [
        ("spdxjson", "https://spdx.dev/Document", b'{"spdxVersion": "SPDX-2.3"}'),
        ("cyclonedx", "https://cyclonedx.org/bom", b'{"specVersion":"1.60",  "a":1.0}'),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1", b"{}"),
        ("openvex", "https://openvex.dev/ns", b"{}"),
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2", b'{"builder":{},"buildType":""}'),
        ("slsaprovenance02", "https://slsa.dev/provenance/v0.2", b'{"builder":{},"buildType":""}'),
        (
            "slsaprovenance1",
            "https://slsa.dev/provenance/v1",
            b'{"buildDefinition":{},"runDetails":{}}',
        ),
        (
            "link",
            "https://in-toto.io/Link/v1",
            json.dumps(dict.fromkeys(LINK_FIELDS, "x")).encode(),
        ),
        ("https://example.com/p", "https://example.com/p", b"{}"),
    ],
)
def test_json_is_kept_letter_by_letter(word: str, predicate_type: str, body: bytes) -> None:
    assert predicate_of_file(word, body + b"\n") == (predicate_type, body.strip())


@pytest.mark.parametrize(
    ("word", "body", "pointer"),
    [
        ("slsaprovenance", b'{"builder":{}}', "/buildType"),
        ("slsaprovenance1", b"{}", "/buildDefinition"),
        ("link", b"{}", "/_type"),
        ("cyclonedx", b"[]", ""),
        ("openvex", b"no", ""),
        ("openvex", b'{"a":1,"a":2}', ""),
        ("custom", b"\xff", ""),
        ("spdx", b"\xff", ""),
    ],
)
def test_what_cosign_would_refuse_is_refused(word: str, body: bytes, pointer: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        predicate_of_file(word, body)
    assert caught.value.pointer == pointer


def test_an_unknown_word_is_no_type() -> None:
    with pytest.raises(ValueError, match="no predicate type"):
        predicate_of_file("sbom", b"{}")
