"""A Sigstore, a subject, and bundles about it made with every freedom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.errors import ProvenanceError
from provenance.testing.sigstore import LocalSigstore
from provenance.verification import SignedStatement, verify_bundle

if TYPE_CHECKING:
    from provenance.trust import Trust

Refused = Callable[..., str]
Verify = Callable[..., SignedStatement]


@pytest.fixture(scope="session")
def subject() -> Digest:
    return Digest.of(b"an image")


@pytest.fixture(scope="session")
def payload(subject: Digest) -> bytes:
    named = ResourceDescriptor("ghcr.io/org/app", {"sha256": subject.hex})
    return Statement.build([named], "https://example.com/review/v1", {"ok": True}).raw


@pytest.fixture(scope="session")
def trust(local_sigstore: LocalSigstore) -> Trust:
    return local_sigstore.trust


@pytest.fixture(scope="session")
def other_sigstore() -> LocalSigstore:
    """Another instance. Nothing of it is asked over its port, so it stays closed but for a URL."""
    sigstore = LocalSigstore()
    with sigstore:
        pass
    return sigstore


@pytest.fixture(scope="session")
def check(trust: Trust, subject: Digest) -> Verify:
    """Verify a bundle document, with whatever is said otherwise."""

    def run(document: dict[str, Any] | bytes, **options: Any) -> SignedStatement:
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        about = options.pop("subject", subject)
        return verify_bundle(raw, about, **{"trust": trust, "identity": None} | options)

    return run


@pytest.fixture(scope="session")
def refused(check: Verify) -> Refused:
    """The step that refused a bundle, else the code of the error; fails if none did."""

    def run(document: dict[str, Any] | bytes, **options: Any) -> str:
        with pytest.raises(ProvenanceError) as caught:
            check(document, **options)
        return str(getattr(caught.value, "step", "") or caught.value.code)

    return run
