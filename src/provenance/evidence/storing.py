"""Storing an artifact beside its subject, as OCI referrers are stored.

Source: image-spec 1.1 "Guidelines for Artifact Usage"; cosign v3's form for bundles.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.errors import UnsupportedFormat
from provenance.evidence.placements import CONTENT_ANNOTATION, PREDICATE_ANNOTATION, Placement
from provenance.oci.connect import writable
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.image import Image
    from provenance.oci.reference import Reference
    from provenance.oci.sources import Content

__all__ = ["Stored", "require_digest", "store_artifact", "store_bundle"]

CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written beside an image."""

    reference: Reference
    """Its place: `repository@digest` of its manifest."""
    descriptor: Descriptor
    kind: str
    placement: Placement
    bundle: bytes = field(default=b"", repr=False)
    """The Sigstore bundle, for a signature or attestation."""
    reused: bool = False
    """Whether an equal one was there already, and verified."""

    @property
    def digest(self) -> str:
        """Digest of its manifest."""
        return str(self.descriptor.digest)


def require_digest(image: Image) -> Descriptor:
    """The subject to refer to. Raises UnsupportedFormat for what never was in a registry."""
    if image.digest is None:
        raise UnsupportedFormat(
            "an image out of a docker archive has no registry digest to sign",
            reference=str(image.reference),
            hint="push it to a registry and name it there",
        )
    found = image.descriptor
    return Descriptor(found.media_type, found.digest, found.size)


def store_bundle(image: Image, bundle: bytes, predicate_type: str, kind: str) -> Stored:
    """Store a Sigstore bundle as cosign v3 does, so that cosign finds it."""
    annotations = {
        CREATED: _now(),
        CONTENT_ANNOTATION: "dsse-envelope",
        PREDICATE_ANNOTATION: predicate_type,
    }
    layer = Descriptor.of(bundle, BUNDLE_MEDIA_TYPE)
    stored = store_artifact(
        image,
        [(layer, bundle)],
        artifact_type=BUNDLE_MEDIA_TYPE,
        annotations=annotations,
        # Repeated inside the config's descriptor, as cosign writes it.
        config=replace(EMPTY_DESCRIPTOR, artifact_type=BUNDLE_MEDIA_TYPE),
    )
    return replace(stored, kind=kind, bundle=bundle)


def store_artifact(
    image: Image,
    layers: Sequence[tuple[Descriptor, Content]],
    *,
    artifact_type: str,
    annotations: Mapping[str, str],
    config: Descriptor = EMPTY_DESCRIPTOR,
) -> Stored:
    """Store layers as one artifact about `image`. Blobs first, then the manifest.

    Raises:
        UnsupportedFormat: the place cannot be written to, or the image has no digest.
        ProvenanceError: the registry refused or did not answer.
    """
    subject = require_digest(image)
    manifest = Manifest.build(
        config,
        [descriptor for descriptor, _ in layers],
        subject=subject,
        artifact_type=artifact_type,
        annotations=annotations,
    )
    with image.repository() as repository:
        target = writable(repository)
        target.push_blob(b"{}", EMPTY_DESCRIPTOR)
        for descriptor, data in layers:
            target.push_blob(data, descriptor)
        descriptor = target.push_manifest(manifest)
        learnt = getattr(getattr(target, "learnt", None), "referrers_api", None)
    scheme = "layout" if image.reference.is_local else ("api" if learnt else "fallback-tag")
    return Stored(
        image.reference.with_digest(descriptor.digest),
        descriptor,
        artifact_type,
        Placement(scheme),
    )


def _now() -> str:
    """RFC 3339 in UTC; SOURCE_DATE_EPOCH where a build sets it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = (
        dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
        if epoch.isdigit()
        else dt.datetime.now(dt.UTC)
    )
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
