"""From a Sigstore bundle to what cosign before version 3 wrote: a layer and its annotations.

Source: cosign, `pkg/oci/static` (the annotations) and `specs/SIGNATURE_SPEC.md`. Pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, SigningError
from provenance.strict_json import decode_object
from provenance.verification.layer_signatures import (
    DSSE_MEDIA_TYPE,
    SIMPLE_SIGNING_MEDIA_TYPE,
    LayerSignature,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.trust import Trust

__all__ = ["annotations_of", "image_layer", "statement_layer"]

_SIGNATURE = "dev.cosignproject.cosign/signature"
_PREFIX = "dev.sigstore.cosign/"


def image_layer(bundle: bytes, payload: bytes, trust: Trust) -> LayerSignature:
    """The layer of a `.sig` manifest: a simple-signing payload, and a bundle that signs it.

    Raises:
        MalformedDocument: the bundle signs no bytes.
    """
    document = decode_object(bundle)
    signature = document.get("messageSignature")
    if not isinstance(signature, dict) or not isinstance(signature.get("signature"), str):
        raise MalformedDocument("the bundle has no signature over bytes")
    return LayerSignature(
        payload,
        signature["signature"],
        **_material(document, trust),
        media_type=SIMPLE_SIGNING_MEDIA_TYPE,
    )


def statement_layer(bundle: bytes, trust: Trust) -> LayerSignature:
    """The layer of an `.att` manifest: the DSSE envelope of a bundle.

    Raises:
        MalformedDocument: the bundle has no envelope.
        SigningError: its log entry is for another spelling of the envelope, which older
            verifiers compare byte by byte.
    """
    document = decode_object(bundle)
    envelope = document.get("dsseEnvelope")
    if not isinstance(envelope, dict) or not isinstance(envelope.get("signatures"), list):
        raise MalformedDocument("the bundle has no envelope")
    # The bundle's timestamp is over the signature, and cosign's older form wants one over the
    # whole envelope (cosign, `cmd/cosign/cli/attest/attest.go`): the log's promise has the time.
    material = _material(document, trust) | {"timestamp": ""}
    wanted = _logged_envelope(document)
    for raw in _spellings(envelope):
        if not wanted or hashlib.sha256(raw).hexdigest() == wanted:
            return LayerSignature(raw, **material, media_type=DSSE_MEDIA_TYPE)
    raise SigningError(
        "the log holds the envelope in a spelling that is not known here",
        hint='write layout="bundle" alone, which needs no spelling',
    )


def annotations_of(layer: LayerSignature, predicate_type: str = "") -> dict[str, str]:
    """The annotations of a layer, as cosign names them; an empty certificate has no chain."""
    said = {_SIGNATURE: layer.signature}
    if layer.certificate:
        said |= {f"{_PREFIX}certificate": layer.certificate, f"{_PREFIX}chain": layer.chain}
    if layer.log_bundle:
        said[f"{_PREFIX}bundle"] = layer.log_bundle
    if layer.timestamp:
        said[f"{_PREFIX}rfc3161timestamp"] = layer.timestamp
    if predicate_type:
        said["predicateType"] = predicate_type
    return said


def _material(document: Mapping[str, Any], trust: Trust) -> dict[str, str]:
    """Certificate, chain, the log's promise and a timestamp, each in cosign's form."""
    material = document.get("verificationMaterial") or {}
    leaf = _der(material)
    return {
        "certificate": _pem(leaf) if leaf else "",
        "chain": "".join(_pem(der) for der in _chain(leaf, trust)) if leaf else "",
        "log_bundle": _promise(material),
        "timestamp": _timestamp(material),
    }


def _der(material: Mapping[str, Any]) -> bytes:
    one = material.get("certificate")
    if one is None:
        listed = (material.get("x509CertificateChain") or {}).get("certificates") or [{}]
        one = listed[0]
    return _bytes(one.get("rawBytes") or "")


def _chain(leaf: bytes, trust: Trust) -> tuple[bytes, ...]:
    """The certificates above the signer's: those of the authority that issued it."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    certificate = x509.load_der_x509_certificate(leaf)
    for authority in trust.material.certificate_authorities:
        issuer = x509.load_der_x509_certificate(authority.certificates[0])
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            continue
        return authority.certificates
    return ()


def _promise(material: Mapping[str, Any]) -> str:
    """The first promise of a log to include the entry (Rekor v1); a log of tiles makes none."""
    for entry in material.get("tlogEntries") or ():
        promise = (entry.get("inclusionPromise") or {}).get("signedEntryTimestamp")
        if promise:
            payload = {
                "body": entry["canonicalizedBody"],
                "integratedTime": int(entry.get("integratedTime") or 0),
                "logIndex": int(entry.get("logIndex") or 0),
                "logID": _bytes((entry.get("logId") or {}).get("keyId") or "").hex(),
            }
            return _json({"SignedEntryTimestamp": promise, "Payload": payload}).decode()
    return ""


def _timestamp(material: Mapping[str, Any]) -> str:
    listed = (material.get("timestampVerificationData") or {}).get("rfc3161Timestamps") or ()
    if not listed:
        return ""
    return _json({"SignedRFC3161Timestamp": listed[0]["signedTimestamp"]}).decode()


def _logged_envelope(document: Mapping[str, Any]) -> str:
    """The hash of the envelope that the promised entry is for, if it is of a kind that has one."""
    for entry in (document.get("verificationMaterial") or {}).get("tlogEntries") or ():
        if not (entry.get("inclusionPromise") or {}).get("signedEntryTimestamp"):
            continue
        body = decode_object(_bytes(entry.get("canonicalizedBody") or ""))
        if body.get("kind") == "dsse":
            return str(((body.get("spec") or {}).get("envelopeHash") or {}).get("value") or "")
    return ""


def _spellings(envelope: Mapping[str, Any]) -> Iterator[bytes]:
    """The envelope as cosign spells it, and as other clients do that a log may have it from."""
    payload, payload_type = envelope["payload"], envelope["payloadType"]
    signatures = [dict(s) for s in envelope["signatures"]]
    plain = [{k: v for k, v in s.items() if k != "keyid" or v} for s in signatures]
    named = [{"sig": s["sig"], "keyid": s.get("keyid", "")} for s in signatures]
    first = [{"keyid": s.get("keyid", ""), "sig": s["sig"]} for s in signatures]
    for listed in (plain, named, first):
        yield _json({"payload": payload, "payloadType": payload_type, "signatures": listed})
        yield _json({"payloadType": payload_type, "payload": payload, "signatures": listed})
        yield json.dumps(
            {"payload": payload, "payloadType": payload_type, "signatures": listed}
        ).encode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedDocument("must be base64") from error


def _pem(der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
