"""Which image of an index is meant.

Source: image-spec v1.1, image-index.md. BuildKit lists its attestations as platform
`unknown/unknown`: they are no images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.oci.descriptor import Descriptor, Platform
    from provenance.oci.manifest import Index

__all__ = ["choose", "platforms_of"]


def platforms_of(index: Index) -> tuple[Platform, ...]:
    """The platforms that an index names, each once, in its order."""
    stated = (d.platform for d in index.manifests)
    return tuple(dict.fromkeys(p for p in stated if p is not None and p.os != "unknown"))


def choose(index: Index, wanted: Platform) -> Descriptor | None:
    """The first image for `wanted`; None where there is none.

    An index of a single image that names no platform, as some builders write layouts, means
    that image whatever is wanted: its config tells.
    """
    images = [d for d in index.manifests if d.platform is None or d.platform.os != "unknown"]
    for descriptor in images:
        if descriptor.platform is not None and descriptor.platform.matches(wanted):
            return descriptor
    if len(images) == 1 and images[0].platform is None:
        return images[0]
    return None
