"""What we write, cosign and oras read; what they write, we read: in real registries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
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


def test_oras_discovers_what_we_stored_with_its_types(
    scene: Scene, local_sigstore: LocalSigstore, run: Run, tmp_path: Path
) -> None:
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    pv.sign(scene.image, local_sigstore.signer(WHO))
    pv.attach(scene.image, report, artifact_type="application/sarif+json")
    done = run("oras", "discover", "--plain-http", "--format", "json", scene.reference)
    listed = json.loads(done.stdout)
    found = listed.get("referrers") or listed.get("manifests")
    assert sorted(entry["artifactType"] for entry in found) == sorted(
        ["application/sarif+json", BUNDLE_MEDIA_TYPE]
    )


def test_oras_pulls_files_and_folders_that_we_attached(
    scene: Scene, run: Run, tmp_path: Path
) -> None:
    report = tmp_path / "report.sarif"
    report.write_text('{"version": "2.1.0"}')
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "page.md").write_text("# page")
    stored = pv.attach(scene.image, report, folder, artifact_type="application/vnd.example.docs")
    out = tmp_path / "out"
    run("oras", "pull", "--plain-http", "-o", str(out), str(stored.reference))
    assert (out / "report.sarif").read_bytes() == report.read_bytes()
    assert (out / "docs" / "deep" / "page.md").read_text() == "# page"


def test_we_pull_what_oras_attached(scene: Scene, run: Run, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "folder").mkdir(parents=True)
    (work / "folder" / "inner.txt").write_text("inner")
    (work / "notes.txt").write_text("notes")
    options = ("--plain-http", "--artifact-type", "text/x-notes")
    run("oras", "attach", *options, scene.reference, "notes.txt", "folder", cwd=work)
    (referrer,) = pv.referrers(scene.image, artifact_type="text/x-notes")
    written = pv.pull(referrer, tmp_path / "pulled")
    assert sorted(p.name for p in written) == ["inner.txt", "notes.txt"]
    assert (tmp_path / "pulled" / "folder" / "inner.txt").read_text() == "inner"


def test_attaching_the_same_twice_is_one_referrer(scene: Scene, tmp_path: Path) -> None:
    report = tmp_path / "report.sarif"
    report.write_text("{}")
    first = pv.attach(scene.image, report, artifact_type="application/sarif+json")
    second = pv.attach(scene.image, report, artifact_type="application/sarif+json")
    assert first.reference == second.reference
    assert len(pv.referrers(scene.image)) == 1
