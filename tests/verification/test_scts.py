"""Timestamps of certificate logs: one is enough, a false one is too many, none proves nothing."""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ObjectIdentifier

from provenance.errors import InvalidEvidence, UnsupportedFormat
from provenance.testing.sigstore import LocalSigstore
from provenance.trust.material import Validity
from provenance.verification.anchors import Anchors, TrustedLog, anchors_of
from provenance.verification.scts import check_scts, embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
KEY = ec.generate_private_key(ec.SECP256R1())
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    with LocalSigstore() as made:
        return made


@pytest.fixture(scope="module")
def other() -> LocalSigstore:
    with LocalSigstore() as made:
        return made


def issue(sigstore: LocalSigstore, **options: Any) -> x509.Certificate:
    return sigstore.ca.issue(KEY.public_key(), "dev@example.com", "https://i", **options)


def listed(certificate: x509.Certificate) -> bytes:
    """The timestamps in it, as they stand in the list."""
    extension = certificate.extensions.get_extension_for_oid(LIST).value
    return bytes(core.OctetString.load(extension.public_bytes()).native[2:])


def with_list(sigstore: LocalSigstore, stamps: Sequence[bytes]) -> x509.Certificate:
    """The certificate that was stamped, with any list. Of one name, key and time: the same."""
    whole = issue(sigstore, sct=False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(whole.subject)
        .issuer_name(whole.issuer)
        .public_key(KEY.public_key())
        .serial_number(whole.serial_number)
        .not_valid_before(whole.not_valid_before_utc)
        .not_valid_after(whole.not_valid_after_utc)
    )
    for extension in whole.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    own = stamp(sigstore, builder.sign(sigstore.ca.authority.key, hashes.SHA256()))
    known = {b"own": own, b"alias": own.replace(sigstore.ca.ct_log_id, bytes(32))}
    content = b"".join(known.get(s, s) for s in stamps)
    value = core.OctetString(struct.pack("!H", len(content)) + content).dump()
    builder = builder.add_extension(x509.UnrecognizedExtension(LIST, value), critical=False)
    return builder.sign(sigstore.ca.authority.key, hashes.SHA256())


def stamp(sigstore: LocalSigstore, precertificate: x509.Certificate) -> bytes:
    moment = precertificate.not_valid_before_utc
    made: bytes = sigstore.ca._sct_list(
        precertificate.tbs_certificate_bytes, moment, sigstore.ca.ct_key
    )
    return made[2:]


def check(
    certificate: x509.Certificate, sigstore: LocalSigstore, trusted: Anchors, required: int = 1
) -> None:
    check_scts(certificate, sigstore.ca.authority.chain, trusted, required)


def refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(InvalidEvidence) as caught:
        check(*arguments, **options)
    assert caught.value.step == "certificate-transparency"
    return str(caught.value)


def test_one_of_a_trusted_log_is_enough(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    trusted = anchors_of(sigstore.trust)
    check(issue(sigstore), sigstore, trusted)
    check(with_list(sigstore, [b"own"]), sigstore, trusted)
    foreign = listed(issue(other))
    for stamps in ([b"own", foreign], [foreign, b"own"]):
        certificate = with_list(sigstore, stamps)
        assert len(embedded(certificate)) == 2
        check(certificate, sigstore, trusted)
    assert "0 certificate logs" in refused(with_list(sigstore, [foreign]), sigstore, trusted)


def test_a_false_one_in_the_name_of_a_trusted_log_refuses(sigstore: LocalSigstore) -> None:
    trusted = anchors_of(sigstore.trust)
    of_another_certificate = listed(issue(sigstore))
    for stamps in ([of_another_certificate], [b"own", of_another_certificate]):
        assert "not signed by" in refused(with_list(sigstore, stamps), sigstore, trusted)
    forged = issue(sigstore, ct_key=ec.generate_private_key(ec.SECP256R1()))
    assert "not signed by" in refused(forged, sigstore, trusted)


def test_none_is_refused_where_the_root_lists_a_log(sigstore: LocalSigstore) -> None:
    assert "no timestamp" in refused(
        issue(sigstore, sct=False), sigstore, anchors_of(sigstore.trust)
    )
    empty = with_list(sigstore, [])
    with pytest.raises(InvalidEvidence):
        check(empty, sigstore, anchors_of(sigstore.trust))


def test_a_root_without_certificate_logs_asks_for_none(sigstore: LocalSigstore) -> None:
    none = Anchors((), (), (), ())
    check(issue(sigstore, sct=False), sigstore, none, 0)
    with pytest.raises(UnsupportedFormat, match="lists none"):
        check(issue(sigstore), sigstore, none, 0)
    with pytest.raises(UnsupportedFormat, match="no certificate log"):
        check(issue(sigstore, sct=False), sigstore, none, 1)


def test_it_is_about_the_issuer_that_signed(sigstore: LocalSigstore, other: LocalSigstore) -> None:
    trusted = anchors_of(sigstore.trust)
    with pytest.raises(InvalidEvidence):
        check_scts(issue(sigstore), other.ca.authority.chain, trusted, 1)


def test_a_log_counts_in_its_time_alone_and_ends_belong_to_it(sigstore: LocalSigstore) -> None:
    (log,) = anchors_of(sigstore.trust).certificate_logs
    certificate = issue(sigstore)
    moment = embedded(certificate)[0].timestamp.replace(tzinfo=dt.UTC)

    def during(start: dt.datetime | None, end: dt.datetime | None) -> Anchors:
        window = Validity(start, end)
        timed = TrustedLog(
            log.url, log.log_id, window, log.details, log.key, log.key_hash, log.checkpoint_key_id
        )
        return Anchors((), (timed,), (), ())

    check(certificate, sigstore, during(moment, moment))
    check(certificate, sigstore, during(None, None))
    for window in ((moment + HOUR, None), (None, moment - HOUR)):
        assert "was not trusted at" in refused(certificate, sigstore, during(*window))


def test_the_same_log_twice_is_one_witness(sigstore: LocalSigstore) -> None:
    trusted = anchors_of(sigstore.trust)
    assert "1 certificate logs" in refused(issue(sigstore), sigstore, trusted, required=2)
    twice = with_list(sigstore, [b"own", b"own"])
    assert "1 certificate logs" in refused(twice, sigstore, trusted, required=2)
    # Under another id that the root lists for its key, which no timestamp signs: one still.
    (log,) = trusted.certificate_logs
    alias = replace(log, log_id=bytes(32))
    both = Anchors((), (log, alias), (), ())
    named = with_list(sigstore, [b"own", b"alias"])
    check(named, sigstore, both)
    assert "1 certificate logs" in refused(named, sigstore, both, required=2)
