"""A layer as the manifest and the config describe it together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.image.config import Config
    from provenance.oci.manifest import Manifest

__all__ = ["Layer", "layers_of"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, bottom first in `Image.layers`."""

    digest: Digest
    """Of the blob as stored."""
    size: int
    """Bytes as stored."""
    media_type: str
    diff_id: Digest | None = None
    """Of the tar, decompressed, as the config claims."""
    created_by: str = ""
    """The step that made it, as the config's history says."""


def layers_of(manifest: Manifest, config: Config) -> tuple[Layer, ...]:
    """The layers, bottom first. What the config says counts only if it speaks of as many."""
    count = len(manifest.layers)
    steps = [h.created_by for h in config.history if not h.empty_layer]
    made_by = steps if len(steps) == count else [""] * count
    ids: list[Digest | None] = list(config.diff_ids)
    diff_ids = ids if len(ids) == count else [None] * count
    return tuple(
        Layer(d.digest, d.size, d.media_type, diff_id, step)
        for d, diff_id, step in zip(manifest.layers, diff_ids, made_by, strict=True)
    )
