"""Which layer of one image is which of another: a rebuilt layer has another digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provenance.digests import Digest
    from provenance.packages.package import Location
    from provenance.sbom.model import SubjectLayer

__all__ = ["same_layers"]


def same_layers(
    old: Sequence[SubjectLayer],
    new: Sequence[SubjectLayer],
    was: Iterable[tuple[Location, ...]],
    now: Iterable[tuple[Location, ...]],
) -> dict[Digest, Digest]:
    """Layer of the older image to the one in its place in the newer.

    Args:
        old: layers of the older image, as far as its document states them, bottom first.
        new: of the newer one.
        was: locations of packages, which name layers where the image itself does not.
        now: the same of the newer image.
    """
    first, second = _layers(old, was), _layers(new, now)
    found = {digest: digest for digest in first if digest in second}
    taken = set(found)
    waiting: dict[str, list[Digest]] = {}
    for digest, instruction in reversed(second.items()):
        if digest not in taken and instruction:
            waiting.setdefault(instruction, []).append(digest)
    for digest, instruction in first.items():
        if digest not in found and (same := waiting.get(instruction)):
            found[digest] = same.pop()
            taken.add(found[digest])
    if old and new:  # only these are known to be in order
        left = [d for d in first if d not in found]
        rest = [d for d in second if d not in taken]
        if len(left) == len(rest):
            found |= zip(left, rest, strict=True)
    return found


def _layers(
    stated: Sequence[SubjectLayer], places: Iterable[tuple[Location, ...]]
) -> dict[Digest, str]:
    """Layers and the instructions that made them: of the image, else those that packages name."""
    if stated:
        return {layer.digest: layer.created_by for layer in stated}
    return {
        place.layer: place.created_by
        for place, *_ in filter(None, places)
        if place.layer is not None
    }
