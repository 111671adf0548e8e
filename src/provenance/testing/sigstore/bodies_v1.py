"""Bodies of Rekor v1's entries: what is logged of what was proposed.

Source: sigstore/rekor, `pkg/types/{hashedrekord,dsse,intoto}`: each type checks the signatures of
the proposed content, keeps hashes, signatures and keys of it, and writes that as canonical JSON
(RFC 8785).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from provenance.testing.sigstore.schemes import verify_hashed, verify_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["dsse", "hashedrekord", "intoto_001", "intoto_002", "logged_body", "pae"]


def logged_body(proposed: Mapping[str, Any]) -> bytes:
    """The body for a proposed entry, after the signatures in it were verified.

    Raises ValueError, LookupError, TypeError, AttributeError or InvalidSignature when it is none,
    or is not signed by its keys.
    """
    kind = f"{proposed['kind']} {proposed['apiVersion']}"
    if kind not in _KINDS:
        raise ValueError(f"entries of type {kind} are not logged here")
    return _KINDS[kind](proposed["spec"])


def hashedrekord(digest: bytes, algorithm: str, signature: bytes, key: bytes) -> bytes:
    """`hashedrekord` 0.0.1: a signature over what hashes to `digest`; `key` in PEM."""
    spec = {
        "data": {"hash": {"algorithm": algorithm, "value": digest.hex()}},
        "signature": {"content": _b64(signature), "publicKey": {"content": _b64(key)}},
    }
    return _body("hashedrekord", "0.0.1", spec)


def dsse(envelope: bytes, keys: Iterable[bytes]) -> bytes:
    """`dsse` 0.0.1: hashes of an envelope and of its payload, and each signature with its key.

    `keys` are in PEM, in the order of the envelope's signatures.
    """
    document = json.loads(envelope)
    signatures = [
        {"signature": s["sig"], "verifier": _b64(key)}
        for s, key in zip(document["signatures"], keys, strict=True)
    ]
    spec = {
        "envelopeHash": _hash(envelope),
        "payloadHash": _hash(base64.b64decode(document["payload"])),
        "signatures": sorted(signatures, key=lambda s: str(s["signature"])),
    }
    return _body("dsse", "0.0.1", spec)


def intoto_001(envelope: bytes, key: bytes) -> bytes:
    """`intoto` 0.0.1: hashes of an envelope and of its payload, and the key; no signature."""
    payload = base64.b64decode(json.loads(envelope)["payload"])
    content = {"hash": _hash(envelope), "payloadHash": _hash(payload)}
    return _body("intoto", "0.0.1", {"content": content, "publicKey": _b64(key)})


def intoto_002(envelope: bytes, keys: Iterable[bytes]) -> bytes:
    """`intoto` 0.0.2: an envelope without its payload, whose signatures are in base64 twice."""
    document = json.loads(envelope)
    signatures = [
        {"publicKey": _b64(key), "sig": _b64(s["sig"].encode())}
        | ({"keyid": s["keyid"]} if s.get("keyid") else {})
        for s, key in zip(document["signatures"], keys, strict=True)
    ]
    content = {
        "envelope": {"payloadType": document["payloadType"], "signatures": signatures},
        "hash": _hash(envelope),
        "payloadHash": _hash(base64.b64decode(document["payload"])),
    }
    return _body("intoto", "0.0.2", {"content": content})


def pae(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE envelope's signatures are over (DSSE v1, `protocol.md`)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _log_hashedrekord(spec: Mapping[str, Any]) -> bytes:
    pem, key = _key(spec["signature"]["publicKey"]["content"])
    stated = spec["data"]["hash"]
    digest, algorithm = bytes.fromhex(stated["value"]), stated["algorithm"]
    if len(digest) != hashlib.new(algorithm).digest_size:
        raise ValueError(f"the hash is no {algorithm} hash")
    signature = _unb64(spec["signature"]["content"])
    verify_hashed(key, signature, digest, algorithm)
    return hashedrekord(digest, algorithm, signature, pem)


def _log_dsse(spec: Mapping[str, Any]) -> bytes:
    proposed = spec["proposedContent"]
    envelope = proposed["envelope"].encode()
    return dsse(envelope, _signing_keys(json.loads(envelope), proposed["verifiers"]))


def _log_intoto_001(spec: Mapping[str, Any]) -> bytes:
    envelope = spec["content"]["envelope"].encode()
    (key,) = _signing_keys(json.loads(envelope), [spec["publicKey"]])
    return intoto_001(envelope, key)


def _log_intoto_002(spec: Mapping[str, Any]) -> bytes:
    content = spec["content"]
    given = content["envelope"]
    envelope = {
        "payload": _unb64(given["payload"]).decode(),
        "payloadType": given["payloadType"],
        "signatures": [{"sig": _unb64(s["sig"]).decode()} for s in given["signatures"]],
    }
    _signing_keys(envelope, [s["publicKey"] for s in given["signatures"]])
    # Signatures and hash stay as they were proposed: the log cannot know the envelope's bytes.
    payload = base64.b64decode(envelope["payload"])
    logged = {
        "envelope": {"payloadType": given["payloadType"], "signatures": given["signatures"]},
        "hash": content["hash"],
        "payloadHash": _hash(payload),
    }
    return _body("intoto", "0.0.2", {"content": logged})


_KINDS: dict[str, Callable[[Mapping[str, Any]], bytes]] = {
    "hashedrekord 0.0.1": _log_hashedrekord,
    "dsse 0.0.1": _log_dsse,
    "intoto 0.0.1": _log_intoto_001,
    "intoto 0.0.2": _log_intoto_002,
}


def _signing_keys(envelope: Mapping[str, Any], keys: Iterable[str]) -> list[bytes]:
    """The key, in PEM, of each signature. Raises InvalidSignature where none of them signed."""
    known = [_key(key) for key in keys]
    signed = pae(envelope["payloadType"], base64.b64decode(envelope["payload"]))
    found = []
    for stated in envelope["signatures"]:
        signature = base64.b64decode(stated["sig"])
        found.append(next((pem for pem, key in known if _signs(key, signature, signed)), b""))
    if not found or not all(found):
        raise InvalidSignature("each signature of the envelope needs a key that made it")
    return found


def _signs(key: Any, signature: bytes, signed: bytes) -> bool:
    """Rekor hashes with SHA-256 whatever the curve; cosign signs with the curve's own hash."""
    for algorithm in ("sha256", ""):
        try:
            verify_message(key, signature, signed, algorithm)
        except InvalidSignature:
            continue
        return True
    return False


def _key(encoded: str) -> tuple[bytes, Any]:
    """A certificate or public key in base64 of PEM: as it is logged, and to verify with."""
    pem = _unb64(encoded)
    if b"BEGIN CERTIFICATE" in pem:
        certificate = x509.load_pem_x509_certificate(pem)
        logged = certificate.public_bytes(serialization.Encoding.PEM)
        return logged, certificate.public_key()
    key = serialization.load_pem_public_key(pem)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form), key


def _body(kind: str, version: str, spec: Mapping[str, Any]) -> bytes:
    import rfc8785

    return rfc8785.dumps({"apiVersion": version, "kind": kind, "spec": dict(spec)})


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
