"""Signed certificate timestamps: that a log of certificates has seen the signer's.

Source: RFC 6962 sections 3.2 and 3.3, embedded in the certificate.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

    from provenance.verification.anchors import Anchors

__all__ = ["check_scts", "embedded"]

_STEP = "certificate-transparency"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PRECERTIFICATE = 1


def check_scts(
    leaf: x509.Certificate, chain: Sequence[x509.Certificate], anchors: Anchors, required: int
) -> None:
    """Raise unless `required` logs of the trust root have seen `leaf`.

    A root without logs of certificates asks for none. A timestamp of an unknown log proves nothing
    and harms nothing; a false one in the name of a known log refuses the certificate.

    Args:
        leaf: the signer's certificate.
        chain: the certificates above it, the issuer first, already verified.
        anchors: the trust root.
        required: how many different logs.

    Raises:
        InvalidEvidence: step `certificate-transparency`.
        UnsupportedFormat: there are timestamps, and the root lists no log of certificates.
    """
    stamps = embedded(leaf)
    if not anchors.certificate_logs:
        if stamps or required:
            raise UnsupportedFormat(
                "the certificate has timestamps of a certificate log, and the trust root lists none"
                if stamps
                else "the trust root lists no certificate log",
                hint="name the trust root of the instance that signed",
            )
        return
    if not stamps:
        raise _refuse("the certificate has no timestamp of a certificate log")
    # By key: a root may list one log under several ids, and the id in a timestamp is not signed.
    seen = {key for stamp in stamps if (key := _proven_by(stamp, leaf, chain[0], anchors))}
    if len(seen) < required:
        raise _refuse(
            f"{len(seen)} certificate logs of the trust root have seen the certificate, where "
            f"{required} must have"
        )


def embedded(leaf: x509.Certificate) -> list[SignedCertificateTimestamp]:
    """The timestamps in a certificate. Raises InvalidEvidence where they cannot be read."""
    from cryptography import x509

    try:
        return list(
            leaf.extensions.get_extension_for_class(
                x509.PrecertificateSignedCertificateTimestamps
            ).value
        )
    except x509.ExtensionNotFound:
        return []
    except (ValueError, x509.DuplicateExtension) as error:
        raise _refuse(f"the timestamps cannot be read: {str(error)[:200]}") from error


def _proven_by(
    stamp: SignedCertificateTimestamp,
    leaf: x509.Certificate,
    issuer: x509.Certificate,
    anchors: Anchors,
) -> bytes:
    """Hash of the log's key; empty: of an unknown log. Raises InvalidEvidence for a false one."""
    logs = anchors.certificate_logs_of(stamp.log_id)
    if not logs:
        return b""
    signed = _signed(stamp, leaf, issuer)
    by = [log for log in logs if log.signed(stamp.signature, signed)]
    if not by:
        raise _refuse(f"the timestamp is not signed by the certificate log {logs[0].url}")
    moment = stamp.timestamp.replace(tzinfo=dt.UTC)
    # Several: the root lists a key once for each time it was trusted.
    if not any(log.validity.covers(moment) for log in by):
        raise _refuse(
            f"the certificate log {by[0].url} was not trusted at {moment:%Y-%m-%d %H:%M:%S} UTC"
        )
    return by[0].key_hash


def _signed(
    stamp: SignedCertificateTimestamp, leaf: x509.Certificate, issuer: x509.Certificate
) -> bytes:
    """RFC 6962 section 3.2: what the log signed, of a precertificate."""
    from cryptography.hazmat.primitives import serialization

    if stamp.entry_type.value != _PRECERTIFICATE:
        raise _refuse("the timestamp is of no precertificate")
    key = issuer.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    tbs = leaf.tbs_precertificate_bytes
    milliseconds = (stamp.timestamp.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(milliseconds=1)
    return b"".join(
        (
            struct.pack("!BBQH", stamp.version.value, 0, milliseconds, _PRECERTIFICATE),
            hashlib.sha256(key).digest(),
            len(tbs).to_bytes(3, "big"),
            tbs,
            len(stamp.extension_bytes).to_bytes(2, "big"),
            stamp.extension_bytes,
        )
    )


def _refuse(message: str) -> InvalidEvidence:
    return InvalidEvidence(
        message, step=_STEP, hint="the certificate was issued in secret, or is forged"
    )
