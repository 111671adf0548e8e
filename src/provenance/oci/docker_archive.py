"""`DockerArchiveRepository`: what `docker save` writes and `docker load` takes, as a repository.

Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
Docker 25 and later put an OCI layout beside `manifest.json`: its manifests, digests, indexes and
attestations are then the truth, which `manifest.json` names. Without one there is no manifest of a
registry: one is made of what is there, and no digest of it means anything elsewhere.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from provenance.closing import Closing
from provenance.digests import Digest, VerifiedReader
from provenance.errors import InvalidReference, NotFound, UnsupportedFormat
from provenance.oci.archive import TarLayout
from provenance.oci.descriptor import Descriptor
from provenance.oci.docker_forms import OldForm, entry_of, no_images
from provenance.oci.docker_listing import (
    delisted,
    docker_name,
    encode_listing,
    full_name,
    listed,
    parse_listing,
    same_name,
    untagged,
)
from provenance.oci.index_entries import CONTAINERD_NAME
from provenance.oci.manifest import Index, Manifest
from provenance.oci.media_types import IMAGE_CONFIGS
from provenance.oci.removing import remove
from provenance.oci.repository import Referrers
from provenance.oci.tar_home import TarHome
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from provenance.oci.docker_listing import Item, Listing, ListingChange
    from provenance.oci.members import Members
    from provenance.oci.sources import Content, Progress

__all__ = ["DockerArchiveRepository"]


class DockerArchiveRepository(Closing):
    """A `docker save` tar, read plain or gzipped.

    Implements `Writable`, `Holds`, `Deletes` and `Claims`. Use it in a `with`: what is pushed is
    in the file when that ends without an exception, all at once. It takes images for one platform;
    `docker load` takes nothing else from every version.
    """

    def __init__(
        self, file: Path | Members | None, *, limits: Limits | None = None, name: str = ""
    ) -> None:
        """Open `file`, if it is there. Raises MalformedDocument, LimitExceeded."""
        self.limits = limits or Limits()
        self.name = name or f"docker-archive:{file}"
        self._home = TarHome(file, self.name, self.limits)
        self._layout = TarLayout(self._home)
        self._old = OldForm(self._home, self._claiming)
        self._changes: list[ListingChange] = []
        self._now: Listing | None = None

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """By tag (`app:1.0` or `1.0`), by digest, or the only image there is."""
        found = self.manifest(target).descriptor
        return Descriptor(found.media_type, found.digest, found.size)

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """The manifest in the layout, or the one made for an image of the archive."""
        if not isinstance(target, (Descriptor, Digest)) and not target.startswith("sha256:"):
            return self._manifest(self._chosen(target))
        wanted = target.digest if isinstance(target, Descriptor) else Digest(target)
        if self._has_layout and (self._home.has(wanted) or not self._images()):
            return self._layout.contents.manifest(
                target if isinstance(target, Descriptor) else wanted
            )
        for item in self._images():
            found = self._manifest(item)
            if found.descriptor.digest == wanted:
                return found
        raise NotFound(f"{self.name} has no image {wanted}", reference=self.name, digest=wanted)

    @contextmanager
    def open(self, blob: Descriptor, /) -> Iterator[VerifiedReader]:
        """A stream of a layer or config, held to its digest."""
        with self._stream(blob) as file:
            yield VerifiedReader(file, blob.digest, blob.size, where=self.name)

    def is_claimed(self, blob: Descriptor, /) -> bool:
        """Whether it is a layer that only its image's config gives this digest."""
        return self._home.members is not None and self._old.is_claimed(blob.digest)

    @contextmanager
    def open_claim(self, blob: Descriptor, /) -> Iterator[VerifiedReader]:
        """As `open`; a layer that is not what the config claims is told by `found`."""
        claim = self.is_claimed(blob)
        with self._stream(blob) as file:
            yield VerifiedReader(file, blob.digest, blob.size, where=self.name, claim=claim)

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What refers to `subject` in the layout; without one, nothing can."""
        if self._has_layout:
            return self._layout.contents.referrers(subject, artifact_type)
        self._images()
        return Referrers((), "layout")

    def tags(self) -> tuple[str, ...]:
        """Every name, `repository:tag`."""
        return tuple(dict.fromkeys(tag for item in self._images() for tag in item["RepoTags"]))

    def holds(self, blob: Descriptor, /) -> bool:
        """Whether a blob is there, whole, under the name of its digest."""
        return self._home.holds(blob)

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Keep a blob, to be written at the end, unless it is there.

        Raises:
            ContentMismatch: `data` is not it.
            RegistryUnavailable: the folder cannot be written to.
            UnsupportedFormat: an archive that is compressed, or of an older Docker.
        """
        self._begin()
        self._home.push(data, descriptor, progress)

    def push_manifest(
        self, manifest: Manifest | Index, /, *, tag: str | None = None, nested: bool = False
    ) -> Descriptor:
        """Keep an image, under a name with its tag (`app:1.0`) where one is given.

        Raises:
            InvalidReference: no such name.
            UnsupportedFormat: an index, or no image: what `docker load` does not take.
        """
        found = self._image(manifest)
        name = full_name(docker_name(tag)) if tag else None
        self._begin()
        if nested and name is None:
            self._home.push(manifest.raw, manifest.descriptor)
            return manifest.descriptor
        with self._home.lock:
            self._layout.push_manifest(found, name, listed=True, key=CONTAINERD_NAME)
            self._change(lambda listing: listed(listing, found, name))
        return manifest.descriptor

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Give an image that is there another name."""
        self.push_manifest(self.manifest(target), tag=tag)

    def delete(self, target: Digest | str, /) -> None:
        """Remove an image by digest, with its names; or a name alone, and the image stays.

        Raises:
            NotFound: it is not there.
            UnsupportedFormat: the archive is of an older Docker.
        """
        self._images()
        self._begin()
        with self._home.lock:
            if not isinstance(target, Digest) and not target.startswith("sha256:"):
                name = next((t for t in self.tags() if same_name(t, target)), target)
                remove(self._layout, full_name(docker_name(name)) if ":" in name else name)
                self._change(lambda listing: untagged(listing, name))
                return
            manifest = self._layout.contents.manifest(Digest(target))
            remove(self._layout, Digest(target))
            if isinstance(manifest, Manifest):
                config = manifest.config.digest
                self._change(lambda listing: delisted(listing, config))

    def has(self, digest: Digest) -> bool:
        """Whether something is there by this digest: a blob, or a manifest that is made."""
        if self._home.has(digest):
            return True
        made = () if self._home.members is None else self._images()
        if any(self._manifest(item).descriptor.digest == digest for item in made):
            return True
        return self._old.place(digest, made) is not None

    @property
    def is_written(self) -> bool:
        """Whether anything was pushed."""
        return self._home.is_written

    def write(self, out: BinaryIO) -> None:
        """Write what was pushed into an open file instead. Raises OSError."""
        self._home.write(out, None, self.render(None))

    def close(self) -> None:
        """Write what was pushed, and close the file. Raises RegistryUnavailable."""
        try:
            self._home.finish(self.render)
        finally:
            self._home.close()

    def abandon(self) -> None:
        """Close the file; nothing of what was pushed is written."""
        self._home.close()

    def render(self, members: Members | None) -> dict[str, bytes]:
        """The small files of the archive to be written in the place of `members`."""
        listing = self._read(members)
        for change in self._changes:
            listing = change(listing)
        listing.sort(key=lambda item: item["Config"])
        return {**self._layout.render(members), "manifest.json": encode_listing(listing)}

    def __repr__(self) -> str:
        return f"DockerArchiveRepository({self.name!r})"

    def _stream(self, blob: Descriptor) -> AbstractContextManager[BinaryIO]:
        if self._home.has(blob.digest):
            return self._home.blob(blob.digest)
        place = self._old.place(blob.digest, self._images())
        return self._home.blob(blob.digest) if place is None else self._home.opened(place)

    def _claiming(self) -> Listing:
        """The images whose layers may go by what is claimed; a layout's manifests claim nothing."""
        return [] if self._has_layout else self._images()

    def _begin(self) -> None:
        if self._home.is_written:
            return
        if self._home.members is not None and not all(
            self._home.has_layout() and entry_of(item, self._layout.contents)
            for item in self._images()
        ):
            raise UnsupportedFormat(
                "an archive of Docker before 25 is not added to",
                reference=self.name,
                hint="name a new file",
            )
        self._home.begin()

    def _image(self, manifest: Manifest | Index) -> Manifest:
        if isinstance(manifest, Index):
            raise UnsupportedFormat(
                "a docker archive takes no index of several platforms",
                reference=self.name,
                digest=manifest.descriptor.digest,
                hint="choose a platform, or copy to oci-archive:FILE",
            )
        if manifest.config.media_type not in IMAGE_CONFIGS or manifest.subject is not None:
            raise UnsupportedFormat(
                "a docker archive takes images alone, nothing that refers to them",
                reference=self.name,
                digest=manifest.descriptor.digest,
                hint="copy without referrers, or to oci-archive:FILE",
            )
        return manifest

    @property
    def _has_layout(self) -> bool:
        return self._home.is_written or self._home.has_layout()

    def _images(self) -> Listing:
        """`manifest.json` as it would be written now, read and checked once."""
        if self._now is None:
            self._now = self._read(self._home.members)
        return self._now

    def _read(self, members: Members | None) -> Listing:
        if members is None and self._home.is_written:
            return []
        source = members or self._home
        if members is not None and "manifest.json" not in members:
            raise no_images(members)
        raw = source.read("manifest.json", self.limits.manifest_bytes)
        return parse_listing(raw, self.name, self.limits)

    def _change(self, change: ListingChange) -> None:
        self._now = change(self._images())
        self._changes.append(change)

    def _chosen(self, tag: str) -> Item:
        images = self._images()
        if not tag and len(images) == 1:
            return images[0]

        def fits(item: Item) -> bool:
            names = item["RepoTags"]
            return any(tag == t.rpartition(":")[2] or same_name(t, tag) for t in names)

        found = [item for item in images if tag and fits(item)]
        if len(found) == 1:
            return found[0]
        names = ", ".join(self.tags()[:20]) or "none"
        if (tag and not found) or not images:
            raise NotFound(f"{self.name} has no image {tag!r}", hint=f"names are {names}")
        raise InvalidReference(
            f"{self.name} holds {len(found) or len(images)} images",
            hint=f"say which: names are {names}",
        )

    def _manifest(self, item: Item) -> Manifest | Index:
        entry = entry_of(item, self._layout.contents) if self._has_layout else None
        return self._old.manifest(item) if entry is None else self._layout.contents.manifest(entry)
