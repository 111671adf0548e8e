"""Rekor v1: an entry with the log's promise, whose time and index are signed by the log."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provenance.errors import InvalidEvidence
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.log_v1 import LogV1
from provenance.trust import Trust
from provenance.verification import Thresholds, verify_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.digests import Digest
    from provenance.verification import SignedStatement

GLOBAL_INDEX = 123_456_789


@pytest.fixture
def old(local_sigstore: LocalSigstore, payload: bytes) -> dict[str, Any]:
    """A bundle as the public instance makes them: `dsse` 0.0.1, a promise, no timestamp."""
    document = local_sigstore.forger(logged=False, stamped=False).statement(payload)
    material = document["verificationMaterial"]
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(material["certificate"]["rawBytes"])
    )
    body: dict[str, Any] = {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [
                {
                    "signature": document["dsseEnvelope"]["signatures"][0]["sig"],
                    "verifier": _b64(certificate.public_bytes(serialization.Encoding.PEM)),
                }
            ],
        },
    }
    entry = local_sigstore.log.append(rfc8785.dumps(body))
    entry |= {"logIndex": str(GLOBAL_INDEX), "integratedTime": str(int(now().timestamp()))}
    entry["inclusionPromise"] = {"signedEntryTimestamp": promise(local_sigstore, entry)}
    material["tlogEntries"] = [entry]
    return document


@pytest.mark.parametrize("version", ["0.1", "0.3"])
@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_rekor_1_signs_with_sha_256_whatever_its_key(
    curve: ec.EllipticCurve, version: str, subject: Digest, payload: bytes
) -> None:
    with LocalSigstore(rekor=("v1",)) as sigstore:
        log = sigstore.logs[0]
        assert isinstance(log, LogV1)
    log.signing_key = ec.generate_private_key(curve)
    hashed = {384: "384", 521: "512"}[curve.key_size]
    log.key_details = f"PKIX_ECDSA_P{curve.key_size}_SHA_{hashed}"  # as cosign writes of the key
    document = sigstore.forger(stamped=False, version=version).statement(payload)
    found = verify_bundle(json.dumps(document).encode(), subject, trust=sigstore.trust)
    assert found.time is not None
    entry = document["verificationMaterial"]["tlogEntries"][0]
    entry["integratedTime"] = str(int(entry["integratedTime"]) + 1)
    with pytest.raises(InvalidEvidence) as caught:
        verify_bundle(json.dumps(document).encode(), subject, trust=sigstore.trust)
    assert caught.value.step == "transparency-log"


def test_time_and_index_are_the_ones_the_log_promised(
    old: dict[str, Any], check: Callable[..., SignedStatement]
) -> None:
    found = check(old)
    promised = int(entry_of(old)["integratedTime"])
    assert found.time == dt.datetime.fromtimestamp(promised, tz=dt.UTC)
    assert found.log_index == GLOBAL_INDEX


@pytest.mark.parametrize(("name", "step"), [("logIndex", 1), ("integratedTime", -1)])
def test_another_time_or_index_breaks_the_promise(
    old: dict[str, Any], refused: Callable[..., str], name: str, step: int
) -> None:
    # The time lies in the certificate's life; only the log's signature tells.
    entry_of(old)[name] = str(int(entry_of(old)[name]) + step)
    assert refused(old) in {"transparency-log", "certificate-chain"}


@pytest.mark.parametrize("told", [False, True], ids=["log's id alone", "checkpoints' id too"])
def test_a_root_may_name_a_tiled_log_by_its_key_and_its_notes_by_name_and_key(
    local_sigstore: LocalSigstore, payload: bytes, subject: Digest, *, told: bool
) -> None:
    document = local_sigstore.forger().statement(payload)
    log = local_sigstore.log
    by_key = {"keyId": _b64(hashlib.sha256(log.public_key).digest())}
    root = json.loads(local_sigstore.trusted_root_json)
    root["tlogs"][0]["logId"] = by_key
    if told:
        root["tlogs"][0]["checkpointKeyId"] = {"keyId": _b64(log.log_id[:4])}
    entry_of(document)["logId"] = by_key
    trust = Trust.from_json(json.dumps(root))
    assert verify_bundle(json.dumps(document).encode(), subject, trust=trust).log_index is not None
    note, _, line = entry_of(document)["inclusionProof"]["checkpoint"]["envelope"].partition("\n\n")
    name, _, signature = line.removeprefix("\N{EM DASH} ").partition(" ")
    bad = _b64(b"\0\0\0\0" + base64.b64decode(signature)[4:])
    entry_of(document)["inclusionProof"]["checkpoint"]["envelope"] = (
        f"{note}\n\n\N{EM DASH} {name} {bad}\n"
    )
    with pytest.raises(InvalidEvidence, match="not signed by the log") as caught:
        verify_bundle(json.dumps(document).encode(), subject, trust=trust)
    assert caught.value.step == "transparency-log"


def test_an_entry_for_another_payload_is_refused(
    old: dict[str, Any],
    local_sigstore: LocalSigstore,
    payload: bytes,
    refused: Callable[..., str],
) -> None:
    # Valid when the entry was made: only whose entry it is tells.
    then = dt.datetime.fromtimestamp(int(entry_of(old)["integratedTime"]), tz=dt.UTC)
    forger = local_sigstore.forger(logged=False, stamped=False, certified_at=then)
    other = forger.statement(payload)
    other["verificationMaterial"]["tlogEntries"] = [entry_of(old)]
    assert refused(other) == "log-entry"


def test_a_promise_without_its_signature_gives_no_time(
    old: dict[str, Any], refused: Callable[..., str]
) -> None:
    del entry_of(old)["inclusionPromise"]
    assert refused(old) == "time"


def entry_of(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["verificationMaterial"]["tlogEntries"][0]
    return found


def promise(sigstore: LocalSigstore, entry: dict[str, Any]) -> str:
    signed = {
        "body": entry["canonicalizedBody"],
        "integratedTime": int(entry["integratedTime"]),
        "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
        "logIndex": int(entry["logIndex"]),
    }
    return _b64(sigstore.log.key.sign(rfc8785.dumps(signed)))


def test_one_log_under_two_ids_is_one_witness(
    local_sigstore: LocalSigstore, payload: bytes, subject: Digest
) -> None:
    """A root may list a log by the id of its notes and by the hash of its key."""
    root = json.loads(local_sigstore.trusted_root_json)
    (own,) = root["tlogs"]
    spki = base64.b64decode(own["publicKey"]["rawBytes"])
    other = own | {"logId": {"keyId": _b64(hashlib.sha256(spki).digest())}}
    assert other["logId"] != own["logId"]
    root["tlogs"] = [own, other]
    trust = Trust.from_json(json.dumps(root))

    def refused(documents: list[dict[str, Any]]) -> str:
        first = documents[0]
        entries = [one["verificationMaterial"]["tlogEntries"][0] for one in documents]
        entries[1]["logId"] = other["logId"]
        first["verificationMaterial"]["tlogEntries"] = entries
        with pytest.raises(InvalidEvidence) as caught:
            verify_bundle(
                json.dumps(first).encode(),
                subject,
                trust=trust,
                require=Thresholds(log_entries=2),
            )
        return caught.value.step

    made = local_sigstore.forger().statement(payload)
    assert refused([made, copy.deepcopy(made)]) == "transparency-log"  # twice the same entry
    again = copy.deepcopy(made)
    body = base64.b64decode(again["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"])
    again["verificationMaterial"]["tlogEntries"] = [local_sigstore.log.append(body + b" ")]
    assert refused([made, again]) == "threshold"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("first", [True, False])
def test_of_two_logs_with_one_key_the_one_that_the_checkpoint_names_is_told(
    local_sigstore: LocalSigstore,
    payload: bytes,
    check: Callable[..., SignedStatement],
    first: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    root = json.loads(local_sigstore.trusted_root_json)
    (own,) = root["tlogs"]
    mirror = own | {"baseUrl": "https://mirror.example"}
    root["tlogs"] = [own, mirror] if first else [mirror, own]
    found = check(
        local_sigstore.forger().statement(payload), trust=Trust.from_json(json.dumps(root))
    )
    assert [entry.log for entry in found.log_entries] == [own["baseUrl"]]
