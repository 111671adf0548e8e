"""RFC 3161 timestamps: when a signature existed, by an authority of the trust root.

Source: RFC 3161 section 2.4.2, RFC 5816; the Sigstore client specification, "Timestamps": the
message is the signature, and the authority must have been trusted at the time it states.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from provenance.errors import InvalidEvidence
from provenance.verification.signed import VerifiedTime

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

    from provenance.verification.anchors import Anchors, TrustedStamper

__all__ = ["verify_timestamps"]

_STEP = "time"


def verify_timestamps(
    stamps: tuple[bytes, ...], signature: bytes, anchors: Anchors
) -> tuple[tuple[VerifiedTime, ...], tuple[str, ...]]:
    """The times that authorities of the trust root put on `signature`, and why others count not.

    A timestamp that no authority of the root made proves nothing, and does no harm beside one that
    does: which is for the caller to ask.

    Raises:
        InvalidEvidence: step `time`: something is no timestamp, or is there twice.
    """
    if len(set(stamps)) != len(stamps):
        raise _refuse("the same timestamp is there twice")
    times: list[VerifiedTime] = []
    reasons: list[str] = []
    for stamp in stamps:
        response = _decode(stamp)
        found = [_verify(response, signature, stamper) for stamper in anchors.stampers]
        proven = next((f for f in found if isinstance(f, VerifiedTime)), None)
        if proven is not None:
            times.append(proven)
        else:
            reasons.append("; ".join(str(f) for f in found) or "no authority is trusted")
    return tuple(times), tuple(reasons)


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
    from rfc3161_client import VerificationError

    try:
        stamper.verifier.verify_message(response, signature)
        moment = response.tst_info.gen_time.astimezone(dt.UTC)
    except (VerificationError, ValueError, TypeError) as error:
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
