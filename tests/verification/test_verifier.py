"""Each step of verification refuses what it is there to refuse, and says which step it was."""

from __future__ import annotations

import base64
import datetime as dt
import json
import pickle
import re
from collections.abc import Callable
from typing import Any

import asn1crypto.x509
import pytest
from cryptography.hazmat.primitives import hashes

from provenance.attestation.bundle import Bundle
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import (
    InvalidEvidence,
)
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import Trust
from provenance.verification import Identity, SignedStatement, verify_bundle

Refused = Callable[..., str]
Verify = Callable[..., SignedStatement]
HOUR = dt.timedelta(hours=1)


def material(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["verificationMaterial"]
    return found


def entry(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = material(document)["tlogEntries"][0]
    return found


@pytest.fixture
def good(local_sigstore: LocalSigstore, payload: bytes) -> dict[str, Any]:
    return local_sigstore.forger().statement(payload)


# What is proven


def test_a_good_bundle_proves_statement_signer_time_and_index(
    local_sigstore: LocalSigstore, payload: bytes, check: Verify
) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    found = check(local_sigstore.forger("ann@example.com").statement(payload))
    assert found.statement.raw == payload
    assert (found.identity, found.issuer) == ("ann@example.com", local_sigstore.issuer)
    assert found.time is not None
    assert before <= found.time <= dt.datetime.now(dt.UTC)
    assert found.log_index == len(local_sigstore.log.bodies) - 1


def test_a_parsed_bundle_is_taken_as_well(
    good: dict[str, Any], trust: Trust, subject: Digest
) -> None:
    bundle = Bundle.parse(json.dumps(good).encode())
    assert verify_bundle(bundle, subject, trust=trust, identity=None).statement.is_about(subject)


def test_the_result_survives_pickling(good: dict[str, Any], check: Verify) -> None:
    found = check(good)
    assert pickle.loads(pickle.dumps(found)) == found


def test_statement_v01_without_subject_name_verifies(
    local_sigstore: LocalSigstore, subject: Digest, check: Verify
) -> None:
    old = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{"digest": {"sha256": subject.hex, "gitCommit": "abc"}}],
        "predicateType": "https://spdx.dev/Document",
        "predicate": "SPDXVersion: SPDX-2.3",
    }
    found = check(local_sigstore.forger().statement(json.dumps(old).encode()))
    assert found.statement.predicate == "SPDXVersion: SPDX-2.3"


def test_one_of_several_subjects_is_enough(
    local_sigstore: LocalSigstore, subject: Digest, check: Verify
) -> None:
    named = [ResourceDescriptor(c, {"sha256": Digest.of(c.encode()).hex}) for c in "abc"]
    named.append(ResourceDescriptor("app", {"sha256": subject.hex}))
    statement = Statement.build(named, "https://example.com/p", {})
    assert (
        check(local_sigstore.forger().statement(statement.raw)).statement.subjects[-1] == named[-1]
    )


def test_a_sha512_subject_is_compared_as_sha512(
    local_sigstore: LocalSigstore, check: Verify, refused: Refused
) -> None:
    wide = Digest.of(b"an image", "sha512")
    statement = Statement.build([ResourceDescriptor("app", {"sha512": wide.hex})], "x", {})
    document = local_sigstore.forger().statement(statement.raw)
    assert check(document, subject=wide).statement.is_about(wide)
    assert refused(document, subject=Digest.of(b"an image")) == "subject"


def test_a_digest_under_another_algorithm_does_not_count(
    local_sigstore: LocalSigstore, subject: Digest, refused: Refused
) -> None:
    statement = Statement.build([ResourceDescriptor("app", {"sha3_256": subject.hex})], "x", {})
    assert refused(local_sigstore.forger().statement(statement.raw)) == "subject"


# Whom and what


def test_the_expected_identity_passes(good: dict[str, Any], check: Verify, trust: Trust) -> None:
    issuer = check(good).issuer
    assert check(good, identity=Identity("dev@example.com", issuer=issuer)).issuer == issuer


def test_another_identity_is_told_who_did_sign(
    good: dict[str, Any], check: Verify, local_sigstore: LocalSigstore
) -> None:
    who = Identity("ann@example.com", issuer=local_sigstore.issuer)
    with pytest.raises(InvalidEvidence, match=r"signed by dev@example\.com") as caught:
        check(good, identity=who)
    assert caught.value.step == "identity"


def test_the_same_name_by_another_issuer_is_refused(
    good: dict[str, Any], check: Verify, local_sigstore: LocalSigstore
) -> None:
    who = Identity("dev@example.com", issuer="https://accounts.google.com")
    with pytest.raises(InvalidEvidence, match=re.escape(local_sigstore.issuer)) as caught:
        check(good, identity=who)
    assert caught.value.step == "identity"


def test_another_subject_is_refused_and_named(good: dict[str, Any], check: Verify) -> None:
    other = Digest.of(b"another image")
    with pytest.raises(InvalidEvidence, match=f"not about {other}") as caught:
        check(good, subject=other)
    assert caught.value.step == "subject"


@pytest.mark.parametrize("wanted", ["https://example.com/review/v1", "any", None])
def test_the_predicate_type_asked_for_passes(
    good: dict[str, Any], check: Verify, wanted: str | None
) -> None:
    assert check(good, predicate_type=wanted).statement.predicate == {"ok": True}


@pytest.mark.parametrize("wanted", ["signature", "sbom", "https://example.com/review/v2"])
def test_an_attestation_is_no_signature(
    good: dict[str, Any], refused: Refused, wanted: str
) -> None:
    assert refused(good, predicate_type=wanted) == "predicate-type"


# Steps that refuse


def test_a_payload_of_another_type_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    document = local_sigstore.forger().statement(payload, payload_type="application/json")
    assert refused(document) == "payload-type"


@pytest.mark.parametrize(
    "text",
    [
        b"not JSON",
        b"[]",
        b'{"_type":"https://in-toto.io/Statement/v2"}',
        b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"x","subject":[]}',
    ],
)
def test_a_signed_payload_that_is_no_statement_is_refused(
    local_sigstore: LocalSigstore, refused: Refused, text: bytes
) -> None:
    assert refused(local_sigstore.forger().statement(text)) == "statement"


def test_a_statement_with_a_key_twice_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    twice = payload[:-1] + b',"subject":[{"digest":{}}]}'
    assert refused(local_sigstore.forger().statement(twice)) == "statement"


def test_another_payload_under_the_signature_is_refused(
    good: dict[str, Any], payload: bytes, refused: Refused
) -> None:
    changed = payload.replace(b"true", b"null")
    good["dsseEnvelope"]["payload"] = base64.b64encode(changed).decode()
    assert refused(good) == "signature"


def test_another_payload_type_under_the_signature_is_refused(
    good: dict[str, Any], refused: Refused
) -> None:
    good["dsseEnvelope"]["payloadType"] = "application/json"
    assert refused(good) == "signature"


@pytest.mark.parametrize(
    ("part", "step"),
    [("ca", "certificate-chain"), ("log", "transparency-log"), ("tsa", "time")],
)
def test_a_part_of_another_instance_is_refused(
    local_sigstore: LocalSigstore,
    other_sigstore: LocalSigstore,
    payload: bytes,
    refused: Refused,
    part: str,
    step: str,
) -> None:
    forger = local_sigstore.forger(**{part: getattr(other_sigstore, part)})
    assert refused(forger.statement(payload)) == step


def test_another_trust_root_trusts_nothing_of_it(
    good: dict[str, Any], other_sigstore: LocalSigstore, refused: Refused
) -> None:
    root = Trust.from_json(other_sigstore.trusted_root_json)
    assert refused(good, trust=root) == "transparency-log"


def test_a_log_entry_of_another_bundle_is_refused(
    good: dict[str, Any], local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    other = local_sigstore.forger().statement(payload)
    material(good)["tlogEntries"] = material(other)["tlogEntries"]
    assert refused(good) == "log-entry"


def test_a_timestamp_of_another_bundle_is_refused(
    good: dict[str, Any], local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    other = local_sigstore.forger().statement(payload)
    stamps = material(other)["timestampVerificationData"]
    material(good)["timestampVerificationData"] = stamps
    assert refused(good) == "time"


def test_a_certificate_of_another_bundle_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    # In one second: a certificate that begins after the timestamp would be refused for that.
    now = local_sigstore.now()
    forger = local_sigstore.forger(certified_at=now, stamped_at=now)
    document, other = forger.statement(payload), forger.statement(payload)
    material(document)["certificate"] = material(other)["certificate"]
    assert refused(document) == "signature"


@pytest.mark.parametrize("shift", [-HOUR, HOUR])
def test_a_signature_outside_the_life_of_its_certificate_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused, shift: dt.timedelta
) -> None:
    stamped = local_sigstore.now() + shift
    document = local_sigstore.forger(stamped_at=stamped).statement(payload)
    assert refused(document) == "certificate-chain"


def test_a_certificate_that_expired_since_still_proves_what_was_signed_in_its_time(
    local_sigstore: LocalSigstore, payload: bytes, check: Verify
) -> None:
    then = (local_sigstore.now() - 24 * HOUR).replace(microsecond=0)
    forger = local_sigstore.forger(certified_at=then, stamped_at=then)
    assert check(forger.statement(payload)).time == then


def test_a_certificate_without_sct_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    document = local_sigstore.forger(sct=False).statement(payload)
    assert refused(document) == "certificate-transparency"


def test_a_bundle_without_timestamp_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused
) -> None:
    assert refused(local_sigstore.forger(stamped=False).statement(payload)) == "time"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logIndex", "0"),
        ("treeSize", "1000000"),
        ("rootHash", base64.b64encode(bytes(32)).decode()),
    ],
)
def test_a_changed_inclusion_proof_is_refused(
    local_sigstore: LocalSigstore, payload: bytes, refused: Refused, name: str, value: str
) -> None:
    local_sigstore.forger().statement(payload)
    document = local_sigstore.forger().statement(payload)
    entry(document)["inclusionProof"][name] = value
    assert refused(document) == "transparency-log"


def test_the_same_path_in_a_tree_of_another_size_proves_no_index(
    payload: bytes, subject: Digest
) -> None:
    # Entry 3 of 4 and entry 12 of 13 have the same path of hashes to the same root.
    with LocalSigstore() as sigstore:
        for leaf in (b"0", b"1", b"2"):
            sigstore.log.append(leaf)
        document = sigstore.forger().statement(payload)
        proof = entry(document)["inclusionProof"]
        assert (proof["logIndex"], proof["treeSize"]) == ("3", "4")
        raw = json.dumps(document).encode()
        trust = sigstore.trust
        assert verify_bundle(raw, subject, trust=trust, identity=None).log_index == 3
        proof |= {"logIndex": "12", "treeSize": "13"}
        with pytest.raises(InvalidEvidence, match="signed a size of '4'") as caught:
            verify_bundle(json.dumps(document).encode(), subject, trust=trust, identity=None)
        assert caught.value.step == "transparency-log"


def test_the_index_is_the_proofs_and_not_the_one_written_beside_it(
    good: dict[str, Any], check: Verify
) -> None:
    expected = check(good).log_index
    entry(good)["logIndex"] = "4242"
    assert check(good).log_index == expected


def test_of_several_timestamps_each_is_told_and_the_earliest_is_the_time(
    good: dict[str, Any], local_sigstore: LocalSigstore, check: Verify
) -> None:
    signature = base64.b64decode(good["dsseEnvelope"]["signatures"][0]["sig"])
    digest = hashes.Hash(hashes.SHA256())
    digest.update(signature)
    first = check(good).time
    assert first is not None
    later = dt.timedelta(minutes=1)
    second = local_sigstore.tsa.stamp(digest.finalize(), at=first + later)
    stamps = material(good)["timestampVerificationData"]["rfc3161Timestamps"]
    stamps.append({"signedTimestamp": base64.b64encode(second).decode()})
    found = check(good)
    assert [t.moment for t in found.times] == [first, first + later]
    assert found.time == first


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_the_first_entry_of_a_log_has_an_index_that_protobuf_leaves_out(
    payload: bytes, rekor: str
) -> None:
    """ProtoJSON has no field for a zero: so cosign writes what was the first entry of a log."""
    with LocalSigstore(rekor=(rekor,)) as sigstore:
        document = sigstore.forger().statement(payload)
    logged = entry(document)
    for part in (logged, logged["inclusionProof"]):
        assert part.pop("logIndex") == "0"
    found = verify_bundle(json.dumps(document).encode(), None, trust=sigstore.trust)
    assert found.log_index == 0


_ELLIPTIC = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0209")
"""The algorithm of a key, and one that nobody has given a meaning."""


@pytest.mark.parametrize("kind", ["certificateAuthorities", "timestampAuthorities"])
@pytest.mark.parametrize("how", ["a key of tomorrow", "an extension twice"])
@pytest.mark.parametrize("place", [0, 1])
def test_an_authority_that_means_nothing_here_hides_no_other(
    local_sigstore: LocalSigstore, good: dict[str, Any], kind: str, how: str, place: int
) -> None:
    root = json.loads(local_sigstore.trusted_root_json)
    another = json.loads(json.dumps(root[kind][0]))
    for listed in another["certChain"]["certificates"]:
        der = base64.b64decode(listed["rawBytes"])
        if how == "a key of tomorrow":
            der = der.replace(*_ELLIPTIC)
        else:
            twice = asn1crypto.x509.Certificate.load(der)
            extensions = twice["tbs_certificate"]["extensions"]
            extensions.append(extensions[0].copy())
            der = twice.dump(force=True)
        listed["rawBytes"] = base64.b64encode(der).decode()
    root[kind].insert(place, another)
    trust = Trust.from_json(json.dumps(root))
    assert verify_bundle(json.dumps(good).encode(), None, trust=trust).time
