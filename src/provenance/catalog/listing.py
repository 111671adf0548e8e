"""The files of an image, for those who want them listed: with hashes, and who installed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.ownership import Ownership
from provenance.findings import Finding, Severity
from provenance.packages.package import ListedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from provenance.catalog.files import Reading
    from provenance.catalog.inventory import Inventory
    from provenance.digests import Digest
    from provenance.image.squash import Squash

__all__ = ["list_files"]


def list_files(
    squash: Squash[Reading],
    inventory: Inventory,
    layers: Sequence[Digest | None],
    which: str,
) -> tuple[tuple[ListedFile, ...], tuple[Finding, ...]]:
    """The regular files that are visible, sorted by path, and whose are not as installed.

    Each has the SHA-256 of its bytes, as they are, not as a package's database claims them.

    Args:
        squash: what is left of the layers, all files hashed.
        inventory: who owns what.
        layers: the layers' digests, bottom first.
        which: `none`, `owned` (by a package) or `all`.
    """
    if which == "none":
        return (), ()
    readings = dict(squash.items)
    for alias, (index, target) in squash.hardlinks.items():
        if target in squash.records[index].items:
            readings[alias] = index, squash.records[index].items[target]
        elif target in squash.items and squash.items[target][0] < index:
            readings[alias] = squash.items[target]
    ownership = Ownership(inventory.owned, squash.real)
    owners = ownership.owners(readings.keys())
    sums = {path: reading.sha256.hex() for path, (_, reading) in readings.items()}
    known = {p.purl for p in inventory.packages}
    found = []
    for path in sorted(readings):
        index, reading = readings[path]
        owner = min(owners[path] & known, default="") if path in owners else ""
        if which == "all" or owner:
            found.append(
                ListedFile(
                    path=path,
                    size=reading.size,
                    hashes={"sha256": sums[path]} if reading.sha256 else {},
                    layer=layers[index],
                    owner=owner,
                )
            )
    return tuple(found), tuple(_changed(ownership.differing(sums)))


def _changed(differing: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """One finding a package: what was configured since differs too, so it is no warning."""
    for purl, paths in sorted(differing.items()):
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Finding(
            "owned-file-differs",
            Severity.INFO,
            f"{min(paths)}{more}: not the bytes that {purl} says it installed",
            min(paths),
        )
