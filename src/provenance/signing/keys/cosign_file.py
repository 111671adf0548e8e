"""cosign's encrypted key file: PEM around JSON around a secret box around PKCS#8.

The key of the box is made of the password by scrypt. Source: go-securesystemslib `encrypted`
(version 0.8), cosign `pkg/cosign/keys.go`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from typing import Any

from provenance.errors import MalformedDocument, SigningError, UnsupportedFormat
from provenance.strict_json import decode_object

__all__ = ["LABELS", "decrypt", "encrypt"]

LABELS = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
"""Of the PEM: what is written now, and what cosign 1 wrote."""

# Each costs 128 * N * r bytes of memory: 32, 64, 128 MiB. The file says how much, so any other
# number could be an attack; these three are what go-securesystemslib ever wrote.
_COSTS = (32_768, 65_536, 131_072)
_WRITTEN = 65_536
_R, _P = 8, 1
_SALT, _NONCE = 32, 24
_SALTS = range(16, 65)


def decrypt(document: bytes, password: bytes) -> bytes:
    """The PKCS#8 (DER) in the JSON of a key file.

    Raises:
        MalformedDocument: not of the format.
        UnsupportedFormat: another key derivation, cipher or cost than cosign writes.
        SigningError: the password is wrong, or the file was changed.
    """
    found = decode_object(document)
    kdf, cipher = _part(found, "kdf"), _part(found, "cipher")
    if (kdf.get("name"), cipher.get("name")) != ("scrypt", "nacl/secretbox"):
        raise UnsupportedFormat(
            "the key file is encrypted in a way that is not known here",
            hint="expected scrypt and nacl/secretbox, as `cosign generate-key-pair` writes them",
        )
    cost = _cost(_part(kdf, "params", "/kdf"))
    salt, nonce = _bytes(kdf, "salt", "/kdf"), _bytes(cipher, "nonce", "/cipher")
    if len(salt) not in _SALTS or len(nonce) != _NONCE:
        raise MalformedDocument("the key file's salt or nonce is of a length that none has")
    return _opened(_box_key(password, salt, cost), nonce, _bytes(found, "ciphertext", ""))


def encrypt(pkcs8: bytes, password: bytes) -> bytes:
    """The JSON of a key file that cosign opens with `password`."""
    from nacl.secret import SecretBox

    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    box = SecretBox(_box_key(password, salt, _WRITTEN))
    document = {
        "kdf": {
            "name": "scrypt",
            "params": {"N": _WRITTEN, "r": _R, "p": _P},
            "salt": _text(salt),
        },
        "cipher": {"name": "nacl/secretbox", "nonce": _text(nonce)},
        "ciphertext": _text(box.encrypt(pkcs8, nonce).ciphertext),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _cost(params: dict[str, Any]) -> int:
    cost = params.get("N")
    known = cost in _COSTS and (params.get("r"), params.get("p")) == (_R, _P)
    if not known or any(isinstance(value, (bool, float)) for value in params.values()):
        raise UnsupportedFormat(
            "the key file asks for scrypt with parameters that cosign never wrote",
            hint=f"N of {', '.join(map(str, _COSTS))}, r = {_R}, p = {_P} are read: others may be "
            "made to exhaust memory",
        )
    return int(params["N"])


def _box_key(password: bytes, salt: bytes, cost: int) -> bytes:
    memory = 128 * cost * _R + (2 << 20)  # OpenSSL counts a little more than RFC 7914
    return hashlib.scrypt(password, salt=salt, n=cost, r=_R, p=_P, maxmem=memory, dklen=32)


def _opened(key: bytes, nonce: bytes, ciphertext: bytes) -> bytes:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        return SecretBox(key).decrypt(ciphertext, nonce)
    except (CryptoError, ValueError) as error:
        raise SigningError(
            "the password does not open the key file",
            hint="give the one it was made with (password=, COSIGN_PASSWORD)",
        ) from error


def _part(parent: dict[str, Any], name: str, at: str = "") -> dict[str, Any]:
    value = parent.get(name)
    if not isinstance(value, dict):
        raise MalformedDocument("the key file lacks a part", pointer=f"{at}/{name}")
    return value


def _bytes(parent: dict[str, Any], name: str, at: str) -> bytes:
    value = parent.get(name)
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass  # said below, of a value of another type too
    raise MalformedDocument("the key file has no base64 there", pointer=f"{at}/{name}")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
