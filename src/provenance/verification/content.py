"""`SignedBytes`: what a signature is over, as bytes or as nothing but their digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.attestation.bundle_parts import Envelope

if TYPE_CHECKING:
    from provenance.attestation.bundle_parts import Content
    from provenance.digests import Digest

__all__ = ["HASHES", "SignedBytes"]

HASHES = ("sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """What is, or shall be, signed."""

    data: bytes | None = field(repr=False)
    """None: only the digest is known."""
    digest: Digest | None = None

    @classmethod
    def of(cls, content: Content, artifact: bytes | Digest | None) -> SignedBytes:
        """What the signatures of `content` are over: of a message signature, the artifact."""
        if isinstance(content, Envelope):
            return cls(content.signed)
        return cls(artifact) if isinstance(artifact, bytes) else cls(None, artifact)

    def hashed(self, algorithm: str) -> bytes | None:
        """Their hash; None where it cannot be told."""
        if algorithm not in HASHES:
            return None
        if self.data is not None:
            return hashlib.new(algorithm, self.data).digest()
        if self.digest is not None and self.digest.algorithm == algorithm:
            return bytes.fromhex(self.digest.hex)
        return None
