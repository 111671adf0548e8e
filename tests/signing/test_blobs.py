"""Files signed and verified: by identity and key, by path, bytes and digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.signing.conftest import MemoryKey, make_key

import provenance as pv
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.errors import (
    InvalidEvidence,
    LimitExceeded,
    NotFound,
    SigningError,
    UnsupportedFormat,
    VerificationError,
)
from provenance.settings import Limits, Settings
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import SignedBlob, SignedStatement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048")
CONTENT = b"the content of a release\n" * 100
ONCE = Settings(retries=0)


@pytest.fixture(scope="module")
def services() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "app.tar.gz"
    path.write_bytes(CONTENT)
    return path


def who(sigstore: LocalSigstore) -> pv.Identity:
    return pv.Identity("dev@example.com", issuer=sigstore.issuer)


@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_a_file_is_signed_by_an_identity(blob: Path, tmp_path: Path, rekor: str) -> None:
    with LocalSigstore(rekor=(rekor,)) as sigstore:
        bundle = pv.sign_blob(blob, sigstore.signer())
        path = tmp_path / "app.tar.gz.sigstore.json"
        path.write_bytes(bundle.raw)
        digest = pv.Digest.of(CONTENT)
        for given in (blob, str(blob), CONTENT, digest):
            for read in (path, str(path), bundle.raw, bundle):
                found = pv.verify_blob(given, read, who(sigstore), trust=sigstore.trust)
                assert isinstance(found, SignedBlob)
                assert (found.digest, found.identity) == (digest, "dev@example.com")
                assert found.time is not None


def test_another_file_is_not_what_was_signed(blob: Path, sigstore: LocalSigstore) -> None:
    bundle = pv.sign_blob(blob, sigstore.signer())
    blob.write_bytes(CONTENT + b"\n")
    for given in (blob, CONTENT + b"\n", pv.Digest.of(CONTENT + b"\n")):
        with pytest.raises(InvalidEvidence) as refused:
            pv.verify_blob(given, bundle, who(sigstore), trust=sigstore.trust)
        assert refused.value.step == "message-digest"


def test_another_signer_is_told(blob: Path, sigstore: LocalSigstore) -> None:
    bundle = pv.sign_blob(blob, sigstore.signer("eve@example.com"))
    with pytest.raises(InvalidEvidence, match=r"eve@example\.com") as refused:
        pv.verify_blob(blob, bundle, who(sigstore), trust=sigstore.trust)
    assert refused.value.step == "identity"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_signed_by_a_key(services: LocalSigstore, blob: Path, kind: str) -> None:
    key = make_key(kind)
    signer = pv.Signer.of(key, trust=services.trust, settings=ONCE)
    bundle = pv.sign_blob(blob, signer)
    for given in (key.public_key, key.public_key.to_pem(), key.public_key.der):
        found = pv.verify_blob(blob, bundle, key=given, trust=services.trust)
        assert found.identity == signer.identity == f"key {key.public_key.key_id}"
        assert found.log_entries
    with pytest.raises(VerificationError):
        pv.verify_blob(blob, bundle, key=make_key(kind).public_key, trust=services.trust)
    with pytest.raises(VerificationError):
        pv.verify_blob(blob, bundle, who(services), trust=services.trust)


def test_a_certificate_never_stands_in_for_a_key(blob: Path, sigstore: LocalSigstore) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    bundle = pv.sign_blob(blob, sigstore.signer())
    raw = json.loads(bundle.raw)["verificationMaterial"]["certificate"]["rawBytes"]
    import base64

    certified = x509.load_der_x509_certificate(base64.b64decode(raw)).public_key()
    pem = certified.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(VerificationError):
        pv.verify_blob(blob, bundle, key=pem, trust=sigstore.trust)


class TestWithoutALog:
    """Nobody notices what a stolen key signs: both sides must say that they accept it."""

    @pytest.mark.parametrize("kind", [*KINDS, "ed25519"])
    def test_a_key_signs_without_any_service(self, blob: Path, kind: str) -> None:
        key = make_key(kind)
        signer = pv.Signer.of(key, unsafe_no_log=True, settings=Settings(offline=True))
        bundle = pv.sign_blob(blob, signer)
        assert json.loads(bundle.raw)["verificationMaterial"]["tlogEntries"] == []
        found = pv.verify_blob(
            blob, bundle, key=key.public_key, trust=signer.trust, unsafe_no_log=True
        )
        assert (found.time, found.log_entries) == (None, ())

    def test_a_verifier_must_say_so(self, blob: Path, sigstore: LocalSigstore) -> None:
        key = make_key("ecdsa-p256")
        signer = pv.Signer.of(key, trust=sigstore.trust, unsafe_no_log=True)
        bundle = pv.sign_blob(blob, signer)
        with pytest.raises(VerificationError):
            pv.verify_blob(blob, bundle, key=key.public_key, trust=sigstore.trust)
        found = pv.verify_blob(
            blob, bundle, key=key.public_key, trust=sigstore.trust, unsafe_no_log=True
        )
        assert found.time is not None  # a timestamp was made all the same
        assert sigstore.entries == []


def test_a_large_file_is_hashed_by_what_the_bundle_speaks_of(
    services: LocalSigstore, blob: Path
) -> None:
    small = Limits(file_bytes=10)
    for kind in KINDS:
        key = make_key(kind)
        bundle = pv.sign_blob(blob, pv.Signer.of(key, trust=services.trust, settings=ONCE))
        found = pv.verify_blob(blob, bundle, key=key.public_key, trust=services.trust, limits=small)
        assert isinstance(found, SignedBlob)
        expected = {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}.get(kind, "sha256")
        assert found.digest.algorithm == expected


def test_a_large_file_is_held_where_its_digest_tells_nothing(blob: Path) -> None:
    small = Limits(file_bytes=10)
    for kind in ("ed25519", "ecdsa-p384"):
        key = make_key(kind)
        signer = pv.Signer.of(key, unsafe_no_log=True)
        bundle = json.loads(pv.sign_blob(blob, signer).raw)
        del bundle["messageSignature"]["messageDigest"]
        raw = json.dumps(bundle).encode()
        found = pv.verify_blob(
            *(blob, raw),
            key=key.public_key,
            trust=signer.trust,
            unsafe_no_log=True,
            limits=small,
        )
        assert found.identity == signer.identity
        with pytest.raises(LimitExceeded):
            pv.verify_blob(
                *(blob, raw),
                key=key.public_key,
                trust=signer.trust,
                unsafe_no_log=True,
                limits=Limits(file_bytes=10, document_bytes=10),
            )
        with pytest.raises(UnsupportedFormat):
            pv.verify_blob(
                *(pv.Digest.of(CONTENT), raw),
                key=key.public_key,
                trust=signer.trust,
                unsafe_no_log=True,
            )


def test_a_statement_about_the_file_counts_too(sigstore: LocalSigstore, blob: Path) -> None:
    named = ResourceDescriptor("app.tar.gz", {"sha256": hashlib.sha256(CONTENT).hexdigest()})
    statement = Statement.build([named], "https://example.com/p", {}).raw
    bundle = sigstore.signer().sign_statement(statement)
    for given in (blob, pv.Digest.of(CONTENT)):
        found = pv.verify_blob(given, bundle, who(sigstore), trust=sigstore.trust)
        assert isinstance(found, SignedStatement)
    with pytest.raises(InvalidEvidence) as refused:
        pv.verify_blob(b"else", bundle, who(sigstore), trust=sigstore.trust)
    assert refused.value.step == "subject"


def test_what_must_be_said_of_the_file_can_be_asked(sigstore: LocalSigstore, blob: Path) -> None:
    """A review by the same signer is no provenance, nor a signature: CVE-2026-39395."""
    named = ResourceDescriptor("app.tar.gz", {"sha256": hashlib.sha256(CONTENT).hexdigest()})
    review = Statement.build([named], "https://example.com/review/v1", {}).raw
    provenance = Statement.build([named], "https://slsa.dev/provenance/v1", {}).raw
    signer = sigstore.signer()
    bundles: dict[str, bytes] = {
        "signature": pv.sign_blob(blob, signer).raw,
        "https://example.com/review/v1": signer.sign_statement(review),
        "slsa-provenance": signer.sign_statement(provenance),
    }
    for given, bundle in bundles.items():
        pv.verify_blob(blob, bundle, who(sigstore), trust=sigstore.trust, require="any")
        for wanted in bundles:
            options: dict[str, Any] = {"require": wanted, "trust": sigstore.trust}
            if wanted == given:
                pv.verify_blob(blob, bundle, who(sigstore), **options)
                continue
            with pytest.raises(InvalidEvidence) as refused:
                pv.verify_blob(blob, bundle, who(sigstore), **options)
            assert refused.value.step == "predicate-type"
        with pytest.raises(ValueError, match="is no predicate type"):
            pv.verify_blob(blob, bundle, who(sigstore), trust=sigstore.trust, require="provenence")


def test_exactly_one_of_identity_and_key_is_said(sigstore: LocalSigstore, blob: Path) -> None:
    bundle = pv.sign_blob(blob, sigstore.signer())
    both: list[dict[str, Any]] = [
        {},
        {"identity": who(sigstore), "key": make_key("ecdsa-p256").public_key},
    ]
    for given in both:
        with pytest.raises(TypeError, match="exactly one"):
            pv.verify_blob(blob, bundle, trust=sigstore.trust, **given)


def test_files_that_are_not_there_are_told_so(
    sigstore: LocalSigstore, blob: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "none"
    with pytest.raises(NotFound, match="none cannot be read"):
        pv.sign_blob(missing, sigstore.signer())
    bundle = pv.sign_blob(blob, sigstore.signer())
    with pytest.raises(NotFound, match="none cannot be read"):
        pv.verify_blob(missing, bundle, who(sigstore), trust=sigstore.trust)
    with pytest.raises(NotFound, match="none cannot be read"):
        pv.verify_blob(blob, missing, who(sigstore), trust=sigstore.trust)
    for none in ("a\0b", "a\ud800"):
        with pytest.raises(NotFound, match="is no path"):
            pv.sign_blob(none, sigstore.signer())
        with pytest.raises(NotFound, match="is no path"):
            pv.verify_blob(none, bundle, who(sigstore), trust=sigstore.trust)
        with pytest.raises(NotFound, match="is no path"):
            pv.verify_blob(blob, none, who(sigstore), trust=sigstore.trust)


def test_a_key_in_cosigns_file_signs_statements_and_files(
    services: LocalSigstore, blob: Path, tmp_path: Path, statement: bytes
) -> None:
    from provenance.signing.keys import generate_key_pair, write_key_pair

    pair = generate_key_pair(password="of the file")
    private, public = write_key_pair(pair, tmp_path / "cosign")
    signer = pv.Signer.from_key(
        private, password=lambda: "of the file", trust=services.trust, settings=ONCE
    )
    bundle = pv.sign_blob(blob, signer)
    pv.verify_blob(blob, bundle, key=public, trust=services.trust)
    assert signer.sign_statement(statement)
    with pytest.raises(SigningError, match="password"):
        pv.Signer.from_key(private, password="another", trust=services.trust)


def test_a_file_that_changes_while_it_is_signed_is_not_signed(
    services: LocalSigstore, blob: Path
) -> None:
    class Changing(MemoryKey):
        def sign(self, data: bytes, /) -> bytes:
            blob.write_bytes(b"else")
            return super().sign(data)

    key = Changing(make_key("ecdsa-p256").key)
    with pytest.raises(SigningError, match="does not verify"):
        pv.sign_blob(blob, pv.Signer.of(key, trust=services.trust, settings=ONCE))
