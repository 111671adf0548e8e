"""What a prompt shows of a result: one short line, however much is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv

if TYPE_CHECKING:
    from provenance.testing import LocalSigstore

LONGEST = 240


@pytest.fixture
def results(image: pv.Image, sigstore: LocalSigstore, asked: dict[str, Any]) -> dict[str, Any]:
    """One of each, of an image about which much is said."""
    signer = sigstore.signer("release@example.com")
    stored = pv.sign(image, signer)
    for number in range(5):
        said = {"text": "long " * 1000, "number": number}
        pv.attest(image, said, signer, predicate_type="https://example.org/review/v1")
    verified = pv.verify(image, require="any", **asked)
    examination = pv.examine(image, **asked)
    return {
        "Stored": stored,
        "Verified": verified,
        "Examination": examination,
        "Evidence": examination.evidence[-1],
        "Proof": verified.attestations[-1],
        "SignedStatement": verified.attestations[-1].signed,
        "Referrer": pv.referrers(image)[0],
    }


def test_a_repr_is_one_short_line(results: dict[str, Any]) -> None:
    for name, result in results.items():
        shown = repr(result)
        assert shown.startswith(f"{name}("), shown
        assert len(shown) <= LONGEST, shown
        assert "\n" not in shown
    assert "1 signatures, 5 attestations" in repr(results["Verified"])
