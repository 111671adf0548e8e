"""Signatures of every shape, made by the embedded Sigstore's forger, each to be verified."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from provenance.attestation.public_key import PublicKey
from provenance.attestation.statement import ResourceDescriptor, Statement
from provenance.digests import Digest
from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.schemes import new_key
from provenance.trust import Trust
from provenance.verification import (
    LayerSignature,
    SignedBlob,
    SignedImage,
    SignedStatement,
    verify_blob_bundle,
    verify_bundle,
    verify_layer,
)
from provenance.verification.layer_signatures import DSSE_MEDIA_TYPE

if TYPE_CHECKING:
    from provenance.testing.sigstore import Forger

DATA = b"the bytes of a file"
SUBJECT = Digest.of(DATA)


def statement(*, ok: bool = True) -> bytes:
    """What is signed about `SUBJECT`; `ok=False`: something else."""
    named = [ResourceDescriptor("ghcr.io/org/app", {"sha256": SUBJECT.hex})]
    kind = "https://example.com/review/v1" if ok else "https://example.com/refusal/v1"
    return Statement.build(named, kind, {"ok": ok}).raw


def simple_signing(*, ok: bool = True) -> bytes:
    """The same in cosign's old form."""
    critical = {
        "identity": {"docker-reference": "ghcr.io/org/app"},
        "image": {"docker-manifest-digest": str(SUBJECT)},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None if ok else {"ok": False}}).encode()


PARTLY = "two logs and authorities, root with one of each"
STATEMENT, PAYLOAD = statement(), simple_signing()

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
        annotations = {k: v if isinstance(v, str) else json.dumps(v) for k, v in document.items()}
        kind = {} if self.content == "sig" else {"media_type": DSSE_MEDIA_TYPE}
        return LayerSignature.of(annotations, payload, **kind)


class Shapes:
    """The instances, and what they make. Their ports may be closed: only keys are used."""

    def __init__(self) -> None:
        self.v2 = LocalSigstore(tsas=2)
        self.v1 = LocalSigstore(rekor=("v1", "v2"), tsas=2)
        self.logless = LocalSigstore(rekor=())
        self.identity, self.statement, self.payload = "dev@example.com", STATEMENT, PAYLOAD
        self.keys: dict[str, Any] = {}
        for sigstore in (self.v2, self.v1, self.logless):
            with sigstore:
                pass
            for log in sigstore.logs:  # so that proofs have hashes
                for leaf in (b"1", b"2", b"3"):
                    log.append(leaf)

    def others(self) -> Shapes:
        """The same instances and keys, but somebody else says something else."""
        out = copy.copy(self)
        out.identity = "mallory@example.com"
        out.statement, out.payload = statement(ok=False), simple_signing(ok=False)
        return out

    def forger(self, sigstore: LocalSigstore, **options: Any) -> Forger:
        return sigstore.forger(self.identity, **options)

    def key(self, name: str, algorithm: str = "ecdsa-p256") -> Any:
        return self.keys.setdefault(name, new_key(algorithm))

    def all(self) -> list[Shape]:
        """Every shape, once."""
        return [
            *self.of_statements(),
            *self.of_blobs(),
            *self.of_layers(),
            *self.of_keys(),
        ]

    @property
    def part_of_v1(self) -> Trust:
        """What somebody believes who knows the first log and the first authority alone."""
        root = json.loads(self.v1.trusted_root_json)
        for name in ("tlogs", "timestampAuthorities"):
            root[name] = root[name][:1]
        return Trust.from_json(json.dumps(root))

    def of_statements(self) -> list[Shape]:
        v1, v2 = self.forger(self.v1, stamped=False), self.forger(self.v2)
        unlogged, logless = self.forger(self.v2, logged=False), self.forger(self.logless)
        pair = self.forger(self.v1, more_logs=self.v1.logs[1:], more_tsas=self.v1.tsas[1:])
        kinds = ("dsse 0.0.1", "hashedrekord 0.0.1", "intoto 0.0.1", "intoto 0.0.2")
        return [
            *(self._statement(f"v1, {k}", replace(v1, kind=k), self.v1) for k in kinds),
            self._statement("v1, version 0.2", replace(v1, version="0.2"), self.v1),
            self._statement("v1, version 0.1", replace(v1, version="0.1"), self.v1),
            self._statement("v1, promise alone", replace(v1, version="0.1", proven=False), self.v1),
            self._statement(
                "v1, proof and timestamp",
                self.forger(self.v1, promised=False, stamped=True),
                self.v1,
            ),
            self._statement("v2", v2, self.v2),
            self._statement("v2, two timestamps", replace(v2, more_tsas=self.v2.tsas[1:]), self.v2),
            self._statement("v1 and v2, two timestamps", pair, self.v1),
            replace(self._statement(PARTLY, pair, self.v1), trust=self.part_of_v1),
            self._statement("timestamp alone, root without logs", logless, self.logless),
            self._statement("timestamp alone", unlogged, self.v2, unsafe_no_log=True),
        ]

    def of_blobs(self) -> list[Shape]:
        v1, v2 = self.forger(self.v1, stamped=False), self.forger(self.v2)
        return [
            self._blob("v1, bytes", v1, self.v1),
            self._blob("v1, bytes, version 0.1", replace(v1, version="0.1"), self.v1),
            self._blob("v2, bytes", v2, self.v2),
        ]

    def of_layers(self) -> list[Shape]:
        v1 = self.forger(self.v1, stamped=False)
        key = self.key("layer")
        shapes = [
            self._layer("layer, keyless", v1, self.v1),
            self._layer("layer, keyless, timestamp", self.forger(self.v1), self.v1),
            self._layer("layer, key", replace(v1, key=key), self.v1),
        ]
        for kind in ("dsse 0.0.1", "intoto 0.0.1", "intoto 0.0.2"):
            forger = self.forger(self.v1, kind=kind)
            payload, annotations = forger.attestation_layer(self.statement)
            document = layered(payload, annotations)
            shapes.append(Shape(f"attestation layer, {kind}", document, self.v1.trust, "att"))
        return shapes

    def of_keys(self) -> list[Shape]:
        shapes = []
        for algorithm in ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "ed25519"):
            key = self.key(algorithm, algorithm)
            schemes = {"rsa-2048": ("rsa-pkcs1", "rsa-pss"), "ed25519": ("ed25519", "ed25519ph")}
            for scheme in schemes.get(algorithm, ("",)):
                # A log that has only the hash cannot check a signature over the bytes themselves.
                v1 = self.forger(self.v1, key=key, scheme=scheme, stamped=False)
                shapes.append(self._statement(f"key, {algorithm} {scheme}, v1", v1, self.v1))
                if scheme == "ed25519":
                    continue
                v2 = self.forger(self.v2, key=key, scheme=scheme, stamped=False)
                shapes.append(self._statement(f"key, {algorithm} {scheme}, v2", v2, self.v2))
                shapes.append(self._blob(f"key, {algorithm} {scheme}, bytes", v2, self.v2))
        bare = self.forger(self.v2, key=self.key("no log"), logged=False, stamped=False)
        shapes.append(self._blob("key, no log", bare, self.v2, unsafe_no_log=True))
        bare = self.forger(self.logless, key=self.key("root without logs"), stamped=False)
        shapes.append(self._blob("key, root without logs", bare, self.logless))
        return shapes

    def _statement(
        self, name: str, forger: Forger, sigstore: LocalSigstore, **options: Any
    ) -> Shape:
        made = forger.statement(self.statement)
        return Shape(name, made, sigstore.trust, key=public(forger), **options)

    def _blob(self, name: str, forger: Forger, sigstore: LocalSigstore, **options: Any) -> Shape:
        made = forger.blob(DATA)
        return Shape(name, made, sigstore.trust, "blob", public(forger), **options)

    def _layer(self, name: str, forger: Forger, sigstore: LocalSigstore) -> Shape:
        document = layered(self.payload, forger.layer(self.payload))
        return Shape(name, document, sigstore.trust, "sig", public(forger))


def layered(payload: bytes, annotations: dict[str, str]) -> dict[str, Any]:
    """A layer as a document, the JSON of its annotations spelled out."""
    told = {k: json.loads(v) if v.startswith("{") else v for k, v in annotations.items()}
    return {"payload": payload.decode(), **told}


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
    return {shape.name: shape for shape in Shapes().all()}


def pairs() -> dict[str, tuple[Shape, Shape]]:
    """Every shape by its name, with one by somebody else, or of something else by the same key."""
    shapes = Shapes()
    both = zip(shapes.all(), shapes.others().all(), strict=True)
    return {one.name: (one, other) for one, other in both}
