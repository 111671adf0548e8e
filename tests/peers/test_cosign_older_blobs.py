"""The form in which cosign before version 3 wrote signatures over files; it still can."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.errors import VerificationError
from provenance.testing import LocalSigstore
from provenance.verification import SignedStatement

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer

WHO = "release@example.com"


@pytest.mark.parametrize("keyed", [False, True], ids=["identity", "key"])
def test_what_it_writes_verifies(run: Run, tmp_path: Path, *, keyed: bool) -> None:
    blob, other = tmp_path / "blob", tmp_path / "other"
    blob.write_bytes(b"a release")
    other.write_bytes(b"another release")
    bundle, token = tmp_path / "bundle.json", tmp_path / "token"
    with LocalSigstore(rekor=("v1",)) as sigstore:
        token.write_text(sigstore.token(WHO))
        by: tuple[str, ...] = ("--fulcio-url", sigstore.url, "--identity-token", str(token))
        if keyed:
            prefix = str(tmp_path / "cosign")
            run("cosign", "generate-key-pair", "--output-key-prefix", prefix)
            by = ("--key", f"{prefix}.key")
        older = ("--new-bundle-format=false", "--use-signing-config=false")
        root = ("--trusted-root", str(sigstore.write_trusted_root(tmp_path / "root.json")))
        at = ("--rekor-url", sigstore.url, "--bundle", str(bundle), "--yes")
        run("cosign", "sign-blob", *older, *root, *by, *at, str(blob))
        assert "base64Signature" in json.loads(bundle.read_bytes())
        who = None if keyed else pv.Identity(WHO, issuer=sigstore.issuer)
        key = tmp_path / "cosign.pub" if keyed else None
        found = pv.verify_blob(blob, bundle, who, key=key, trust=sigstore.trust)
        assert found.log_index is not None
        with pytest.raises(VerificationError):
            pv.verify_blob(other, bundle, who, key=key, trust=sigstore.trust)
        predicate = tmp_path / "predicate.json"
        predicate.write_text("{}")
        said = ("--type", "https://example.com/review", "--predicate", str(predicate))
        run("cosign", "attest-blob", *older, *root, *by, *at, *said, str(blob))
        assert "base64Signature" in json.loads(bundle.read_bytes())
        stated = pv.verify_blob(blob, bundle, who, key=key, trust=sigstore.trust)
        assert isinstance(stated, SignedStatement)
        with pytest.raises(VerificationError, match="is about"):
            pv.verify_blob(other, bundle, who, key=key, trust=sigstore.trust)
