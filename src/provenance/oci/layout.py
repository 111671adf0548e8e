"""`LayoutRepository`: an OCI image layout in a directory, read and written.

Source: image-spec v1.1, image-layout.md. Blobs are written before the index, each file whole;
writers take turns by a lock, so that two at once lose nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from provenance.digests import Digest, VerifiedReader, check_content
from provenance.errors import InvalidReference, LimitExceeded, MalformedDocument, NotFound
from provenance.oci.contents import REF_NAME, LayoutContents, mismatch, parse_top
from provenance.oci.descriptor import Descriptor
from provenance.settings import Limits
from provenance.strict_json import decode_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.repository import Referrers

__all__ = ["LayoutRepository"]

_MARKER = b'{"imageLayoutVersion":"1.0.0"}'


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

    def push_blob(self, data: bytes | BinaryIO, descriptor: Descriptor, /) -> None:
        """Store a blob unless it is there. Raises ContentMismatch if `data` is not it."""
        target = self._path(descriptor.digest)
        if target.is_file() and target.stat().st_size == descriptor.size:
            return
        self._prepare(target.parent)
        with _whole(target) as file:
            if isinstance(data, bytes):
                file.write(
                    check_content(
                        data, descriptor.digest, descriptor.size, where="the data to push"
                    )
                )
                return
            reader = VerifiedReader(
                data, descriptor.digest, descriptor.size, where="the data to push"
            )
            while chunk := reader.read(1 << 20):
                file.write(chunk)

    def push_manifest(self, manifest: Manifest | Index, /, *, tag: str | None = None) -> Descriptor:
        """Store a manifest and list it, under `tag` where one is given."""
        found = manifest.descriptor
        plain = Descriptor(found.media_type, found.digest, found.size)
        self.push_blob(manifest.raw, plain)
        self._list(plain, tag)
        return found

    def tag(self, descriptor: Descriptor, tag: str, /) -> None:
        """Point `tag` at a manifest that is there."""
        self.manifest(descriptor)
        self._list(Descriptor(descriptor.media_type, descriptor.digest, descriptor.size), tag)

    def __repr__(self) -> str:
        return f"LayoutRepository({str(self.directory)!r})"

    def _list(self, descriptor: Descriptor, tag: str | None) -> None:
        with self._locked():
            entries = list(self._top().manifests) if self._index_path.is_file() else []
            if tag:
                entries = [d for d in entries if d.annotations.get(REF_NAME) != tag]
                annotations = {REF_NAME: tag}
                descriptor = Descriptor(
                    descriptor.media_type, descriptor.digest, descriptor.size, annotations
                )
            elif any(d.digest == descriptor.digest for d in entries):
                return
            document = {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [d.to_json() for d in (*entries, descriptor)],
            }
            with _whole(self._index_path) as file:
                file.write(json.dumps(document, separators=(",", ":")).encode())

    @property
    def _index_path(self) -> Path:
        return self.directory / "index.json"

    def _top(self) -> Index:
        marker = self._small(self.directory / "oci-layout")
        try:
            version = decode_object(marker).get("imageLayoutVersion")
        except MalformedDocument as error:
            error.reference = self.name
            raise
        if not isinstance(version, str) or not version.startswith("1."):
            raise MalformedDocument(
                f"the layout is of version {str(version)[:20]!r}, expected 1.0.0",
                reference=self.name,
            )
        return parse_top(self._small(self._index_path), self.name, self.limits)

    def _small(self, path: Path) -> bytes:
        limit = self.limits.manifest_bytes
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise NotFound(
                f"{self.directory} is no OCI layout: {path.name} cannot be read ({error.strerror})",
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
        path = self._path(digest)
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.directory.resolve()):
                raise mismatch(self.name, digest, "is a link that leads out of the layout")
            file = real.open("rb")
        except OSError as error:
            raise NotFound(
                f"{self.name} has no blob {digest} ({error.strerror})",
                reference=self.name,
                digest=digest,
                hint="the layout is incomplete",
            ) from error
        with file:
            yield file

    def _prepare(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        marker = self.directory / "oci-layout"
        if not marker.exists():
            if any(p.name != "blobs" for p in self.directory.iterdir()):
                raise InvalidReference(
                    f"{self.directory} is neither empty nor an OCI layout",
                    hint="name a new or empty directory",
                )
            with _whole(marker) as file:
                file.write(_MARKER)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer of the index at a time, across processes where the system can."""
        lock: Callable[[int], None] = _lock
        with (self.directory / ".lock").open("a") as file:
            lock(file.fileno())
            yield


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such thing on Windows: one writer at a time there
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete, and leaves nothing otherwise."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".write-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
