"""Everything that an index stands for, to be signed one by one.

As `cosign sign --recursive`: the index, the images in it, indexes within indexes, and the
attestation manifests that BuildKit puts there, which are image manifests too. Other than there,
the index comes last: once it is signed, all of it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded
from provenance.evidence.storing import require_digest
from provenance.oci.manifest import Index
from provenance.oci.media_types import INDEXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.digests import Digest
    from provenance.image import Image
    from provenance.settings import Limits

__all__ = ["subjects_of"]

_NESTING = 8  # indexes within indexes; builders write one, rarely two


def subjects_of(image: Image, limits: Limits) -> tuple[Image, ...]:
    """The images that an index lists, in any depth, each once; the index itself last.

    An image that is no index is the only one. What is listed is not read yet.

    Raises:
        LimitExceeded: deeper than 8 levels, or more than `Limits.manifests`.
        ProvenanceError: an index could not be read.
    """
    require_digest(image)
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
            child = of.beside(entry.digest)
            if entry.media_type in INDEXES:
                yield from listed(child, depth + 1)
            yield child

    for child in listed(image, 1):
        found.setdefault(child.reference.digest or image.descriptor.digest, child)
        if len(found) > limits.manifests:
            raise LimitExceeded(
                f"the index lists more than {limits.manifests} manifests",
                reference=str(image.reference),
                hint="raise Limits.manifests if you trust it",
            )
    found.pop(image.descriptor.digest, None)
    return (*found.values(), image)
