"""`KeyHandle`: a private key somewhere (a file, a KMS, an HSM) that signs what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey

__all__ = ["DigestHandle", "KeyHandle"]


@runtime_checkable
class KeyHandle(Protocol):
    """What `Signer.of` takes: two names are all that a key service has to offer."""

    @property
    def public_key(self) -> PublicKey:
        """The key that verifiers are given. It does not change while the handle lives."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """The signature over `data`, which is hashed as the key's algorithm says.

        ECDSA: SHA-256, SHA-384 and SHA-512 for P-256, P-384 and P-521, the signature in ASN.1
        DER; RSA: PKCS#1 version 1.5 with SHA-256; Ed25519: pure (RFC 8032), nothing is hashed
        before. Raises `SigningError` where the service refuses or does not answer.
        """
        ...


@runtime_checkable
class DigestHandle(KeyHandle, Protocol):
    """A handle that is content with the hash: then a large file is never held in memory."""

    def sign_digest(self, digest: bytes, /) -> bytes:
        """What `sign` returns for data that hashes to `digest`. Not offered by Ed25519 keys."""
        ...
