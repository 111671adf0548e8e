"""Forged shapes: valid ones that sigstore-python verifies, and what each option leaves out."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from rfc3161_client import decode_timestamp_response
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier, policy

from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.schemes import new_key

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_TOTO = "application/vnd.in-toto+json"
PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1", "v2"), tsas=2) as running:
        yield running


def check(sigstore: LocalSigstore, bundle: dict[str, Any]) -> None:
    config = ClientTrustConfig.from_json(sigstore.client_trust_config_json.decode())
    verifier = Verifier(trusted_root=config.trusted_root)
    who = policy.Identity(identity="dev@example.com", issuer=sigstore.issuer)
    parsed = Bundle.from_json(json.dumps(bundle))
    if "dsseEnvelope" in bundle:
        assert verifier.verify_dsse(parsed, who) == (IN_TOTO, PAYLOAD)
    else:
        verifier.verify_artifact(b"data", parsed, who)


@pytest.mark.parametrize("stamped", [{}, {"stamped": False}], ids=["stamped", "dated by the log"])
def test_what_is_logged_in_v1_verifies(sigstore: LocalSigstore, stamped: dict[str, Any]) -> None:
    check(sigstore, sigstore.forger(**stamped).blob(b"data"))
    check(sigstore, sigstore.forger(**stamped).statement(PAYLOAD))


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
def test_bundles_of_every_version_verify(sigstore: LocalSigstore, version: str) -> None:
    bundle = sigstore.forger(version=version).blob(b"data")
    check(sigstore, bundle)
    shown = bundle["verificationMaterial"]
    assert ("certificate" in shown) == (version == "0.3")
    assert ("x509CertificateChain" in shown) == (version != "0.3")


def test_v1_and_v2_entries_differ_in_promise_and_time(sigstore: LocalSigstore) -> None:
    first, second = sigstore.logs
    bundle = sigstore.forger(log=first, more_logs=(second,)).statement(PAYLOAD)
    old, new = bundle["verificationMaterial"]["tlogEntries"]
    assert old["kindVersion"] == {"kind": "dsse", "version": "0.0.1"}
    assert new["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}
    assert {"inclusionPromise", "integratedTime", "inclusionProof"} <= set(old)
    assert not {"inclusionPromise", "integratedTime"} & set(new)
    check(sigstore, sigstore.forger(log=second).statement(PAYLOAD))


@pytest.mark.parametrize(("kind", "version"), [("intoto", "0.0.1"), ("intoto", "0.0.2")])
def test_intoto_entries_are_of_their_version(
    sigstore: LocalSigstore, kind: str, version: str
) -> None:
    bundle = sigstore.forger(kind=f"{kind} {version}").statement(PAYLOAD)
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    assert entry["kindVersion"] == {"kind": kind, "version": version}
    content = json.loads(base64.b64decode(entry["canonicalizedBody"]))["spec"]["content"]
    assert content["payloadHash"]["value"] == hashlib.sha256(PAYLOAD).hexdigest()


def test_what_is_left_out_is_not_there(sigstore: LocalSigstore) -> None:
    forger = sigstore.forger()
    only_proof = forger_entry(replace(forger, promised=False))
    only_promise = forger_entry(replace(forger, proven=False))
    assert "inclusionPromise" not in only_proof
    assert "inclusionProof" in only_proof
    assert "inclusionPromise" in only_promise
    assert "inclusionProof" not in only_promise
    bare = sigstore.forger(logged=False, stamped=False).blob(b"data")["verificationMaterial"]
    assert bare["tlogEntries"] == []
    assert "timestampVerificationData" not in bare


def forger_entry(forger: Any) -> dict[str, Any]:
    (entry,) = forger.blob(b"data")["verificationMaterial"]["tlogEntries"]
    found: dict[str, Any] = entry
    return found


def test_several_authorities_stamp(sigstore: LocalSigstore) -> None:
    bundle = sigstore.forger(more_tsas=sigstore.tsas[1:]).blob(b"data")
    check(sigstore, bundle)
    stamps = bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    assert len(stamps) == 2
    signature = base64.b64decode(bundle["messageSignature"]["signature"])
    for stamp in stamps:
        info = decode_timestamp_response(base64.b64decode(stamp["signedTimestamp"])).tst_info
        assert info.message_imprint.message == hashlib.sha256(signature).digest()


def public(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    spki: bytes = key.public_key().public_bytes(serialization.Encoding.DER, form)
    return spki


@pytest.mark.parametrize("log", [0, 1], ids=["v1", "v2"])
@pytest.mark.parametrize(
    ("algorithm", "scheme", "details"),
    [
        ("ecdsa-p256", "", "PKIX_ECDSA_P256_SHA_256"),
        ("ecdsa-p384", "", "PKIX_ECDSA_P384_SHA_384"),
        ("ecdsa-p521", "", "PKIX_ECDSA_P521_SHA_512"),
        ("rsa-2048", "", "PKIX_RSA_PKCS1V15_2048_SHA256"),
        ("rsa-2048", "rsa-pss", "PKIX_RSA_PSS_2048_SHA256"),
        ("ed25519", "ed25519ph", "PKIX_ED25519_PH"),
    ],
)
def test_managed_keys_sign_in_every_scheme(
    sigstore: LocalSigstore, algorithm: str, scheme: str, details: str, log: int
) -> None:
    key = new_key(algorithm)
    forger = sigstore.forger(key=key, scheme=scheme, log=sigstore.logs[log])
    bundle = forger.blob(b"data")
    material = bundle["verificationMaterial"]
    hint = base64.b64encode(hashlib.sha256(public(key)).digest()).decode()
    assert material["publicKey"] == {"hint": hint}
    assert "certificate" not in material
    body = base64.b64decode(material["tlogEntries"][0]["canonicalizedBody"]).decode()
    assert (details in body) == (log == 1)
    signature = base64.b64decode(bundle["messageSignature"]["signature"])
    if scheme == "rsa-pss":
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        key.public_key().verify(signature, b"data", pss, hashes.SHA256())
    elif algorithm == "rsa-2048":
        key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    elif algorithm == "ecdsa-p384":
        key.public_key().verify(signature, b"data", ec.ECDSA(hashes.SHA384()))


def test_ed25519ph_is_that_of_rfc_8032() -> None:
    # Section 7.3, the one vector of Ed25519ph.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from provenance.testing.sigstore.schemes import sign, verify_hashed

    seed = "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"
    expected = (
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    assert sign(key, b"abc", "ed25519ph").hex() == expected
    digest = hashlib.sha512(b"abc").digest()
    verify_hashed(key.public_key(), bytes.fromhex(expected), digest, "sha512")


def test_a_layer_has_the_annotations_of_cosign(sigstore: LocalSigstore) -> None:
    payload = b'{"critical":{}}'
    annotations = sigstore.forger().layer(payload)
    assert sorted(annotations) == [
        "dev.cosignproject.cosign/signature",
        "dev.sigstore.cosign/bundle",
        "dev.sigstore.cosign/certificate",
        "dev.sigstore.cosign/chain",
        "dev.sigstore.cosign/rfc3161timestamp",
    ]
    certificate = x509.load_pem_x509_certificate(
        annotations["dev.sigstore.cosign/certificate"].encode()
    )
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = base64.b64decode(annotations["dev.cosignproject.cosign/signature"])
    key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
    chain = x509.load_pem_x509_certificates(annotations["dev.sigstore.cosign/chain"].encode())
    assert certificate.issuer == chain[0].subject
    bundle = json.loads(annotations["dev.sigstore.cosign/bundle"])
    assert sorted(bundle["Payload"]) == ["body", "integratedTime", "logID", "logIndex"]
    body = json.loads(base64.b64decode(bundle["Payload"]["body"]))
    assert body["spec"]["data"]["hash"]["value"] == hashlib.sha256(payload).hexdigest()


def test_an_attestation_layer_is_an_envelope_that_is_stamped_whole(
    sigstore: LocalSigstore,
) -> None:
    forger = sigstore.forger(kind="intoto 0.0.1")
    raw, annotations = forger.attestation_layer(PAYLOAD, predicate_type="https://example.com/p")
    assert annotations["predicateType"] == "https://example.com/p"
    assert annotations["dev.cosignproject.cosign/signature"] == ""
    assert base64.b64decode(json.loads(raw)["payload"]) == PAYLOAD
    stamp = json.loads(annotations["dev.sigstore.cosign/rfc3161timestamp"])
    response = base64.b64decode(stamp["SignedRFC3161Timestamp"])
    imprint = decode_timestamp_response(response).tst_info.message_imprint
    assert imprint.message == hashlib.sha256(raw).digest()


def test_a_layer_by_a_managed_key_has_no_certificate(sigstore: LocalSigstore) -> None:
    annotations = sigstore.forger(key=new_key(), logged=False, stamped=False).layer(b"{}")
    assert sorted(annotations) == ["dev.cosignproject.cosign/signature"]


def test_an_instance_without_log_stamps_alone() -> None:
    with LocalSigstore(rekor=()) as sigstore:
        assert json.loads(sigstore.trusted_root_json)["tlogs"] == []
        assert not sigstore.trust.has_logs
        bundle = sigstore.forger().blob(b"data")
        assert bundle["verificationMaterial"]["tlogEntries"] == []
        assert "timestampVerificationData" in bundle["verificationMaterial"]
        assert "entries=0" in repr(sigstore)
        with pytest.raises(RuntimeError, match="no log"):
            _ = sigstore.log
