"""Recorded bundles of real instances: what must fail does, and what is not read is not refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from provenance.attestation.bundle import Bundle
from provenance.digests import Digest
from provenance.errors import InvalidEvidence, ProvenanceError, UnsupportedFormat
from provenance.trust import Trust
from provenance.verification import Identity, SignedStatement, verify_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.corpus

_BEACON = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
_GITHUB = "https://token.actions.githubusercontent.com"

# The recorded DSSE bundles that the library judges, and the step its README says must refuse it.
STEPS = {
    "dsse-invalid-sig_fail": "signature",
    "dsse-mismatch-sig_fail": "log-entry",
    "rekor2-dsse-invalid-sig_fail": "signature",
    "rekor2-dsse-mismatch-sig_fail": "log-entry",
}


def verify(folder: Path, corpus: Path) -> SignedStatement:
    def text(name: str, default: str) -> str:
        return (folder / name).read_text().strip() if (folder / name).exists() else default

    custom = folder / "trusted_root.json"
    default = corpus / "sigstore-roots" / "targets" / "trusted_root.json"
    artifact = folder / "artifact"
    data = (artifact if artifact.exists() else folder.parent / "a.txt").read_bytes()
    return verify_bundle(
        (folder / "bundle.sigstore.json").read_bytes(),
        Digest.of(data),
        identity=Identity(text("identity", _BEACON), issuer=text("issuer", _GITHUB)),
        trust=Trust.from_file(custom if custom.exists() else default),
    )


def test_nothing_that_must_fail_verifies(corpus: Path) -> None:
    folders = sorted((corpus / "sigstore-bundles" / "bundle-verify").glob("*_fail"))
    assert len(folders) == 25
    for folder in folders:
        with pytest.raises(ProvenanceError):
            verify(folder, corpus)


def test_nothing_that_must_pass_is_called_bad(corpus: Path) -> None:
    folders = sorted((corpus / "sigstore-bundles" / "bundle-verify").iterdir())
    passing = [f for f in folders if f.is_dir() and not f.name.endswith("_fail")]
    assert len(passing) == 10
    for folder in passing:
        # All are signatures over bytes, by a key, or logged as `intoto`: not read here yet.
        with pytest.raises(UnsupportedFormat):
            verify(folder, corpus)


@pytest.mark.parametrize("name", STEPS)
def test_a_bad_envelope_is_refused_by_its_step(corpus: Path, name: str) -> None:
    folder = corpus / "sigstore-bundles" / "bundle-verify" / name
    with pytest.raises(InvalidEvidence) as caught:
        verify(folder, corpus)
    assert caught.value.step == STEPS[name]


def test_every_well_formed_bundle_parses(corpus: Path) -> None:
    for file in (corpus / "sigstore-bundles" / "bundle-verify").glob("*/bundle.sigstore.json"):
        bundle = Bundle.parse(file.read_bytes())
        assert bundle.version in {"0.1", "0.2", "0.3"}
        assert bundle.content in {"dsse", "message-signature"}
