"""From a name to an `Image`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import UnsupportedFormat
from provenance.image.image import Image
from provenance.oci.descriptor import Descriptor
from provenance.oci.reference import Reference

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.oci.descriptor import Platform
    from provenance.oci.registry import Registry
    from provenance.settings import Limits, Settings

__all__ = ["ImageLike", "resolve"]

ImageLike: TypeAlias = "str | Path | Reference | Image"
"""What every function that takes an image takes."""


def resolve(
    image: ImageLike,
    *,
    platform: str | Platform | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> Image:
    """Pin a name to a digest.

    A tag costs one request, a digest none: media type, size and content are then fetched when
    they are asked for.

    Args:
        image: a reference in any of the forms of the documentation, a path, or an image.
        platform: choose this platform's image out of an index, e.g. `linux/arm64`.
        registry: credentials and session to use; None: those of the environment.
        settings: how to fetch.
        limits: caps on what is read.

    Raises:
        InvalidReference: no reference.
        NotFound: no such tag or platform.
        ProvenanceError: the registry did not answer, or refused.
    """
    if isinstance(image, Image):
        if registry is not None or settings is not None or limits is not None:
            image = image.reading_with(registry=registry, settings=settings, limits=limits)
        return image if platform is None else image.for_platform(platform)
    reference = Reference.parse(image)
    if reference.scheme == "dir":
        raise UnsupportedFormat(
            "a plain directory is not read as an image yet",
            hint="name an OCI layout (oci:DIR), an archive or a registry reference",
            reference=str(reference),
        )
    named = reference
    if reference.digest is not None and not reference.is_local:
        named = reference.with_digest(reference.digest)  # what the tag is, nobody has looked up
    found = Image(named, tag=reference.tag, registry=registry, settings=settings, limits=limits)
    if reference.digest is None:
        from provenance.oci.connect import connect

        with connect(reference, registry=registry, settings=settings, limits=limits) as repository:
            if platform is None and not reference.is_local:
                descriptor, manifest = repository.resolve(reference.tag or ""), None
            else:
                # An index is read anyway to choose from; and a file at hand while it is open, as
                # opening an archive again costs more.
                manifest = repository.manifest(reference.tag or "")
                read = manifest.descriptor
                descriptor = Descriptor(read.media_type, read.digest, read.size)
        pinned = reference.with_digest(descriptor.digest)
        if reference.scheme == "docker-daemon":  # which exports by tag alone
            pinned = replace(pinned, tag=reference.tag)
        found = Image(
            pinned,
            tag=reference.tag,
            descriptor=descriptor,
            manifest=manifest,
            registry=registry,
            settings=settings,
            limits=limits,
        )
    return found if platform is None else found.for_platform(platform)
