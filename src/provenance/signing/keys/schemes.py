"""What is handed to a private key, and what must come back: the two halves of every handle here.

A key that hashes is handed the digest, by the hash of `scheme_of`; Ed25519 the data itself (RFC
8032 section 5.1).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from provenance.errors import SigningError, UnsupportedFormat
from provenance.signing.algorithms import scheme_of

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey

__all__ = ["check_signature", "hash_of", "public_key_of", "sign_with", "to_be_signed"]


def hash_of(key: PublicKey) -> str:
    """`hashlib`'s name of what is hashed with before signing; empty for Ed25519."""
    return scheme_of(key.algorithm).hash


def to_be_signed(key: PublicKey, data: bytes) -> bytes:
    """The digest of `data`; for Ed25519 `data` itself."""
    name = hash_of(key)
    return hashlib.new(name, data).digest() if name else data


def sign_with(private: Any, key: PublicKey, what: bytes) -> bytes:
    """The signature of one of the cryptography library's private keys over `to_be_signed`.

    Raises:
        SigningError: a digest of another length than the key's hash has.
    """
    _see_length(key, what)
    signature: bytes = private.sign(what, *_scheme(key))
    return signature


def check_signature(key: PublicKey, what: bytes, signature: bytes) -> None:
    """See that whoever signed `to_be_signed` did it with the key it names.

    Raises:
        SigningError: it did not, or in another encoding or scheme.
    """
    from cryptography.exceptions import InvalidSignature

    _see_length(key, what)
    public: Any = key.load()
    try:
        public.verify(signature, what, *_scheme(key))
    except InvalidSignature as error:
        raise SigningError(
            f"what came back is no signature by {key}",
            hint="the service signs with another key, hash or padding; nothing was published",
        ) from error


def public_key_of(private: Any) -> PublicKey:
    """The public half of one of the cryptography library's private keys.

    Raises:
        UnsupportedFormat: an algorithm, curve or size that nothing is signed with here.
    """
    from cryptography.hazmat.primitives import serialization

    from provenance.attestation.public_key import PublicKey

    if not hasattr(private, "sign"):
        raise UnsupportedFormat("the key is of an algorithm that signs nothing")
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey.parse(der)


def _see_length(key: PublicKey, what: bytes) -> None:
    name = hash_of(key)
    if name and len(what) != hashlib.new(name).digest_size:
        raise SigningError(f"{key.algorithm} signs a digest of {name}, not {len(what)} bytes")


def _scheme(key: PublicKey) -> tuple[Any, ...]:
    """What `sign` and `verify` of the cryptography library take beside message and signature."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    name = hash_of(key)
    if not name:
        return ()
    hashed = Prehashed(
        {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[name]
    )
    return (padding.PKCS1v15(), hashed) if key.algorithm[:3] == "rsa" else (ec.ECDSA(hashed),)
