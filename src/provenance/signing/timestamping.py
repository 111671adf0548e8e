"""Timestamp authorities: proof that a signature existed at a time.

Source: RFC 3161, sections 2.4 and 3.4. The whole response is kept, as bundles and verifiers hold
it. Whether the authority is a trusted one is not judged here: what is signed is verified whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.signing.exchange import ServiceError

if TYPE_CHECKING:
    from provenance.signing.exchange import Exchange

__all__ = ["stamp"]

_SERVICE = "the timestamp authority"
_GRANTED = (0, 1)


def stamp(exchange: Exchange, url: str, signature: bytes) -> bytes:
    """The authority's response (DER) for the hash of `signature`.

    Args:
        exchange: how to ask.
        url: the whole address, as signing configurations have it.
        signature: what must have existed by then.

    Raises:
        ServiceError: no answer, a refusal, or a timestamp of something else.
    """
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

    request = TimestampRequestBuilder(data=signature, hash_algorithm=HashAlgorithm.SHA256).build()
    answer = exchange.post(
        _SERVICE,
        url,
        request.as_bytes(),
        content_type="application/timestamp-query",
        accept="application/timestamp-reply",
    )
    if answer.status not in (200, 201):
        raise answer.refusal()
    try:
        response = decode_timestamp_response(answer.body)
        granted = response.status in _GRANTED
        imprint, nonce = response.tst_info.message_imprint.message, response.tst_info.nonce
    # The library raises what its parser meets, of several families.
    except Exception as error:
        raise ServiceError(f"{answer.service} answered without a timestamp") from error
    if not granted:
        raise ServiceError(f"{answer.service} refused (status {response.status})")
    if imprint != request.message_imprint.message or nonce != request.nonce:
        raise ServiceError(
            f"{answer.service} stamped something other than what it was sent",
            hint="do not use it, and tell its operator",
        )
    return response.as_bytes()
