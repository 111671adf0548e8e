"""Keys on tokens behind PKCS#11, through python-pkcs11 (extra `hsm`).

Source: PKCS#11 2.40 (CKM_ECDSA: two numbers side by side over a digest; CKM_RSA_PKCS over a
DigestInfo), RFC 8017 section 9.2; cosign `pkg/cosign/pkcs11key`, whose variables are read too:
COSIGN_PKCS11_MODULE_PATH, COSIGN_PKCS11_PIN.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.attestation.public_key import PublicKey
from provenance.errors import (
    NotEvaluated,
    NotFound,
    SigningError,
    Unauthorized,
    UnsupportedFormat,
)
from provenance.signing.keys.services import ServiceKey, needed
from provenance.transport.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from provenance.signing.keys.pkcs11_uri import TokenKey

__all__ = ["open_token_key", "read_token_key"]

_SIZES = {"ecdsa-p256": 32, "ecdsa-p384": 48, "ecdsa-p521": 66}
# DER of DigestInfo up to the 32 bytes of a SHA-256 (RFC 8017, section 9.2, note 1).
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_PIN_BYTES = 1024
# A login is the process' and not the session's: two at once would be refused.
_LOCK = Lock()


def open_token_key(
    reference: TokenKey, environ: Mapping[str, str], ask_pin: Callable[[], str] | None = None
) -> ServiceKey:
    """A key on a token, to sign with. Each signature logs in, signs and logs out.

    Args:
        reference: which.
        environ: COSIGN_PKCS11_MODULE_PATH and COSIGN_PKCS11_PIN, for what it does not say.
        ask_pin: asked once where there is no PIN anywhere.

    Raises:
        UnsupportedFormat: python-pkcs11 is not installed, or a kind of key not used here.
        NotEvaluated, NotFound, Unauthorized: no module, token, key or PIN.
    """
    token = _Token(reference, environ)
    pin = _pin(reference, environ) or (ask_pin() if ask_pin else "")
    if not pin:
        raise Unauthorized(
            f"{reference} needs a PIN", hint="set COSIGN_PKCS11_PIN, or use pin-source=file:/PATH"
        )
    with _translated(reference), token.session(pin) as session:
        public = _public(session, reference)
        _private(session, reference)

    def ask(digest: bytes) -> bytes:
        with _translated(reference), token.session(pin) as session:
            return _sign(_private(session, reference), public, digest)

    return ServiceKey(public, str(reference), ask)


def read_token_key(reference: TokenKey, environ: Mapping[str, str]) -> PublicKey:
    """The public half of a key on a token; without a PIN, unless the token hides it.

    Raises:
        UnsupportedFormat: python-pkcs11 is not installed, or a kind of key not used here.
        NotEvaluated, NotFound: no module, token or key.
    """
    pin = _pin(reference, environ) or None
    with _translated(reference), _Token(reference, environ).session(pin) as session:
        return _public(session, reference)


class _Token:
    """The token that a reference names."""

    def __init__(self, reference: TokenKey, environ: Mapping[str, str]) -> None:
        self._reference = reference
        module = reference.module or environ.get("COSIGN_PKCS11_MODULE_PATH") or ""
        if not module or not Path(module).is_absolute() or not Path(module).is_file():
            raise NotEvaluated(
                f"{module[:300] or 'nothing'} is no path of a PKCS#11 module",
                hint="name the vendor's library: module-path=/PATH.so, COSIGN_PKCS11_MODULE_PATH",
            )
        self._module = module
        self._pkcs11 = needed("pkcs11", "hsm")

    @contextmanager
    def session(self, pin: str | None) -> Iterator[Any]:
        _see_text(pin or "", self._reference)
        with _LOCK:
            library = self._pkcs11.lib(self._module)
            with self._find(library).open(user_pin=pin) as session:
                yield session

    def _find(self, library: Any) -> Any:
        found = [
            token
            for slot in library.get_slots(token_present=True)
            for token in (slot.get_token(),)
            if self._is_meant(slot, token)
        ]
        if not found:
            raise NotFound(f"no token is that of {self._reference}", hint="is it plugged in?")
        if len(found) > 1:
            raise NotEvaluated(
                f"{len(found)} tokens are that of {self._reference}", hint="add serial= or slot-id="
            )
        return found[0]

    def _is_meant(self, slot: Any, token: Any) -> bool:
        meant = self._reference
        if meant.slot is not None and slot.slot_id != meant.slot:
            return False
        told = (
            (meant.token, token.label),
            (meant.manufacturer, token.manufacturer_id),
            (meant.serial, token.serial),
            (meant.model, token.model),
        )
        return all(not wanted or wanted == _padded(is_so) for wanted, is_so in told)


def _padded(value: str | bytes) -> str:
    """A field of a token, which ends in blanks or NULs."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.rstrip(" \0")


def _pin(reference: TokenKey, environ: Mapping[str, str]) -> str:
    if reference.pin:
        return reference.pin
    if reference.pin_file:
        try:
            return Path(reference.pin_file).read_bytes()[:_PIN_BYTES].decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Unauthorized(
                f"the PIN in {reference.pin_file} cannot be read", hint="check pin-source"
            ) from error
    return environ.get("COSIGN_PKCS11_PIN") or ""


def _see_text(pin: str, reference: TokenKey) -> None:
    """PINs are UTF-8 (PKCS#11 2.40, CK_UTF8CHAR): of others the library's error holds them."""
    try:
        pin.encode()
    except UnicodeEncodeError:
        raise Unauthorized(
            f"the PIN of {reference} is not in UTF-8", hint="check COSIGN_PKCS11_PIN"
        ) from None


def _objects(session: Any, reference: TokenKey, kind: str) -> list[Any]:
    pkcs11 = needed("pkcs11", "hsm")
    wanted: dict[Any, Any] = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass[kind]}
    if reference.key_id:  # as cosign: the label is not looked at then
        wanted[pkcs11.Attribute.ID] = reference.key_id
    else:
        wanted[pkcs11.Attribute.LABEL] = reference.label
    return list(session.get_objects(wanted))


def _private(session: Any, reference: TokenKey) -> Any:
    found = _objects(session, reference, "PRIVATE_KEY")
    if len(found) != 1:
        raise NotFound(
            f"the token has {len(found)} private keys that are {reference}",
            hint="name one by its id" if found else "check object and id (pkcs11-tool -O)",
        )
    return found[0]


def _public(session: Any, reference: TokenKey) -> PublicKey:
    pkcs11 = needed("pkcs11", "hsm")
    ways = {
        pkcs11.KeyType.EC: needed("pkcs11.util.ec", "hsm").encode_ec_public_key,
        pkcs11.KeyType.RSA: needed("pkcs11.util.rsa", "hsm").encode_rsa_public_key,
    }
    found = _objects(session, reference, "PUBLIC_KEY")
    if len(found) != 1:
        raise NotFound(
            f"the token has {len(found)} public keys that are {reference}",
            hint="name one by its id" if found else "put the public half on the token, or check it",
        )
    kind = found[0].key_type
    if kind not in ways:
        raise UnsupportedFormat(f"{reference} is of a kind that is not used here", hint="EC, RSA")
    encoded = ways[kind](found[0])
    if kind == pkcs11.KeyType.RSA:
        return PublicKey.parse(_spki(encoded))
    return PublicKey.parse(encoded)


def _spki(pkcs1: bytes) -> bytes:
    from asn1crypto.keys import PublicKeyInfo, RSAPublicKey

    info: bytes = PublicKeyInfo.wrap(RSAPublicKey.load(pkcs1), "rsa").dump()
    return info


def _sign(private: Any, public: PublicKey, digest: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    mechanisms = needed("pkcs11", "hsm").Mechanism
    if public.algorithm.startswith("rsa"):
        signed: bytes = private.sign(_SHA256_INFO + digest, mechanism=mechanisms.RSA_PKCS)
        return signed
    raw = private.sign(digest, mechanism=mechanisms.ECDSA)
    size = _SIZES[public.algorithm]
    if len(raw) != 2 * size:
        raise SigningError("the token gave no signature of this curve", hint="do not use it")
    r, s = raw[:size], raw[size:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


@contextmanager
def _translated(reference: TokenKey) -> Iterator[None]:
    """The module's errors as ours."""
    pkcs11 = needed("pkcs11", "hsm")
    errors = pkcs11.exceptions
    try:
        yield
    except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange) as error:
        raise Unauthorized(
            f"the PIN of {reference} is not right", hint="a token locks itself after a few"
        ) from error
    except errors.PinLocked as error:
        raise Unauthorized(f"the PIN of {reference} is locked", hint="unlock it") from error
    except errors.PKCS11Error as error:
        raise NotEvaluated(
            f"the token of {reference} refuses ({type(error).__name__})",
            hint="check the module, the token and what the key may be used for",
        ) from error
