"""The command line against Sigstore's real services, by cosign's option names and beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run
    from tests.peers.real_sigstore import RealSigstore

    from provenance.testing.registry import LocalRegistry

pytestmark = pytest.mark.peer_full

WHO = "release@example.com"
HTTP = "--allow-http-registry"
Command = Callable[..., str]


@pytest.fixture
def provenance(tmp_path: Path) -> Command:
    """Run it in a home of its own; what it prints."""

    def call(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "provenance", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env={
                "HOME": str(tmp_path),
                "PATH": os.environ["PATH"],
                "COSIGN_PASSWORD": "",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.fixture
def image(local_registry: LocalRegistry) -> str:
    tag = local_registry.reference("team/app:1.0")
    ImageBuilder().layer({"bin/app": b"#!/bin/sh\n"}).push(tag)
    return tag


def test_an_image_by_name(
    provenance: Command, real_sigstore: RealSigstore, run: Run, image: str, tmp_path: Path
) -> None:
    where = (*real_sigstore.services, *real_sigstore.token(WHO))
    expected = (*real_sigstore.trusted, *real_sigstore.expecting(WHO))
    provenance("verify", *expected, image, status=1)
    provenance("sign", *where, image)
    assert WHO in provenance("verify", *expected, image)
    run("cosign", "verify", HTTP, *expected, image)
    (tmp_path / "predicate.json").write_text('{"said": "yes"}')
    said = ("--predicate", "predicate.json", "--type", "https://example.com/review/v1")
    provenance("attest", *said, *where, image)
    run("cosign", "verify-attestation", HTTP, *said[2:], *expected, image)
    provenance("verify", *said[2:], *expected, image)
    provenance("verify", "--type", "slsaprovenance", *expected, image, status=1)
    assert "counts" in provenance("examine", *expected, image)


def test_an_image_by_key(
    provenance: Command, real_sigstore: RealSigstore, run: Run, image: str, tmp_path: Path
) -> None:
    provenance("keys", "generate", "--output-prefix", "ours")
    run("cosign", "generate-key-pair", cwd=tmp_path)

    def pair(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        secret, public = (str(tmp_path / f"{name}.{end}") for end in ("key", "pub"))
        where = ("--key", secret, *real_sigstore.services)
        return where, ("--key", public, *real_sigstore.trusted)

    (ours, our_public), (theirs, their_public) = pair("ours"), pair("cosign")
    provenance("sign", *ours, image)
    provenance("verify", *our_public, image)
    run("cosign", "verify", HTTP, *our_public, image)
    provenance("verify", *their_public, image, status=1)
    run("cosign", "sign", HTTP, *theirs, image)
    provenance("verify", *their_public, image)
    run("cosign", "sign", HTTP, *ours, image)  # it reads our key file, and we read its
    provenance("sign", *theirs, image)


def test_a_file(provenance: Command, real_sigstore: RealSigstore, run: Run, tmp_path: Path) -> None:
    (tmp_path / "app").write_bytes(b"a release")
    (tmp_path / "other").write_bytes(b"another")
    where = (*real_sigstore.services, *real_sigstore.token(WHO), "--bundle", "bundle.json")
    expected = (*real_sigstore.trusted, *real_sigstore.expecting(WHO), "--bundle", "bundle.json")
    provenance("sign-blob", *where, "app")
    provenance("verify-blob", *expected, "app")
    provenance("verify-blob", *expected, "other", status=1)
    run("cosign", "verify-blob", *expected, "app", cwd=tmp_path)
