"""Blobs from one repository to another: several at once, each once, mounted where that can be."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from provenance.errors import NotFound
from provenance.oci.manifest import Manifest
from provenance.oci.media_types import OCI_ARTIFACT
from provenance.oci.repository import Mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from provenance.digests import Digest, VerifiedReader
    from provenance.oci.crew import Crew
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index
    from provenance.oci.repository import Repository, Writable

__all__ = ["Moved", "State", "Transfer", "move_blobs"]

State: TypeAlias = Literal["waiting", "moving", "moved", "there", "mounted", "left out"]

_NONDISTRIBUTABLE = ("nondistributable", "rootfs.foreign")


@dataclass(frozen=True, slots=True)
class Transfer:
    """One step of a copy, for whoever shows it."""

    blob: Descriptor
    state: State
    moved: int = 0
    """Bytes that have just been moved; less than zero where they must be moved again."""


@dataclass(slots=True)
class Moved:
    """What became of the blobs."""

    blobs: int = 0
    bytes: int = 0
    mounted: int = 0
    there: int = 0
    left_out: list[tuple[Descriptor, str]] = field(default_factory=list)


def move_blobs(
    source: Repository,
    target: Writable,
    manifests: Iterable[Manifest | Index],
    crew: Crew,
    progress: Callable[[Transfer], None] | None = None,
) -> Moved:
    """Bring the blobs of `manifests` to `target`, those that are not there.

    Raises:
        NotFound: the source lacks one (but for layers that only their maker may hand out).
        ContentMismatch: one is not what it is named.
    """
    blobs: dict[Digest, Descriptor] = {}
    for manifest in manifests:
        if isinstance(manifest, Manifest):
            # An artifact manifest has blobs alone; its config is a stand-in.
            bare = manifest.descriptor.media_type == OCI_ARTIFACT
            for blob in manifest.layers if bare else (manifest.config, *manifest.layers):
                blobs.setdefault(blob.digest, blob)
    mover = _Mover(source, target, crew, progress)
    # The largest first: the last one to end is then a small one.
    waiting = sorted(blobs.values(), key=lambda blob: -blob.size)
    for blob in waiting:
        mover.tell(blob, "waiting")
    crew.each(mover.move, waiting)
    return mover.moved


class _Mover:
    def __init__(
        self,
        source: Repository,
        target: Writable,
        crew: Crew,
        progress: Callable[[Transfer], None] | None,
    ) -> None:
        self._source, self._target, self._crew, self._progress = source, target, crew, progress
        self._mounts = isinstance(target, Mounts) and source.name != target.name
        self._lock = threading.Lock()
        self.moved = Moved()

    def move(self, blob: Descriptor) -> None:
        self._crew.check()
        if self._mounts and isinstance(self._target, Mounts):
            if self._target.mount(blob, self._source):
                with self._lock:
                    self.moved.mounted += 1
                self.tell(blob, "mounted")
                return
            self._mounts = False  # nor will the next be
        count, opened = 0, False

        def source() -> AbstractContextManager[VerifiedReader]:
            nonlocal opened
            opened = True
            return self._source.open(blob)

        def more(size: int) -> None:
            nonlocal count
            self._crew.check()
            count += size
            self.tell(blob, "moving", size)

        if self._is_kept_back(blob):
            with self._lock:
                self.moved.left_out.append((blob, "only its maker may hand it out"))
            self.tell(blob, "left out")
            return
        self._target.push_blob(source, blob, progress=more)
        with self._lock:
            self.moved.bytes += count
            if opened:
                self.moved.blobs += 1
            else:
                self.moved.there += 1
        self.tell(blob, "moved" if opened else "there")

    def _is_kept_back(self, blob: Descriptor) -> bool:
        """Whether it is a layer that registries need not have, and this source has not."""
        if not any(word in blob.media_type for word in _NONDISTRIBUTABLE):
            return False
        try:
            with self._source.open(blob):
                return False
        except NotFound:
            return True

    def tell(self, blob: Descriptor, state: State, moved: int = 0) -> None:
        if self._progress is not None:
            self._progress(Transfer(blob, state, moved))
