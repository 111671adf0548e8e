"""Private keys in memory, of every kind that is signed with, as somebody brings their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from provenance.attestation.public_key import PublicKey

__all__ = ["KINDS", "Pair"]

KINDS = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-4096", "ed25519")
_CURVES = {
    "ecdsa-p256": (ec.SECP256R1(), hashes.SHA256()),
    "ecdsa-p384": (ec.SECP384R1(), hashes.SHA384()),
    "ecdsa-p521": (ec.SECP521R1(), hashes.SHA512()),
}


@dataclass(frozen=True)
class Pair:
    """A key handle."""

    secret: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    public_key: PublicKey

    @classmethod
    def generate(cls, kind: str) -> Self:
        """A new pair of a kind."""
        secret: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
        if kind in _CURVES:
            secret = ec.generate_private_key(_CURVES[kind][0])
        elif kind == "ed25519":
            secret = ed25519.Ed25519PrivateKey.generate()
        else:
            secret = rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
        der = secret.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        public = PublicKey.parse(der)
        assert public.algorithm == kind
        return cls(secret, public)

    def sign(self, data: bytes, /) -> bytes:
        """As the key's algorithm says."""
        if isinstance(self.secret, ed25519.Ed25519PrivateKey):
            return self.secret.sign(data)
        if isinstance(self.secret, rsa.RSAPrivateKey):
            return self.secret.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.secret.sign(data, ec.ECDSA(_CURVES[self.public_key.algorithm][1]))

    def to_pem(self) -> bytes:
        """PKCS#8, in the clear."""
        return self.secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
