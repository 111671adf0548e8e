"""Rekor v1's API and entries, by its openapi.yaml and the code of its types."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.bodies_v1 import pae
from provenance.testing.sigstore.log_v1 import LogV1
from provenance.testing.sigstore.schemes import new_key, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRIES = "/api/v1/log/entries"
PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'
IN_TOTO = "application/vnd.in-toto+json"


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pem(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = key.public_key().public_bytes(serialization.Encoding.PEM, form)
    return found


def proposed(kind: str, spec: dict[str, Any], version: str = "0.0.1") -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "spec": spec}


def hashedrekord(data: bytes = b"data", key: Any = None, algorithm: str = "sha256") -> Any:
    key = key or new_key()
    digest = hashlib.new(algorithm, data).hexdigest()
    scheme = "ed25519ph" if "Ed25519" in type(key).__name__ else ""
    signature = {"content": b64(sign(key, data, scheme)), "publicKey": {"content": b64(pem(key))}}
    data_hash = {"hash": {"algorithm": algorithm, "value": digest}}
    return proposed("hashedrekord", {"data": data_hash, "signature": signature})


def envelope(key: Any) -> dict[str, Any]:
    signature = sign(key, pae(IN_TOTO, PAYLOAD))
    return {
        "payload": b64(PAYLOAD),
        "payloadType": IN_TOTO,
        "signatures": [{"sig": b64(signature)}],
    }


def dsse(key: Any = None, verifier: bytes = b"") -> Any:
    key = key or new_key()
    content = {
        "envelope": json.dumps(envelope(key)),
        "verifiers": [b64(verifier or pem(key))],
    }
    return proposed("dsse", {"proposedContent": content})


def intoto_001(key: Any = None) -> Any:
    key = key or new_key()
    content = {"envelope": json.dumps(envelope(key))}
    return proposed("intoto", {"content": content, "publicKey": b64(pem(key))})


def intoto_002(key: Any = None) -> Any:
    key = key or new_key()
    made = envelope(key)
    signature = made["signatures"][0]["sig"]
    whole = {
        "payload": b64(made["payload"].encode()),
        "payloadType": IN_TOTO,
        "signatures": [{"sig": b64(signature.encode()), "publicKey": b64(pem(key))}],
    }
    digest = hashlib.sha256(json.dumps(made).encode()).hexdigest()
    content = {"envelope": whole, "hash": {"algorithm": "sha256", "value": digest}}
    return proposed("intoto", {"content": content}, "0.0.2")


def add(sigstore: LocalSigstore, document: Any) -> requests.Response:
    return requests.post(sigstore.url + ENTRIES, json=document, timeout=10)


def only(answer: requests.Response) -> tuple[str, dict[str, Any]]:
    ((uuid, entry),) = answer.json().items()
    return uuid, entry


def body(entry: dict[str, Any]) -> dict[str, Any]:
    raw = base64.b64decode(entry["body"])
    document: dict[str, Any] = json.loads(raw)
    assert rfc8785.dumps(document) == raw
    return document


def sha256(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def test_an_entry_is_promised_by_the_log_s_key(sigstore: LocalSigstore) -> None:
    answer = add(sigstore, hashedrekord())
    assert answer.status_code == 201
    uuid, entry = only(answer)
    assert answer.headers["Location"] == f"{ENTRIES}/{uuid}"
    served = requests.get(f"{sigstore.url}/api/v1/log/publicKey", timeout=10).content
    key = serialization.load_pem_public_key(served)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signed = {name: entry[name] for name in ("body", "integratedTime", "logID", "logIndex")}
    promise = base64.b64decode(entry["verification"]["signedEntryTimestamp"])
    key.verify(promise, rfc8785.dumps(signed), ec.ECDSA(hashes.SHA256()))
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert entry["logID"] == hashlib.sha256(spki).hexdigest()


def test_its_uuid_is_the_tree_and_the_hash_of_the_leaf(sigstore: LocalSigstore) -> None:
    uuid, entry = only(add(sigstore, hashedrekord()))
    state = requests.get(f"{sigstore.url}/api/v1/log", timeout=10).json()
    assert int(uuid[:-64], 16) == int(state["treeID"])
    assert uuid[-64:] == hashlib.sha256(b"\0" + base64.b64decode(entry["body"])).hexdigest()


def test_the_checkpoint_is_a_note_by_the_same_key(sigstore: LocalSigstore) -> None:
    add(sigstore, hashedrekord(b"first"))
    _, entry = only(add(sigstore, hashedrekord(b"second")))
    proof = entry["verification"]["inclusionProof"]
    text, _, line = proof["checkpoint"].partition("\n\n")
    state = requests.get(f"{sigstore.url}/api/v1/log", timeout=10).json()
    root = base64.b64encode(bytes.fromhex(proof["rootHash"])).decode()
    assert text.split("\n") == [f"127.0.0.1 - {state['treeID']}", "2", root]
    dash, name, encoded = line.rstrip("\n").split(" ")
    assert (dash, name) == ("\u2014", "127.0.0.1")
    log = sigstore.log
    assert isinstance(log, LogV1)
    raw = base64.b64decode(encoded)
    assert raw[:4] == log.log_id[:4]
    key = log.signing_key.public_key()
    key.verify(raw[4:], f"{text}\n".encode(), ec.ECDSA(hashes.SHA256()))
    leaves = [hashlib.sha256(b"\0" + leaf).digest() for leaf in log.bodies]
    assert proof["hashes"] == [leaves[0].hex()]
    assert proof["rootHash"] == hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).hexdigest()


def test_hashedrekord_keeps_hash_signature_and_key(sigstore: LocalSigstore) -> None:
    document = hashedrekord()
    _, entry = only(add(sigstore, document))
    assert body(entry) == document


def test_dsse_keeps_hashes_and_each_signature_with_its_key(sigstore: LocalSigstore) -> None:
    document = dsse()
    _, entry = only(add(sigstore, document))
    content = document["spec"]["proposedContent"]
    signature = json.loads(content["envelope"])["signatures"][0]["sig"]
    assert body(entry)["spec"] == {
        "envelopeHash": sha256(content["envelope"].encode()),
        "payloadHash": sha256(PAYLOAD),
        "signatures": [{"signature": signature, "verifier": content["verifiers"][0]}],
    }


def test_intoto_001_keeps_hashes_and_the_key(sigstore: LocalSigstore) -> None:
    document = intoto_001()
    _, entry = only(add(sigstore, document))
    spec = document["spec"]
    content = {
        "hash": sha256(spec["content"]["envelope"].encode()),
        "payloadHash": sha256(PAYLOAD),
    }
    assert body(entry)["spec"] == {"content": content, "publicKey": spec["publicKey"]}


def test_intoto_002_keeps_the_envelope_without_its_payload(sigstore: LocalSigstore) -> None:
    document = intoto_002()
    _, entry = only(add(sigstore, document))
    content = document["spec"]["content"]
    del content["envelope"]["payload"]
    content["payloadHash"] = sha256(PAYLOAD)
    assert body(entry) == document


@pytest.mark.parametrize(
    ("algorithm", "hashed"),
    [
        ("ecdsa-p384", "sha384"),
        ("ecdsa-p521", "sha512"),
        ("rsa-2048", "sha256"),
        ("ed25519", "sha512"),
    ],
)
def test_keys_of_every_kind_are_logged(
    sigstore: LocalSigstore, algorithm: str, hashed: str
) -> None:
    key = new_key(algorithm)
    assert add(sigstore, hashedrekord(key=key, algorithm=hashed)).status_code == 201
    assert add(sigstore, dsse(key)).status_code == 201


def test_an_equal_entry_is_named_and_not_logged_again(sigstore: LocalSigstore) -> None:
    document = hashedrekord()
    uuid, entry = only(add(sigstore, document))
    again = add(sigstore, document)
    assert (again.status_code, again.headers["Location"]) == (409, f"{ENTRIES}/{uuid}")
    assert len(sigstore.log.bodies) == 1
    got = requests.get(sigstore.url + again.headers["Location"], timeout=10)
    assert only(got)[1]["body"] == entry["body"]


@pytest.mark.parametrize("where", ["/{uuid}", "/{leaf}", "?logIndex=0"])
def test_an_entry_is_found_by_name_and_by_index(sigstore: LocalSigstore, where: str) -> None:
    uuid, entry = only(add(sigstore, hashedrekord()))
    add(sigstore, hashedrekord(b"another"))
    path = where.format(uuid=uuid, leaf=uuid[-64:])
    found = only(requests.get(f"{sigstore.url}{ENTRIES}{path}", timeout=10))
    assert (found[0], found[1]["body"]) == (uuid, entry["body"])
    assert found[1]["integratedTime"] == entry["integratedTime"]
    assert found[1]["verification"]["inclusionProof"]["treeSize"] == 2


@pytest.mark.parametrize("where", ["/" + "0" * 64, "?logIndex=1"])
def test_what_is_not_there_is_not_found(sigstore: LocalSigstore, where: str) -> None:
    add(sigstore, hashedrekord())
    assert requests.get(f"{sigstore.url}{ENTRIES}{where}", timeout=10).status_code == 404


def moved_hash() -> Any:
    document = hashedrekord()
    document["spec"]["data"]["hash"]["value"] = hashlib.sha256(b"other").hexdigest()
    return document


def short_hash() -> Any:
    document = hashedrekord()
    document["spec"]["data"]["hash"]["value"] = "ab"
    return document


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (moved_hash(), "InvalidSignature"),
        (short_hash(), "no sha256 hash"),
        (dsse(verifier=pem(new_key())), "a key that made it"),
        (proposed("alpine", {}), "alpine 0.0.1 are not logged"),
        (proposed("dsse", {}), "KeyError"),
        ({}, "KeyError"),
        ([], "no JSON object"),
    ],
    ids=["other data", "a short hash", "another key", "alpine", "no content", "empty", "a list"],
)
def test_what_proves_nothing_is_refused_and_not_logged(
    sigstore: LocalSigstore, document: Any, why: str
) -> None:
    answer = add(sigstore, document)
    assert (answer.status_code, why in answer.json()["message"]) == (400, True), answer.text
    assert not sigstore.log.bodies


def test_sigstore_python_signs_with_it_and_verifies(sigstore: LocalSigstore) -> None:
    config = ClientTrustConfig.from_json(sigstore.client_trust_config_json.decode())
    context = SigningContext.from_trust_config(config)
    with context.signer(IdentityToken(sigstore.token())) as signer:
        bundle = signer.sign_artifact(b"data")
    who = policy.Identity(identity="dev@example.com", issuer=sigstore.issuer)
    Verifier(trusted_root=config.trusted_root).verify_artifact(b"data", bundle, who)
    assert len(sigstore.log.bodies) == 1


def test_both_versions_serve_side_by_side() -> None:
    with LocalSigstore(rekor=("v1", "v2", "v1")) as sigstore:
        root = json.loads(sigstore.trusted_root_json)
        config = json.loads(sigstore.signing_config_json)
        urls = [log["baseUrl"] for log in root["tlogs"]]
        assert urls == [sigstore.url, sigstore.url, f"{sigstore.url}/log-3"]
        assert [s["majorApiVersion"] for s in config["rekorTlogUrls"]] == [1, 2, 1]
        assert [s["url"] for s in config["rekorTlogUrls"]] == urls
        assert len({s["operator"] for s in config["rekorTlogUrls"]}) == 3
        document = hashedrekord()
        for url in (urls[0], urls[2]):
            assert requests.post(url + ENTRIES, json=document, timeout=10).status_code == 201
        assert [len(log.bodies) for log in sigstore.logs] == [1, 0, 1]


def test_a_log_of_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no log of kind 'v3'"):
        LocalSigstore(rekor=("v3",))


def test_a_lying_log_promises_what_it_does_not_hold(sigstore: LocalSigstore) -> None:
    add(sigstore, hashedrekord(b"real"))
    sigstore.log.omits = True
    document = hashedrekord(b"claimed")
    _, entry = only(add(sigstore, document))
    assert body(entry) == document
    assert len(sigstore.log.bodies) == 1
    sigstore.recover()
    assert not sigstore.log.omits


def test_a_signature_of_the_wrong_length_is_no_signature() -> None:
    from provenance.testing.sigstore.schemes import verify_hashed

    key = new_key("ed25519").public_key()
    digest = hashlib.sha512(b"data").digest()
    for signature in (b"", bytes(64), b"\xff" * 64):
        with pytest.raises(InvalidSignature):
            verify_hashed(key, signature, digest, "sha512")
