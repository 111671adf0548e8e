"""`BundleParts`: what a bundle brings to be verified, as values. Nothing here is verified.

Source: sigstore/protobuf-specs, `sigstore_bundle.proto`, `sigstore_rekor.proto` and
`sigstore_common.proto`; DSSE v1.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.attestation.protobuf_json import Message
from provenance.errors import MalformedDocument
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from provenance.attestation.bundle import Bundle

__all__ = [
    "BundleParts",
    "Envelope",
    "InclusionProof",
    "LoggedEntry",
    "MessageSignature",
    "read_envelope",
    "read_parts",
]

_MOST_ENTRIES = _MOST_TIMESTAMPS = _MOST_SIGNATURES = 32
_MOST_CERTIFICATES = 10
_MOST_HASHES = 64
_WITHOUT_CHAIN = "0.3"
_VERIFIERS = {
    "publicKey": ("hint",),
    "x509CertificateChain": ("certificates",),
    "certificate": ("rawBytes",),
}
_MATERIAL = (*_VERIFIERS, "tlogEntries", "timestampVerificationData")
_ALGORITHMS = {
    "SHA2_256": "sha256",
    "SHA2_384": "sha384",
    "SHA2_512": "sha512",
    "SHA3_256": "sha3_256",
    "SHA3_384": "sha3_384",
}
_PROMISE = "signedEntryTimestamp"
_ENTRY = (
    *("logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise"),
    *("inclusionProof", "canonicalizedBody"),
)


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry is in a tree of a log."""

    index: int
    """Of the entry in the tree."""
    tree_size: int
    root: bytes = field(repr=False)
    hashes: tuple[bytes, ...] = field(repr=False)
    checkpoint: str = field(repr=False)
    """The log's signed note about the tree; empty where there is none."""


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry of a transparency log, with what shall prove it."""

    index: int
    """As stated beside the proof: of the whole log, where Rekor v1 counts across its trees."""
    log_id: bytes = field(repr=False)
    kind: str
    version: str
    body: bytes = field(repr=False)
    integrated_time: int = 0
    """Seconds of the Unix epoch; 0: none is stated."""
    promise: bytes = field(default=b"", repr=False)
    """The log's signature over body, time and index (Rekor v1)."""
    proof: InclusionProof | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A DSSE envelope."""

    payload_type: str
    payload: bytes = field(repr=False)
    signatures: tuple[bytes, ...] = field(repr=False)
    raw: bytes = field(default=b"", repr=False)
    """The envelope's own bytes, where it was a document by itself; else empty."""

    @property
    def signed(self) -> bytes:
        """What the signatures are over: DSSE's pre-authentication encoding."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """A signature over bytes that the bundle does not have."""

    signature: bytes = field(repr=False)
    algorithm: str = ""
    """Of the stated digest: `sha256`, `sha384`, `sha512`, `sha3_256` or `sha3_384`."""
    digest: bytes = field(default=b"", repr=False)
    """Stated, for finding the artifact; empty where none is."""


Content: TypeAlias = Envelope | MessageSignature


@dataclass(frozen=True, slots=True)
class BundleParts:
    """Everything a bundle brings."""

    version: str
    """Of the bundle's format: `0.1`, `0.2` or `0.3`; empty for cosign's annotations."""
    content: Content
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """In DER, the signer's first; empty: signed by a key."""
    key_hint: str = ""
    """What the bundle says of the key."""
    entries: tuple[LoggedEntry, ...] = ()
    timestamps: tuple[bytes, ...] = field(default=(), repr=False)
    """RFC 3161 responses in DER."""

    @property
    def signatures(self) -> tuple[bytes, ...]:
        """One, or those of an envelope."""
        if isinstance(self.content, Envelope):
            return self.content.signatures
        return (self.content.signature,)

    def stamped(self, signature: bytes) -> bytes:
        """What a timestamp is over: the signature; of cosign's attestations, the whole envelope."""
        return (isinstance(self.content, Envelope) and self.content.raw) or signature

    def to_json(self) -> bytes:
        """A bundle with these parts and no other, each in one spelling."""
        material: dict[str, Any] = {"tlogEntries": [_entry_json(e) for e in self.entries]}
        shown = [{"rawBytes": _b64(c)} for c in self.certificates]
        if not shown:
            material["publicKey"] = {"hint": self.key_hint}
        elif self.version == _WITHOUT_CHAIN:
            material["certificate"] = shown[0]
        else:
            material["x509CertificateChain"] = {"certificates": shown}
        if self.timestamps:
            stamps = [{"signedTimestamp": _b64(t)} for t in self.timestamps]
            material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
        document = {
            "mediaType": f"application/vnd.dev.sigstore.bundle+json;version={self.version}",
            "verificationMaterial": material,
        } | _content_json(self.content)
        return json.dumps(document, separators=(",", ":")).encode()


def read_parts(bundle: Bundle) -> BundleParts:
    """The parts of a bundle.

    Raises:
        MalformedDocument: a part is not of its form, is there in two spellings, or excludes
            another that is there; the pointer names it.
        UnsupportedFormat: a part has a field that is not known. Beside the parts, at the top, one
            is let be.
        LimitExceeded: more entries, timestamps, signatures or certificates than anybody needs.
    """
    document = Message(decode_object(bundle.raw))
    material = document.message("verificationMaterial").only(*_MATERIAL)
    stamps = material.value("timestampVerificationData")
    at = material.pointer("timestampVerificationData")
    timestamps = (
        ()
        if stamps is None
        else Message.of(stamps, at)
        .only("rfc3161Timestamps")
        .messages("rfc3161Timestamps", _MOST_TIMESTAMPS)
    )
    certificates, hint = _verifier(material, bundle.version)
    return BundleParts(
        bundle.version,
        _content(document),
        certificates,
        hint,
        tuple(_entry(e) for e in material.messages("tlogEntries", _MOST_ENTRIES)),
        tuple(_needed(t.only("signedTimestamp"), "signedTimestamp") for t in timestamps),
    )


def _content(document: Message) -> Content:
    if not document.has("dsseEnvelope"):
        signature = document.message("messageSignature").only("messageDigest", "signature")
        if not signature.has("messageDigest"):
            return MessageSignature(_needed(signature, "signature"))
        stated = signature.message("messageDigest").only("algorithm", "digest")
        spelled = stated.text("algorithm")
        if spelled not in _ALGORITHMS:
            raise MalformedDocument("must name a hash", pointer=stated.pointer("algorithm"))
        digest = stated.data("digest")
        return MessageSignature(_needed(signature, "signature"), _ALGORITHMS[spelled], digest)
    return read_envelope(document.message("dsseEnvelope"))


def read_envelope(envelope: Message, raw: bytes = b"") -> Envelope:
    """A DSSE envelope; `raw` are its bytes, where it is a document by itself.

    Raises:
        MalformedDocument, UnsupportedFormat: as `read_parts` does.
    """
    envelope.only("payload", "payloadType", "signatures")
    signatures = envelope.messages("signatures", _MOST_SIGNATURES)
    return Envelope(
        envelope.text("payloadType"),
        envelope.data("payload"),
        tuple(_needed(s.only("sig", "keyid"), "sig") for s in signatures),
        raw,
    )


def _verifier(material: Message, version: str) -> tuple[tuple[bytes, ...], str]:
    """Certificates, or the hint of a key."""
    kinds = [kind for kind in _VERIFIERS if material.has(kind)]
    if len(kinds) != 1:
        raise MalformedDocument(
            f"must have one of publicKey, x509CertificateChain and certificate, has {len(kinds)}",
            pointer=material.at,
        )
    part = material.message(kinds[0]).only(*_VERIFIERS[kinds[0]])
    if kinds[0] == "publicKey":
        return (), part.text("hint")
    if (kinds[0] == "certificate") != (version == _WITHOUT_CHAIN):
        raise MalformedDocument(f"a bundle of version {version} has no {kinds[0]}", pointer=part.at)
    if kinds[0] == "certificate":
        return (_needed(part, "rawBytes"),), ""
    chain = part.messages("certificates", _MOST_CERTIFICATES)
    if not chain:
        raise MalformedDocument("must not be empty", pointer=part.pointer("certificates"))
    return tuple(_needed(c.only("rawBytes"), "rawBytes") for c in chain), ""


def _entry(entry: Message) -> LoggedEntry:
    entry.only(*_ENTRY)
    kind = entry.message("kindVersion").only("kind", "version")
    promise = entry.message("inclusionPromise") if entry.has("inclusionPromise") else None
    proof = entry.message("inclusionProof") if entry.has("inclusionProof") else None
    return LoggedEntry(
        entry.number("logIndex"),
        _needed(entry.message("logId").only("keyId"), "keyId"),
        kind.text("kind"),
        kind.text("version"),
        _needed(entry, "canonicalizedBody"),
        entry.number("integratedTime"),
        # One without a signature is none: protobuf's JSON has no other word for empty bytes.
        promise.only(_PROMISE).data(_PROMISE) if promise else b"",
        _proof(proof) if proof else None,
    )


def _proof(proof: Message) -> InclusionProof:
    proof.only("logIndex", "rootHash", "treeSize", "hashes", "checkpoint")
    hashes = proof.value("hashes") or []
    at = proof.pointer("hashes")
    if not isinstance(hashes, list) or len(hashes) > _MOST_HASHES:
        raise MalformedDocument(f"must be an array of at most {_MOST_HASHES} hashes", pointer=at)
    listed = Message({str(i): h for i, h in enumerate(hashes)}, at)
    checkpoint = ""
    if proof.has("checkpoint"):
        checkpoint = proof.message("checkpoint").only("envelope").text("envelope")
    return InclusionProof(
        proof.number("logIndex"),
        proof.number("treeSize"),
        _needed(proof, "rootHash"),
        tuple(_needed(listed, str(i)) for i in range(len(hashes))),
        checkpoint,
    )


def _needed(message: Message, name: str) -> bytes:
    data = message.data(name)
    if not data:
        raise MalformedDocument("must not be empty", pointer=message.pointer(name))
    return data


def _entry_json(entry: LoggedEntry) -> dict[str, Any]:
    out: dict[str, Any] = {
        "logIndex": str(entry.index),
        "logId": {"keyId": _b64(entry.log_id)},
        "kindVersion": {"kind": entry.kind, "version": entry.version},
        "canonicalizedBody": _b64(entry.body),
    }
    if entry.integrated_time:
        out["integratedTime"] = str(entry.integrated_time)
    if entry.promise:
        out["inclusionPromise"] = {"signedEntryTimestamp": _b64(entry.promise)}
    if entry.proof is not None:
        out["inclusionProof"] = {
            "logIndex": str(entry.proof.index),
            "treeSize": str(entry.proof.tree_size),
            "rootHash": _b64(entry.proof.root),
            "hashes": [_b64(h) for h in entry.proof.hashes],
        }
        if entry.proof.checkpoint:
            out["inclusionProof"]["checkpoint"] = {"envelope": entry.proof.checkpoint}
    return out


def _content_json(content: Content) -> dict[str, Any]:
    if isinstance(content, Envelope):
        return {
            "dsseEnvelope": {
                "payload": _b64(content.payload),
                "payloadType": content.payload_type,
                "signatures": [{"sig": _b64(s)} for s in content.signatures],
            }
        }
    message: dict[str, Any] = {"signature": _b64(content.signature)}
    if content.digest:
        stated = next(k for k, name in _ALGORITHMS.items() if name == content.algorithm)
        message["messageDigest"] = {"algorithm": stated, "digest": _b64(content.digest)}
    return {"messageSignature": message}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
