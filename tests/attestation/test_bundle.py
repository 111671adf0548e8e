"""Bundles: told apart by media type, parsed without believing anything."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import pytest

from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE, Bundle, is_bundle_media_type
from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat
from provenance.settings import Limits

ENVELOPE: dict[str, Any] = {
    "payload": base64.b64encode(b"{}").decode(),
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [{"sig": "AAAA"}],
}
GOOD: dict[str, Any] = {
    "mediaType": BUNDLE_MEDIA_TYPE,
    "verificationMaterial": {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": [{}]},
    "dsseEnvelope": ENVELOPE,
}


def parse(**changes: Any) -> Bundle:
    document = {k: v for k, v in (GOOD | changes).items() if v is not ...}
    return Bundle.parse(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("media_type", "version"),
    [
        ("application/vnd.dev.sigstore.bundle+json;version=0.1", "0.1"),
        ("application/vnd.dev.sigstore.bundle+json;version=0.2", "0.2"),
        ("application/vnd.dev.sigstore.bundle+json;version=0.3", "0.3"),
        ("application/vnd.dev.sigstore.bundle.v0.3+json", "0.3"),
    ],
)
def test_every_version_is_read_in_each_spelling(media_type: str, version: str) -> None:
    found = parse(mediaType=media_type)
    assert (found.version, found.content, found.payload) == (version, "dsse", b"{}")
    assert is_bundle_media_type(media_type)


@pytest.mark.parametrize("media_type", ["application/vnd.dev.sigstore.bundle.v0.4+json", ..., 3])
def test_another_version_is_not_read(media_type: object) -> None:
    with pytest.raises(UnsupportedFormat, match="no Sigstore bundle"):
        parse(mediaType=media_type)


def test_what_it_is_signed_with_is_told() -> None:
    assert (parse().has_certificate, parse().has_key) == (True, False)
    keyed = parse(verificationMaterial={"publicKey": {"hint": ""}})
    assert (keyed.has_certificate, keyed.has_key, keyed.log_entries) == (False, True, ())
    blob = parse(dsseEnvelope=..., messageSignature={"signature": "AAAA"})
    assert (blob.content, blob.signature_count) == ("message-signature", 0)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"verificationMaterial": ...}, "/verificationMaterial"),
        ({"verificationMaterial": []}, "/verificationMaterial"),
        ({"verificationMaterial": {"tlogEntries": {"a": 1}}}, "/verificationMaterial/tlogEntries"),
        ({"verificationMaterial": {"tlogEntries": [1]}}, "/verificationMaterial/tlogEntries"),
        ({"dsseEnvelope": ...}, ""),
        ({"messageSignature": {}}, ""),
        ({"dsseEnvelope": []}, "/dsseEnvelope"),
        ({"dsseEnvelope": ENVELOPE | {"payload": 1}}, "/dsseEnvelope/payload"),
        ({"dsseEnvelope": ENVELOPE | {"payloadType": None}}, "/dsseEnvelope"),
        ({"dsseEnvelope": ENVELOPE | {"payload": "A"}}, "/dsseEnvelope/payload"),
        ({"dsseEnvelope": ENVELOPE | {"payload": "AA AA"}}, "/dsseEnvelope/payload"),
        ({"dsseEnvelope": ENVELOPE | {"payload": "ÄÄÄÄ"}}, "/dsseEnvelope/payload"),
        ({"dsseEnvelope": ENVELOPE | {"signatures": []}}, "/dsseEnvelope/signatures"),
        ({"dsseEnvelope": ENVELOPE | {"signatures": "x"}}, "/dsseEnvelope/signatures"),
    ],
)
def test_a_fault_is_pointed_at(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        parse(**changes)
    assert caught.value.pointer == pointer


def test_the_bytes_are_kept_and_pickled() -> None:
    raw = b" " + json.dumps(GOOD, indent=3).encode()
    found = Bundle.parse(raw)
    assert found.raw == raw
    assert pickle.loads(pickle.dumps(found)) == found


def test_the_limit_is_named() -> None:
    with pytest.raises(LimitExceeded, match=r"Limits\.bundle_bytes"):
        Bundle.parse(b"x" * 11, limits=Limits(bundle_bytes=10))


def test_the_payload_is_not_in_the_repr() -> None:
    assert "payload=" not in repr(parse())


def test_fields_are_read_in_either_spelling() -> None:
    assert parse(mediaType=..., media_type=BUNDLE_MEDIA_TYPE).version == "0.3"
    assert parse(dsseEnvelope=..., dsse_envelope=ENVELOPE).payload == b"{}"


@pytest.mark.parametrize(
    "changes",
    [
        {"media_type": BUNDLE_MEDIA_TYPE},
        {"dsse_envelope": ENVELOPE},
        {"verification_material": {}},
        {"dsseEnvelope": ENVELOPE | {"payload_type": "x"}},
    ],
)
def test_a_field_in_both_spellings_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedDocument, match="has both"):
        parse(**changes)
