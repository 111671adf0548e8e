"""How keys of every kind sign: the schemes of Sigstore's algorithm registry, by name.

Source: sigstore/protobuf-specs, `sigstore_common.proto` (PublicKeyDetails); RFC 8032 section 5.1
for Ed25519ph.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "default_scheme",
    "hash_of",
    "key_details",
    "new_key",
    "schemes_of",
    "sign",
    "verify_hashed",
    "verify_message",
]

_SCHEMES: tuple[tuple[tuple[type, ...], tuple[str, ...]], ...] = (
    ((ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey), ("ecdsa",)),
    ((rsa.RSAPublicKey, rsa.RSAPrivateKey), ("rsa-pkcs1", "rsa-pss")),
    ((ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey), ("ed25519", "ed25519ph")),
)
_CURVE_HASHES = {256: "sha256", 384: "sha384", 521: "sha512"}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_DOM2 = b"SigEd25519 no Ed25519 collisions\x01\x00"  # RFC 8032 section 2: prehashed, no context
_ORDER = 2**252 + 27742317777372353535851937790883648493
_NEW: dict[str, Callable[[], Any]] = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-3072": lambda: rsa.generate_private_key(65537, 3072),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def new_key(algorithm: str = "ecdsa-p256") -> Any:
    """A private key: `ecdsa-p256`, `-p384`, `-p521`, `rsa-2048`, `-3072`, `-4096` or `ed25519`."""
    return _NEW[algorithm]()


def schemes_of(key: object) -> tuple[str, ...]:
    """How a key of this kind, public or private, can sign; the usual way first."""
    for kinds, schemes in _SCHEMES:
        if isinstance(key, kinds):
            return schemes
    raise TypeError(f"keys of kind {type(key).__name__} sign nothing here")


def default_scheme(key: object) -> str:
    """How a key signs when nothing else is said."""
    return schemes_of(key)[0]


def hash_of(key: Any, scheme: str) -> str:
    """The hash the registry pairs with this key: that of the curve, SHA-512 for Ed25519ph."""
    if scheme == "ecdsa":
        return _CURVE_HASHES[key.key_size]
    return "sha512" if scheme.startswith("ed25519") else "sha256"


def key_details(key: Any, scheme: str) -> str:
    """The registry's name, e.g. `PKIX_ECDSA_P256_SHA_256`."""
    if scheme == "ecdsa":
        return f"PKIX_ECDSA_P{key.key_size}_SHA_{hash_of(key, scheme)[3:]}"
    if scheme.startswith("rsa"):
        kind = "PKCS1V15" if scheme == "rsa-pkcs1" else "PSS"
        return f"PKIX_RSA_{kind}_{key.key_size}_SHA256"
    return "PKIX_ED25519" if scheme == "ed25519" else "PKIX_ED25519_PH"


def sign(key: Any, data: bytes, scheme: str = "") -> bytes:
    """Sign `data`; "" is the key's default scheme."""
    scheme = scheme or default_scheme(key)
    algorithm = _HASHES[hash_of(key, scheme)]
    signature: bytes
    if scheme == "ecdsa":
        signature = key.sign(data, ec.ECDSA(algorithm))
    elif scheme.startswith("rsa"):
        signature = key.sign(data, _padding(scheme), algorithm)
    elif scheme == "ed25519":
        signature = key.sign(data)
    else:
        signature = _sign_ed25519ph(key, data)
    return signature


def verify_message(key: Any, signature: bytes, data: bytes, algorithm: str = "") -> None:
    """Raise InvalidSignature unless `signature` is over `data`, by the key's default scheme.

    `algorithm` names another hash than the key's own; Ed25519 takes none.
    """
    scheme = default_scheme(key)
    if scheme == "ed25519":
        key.verify(signature, data)
        return
    name = algorithm or hash_of(key, scheme)
    verify_hashed(key, signature, hashlib.new(name, data).digest(), name)


def verify_hashed(
    key: Any, signature: bytes, digest: bytes, algorithm: str, scheme: str = ""
) -> None:
    """Raise InvalidSignature unless `signature` is over what hashes to `digest`.

    Ed25519 keys are taken for Ed25519ph: the plain kind needs the whole message.
    """
    scheme = scheme or default_scheme(key)
    hashed = Prehashed(_HASHES[algorithm])
    if scheme == "ecdsa":
        key.verify(signature, digest, ec.ECDSA(hashed))
    elif scheme.startswith("rsa"):
        key.verify(signature, digest, _padding(scheme), hashed)
    elif algorithm == "sha512":
        _verify_ed25519ph(key, signature, digest)
    else:
        raise InvalidSignature("Ed25519ph hashes with SHA-512 alone")


def _padding(scheme: str) -> Any:
    if scheme == "rsa-pkcs1":
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


# Ed25519ph signs, in place of the message, its SHA-512 behind a prefix that holds a flag and a
# context, which here is empty. The prefix enters both hashes, so a library must offer it.


def _sign_ed25519ph(key: ed25519.Ed25519PrivateKey, data: bytes) -> bytes:
    from nacl import bindings

    seed = key.private_bytes_raw()
    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, data)
    secret = seed + key.public_key().public_bytes_raw()
    signature: bytes = bindings.crypto_sign_ed25519ph_final_create(state, secret)
    return signature


def _verify_ed25519ph(key: ed25519.Ed25519PublicKey, signature: bytes, digest: bytes) -> None:
    """RFC 8032 section 5.1.7: [S]B = R + [k]A. libsodium's own check wants the whole message."""
    from nacl import bindings
    from nacl.exceptions import CryptoError

    public = key.public_bytes_raw()
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= _ORDER:
        raise InvalidSignature("no Ed25519 signature")
    first, second = signature[:32], signature[32:]
    challenge = hashlib.sha512(_DOM2 + first + public + digest).digest()
    try:
        factor = bindings.crypto_core_ed25519_scalar_reduce(challenge)
        multiple = bindings.crypto_scalarmult_ed25519_noclamp(factor, public)
        expected = bindings.crypto_core_ed25519_add(first, multiple)
        found = bindings.crypto_scalarmult_ed25519_base_noclamp(second)
    except CryptoError as error:
        raise InvalidSignature("no point of the curve") from error
    if found != expected:
        raise InvalidSignature("not by this key")
