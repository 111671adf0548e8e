"""`read_statement`: a statement out of whatever carries one. Nothing is verified."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from provenance.attestation.bundle import Bundle
from provenance.attestation.statement import Statement
from provenance.errors import LimitExceeded, MalformedDocument, NotFound, UnsupportedFormat
from provenance.settings import Limits
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from provenance.settings import Limits as _Limits

__all__ = ["read_statement"]


def read_statement(
    source: str | Path | bytes | BinaryIO, *, limits: _Limits | None = None
) -> Statement:
    """The statement in a file: bare, in a DSSE envelope, or in a Sigstore bundle.

    No signature is checked: use `verify` or `verify_bundle` to know who said it.

    Args:
        source: a path, the bytes, or an open binary file.
        limits: `bundle_bytes` applies.

    Raises:
        NotFound: no such file.
        LimitExceeded: too large.
        MalformedDocument: no JSON, or not of the form it claims.
        UnsupportedFormat: a JSON object that carries no statement.
    """
    limits = limits or Limits()
    raw = _read(source, limits.bundle_bytes)
    document = decode_object(raw)
    if "_type" in document:
        return Statement.parse(raw)
    if "payloadType" in document:
        return Statement.parse(_payload(document))
    if "verificationMaterial" in document:
        bundle = Bundle.parse(raw, limits=limits)
        if bundle.content != "dsse":
            raise UnsupportedFormat("the bundle signs bytes, it carries no statement")
        return Statement.parse(bundle.payload)
    raise UnsupportedFormat(
        "no statement, DSSE envelope or Sigstore bundle",
        hint="give the file that cosign attest, gh attestation or provenance attest wrote",
    )


def _payload(envelope: dict[str, Any]) -> bytes:
    payload = envelope.get("payload")
    try:
        return base64.b64decode(payload or "", validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MalformedDocument("must be base64", pointer="/payload") from error


def _read(source: str | Path | bytes | BinaryIO, limit: int) -> bytes:
    if isinstance(source, (str, Path)):
        try:
            with Path(source).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise NotFound(
                f"{source} cannot be read ({error.strerror})", hint="check the path"
            ) from error
    else:
        data = source if isinstance(source, bytes) else source.read(limit + 1)
    if len(data) > limit:
        raise LimitExceeded(
            f"the document has more than {limit} bytes", hint="raise Limits.bundle_bytes"
        )
    return data
