"""The form in which cosign before version 3 wrote what it signed of a file.

Source: cosign, `pkg/cosign/fetch.go`, `LocalSignedPayload`, and `cmd/cosign/cli/verify`. It has
what the annotations of a layer have: over the file in place of a payload (`sign-blob --bundle`),
or with the envelope in place of a signature (`attest-blob --bundle`).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from provenance.attestation.protobuf_json import Message
from provenance.errors import MalformedDocument
from provenance.strict_json import decode_object
from provenance.verification.layer_signatures import (
    DSSE_MEDIA_TYPE,
    LayerSignature,
    layer_parts,
)

if TYPE_CHECKING:
    from provenance.attestation.bundle_parts import BundleParts

__all__ = ["is_older_bundle", "read_older_bundle"]

_SIGNATURE, _CERTIFICATE, _ENTRY = "base64Signature", "cert", "rekorBundle"
_MOST_VALUES = 100_000  # of JSON, as in a bundle


def is_older_bundle(raw: bytes) -> bool:
    """Whether `raw` is of that form. Raises MalformedDocument, LimitExceeded where it is no JSON.

    A Sigstore bundle says what it is, and is none of these whatever else is in it.
    """
    document = decode_object(raw, values=_MOST_VALUES)
    return _SIGNATURE in document and "mediaType" not in document


def read_older_bundle(raw: bytes) -> BundleParts:
    """Its parts, as a bundle has them; of no version of the bundle's format.

    Raises:
        MalformedDocument: a part is not of its form; the pointer names it.
        UnsupportedFormat: it has a field that is not known.
    """
    document = decode_object(raw, values=_MOST_VALUES)
    message = Message(document).only(_SIGNATURE, _CERTIFICATE, _ENTRY)
    entry = json.dumps(message.value(_ENTRY)) if message.has(_ENTRY) else ""
    beside = {"certificate": _pem(message.text(_CERTIFICATE)), "log_bundle": entry}
    signature = message.data(_SIGNATURE)
    if _is_envelope(signature):  # of `attest-blob`, which has its own
        return layer_parts(LayerSignature(signature, media_type=DSSE_MEDIA_TYPE, **beside))
    return layer_parts(LayerSignature(b"", message.text(_SIGNATURE), **beside))


def _is_envelope(signature: bytes) -> bool:
    """Whether an envelope stands in its place: one signature in 256 has the same first byte."""
    try:
        return signature.decode().startswith("{")
    except UnicodeDecodeError:
        return False


def _pem(text: str) -> str:
    """The certificate in PEM, which is in base64 once more; empty for a key.

    cosign 1 wrote the public key there where a key signed. It is no certificate, and nobody's word
    for which key it was: the verifier names that.
    """
    if text and not text.startswith("-----BEGIN"):
        try:
            text = base64.b64decode(text, validate=True).decode("ascii")
        except (binascii.Error, ValueError) as error:
            raise MalformedDocument("must be base64", pointer=f"/{_CERTIFICATE}") from error
    return "" if text.startswith("-----BEGIN PUBLIC KEY-----") else text
