"""What `cosign sign-blob --bundle` wrote before version 3: verified, each part held to the rest."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.verification.shapes import public

from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import ProvenanceError
from provenance.signing import verify_blob
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.keys import pem, spki
from provenance.testing.sigstore.schemes import new_key, sign
from provenance.verification import Identity

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.sigstore.bundles import Forger

DATA, SIGNATURE = b"a release", "dev.cosignproject.cosign/signature"
PREFIX = "dev.sigstore.cosign/"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore(rekor=("v1",)) as made:
        return made


def b64(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def older(forger: Forger, data: bytes = DATA) -> Document:
    """cosign, `LocalSignedPayload`: the same parts as in a layer's annotations."""
    made = forger.layer(data)
    document = {
        "base64Signature": made[SIGNATURE],
        "rekorBundle": json.loads(made[f"{PREFIX}bundle"]),
    }
    certificate = made.get(f"{PREFIX}certificate")
    return document | ({"cert": b64(certificate)} if certificate else {})


def outcome(sigstore: LocalSigstore, document: Document, **options: Any) -> str:
    """The step that refused, else the error's code; empty: verified."""
    if "key" not in options:
        options["identity"] = Identity("dev@example.com", issuer=sigstore.issuer)
    try:
        found = verify_blob(
            options.pop("blob", DATA),
            json.dumps(document).encode(),
            trust=sigstore.trust,
            **options,
        )
    except ProvenanceError as error:
        return str(getattr(error, "step", "") or error.code)
    assert found.time is not None
    return ""


def test_certificates_and_keys_verify_by_bytes_digest_and_path(
    sigstore: LocalSigstore, tmp_path: Path
) -> None:
    (tmp_path / "blob").write_bytes(DATA)
    keyed = sigstore.forger(key=new_key(), stamped=False)
    for blob in (DATA, Digest.of(DATA), tmp_path / "blob"):
        assert outcome(sigstore, older(sigstore.forger()), blob=blob) == ""
        assert outcome(sigstore, older(keyed), key=public(keyed), blob=blob) == ""
    (tmp_path / "bundle").write_text(json.dumps(older(keyed)))
    key = public(keyed)
    found = verify_blob(tmp_path / "blob", tmp_path / "bundle", key=key, trust=sigstore.trust)
    assert found.log_index is not None


def test_a_certificate_may_be_in_pem_as_it_is(sigstore: LocalSigstore) -> None:
    made = older(sigstore.forger())
    made["cert"] = base64.b64decode(made["cert"]).decode()
    assert outcome(sigstore, made) == ""


def test_a_key_in_the_certificates_place_is_no_certificate(sigstore: LocalSigstore) -> None:
    """cosign 1 wrote it there. Whose it is, the verifier says alone."""
    forger = sigstore.forger(key=new_key(), stamped=False)
    other = sigstore.forger(key=new_key(), stamped=False)
    made = older(forger) | {"cert": b64(public_pem(forger))}
    assert outcome(sigstore, made, key=public(forger)) == ""
    assert outcome(sigstore, made, key=public(other)) == "signature"
    assert outcome(sigstore, made) == "key"


def public_pem(forger: Forger) -> bytes:
    found = public(forger)
    assert found is not None
    return found.to_pem()


def test_a_statement_about_the_file_counts_as_well(sigstore: LocalSigstore) -> None:
    """`attest-blob`: the envelope stands in the place of the signature."""
    named = ResourceDescriptor("blob", {"sha256": Digest.of(DATA).hex})
    statement = Statement.build([named], "https://example.com/review", {}).raw
    for kind in ("intoto 0.0.1", "intoto 0.0.2", "dsse 0.0.1"):
        payload, made = sigstore.forger(kind=kind, stamped=False).attestation_layer(statement)
        document = {
            "base64Signature": b64(payload),
            "cert": b64(made[f"{PREFIX}certificate"]),
            "rekorBundle": json.loads(made[f"{PREFIX}bundle"]),
        }
        assert outcome(sigstore, document) == ""
        assert outcome(sigstore, document, blob=b"another release") == "subject"


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa-2048"])
def test_a_signature_that_begins_as_an_object_does_is_no_envelope(
    sigstore: LocalSigstore, algorithm: str
) -> None:
    """Both are random bytes from the first one on: every 256th begins with a brace."""
    key = new_key(algorithm)
    data = next(d for n in range(10_000) if sign(key, d := b"release %d" % n)[:1] == b"{")
    keyed = sigstore.forger(key=key, stamped=False)
    made = older(keyed, data)
    assert base64.b64decode(made["base64Signature"])[:1] == b"{"
    assert outcome(sigstore, made, key=public(keyed), blob=data) == ""
    assert outcome(sigstore, made, key=public(keyed), blob=DATA) == "signature"


def test_fields_in_their_original_names_are_the_same_fields(sigstore: LocalSigstore) -> None:
    """As everywhere else where a message is read."""
    made = older(sigstore.forger())
    entry = made.pop("rekorBundle")
    assert outcome(sigstore, made | {"rekor_bundle": entry}) == ""
    assert outcome(sigstore, made | {"rekor_bundle": entry, "rekorBundle": entry}) == (
        "malformed-document"
    )


def test_each_part_is_held_to_the_others(sigstore: LocalSigstore) -> None:
    made, another = older(sigstore.forger()), older(sigstore.forger("eve@example.com"))
    assert outcome(sigstore, another) == "identity"
    assert outcome(sigstore, made, blob=b"another release") == "signature"
    assert outcome(sigstore, made, key=public(sigstore.forger(key=new_key()))) == "key"
    changes: dict[str, Any] = {
        "time": {"rekorBundle": None},
        "log-entry": {"rekorBundle": another["rekorBundle"]},
        "signature": {"base64Signature": another["base64Signature"]},
        "malformed-document": {"base64Signature": ""},
        "unsupported-format": {"signature": made["base64Signature"]},
    }
    for step, change in changes.items():
        assert outcome(sigstore, made | change) == step
    keyed = sigstore.forger(key=new_key(), stamped=False)
    unlogged = older(keyed) | {"rekorBundle": None}
    assert outcome(sigstore, unlogged, key=public(keyed)) == "transparency-log"
    late = json.loads(json.dumps(made))
    late["rekorBundle"]["Payload"]["integratedTime"] += 1
    assert outcome(sigstore, late) == "transparency-log"


def test_another_instance_or_what_is_no_certificate_is_refused(sigstore: LocalSigstore) -> None:
    made = older(sigstore.forger())
    with LocalSigstore(rekor=("v1",)) as other:
        assert outcome(other, made) == "transparency-log"
        foreign = older(other.forger(log=sigstore.log, tsa=sigstore.tsa))
    assert outcome(sigstore, foreign) == "certificate-chain"
    for certificate in ("!", b64("x"), b64(spki(new_key().public_key())), b64(b"\xff")):
        assert outcome(sigstore, made | {"cert": certificate}) == "malformed-document"
    two = base64.b64decode(made["cert"]) + pem(sigstore.ca.authority.certificate)
    assert outcome(sigstore, made | {"cert": b64(two)}) == "malformed-document"


def test_what_says_that_it_is_a_bundle_is_read_as_one(sigstore: LocalSigstore) -> None:
    made = older(sigstore.forger())
    assert outcome(sigstore, made | {"mediaType": "x"}) == "unsupported-format"
    bundle = sigstore.forger().blob(DATA)
    assert outcome(sigstore, bundle | {"base64Signature": made["base64Signature"]}) == ""
