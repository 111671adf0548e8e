"""The log's entries and checkpoints, verified by the written formats."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import requests
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.log import Log


def request(
    data: bytes = b"data",
    *,
    curve: ec.EllipticCurve | None = None,
    details: str = "PKIX_ECDSA_P256_SHA_256",
    hashed: hashes.HashAlgorithm | None = None,
) -> dict[str, Any]:
    """A hashedrekord with a bare key, as `cosign sign --key` sends."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    algorithm = hashed or hashes.SHA256()
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    digest = hashlib.new(algorithm.name, data).digest()
    verifier = {"publicKey": {"rawBytes": b64(spki)}, "keyDetails": details}
    signature = {"content": b64(key.sign(data, ec.ECDSA(algorithm))), "verifier": verifier}
    return {"hashedRekordRequestV002": {"digest": b64(digest), "signature": signature}}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_checkpoint_is_a_signed_note() -> None:
    # C2SP signed-note: text, empty line, em dash, name, base64 of key id (4 bytes) and signature.
    log = Log("log.example")
    entry = log.append(b"body")
    envelope = entry["inclusionProof"]["checkpoint"]["envelope"]
    text, _, signature_line = envelope.partition("\n\n")
    assert text.split("\n") == ["log.example", "1", entry["inclusionProof"]["rootHash"]]
    dash, name, encoded = signature_line.rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", "log.example")
    key = serialization.load_der_public_key(log.public_key)
    assert isinstance(key, ed25519.Ed25519PublicKey)
    hint = hashlib.sha256(b"log.example\n\x01" + key.public_bytes_raw()).digest()
    assert base64.b64decode(entry["logId"]["keyId"]) == hint
    raw = base64.b64decode(encoded)
    assert raw[:4] == hint[:4]
    key.verify(raw[4:], f"{text}\n".encode())
    with pytest.raises(InvalidSignature):
        key.verify(raw[4:], text.encode())


def test_an_entry_has_the_body_of_the_request_in_canonical_json() -> None:
    log = Log("log.example")
    asked = request()
    entry = log.add(asked)
    body = base64.b64decode(entry["canonicalizedBody"])
    inner = asked["hashedRekordRequestV002"]
    document: dict[str, Any] = {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": inner["digest"]},
                "signature": inner["signature"],
            }
        },
    }
    assert body == rfc8785.dumps(document)
    assert entry["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}
    assert entry["logIndex"] == entry["inclusionProof"]["logIndex"] == "0"


def test_an_old_entry_is_proven_in_the_log_of_today() -> None:
    log = Log("log.example")
    first = log.append(b'{"kind":"other","apiVersion":"1"}')
    log.append(b"no json")
    again, second = log.entries
    assert (first["inclusionProof"]["treeSize"], first["inclusionProof"]["hashes"]) == ("1", [])
    assert again["inclusionProof"]["treeSize"] == "2"
    sibling = hashlib.sha256(b"\x00no json").digest()
    assert again["inclusionProof"]["hashes"] == [b64(sibling)]
    assert first["kindVersion"] == {"kind": "other", "version": "1"}
    assert second["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}
    with pytest.raises(IndexError):
        log.entry(2)


def test_a_forged_entry_changes_nothing() -> None:
    log = Log("log.example")
    log.append(b"real")
    entry = log.forge(b"claimed")
    assert log.bodies == [b"real"]
    assert base64.b64decode(entry["canonicalizedBody"]) == b"claimed"
    assert entry["inclusionProof"] == log.entry(0)["inclusionProof"] | {
        "checkpoint": entry["inclusionProof"]["checkpoint"]
    }


def test_an_empty_log_forges_too() -> None:
    log = Log("log.example")
    assert base64.b64decode(log.forge(b"claimed")["canonicalizedBody"]) == b"claimed"
    assert b"claimed" not in log.bodies


@pytest.mark.parametrize(
    ("curve", "details", "hashed", "name"),
    [
        (ec.SECP384R1(), "PKIX_ECDSA_P384_SHA_384", hashes.SHA384(), "SHA2_384"),
        (ec.SECP521R1(), "PKIX_ECDSA_P521_SHA_512", hashes.SHA512(), "SHA2_512"),
    ],
    ids=["P-384", "P-521"],
)
def test_larger_curves_are_logged(
    curve: ec.EllipticCurve, details: str, hashed: hashes.HashAlgorithm, name: str
) -> None:
    entry = Log("log.example").add(request(curve=curve, details=details, hashed=hashed))
    spec = json.loads(base64.b64decode(entry["canonicalizedBody"]))["spec"]
    assert spec["hashedRekordV002"]["data"]["algorithm"] == name


def test_what_proves_nothing_is_refused_and_not_logged() -> None:
    other = request(b"other")["hashedRekordRequestV002"]
    moved = request()
    moved["hashedRekordRequestV002"]["digest"] = other["digest"]
    unknown = request(details="PKIX_ED25519_PH")
    edwards = request()
    raw = ed25519.Ed25519PrivateKey.generate().public_key()
    spki = raw.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    verifier = edwards["hashedRekordRequestV002"]["signature"]["verifier"]
    verifier["publicKey"]["rawBytes"] = b64(spki)
    bodies = {
        "a signature over other data": (json.dumps(moved), "InvalidSignature"),
        "an unknown kind of key": (json.dumps(unknown), "PKIX_ED25519_PH"),
        "a key of another kind than said": (json.dumps(edwards), "PKIX_ECDSA_P256_SHA_256 is not"),
        "a dsse request": ('{"dsseRequestV002": {}}', "KeyError"),
        "a list": ("[]", "no JSON object"),
        "no JSON": ("{", "JSONDecodeError"),
        "a deep document": ("[" * 200_000, "RecursionError"),
    }
    with LocalSigstore() as sigstore:
        url = f"{sigstore.url}/api/v2/log/entries"
        assert requests.post(url, json=request(), timeout=10).status_code == 201
        for name, (body, why) in bodies.items():
            answer = requests.post(url, data=body, timeout=10)
            assert (answer.status_code, why in answer.json()["message"]) == (400, True), name
        assert len(sigstore.entries) == 1
