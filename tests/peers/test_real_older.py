"""Signatures as cosign made them before version 3, made with Sigstore's real services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.peers.key_handles import Pair

import provenance as pv
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run
    from tests.peers.real_sigstore import RealSigstore

    from provenance.testing.registry import LocalRegistry

pytestmark = pytest.mark.peer_full

WHO = "release@example.com"
REVIEW = "https://example.com/review/v1"
HTTP = "--allow-http-registry"


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = f"{local_registry.host}/team/app:1.0"
    ImageBuilder().layer({"bin/app": b"#!/bin/sh\n"}).push(tag)
    return pv.resolve(tag)


@pytest.fixture(autouse=True)
def _rekor_v1(real_sigstore: RealSigstore) -> None:
    if real_sigstore.rekor != 1:
        pytest.skip("such signatures are logged by Rekor 1 alone")


@pytest.mark.parametrize("stamped", ["", "stamped"])
def test_we_verify_what_cosign_signed(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, stamped: str
) -> None:
    options, trusted = real_sigstore.older
    if stamped:
        options = (*options, "--timestamp-server-url", real_sigstore.urls["tsa"])
    words = (HTTP, *options, *real_sigstore.token(WHO), str(image.reference))
    run("cosign", "sign", *words, env=trusted)
    verified = pv.verify(image, real_sigstore.who(WHO), trust=real_sigstore.trust)
    (proof,) = verified.signatures
    assert (proof.identity, proof.placement.scheme) == (WHO, "tag")
    assert proof.time is not None
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, real_sigstore.who("mallory@example.org"), trust=real_sigstore.trust)


def test_we_verify_what_cosign_attested(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, tmp_path: Path
) -> None:
    predicate = tmp_path / "predicate.json"
    predicate.write_text('{"reviewed": true}')
    options, trusted = real_sigstore.older
    kind = ("--type", REVIEW, "--predicate", str(predicate))
    words = (HTTP, *options, *real_sigstore.token(WHO), *kind, str(image.reference))
    run("cosign", "attest", *words, env=trusted)
    who, trust = real_sigstore.who(WHO), real_sigstore.trust
    verified = pv.verify(image, who, trust=trust, require=REVIEW)
    (proof,) = verified.attestations
    assert (proof.predicate, proof.placement.scheme) == ({"reviewed": True}, "tag")
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, who, trust=trust)


def test_we_verify_what_cosign_signed_with_a_key(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, tmp_path: Path
) -> None:
    run("cosign", "generate-key-pair", cwd=tmp_path)
    options, trusted = real_sigstore.older
    words = (HTTP, *options, "--key", str(tmp_path / "cosign.key"), str(image.reference))
    run("cosign", "sign", *words, env=trusted)
    key = str(tmp_path / "cosign.pub")
    (proof,) = pv.verify(image, key=key, trust=real_sigstore.trust).signatures
    assert proof.issuer == ""
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, real_sigstore.who(WHO), trust=real_sigstore.trust)


def test_cosign_verifies_what_we_sign_the_older_way(
    real_sigstore: RealSigstore, image: pv.Image, run: Run
) -> None:
    pv.sign(image, real_sigstore.signer(WHO), layout="legacy")
    words = ("--new-bundle-format=false", HTTP, *real_sigstore.expecting(WHO), str(image.reference))
    run("cosign", "verify", *words, env=real_sigstore.older_trust)
    other = real_sigstore.expecting("mallory@example.org")
    words = ("--new-bundle-format=false", HTTP, *other, str(image.reference))
    refused = run("cosign", "verify", *words, env=real_sigstore.older_trust, check=False)
    assert refused.returncode != 0
    assert pv.verify(image, real_sigstore.who(WHO), trust=real_sigstore.trust).signatures


def test_cosign_verifies_what_we_attest_the_older_way(
    real_sigstore: RealSigstore, image: pv.Image, run: Run
) -> None:
    signer = real_sigstore.signer(WHO)
    pv.attest(image, {"said": "yes"}, signer, predicate_type=REVIEW, layout="legacy")
    words = ("--new-bundle-format=false", HTTP, *real_sigstore.expecting(WHO), "--type", REVIEW)
    where = (*words, str(image.reference))
    run("cosign", "verify-attestation", *where, env=real_sigstore.older_trust)


def test_cosign_verifies_what_we_sign_with_a_key_the_older_way(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, tmp_path: Path
) -> None:
    pair = Pair.generate("ecdsa-p256")
    pv.sign(image, pv.Signer.of(pair, trust=real_sigstore.trust), layout="both")
    (tmp_path / "key.pub").write_bytes(pair.public_key.to_pem())
    words = (HTTP, "--key", str(tmp_path / "key.pub"), str(image.reference))
    old = ("--new-bundle-format=false", *words)
    run("cosign", "verify", *old, env=real_sigstore.older_trust)
    run("cosign", "verify", *real_sigstore.trusted, *words)
