"""Storing an artifact beside its subject, as OCI referrers are stored.

Source: image-spec 1.1 "Guidelines for Artifact Usage"; cosign v3's form for bundles.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from provenance.attestation.bundle import BUNDLE_MEDIA_TYPE
from provenance.errors import UnsupportedFormat
from provenance.evidence.placements import CONTENT_ANNOTATION, PREDICATE_ANNOTATION, Placement
from provenance.oci.connect import connect, writable
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provenance.digests import Digest
    from provenance.image import Image
    from provenance.oci.reference import Reference
    from provenance.oci.registry import Registry
    from provenance.oci.repository import Writable
    from provenance.oci.sources import Content
    from provenance.settings import Limits, Settings

__all__ = ["Shelf", "Stored", "now", "require_digest", "store_artifact", "store_bundle"]

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
    subject: Digest | None = None
    """What it is about: the image, or with `recursive` one of an index."""
    document: Stored | None = None
    """Where the predicate lies that was too large to be in the statement, which refers to it."""
    also: tuple[Stored, ...] = ()
    """What else was written by the same call: in the other layout, for the images of an index."""

    def __repr__(self) -> str:
        more = f", {len(self.also)} more" if self.also else ""
        return f"Stored({self.kind!r}, {str(self.reference)!r}{more})"

    @property
    def digest(self) -> str:
        """Digest of its manifest."""
        return str(self.descriptor.digest)

    @property
    def everything(self) -> tuple[Stored, ...]:
        """This and all of `also`, in the order in which it was written."""
        own = replace(self, also=())
        return (*(part for other in self.also for part in other.everything), own)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where what is said of one image is put: beside it, or in a repository for such things."""

    image: Image
    place: Reference
    """Repository that is written to; its tag and digest say nothing."""
    registry: Registry | None = None
    settings: Settings | None = None
    limits: Limits | None = None

    @classmethod
    def of(
        cls,
        image: Image,
        elsewhere: Reference | None = None,
        *,
        registry: Registry | None = None,
        settings: Settings | None = None,
        limits: Limits | None = None,
    ) -> Shelf:
        """Beside the image, unless `elsewhere` names a repository."""
        return cls(image, elsewhere or image.reference, registry, settings, limits)

    @property
    def elsewhere(self) -> Reference | None:
        """The repository for such things, where it is not the image's own."""
        return None if self.place.name == self.image.reference.name else self.place

    @contextmanager
    def repository(self) -> Iterator[Writable]:
        """The repository, open inside the `with`. Raises UnsupportedFormat: nothing is written."""
        if self.elsewhere is not None:
            opened = connect(
                self.place, registry=self.registry, settings=self.settings, limits=self.limits
            )
        else:
            opened = self.image.repository()
        with opened as repository:
            yield writable(repository)


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


def store_bundle(image: Image | Shelf, bundle: bytes, predicate_type: str, kind: str) -> Stored:
    """Store a Sigstore bundle as cosign v3 does, so that cosign finds it."""
    annotations = {
        CREATED: now().strftime("%Y-%m-%dT%H:%M:%SZ"),
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
    image: Image | Shelf,
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
    shelf = image if isinstance(image, Shelf) else Shelf.of(image)
    subject = require_digest(shelf.image)
    manifest = Manifest.build(
        config,
        [descriptor for descriptor, _ in layers],
        subject=subject,
        artifact_type=artifact_type,
        annotations=annotations,
    )
    with shelf.repository() as target:
        target.push_blob(b"{}", EMPTY_DESCRIPTOR)
        for descriptor, data in layers:
            target.push_blob(data, descriptor)
        descriptor = target.push_manifest(manifest)
        learnt = getattr(getattr(target, "learnt", None), "referrers_api", None)
    scheme = "layout" if shelf.place.is_local else ("api" if learnt else "fallback-tag")
    return Stored(
        shelf.place.with_digest(descriptor.digest),
        descriptor,
        artifact_type,
        Placement(scheme),
        subject=subject.digest,
    )


def now() -> dt.datetime:
    """The time in UTC; SOURCE_DATE_EPOCH where a build sets it to seconds since 1970."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not epoch.isascii() or not epoch.isdigit():
        return dt.datetime.now(dt.UTC)
    try:
        return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
    except (ValueError, OverflowError, OSError):  # later than any date: it is signed by then
        return dt.datetime.now(dt.UTC)
