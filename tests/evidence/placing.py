"""Puts evidence where others put it: cosign's tags, referrers of many forms, indexes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.attestation.public_key import PublicKey
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.repository import digest_tag
from provenance.testing.sigstore import bodies_v1
from provenance.testing.sigstore.annotations import layer_annotations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance import Image
    from provenance.digests import Digest
    from provenance.testing import LocalRegistry
    from provenance.testing.sigstore import Forger

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"


def payload(digest: Digest, **optional: Any) -> bytes:
    """What cosign before version 3 signs."""
    critical = {
        "identity": {"docker-reference": "registry.example/app"},
        "image": {"docker-manifest-digest": str(digest)},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": optional or None}).encode()


def statement(
    digest: Digest, predicate_type: str = SIGN, predicate: Any = None, **annotations: Any
) -> bytes:
    """A statement about `digest`."""
    subject: dict[str, Any] = {"digest": {"sha256": digest.hex}}
    if annotations:
        subject["annotations"] = annotations
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
            "predicateType": predicate_type,
            "predicate": {} if predicate is None else predicate,
        }
    ).encode()


def put_layers(
    registry: LocalRegistry,
    layers: Sequence[tuple[bytes, str, Mapping[str, str]]],
    *,
    repository: str = "team/app",
    tag: str | None = None,
    subject: Descriptor | None = None,
    artifact_type: str = "",
    config: Descriptor = EMPTY_DESCRIPTOR,
) -> Digest:
    """A manifest with these layers: content, media type and annotations of each."""
    registry.put_blob(repository, b"{}")
    described = []
    for content, media_type, said in layers:
        registry.put_blob(repository, content)
        plain = Descriptor.of(content, media_type)
        described.append(Descriptor(plain.media_type, plain.digest, plain.size, annotations=said))
    manifest = Manifest.build(config, described, subject=subject, artifact_type=artifact_type)
    registry.put_manifest(repository, manifest.raw, media_type=mt.OCI_MANIFEST, tag=tag)
    return manifest.descriptor.digest


def put_sig(
    registry: LocalRegistry, digest: Digest, *forgers: Forger, repository: str = "team/app"
) -> Digest:
    """The `.sig` tag, with a layer by each of `forgers`."""
    layers = []
    for forger in forgers:
        signed = payload(digest)
        layers.append((signed, SIMPLE, forger.layer(signed)))
    return put_layers(registry, layers, repository=repository, tag=digest_tag(digest, "sig"))


def put_att(
    registry: LocalRegistry, digest: Digest, predicate_type: str, predicate: Any, forger: Forger
) -> Digest:
    """The `.att` tag, with one statement."""
    said = statement(digest, predicate_type, predicate)
    envelope, annotations = forger.attestation_layer(said, predicate_type=predicate_type)
    return put_layers(registry, [(envelope, DSSE, annotations)], tag=digest_tag(digest, "att"))


def put_cosigned(
    registry: LocalRegistry, image: Image, forgers: Sequence[Forger], *, tagged: bool
) -> Digest:
    """One envelope that each of `forgers` has signed by its key: as a bundle, or as a tag holds it.

    In the bundle each has an entry of its own; the tag has room for one, which is of all.
    """
    found = subject_of(image)
    documents = [forger.statement(statement(found.digest)) for forger in forgers]
    whole = documents[0]
    envelope, entries = whole["dsseEnvelope"], whole["verificationMaterial"]["tlogEntries"]
    for document in documents[1:]:
        envelope["signatures"] += document["dsseEnvelope"]["signatures"]
        entries += document["verificationMaterial"]["tlogEntries"]
    if not tagged:
        raw = json.dumps(whole).encode()
        layers = [(raw, BUNDLE_MEDIA_TYPE, dict[str, str]())]
        return put_layers(registry, layers, subject=found, artifact_type=BUNDLE_MEDIA_TYPE)
    raw, log = json.dumps(envelope).encode(), forgers[0].log
    assert log is not None
    keys = [public(forger.key).to_pem() for forger in forgers]
    annotations = layer_annotations(signature="", entry=log.append(bodies_v1.dsse(raw, keys)))
    return put_layers(registry, [(raw, DSSE, annotations)], tag=digest_tag(found.digest, "att"))


def subject_of(image: Image) -> Descriptor:
    """As a referrer names it."""
    found = image.descriptor
    return Descriptor(found.media_type, found.digest, found.size)


def public(key: Any) -> PublicKey:
    """The public half of a private key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey.parse(pem)
