"""`TrustMaterial`: the keys and certificates of a trust root, as values.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, in its JSON form.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, UnsupportedFormat
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Authority", "Log", "TrustMaterial", "Validity", "read_material", "read_validity"]

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_MAX_PARTS = 1000


@dataclass(frozen=True, slots=True)
class Validity:
    """A span of time; both ends belong to it, as the specification of the trust root says."""

    start: dt.datetime | None = None
    """None: since ever."""
    end: dt.datetime | None = None
    """None: still."""

    def covers(self, moment: dt.datetime) -> bool:
        """Whether `moment` (aware) lies inside."""
        return (self.start is None or self.start <= moment) and (
            self.end is None or moment <= self.end
        )


@dataclass(frozen=True, slots=True)
class Log:
    """A transparency log: Rekor, or one of certificates."""

    url: str
    """Where it is, or was; the origin of a tiled log is its host name."""
    key: bytes = field(repr=False)
    """The public key as DER: SubjectPublicKeyInfo, or PKCS#1 where `key_details` says so."""
    key_details: str
    """Algorithm in the words of protobuf-specs, e.g. `PKIX_ECDSA_P256_SHA_256`."""
    log_id: bytes = field(repr=False)
    """As entries and certificate timestamps name it."""
    validity: Validity
    checkpoint_key_id: bytes = field(default=b"", repr=False)
    """Of newer roots: the key id of its checkpoints; empty where `log_id` is that."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate or timestamp authority."""

    certificates: tuple[bytes, ...] = field(repr=False)
    """Its chain in DER, the root last."""
    uri: str
    validity: Validity


@dataclass(frozen=True, slots=True)
class TrustMaterial:
    """Everything that a trust root says."""

    logs: tuple[Log, ...]
    """Of signatures (Rekor)."""
    certificate_logs: tuple[Log, ...]
    certificate_authorities: tuple[Authority, ...]
    timestamp_authorities: tuple[Authority, ...]


@functools.lru_cache(maxsize=16)
def read_material(raw: bytes) -> TrustMaterial:
    """What a trust root in JSON lists. Parsed once for the same bytes.

    Raises:
        MalformedDocument: a part is not of its form; the pointer names it.
        UnsupportedFormat: a field in protobuf's original spelling (`valid_for`), which other
            readers take: passed over, an end of trust would be none.
    """
    document = decode_object(raw)
    _refuse_original_names(document, "")
    return TrustMaterial(
        logs=tuple(_log(p, at) for p, at in _parts(document, "tlogs")),
        certificate_logs=tuple(_log(p, at) for p, at in _parts(document, "ctlogs")),
        certificate_authorities=tuple(
            _authority(p, at) for p, at in _parts(document, "certificateAuthorities")
        ),
        timestamp_authorities=tuple(
            _authority(p, at) for p, at in _parts(document, "timestampAuthorities")
        ),
    )


def _refuse_original_names(value: Any, at: str) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if "_" in name:
                raise UnsupportedFormat(
                    f"the field {name[:50]!r} of the trust root is not spelled as JSON spells it "
                    f"(at {at or '/'})",
                    hint="convert it: protobuf's JSON names are in lowerCamelCase",
                )
            _refuse_original_names(inner, f"{at}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _refuse_original_names(inner, f"{at}/{number}")


def _parts(document: Mapping[str, Any], name: str) -> list[tuple[Mapping[str, Any], str]]:
    parts = document.get(name) or []
    if not isinstance(parts, list) or len(parts) > _MAX_PARTS:
        raise MalformedDocument("must be an array", pointer=f"/{name}")
    return [(_object(p, f"/{name}/{i}"), f"/{name}/{i}") for i, p in enumerate(parts)]


def _log(part: Mapping[str, Any], at: str) -> Log:
    key = _object(part.get("publicKey"), f"{at}/publicKey")
    log_id = _object(part.get("logId"), f"{at}/logId")
    checkpoint_id = part.get("checkpointKeyId")
    if key.get("validFor") is None:
        # Of logs, sigstore-go asks for it, too: without an end of trust a stolen key has none.
        raise MalformedDocument("must have a start", pointer=f"{at}/publicKey/validFor")
    return Log(
        url=_text(part.get("baseUrl") or "", f"{at}/baseUrl"),
        key=_bytes(key.get("rawBytes"), f"{at}/publicKey/rawBytes"),
        key_details=_text(key.get("keyDetails"), f"{at}/publicKey/keyDetails"),
        log_id=_bytes(log_id.get("keyId"), f"{at}/logId/keyId"),
        validity=read_validity(key.get("validFor"), f"{at}/publicKey/validFor"),
        checkpoint_key_id=b""
        if checkpoint_id is None
        else _bytes(
            _object(checkpoint_id, f"{at}/checkpointKeyId").get("keyId"),
            f"{at}/checkpointKeyId/keyId",
        ),
    )


def _authority(part: Mapping[str, Any], at: str) -> Authority:
    chain = _object(part.get("certChain"), f"{at}/certChain").get("certificates")
    where = f"{at}/certChain/certificates"
    if not isinstance(chain, list) or not 0 < len(chain) <= _MAX_PARTS:
        raise MalformedDocument("must be an array of certificates", pointer=where)
    return Authority(
        certificates=tuple(
            _bytes(_object(c, f"{where}/{i}").get("rawBytes"), f"{where}/{i}/rawBytes")
            for i, c in enumerate(chain)
        ),
        uri=_text(part.get("uri") or "", f"{at}/uri"),
        validity=read_validity(part.get("validFor"), f"{at}/validFor"),
    )


def read_validity(part: Any, at: str) -> Validity:
    """A TimeRange in its JSON form; `at` points to it. Raises MalformedDocument."""
    if part is None:
        return Validity()
    span = _object(part, at)
    return Validity(
        _moment(span.get("start"), f"{at}/start"), _moment(span.get("end"), f"{at}/end")
    )


def _moment(text: Any, at: str) -> dt.datetime | None:
    if text is None:
        return None
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise MalformedDocument("must be an RFC 3339 time", pointer=at)
    seconds, fraction, zone = found.groups()
    try:
        moment = dt.datetime.fromisoformat(seconds + ("+00:00" if zone == "Z" else zone))
        micro = int((fraction or "").ljust(9, "0")[:6] or 0)
        return moment.replace(microsecond=micro).astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedDocument("must be an RFC 3339 time", pointer=at) from error


def _object(part: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(part, dict):
        raise MalformedDocument("must be an object", pointer=at)
    return part


def _text(part: Any, at: str) -> str:
    if not isinstance(part, str):
        raise MalformedDocument("must be a string", pointer=at)
    return part


def _bytes(part: Any, at: str) -> bytes:
    try:
        data = base64.b64decode(_text(part, at), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedDocument("must be base64", pointer=at) from error
    if not data:
        raise MalformedDocument("must not be empty", pointer=at)
    return data
