"""A new key pair, in files that cosign reads too."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import SigningError, UnsupportedFormat
from provenance.signing.keys import cosign_file
from provenance.signing.keys.local import LocalKey
from provenance.signing.keys.passwords import password_bytes
from provenance.signing.keys.pem import write_block
from provenance.signing.keys.schemes import public_key_of

if TYPE_CHECKING:
    from provenance.attestation.public_key import PublicKey

__all__ = ["ALGORITHMS", "KeyPair", "encrypted_pair", "generate_key_pair", "write_key_pair"]

ALGORITHMS = (
    *("ecdsa-p256", "ecdsa-p384", "ecdsa-p521"),
    *("rsa-2048", "rsa-3072", "rsa-4096", "ed25519"),
)
"""What keys are made of. cosign makes the first."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key, encrypted, and its public half."""

    private_pem: bytes = field(repr=False)
    """`ENCRYPTED SIGSTORE PRIVATE KEY`: cosign's format, opened by the password alone."""
    public_key: PublicKey
    """What verifiers are given."""


def generate_key_pair(password: str | bytes, *, algorithm: str = "ecdsa-p256") -> KeyPair:
    """A new key, encrypted with `password` (text as UTF-8; empty as cosign allows it).

    Raises:
        UnsupportedFormat: an algorithm that is none of `ALGORITHMS`.
    """
    return encrypted_pair(_generate(algorithm), password)


def encrypted_pair(key: LocalKey, password: str | bytes) -> KeyPair:
    """A key that was read, in cosign's format: what `cosign import-key-pair` does."""
    from cryptography.hazmat.primitives import serialization

    pkcs8 = key._private.private_bytes(  # noqa: SLF001 - this is where keys leave the process
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    secret = password_bytes(password) if isinstance(password, str) else password
    pem = write_block(cosign_file.LABELS[0], cosign_file.encrypt(pkcs8, secret))
    return KeyPair(pem, key.public_key)


def write_key_pair(pair: KeyPair, prefix: str | Path = "cosign") -> tuple[Path, Path]:
    """Write `PREFIX.key` (readable by its owner alone) and `PREFIX.pub`; returns both paths.

    Neither is ever overwritten, and neither is there half.

    Raises:
        SigningError: one of them is there already, or cannot be written.
    """
    private, public = Path(f"{prefix}.key"), Path(f"{prefix}.pub")
    try:
        for path in (private, public):
            if os.path.lexists(path):
                raise SigningError(
                    f"{path} is there already", hint="name another prefix, or move it away"
                )
        _write(private, pair.private_pem, 0o600)
        try:
            _write(public, pair.public_key.to_pem(), 0o644)
        except BaseException:
            private.unlink()
            raise
    except (OSError, ValueError) as error:
        raise SigningError(
            _unwritten(error, prefix), hint="name another prefix (--output-prefix)"
        ) from error
    return private, public


def _unwritten(error: OSError | ValueError, prefix: str | Path) -> str:
    if isinstance(error, ValueError):  # a NUL, or half a character
        return f"{str(prefix)[:200]!a} is no path"
    return f"{str(prefix)[:200]}.key and .pub cannot be written ({error.strerror})"


def _write(target: Path, data: bytes, mode: int) -> None:
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).chmod(mode)
        os.link(scratch, target)  # fails where something is there by now
    finally:
        with contextlib.suppress(OSError):
            Path(scratch).unlink()


def _generate(algorithm: str) -> LocalKey:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    private: Any
    curves = {
        "ecdsa-p256": ec.SECP256R1(),
        "ecdsa-p384": ec.SECP384R1(),
        "ecdsa-p521": ec.SECP521R1(),
    }
    if algorithm not in ALGORITHMS:
        raise UnsupportedFormat(
            f"keys are not made of {algorithm!r}", hint=f"one of {', '.join(ALGORITHMS)}"
        )
    if algorithm in curves:
        private = ec.generate_private_key(curves[algorithm])
    elif algorithm == "ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(65537, int(algorithm.removeprefix("rsa-")))
    return LocalKey(public_key_of(private), private)
