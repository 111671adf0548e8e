"""Where cosign puts evidence, we find it: saved layouts, SBOMs, the OCI 1.1 mode."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer

WHO = "release@example.com"
HTTP = "--allow-http-registry"
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}


@pytest.fixture
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def image(local_registry: LocalRegistry) -> pv.Image:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"a": b"1"}).push(tag)
    return pv.resolve(tag)


@pytest.fixture
def asked(sigstore: LocalSigstore) -> dict[str, Any]:
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "trust": sigstore.trust}


def test_a_layout_that_cosign_saved_is_verified_where_it_lies(
    image: pv.Image,
    sigstore: LocalSigstore,
    asked: dict[str, Any],
    run: Run,
    tmp_path: Path,
) -> None:
    signer = sigstore.signer(WHO)
    pv.sign(image, signer, layout="legacy")
    pv.attest(image, SBOM, signer, predicate_type="cyclonedx", layout="legacy")
    folder = tmp_path / "saved"
    run("cosign", "save", "--dir", str(folder), HTTP, str(image.reference))
    kinds = [
        e["annotations"]["kind"]
        for e in json.loads((folder / "index.json").read_text())["manifests"]
    ]
    assert sorted(kinds) == [f"dev.cosignproject.cosign/{k}" for k in ("atts", "image", "sigs")]
    verified = pv.verify(f"oci:{folder}", require="any", **asked)
    assert {p.kind for p in verified.proofs} == {"signature", "cyclonedx"}
    assert {p.placement.scheme for p in verified.proofs} == {"saved"}
    assert verified.reference.digest == image.digest
    root = sigstore.write_trusted_root(tmp_path / "root.json")
    trust = ("--trusted-root", str(root), "--certificate-identity", WHO)
    issuer = ("--certificate-oidc-issuer", sigstore.issuer)
    run(
        "cosign",
        "verify",
        "--local-image",
        str(folder),
        "--new-bundle-format=false",
        *trust,
        *issuer,
    )


def test_an_sbom_that_cosign_attached_is_listed_and_never_counted(
    image: pv.Image, asked: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "app.cdx.json"
    file.write_text(json.dumps(SBOM))
    run(
        "cosign",
        "attach",
        "sbom",
        "--sbom",
        str(file),
        "--type",
        "cyclonedx",
        HTTP,
        str(image.reference),
    )
    (found,) = pv.examine(image, **asked)
    assert found.kind == "legacy-sbom"
    with pytest.raises(pv.NoMatchingEvidence, match="SBOM without a signature"):
        pv.verify(image, require="sbom", **asked)
    assert json.loads(pv.unsafe_fetch_sbom(image).to_bytes()) == SBOM


def test_cosigns_oci_mode_is_found_among_the_referrers(
    image: pv.Image, sigstore: LocalSigstore, asked: dict[str, Any], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "app.cdx.json"
    file.write_text(json.dumps(SBOM))
    mode = ("--registry-referrers-mode", "oci-1-1", HTTP)
    experimental = {"COSIGN_EXPERIMENTAL": "1"}
    place = str(image.reference)
    sbom = ("--sbom", str(file), "--type", "cyclonedx")
    run("cosign", "attach", "sbom", *sbom, *mode, place, env=experimental)
    (found,) = pv.examine(image, **asked)
    assert (found.kind, found.placement.scheme) == ("legacy-sbom", "api")
    root = sigstore.write_trusted_root(tmp_path / "root.json")
    services = ("--rekor-url", sigstore.url, "--fulcio-url", sigstore.url)
    older = ("--use-signing-config=false", "--new-bundle-format=false")
    token = ("--identity-token", sigstore.token(WHO), "--trusted-root", str(root), "--yes")
    run("cosign", "sign", *services, *older, *token, *mode, place, env=experimental)
    (proof,) = pv.verify(image, **asked).signatures
    assert proof.placement.scheme == "api"
    assert proof.payload is not None
