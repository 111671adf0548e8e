"""One key, two programs: what cosign keeps or signs with it, and what we do."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.serving import peer

from provenance.attestation.public_key import PublicKey
from provenance.settings import Settings
from provenance.signing import Signer
from provenance.signing.keys import (
    generate_key_pair,
    open_key,
    open_public_key,
    read_private_key,
    write_key_pair,
)
from provenance.signing.keys.schemes import check_signature, to_be_signed
from provenance.testing import LocalKms, LocalTransit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cosign = Callable[..., str]

pytestmark = pytest.mark.peer

PASSWORD = "correct horse"
NO_SERVICES = '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}'
NO_TRUST = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


@pytest.fixture
def cosign(tmp_path: Path) -> Cosign:
    """Run it in a folder of its own, with no service to ask and nothing to trust but the key."""
    (tmp_path / "services.json").write_text(NO_SERVICES)
    (tmp_path / "root.json").write_text(NO_TRUST)
    (tmp_path / "data").write_bytes(b"data")

    def call(*arguments: str, **environ: str) -> str:
        done = subprocess.run(
            [peer("cosign"), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
            env={
                "HOME": str(tmp_path),
                "PATH": os.environ["PATH"],
                "COSIGN_PASSWORD": PASSWORD,
                **environ,
            },
        )
        if done.returncode != 0:
            pytest.fail(f"cosign {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    return call


def _signed(cosign: Cosign, folder: Path, key: str, **environ: str) -> bytes:
    """What cosign signs `data` with."""
    options = ("--signing-config", "services.json", "--trusted-root", "root.json", "--yes")
    cosign("sign-blob", "--key", key, *options, "--bundle", "bundle.json", "data", **environ)
    bundle: dict[str, Any] = json.loads((folder / "bundle.json").read_bytes())
    return base64.b64decode(bundle["messageSignature"]["signature"])


def _see_verified(
    cosign: Cosign, key: str, bundle: str, algorithm: str = "", **environ: str
) -> None:
    options = ["--trusted-root", "root.json", "--insecure-ignore-tlog"]
    # cosign 3.1 verifies no bundle of its own by a file with a key of another hash than SHA-256,
    # unless it is told so by an option that it calls deprecated (its issues 5063 and 5092).
    if hashed := {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}.get(algorithm):
        options += ["--signature-digest-algorithm", hashed]
    cosign("verify-blob", "--key", key, "--bundle", bundle, *options, "data", **environ)


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048"])
def test_cosign_signs_with_a_key_of_ours(cosign: Cosign, tmp_path: Path, algorithm: str) -> None:
    pair = generate_key_pair(PASSWORD, algorithm=algorithm)
    write_key_pair(pair, tmp_path / "ours")
    signature = _signed(cosign, tmp_path, "ours.key")
    check_signature(pair.public_key, to_be_signed(pair.public_key, b"data"), signature)
    _see_verified(cosign, "ours.pub", "bundle.json", algorithm)


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048"])
def test_cosign_verifies_what_we_sign(cosign: Cosign, tmp_path: Path, algorithm: str) -> None:
    private, _ = write_key_pair(generate_key_pair(PASSWORD, algorithm=algorithm), tmp_path / "ours")
    signer = Signer.from_key(private, password=PASSWORD, unsafe_no_log=True)
    (tmp_path / "ours.json").write_bytes(signer.sign_payload(b"data"))
    _see_verified(cosign, "ours.pub", "ours.json", algorithm)


def test_we_sign_with_a_key_of_cosign(cosign: Cosign, tmp_path: Path) -> None:
    cosign("generate-key-pair", "--output-key-prefix", "theirs")
    public = PublicKey.parse((tmp_path / "theirs.pub").read_bytes())
    assert open_public_key(tmp_path / "theirs.pub") == public
    signer = Signer.from_key(tmp_path / "theirs.key", password=PASSWORD, unsafe_no_log=True)
    assert signer.public_key == public
    (tmp_path / "ours.json").write_bytes(signer.sign_payload(b"data"))
    _see_verified(cosign, "theirs.pub", "ours.json")


@pytest.mark.parametrize(
    "options",
    [
        ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"),
        ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
        ("genpkey", "-algorithm", "ed25519"),
    ],
    ids=["P-521", "RSA", "Ed25519"],
)
def test_a_key_that_cosign_imported_is_the_same(
    cosign: Cosign, tmp_path: Path, options: tuple[str, ...]
) -> None:
    subprocess.run(
        ["openssl", *options, "-out", "openssl.pem"], check=True, capture_output=True, cwd=tmp_path
    )
    cosign("import-key-pair", "--key", "openssl.pem", "--output-key-prefix", "theirs")
    plain = read_private_key((tmp_path / "openssl.pem").read_bytes())
    imported = read_private_key((tmp_path / "theirs.key").read_bytes(), PASSWORD)
    assert imported.public_key == plain.public_key


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_cosign_and_we_share_a_key_of_aws(
    cosign: Cosign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str
) -> None:
    with LocalKms(tls=True) as kms:
        kms.create_key("alias/release", spec=spec)
        for name, value in kms.credentials.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "ca.pem").write_bytes(kms.ca_pem)
        reference = f"awskms://{kms.host}/alias/release"
        key = open_key(reference, settings=Settings(ca_bundle=tmp_path / "ca.pem"))
        environ = {**kms.credentials, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        public = cosign("public-key", "--key", reference, **environ)
        assert PublicKey.parse(public.encode()) == key.public_key
        signature = _signed(cosign, tmp_path, reference, **environ)
        check_signature(key.public_key, to_be_signed(key.public_key, b"data"), signature)
        signer = Signer.of(key, unsafe_no_log=True)
        (tmp_path / "ours.json").write_bytes(signer.sign_payload(b"data"))
        _see_verified(cosign, reference, "ours.json", **environ)


def test_cosign_makes_a_key_in_vault_and_we_sign_with_it(cosign: Cosign, tmp_path: Path) -> None:
    with LocalTransit() as vault:
        cosign("generate-key-pair", "--kms", "hashivault://release", **vault.environ)
        key = open_key("hashivault://release", environ=vault.environ)
        assert PublicKey.parse((tmp_path / "cosign.pub").read_bytes()) == key.public_key
        signature = _signed(cosign, tmp_path, "hashivault://release", **vault.environ)
        check_signature(key.public_key, to_be_signed(key.public_key, b"data"), signature)
        signer = Signer.of(key, unsafe_no_log=True)
        (tmp_path / "ours.json").write_bytes(signer.sign_payload(b"data"))
        _see_verified(cosign, "cosign.pub", "ours.json")
