"""`Manifest` and `Index`: the bytes as they are, and a typed view beside them.

Source: image-spec v1.1, manifest.md and image-index.md; Docker's manifest v2 schema 2.
What is hashed is `raw`; nothing is ever serialised again to compute a digest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from provenance.digests import Digest
from provenance.errors import LimitExceeded, MalformedDocument, UnsupportedFormat
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, annotations_from_json
from provenance.settings import Limits
from provenance.strict_json import decode_object, refuse_other_spellings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Index", "Manifest", "parse_manifest"]

_FIELDS = frozenset(
    {
        *("schemaVersion", "mediaType", "artifactType", "config", "layers", "blobs"),
        *("manifests", "subject", "annotations"),
    }
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image, or one artifact."""

    raw: bytes = field(repr=False)
    descriptor: Descriptor
    """Of `raw`: media type, digest, size, artifact type, annotations."""
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    """What this artifact is about."""
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return _again, (self.raw, self.descriptor.media_type, self.descriptor.digest)

    @classmethod
    def build(
        cls,
        config: Descriptor,
        layers: Sequence[Descriptor],
        *,
        subject: Descriptor | None = None,
        artifact_type: str = "",
        annotations: Mapping[str, str] | None = None,
        media_type: str = mt.OCI_MANIFEST,
    ) -> Self:
        """A new manifest. The same arguments give the same bytes."""
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type}
        if artifact_type:
            document["artifactType"] = artifact_type
        document["config"] = config.to_json()
        document["layers"] = [layer.to_json() for layer in layers]
        if subject is not None:
            document["subject"] = _plain(subject).to_json()
        if annotations:
            document["annotations"] = dict(sorted(annotations.items()))
        built = parse_manifest(_encode(document), media_type)
        if not isinstance(built, cls):
            raise UnsupportedFormat(f"{media_type} is no image manifest")
        return built


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests: an image for several platforms, or a list of referrers."""

    raw: bytes = field(repr=False)
    descriptor: Descriptor
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None = None
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as bytes."""
        return _again, (self.raw, self.descriptor.media_type, self.descriptor.digest)

    @classmethod
    def build(
        cls,
        manifests: Sequence[Descriptor],
        *,
        subject: Descriptor | None = None,
        artifact_type: str = "",
        annotations: Mapping[str, str] | None = None,
        media_type: str = mt.OCI_INDEX,
    ) -> Self:
        """A new index. The same arguments give the same bytes."""
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_type}
        if artifact_type:
            document["artifactType"] = artifact_type
        document["manifests"] = [m.to_json() for m in manifests]
        if subject is not None:
            document["subject"] = _plain(subject).to_json()
        if annotations:
            document["annotations"] = dict(sorted(annotations.items()))
        built = parse_manifest(_encode(document), media_type)
        if not isinstance(built, cls):
            raise UnsupportedFormat(f"{media_type} is no image index")
        return built


def parse_manifest(
    raw: bytes,
    media_type: str = "",
    *,
    limits: Limits | None = None,
    where: str = "",
    digest: Digest | None = None,
) -> Manifest | Index:
    """The manifest or index in `raw`.

    Args:
        raw: the bytes as they arrived.
        media_type: what the registry or descriptor said they are; must agree with the document.
        limits: `manifest_bytes` and `layers` apply.
        where: the reference, for messages.
        digest: what `raw` was asked for by, and proven to be; None: its sha256.

    Raises:
        LimitExceeded: too large, or too many layers.
        MalformedDocument: no JSON, duplicate keys, ambiguous (CVE-2021-41190), wrong types.
        UnsupportedFormat: Docker's schema 1, or no manifest at all.
    """
    limits = limits or Limits()
    try:
        claimed = media_type.partition(";")[0].strip().lower()
        return _parse(raw, claimed, limits, digest or Digest.of(raw))
    except (LimitExceeded, MalformedDocument, UnsupportedFormat) as error:
        error.reference = error.reference or where
        error.digest = error.digest or digest or Digest.of(raw)
        raise


def _parse(raw: bytes, claimed: str, limits: Limits, digest: Digest) -> Manifest | Index:
    if len(raw) > limits.manifest_bytes:
        raise LimitExceeded(
            f"the manifest has {len(raw)} bytes, more than {limits.manifest_bytes}",
            hint="raise Limits.manifest_bytes if you trust it",
        )
    document = decode_object(raw)
    refuse_other_spellings(document, _FIELDS)
    media_type = _media_type(document, claimed)
    subject = document.get("subject")
    artifact_type = document.get("artifactType") or ""
    if not isinstance(artifact_type, str):
        raise MalformedDocument("artifactType must be a string", pointer="/artifactType")
    annotations = annotations_from_json(document.get("annotations"), "/annotations")
    subject = None if subject is None else Descriptor.from_json(subject, "/subject")
    descriptor = Descriptor(media_type, digest, len(raw), annotations, artifact_type)
    if media_type in mt.INDEXES:
        children = _descriptors(document, "manifests", limits.manifest_bytes)
        return Index(raw, descriptor, children, subject, artifact_type, annotations)
    if media_type == mt.OCI_ARTIFACT:
        layers = _descriptors(document, "blobs", limits.layers)
        return Manifest(
            raw, descriptor, EMPTY_DESCRIPTOR, layers, subject, artifact_type, annotations
        )
    config = Descriptor.from_json(document.get("config"), "/config")
    layers = _descriptors(document, "layers", limits.layers)
    return Manifest(raw, descriptor, config, layers, subject, artifact_type, annotations)


def _media_type(document: Mapping[str, Any], claimed: str) -> str:
    """Decide once what it is; anything that could be read as two things is refused."""
    stated = document.get("mediaType")
    if stated is not None and not isinstance(stated, str):
        raise MalformedDocument("mediaType must be a string", pointer="/mediaType")
    if document.get("schemaVersion") == 1 or {claimed, stated} & mt.DOCKER_SCHEMA1:
        raise UnsupportedFormat(
            "this is a Docker manifest of schema 1, which has no verifiable digest",
            hint="push the image again with a current tool",
        )
    if document.get("schemaVersion") != 2 and stated != mt.OCI_ARTIFACT:
        raise UnsupportedFormat("this is no OCI or Docker manifest: schemaVersion is not 2")
    is_index, is_image = "manifests" in document, "layers" in document or "config" in document
    if is_index and is_image:
        raise MalformedDocument("has both manifests and layers: it could be read as two things")
    known = mt.MANIFESTS | mt.INDEXES
    if claimed in known and stated and claimed != stated:
        raise MalformedDocument(
            f"says it is {stated[:100]}, was named as {claimed}", pointer="/mediaType"
        )
    media_type = stated or (claimed if claimed in known else "")
    media_type = media_type or (mt.OCI_INDEX if is_index else mt.OCI_MANIFEST)
    if media_type not in known:
        raise UnsupportedFormat(f"{media_type[:100]!r} is no manifest this library reads")
    if media_type == mt.OCI_ARTIFACT:  # has blobs, which other readers would not look for
        fits = not is_image and not is_index
    elif media_type in mt.INDEXES:
        fits = is_index or not is_image
    else:
        fits = is_image and not is_index
    if not fits:
        raise MalformedDocument(f"has not the fields of {media_type}")
    return media_type


def _descriptors(document: Mapping[str, Any], key: str, limit: int) -> tuple[Descriptor, ...]:
    value = document.get(key)
    if value is None and key == "blobs":
        value = []
    if value is None and document.get("mediaType") in mt.INDEXES:
        value = []
    if not isinstance(value, list):
        raise MalformedDocument(f"{key} must be an array", pointer=f"/{key}")
    if len(value) > limit:
        raise LimitExceeded(
            f"the manifest has {len(value)} {key}, more than {limit}",
            hint="raise Limits.layers if you trust it",
        )
    return tuple(Descriptor.from_json(v, f"/{key}/{i}") for i, v in enumerate(value))


def _again(raw: bytes, media_type: str, digest: Digest) -> Manifest | Index:
    """What was pickled; it met its caps when it was read, whatever they were."""
    limits = Limits(manifest_bytes=len(raw), layers=len(raw))
    return parse_manifest(raw, media_type, limits=limits, digest=digest)


def _encode(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedDocument(
            "a manifest cannot hold half of a surrogate pair, which is no character",
            hint="write the annotation in UTF-8",
        ) from error


def _plain(descriptor: Descriptor) -> Descriptor:
    """A subject names its content and nothing else."""
    return Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
