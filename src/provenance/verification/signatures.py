"""Signatures by public keys: which algorithms a key may have signed with, and whether it did.

Source: protobuf-specs, `PublicKeyDetails`, and Sigstore's algorithm registry: the key decides
the algorithm and, as a rule, the hash. cosign signs with SHA-256 by any ECDSA key it is given, and
key services with what they are set to, so that each of SHA-2's hashes is tried: a signature over
any of them is the key's word for the same bytes. For Ed25519ph: RFC 8032 section 5.1.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

from provenance.errors import InvalidEvidence, NotEvaluated, UnsupportedFormat
from provenance.verification.content import HASHES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from provenance.verification.content import SignedBytes

__all__ = ["check_signature", "is_log_signature", "signs"]

_USUAL = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_PH_DOMAIN = b"SigEd25519 no Ed25519 collisions\x01\x00"


def check_signature(key: PublicKeyTypes, signature: bytes, signed: SignedBytes) -> None:
    """Raise unless `key` signed.

    Raises:
        InvalidEvidence: step `signature`: it did not.
        UnsupportedFormat: with the digest alone it cannot be told, or the key is of an algorithm
            that nothing is signed with here.
    """
    if signs(key, signature, signed):
        return
    if signed.data is None and not _tells(key, signed):
        raise UnsupportedFormat(
            "a digest alone does not tell whether the signature is over it: the key may have "
            "signed with another hash",
            hint="give the file itself",
        )
    raise InvalidEvidence(
        "the signature is not over these bytes by this key",
        step="signature",
        hint="the bundle is damaged, forged or for something else",
    )


def signs(key: PublicKeyTypes, signature: bytes, signed: SignedBytes) -> bool:
    """Whether `signature` is over `signed` by `key`, with any algorithm of such a key.

    Raises:
        UnsupportedFormat: the key is of an algorithm that nothing is signed with here.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        if signed.data is not None and _accepts(key.verify, signature, signed.data):
            return True
        prehash = signed.hashed("sha512")
        return prehash is not None and _is_ed25519ph(key.public_bytes_raw(), signature, prehash)
    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        raise UnsupportedFormat(
            "the signing key is of an algorithm that is not verified",
            hint="ECDSA, RSA and Ed25519 are",
        )
    for name in _hashes(key):
        digest = signed.hashed(name)
        if digest is not None and any(
            _accepts(key.verify, signature, digest, *scheme) for scheme in _schemes(key, name)
        ):
            return True
    return False


def is_log_signature(key: PublicKeyTypes, details: str, signature: bytes, data: bytes) -> bool:
    """Whether a log signed `data`, with the algorithm that the trust root says it has.

    Of ECDSA with the hash of the curve, or with SHA-256, as Rekor 1 (`pkg/signer`) and certificate
    logs (RFC 6962 section 2.1.4) do on any curve.

    Raises:
        NotEvaluated: an algorithm that is not verified here.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    if isinstance(key, ed25519.Ed25519PublicKey):
        return _accepts(key.verify, signature, data)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _USUAL:
        names = dict.fromkeys((_USUAL[key.curve.name], "sha256"))
        return any(_accepts(key.verify, signature, data, ec.ECDSA(_algorithm(n))) for n in names)
    if isinstance(key, rsa.RSAPublicKey):
        pad: Any = padding.PKCS1v15()
        if "PSS" in details:
            pad = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        return _accepts(key.verify, signature, data, pad, hashes.SHA256())
    raise NotEvaluated(
        f"the trust root has a log whose key, {details[:50]!r}, is not verified here",
        hint="name another trust root",
    )


def _hashes(key: Any) -> Iterator[str]:
    """The usual one first."""
    usual = _USUAL.get(key.curve.name, "sha256") if hasattr(key, "curve") else "sha256"
    yield usual
    yield from (name for name in HASHES if name != usual)


@functools.cache
def _algorithm(name: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[name]


def _schemes(key: Any, name: str) -> Iterator[tuple[Any, ...]]:
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    hashed = Prehashed(_algorithm(name))
    if isinstance(key, ec.EllipticCurvePublicKey):
        yield (ec.ECDSA(hashed),)
        return
    yield padding.PKCS1v15(), hashed
    yield padding.PSS(padding.MGF1(_algorithm(name)), padding.PSS.AUTO), hashed


def _tells(key: PublicKeyTypes, signed: SignedBytes) -> bool:
    """Whether the digest is the one that such a key signs as a rule."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    known = signed.digest.algorithm if signed.digest is not None else ""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return False
    if isinstance(key, ec.EllipticCurvePublicKey):
        return known == _USUAL.get(key.curve.name)
    return known == "sha256"


def _accepts(verify: Any, *arguments: Any) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        verify(*arguments)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_ed25519ph(key: bytes, signature: bytes, prehash: bytes) -> bool:
    """RFC 8032 section 5.1.7 with the flag for a prehash and no context: S·B = R + k·A.

    The cryptography library has no such function, and libsodium's takes the bytes alone; this
    is the same equation in its arithmetic, over public values. Points of small order and
    an S beyond the group's order are refused, as libsodium does.
    """
    from nacl import bindings as sodium
    from nacl.exceptions import CryptoError

    r, s = signature[:32], signature[32:]
    if len(signature) != 64 or int.from_bytes(s, "little") >= _ED25519_ORDER:
        return False
    if not sodium.crypto_core_ed25519_is_valid_point(key):
        return False
    challenge = hashlib.sha512(_PH_DOMAIN + r + key + prehash).digest()
    scalar = sodium.crypto_core_ed25519_scalar_reduce(challenge)
    try:
        left = sodium.crypto_scalarmult_ed25519_base_noclamp(s)
        product = sodium.crypto_scalarmult_ed25519_noclamp(scalar, key)
        return bool(left == sodium.crypto_core_ed25519_add(r, product))
    except (CryptoError, TypeError, RuntimeError):
        return False
