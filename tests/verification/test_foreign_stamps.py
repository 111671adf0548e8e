"""Timestamps by an authority that the root does not list: passed over whole, else refused."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import tsp
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidEvidence
from provenance.testing.sigstore import LocalSigstore
from provenance.verification.anchors import Anchors, TrustedStamper, anchors_of
from provenance.verification.foreign_stamps import is_foreign_stamp
from provenance.verification.timestamps import verify_timestamps

if TYPE_CHECKING:
    from provenance.testing.sigstore.timestamps import TimestampAuthority

SIGNATURE = b"a signature"
HASHED = hashlib.sha256(SIGNATURE).digest()
MOMENT = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore() as made:
        return made


@pytest.fixture(scope="module")
def trusted(sigstore: LocalSigstore) -> Anchors:
    return anchors_of(sigstore.trust)


@pytest.fixture(scope="module")
def foreign() -> TimestampAuthority:
    """Of the same name as the one that is listed: names prove nothing."""
    return LocalSigstore().tsa


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("certificates", [True, False])
def test_it_is_passed_over_beside_a_listed_one_and_alone(
    sigstore: LocalSigstore,
    trusted: Anchors,
    foreign: TimestampAuthority,
    algorithm: str,
    certificates: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    hashed = hashlib.new(algorithm, SIGNATURE).digest()
    theirs = foreign.stamp(hashed, algorithm=algorithm, certificates=certificates)
    ours = sigstore.tsa.stamp(HASHED)
    assert len(verify_timestamps((theirs, ours), SIGNATURE, trusted)) == 1
    assert verify_timestamps((theirs,), SIGNATURE, trusted) == ()


def test_one_over_another_signature_is_false(trusted: Anchors, foreign: TimestampAuthority) -> None:
    for certificates in (True, False):
        stamp = foreign.stamp(HASHED, certificates=certificates)
        with pytest.raises(InvalidEvidence, match="does not count"):
            verify_timestamps((stamp,), b"another signature", trusted)


def test_the_same_one_twice_is_refused(trusted: Anchors, foreign: TimestampAuthority) -> None:
    stamp = foreign.stamp(HASHED)
    with pytest.raises(InvalidEvidence, match="twice"):
        verify_timestamps((stamp, stamp), SIGNATURE, trusted)


def edited(stamp: bytes, change: Any) -> bytes:
    """The stamp with something else in its signed data, encoded anew."""
    response = tsp.TimeStampResp.load(stamp)
    signed = response["time_stamp_token"]["content"]
    change(signed)
    dumped: bytes = response.dump(force=True)
    return dumped


def test_a_signature_that_its_own_certificate_did_not_make_is_false(
    trusted: Anchors, foreign: TimestampAuthority
) -> None:
    def change(signed: Any) -> None:
        signed["signer_infos"][0]["signature"] = bytes(64)

    with pytest.raises(InvalidEvidence, match="does not count"):
        verify_timestamps((edited(foreign.stamp(HASHED), change),), SIGNATURE, trusted)


def test_a_listed_one_under_another_name_is_not_passed_over(
    sigstore: LocalSigstore, trusted: Anchors
) -> None:
    def change(signed: Any) -> None:
        signed["signer_infos"][0]["sid"].chosen["serial_number"] = 7

    for certificates in (True, False):
        stamp = sigstore.tsa.stamp(HASHED, certificates=certificates)
        with pytest.raises(InvalidEvidence, match="does not count"):
            verify_timestamps((edited(stamp, change),), SIGNATURE, trusted)


def test_without_the_certificate_of_a_listed_authority_nobody_is_foreign(
    foreign: TimestampAuthority, trusted: Anchors
) -> None:
    stamp = foreign.stamp(HASHED)
    assert is_foreign_stamp(stamp, SIGNATURE, trusted)
    (listed,) = trusted.stampers
    nameless = TrustedStamper(listed.uri, listed.verifier, None, listed.validity)
    assert not is_foreign_stamp(stamp, SIGNATURE, Anchors((), (), (), (listed, nameless)))


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255), certificates=st.booleans())
def test_no_changed_byte_of_a_listed_one_takes_it_away(
    sigstore: LocalSigstore,
    trusted: Anchors,
    at: int,
    flip: int,
    certificates: bool,  # noqa: FBT001 - drawn
) -> None:
    stamp = bytearray(sigstore.tsa.stamp(HASHED, at=MOMENT, certificates=certificates))
    stamp[at % len(stamp)] ^= flip
    try:
        found = verify_timestamps((bytes(stamp),), SIGNATURE, trusted)
    except InvalidEvidence:
        return
    assert [time.moment for time in found] == [MOMENT]


def test_one_larger_than_any_real_one_is_not_looked_at(
    trusted: Anchors, foreign: TimestampAuthority
) -> None:
    def change(signed: Any) -> None:
        first = signed["certificates"][0]
        signed["certificates"] = [first] * 200

    assert not is_foreign_stamp(edited(foreign.stamp(HASHED), change), SIGNATURE, trusted)


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_not_foreign(trusted: Anchors, raw: bytes) -> None:
    assert not is_foreign_stamp(raw, SIGNATURE, trusted)
