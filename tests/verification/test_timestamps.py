"""Timestamps: by an authority of the root, over the signature, in its time, each of them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import InvalidEvidence, UnsupportedFormat
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.keys import new_authority, timestamping_certificate
from provenance.testing.sigstore.timestamps import TimestampAuthority
from provenance.trust import Trust
from provenance.verification.anchors import Anchors, anchors_of
from provenance.verification.timestamps import verify_timestamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from asn1crypto import cms

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


class EdDsa(TimestampAuthority):
    """An authority with a key of Ed25519, as RFC 8419 has it sign."""

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        super().__init__(now)
        self.own = ed25519.Ed25519PrivateKey.generate()
        authority = new_authority("timestamp", now(), intermediate=False)
        leaf = timestamping_certificate(authority, self.own, now())
        self.chain = (leaf, *authority.chain)

    def _signer_info(self, info: bytes, moment: dt.datetime) -> cms.SignerInfo:
        made = super()._signer_info(info, moment)
        made["signature_algorithm"] = {"algorithm": "ed25519"}
        made["signature"] = self.own.sign(made["signed_attrs"].untag().dump())
        return made


def test_an_authority_whose_algorithm_is_not_read_is_not_said_to_be_forged() -> None:
    with LocalSigstore(tsas=2) as sigstore:
        unread = EdDsa(sigstore.now)
        sigstore._parts.tsas[0].part = unread
    trusted = anchors_of(sigstore.trust)
    with pytest.raises(UnsupportedFormat, match="an algorithm that timestamps are not verified"):
        verify_timestamps((unread.stamp(HASHED),), SIGNATURE, trusted)
    read = sigstore.tsas[1].stamp(HASHED)
    assert len(verify_timestamps((read,), SIGNATURE, trusted)) == 1
    stranger = TimestampAuthority(sigstore.now).stamp(HASHED)
    assert verify_timestamps((stranger,), SIGNATURE, trusted) == ()
    # Under a root that lists only what is read, the same is passed over as a stranger's.
    root = json.loads(sigstore.trusted_root_json)
    del root["timestampAuthorities"][0]
    other = anchors_of(Trust.from_json(json.dumps(root)))
    assert verify_timestamps((unread.stamp(HASHED),), SIGNATURE, other) == ()


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
