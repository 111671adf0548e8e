"""The embedded Sigstore with Rekor v1, by cosign: what it signs there, it verifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.testing import ImageBuilder, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.conftest import RealRegistry, Run

pytestmark = pytest.mark.peer

WHO = "release@example.com"


@dataclass(frozen=True)
class Scene:
    reference: str
    folder: Path
    url: str
    trust: tuple[str, ...]
    signing: tuple[str, ...]

    @property
    def who(self) -> tuple[str, ...]:
        return ("--certificate-identity", WHO, "--certificate-oidc-issuer", self.url)

    @property
    def token(self) -> tuple[str, ...]:
        return ("--identity-token", str(self.folder / "token"))

    @property
    def services(self) -> tuple[str, ...]:
        """cosign's options to sign in its old form."""
        return (
            *("--new-bundle-format=false", "--use-signing-config=false"),
            *("--rekor-url", self.url, "--fulcio-url", self.url),
            *("--timestamp-server-url", f"{self.url}/api/v1/timestamp"),
        )


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore(rekor=("v1",)) as running:
        yield running


@pytest.fixture
def scene(real_registry: RealRegistry, sigstore: LocalSigstore, tmp_path: Path) -> Scene:
    tag = f"{real_registry.host}/team/app:1.0"
    ImageBuilder().layer({"bin/app": b"#!/bin/sh\n"}).push(tag)
    root = str(sigstore.write_trusted_root(tmp_path / "root.json"))
    config = str(sigstore.write_signing_config(tmp_path / "signing.json"))
    (tmp_path / "token").write_text(sigstore.token(WHO))
    (tmp_path / "predicate.json").write_text('{"x": 1}')
    trust = ("--trusted-root", root, "--allow-http-registry")
    reference = str(pv.resolve(tag).reference)
    return Scene(reference, tmp_path, sigstore.url, trust, ("--signing-config", config))


def test_a_certified_bundle(scene: Scene, run: Run) -> None:
    run("cosign", "sign", "--yes", *scene.trust, *scene.signing, *scene.token, scene.reference)
    run("cosign", "verify", *scene.trust, *scene.who, scene.reference)


def test_a_bundle_by_a_key(scene: Scene, run: Run) -> None:
    run("cosign", "generate-key-pair", cwd=scene.folder)
    key = ("--key", str(scene.folder / "cosign.key"))
    run("cosign", "sign", "--yes", *scene.trust, *scene.signing, *key, scene.reference)
    public = str(scene.folder / "cosign.pub")
    run("cosign", "verify", *scene.trust, "--key", public, scene.reference)


def test_a_signature_in_annotations(scene: Scene, run: Run) -> None:
    where = (*scene.trust, *scene.services, *scene.token)
    run("cosign", "sign", "--yes", *where, scene.reference)
    old = "--new-bundle-format=false"
    run("cosign", "verify", *scene.trust, *scene.who, old, scene.reference)


def test_an_attestation_in_annotations(scene: Scene, run: Run) -> None:
    where = (*scene.trust, *scene.services, *scene.token)
    what = ("--predicate", str(scene.folder / "predicate.json"), "--type", "custom")
    run("cosign", "attest", "--yes", *where, *what, scene.reference)
    how = (*scene.who, "--new-bundle-format=false", "--type", "custom")
    run("cosign", "verify-attestation", *scene.trust, *how, scene.reference)
