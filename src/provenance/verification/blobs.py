# ruff: noqa: ARG001 - the arguments are those of the finished function
"""`verify_blob_bundle`: a bundle over the bytes of a file, or a statement about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import UnsupportedFormat

if TYPE_CHECKING:
    from provenance.attestation.bundle import Bundle
    from provenance.attestation.public_key import PublicKey
    from provenance.digests import Digest
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Identity
    from provenance.verification.signed import SignedBlob, SignedStatement

__all__ = ["verify_blob_bundle"]


def verify_blob_bundle(
    bundle: Bundle | bytes,
    artifact: bytes | Digest,
    *,
    trust: Trust,
    identity: Identity | None = None,
    key: PublicKey | None = None,
    unsafe_no_log: bool = False,
    limits: Limits | None = None,
) -> SignedBlob | SignedStatement:
    """Prove that a bundle signs `artifact`."""
    raise UnsupportedFormat("bundles over bytes are not verified yet")
