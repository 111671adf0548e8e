"""RFC 3161 timestamps: when a signature existed, by authorities of the trust root.

Source: RFC 3161 section 2.4.2, RFC 5816; the Sigstore client specification, "Timestamps": the
message is the signature, and the authority must have been trusted at the time it states.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence, UnsupportedFormat
from provenance.verification.foreign_stamps import is_foreign_stamp
from provenance.verification.signed import VerifiedTime

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

    from provenance.verification.anchors import Anchors, TrustedStamper

__all__ = ["is_over", "verify_timestamps"]

_STEP = "time"
_ALGORITHMS = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


def verify_timestamps(
    stamps: tuple[bytes, ...], signature: bytes, anchors: Anchors
) -> tuple[VerifiedTime, ...]:
    """The times that authorities of the trust root put on `signature`.

    Each timestamp must be by one of them, or whole and by somebody whom the root does not list
    (`is_foreign_stamp`), who proves nothing. Under a root that lists no authority none is proven.

    Raises:
        InvalidEvidence: step `time`: a timestamp is none, is there twice, or is not by an
            authority over this signature.
        UnsupportedFormat: it may be by an authority whose key is of an algorithm that timestamps
            are not verified with.
    """
    if not anchors.stampers:
        return ()
    if len(set(stamps)) != len(stamps):
        raise _refuse("the same timestamp is there twice")
    times = (_time(stamp, signature, anchors) for stamp in stamps)
    return tuple(time for time in times if time is not None)


def is_over(stamp: bytes, signature: bytes) -> bool:
    """Whether the timestamp says that it is over `signature`: a claim, that nobody has verified."""
    try:
        imprint = _decode(stamp).tst_info.message_imprint
        name = _ALGORITHMS.get(imprint.hash_algorithm.dotted_string, "")
        return bool(name) and imprint.message == hashlib.new(name, signature).digest()
    except Exception:  # noqa: BLE001 - of its parser, of many families: it says nothing
        return False


def _time(stamp: bytes, signature: bytes, anchors: Anchors) -> VerifiedTime | None:
    """None: by somebody whom the trust root does not list."""
    response = _decode(stamp)
    reasons: list[str] = []
    for stamper in anchors.stampers:
        found = _verify(response, signature, stamper)
        if isinstance(found, VerifiedTime):
            return found
        reasons.append(found)
    if is_foreign_stamp(stamp, signature, anchors):
        return None
    if unread := next((s for s in anchors.stampers if not s.is_read), None):
        raise UnsupportedFormat(
            f"the timestamp may be by {unread.uri or 'an authority'}, whose key is of an algorithm "
            "that timestamps are not verified with here",
            hint="verify it with cosign",
        )
    raise _refuse(f"the timestamp does not count: {'; '.join(reasons)[:500]}")


def _decode(stamp: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        return decode_timestamp_response(stamp)
    except (ValueError, TypeError) as error:
        raise _refuse(f"the timestamp cannot be read: {str(error)[:200]}") from error


def _verify(
    response: TimeStampResponse, signature: bytes, stamper: TrustedStamper
) -> VerifiedTime | str:
    """The time, or why it is not proven by this authority."""
    try:
        stamper.verifier.verify_message(response, signature)
        moment = response.tst_info.gen_time.astimezone(dt.UTC)
    except Exception as error:  # noqa: BLE001 - of its certificates' parser, of many families
        return f"not by {stamper.uri or 'the authority'} over this signature ({str(error)[:150]})"
    signer = stamper.signer
    if signer is not None and not (
        signer.not_valid_before_utc <= moment <= signer.not_valid_after_utc
    ):
        return f"the certificate of {stamper.uri} was not valid at {moment:%Y-%m-%d %H:%M:%S} UTC"
    if not stamper.validity.covers(moment):
        return f"{stamper.uri} was not trusted at {moment:%Y-%m-%d %H:%M:%S} UTC"
    return VerifiedTime(moment, "timestamp-authority", stamper.uri)


def _refuse(message: str) -> InvalidEvidence:
    return InvalidEvidence(message, step=_STEP, hint="the bundle is damaged or forged")
