"""What a key's algorithm means for a signature: the hash, and its name in Sigstore's messages.

Source: sigstore/protobuf-specs, `sigstore_common.proto` (HashAlgorithm, PublicKeyDetails);
sigstore/architecture-docs, "Algorithm registry" (the hash of each key).
"""

from __future__ import annotations

from dataclasses import dataclass

from provenance.errors import SigningError

__all__ = ["Scheme", "hash_name", "scheme_of"]

_HASH_NAMES = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}


@dataclass(frozen=True, slots=True)
class Scheme:
    """How keys of one algorithm sign."""

    hash: str
    """Name for `hashlib`; empty: the signature is over the data itself."""
    details: str
    """PublicKeyDetails; empty where it has no name for the key."""


_SCHEMES = {
    "ecdsa-p256": Scheme("sha256", "PKIX_ECDSA_P256_SHA_256"),
    "ecdsa-p384": Scheme("sha384", "PKIX_ECDSA_P384_SHA_384"),
    "ecdsa-p521": Scheme("sha512", "PKIX_ECDSA_P521_SHA_512"),
    "rsa-2048": Scheme("sha256", "PKIX_RSA_PKCS1V15_2048_SHA256"),
    "rsa-3072": Scheme("sha256", "PKIX_RSA_PKCS1V15_3072_SHA256"),
    "rsa-4096": Scheme("sha256", "PKIX_RSA_PKCS1V15_4096_SHA256"),
    "ed25519": Scheme("", "PKIX_ED25519"),
}


def scheme_of(algorithm: str) -> Scheme:
    """How a `PublicKey.algorithm` signs. Raises SigningError for one that nothing is known of."""
    if algorithm in _SCHEMES:
        return _SCHEMES[algorithm]
    if algorithm.startswith("rsa-"):
        return Scheme("sha256", "")
    raise SigningError(
        f"keys of algorithm {algorithm[:50]!r} do not sign here",
        hint="use ECDSA on P-256, P-384 or P-521, RSA, or Ed25519",
    )


def hash_name(algorithm: str) -> str:
    """`hashlib`'s name of a hash as protobuf-specs spells it."""
    return _HASH_NAMES[algorithm]
