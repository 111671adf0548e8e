"""`verify_layer`: cosign's signatures in the annotations of a layer (`.sig` and `.att` tags).

Source: cosign, `specs/SIGNATURE_SPEC.md`, `pkg/oci/static` and `pkg/cosign/verify.go`. Each part
is held against the others as in a bundle: entry against signature, payload and certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.attestation.bundle_parts import (
    BundleParts,
    Content,
    Envelope,
    LoggedEntry,
    MessageSignature,
    read_envelope,
)
from provenance.attestation.protobuf_json import Message, decode_base64
from provenance.attestation.simple_signing import SimpleSigning
from provenance.errors import InvalidEvidence, LimitExceeded, MalformedDocument, UnsupportedFormat
from provenance.settings import Limits
from provenance.strict_json import decode_object
from provenance.verification.content import SignedBytes
from provenance.verification.signed import SignedImage, SignedStatement
from provenance.verification.verifier import (
    check_identity,
    check_subject,
    demanded,
    establish,
    statement_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.trust import Trust
    from provenance.verification.identity import Expected
    from provenance.verification.thresholds import Thresholds

__all__ = [
    "DSSE_MEDIA_TYPE",
    "SIMPLE_SIGNING_MEDIA_TYPE",
    "LayerSignature",
    "layer_parts",
    "verify_layer",
]

SIMPLE_SIGNING_MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
"""Of a layer in a `.sig` manifest."""
DSSE_MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
"""Of a layer in an `.att` manifest."""
_SIGNATURE = "dev.cosignproject.cosign/signature"
_PREFIX = "dev.sigstore.cosign/"
_MOST_CERTIFICATES = 10
_MOST_VALUES = 100_000  # of JSON, in an envelope
_HEAD, _TAIL = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class LayerSignature:
    """One layer of a `.sig` or `.att` manifest: what is signed, and what cosign wrote beside it."""

    payload: bytes = field(repr=False)
    """The layer's bytes: a simple-signing payload, or a DSSE envelope."""
    signature: str = field(default="", repr=False)
    """Base64, over the payload; empty for an envelope, which has its own."""
    certificate: str = field(default="", repr=False)
    """PEM of the signer's certificate; empty: signed by a key."""
    chain: str = field(default="", repr=False)
    """PEM of the certificates above it."""
    log_bundle: str = field(default="", repr=False)
    """JSON: the log's promise and what it is about."""
    timestamp: str = field(default="", repr=False)
    """JSON: a timestamp of an RFC 3161 authority."""
    media_type: str = SIMPLE_SIGNING_MEDIA_TYPE
    """Of the layer."""

    @property
    def signature_count(self) -> int:
        """One; of an envelope any number.

        Raises:
            MalformedDocument, UnsupportedFormat: as of `verify_layer`.
        """
        content = _content(self)
        return len(content.signatures) if isinstance(content, Envelope) else 1

    @classmethod
    def of(
        cls,
        annotations: Mapping[str, str],
        payload: bytes,
        media_type: str = SIMPLE_SIGNING_MEDIA_TYPE,
    ) -> Self:
        """What the annotations of a layer say."""
        return cls(
            payload,
            annotations.get(_SIGNATURE, ""),
            annotations.get(f"{_PREFIX}certificate", ""),
            annotations.get(f"{_PREFIX}chain", ""),
            annotations.get(f"{_PREFIX}bundle", ""),
            annotations.get(f"{_PREFIX}rfc3161timestamp", ""),
            media_type,
        )


def verify_layer(
    layer: LayerSignature,
    subject: Digest,
    *,
    trust: Trust,
    identity: Expected | None = None,
    key: PublicKey | None = None,
    unsafe_no_log: bool = False,
    require: Thresholds | None = None,
    limits: Limits | None = None,
) -> SignedImage | SignedStatement:
    """Prove that `identity`, or the holder of `key`, signed `subject` in a `.sig` or `.att` layer.

    Args:
        layer: the layer and its annotations.
        subject: digest of the image.
        trust: whom to believe. No network is used.
        identity: who must have signed; with neither this nor `key`: anyone with a certificate,
            and the caller checks who it was.
        key: the key that must have signed instead; a certificate never stands in for it.
        unsafe_no_log: as of `verify_bundle`.
        require: more witnesses than usual.
        limits: `bundle_bytes` applies to the layer and to each annotation.

    Returns:
        A `SignedImage` of a `.sig` layer, a `SignedStatement` of an `.att` layer. What kind of
        statement it is, is for the caller to check.

    Raises:
        ValueError: both an identity and a key.
        MalformedDocument: payload or annotations are not of their form.
        LimitExceeded: larger than the limit.
        InvalidEvidence: `step` refused; for `subject` it is of another image.
        UnsupportedFormat: a layer of another type, or it could not be told.
    """
    _check_sizes(layer, limits or Limits())
    parts = layer_parts(layer)
    signed = SignedBytes.of(parts.content, layer.payload)
    proven = establish(parts, signed, demanded(trust, identity, key, unsafe_no_log, require))
    if isinstance(parts.content, Envelope):
        statement = statement_in(parts.content)
        check_subject(statement, subject)
        check_identity(identity, proven.signer)
        return proven.of(SignedStatement, statement=statement)
    payload = SimpleSigning.parse(layer.payload)
    if payload.digest != subject:
        raise InvalidEvidence(
            f"the signature is for {payload.digest}, not for {subject}",
            step="subject",
            digest=subject,
            hint="it belongs to another image",
        )
    check_identity(identity, proven.signer)
    return proven.of(SignedImage, payload=payload)


def _check_sizes(layer: LayerSignature, limits: Limits) -> None:
    texts = (layer.signature, layer.certificate, layer.chain, layer.log_bundle, layer.timestamp)
    largest = max(len(layer.payload), *map(len, texts))
    if largest > limits.bundle_bytes:
        raise LimitExceeded(
            f"the layer or an annotation has {largest} bytes, more than {limits.bundle_bytes}",
            hint="raise Limits.bundle_bytes if you trust it",
        )


def layer_parts(layer: LayerSignature) -> BundleParts:
    """The layer's parts, as a bundle has them; of no version of the bundle's format.

    Raises:
        MalformedDocument, LimitExceeded, UnsupportedFormat: as `verify_layer` does.
    """
    certificates = _certificates(layer.certificate, f"{_PREFIX}certificate")
    if len(certificates) > 1:
        raise MalformedDocument("must be one certificate", pointer=f"{_PREFIX}certificate")
    return BundleParts(
        "",
        _content(layer),
        (*certificates, *_certificates(layer.chain, f"{_PREFIX}chain")) if certificates else (),
        "",
        (_entry(layer.log_bundle),) if layer.log_bundle else (),
        (_stamp(layer.timestamp),) if layer.timestamp else (),
    )


def _content(layer: LayerSignature) -> Content:
    if layer.media_type == SIMPLE_SIGNING_MEDIA_TYPE:
        signature = decode_base64(layer.signature, _SIGNATURE)
        if not signature:
            raise MalformedDocument("must not be empty", pointer=_SIGNATURE)
        return MessageSignature(signature)
    if layer.media_type != DSSE_MEDIA_TYPE:
        raise UnsupportedFormat(
            f"a layer of type {layer.media_type[:100]!r} is no signature of cosign's",
            hint=f"expected {SIMPLE_SIGNING_MEDIA_TYPE} or {DSSE_MEDIA_TYPE}",
        )
    return read_envelope(Message(decode_object(layer.payload, values=_MOST_VALUES)), layer.payload)


def _certificates(pem: str, at: str) -> tuple[bytes, ...]:
    """DER of each certificate.

    Anything else in the place of one, such as a bare key, is refused (GHSA-fx35-mq7g-6g98).
    """
    rest, found = pem.strip(), []
    while rest:
        body, tail, after = rest.removeprefix(_HEAD).partition(_TAIL)
        if not rest.startswith(_HEAD) or not tail:
            raise MalformedDocument("must be certificates in PEM", pointer=at)
        found.append(decode_base64("".join(body.split()), at))
        rest = after.strip()
        if len(found) > _MOST_CERTIFICATES:
            raise LimitExceeded(f"{at} has more than {_MOST_CERTIFICATES} certificates")
    return tuple(found)


def _entry(text: str) -> LoggedEntry:
    """The log entry of cosign's `bundle` annotation, which has no proof, only the promise."""
    document = Message(decode_object(text.encode()), f"{_PREFIX}bundle")
    logged = document.message("Payload")
    body = logged.data("body")
    stated = decode_object(body)
    log_id = logged.text("logID")
    try:
        identifier = bytes.fromhex(log_id)
    except ValueError as error:
        raise MalformedDocument("must be hex", pointer=logged.pointer("logID")) from error
    return LoggedEntry(
        logged.number("logIndex"),
        identifier,
        str(stated.get("kind")),
        str(stated.get("apiVersion")),
        body,
        logged.number("integratedTime"),
        document.data("SignedEntryTimestamp"),
    )


def _stamp(text: str) -> bytes:
    """The timestamp of cosign's `rfc3161timestamp` annotation."""
    document = Message(decode_object(text.encode()), f"{_PREFIX}rfc3161timestamp")
    return document.data("SignedRFC3161Timestamp")
