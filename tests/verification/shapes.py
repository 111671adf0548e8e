"""Signatures of every shape, made by the embedded Sigstore's forger, each to be verified."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from provenance.attestation.public_key import PublicKey
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.schemes import new_key
from provenance.verification import (
    LayerSignature,
    SignedBlob,
    SignedImage,
    SignedStatement,
    verify_blob_bundle,
    verify_bundle,
    verify_layer,
)
from provenance.verification.annotations import DSSE_MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.testing.sigstore import Forger
    from provenance.trust import Trust

DATA = b"the bytes of a file"
SUBJECT = Digest.of(DATA)
STATEMENT = Statement.build(
    [ResourceDescriptor("ghcr.io/org/app", {"sha256": SUBJECT.hex})],
    "https://example.com/review/v1",
    {"ok": True},
).raw
PAYLOAD = json.dumps(
    {
        "critical": {
            "identity": {"docker-reference": "ghcr.io/org/app"},
            "image": {"docker-manifest-digest": str(SUBJECT)},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
).encode()

Found = SignedStatement | SignedBlob | SignedImage


@dataclass(frozen=True)
class Shape:
    """One signature that verifies, as a document, and how it is verified."""

    name: str
    document: dict[str, Any]
    trust: Trust
    content: str = "statement"
    """`statement`, `blob`, or a layer: `sig` or `att`."""
    key: PublicKey | None = None
    unsafe_no_log: bool = False

    @property
    def raw(self) -> bytes:
        return json.dumps(self.document).encode()

    def verify(self, raw: bytes | dict[str, Any] | None = None, **changes: Any) -> Found:
        """Verify the document, or another in its place."""
        data = self.raw if raw is None else raw
        data = json.dumps(data).encode() if isinstance(data, dict) else data
        options: dict[str, Any] = {
            "trust": self.trust,
            "key": self.key,
            "unsafe_no_log": self.unsafe_no_log,
        } | changes
        subject = options.pop("subject", SUBJECT)
        if self.content == "statement":
            return verify_bundle(data, subject, **options)
        if self.content == "blob":
            return verify_blob_bundle(data, options.pop("artifact", DATA), **options)
        return verify_layer(self.layer(data), subject, **options)

    def layer(self, raw: bytes) -> LayerSignature:
        """The layer that a document spells: its payload as text beside its annotations."""
        document = json.loads(raw)
        payload = document.pop("payload").encode()
        kind = {} if self.content == "sig" else {"media_type": DSSE_MEDIA_TYPE}
        return LayerSignature.of(document, payload, **kind)


class Shapes:
    """The instances, and what they make. Their ports may be closed: only keys are used."""

    def __init__(self) -> None:
        self.v2 = LocalSigstore(tsas=2)
        self.v1 = LocalSigstore(rekor=("v1", "v2"), tsas=2)
        self.logless = LocalSigstore(rekor=())
        for sigstore in (self.v2, self.v1, self.logless):
            with sigstore:
                pass
            for log in sigstore.logs:  # so that proofs have hashes
                for leaf in (b"1", b"2", b"3"):
                    log.append(leaf)

    def all(self) -> list[Shape]:
        """Every shape, once."""
        return [
            *self.of_statements(),
            *self.of_blobs(),
            *self.of_layers(),
            *self.of_keys(),
        ]

    def of_statements(self) -> list[Shape]:
        v1, v2 = self.v1.forger(stamped=False), self.v2.forger()
        unlogged, logless = self.v2.forger(logged=False), self.logless.forger()
        pair = self.v1.forger(more_logs=self.v1.logs[1:], more_tsas=self.v1.tsas[1:])
        kinds = ("dsse 0.0.1", "hashedrekord 0.0.1", "intoto 0.0.1", "intoto 0.0.2")
        return [
            *(self._statement(f"v1, {k}", replace(v1, kind=k), self.v1) for k in kinds),
            self._statement("v1, version 0.2", replace(v1, version="0.2"), self.v1),
            self._statement("v1, version 0.1", replace(v1, version="0.1"), self.v1),
            self._statement("v1, promise alone", replace(v1, version="0.1", proven=False), self.v1),
            self._statement(
                "v1, proof and timestamp",
                self.v1.forger(promised=False, stamped=True),
                self.v1,
            ),
            self._statement("v2", v2, self.v2),
            self._statement("v2, two timestamps", replace(v2, more_tsas=self.v2.tsas[1:]), self.v2),
            self._statement("v1 and v2, two timestamps", pair, self.v1),
            self._statement("timestamp alone, root without logs", logless, self.logless),
            self._statement("timestamp alone", unlogged, self.v2, unsafe_no_log=True),
        ]

    def of_blobs(self) -> list[Shape]:
        v1, v2 = self.v1.forger(stamped=False), self.v2.forger()
        return [
            self._blob("v1, bytes", v1, self.v1),
            self._blob("v1, bytes, version 0.1", replace(v1, version="0.1"), self.v1),
            self._blob("v2, bytes", v2, self.v2),
        ]

    def of_layers(self) -> list[Shape]:
        v1 = self.v1.forger(stamped=False)
        key = new_key()
        shapes = [
            self._layer("layer, keyless", v1, self.v1),
            self._layer("layer, keyless, timestamp", self.v1.forger(), self.v1),
            self._layer("layer, key", replace(v1, key=key), self.v1),
        ]
        for kind in ("dsse 0.0.1", "intoto 0.0.1", "intoto 0.0.2"):
            forger = self.v1.forger(kind=kind)
            payload, annotations = forger.attestation_layer(STATEMENT)
            document = {"payload": payload.decode(), **annotations}
            shapes.append(Shape(f"attestation layer, {kind}", document, self.v1.trust, "att"))
        return shapes

    def of_keys(self) -> list[Shape]:
        shapes = []
        for algorithm in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519"):
            key = new_key(algorithm)
            schemes = {"rsa-2048": ("rsa-pkcs1", "rsa-pss"), "ed25519": ("ed25519", "ed25519ph")}
            for scheme in schemes.get(algorithm, ("",)):
                # A log that has only the hash cannot check a signature over the bytes themselves.
                v1 = self.v1.forger(key=key, scheme=scheme, stamped=False)
                shapes.append(self._statement(f"key, {algorithm} {scheme}, v1", v1, self.v1))
                if scheme == "ed25519":
                    continue
                v2 = self.v2.forger(key=key, scheme=scheme, stamped=False)
                shapes.append(self._statement(f"key, {algorithm} {scheme}, v2", v2, self.v2))
                shapes.append(self._blob(f"key, {algorithm} {scheme}, bytes", v2, self.v2))
        bare = self.v2.forger(key=new_key(), logged=False, stamped=False)
        shapes.append(self._blob("key, no log", bare, self.v2, unsafe_no_log=True))
        bare = self.logless.forger(key=new_key(), stamped=False)
        shapes.append(self._blob("key, root without logs", bare, self.logless))
        return shapes

    def _statement(
        self, name: str, forger: Forger, sigstore: LocalSigstore, **options: Any
    ) -> Shape:
        made = forger.statement(STATEMENT)
        return Shape(name, made, sigstore.trust, key=public(forger), **options)

    def _blob(self, name: str, forger: Forger, sigstore: LocalSigstore, **options: Any) -> Shape:
        made = forger.blob(DATA)
        return Shape(name, made, sigstore.trust, "blob", public(forger), **options)

    def _layer(self, name: str, forger: Forger, sigstore: LocalSigstore) -> Shape:
        document = {"payload": PAYLOAD.decode(), **forger.layer(PAYLOAD)}
        return Shape(name, document, sigstore.trust, "sig", public(forger))


def public(forger: Forger) -> PublicKey | None:
    """The key that a forger signs with, where it has one of its own."""
    from cryptography.hazmat.primitives import serialization

    if forger.key is None:
        return None
    spki = forger.key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey.parse(spki)


def build() -> dict[str, Shape]:
    """Every shape by its name."""
    shapes: Callable[[], list[Shape]] = Shapes().all
    return {shape.name: shape for shape in shapes()}
