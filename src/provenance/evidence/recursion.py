"""Everything that an index stands for, to be signed one by one.

As `cosign sign --recursive`: the index, the images in it, indexes within indexes, and the
attestation manifests that BuildKit puts there, which are image manifests too. Other than there,
the index comes last: once it is signed, all of it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded
from provenance.evidence.storing import require_digest
from provenance.image import resolve
from provenance.oci.manifest import Index
from provenance.oci.media_types import INDEXES
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.digests import Digest
    from provenance.image import Image
    from provenance.oci.registry import Registry
    from provenance.settings import Settings

__all__ = ["subjects_of"]

_NESTING = 8  # indexes within indexes; builders write one, rarely two


def subjects_of(
    image: Image,
    *,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
) -> tuple[Image, ...]:
    """The images that an index lists, in any depth, each once; the index itself last.

    An image that is no index is the only one. What is listed is not read yet.

    Raises:
        LimitExceeded: deeper than 8 levels, or more than `Limits.manifests`.
        ProvenanceError: an index could not be read.
    """
    require_digest(image)
    most = (limits or Limits()).manifests
    found: dict[Digest, Image] = {}

    def listed(of: Image, depth: int) -> Iterator[Image]:
        manifest = of.manifest()
        if not isinstance(manifest, Index):
            return
        if depth > _NESTING:
            raise LimitExceeded(
                f"indexes are nested more than {_NESTING} deep", reference=str(of.reference)
            )
        for entry in manifest.manifests:
            child = resolve(
                of.reference.with_digest(entry.digest),
                registry=registry,
                settings=settings,
                limits=limits,
            )
            if entry.media_type in INDEXES:
                yield from listed(child, depth + 1)
            yield child

    for child in listed(image, 1):
        found.setdefault(child.reference.digest or image.descriptor.digest, child)
        if len(found) > most:
            raise LimitExceeded(
                f"the index lists more than {most} manifests",
                reference=str(image.reference),
                hint="raise Limits.manifests if you trust it",
            )
    found.pop(image.descriptor.digest, None)
    return (*found.values(), image)
