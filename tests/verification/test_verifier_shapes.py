"""Bundles of other shapes, and hostile ones: not knowing is not refusing, and nothing crashes."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.errors import (
    LimitExceeded,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.settings import Limits
from provenance.trust import Trust
from provenance.verification import SignedStatement

if TYPE_CHECKING:
    from provenance.testing.sigstore import LocalSigstore

Refused = Callable[..., str]
Verify = Callable[..., SignedStatement]


def material(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["verificationMaterial"]
    return found


def entry(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = material(document)["tlogEntries"][0]
    return found


@pytest.fixture
def good(local_sigstore: LocalSigstore, payload: bytes) -> dict[str, Any]:
    return local_sigstore.forger().statement(payload)


# Not knowing is not refusing


@pytest.mark.parametrize("times", [0, 2])
def test_no_or_several_log_entries_are_not_judged(
    good: dict[str, Any], refused: Refused, times: int
) -> None:
    material(good)["tlogEntries"] *= times
    assert refused(good) == "unsupported-format"


@pytest.mark.parametrize(
    "kind",
    [
        {"kind": "intoto", "version": "0.0.2"},
        {"kind": "dsse", "version": "0.0.2"},
        {"kind": ["dsse"], "version": {}},
        "dsse",
        None,
    ],
)
def test_an_entry_of_another_kind_is_not_judged(
    good: dict[str, Any], refused: Refused, kind: object
) -> None:
    entry(good)["kindVersion"] = kind
    assert refused(good) == "unsupported-format"


def test_a_bundle_over_bytes_is_not_judged(local_sigstore: LocalSigstore, refused: Refused) -> None:
    assert refused(local_sigstore.forger().blob(b"data")) == "unsupported-format"


def test_a_bundle_by_a_key_is_not_judged(good: dict[str, Any], refused: Refused) -> None:
    del material(good)["certificate"]
    material(good)["publicKey"] = {"hint": "x"}
    assert refused(good) == "unsupported-format"


def test_several_signatures_are_not_judged(good: dict[str, Any], refused: Refused) -> None:
    good["dsseEnvelope"]["signatures"] *= 2
    assert refused(good) == "unsupported-format"


def test_a_v01_bundle_with_the_promise_alone_is_not_judged(
    good: dict[str, Any], refused: Refused
) -> None:
    good["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    certificate = material(good).pop("certificate")
    material(good)["x509CertificateChain"] = {"certificates": [certificate]}
    entry(good)["inclusionPromise"] = {"signedEntryTimestamp": "AAAA"}
    del entry(good)["inclusionProof"]
    assert refused(good) == "unsupported-format"


@pytest.mark.parametrize("kind", ["tlogs", "ctlogs", "timestampAuthorities"])
def test_a_trust_root_that_lacks_a_part_is_not_knowing(
    good: dict[str, Any], local_sigstore: LocalSigstore, refused: Refused, kind: str
) -> None:
    root = json.loads(local_sigstore.trusted_root_json)
    root[kind] = []
    trust = Trust.from_json(json.dumps(root))
    assert refused(good, trust=trust) == "unsupported-format"


def test_a_key_off_p256_that_fails_is_not_knowing(
    local_sigstore: LocalSigstore, payload: bytes, check: Verify
) -> None:
    # P-384 goes with SHA-384 (Rekor's registry); the library would check with SHA-256.
    document = rekeyed(local_sigstore, payload, key=ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(UnsupportedFormat, match="not on P-256"):
        check(document)


def test_an_ed25519_key_is_not_knowing(
    good: dict[str, Any], local_sigstore: LocalSigstore, check: Verify
) -> None:
    key: Any = ed25519.Ed25519PrivateKey.generate().public_key()
    certificate = local_sigstore.ca.issue(key, "dev@example.com", local_sigstore.issuer)
    raw = certificate.public_bytes(serialization.Encoding.DER)
    material(good)["certificate"] = {"rawBytes": base64.b64encode(raw).decode()}
    with pytest.raises(UnsupportedFormat, match="elliptic curve"):
        check(good)


# Hostile bytes


@pytest.mark.parametrize("text", ["9" * 15, str(2**63), "253402300800", "18446744073709551615"])
def test_an_integrated_time_out_of_range_is_refused(
    good: dict[str, Any], refused: Refused, text: str
) -> None:
    entry(good).update(
        integratedTime=text,
        inclusionPromise={"signedEntryTimestamp": "AAAA"},
        kindVersion={"kind": "dsse", "version": "0.0.1"},
    )
    assert refused(good) == "bundle"


@pytest.mark.parametrize(
    "path",
    [
        ("mediaType",),
        ("verificationMaterial",),
        ("verificationMaterial", "certificate"),
        ("verificationMaterial", "certificate", "rawBytes"),
        ("verificationMaterial", "tlogEntries", 0, "canonicalizedBody"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "checkpoint"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "hashes"),
        ("verificationMaterial", "tlogEntries", 0, "logIndex"),
        ("verificationMaterial", "timestampVerificationData", "rfc3161Timestamps"),
        ("dsseEnvelope",),
        ("dsseEnvelope", "payload"),
        ("dsseEnvelope", "signatures"),
        ("dsseEnvelope", "signatures", 0, "sig"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "!", 7, -1, [], {}, [[]], {"x": {}}, "A" * 400])
def test_nonsense_anywhere_is_refused_in_our_words(
    good: dict[str, Any], path: tuple[str | int, ...], value: object, check: Verify
) -> None:
    expected = check(good)
    damaged: Any = copy.deepcopy(good)
    at = damaged
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    try:
        found = check(damaged)
    except ProvenanceError:
        return
    assert (found.statement, found.log_index) == (expected.statement, expected.log_index)


def test_a_bundle_over_the_limit_is_not_read(good: dict[str, Any], check: Verify) -> None:
    with pytest.raises(LimitExceeded, match=r"Limits\.bundle_bytes"):
        check(good, limits=Limits(bundle_bytes=100))


def test_a_bundle_with_a_key_twice_is_refused(good: dict[str, Any], refused: Refused) -> None:
    raw = json.dumps(good).encode()
    assert refused(raw[:-1] + b',"dsseEnvelope":{}}') == "malformed-document"


def test_a_certificate_for_another_use_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    document = rekeyed(local_sigstore, payload, usage=ExtendedKeyUsageOID.EMAIL_PROTECTION)
    assert refused(document) == "certificate-profile"


def rekeyed(
    sigstore: LocalSigstore,
    payload: bytes,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    usage: Any = ExtendedKeyUsageOID.CODE_SIGNING,
) -> dict[str, Any]:
    """A whole bundle by a key and certificate of the test's choice."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    kind = b"application/vnd.in-toto+json"
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    wide = key.key_size == 384
    algorithm = hashes.SHA384() if wide else hashes.SHA256()
    signature = key.sign(signed, ec.ECDSA(algorithm))
    certificate = sigstore.ca.issue(
        key.public_key(), "dev@example.com", sigstore.issuer, usage=usage
    )
    shown = {"rawBytes": _b64(certificate.public_bytes(serialization.Encoding.DER))}
    details = "PKIX_ECDSA_P384_SHA_384" if wide else "PKIX_ECDSA_P256_SHA_256"
    request = {
        "digest": _b64(_hash(signed, algorithm)),
        "signature": {
            "content": _b64(signature),
            "verifier": {"x509Certificate": shown, "keyDetails": details},
        },
    }
    stamp = sigstore.tsa.stamp(_hash(signature, hashes.SHA256()))
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "certificate": shown,
            "tlogEntries": [sigstore.log.add({"hashedRekordRequestV002": request})],
            "timestampVerificationData": {"rfc3161Timestamps": [{"signedTimestamp": _b64(stamp)}]},
        },
        "dsseEnvelope": {
            "payload": _b64(payload),
            "payloadType": kind.decode(),
            "signatures": [{"sig": _b64(signature)}],
        },
    }


def _hash(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
