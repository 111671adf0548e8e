"""`PublicKey`: a key that signs without a certificate. Source: RFC 5280 (SPKI), RFC 7468 (PEM)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from provenance.errors import MalformedDocument, UnsupportedFormat

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

__all__ = ["PublicKey", "algorithm_of"]

_MAX_BYTES = 65_536
_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384", "secp521r1": "ecdsa-p521"}
_RSA_BITS = (2048, 16_384)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key. Equal where its SubjectPublicKeyInfo is; pickles as that."""

    der: bytes = field(repr=False)
    """SubjectPublicKeyInfo."""
    algorithm: str
    """`ecdsa-p256`, `ecdsa-p384`, `ecdsa-p521`, `rsa-BITS` or `ed25519`."""

    @property
    def key_id(self) -> str:
        """`sha256:` and the digest of the SubjectPublicKeyInfo in hex: names the key for people."""
        return f"sha256:{hashlib.sha256(self.der).hexdigest()}"

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The key in PEM (`PUBLIC KEY`) or DER.

        Raises:
            MalformedDocument: no public key; a private key or a certificate is told apart.
            UnsupportedFormat: an algorithm, curve or size that nothing is signed with here.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization

        if len(raw) > _MAX_BYTES:
            raise MalformedDocument(f"a public key has not {len(raw)} bytes")
        for mark, what in ((b"PRIVATE KEY", "a private key"), (b"CERTIFICATE", "a certificate")):
            if b"-----BEGIN" in raw and mark in raw:
                raise MalformedDocument(
                    f"this is {what}, not a public key", hint="give the file with PUBLIC KEY in it"
                )
        try:
            key = (
                serialization.load_pem_public_key(raw)
                if b"-----BEGIN" in raw
                else serialization.load_der_public_key(raw)
            )
        except (ValueError, TypeError) as error:
            raise MalformedDocument(
                "this is no public key", hint="expected PEM (BEGIN PUBLIC KEY) or DER"
            ) from error
        except UnsupportedAlgorithm as error:
            raise UnsupportedFormat("the public key is of an algorithm not known here") from error
        der = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return cls(der, algorithm_of(key))

    def load(self) -> PublicKeyTypes:
        """As the cryptography library's object."""
        from cryptography.hazmat.primitives import serialization

        return serialization.load_der_public_key(self.der)

    def to_pem(self) -> bytes:
        """As cosign and openssl read it."""
        from cryptography.hazmat.primitives import serialization

        return self.load().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def __str__(self) -> str:
        return f"key {self.key_id} ({self.algorithm})"


def algorithm_of(key: PublicKeyTypes) -> str:
    """The algorithm of a key, as `PublicKey.algorithm`.

    Raises:
        UnsupportedFormat: an algorithm, curve or size that nothing is signed with here.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPublicKey) and _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
        return f"rsa-{key.key_size}"
    raise UnsupportedFormat(
        "the public key is of an algorithm, curve or size that is not verified",
        hint="ECDSA P-256, P-384 or P-521, RSA of 2048 bits or more, or Ed25519",
    )
