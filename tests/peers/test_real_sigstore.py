"""Against Sigstore's real services on loopback: who signs there, and who verifies it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.peers.key_handles import KINDS, Pair

import provenance as pv
from provenance.testing import ImageBuilder
from provenance.verification.signed import Certified

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run
    from tests.peers.real_sigstore import RealSigstore

    from provenance.testing.registry import LocalRegistry

pytestmark = pytest.mark.peer_full

WHO = "release@example.com"
ANYONE = pv.Identity.regexp(".*", issuer=".*", issuer_is_pattern=True)
REVIEW = "https://example.com/review/v1"
APK = b"P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\n\n"


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = f"{local_registry.host}/team/app:1.0"
    ImageBuilder().layer({"lib/apk/db/installed": APK}).push(tag)
    return pv.resolve(tag)


HTTP = "--allow-http-registry"


def test_we_sign_and_verify(real_sigstore: RealSigstore, image: pv.Image) -> None:
    pv.sign(image, real_sigstore.signer(WHO))
    (proof,) = pv.verify(image, real_sigstore.who(WHO), trust=real_sigstore.trust).signatures
    assert (proof.identity, proof.issuer) == (WHO, real_sigstore.people.issuer)
    assert proof.time is not None
    assert proof.log_index is not None
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, real_sigstore.who("mallory@example.org"), trust=real_sigstore.trust)


def test_cosign_verifies_what_we_sign(
    real_sigstore: RealSigstore, image: pv.Image, run: Run
) -> None:
    pv.sign(image, real_sigstore.signer(WHO))
    done = run(
        "cosign",
        "verify",
        HTTP,
        *real_sigstore.trusted,
        *real_sigstore.expecting(WHO),
        "-o",
        "json",
        str(image.reference),
    )
    assert str(image.digest) in done.stdout
    other = (*real_sigstore.trusted, *real_sigstore.expecting("mallory@example.org"))
    refused = run("cosign", "verify", HTTP, *other, str(image.reference), check=False)
    assert refused.returncode != 0


def test_we_verify_what_cosign_signs(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, tmp_path: Path
) -> None:
    run(
        "cosign",
        "sign",
        HTTP,
        *real_sigstore.services,
        *real_sigstore.token(WHO),
        str(image.reference),
    )
    (proof,) = pv.verify(image, real_sigstore.who(WHO), trust=real_sigstore.trust).signatures
    assert proof.identity == WHO


# By version of Rekor. The first verifies an envelope with SHA-256 alone, the second only what it
# has a hash of.
NOT_LOGGED = {1: {"ecdsa-p384", "ecdsa-p521"}, 2: {"ed25519"}}
HASHES = {"ecdsa-p384": "sha384", "ecdsa-p521": "sha512"}


@pytest.mark.parametrize("kind", KINDS)
def test_cosign_verifies_what_we_sign_with_a_key(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, tmp_path: Path, kind: str
) -> None:
    pair = Pair.generate(kind)
    signer = pv.Signer.of(pair, trust=real_sigstore.trust)
    if kind in NOT_LOGGED[real_sigstore.rekor]:
        with pytest.raises(pv.SigningError, match="the transparency log"):
            pv.sign(image, signer)
        return
    pv.sign(image, signer)
    pv.attest(image, {"said": "yes"}, signer, predicate_type=REVIEW)
    assert pv.verify(image, key=pair.public_key, trust=real_sigstore.trust).signatures
    key = tmp_path / "key.pub"
    key.write_bytes(pair.public_key.to_pem())
    hashed = ("--signature-digest-algorithm", HASHES.get(kind, "sha256"))
    options = (HTTP, *real_sigstore.trusted, "--key", str(key), *hashed)
    run("cosign", "verify", *options, str(image.reference))
    run("cosign", "verify-attestation", *options, "--type", REVIEW, str(image.reference))
    key.write_bytes(Pair.generate(kind).public_key.to_pem())
    assert run("cosign", "verify", *options, str(image.reference), check=False).returncode != 0


def test_we_verify_what_cosign_signs_with_a_key(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, tmp_path: Path
) -> None:
    run("cosign", "generate-key-pair", cwd=tmp_path)
    where = (HTTP, *real_sigstore.services, "--key", str(tmp_path / "cosign.key"))
    run("cosign", "sign", *where, str(image.reference))
    (tmp_path / "predicate.json").write_text('{"said": "yes"}')
    said = ("--type", REVIEW, "--predicate", str(tmp_path / "predicate.json"))
    run("cosign", "attest", *where, *said, str(image.reference))
    key, trust = tmp_path / "cosign.pub", real_sigstore.trust
    (signature,) = pv.verify(image, key=key, trust=trust).signatures
    assert signature.issuer == ""
    verified = pv.verify(image, key=key, trust=trust, require=REVIEW)
    assert [proof.predicate for proof in verified.attestations] == [{"said": "yes"}]
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, key=Pair.generate("ecdsa-p256").public_key, trust=trust)
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, ANYONE, trust=trust)


def test_we_read_what_fulcio_certifies_of_a_workflow(
    real_sigstore: RealSigstore, image: pv.Image
) -> None:
    """Expectations: Fulcio's docs/oid-info.md, the column of GitHub."""
    subject = "repo:org/app:ref:refs/heads/main"
    token = real_sigstore.pipelines.token(subject, **CLAIMS)
    pv.sign(image, pv.Signer.keyless(trust=real_sigstore.trust, identity_token=token))
    name = f"https://github.com/{CLAIMS['job_workflow_ref']}"
    expected = pv.Identity(name, issuer=real_sigstore.pipelines.issuer)
    (proof,) = pv.verify(image, expected, trust=real_sigstore.trust).signatures
    signer = proof.signed.signer
    assert isinstance(signer, Certified)
    assert dict(signer.extensions) == EXTENSIONS | {"build-signer-uri": name}


CLAIMS = {
    "sha": "c1",
    "event_name": "push",
    "repository": "org/app",
    "workflow": "release",
    "ref": "refs/heads/main",
    "job_workflow_ref": "org/build/.github/workflows/image.yml@refs/tags/v1",
    "job_workflow_sha": "b1",
    "runner_environment": "github-hosted",
    "repository_id": "11",
    "repository_owner": "org",
    "repository_owner_id": "22",
    "repository_visibility": "public",
    "workflow_ref": "org/app/.github/workflows/release.yml@refs/heads/main",
    "workflow_sha": "c1",
    "run_id": "33",
    "run_attempt": "1",
}
EXTENSIONS = {
    "token-subject": "repo:org/app:ref:refs/heads/main",
    "github-workflow-trigger": "push",
    "github-workflow-sha": "c1",
    "github-workflow-name": "release",
    "github-workflow-repository": "org/app",
    "github-workflow-ref": "refs/heads/main",
    "build-signer-digest": "b1",
    "runner-environment": "github-hosted",
    "source-repository-uri": "https://github.com/org/app",
    "source-repository-digest": "c1",
    "source-repository-ref": "refs/heads/main",
    "source-repository-identifier": "11",
    "source-repository-owner-uri": "https://github.com/org",
    "source-repository-owner-identifier": "22",
    "build-config-uri": "https://github.com/org/app/.github/workflows/release.yml@refs/heads/main",
    "build-config-digest": "c1",
    "build-trigger": "push",
    "run-invocation-uri": "https://github.com/org/app/actions/runs/33/attempts/1",
    "source-repository-visibility": "public",
}

PREDICATES: dict[str, tuple[str, object]] = {
    "slsaprovenance1": (
        "https://slsa.dev/provenance/v1",
        {
            "buildDefinition": {
                "buildType": "https://example.com/build/v1",
                "externalParameters": {"ref": "refs/heads/main"},
            },
            "runDetails": {"builder": {"id": "https://example.com/builder"}},
        },
    ),
    "slsaprovenance02": (
        "https://slsa.dev/provenance/v0.2",
        {"builder": {"id": "https://example.com/builder"}, "buildType": "https://example.com/b"},
    ),
    "openvex": (
        "https://openvex.dev/ns",
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "https://example.com/vex/1",
            "author": "us",
            "timestamp": "2026-01-01T00:00:00Z",
            "version": 1,
            "statements": [],
        },
    ),
    "spdxjson": ("https://spdx.dev/Document", {"spdxVersion": "SPDX-2.3", "name": "app"}),
    "cyclonedx": ("https://cyclonedx.org/bom", {"bomFormat": "CycloneDX", "specVersion": "1.6"}),
    "https://example.com/review/v1": ("https://example.com/review/v1", {"said": ["yes", 1.5]}),
}


@pytest.mark.parametrize("kind", PREDICATES)
def test_cosign_verifies_what_we_attest(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, kind: str
) -> None:
    predicate_type, predicate = PREDICATES[kind]
    assert isinstance(predicate, dict)
    pv.attest(image, predicate, real_sigstore.signer(WHO), predicate_type=predicate_type)
    options = (
        HTTP,
        *real_sigstore.trusted,
        *real_sigstore.expecting(WHO),
        "--type",
        kind,
        str(image.reference),
    )
    run("cosign", "verify-attestation", *options)
    options = (
        HTTP,
        *real_sigstore.trusted,
        *real_sigstore.expecting(WHO),
        "--type",
        "https://example.com/other",
        options[-1],
    )
    assert run("cosign", "verify-attestation", *options, check=False).returncode != 0


@pytest.mark.parametrize("kind", PREDICATES)
def test_we_verify_what_cosign_attests(
    real_sigstore: RealSigstore, image: pv.Image, run: Run, kind: str, tmp_path: Path
) -> None:
    predicate_type, predicate = PREDICATES[kind]
    path = tmp_path / "predicate.json"
    path.write_text(json.dumps(predicate))
    options = (
        HTTP,
        *real_sigstore.services,
        *real_sigstore.token(WHO),
        "--type",
        kind,
        "--predicate",
        str(path),
    )
    run("cosign", "attest", *options, str(image.reference))
    verified = pv.verify(
        image, real_sigstore.who(WHO), trust=real_sigstore.trust, require=predicate_type
    )
    (proof,) = verified.attestations
    assert proof.predicate_type.startswith(predicate_type)
    with pytest.raises(pv.NoMatchingEvidence):
        pv.verify(image, real_sigstore.who(WHO), trust=real_sigstore.trust)
