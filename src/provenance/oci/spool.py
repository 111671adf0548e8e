"""Blobs on their way into an archive: in one file without a name, each proven as it comes."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from typing import TYPE_CHECKING, BinaryIO, cast

from provenance.oci.slices import Slice
from provenance.oci.sources import open_content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.sources import Content, Progress

__all__ = ["Spool"]


class Spool:
    """Nothing of it is left when it is closed, or its process dies. For threads."""

    def __init__(self, folder: Path | None) -> None:
        """In `folder`; None: where temporary files go. Raises OSError."""
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this
        self._file = cast("BinaryIO", file)
        self._turn = threading.Lock()
        self._end = 0
        self._kept: dict[Digest, tuple[int, int]] = {}

    def __contains__(self, digest: Digest) -> bool:
        return digest in self._kept

    def __iter__(self) -> Iterator[Digest]:
        return iter(list(self._kept))

    def stretch(self, digest: Digest) -> Slice:
        """Where a blob lies."""
        return Slice(self._file, self._turn, *self._kept[digest])

    def add(self, data: Content, descriptor: Descriptor, progress: Progress | None = None) -> None:
        """Keep a blob. Several may come at once, each into its own stretch.

        Raises:
            ContentMismatch: `data` is not it; nothing is kept.
            OSError: no space.
        """
        with open_content(data, descriptor) as reader:
            with self._turn:
                start = at = self._end
                self._end += descriptor.size
            while chunk := reader.read(1 << 20):
                with self._turn:
                    self._file.seek(at)
                    self._file.write(chunk)
                at += len(chunk)
                if progress is not None:
                    progress(len(chunk))
        self._kept[descriptor.digest] = (start, descriptor.size)

    def flush(self) -> None:
        """Hand all to the system, for those who read by its handle. Raises OSError."""
        with self._turn:
            self._file.flush()

    def close(self) -> None:
        """Let it go."""
        with contextlib.suppress(OSError):  # a full disk says so again; whoever wrote was told
            self._file.close()
