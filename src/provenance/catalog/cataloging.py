"""From an open image or directory to its inventory: layers read, laid on each other, cataloged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.catalog.directory import Directory
from provenance.catalog.ecosystems import os_release
from provenance.catalog.inventory import Inventory, take_inventory
from provenance.catalog.layers import CatalogedLayers
from provenance.catalog.links import linked_files
from provenance.catalog.listing import list_files
from provenance.catalog.routing import Router
from provenance.errors import UnsupportedFormat
from provenance.image.squash import Squash
from provenance.oci.manifest import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from provenance.catalog.cache import LayerCache
    from provenance.catalog.cache_file import CacheFile
    from provenance.catalog.cataloger import Cataloger
    from provenance.catalog.files import Reading
    from provenance.findings import Finding
    from provenance.image import Image
    from provenance.packages.package import ListedFile
    from provenance.settings import Limits

__all__ = ["FILES", "VERIFY", "Cataloged", "Choices", "catalog_directory", "catalog_image"]

FILES = ("none", "owned", "all")
VERIFY = ("default", "full")
_WITHOUT_DIGEST = frozenset({"docker-archive", "docker-daemon"})


@dataclass(frozen=True, slots=True)
class Choices:
    """How an image is cataloged."""

    catalogers: tuple[Cataloger, ...]
    limits: Limits
    files: str = "none"
    """Which files are listed, one of `FILES`."""
    verify: str = "default"
    """Whether diffIDs are computed, one of `VERIFY`."""
    cache: CacheFile | None = None
    """Where what layers yield is kept; None: nowhere."""
    progress: Callable[[int, int], object] | None = None
    """Told of bytes of layers: how many were just read, how many there are."""

    @property
    def runs(self) -> tuple[Cataloger, ...]:
        """The catalogers, and what they rely on."""
        return (os_release.RULES, *self.catalogers)

    @property
    def hashed(self) -> bool:
        """Whether files are listed, and so read for their SHA-256."""
        return self.files != "none"

    @property
    def layer_key(self) -> bytes:
        """What, besides a layer, decides on what it yields."""
        from provenance.catalog.cache import key_of

        return key_of(self.runs, limits=self.limits, hashed=self.hashed, file_lists=self.hashed)

    @property
    def layer_cache(self) -> LayerCache | None:
        """What of layers is kept under these choices; None: nothing."""
        if self.cache is None:
            return None
        from provenance.catalog.cache import LayerCache

        return LayerCache(self.cache, self.layer_key)


@dataclass(frozen=True, slots=True)
class Cataloged:
    """What was found."""

    inventory: Inventory
    files: tuple[ListedFile, ...]
    findings: tuple[Finding, ...]
    """Of the layers, then of the catalogers."""


def catalog_image(image: Image, choices: Choices) -> Cataloged:
    """Catalog the image of one platform.

    Raises:
        ProvenanceError: a layer could not be read to its proven end.
    """
    described = image.layers
    runs, hashed = choices.runs, choices.hashed
    router = Router(runs, file_lists=hashed)
    claims = choices.verify == "full" or image.reference.scheme in _WITHOUT_DIGEST
    with image.repository() as repository:
        manifest = image.manifest()
        if isinstance(manifest, Index):
            raise UnsupportedFormat(
                "an index has no layers of its own", reference=str(image.reference)
            )
        layers = CatalogedLayers(
            repository,
            manifest.layers,
            router,
            choices.limits,
            where=str(image.reference),
            hashed=hashed,
            diff_ids=tuple(layer.diff_id for layer in described) if claims else (),
            cache=choices.layer_cache,
            progress=_progress(choices, [layer.size for layer in manifest.layers]),
        )
        records = layers.records()
        squash = Squash(records, hops=choices.limits.link_hops)
        linked: dict[str, Reading] = {}
        for index, aliases in linked_files(squash, router, where=str(image.reference)).items():
            linked |= layers.reread(index, aliases)
    digests = [layer.digest for layer in described]
    inventory = take_inventory(squash, linked, runs, digests)
    # A layer may stand in an image twice, and is one record then.
    each = {id(record): record for record in records}.values()
    findings = tuple(finding for record in each for finding in record.findings)
    files, changed = list_files(squash, inventory, digests, choices.files)
    return Cataloged(inventory, files, (*findings, *inventory.findings, *changed))


def _progress(choices: Choices, sizes: Sequence[int]) -> Callable[[int], object] | None:
    tell, total = choices.progress, sum(sizes)
    return None if tell is None else lambda count: tell(count, total)


def catalog_directory(root: Path, choices: Choices) -> Cataloged:
    """Catalog an unpacked root. Nothing of it is cached: nothing says that it stays as it is.

    Raises:
        NotFound: it is no directory.
        LimitExceeded: it holds too much.
    """
    runs, hashed = choices.runs, choices.hashed
    router = Router(runs, file_lists=hashed)
    directory = Directory(root, router, choices.limits, hashed=hashed)
    record = directory.record()
    squash = Squash([record], hops=choices.limits.link_hops)
    linked: dict[str, Reading] = {}
    for aliases in linked_files(squash, router, where=str(root)).values():
        linked |= directory.reread(aliases)
    inventory = take_inventory(squash, linked, runs, [None])
    files, changed = list_files(squash, inventory, [None], choices.files)
    return Cataloged(inventory, files, (*record.findings, *inventory.findings, *changed))
