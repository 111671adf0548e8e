"""Timestamps: by an authority of the root, over the signature, in its time, each of them."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidEvidence
from provenance.testing.sigstore import LocalSigstore
from provenance.trust import Trust
from provenance.verification.anchors import Anchors, anchors_of
from provenance.verification.timestamps import verify_timestamps

SIGNATURE = b"a signature"
HASHED = hashlib.sha256(SIGNATURE).digest()
SECOND = dt.timedelta(seconds=1)


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore(tsas=2) as made:
        return made


@pytest.fixture(scope="module")
def trusted(sigstore: LocalSigstore) -> Anchors:
    return anchors_of(sigstore.trust)


def refused(stamps: tuple[bytes, ...], anchors: Anchors, signature: bytes = SIGNATURE) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        verify_timestamps(stamps, signature, anchors)
    assert caught.value.step == "time"
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("certificates", [True, False])
def test_each_form_is_read(
    sigstore: LocalSigstore,
    trusted: Anchors,
    algorithm: str,
    certificates: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    moment = sigstore.now().replace(microsecond=0)
    hashed = hashlib.new(algorithm, SIGNATURE).digest()
    stamp = sigstore.tsa.stamp(hashed, algorithm=algorithm, at=moment, certificates=certificates)
    (found,) = verify_timestamps((stamp,), SIGNATURE, trusted)
    assert (found.moment, found.source) == (moment, "timestamp-authority")
    assert found.authority.startswith(sigstore.url)


def test_each_of_several_authorities_is_named(sigstore: LocalSigstore, trusted: Anchors) -> None:
    stamps = tuple(tsa.stamp(HASHED) for tsa in sigstore.tsas)
    found = verify_timestamps(stamps, SIGNATURE, trusted)
    assert len({time.authority for time in found}) == 2


def test_each_must_be_over_this_signature(sigstore: LocalSigstore, trusted: Anchors) -> None:
    good = sigstore.tsa.stamp(HASHED)
    assert "does not count" in refused((good,), trusted, b"another signature")
    assert "does not count" in refused((good, sigstore.tsa.stamp(bytes(32))), trusted)
    assert "twice" in refused((good, good), trusted)


def test_a_root_without_authorities_proves_no_time(sigstore: LocalSigstore) -> None:
    assert (
        verify_timestamps((sigstore.tsa.stamp(HASHED),), SIGNATURE, Anchors((), (), (), ())) == ()
    )


def test_an_authority_counts_in_its_time_alone_and_ends_belong_to_it(
    sigstore: LocalSigstore,
) -> None:
    moment = sigstore.now().replace(microsecond=0)
    stamp = sigstore.tsa.stamp(HASHED, at=moment)
    for end, accepted in ((moment, True), (moment + SECOND, True), (moment - SECOND, False)):
        root = sigstore.trusted_root_until(end, "timestampAuthorities")
        anchors = anchors_of(Trust.from_json(root))
        if accepted:
            assert verify_timestamps((stamp,), SIGNATURE, anchors)[0].moment == moment
        else:
            assert "was not trusted at" in refused((stamp,), anchors)


def test_a_time_at_which_the_authority_had_no_certificate_is_refused(
    sigstore: LocalSigstore, trusted: Anchors
) -> None:
    for years in (-100, -60, 22, 100):
        moment = sigstore.now() + dt.timedelta(days=366 * years)
        refused((sigstore.tsa.stamp(HASHED, at=moment),), trusted)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_no_timestamp(trusted: Anchors, raw: bytes) -> None:
    refused((raw,), trusted)


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_changes_no_time(
    sigstore: LocalSigstore, trusted: Anchors, at: int, flip: int
) -> None:
    moment = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    stamp = bytearray(sigstore.tsa.stamp(HASHED, at=moment))
    stamp[at % len(stamp)] ^= flip
    try:
        found = verify_timestamps((bytes(stamp),), SIGNATURE, trusted)
    except InvalidEvidence:
        return
    assert [time.moment for time in found] == [moment]
