"""`LocalKey`: a private key in memory, read from a PEM file of cosign or openssl."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, SigningError, UnsupportedFormat
from provenance.signing.keys import cosign_file
from provenance.signing.keys.passwords import Password, resolve_password
from provenance.signing.keys.pem import read_private_block
from provenance.signing.keys.pkcs8_cost import see_affordable
from provenance.signing.keys.schemes import hash_of, public_key_of, sign_with, to_be_signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.attestation.public_key import PublicKey

__all__ = ["LocalKey", "read_private_key"]


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key that this process holds: a `DigestHandle`. Never shown, never pickled."""

    public_key: PublicKey
    """What verifiers are given."""
    _private: Any = field(repr=False, compare=False)

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a key must not."""
        raise TypeError("a private key is not pickled: sign where the key is, not in workers")

    def sign(self, data: bytes, /) -> bytes:
        """The signature over `data`, as `KeyHandle.sign` says."""
        return sign_with(self._private, self.public_key, to_be_signed(self.public_key, data))

    def sign_digest(self, digest: bytes, /) -> bytes:
        """The same for data that hashes to `digest`, as `DigestHandle.sign_digest` says."""
        if not hash_of(self.public_key):
            raise SigningError("an Ed25519 key signs data, not its digest")
        return sign_with(self._private, self.public_key, digest)


def read_private_key(
    raw: bytes, password: Password = None, *, environ: Mapping[str, str] | None = None
) -> LocalKey:
    """The private key in a PEM file.

    Read are cosign's encrypted format (both labels), PKCS#8, encrypted PKCS#8, SEC 1
    (`EC PRIVATE KEY`) and PKCS#1 (`RSA PRIVATE KEY`), with keys of ECDSA P-256, P-384 and P-521,
    RSA of 2048 to 8192 bits, and Ed25519.

    Args:
        raw: the file.
        password: of an encrypted file; asked for only then. None: COSIGN_PASSWORD, and else the
            empty one, which cosign's files may have.
        environ: in place of the process' environment.

    Raises:
        SigningError: the password is wrong or missing.
        MalformedDocument: no private key in PEM.
        UnsupportedFormat: an algorithm, curve, size or encryption that is not used here.
    """
    import os

    env = os.environ if environ is None else environ
    label, content, block = read_private_block(raw)
    if label in cosign_file.LABELS:
        secret = resolve_password(password, env)
        private = _load_der(cosign_file.decrypt(content, secret or b""))
    elif label == "OPENSSH PRIVATE KEY":
        raise UnsupportedFormat(
            "this is a key of OpenSSH", hint="convert a copy: ssh-keygen -p -m PKCS8 -f COPY"
        )
    else:
        if label == "ENCRYPTED PRIVATE KEY":
            see_affordable(content)
        private = _load_pem(block, password, env)
    return LocalKey(public_key_of(private), private)


def _load_pem(block: bytes, password: Password, environ: Mapping[str, str]) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    # As in BEGIN ENCRYPTED PRIVATE KEY (RFC 5958), or the header DEK-Info (RFC 1421).
    encrypted = b"ENCRYPTED" in block
    secret = resolve_password(password, environ) if encrypted else None
    if encrypted and not secret:
        raise SigningError(
            "the key file is encrypted, and no password was given",
            hint="give it (password=, COSIGN_PASSWORD)",
        )
    try:
        loaded = serialization.load_pem_private_key(
            block, secret, unsafe_skip_rsa_key_validation=True
        )
        return _validated(loaded)
    except UnsupportedAlgorithm as error:
        raise UnsupportedFormat("the key is of an algorithm that is not known here") from error
    except (ValueError, TypeError) as error:
        if encrypted:
            raise SigningError(
                "the password does not open the key file, or the file is damaged",
                hint="give the one it was made with (password=, COSIGN_PASSWORD)",
            ) from error
        raise MalformedDocument("the private key cannot be read", hint=_EXPECTED) from error


def _load_der(pkcs8: bytes) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        loaded = serialization.load_der_private_key(
            pkcs8, None, unsafe_skip_rsa_key_validation=True
        )
        return _validated(loaded)
    except UnsupportedAlgorithm as error:
        raise UnsupportedFormat("the key is of an algorithm that is not known here") from error
    except (ValueError, TypeError) as error:
        raise MalformedDocument("the key file holds no PKCS#8", hint=_EXPECTED) from error


def _validated(loaded: Any) -> Any:
    """The key, once its numbers are seen to belong together.

    Whether those of RSA are primes takes a minute at 16,384 bits, and hours at what a key file
    has room for: so its size is looked at first.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not isinstance(loaded, rsa.RSAPrivateKey):
        return loaded
    if loaded.key_size > _RSA_BITS:
        raise UnsupportedFormat(
            f"nothing is signed here with an RSA key of {loaded.key_size} bits",
            hint=f"use one of 2048 to {_RSA_BITS} bits",
        )
    return serialization.load_der_private_key(
        loaded.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        None,
    )


_RSA_BITS = 8192
_EXPECTED = "expected a key of cosign (`cosign generate-key-pair`) or openssl (`openssl genpkey`)"
