"""The embedded Sigstore against sigstore-python, unmodified, as signer and as verifier."""

from __future__ import annotations

import base64
import datetime as dt
import json
import pickle
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sigstore.dsse import DigestSet, StatementBuilder, Subject
from sigstore.errors import VerificationError
from sigstore.models import Bundle, ClientTrustConfig, InvalidBundle, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy

from provenance.testing.sigstore import LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKFLOW = "https://github.com/org/app/.github/workflows/release.yml@refs/tags/v1"


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture(scope="module")
def other() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


def config(sigstore: LocalSigstore) -> ClientTrustConfig:
    return ClientTrustConfig.from_json(sigstore.client_trust_config_json.decode())


def verifier(sigstore: LocalSigstore) -> Verifier:
    return Verifier(trusted_root=config(sigstore).trusted_root)


def by(sigstore: LocalSigstore, identity: str = "dev@example.com") -> policy.Identity:
    return policy.Identity(identity=identity, issuer=sigstore.issuer)


def sign(sigstore: LocalSigstore, data: bytes, identity: str = "dev@example.com") -> Bundle:
    context = SigningContext.from_trust_config(config(sigstore))
    with context.signer(IdentityToken(sigstore.token(identity))) as signer:
        return signer.sign_artifact(data)


def check(sigstore: LocalSigstore, bundle: dict[str, Any], data: bytes = b"data") -> None:
    verifier(sigstore).verify_artifact(data, Bundle.from_json(json.dumps(bundle)), by(sigstore))


def test_an_artifact_signed_by_sigstore_python_is_verified_by_it(sigstore: LocalSigstore) -> None:
    bundle = sign(sigstore, b"data")
    verifier(sigstore).verify_artifact(b"data", bundle, by(sigstore))


def test_a_statement_signed_by_sigstore_python_is_verified_by_it(sigstore: LocalSigstore) -> None:
    subject = Subject(name="app", digest=DigestSet({"sha256": "a" * 64}))
    statement = StatementBuilder([subject], "https://example.com/p", {"x": 1}).build()
    context = SigningContext.from_trust_config(config(sigstore))
    with context.signer(IdentityToken(sigstore.token(WORKFLOW))) as signer:
        bundle = signer.sign_dsse(statement)
    kind, payload = verifier(sigstore).verify_dsse(bundle, by(sigstore, WORKFLOW))
    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["predicate"] == {"x": 1}


def test_a_forged_statement_verifies_with_any_payload(sigstore: LocalSigstore) -> None:
    forger = sigstore.forger(WORKFLOW, claims={"repository": "org/app", "run_id": 7})
    content = forger.statement(b"not even JSON", payload_type="text/plain")
    bundle = Bundle.from_json(json.dumps(content))
    found = verifier(sigstore).verify_dsse(bundle, by(sigstore, WORKFLOW))
    assert found == ("text/plain", b"not even JSON")


def test_a_bundle_without_log_entry_is_refused(sigstore: LocalSigstore) -> None:
    with pytest.raises(InvalidBundle, match="exactly one log entry"):
        check(sigstore, sigstore.forger(logged=False).blob(b"data"))


def test_every_tree_size_proves_its_entries(sigstore: LocalSigstore) -> None:
    for _ in range(9):
        check(sigstore, sigstore.forger().blob(b"data"))


def test_other_data_is_refused(sigstore: LocalSigstore) -> None:
    with pytest.raises(VerificationError, match="digest mismatch"):
        check(sigstore, sigstore.forger().blob(b"data"), b"other")


def test_another_identity_is_refused(sigstore: LocalSigstore) -> None:
    with pytest.raises(VerificationError, match="SANs do not match"):
        check(sigstore, sigstore.forger("attacker@example.com").blob(b"data"))


def test_another_instance_trusts_nothing_of_it(
    sigstore: LocalSigstore, other: LocalSigstore
) -> None:
    with pytest.raises(VerificationError):
        check(other, sigstore.forger(issuer=other.issuer).blob(b"data"))


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ("ca", "(?i)chain"),
        ("log", "(?i)log|keyring|checkpoint"),
        ("tsa", "sources of verified time"),
    ],
)
def test_a_part_of_another_instance_is_refused(
    sigstore: LocalSigstore, other: LocalSigstore, part: str, why: str
) -> None:
    swapped = sigstore.forger(**{part: getattr(other, part)})
    with pytest.raises(VerificationError, match=why):
        check(sigstore, swapped.blob(b"data"))


def test_an_sct_by_another_key_is_refused(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    log_key = other.ca.ct_key
    certificate = sigstore.ca.issue(key.public_key(), "dev@example.com", "i", ct_key=log_key)
    bundle = sigstore.forger().blob(b"data")
    raw = certificate.public_bytes(serialization.Encoding.DER)
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = base64.b64encode(raw).decode()
    with pytest.raises(VerificationError, match="SCT"):
        check(sigstore, bundle)


def test_a_certificate_without_sct_is_refused(sigstore: LocalSigstore) -> None:
    with pytest.raises(VerificationError, match="signed certificate timestamp"):
        check(sigstore, sigstore.forger(sct=False).blob(b"data"))


def test_a_bundle_without_timestamp_is_refused(sigstore: LocalSigstore) -> None:
    with pytest.raises(InvalidBundle, match="signed timestamp"):
        check(sigstore, sigstore.forger(stamped=False).blob(b"data"))


def test_a_certificate_that_had_expired_when_it_signed_is_refused(sigstore: LocalSigstore) -> None:
    hour_ago = sigstore.now() - dt.timedelta(hours=1)
    with pytest.raises(VerificationError, match=r"(?i)valid|time"):
        check(sigstore, sigstore.forger(certified_at=hour_ago).blob(b"data"))
    check(sigstore, sigstore.forger(certified_at=hour_ago, stamped_at=hour_ago).blob(b"data"))


def test_an_entry_of_another_bundle_is_refused(sigstore: LocalSigstore) -> None:
    bundle, another = (sigstore.forger().blob(b"data") for _ in range(2))
    material = another["verificationMaterial"]
    bundle["verificationMaterial"]["tlogEntries"] = material["tlogEntries"]
    with pytest.raises(VerificationError, match=r"(?i)entry|log"):
        check(sigstore, bundle)


def test_an_entry_the_log_does_not_hold_is_refused() -> None:
    with LocalSigstore() as sigstore:
        check(sigstore, sigstore.forger().blob(b"data"))
        sigstore.log.omits = True
        bundle = json.loads(sign(sigstore, b"data").to_json())
        assert len(sigstore.entries) == 1
        with pytest.raises(VerificationError, match=r"(?i)inclusion|root"):
            check(sigstore, bundle)
        sigstore.recover()
        check(sigstore, json.loads(sign(sigstore, b"data").to_json()))


@pytest.mark.parametrize(
    "where",
    [
        ("messageSignature", "signature"),
        ("verificationMaterial", "certificate", "rawBytes"),
        (
            "verificationMaterial",
            "timestampVerificationData",
            "rfc3161Timestamps",
            0,
            "signedTimestamp",
        ),
        ("verificationMaterial", "tlogEntries", 0, "canonicalizedBody"),
        ("verificationMaterial", "tlogEntries", 0, "inclusionProof", "rootHash"),
    ],
    ids=lambda where: where[-1],
)
def test_a_flipped_bit_in_any_part_is_refused(
    sigstore: LocalSigstore, where: tuple[str | int, ...]
) -> None:
    bundle = sigstore.forger().blob(b"data")
    check(sigstore, bundle)
    part: Any = bundle
    for step in where[:-1]:
        part = part[step]
    raw = bytearray(base64.b64decode(part[where[-1]]))
    raw[-3] ^= 1
    part[where[-1]] = base64.b64encode(raw).decode()
    with pytest.raises(VerificationError):
        check(sigstore, bundle)


def test_its_trust_root_names_every_part_and_has_no_end(
    sigstore: LocalSigstore, tmp_path: Path
) -> None:
    path = sigstore.write_trusted_root(tmp_path / "root.json")
    TrustedRoot.from_file(str(path))
    document = json.loads(path.read_bytes())
    assert document["mediaType"] == "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    for part in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
        (only,) = document[part]
        valid = only.get("validFor") or only["publicKey"]["validFor"]
        assert list(valid) == ["start"]
    config_path = sigstore.write_signing_config(tmp_path / "config.json")
    assert json.loads(config_path.read_bytes())["rekorTlogUrls"][0]["majorApiVersion"] == 2


def test_another_clock_moves_every_part() -> None:
    moment = dt.datetime(2021, 3, 4, 5, 6, 7, 890, tzinfo=dt.UTC)
    with LocalSigstore(now=lambda: moment) as sigstore:
        bundle = sigstore.forger().blob(b"data")
        parsed = Bundle.from_json(json.dumps(bundle))
        assert parsed.signing_certificate.not_valid_before_utc == moment.replace(microsecond=0)
        check(sigstore, bundle)
    check(sigstore, bundle)  # a stopped instance still is a trust root


def test_a_clock_without_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        LocalSigstore(now=lambda: dt.datetime(2021, 3, 4))  # noqa: DTZ001


def test_the_trust_object_of_this_library(sigstore: LocalSigstore) -> None:
    trust = sigstore.trust
    assert trust == sigstore.trust
    assert trust.to_json() == sigstore.trusted_root_json
    assert pickle.loads(pickle.dumps(trust)) == trust


def test_the_signer_of_this_library(sigstore: LocalSigstore) -> None:
    signer = sigstore.signer(WORKFLOW)
    assert (signer.identity, signer.issuer) == (WORKFLOW, sigstore.issuer)
    subject = Subject(name="app", digest=DigestSet({"sha256": "a" * 64}))
    statement = StatementBuilder([subject], "https://example.com/p", {}).build()
    bundle = Bundle.from_json(signer.sign_statement(statement._contents))
    verifier(sigstore).verify_dsse(bundle, by(sigstore, WORKFLOW))


def test_threads_sign_at_once(sigstore: LocalSigstore) -> None:
    before = len(sigstore.entries)
    with ThreadPoolExecutor(8) as pool:
        bundles = list(pool.map(lambda n: sign(sigstore, b"%d" % n), range(16)))
    for number, bundle in enumerate(bundles):
        verifier(sigstore).verify_artifact(b"%d" % number, bundle, by(sigstore))
    assert len(sigstore.entries) == before + 16


def test_it_starts_and_stops_once() -> None:
    sigstore = LocalSigstore()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sigstore.url
    with pytest.raises(RuntimeError, match="not running"):
        sigstore.token()
    with sigstore:
        assert sigstore.start() is sigstore
        assert sigstore.url in repr(sigstore)
    sigstore.stop()
    assert "stopped" in repr(sigstore)
    with pytest.raises(RuntimeError, match="make another"):
        sigstore.start()
    with pytest.raises(RuntimeError, match="not running"):
        sigstore.fail("ca")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{sigstore.url}/keys", timeout=5)
