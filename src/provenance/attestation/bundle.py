"""`Bundle`: a signature with all that is needed to check it. Source: sigstore/protobuf-specs.

Parsed far enough to say what it is and to show what it claims. Nothing here is verified.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from provenance.attestation.protobuf_json import Message
from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat
from provenance.settings import Limits
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUNDLE_MEDIA_TYPE", "Bundle", "is_bundle_media_type"]

BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MEDIA_TYPES = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
    BUNDLE_MEDIA_TYPE: "0.3",
}
_MOST_VALUES = 100_000
"""Of JSON, in a bundle: its payload is one of them."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle, as it arrived."""

    raw: bytes = field(repr=False)
    version: str
    content: str
    """`dsse` or `message-signature`."""
    payload_type: str = ""
    """Of a DSSE envelope."""
    payload: bytes = field(default=b"", repr=False)
    """Of a DSSE envelope: a claim until the bundle is verified."""
    signature_count: int = 0
    """Of a DSSE envelope."""
    log_entries: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, hash=False)
    has_certificate: bool = False
    has_key: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return type(self).parse, (self.raw,)

    @classmethod
    def parse(cls, raw: bytes, *, limits: Limits | None = None) -> Self:
        """The bundle in `raw`.

        Raises:
            LimitExceeded: larger than `Limits.bundle_bytes`.
            MalformedDocument: not of the form of a bundle.
            UnsupportedFormat: a JSON object that is no bundle of a known version.
        """
        limit = (limits or Limits()).bundle_bytes
        if len(raw) > limit:
            raise LimitExceeded(
                f"the bundle has {len(raw)} bytes, more than {limit}",
                hint="raise Limits.bundle_bytes if you trust it",
            )
        document = Message(decode_object(raw, values=_MOST_VALUES))
        media_type = document.value("mediaType")
        version = _MEDIA_TYPES.get(media_type) if isinstance(media_type, str) else None
        if version is None:
            raise UnsupportedFormat(
                f"{str(media_type)[:100]!r} is no Sigstore bundle this library reads",
                hint=f"expected mediaType {BUNDLE_MEDIA_TYPE}",
            )
        material = document.message("verificationMaterial")
        entries = material.value("tlogEntries") or []
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise MalformedDocument(
                "must be an array of objects", pointer=material.pointer("tlogEntries")
            )
        shape: dict[str, Any] = {
            "log_entries": tuple(entries),
            "has_certificate": material.has("certificate") or material.has("x509CertificateChain"),
            "has_key": material.has("publicKey"),
        }
        if document.has("dsseEnvelope") == document.has("messageSignature"):
            raise MalformedDocument("must have one of dsseEnvelope and messageSignature")
        if document.has("messageSignature"):
            return cls(raw, version, "message-signature", **shape)
        return cls(raw, version, "dsse", *_envelope(document.message("dsseEnvelope")), **shape)


def is_bundle_media_type(media_type: str) -> bool:
    """Whether a layer or artifact type is a bundle's, of any version."""
    return media_type.startswith("application/vnd.dev.sigstore.bundle")


def _envelope(envelope: Message) -> tuple[str, bytes, int]:
    """Payload type, payload and number of signatures of a DSSE envelope."""
    for name in ("payloadType", "payload"):
        if not envelope.has(name):
            raise MalformedDocument("must have payload and payloadType", pointer=envelope.at)
    signatures = envelope.value("signatures")
    if not isinstance(signatures, list) or not signatures:
        raise MalformedDocument("must have signatures", pointer=envelope.pointer("signatures"))
    return envelope.text("payloadType"), envelope.data("payload"), len(signatures)
