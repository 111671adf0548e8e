# ruff: noqa: ARG001 - the arguments are those of the finished function
"""`verify_layer`: cosign's signatures in the annotations of a layer (`.sig` and `.att` tags).

Source: cosign, `specs/SIGNATURE_SPEC.md` and `pkg/oci/static`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Identity
    from provenance.verification.signed import SignedImage, SignedStatement

__all__ = ["DSSE_MEDIA_TYPE", "SIMPLE_SIGNING_MEDIA_TYPE", "LayerSignature", "verify_layer"]

SIMPLE_SIGNING_MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE_MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_PREFIX = "dev.sigstore.cosign/"


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
    identity: Identity | None = None,
    key: PublicKey | None = None,
    unsafe_no_log: bool = False,
    limits: Limits | None = None,
) -> SignedImage | SignedStatement:
    """Prove that a layer of a `.sig` or `.att` manifest signs `subject`."""
    raise UnsupportedFormat("signatures in the annotations of a layer are not verified yet")
