"""Bundles of other shapes, and hostile ones: not knowing is not refusing, and nothing crashes."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.attestation.public_key import PublicKey
from provenance.errors import LimitExceeded, ProvenanceError
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


def test_without_a_log_entry_nothing_is_proven(good: dict[str, Any], refused: Refused) -> None:
    material(good)["tlogEntries"] = []
    assert refused(good) == "transparency-log"


def test_the_same_log_entry_twice_is_refused(good: dict[str, Any], refused: Refused) -> None:
    material(good)["tlogEntries"] *= 2
    assert refused(good) == "transparency-log"


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ({"kind": "intoto", "version": "0.0.2"}, "log-entry"),
        ({"kind": "dsse", "version": "0.0.2"}, "log-entry"),
        ({"kind": ["dsse"], "version": {}}, "malformed-document"),
        ("dsse", "malformed-document"),
        (None, "malformed-document"),
    ],
)
def test_an_entry_that_is_of_another_kind_than_stated_is_refused(
    good: dict[str, Any], refused: Refused, kind: object, step: str
) -> None:
    entry(good)["kindVersion"] = kind
    assert refused(good) == step


def test_an_entry_of_an_unknown_kind_is_not_judged(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    document = local_sigstore.forger(logged=False).statement(payload)
    body = b'{"apiVersion":"0.0.1","kind":"rekord","spec":{}}'
    material(document)["tlogEntries"] = [local_sigstore.log.append(body)]
    assert refused(document) == "unsupported-format"


def test_a_bundle_over_bytes_is_no_statement(
    local_sigstore: LocalSigstore, refused: Refused
) -> None:
    assert refused(local_sigstore.forger().blob(b"data")) == "unsupported-format"


def test_a_key_never_stands_in_for_a_certificate(good: dict[str, Any], refused: Refused) -> None:
    del material(good)["certificate"]
    material(good)["publicKey"] = {"hint": "x"}
    assert refused(good) == "key"


def test_a_certificate_never_stands_in_for_a_key(good: dict[str, Any], refused: Refused) -> None:
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(material(good)["certificate"]["rawBytes"])
    )
    raw = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert refused(good, key=PublicKey.parse(raw)) == "key"


def test_key_and_certificate_at_once_are_refused(good: dict[str, Any], refused: Refused) -> None:
    material(good)["publicKey"] = {"hint": "x"}
    assert refused(good) == "malformed-document"


@pytest.mark.parametrize("first", [True, False])
def test_one_of_several_signatures_is_enough(
    good: dict[str, Any],
    check: Verify,
    first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    other = {"sig": base64.b64encode(b"not a signature").decode()}
    one = good["dsseEnvelope"]["signatures"]
    good["dsseEnvelope"]["signatures"] = [*one, other] if first else [other, *one]
    assert check(good).identity == "dev@example.com"


def test_a_v01_bundle_with_a_false_promise_is_refused(
    good: dict[str, Any], refused: Refused
) -> None:
    good["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    certificate = material(good).pop("certificate")
    material(good)["x509CertificateChain"] = {"certificates": [certificate]}
    entry(good)["inclusionPromise"] = {"signedEntryTimestamp": "AAAA"}
    del entry(good)["inclusionProof"]
    assert refused(good) == "transparency-log"


@pytest.mark.parametrize("kind", ["ctlogs", "timestampAuthorities"])
def test_a_trust_root_that_lacks_a_part_is_not_knowing(
    good: dict[str, Any], local_sigstore: LocalSigstore, refused: Refused, kind: str
) -> None:
    root = json.loads(local_sigstore.trusted_root_json)
    root[kind] = []
    trust = Trust.from_json(json.dumps(root))
    assert refused(good, trust=trust) == "unsupported-format"


def test_a_root_without_logs_takes_the_word_of_its_timestamp_authority(
    good: dict[str, Any], local_sigstore: LocalSigstore, check: Verify
) -> None:
    root = json.loads(local_sigstore.trusted_root_json) | {"tlogs": []}
    material(good)["tlogEntries"] = []
    found = check(good, trust=Trust.from_json(json.dumps(root)))
    assert [t.source for t in found.times] == ["timestamp-authority"]
    assert found.log_index is None


def test_the_key_of_a_certificate_decides_the_hash(
    local_sigstore: LocalSigstore, payload: bytes, check: Verify
) -> None:
    document = rekeyed(local_sigstore, payload, key=ec.generate_private_key(ec.SECP384R1()))
    assert check(document).identity == "dev@example.com"


def test_another_key_than_the_certificates_is_refused(
    good: dict[str, Any], local_sigstore: LocalSigstore, refused: Refused
) -> None:
    key: Any = ed25519.Ed25519PrivateKey.generate().public_key()
    certificate = local_sigstore.ca.issue(
        key,
        "dev@example.com",
        local_sigstore.issuer,
        start=local_sigstore.now() - dt.timedelta(minutes=1),
    )
    raw = certificate.public_bytes(serialization.Encoding.DER)
    material(good)["certificate"] = {"rawBytes": base64.b64encode(raw).decode()}
    assert refused(good) == "signature"


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
    assert refused(good) in {"transparency-log", "malformed-document"}


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
