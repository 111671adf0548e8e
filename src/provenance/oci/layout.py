"""`LayoutRepository`: an OCI image layout in a directory, read and written.

Source: image-spec v1.1, image-layout.md. Blobs are written before the index, each file whole;
writers take turns by a lock, so that two at once lose nothing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
)
from provenance.oci.contents import REF_NAME, LayoutContents, parse_top
from provenance.oci.descriptor import Descriptor
from provenance.oci.reference import Reference
from provenance.oci.sources import open_content
from provenance.settings import Limits
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from provenance.digests import Digest, VerifiedReader
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.repository import Referrers
    from provenance.oci.sources import Content, Progress

__all__ = ["LayoutRepository", "check_marker"]

_MARKER = b'{"imageLayoutVersion":"1.0.0"}'
_OWN = frozenset({"blobs", "oci-layout", "index.json", ".lock"})
_TEMPORARY = ".write-"


class LayoutRepository:
    """A directory. Implements `Writable`; made on the first push if it is not there."""

    def __init__(self, directory: Path, *, limits: Limits | None = None) -> None:
        """Use `directory`; nothing is read yet."""
        self.directory = directory
        self.limits = limits or Limits()
        self._contents = LayoutContents(self.name, self._top, self._blob, self.limits)

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

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Store a blob unless it is there.

        Raises:
            ContentMismatch: `data` is not it.
            RegistryUnavailable: the directory cannot be written to.
            InvalidReference: the directory holds other things, but no layout.
        """
        target = self._path(descriptor.digest)
        with self._writing():
            if not self._holds(target, data, descriptor):
                self._prepare(target.parent)
                self._store(target, data, descriptor, progress)

    def _holds(self, target: Path, data: Content, descriptor: Descriptor) -> bool:
        """Whether the blob is there; what is at hand anyway is compared, not only measured."""
        if target.is_symlink() or not target.is_file():
            return False
        if target.stat().st_size != descriptor.size:
            return False
        return not isinstance(data, bytes) or target.read_bytes() == data

    def _store(
        self, target: Path, data: Content, descriptor: Descriptor, progress: Progress | None
    ) -> None:
        with open_content(data, descriptor) as reader, _whole(target) as file:
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
        self.push_blob(manifest.raw, plain)
        if tag or not nested:
            self._list(plain, tag)
        return found

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Point `tag` at a manifest that is there."""
        found = self.manifest(target).descriptor
        self._list(Descriptor(found.media_type, found.digest, found.size), tag)

    def __repr__(self) -> str:
        return f"LayoutRepository({str(self.directory)!r})"

    def _list(self, descriptor: Descriptor, tag: str | None) -> None:
        """Add an entry to `index.json`; everything else in it stays as it is."""
        if tag:  # the grammar of a local name
            Reference("oci", "", str(self.directory)).with_tag(tag)
        with self._writing(), self._locked():
            document = self._document()
            entries: list[dict[str, Any]] = document["manifests"]
            new = descriptor.to_json()
            if tag:
                new["annotations"] = {REF_NAME: tag}
                entries = [e for old in entries for e in self._moved(old, tag, new["digest"])]
            elif any(entry["digest"] == new["digest"] for entry in entries):
                return
            document["manifests"] = [*entries, new]
            with _whole(self._index_path) as file:
                file.write(json.dumps(document, separators=(",", ":")).encode())

    def _document(self) -> dict[str, Any]:
        if not self._index_path.is_file():
            return {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [],
            }
        raw = self._top().raw  # checked: an index whose entries are descriptors
        document = decode_object(raw)
        document["manifests"] = document.get("manifests") or []
        return document

    def _moved(self, entry: dict[str, Any], tag: str, digest: str) -> list[dict[str, Any]]:
        """An entry when `tag` goes to `digest`: a referrer loses its name but stays listed.

        An unlisted one would never be found again, and its subject read as unsigned.
        """
        if (entry.get("annotations") or {}).get(REF_NAME) != tag:
            return [entry]
        if entry["digest"] == digest:
            return []
        descriptor = Descriptor.from_json(entry)
        try:
            if self._contents.manifest(descriptor).subject is None:
                return []
        except ProvenanceError:  # could not tell
            pass
        names = {k: v for k, v in entry["annotations"].items() if k != REF_NAME}
        return [{**entry, "annotations": names}]

    @property
    def _index_path(self) -> Path:
        return self.directory / "index.json"

    def _top(self) -> Index:
        check_marker(self._small(self.directory / "oci-layout"), self.name)
        return parse_top(self._small(self._index_path), self.name, self.limits)

    def _small(self, path: Path) -> bytes:
        limit = self.limits.manifest_bytes
        try:
            with self._opened(path) as file:
                data = file.read(limit + 1)
        except (OSError, RuntimeError) as error:
            raise NotFound(
                f"{self.directory} is no OCI layout: {path.name} cannot be read ({_why(error)})",
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
                f"{self.name} has no blob {digest} ({_why(error)})",
                reference=self.name,
                digest=digest,
                hint="the layout is incomplete",
            ) from error
        with file:
            yield file

    def _opened(self, path: Path) -> BinaryIO:
        """A regular file of this layout. Links may lead to others of its files, never out."""
        real = path.resolve(strict=True)
        if not real.is_relative_to(self.directory.resolve()):
            raise ContentMismatch(
                f"{path.name} is a link that leads out of the layout",
                reference=self.name,
                hint="do not use it",
            )
        if not real.is_file():  # to open a pipe would wait for a writer
            raise FileNotFoundError(errno.ENOENT, "no regular file")
        return real.open("rb")

    def _prepare(self, folder: Path) -> None:
        """Make the folders, and the marker last; an unknown directory is left as it is."""
        marker = self.directory / "oci-layout"
        there = marker.exists()
        if not there and self.directory.exists():
            names = {path.name for path in self.directory.iterdir()} - _OWN
            # Another writer may be just beginning.
            if any(not name.startswith(_TEMPORARY) for name in names):
                raise InvalidReference(
                    f"{self.directory} is neither empty nor an OCI layout",
                    hint="name a new or empty directory",
                )
        folder.mkdir(parents=True, exist_ok=True)
        if not there:
            with _whole(marker) as file:
                file.write(_MARKER)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RegistryUnavailable(
                f"{self.directory} cannot be written to ({_why(error)})",
                reference=self.name,
                hint="check that it is a directory, its permissions and the space left",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer of the index at a time, across processes where the system can."""
        lock: Callable[[int], None] = _lock
        with (self.directory / ".lock").open("a") as file:
            lock(file.fileno())
            yield


def check_marker(raw: bytes, name: str) -> None:
    """That `oci-layout` says version 1. Raises MalformedDocument."""
    try:
        version = decode_object(raw).get("imageLayoutVersion")
    except MalformedDocument as error:
        error.reference = name
        raise
    if not isinstance(version, str) or not version.startswith("1."):
        raise MalformedDocument(
            f"the layout is of version {str(version)[:20]!r}, expected 1.0.0", reference=name
        )


def _why(error: OSError | RuntimeError) -> str:
    """Python before 3.13 tells of a loop of links by a RuntimeError."""
    return (error.strerror if isinstance(error, OSError) else "links in a loop") or "unknown"


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such thing on Windows: one writer at a time there
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete, and leaves nothing otherwise."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=_TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
