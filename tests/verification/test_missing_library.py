"""A library that is missing, or stumbles, on this machine refutes no signature."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from provenance.digests import Digest
from provenance.errors import NotEvaluated
from provenance.verification import verify_bundle
from provenance.verification.second_opinion import _verifier

if TYPE_CHECKING:
    from provenance.testing import LocalSigstore

STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "app", "digest": {"sha256": "a" * 64}}],
    "predicateType": "https://sigstore.dev/cosign/sign/v1",
    "predicate": {},
}


def test_a_library_that_cannot_be_imported_is_no_bad_signature(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = local_sigstore.signer().sign_statement(json.dumps(STATEMENT).encode())
    subject, trust = Digest.parse("sha256:" + "a" * 64), local_sigstore.trust
    verify_bundle(bundle, subject, trust=trust)
    _verifier.cache_clear()
    monkeypatch.setitem(sys.modules, "sigstore.verify", None)
    with pytest.raises(NotEvaluated, match="cannot be imported"):
        verify_bundle(bundle, subject, trust=trust)


def test_a_crash_is_not_a_refusal(
    local_sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise LookupError("what nobody foresaw")

    bundle = local_sigstore.signer().sign_statement(json.dumps(STATEMENT).encode())
    monkeypatch.setattr("provenance.verification.verifier.prove", stumble)
    with pytest.raises(NotEvaluated, match="could not be judged: LookupError: what nobody"):
        verify_bundle(bundle, Digest.parse("sha256:" + "a" * 64), trust=local_sigstore.trust)
