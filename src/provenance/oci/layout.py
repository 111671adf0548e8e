"""`LayoutRepository`: an OCI image layout in a directory, read and written.

Source: image-spec v1.1, image-layout.md. Blobs are written before the index, each file whole;
writers take turns by a lock, so that two at once lose nothing, threads or processes.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    LimitExceeded,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
)
from provenance.oci.contents import LayoutContents, check_marker
from provenance.oci.descriptor import Descriptor
from provenance.oci.index_entries import encode, entered, parsed
from provenance.oci.proofs import Proofs
from provenance.oci.reference import Reference
from provenance.oci.removing import remove
from provenance.oci.sources import open_content
from provenance.oci.whole import TEMPORARY, lock, open_regular, sweep, whole_file, why
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from provenance.digests import Digest, VerifiedReader
    from provenance.oci.index_entries import Change, Document, Entry
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.repository import Referrers
    from provenance.oci.sources import Content, Progress

__all__ = ["MARKER", "LayoutRepository"]

MARKER = b'{"imageLayoutVersion":"1.0.0"}'
_OWN = frozenset({"blobs", "oci-layout", "index.json", ".lock"})


class LayoutRepository:
    """A directory, made on the first push.

    Implements `Writable`, `Holds`, `Lists`, `Gathers`, `Deletes`.
    """

    def __init__(self, directory: Path, *, limits: Limits | None = None) -> None:
        """Use `directory`; nothing is read yet."""
        self.directory = directory
        self.limits = limits or Limits()
        self._contents = LayoutContents(self.name, self._top, self._blob, self.limits)
        self._proofs = Proofs()
        self._swept: set[Path] = set()
        self._document: tuple[bytes | None, Document] | None = None

    @property
    def name(self) -> str:
        """`oci:DIR`."""
        return f"oci:{self.directory}"

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """By digest, by name, or the only one there is."""
        return self._contents.resolve(target)

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """The manifest, verified."""
        return self._contents.manifest(target)

    def open(self, blob: Descriptor, /) -> AbstractContextManager[VerifiedReader]:
        """A verified stream of a blob."""
        return self._contents.open(blob)

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What refers to `subject`."""
        return self._contents.referrers(subject, artifact_type)

    def tags(self) -> tuple[str, ...]:
        """Every name."""
        return self._contents.tags()

    def entries(self) -> tuple[Descriptor, ...]:
        """What `index.json` lists."""
        return self._contents.top().manifests

    def holds(self, blob: Descriptor, /) -> bool:
        """Whether a blob is there, whole: it is hashed, once as long as the file stays the same.

        Its size alone would let a damaged blob survive every copy over it.
        """
        try:
            with self._opened(self._path(blob.digest)) as file:
                return self._proofs.proven(file, blob)
        except (OSError, RuntimeError, ContentMismatch):
            return False

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Store a blob unless it is there.

        Raises:
            ContentMismatch: `data` is not it.
            RegistryUnavailable: the directory cannot be written to.
            InvalidReference: the directory holds other things, but no layout.
        """
        with self._writing():
            target = self._path(descriptor.digest)
            self._prepare(target.parent)
            if not self.holds(descriptor):
                with open_content(data, descriptor) as reader, whole_file(target) as file:
                    while chunk := reader.read(1 << 20):
                        file.write(chunk)
                        if progress is not None:
                            progress(len(chunk))

    def push_manifest(
        self, manifest: Manifest | Index, /, *, tag: str | None = None, nested: bool = False
    ) -> Descriptor:
        """Store a manifest and list it, under `tag` where one is given; not if it is `nested`."""
        found = manifest.descriptor
        plain = Descriptor(found.media_type, found.digest, found.size)
        self._check_name(tag)
        with self._alone():  # a manifest that is deleted meanwhile is stored, or listed, after it
            self.push_blob(manifest.raw, plain)
            if tag or not nested:
                self._list(plain, tag)
        return found

    def push_referrers(self, manifests: Sequence[Manifest | Index], /) -> None:
        """Store manifests, and list them all at once."""
        plain = [
            Descriptor(d.media_type, d.digest, d.size) for d in (m.descriptor for m in manifests)
        ]
        with self._alone():
            for manifest, descriptor in zip(manifests, plain, strict=True):
                self.push_blob(manifest.raw, descriptor)

            def listing_all(document: Document) -> Document:
                for descriptor in plain:
                    document = entered(document, descriptor, None, keep=self._refers)
                return document

            self._change(listing_all)

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Point `tag` at a manifest that is there."""
        self._check_name(tag)
        with self._alone():
            found = self.manifest(target).descriptor
            self._list(Descriptor(found.media_type, found.digest, found.size), tag)

    def delete(self, target: Digest | str, /) -> None:
        """Remove a manifest by digest, with its names; or a name alone, and the manifest stays.

        Blobs that a manifest names stay, as others may share them.

        Raises:
            NotFound: it is not there.
            UnsupportedFormat: an index lists it, not the layout.
        """
        self._top()  # a directory that is no layout gets no lock
        with self._alone():
            remove(_Editing(self), target)

    def __repr__(self) -> str:
        return f"LayoutRepository({str(self.directory)!r})"

    def _check_name(self, tag: str | None) -> None:
        if tag:  # the grammar of a local name
            Reference("oci", "", str(self.directory)).with_tag(tag)

    def _list(self, descriptor: Descriptor, tag: str | None) -> None:
        self._change(lambda document: entered(document, descriptor, tag or None, keep=self._refers))

    def _change(self, change: Change) -> None:
        """Change `index.json`; everything else in it stays as it is."""
        raw = self._top() if self._index_path.is_file() else None
        known = self._document
        if known is None or known[0] != raw:  # else it is as this object left it
            if raw is not None:
                raw = self._contents.top().raw  # checked: its entries are descriptors
            known = raw, parsed(raw)
        document = known[1]
        changed = change(document)
        if changed is document and raw is not None:
            return
        new = encode(changed, self.limits.manifest_bytes, self.name)
        with self._writing(), whole_file(self._index_path) as file:
            file.write(new)
        self._document = new, changed

    def _refers(self, entry: Entry) -> bool:
        """Whether an entry that loses its name stays listed: a referrer does.

        An unlisted one would never be found again, and its subject read as unsigned.
        """
        try:
            return self._contents.manifest(Descriptor.from_json(entry)).subject is not None
        except ProvenanceError:  # could not tell
            return True

    @property
    def _index_path(self) -> Path:
        return self.directory / "index.json"

    def _top(self) -> bytes:
        check_marker(self._small(self.directory / "oci-layout"), self.name)
        return self._small(self._index_path)

    def _small(self, path: Path) -> bytes:
        limit = self.limits.manifest_bytes
        try:
            with self._opened(path) as file:
                data = file.read(limit + 1)
        except (OSError, RuntimeError) as error:
            raise NotFound(
                f"{self.directory} is no OCI layout: {path.name} cannot be read ({why(error)})",
                reference=self.name,
                hint="name a directory with oci-layout and index.json",
            ) from error
        if len(data) > limit:
            raise LimitExceeded(f"{path.name} has more than {limit} bytes", reference=self.name)
        return data

    def _path(self, digest: Digest) -> Path:
        return self.directory / "blobs" / digest.algorithm / digest.hex

    @contextmanager
    def _blob(self, digest: Digest) -> Iterator[BinaryIO]:
        try:
            file = self._opened(self._path(digest))
        except (OSError, RuntimeError) as error:
            raise NotFound(
                f"{self.name} has no blob {digest} ({why(error)})",
                reference=self.name,
                digest=digest,
                hint="the layout is incomplete",
            ) from error
        with file:
            yield file

    def _opened(self, path: Path) -> BinaryIO:
        """A regular file of this layout. Links may lead to others of its files, never out."""
        return open_regular(self._inside(path))

    def _inside(self, path: Path) -> Path:
        real = path.resolve(strict=True)
        if not real.is_relative_to(self.directory.resolve()):
            raise ContentMismatch(
                f"{path.name} is a link that leads out of the layout",
                reference=self.name,
                hint="do not use it",
            )
        return real

    def _prepare(self, folder: Path) -> None:
        """Make the folders, and the marker last; an unknown directory is left as it is.

        What dead writers left goes, once in the life of this object.
        """
        marker = self.directory / "oci-layout"
        there = marker.exists()
        if not there and self.directory.exists():
            names = {path.name for path in self.directory.iterdir()} - _OWN
            # Another writer may be just beginning.
            if any(not name.startswith(TEMPORARY) for name in names):
                raise InvalidReference(
                    f"{self.directory} is neither empty nor an OCI layout",
                    hint="name a new or empty directory",
                )
        folder.mkdir(parents=True, exist_ok=True)
        for used in (self.directory, folder):
            if used not in self._swept:
                sweep(self._inside(used))
                self._swept.add(used)
        if not there:
            with whole_file(marker) as file:
                file.write(MARKER)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RegistryUnavailable(
                f"{self.directory} cannot be written to ({why(error)})",
                reference=self.name,
                hint="check that it is a directory, its permissions and the space left",
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer of the index at a time, across threads and processes where the system can."""
        with self._writing():
            self._prepare(self.directory)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            file = open_regular(self.directory / ".lock", flags)
        with file:
            lock(file.fileno())
            yield


class _Editing:
    """A layout to whom no one else writes now."""

    def __init__(self, layout: LayoutRepository) -> None:
        self._layout = layout
        self.contents = layout._contents  # noqa: SLF001 - part of it
        self.change = layout._change  # noqa: SLF001
        self.keep = layout.push_blob

    def drop(self, digest: Digest, /) -> None:
        with self._layout._writing():  # noqa: SLF001
            self._layout._path(digest).unlink(missing_ok=True)  # noqa: SLF001
