"""Placements: the places beside an image where evidence can lie, and what lies there.

Bundle referrers by API or fallback tag (cosign v3), and cosign's older digest tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.attestation.bundle import is_bundle_media_type
from provenance.attestation.predicate_types import COSIGN_SIGN, family
from provenance.oci.media_types import EMPTY_JSON, OCI_CONFIG

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.errors import ProvenanceError
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.reference import Reference

__all__ = [
    "LEGACY_SUFFIXES",
    "Lookup",
    "Placement",
    "Referrer",
    "is_vague",
    "listed_kind",
]

LEGACY_SUFFIXES = {"sig": "legacy-signature", "att": "legacy-attestation", "sbom": "legacy-sbom"}
"""Suffix of cosign's digest tags to the kind of what lies there."""
PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"
CONTENT_ANNOTATION = "dev.sigstore.bundle.content"

_KINDS = {
    "application/vnd.cncf.notary.signature": "notation-signature",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "legacy-signature",
    "application/vnd.dev.cosign.artifact.sbom.v1+json": "legacy-sbom",
    "application/vnd.in-toto+json": "in-toto",
    "application/vnd.cyclonedx+json": "cyclonedx",
    "application/spdx+json": "spdx",
    "text/spdx+json": "spdx",
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a piece of evidence lies."""

    scheme: str
    """`api`, `fallback-tag`, `layout`, or `tag`."""
    tag: str = ""
    """The digest tag, where it is one."""
    through_index: bool = False
    """Whether it is about the index that the image was resolved through."""

    def __str__(self) -> str:
        text = {
            "api": "referrer (API)",
            "fallback-tag": "referrer (fallback tag)",
            "layout": "referrer (layout)",
        }.get(self.scheme, f"tag {self.tag}")
        return f"{text}, of the index" if self.through_index else text


@dataclass(frozen=True, slots=True)
class Lookup:
    """One placement that was asked, and how that ended."""

    placement: str
    error: ProvenanceError | None = None
    """Why nothing is known of it; None: it answered completely."""

    @property
    def complete(self) -> bool:
        """Whether it answered."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Referrer:
    """Something that refers to an image, as it is listed. Nothing about it is verified."""

    descriptor: Descriptor
    """Of its manifest."""
    kind: str
    """What it claims to be: `signature`, a predicate family, or its artifact type."""
    placement: Placement
    reference: Reference
    """Its own place: pull that."""
    subject: Digest

    def __str__(self) -> str:
        return f"{self.kind} {self.descriptor.digest.short} by {self.placement}"


def is_vague(descriptor: Descriptor) -> bool:
    """Whether the listed type says nothing: older clients list the config's (cosign #4641)."""
    return descriptor.artifact_type in {"", EMPTY_JSON, OCI_CONFIG}


def listed_kind(descriptor: Descriptor, manifest: Manifest | Index | None = None) -> str:
    """What a referrer says it is, by its manifest where that was read, else as listed."""
    annotations = dict(descriptor.annotations)
    artifact_type = descriptor.artifact_type
    if manifest is not None:
        annotations |= manifest.annotations
        artifact_type = _true_type(manifest) or artifact_type
    if is_bundle_media_type(artifact_type):
        predicate_type = annotations.get(PREDICATE_ANNOTATION, "")
        if predicate_type == COSIGN_SIGN:
            return "signature"
        return family(predicate_type) if predicate_type else "bundle"
    return _KINDS.get(artifact_type, artifact_type or "artifact")


def _true_type(manifest: Manifest | Index) -> str:
    """The artifact type, or the layer's where the manifest has only a placeholder."""
    from provenance.oci.manifest import Manifest

    if manifest.artifact_type and manifest.artifact_type != EMPTY_JSON:
        return manifest.artifact_type
    if isinstance(manifest, Manifest):
        if manifest.layers and is_bundle_media_type(manifest.layers[0].media_type):
            return manifest.layers[0].media_type
        return manifest.config.media_type
    return ""
