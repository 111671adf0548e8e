"""Windows of keys and authorities: each ends what it says, and its end belongs to it."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import provenance as pv
from provenance.testing.sigstore import LocalSigstore
from provenance.verification.blobs import verify_blob_bundle

NOW = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
STEPS = {
    "tlogs": "transparency-log",
    "ctlogs": "certificate-transparency",
    "certificateAuthorities": "certificate-chain",
    "timestampAuthorities": "time",
}
ROTATED = {"log": "tlogs", "ct": "ctlogs", "ca": "certificateAuthorities"}


def verify(sigstore: LocalSigstore, bundle: bytes, root: bytes) -> None:
    who = pv.Identity("dev@example.com", issuer=sigstore.issuer)
    verify_blob_bundle(bundle, b"data", trust=pv.Trust.from_json(root), identity=who)


@pytest.mark.parametrize("part", STEPS)
@pytest.mark.parametrize("rekor", ["v1", "v2"])
def test_what_was_signed_after_the_end_is_refused(part: str, rekor: str) -> None:
    with LocalSigstore(now=lambda: NOW, rekor=(rekor,)) as sigstore:
        bundle = json.dumps(sigstore.forger().blob(b"data")).encode()
        for end in (NOW + HOUR, NOW):
            verify(sigstore, bundle, sigstore.trusted_root_until(end, part))
        with pytest.raises(pv.InvalidEvidence) as refused:
            verify(sigstore, bundle, sigstore.trusted_root_until(NOW - HOUR, part))
        assert refused.value.step == STEPS[part]


@pytest.mark.parametrize("part", ROTATED)
def test_a_key_that_was_replaced_signs_nothing_more(part: str) -> None:
    moment = [NOW]
    with LocalSigstore(now=lambda: moment[0], rekor=("v1",)) as sigstore:
        old, old_ct = sigstore.forger(), sigstore.ca.ct_key
        before = json.dumps(old.blob(b"data")).encode()
        sigstore.rotate(part)
        moment[0] += HOUR
        if part == "ct":
            sigstore.ca.ct_key = old_ct
        verify(sigstore, before, sigstore.trusted_root_json)
        with pytest.raises(pv.InvalidEvidence) as refused:
            verify(sigstore, json.dumps(old.blob(b"data")).encode(), sigstore.trusted_root_json)
        assert refused.value.step == STEPS[ROTATED[part]]
