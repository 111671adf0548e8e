"""The command of sigstore for Python, unmodified, on what we write; and we on what it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.verification import verify_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.sigstore import LocalSigstore

pytestmark = pytest.mark.peer

WHO = "release@example.com"
DATA = b"an artifact"
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def sigstore_python(local_sigstore: LocalSigstore, tmp_path: Path) -> Command:
    """Run it against the local Sigstore, in a home of its own."""
    config = tmp_path / "client_trust_config.json"
    config.write_bytes(local_sigstore.client_trust_config_json)
    (tmp_path / "artifact").write_bytes(DATA)

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sigstore", "--trust-config", str(config), *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )

    return call


@pytest.fixture
def statement() -> bytes:
    named = ResourceDescriptor("artifact", {"sha256": Digest.of(DATA).hex})
    return Statement.build([named], "https://example.com/review/v1", {"said": ["ja", 1.5]}).raw


def verify(local_sigstore: LocalSigstore, name: str = WHO) -> tuple[str, ...]:
    who = ("--cert-identity", name, "--cert-oidc-issuer", local_sigstore.issuer)
    return ("verify", "identity", "--bundle", "bundle.json", *who)


def test_it_verifies_the_statements_we_sign(
    sigstore_python: Command, local_sigstore: LocalSigstore, statement: bytes, tmp_path: Path
) -> None:
    (tmp_path / "bundle.json").write_bytes(local_sigstore.signer(WHO).sign_statement(statement))
    done = sigstore_python(*verify(local_sigstore), "artifact")
    assert done.returncode == 0, done.stderr
    done = sigstore_python(*verify(local_sigstore), str(Digest.of(DATA)))
    assert done.returncode == 0, done.stderr
    done = sigstore_python(*verify(local_sigstore), str(Digest.of(b"another")))
    assert done.returncode != 0
    done = sigstore_python(*verify(local_sigstore, "mallory@example.org"), "artifact")
    assert done.returncode != 0


def test_we_verify_the_statements_it_signs(
    sigstore_python: Command, local_sigstore: LocalSigstore, tmp_path: Path
) -> None:
    (tmp_path / "predicate.json").write_text(
        '{"buildDefinition": {"buildType": "https://example.com/b", "externalParameters": {}},'
        ' "runDetails": {"builder": {"id": "https://example.com/builder"}}}'
    )
    kind = "https://slsa.dev/provenance/v1"
    done = sigstore_python(
        *("attest", "--predicate", "predicate.json", "--predicate-type", kind),
        *("--identity-token", local_sigstore.token(WHO), "--bundle", "bundle.json", "artifact"),
    )
    assert done.returncode == 0, done.stderr
    bundle = (tmp_path / "bundle.json").read_bytes()
    who = pv.Identity(WHO, issuer=local_sigstore.issuer)
    found = verify_bundle(bundle, Digest.of(DATA), trust=local_sigstore.trust, identity=who)
    assert (found.identity, found.statement.predicate_type) == (WHO, kind)
    with pytest.raises(pv.InvalidEvidence) as refused:
        verify_bundle(bundle, Digest.of(b"another"), trust=local_sigstore.trust, identity=who)
    assert refused.value.step == "subject"


def test_it_verifies_the_files_we_sign(
    sigstore_python: Command, local_sigstore: LocalSigstore, tmp_path: Path
) -> None:
    bundle = pv.sign_blob(tmp_path / "artifact", local_sigstore.signer(WHO))
    (tmp_path / "bundle.json").write_bytes(bundle.raw)
    (tmp_path / "other").write_bytes(b"another")
    done = sigstore_python(*verify(local_sigstore), "artifact")
    assert done.returncode == 0, done.stderr
    assert sigstore_python(*verify(local_sigstore), "other").returncode != 0


def test_we_verify_the_files_it_signs(
    sigstore_python: Command, local_sigstore: LocalSigstore, tmp_path: Path
) -> None:
    token = ("--identity-token", local_sigstore.token(WHO))
    done = sigstore_python("sign", *token, "--bundle", "bundle.json", "artifact")
    assert done.returncode == 0, done.stderr
    who, trust = pv.Identity(WHO, issuer=local_sigstore.issuer), local_sigstore.trust
    found = pv.verify_blob(tmp_path / "artifact", tmp_path / "bundle.json", who, trust=trust)
    assert found.identity == WHO
    with pytest.raises(pv.InvalidEvidence):
        pv.verify_blob(b"another", tmp_path / "bundle.json", who, trust=trust)
