"""Placements: the places beside an image where evidence can lie, and what lies there.

Referrers by API or fallback tag (cosign v3), cosign's older digest tags, the layouts that
`cosign save` writes, and attestation manifests inside an index (BuildKit).
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
    "SBOM_TYPES",
    "Lookup",
    "Placement",
    "Referrer",
    "is_vague",
    "listed_kind",
    "may_be_signed",
    "true_type",
]

LEGACY_SUFFIXES = {"sig": "legacy-signature", "att": "legacy-attestation", "sbom": "legacy-sbom"}
"""Suffix of cosign's digest tags to the kind of what lies there."""
PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType"
CONTENT_ANNOTATION = "dev.sigstore.bundle.content"

NOTATION = "application/vnd.cncf.notary.signature"
"""Artifact type of a Notation signature (notaryproject, signature-specification)."""
SBOM_TYPES = {
    "application/vnd.cyclonedx+json": "cyclonedx",
    "application/vnd.cyclonedx+xml": "cyclonedx",
    "application/vnd.cyclonedx": "cyclonedx",
    "application/spdx+json": "spdx",
    "text/spdx+json": "spdx",
    "text/spdx": "spdx",
    "application/vnd.syft+json": "syft",
}
"""Media types of documents that people attach without a signature, cosign's among them."""
_KINDS = {
    NOTATION: "notation-signature",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "legacy-signature",
    "application/vnd.dev.cosign.artifact.att.v1+json": "legacy-attestation",
    "application/vnd.dev.cosign.artifact.sbom.v1+json": "legacy-sbom",
    "application/vnd.in-toto+json": "in-toto",
} | SBOM_TYPES
LONGEST_KIND = 200
"""Characters of a kind that is only claimed: messages quote it."""
_SIGNED = frozenset({"legacy-signature", "legacy-attestation", "in-toto"})


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a piece of evidence lies."""

    scheme: str
    """`api`, `fallback-tag`, `layout`, `tag`, `saved` (a layout of `cosign save`) or `index`."""
    tag: str = ""
    """The digest tag, where it is one."""
    through_index: bool = False
    """Whether it is about the index that the image was resolved through."""
    repository: str = ""
    """Where it is not the image's own."""

    def __str__(self) -> str:
        text = {
            "api": "referrer (API)",
            "fallback-tag": "referrer (fallback tag)",
            "layout": "referrer (layout)",
            "saved": "entry of a cosign save layout",
            "index": "attestation manifest in the index",
        }.get(self.scheme, f"tag {self.tag}")
        if self.repository:
            text += f" in {self.repository}"
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
    artifact_type: str = ""
    """As listed; as its manifest has it where the listing says nothing."""

    def __repr__(self) -> str:
        return f"Referrer({self.kind!r}, {str(self.reference)!r})"

    def __str__(self) -> str:
        return f"{self.kind} {self.descriptor.digest.short} by {self.placement}"


def is_vague(descriptor: Descriptor) -> bool:
    """Whether the listed type says nothing: older clients list the config's (cosign #4641)."""
    return descriptor.artifact_type in {"", EMPTY_JSON, OCI_CONFIG}


def may_be_signed(descriptor: Descriptor) -> bool:
    """Whether what is listed looks like something that holds signatures.

    Other things may all the same: the listed type is anyone's claim.
    """
    return (
        is_vague(descriptor)
        or is_bundle_media_type(descriptor.artifact_type)
        or _KINDS.get(descriptor.artifact_type) in _SIGNED
    )


def listed_kind(descriptor: Descriptor, manifest: Manifest | Index | None = None) -> str:
    """What a referrer says it is, by its manifest where that was read, else as listed."""
    annotations = dict(descriptor.annotations)
    artifact_type = descriptor.artifact_type
    if manifest is not None:
        annotations |= manifest.annotations
        artifact_type = true_type(manifest) or artifact_type
    if is_bundle_media_type(artifact_type):
        predicate_type = annotations.get(PREDICATE_ANNOTATION, "")
        if predicate_type == COSIGN_SIGN:
            return "signature"
        return family(predicate_type)[:LONGEST_KIND] if predicate_type else "bundle"
    return _KINDS.get(artifact_type, artifact_type[:LONGEST_KIND] or "artifact")


def true_type(manifest: Manifest | Index) -> str:
    """The artifact type, or the layer's where the manifest has only a placeholder."""
    from provenance.oci.manifest import Manifest

    if isinstance(manifest, Manifest) and manifest.layers:
        layer_type = manifest.layers[0].media_type
        if is_bundle_media_type(layer_type):  # whatever the manifest calls itself
            return layer_type
    if manifest.artifact_type and manifest.artifact_type != EMPTY_JSON:
        return manifest.artifact_type
    return manifest.config.media_type if isinstance(manifest, Manifest) else ""
