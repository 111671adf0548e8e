"""`EphemeralKey`: a key that lives in memory, for as long as its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from provenance.attestation.public_key import PublicKey

__all__ = ["EphemeralKey"]


class EphemeralKey:
    """ECDSA on P-256 with SHA-256: what every Fulcio certifies. A `DigestHandle`."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Hold `key`; `generate` makes one."""
        from cryptography.hazmat.primitives import serialization

        from provenance.attestation.public_key import PublicKey

        self._key = key
        self.public_key: PublicKey = PublicKey.parse(
            key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    def __reduce__(self) -> Any:
        """Refuse: a private key does not travel."""
        raise TypeError("an ephemeral key is not pickled")

    @classmethod
    def generate(cls) -> Self:
        """A new one."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls(ec.generate_private_key(ec.SECP256R1()))

    def sign(self, data: bytes, /) -> bytes:
        """The signature over `data`."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def sign_digest(self, digest: bytes, /) -> bytes:
        """The signature over data that hashes to `digest`."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        return self._key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))

    def certificate_request(self) -> bytes:
        """A certificate signing request in PEM (RFC 2986), which proves that we have the key.

        It names nobody: the authority takes the name from the identity token.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return request.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
