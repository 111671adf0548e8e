"""The two forms of a docker archive: a layout that `manifest.json` names, and files without one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.oci.descriptor import Descriptor
from provenance.oci.docker_claims import GZIP, ZSTD, claims_of, stated_digest
from provenance.oci.docker_listing import plain_name
from provenance.oci.index_entries import names_of
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    LAYER_ZSTD,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provenance.oci.contents import LayoutContents
    from provenance.oci.docker_claims import Claim
    from provenance.oci.docker_listing import Item, Listing
    from provenance.oci.members import Members
    from provenance.oci.tar_home import TarHome

__all__ = ["OldForm", "entry_of", "no_images"]


def entry_of(item: Item, layout: LayoutContents) -> Descriptor | None:
    """The entry of the layout's index that an item of `manifest.json` is; None: it has none.

    Found by name, else by config. Some versions of Docker load by `manifest.json`, others by the
    layout: where both name an image, it must be one image.

    Raises:
        MalformedDocument: they name two.
    """
    config = stated_digest(item["Config"])
    if config is None:
        return None
    entries = layout.top().manifests
    tags = {plain_name(tag) for tag in item["RepoTags"]}
    named = [d for d in entries if not tags.isdisjoint(_whole_names(d))]
    found = {d.digest: d for d in named or entries if _fits(item, config, d, layout)}
    if named and len(found) != len({d.digest for d in named}):
        raise MalformedDocument(
            f"manifest.json and index.json name two images {item['RepoTags'][0]!r}",
            reference=layout.name,
            digest=config,
            hint="do not use it; some tools would load the one, some the other",
        )
    if not found:
        return None
    # One config may be in several entries: the image alone, and the index it came by.
    chosen = next(iter(found.values()))
    return Descriptor(chosen.media_type, chosen.digest, chosen.size)


def no_images(members: Members) -> ProvenanceError:
    """What an archive without `manifest.json` is instead."""
    if "oci-layout" in members:
        return NotFound(
            f"{members.name} holds no image: there is no manifest.json",
            reference=members.name,
            hint="it is an OCI archive: name it oci-archive:FILE",
        )
    if "repositories" in members:
        return UnsupportedFormat(
            "this is an archive of Docker before 1.10: `repositories`, and no manifest.json",
            reference=members.name,
            hint="load it into Docker and save it again",
        )
    return NotFound(
        f"{members.name} holds no image: there is no manifest.json",
        reference=members.name,
        hint="give what `docker save` wrote",
    )


def _whole_names(descriptor: Descriptor) -> set[str]:
    """What an entry is called in `manifest.json`, too; a bare tag is not enough of a name."""
    names = names_of(descriptor.annotations)
    return {plain_name(name) for name in names if "/" in name or ":" in name}


def _fits(item: Item, config: Digest, entry: Descriptor, layout: LayoutContents) -> bool:
    """Whether an entry is, or leads to, an image of this config and these layers."""
    stated = [stated_digest(name) for name in item["Layers"]]
    for image in _images(entry, layout):
        layers = [layer.digest for layer in image.layers]
        if image.config.digest == config and stated in ([*layers], [None] * len(stated)):
            return True
    return False


def _images(entry: Descriptor, layout: LayoutContents) -> Iterator[Manifest]:
    found = layout.manifest(entry)
    if isinstance(found, Manifest):
        yield found
        return
    for child in found.manifests:
        try:
            manifest = layout.manifest(child)
        except NotFound:  # a platform that was not saved
            continue
        if isinstance(manifest, Manifest):
            yield manifest


class OldForm:
    """Manifests made of what `manifest.json` names: each file hashed once, or by a claim."""

    def __init__(self, home: TarHome, claiming: Callable[[], Listing]) -> None:
        """Read through `home`; nothing is read yet.

        Args:
            home: where the files are.
            claiming: the images whose configs are asked for the digests of their layers.
        """
        self._home, self._claiming = home, claiming
        self.hashed: dict[str, tuple[Digest, int, bytes]] = {}
        self._places: dict[Digest, str] = {}
        self._claimed: dict[str, Claim] | None = None

    def manifest(self, item: Item) -> Manifest | Index:
        """The manifest of an image. Raises NotFound, ContentMismatch."""
        config = self._described(item["Config"], DOCKER_CONFIG)
        layers = [self._claim(name) or self._described(name, "") for name in item["Layers"]]
        return Manifest.build(config, layers, media_type=DOCKER_MANIFEST)

    def place(self, digest: Digest, listing: Iterable[Item]) -> str | None:
        """The name of the file that has this digest; None: no image names one."""
        if digest not in self._places:
            for item in listing:
                self.manifest(item)
        return self._places.get(digest)

    def is_claimed(self, digest: Digest) -> bool:
        """Whether it is the digest of a layer by a claim alone."""
        claim = self._claims().get(self._places.get(digest, ""))
        return claim is not None and claim.digest == digest

    def _claims(self) -> dict[str, Claim]:
        if self._claimed is None:
            self._claimed = claims_of(self._claiming(), self._home)
            # What is claimed of a file is read from it, though another may have that digest.
            self._places |= {claim.digest: name for name, claim in self._claimed.items()}
        return self._claimed

    def _claim(self, name: str) -> Descriptor | None:
        claim = self._claims().get(name)
        return claim and Descriptor(DOCKER_LAYER, claim.digest, claim.size)

    def _described(self, name: str, media_type: str) -> Descriptor:
        """A member by digest and size, its kind told by its first bytes where none is given."""
        if name not in self.hashed:  # many layers may name one file
            self.hashed[name] = self._hash(name)
        digest, size, head = self.hashed[name]
        if not media_type:
            media_type = DOCKER_LAYER_GZIP if head.startswith(GZIP) else DOCKER_LAYER
            media_type = LAYER_ZSTD if head.startswith(ZSTD) else media_type
        self._places.setdefault(digest, name)
        return Descriptor(media_type, digest, size)

    def _hash(self, name: str) -> tuple[Digest, int, bytes]:
        hashed, size, head = hashlib.sha256(), 0, b""
        with self._home.opened(name) as file:
            while chunk := file.read(1 << 20):
                head = head or chunk[:4]
                hashed.update(chunk)
                size += len(chunk)
        digest = Digest(f"sha256:{hashed.hexdigest()}")
        # Docker 25 and later name a file by its digest, as a layout does: it must be so.
        stated = stated_digest(name)
        if stated is not None and stated != digest:
            raise ContentMismatch(
                f"content hashes to {digest}, not to its name",
                reference=self._home.name,
                digest=stated,
                hint="do not use it; the archive was altered or cut short",
            )
        return digest, size, head
