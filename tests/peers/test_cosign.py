"""What we write, cosign reads; what it writes, we read: in real registries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import RealRegistry, Run

    from provenance.testing.sigstore import LocalSigstore

pytestmark = pytest.mark.peer

WHO = "release@example.com"
APK = b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n"


@dataclass(frozen=True)
class Scene:
    image: pv.Image
    reference: str
    trust: tuple[str, ...]
    """cosign's options: whom to believe and whom to expect."""
    signing: tuple[str, ...]
    """cosign's options: where to sign, with a token."""


@pytest.fixture
def scene(real_registry: RealRegistry, local_sigstore: LocalSigstore, tmp_path: Path) -> Scene:
    tag = f"{real_registry.host}/team/app:1.0"
    builder = ImageBuilder().layer({"lib/apk/db/installed": APK})
    builder.layer({"bin/app": b"#!/bin/sh\n"}).push(tag)
    image = pv.resolve(tag)
    root = local_sigstore.write_trusted_root(tmp_path / "root.json")
    config = local_sigstore.write_signing_config(tmp_path / "signing.json")
    token = tmp_path / "token"
    token.write_text(local_sigstore.token(WHO))
    trust = (
        *("--trusted-root", str(root), "--certificate-identity", WHO),
        *("--certificate-oidc-issuer", local_sigstore.issuer, "--allow-http-registry"),
    )
    signing = (
        *("--yes", "--allow-http-registry", "--identity-token", str(token)),
        *("--signing-config", str(config), "--trusted-root", str(root)),
    )
    return Scene(image, str(image.reference), trust, signing)


def test_cosign_verifies_our_signature(
    scene: Scene, local_sigstore: LocalSigstore, real_registry: RealRegistry, run: Run
) -> None:
    stored = pv.sign(scene.image, local_sigstore.signer(WHO))
    assert stored.placement.scheme == real_registry.scheme
    done = run("cosign", "verify", *scene.trust, "-o", "json", scene.reference)
    assert str(scene.image.digest) in done.stdout


def test_cosign_refuses_our_signature_under_another_name(
    scene: Scene, local_sigstore: LocalSigstore, run: Run
) -> None:
    pv.sign(scene.image, local_sigstore.signer("mallory@example.org"))
    done = run("cosign", "verify", *scene.trust, scene.reference, check=False)
    assert done.returncode != 0
    assert "none of the expected identities" in done.stderr.lower() or "identit" in done.stderr


def test_cosign_verifies_our_attested_sbom(
    scene: Scene, local_sigstore: LocalSigstore, run: Run
) -> None:
    pv.attest(scene.image, pv.generate_sbom(scene.image), local_sigstore.signer(WHO))
    kind = ("--type", "cyclonedx")
    run("cosign", "verify-attestation", *scene.trust, *kind, scene.reference)


def test_we_verify_what_cosign_signed(
    scene: Scene, local_sigstore: LocalSigstore, run: Run, real_registry: RealRegistry
) -> None:
    run("cosign", "sign", *scene.signing, scene.reference)
    who = pv.Identity(WHO, issuer=local_sigstore.issuer)
    verified = pv.verify(scene.reference, who, trust=local_sigstore.trust)
    (signature,) = verified.signatures
    assert signature.identity == WHO
    assert signature.time is not None
    assert signature.placement.scheme == real_registry.scheme
    stranger = pv.Identity("mallory@example.org", issuer=local_sigstore.issuer)
    with pytest.raises(pv.NoMatchingEvidence) as refused:
        pv.verify(scene.reference, stranger, trust=local_sigstore.trust)
    assert WHO in refused.value.reasons[0]


def test_we_verify_what_cosign_attested(
    scene: Scene, local_sigstore: LocalSigstore, run: Run, tmp_path: Path
) -> None:
    sbom = pv.generate_sbom(scene.image)
    predicate = sbom.write(tmp_path / "app.cdx.json")
    options = ("--type", "cyclonedx", "--predicate", str(predicate))
    run("cosign", "attest", *scene.signing, *options, scene.reference)
    who = pv.Identity(WHO, issuer=local_sigstore.issuer)
    verified = pv.verify(scene.reference, who, trust=local_sigstore.trust, require="cyclonedx")
    assert verified.signatures == ()
    assert [p.purl for p in verified.sbom().packages] == [p.purl for p in sbom.packages]
    # An attestation is no signature, though cosign itself takes one for the other.
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(scene.reference, who, trust=local_sigstore.trust)
