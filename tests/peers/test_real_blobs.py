"""Files signed with Sigstore's real services, by us and by cosign: with identities, with keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.peers.key_handles import KINDS, Pair

import provenance as pv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run
    from tests.peers.real_sigstore import RealSigstore

pytestmark = pytest.mark.peer_full

WHO = "release@example.com"
HASHES = {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "app.tar.gz"
    path.write_bytes(b"a release\n" * 1000)
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other"
    path.write_bytes(b"another release\n")
    return path


def test_cosign_verifies_the_files_we_sign(
    real_sigstore: RealSigstore, run: Run, blob: Path, other: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.json"
    bundle.write_bytes(pv.sign_blob(blob, real_sigstore.signer(WHO)).raw)
    options = (*real_sigstore.trusted, *real_sigstore.expecting(WHO), "--bundle", str(bundle))
    run("cosign", "verify-blob", *options, str(blob))
    assert run("cosign", "verify-blob", *options, str(other), check=False).returncode != 0


def test_we_verify_the_files_cosign_signs(
    real_sigstore: RealSigstore, run: Run, blob: Path, other: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.json"
    options = (*real_sigstore.services, *real_sigstore.token(WHO), "--bundle", str(bundle))
    run("cosign", "sign-blob", *options, str(blob))
    trust = real_sigstore.trust
    found = pv.verify_blob(blob, bundle, real_sigstore.who(WHO), trust=trust)
    assert found.identity == WHO
    for file, who, step in (
        (other, real_sigstore.who(WHO), "message-digest"),
        (blob, real_sigstore.who("mallory@example.org"), "identity"),
    ):
        with pytest.raises(pv.InvalidEvidence) as refused:
            pv.verify_blob(file, bundle, who, trust=trust)
        assert refused.value.step == step


@pytest.mark.parametrize("kind", KINDS)
def test_cosign_verifies_the_files_we_sign_with_a_key(
    real_sigstore: RealSigstore, run: Run, blob: Path, other: Path, tmp_path: Path, kind: str
) -> None:
    pair = Pair.generate(kind)
    signer = pv.Signer.of(pair, trust=real_sigstore.trust)
    if kind == "ed25519":  # neither log takes it: the log must see what is signed, or its hash
        with pytest.raises(pv.SigningError):
            pv.sign_blob(blob, signer)
        return
    bundle, key = tmp_path / "bundle.json", tmp_path / "key.pub"
    bundle.write_bytes(pv.sign_blob(blob, signer).raw)
    key.write_bytes(pair.public_key.to_pem())
    options = (*real_sigstore.trusted, "--key", str(key), "--bundle", str(bundle))
    # It signs with the hash that belongs to the curve, and verifies with SHA-256 unless told.
    options = (*options, "--signature-digest-algorithm", HASHES.get(kind, "sha256"))
    run("cosign", "verify-blob", *options, str(blob))
    assert run("cosign", "verify-blob", *options, str(other), check=False).returncode != 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ed25519"])
def test_we_verify_the_files_cosign_signs_with_a_key(
    real_sigstore: RealSigstore, run: Run, blob: Path, other: Path, tmp_path: Path, kind: str
) -> None:
    """With an Ed25519 key this cosign does not verify what it signed, and gives up."""
    (tmp_path / "secret.pem").write_bytes(Pair.generate(kind).to_pem())
    run("cosign", "import-key-pair", "--key", "secret.pem", cwd=tmp_path)
    bundle, key = tmp_path / "bundle.json", tmp_path / "import-cosign.pub"
    secret = ("--key", str(tmp_path / "import-cosign.key"), "--bundle", str(bundle))
    run("cosign", "sign-blob", *real_sigstore.services, *secret, str(blob))
    trust = real_sigstore.trust
    found = pv.verify_blob(blob, bundle, key=key, trust=trust)
    assert (found.issuer, len(found.log_entries)) == ("", 1)
    with pytest.raises(pv.InvalidEvidence) as refused:
        pv.verify_blob(other, bundle, key=key, trust=trust)
    assert refused.value.step == "message-digest"
    stranger = Pair.generate(kind).public_key
    with pytest.raises(pv.InvalidEvidence):
        pv.verify_blob(blob, bundle, key=stranger, trust=trust)
    with pytest.raises(pv.VerificationError):
        pv.verify_blob(blob, bundle, real_sigstore.who(WHO), trust=trust)


@pytest.mark.parametrize(
    "algorithm",
    [
        *("ecdsa-sha2-384-nistp384", "ecdsa-sha2-512-nistp521", "rsa-sign-pkcs1-2048-sha256"),
        *("rsa-sign-pkcs1-3072-sha256", "rsa-sign-pkcs1-4096-sha256"),
    ],
)
def test_we_verify_files_signed_with_certified_keys_of_any_kind(
    real_sigstore: RealSigstore, run: Run, blob: Path, other: Path, tmp_path: Path, algorithm: str
) -> None:
    bundle = tmp_path / "bundle.json"
    where = (*real_sigstore.services, *real_sigstore.token(WHO), "--bundle", str(bundle))
    run("cosign", "sign-blob", *where, "--signing-algorithm", algorithm, str(blob))
    who, trust = real_sigstore.who(WHO), real_sigstore.trust
    assert pv.verify_blob(blob, bundle, who, trust=trust).identity == WHO
    with pytest.raises(pv.InvalidEvidence) as refused:
        pv.verify_blob(other, bundle, who, trust=trust)
    assert refused.value.step == "message-digest"
