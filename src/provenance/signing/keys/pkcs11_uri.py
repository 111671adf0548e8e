"""PKCS#11 URIs: which key on which token, and how to get at it. Source: RFC 7512.

Read as cosign reads them: a token or slot, and a key's label or id, must be named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from provenance.errors import InvalidReference, UnsupportedFormat

__all__ = ["TokenKey", "parse_pkcs11_uri"]

_MAX = 4096
_PATH = {"token", "manufacturer", "serial", "model", "object", "type", "id", "slot-id"}
_ABOUT_OTHERS = {"library-manufacturer", "library-description", "library-version"}
_ABOUT_SLOTS = {"slot-manufacturer", "slot-description"}
_QUERY = {"module-path", "module-name", "pin-value", "pin-source"}
# RFC 7512 section 2.3: pk11-pchar and pk11-qchar, of which the separators are taken out already.
_VALUE = {
    ";": re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=&-]|%[0-9A-Fa-f]{2})*"),
    "&": re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=/?|-]|%[0-9A-Fa-f]{2})*"),
}
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key on a token behind PKCS#11. The PIN in it is never shown."""

    token: str = ""
    """The token's label; empty: not named."""
    slot: int | None = None
    """The number of its slot."""
    manufacturer: str = ""
    serial: str = ""
    model: str = ""
    label: str = ""
    """The key's label (`object`)."""
    key_id: bytes = b""
    """The key's id (`CKA_ID`); comes before the label."""
    module: str = ""
    """Path of the vendor's library; empty: COSIGN_PKCS11_MODULE_PATH."""
    pin: str = field(default="", repr=False)
    pin_file: str = ""
    """File that the PIN is in (`pin-source`)."""

    def __str__(self) -> str:
        where = f"token={self.token}" if self.token else f"slot-id={self.slot}"
        which = f"id=%{self.key_id.hex('%')}" if self.key_id else f"object={self.label}"
        return f"pkcs11:{where};{which}"


def parse_pkcs11_uri(text: str) -> TokenKey:
    """The key that `text` names.

    Raises:
        InvalidReference: not of RFC 7512, an attribute twice, or no single key is named.
        UnsupportedFormat: a PIN from a program, a module by name, a key that signs nothing.
    """
    if len(text) > _MAX:
        raise InvalidReference(f"a key reference has not {len(text)} characters")
    path, _, query = text.removeprefix("pkcs11:").partition("?")
    named = _attributes(path, ";", _PATH | _ABOUT_OTHERS | _ABOUT_SLOTS)
    how = _attributes(query, "&", _QUERY)
    _refuse_unread(named, how)
    slot = _word(named, "slot-id")
    if slot and not (slot.isascii() and slot.isdigit() and len(slot) < 19):
        raise InvalidReference("slot-id of a pkcs11: reference is no number")
    if not (named.get("object") or named.get("id")) or not (named.get("token") or slot):
        raise InvalidReference(
            "a pkcs11: reference names a token or slot-id, and an object or id",
            hint="expected pkcs11:token=LABEL;object=LABEL?module-path=PATH",
        )
    pin_source = _word(how, "pin-source")
    return TokenKey(
        token=_word(named, "token"),
        slot=int(slot) if slot else None,
        manufacturer=_word(named, "manufacturer"),
        serial=_word(named, "serial"),
        model=_word(named, "model"),
        label=_word(named, "object"),
        key_id=named.get("id", b""),
        module=_word(how, "module-path"),
        pin=_word(how, "pin-value"),
        pin_file=pin_source.removeprefix("file://").removeprefix("file:"),
    )


def _refuse_unread(named: dict[str, bytes], how: dict[str, bytes]) -> None:
    """What is of the RFC, and would change which key is meant were it passed over."""
    if _word(named, "type") not in {"", "private", "public"}:
        raise UnsupportedFormat("a pkcs11: reference to what is no key", hint="type=private")
    if _word(how, "pin-source").startswith("|"):
        raise UnsupportedFormat(
            "pin-source names a program, and none is run", hint="use pin-source=file:/PATH"
        )
    if "module-name" in how and "module-path" not in how:
        raise UnsupportedFormat(
            "module-name is not looked up", hint="give the library's path: module-path=/PATH.so"
        )
    if also := sorted((_ABOUT_OTHERS | _ABOUT_SLOTS) & named.keys()):
        raise UnsupportedFormat(
            f"a pkcs11: reference by {also[0]} is not resolved", hint="name the token"
        )


def _attributes(text: str, separator: str, known: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    # cosign takes either separator in the query.
    parts = re.split("[&;]", text) if separator == "&" else text.split(separator)
    for part in parts if text else ():
        name, equals, value = part.partition("=")
        if not equals or not _NAME.fullmatch(name) or not _VALUE[separator].fullmatch(value):
            # The part itself may be a PIN: it is not repeated.
            raise InvalidReference(
                "a pkcs11: reference has an attribute that is not NAME=VALUE",
                hint="percent-encode what is not a letter, digit or -._~ (RFC 7512)",
            )
        if name in found:
            raise InvalidReference(f"a pkcs11: reference names {name} twice")
        # Attributes that nobody standardised may be there, and mean nothing (RFC 7512, 2.3).
        if name in known:
            found[name] = _decoded(value)
    return found


def _decoded(value: str) -> bytes:
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(value)


def _word(attributes: dict[str, bytes], name: str) -> str:
    try:
        word = attributes.get(name, b"").decode()
    except UnicodeDecodeError:
        raise InvalidReference(f"{name} of a pkcs11: reference is no UTF-8") from None
    if "\0" in word:
        raise InvalidReference(f"{name} of a pkcs11: reference has a NUL in it")
    return word
