"""`TarHome`: a tar of blobs that is read where it lies, and written anew, whole, to be added to.

What is pushed goes to a spool; at the end all of it, sorted, and all that was there become one new
file, which takes the name of the old one. Another writer that was first is not overwritten: its
file is what is added to then.
"""

from __future__ import annotations

import contextlib
import os
import threading
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.members import Members
from provenance.oci.proofs import Proofs
from provenance.oci.spool import Spool
from provenance.oci.tar_writing import write_tar
from provenance.oci.whole import TEMPORARY, lock, open_regular, sweep, whole_file, why

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.slices import Slice
    from provenance.oci.sources import Content, Progress
    from provenance.settings import Limits

__all__ = ["TarHome", "place_of"]

_COMPRESSED = (".gz", ".tgz", ".zst", ".zstd", ".xz", ".bz2")


def place_of(digest: Digest) -> str:
    """The name of a blob's file in a layout."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


class TarHome:
    """Files and blobs by name and digest, those pushed among them. For threads."""

    def __init__(self, file: Path | Members | None, name: str, limits: Limits) -> None:
        """Open `file`, if it is there; None: one that only `write` will write.

        Raises:
            MalformedDocument: no tar, or cut short.
            LimitExceeded: too many entries.
        """
        self.name, self.limits = name, limits
        self.file = file if isinstance(file, Path) else None
        self.spool: Spool | None = None
        self.dropped: set[Digest] = set()
        self.lock = threading.RLock()
        self._proofs = Proofs()
        self.members = file if isinstance(file, Members) else None
        if self.file is not None and os.path.lexists(self.file):
            self.members = Members(self.file, name, limits)

    @property
    def is_written(self) -> bool:
        """Whether there is something to write at the end."""
        return self.spool is not None

    def begin(self) -> Spool:
        """Be written to from now on.

        Raises:
            MalformedDocument: the archive was cut short.
            UnsupportedFormat: a name or an archive that says it is compressed.
            RegistryUnavailable: the folder cannot be written to.
        """
        with self.lock:
            if self.spool is None:
                compressed = self.members is not None and self.members.compressed
                if compressed or str(self.file).lower().endswith(_COMPRESSED):
                    raise UnsupportedFormat(
                        "a compressed archive is not written",
                        reference=self.name,
                        hint="name a .tar: its layers are compressed already",
                    )
                _check_end(self.members)
                with self._writing():
                    real = self.file.resolve() if self.file else None
                    if real is not None:
                        sweep(real.parent, self._prefix(real))
                    self.spool = Spool(real.parent if real else None)
            return self.spool

    def has_layout(self) -> bool:
        """Whether the archive as it was opened has one."""
        members = self.members
        return members is not None and "oci-layout" in members and "index.json" in members

    def has(self, digest: Digest) -> bool:
        """Whether a blob is there under the name of its digest."""
        kept = self.spool is not None and digest in self.spool
        return kept or (self.members is not None and place_of(digest) in self.members)

    def opened(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file of the archive as it was opened. Raises NotFound."""
        if self.members is None:
            raise self._missing()
        return self.members.open(name)

    def stretch(self, name: str) -> Slice:
        """Where a file of the archive as it was opened lies. Raises NotFound, UnsupportedFormat."""
        if self.members is None:
            raise self._missing()
        return self.members.stretch(name)

    def read(self, name: str, limit: int) -> bytes:
        """A small file of the archive as it was opened. Raises NotFound, LimitExceeded."""
        if self.members is None:
            raise self._missing()
        return self.members.read(name, limit)

    def _missing(self) -> NotFound:
        return NotFound(
            f"{self.name} cannot be read (there is no such file)",
            reference=self.name,
            hint="check the path",
        )

    @contextmanager
    def blob(self, digest: Digest) -> Iterator[BinaryIO]:
        """A blob, not proven here. Raises NotFound."""
        if self.spool is not None and digest in self.spool:
            with self.spool.stretch(digest) as kept:
                yield cast("BinaryIO", kept)
            return
        if self.members is None or place_of(digest) not in self.members:
            raise NotFound(
                f"{self.name} has no blob {digest}",
                reference=self.name,
                digest=digest,
                hint="the archive is incomplete" if self.members else "check the path",
            )
        with self.members.open(place_of(digest)) as file:
            yield file

    def holds(self, blob: Descriptor) -> bool:
        """Whether a blob is there, whole: what is in the archive is hashed, once."""
        if self.spool is not None and blob.digest in self.spool:
            return True
        if self.members is None or place_of(blob.digest) not in self.members:
            return False
        try:
            stretch = self.members.stretch(place_of(blob.digest))
        except ProvenanceError:  # a link to nowhere, a sparse file: to be stored anew
            return False
        state = (stretch.offset, stretch.size)
        return stretch.size == blob.size and self._proofs.proven_at(state, stretch, blob)

    def push(self, data: Content, blob: Descriptor, progress: Progress | None = None) -> None:
        """Keep a blob unless it is there. Raises ContentMismatch, RegistryUnavailable."""
        spool = self.begin()
        if not self.holds(blob):
            with self._writing():
                spool.add(data, blob, progress)
        self.dropped.discard(blob.digest)

    def finish(self, render: Callable[[Members | None], dict[str, bytes]]) -> None:
        """Write the archive: what `render` makes of the one that is there, and every blob.

        Raises:
            RegistryUnavailable: it cannot be written; the old one is as it was.
        """
        if self.spool is None or self.file is None:
            return
        with self._writing():
            real = self.file.resolve()
            while True:
                with self._current(real) as base:
                    _check_end(base)
                    small = render(base)
                    if base is not None and self._is_all_there(base, small):
                        return
                    new, prefix = base is None, self._prefix(real)
                    try:
                        with whole_file(real, prefix=prefix, new=new) as out:
                            self.write(out, base, small)
                    except FileExistsError:  # another writer's, just now
                        continue
                    return

    def _is_all_there(self, base: Members, small: dict[str, bytes]) -> bool:
        if any(self.spool or ()) or self.dropped:
            return False
        same = (name in base and base.read(name, len(raw)) == raw for name, raw in small.items())
        try:
            return all(same)
        except LimitExceeded:  # longer than what is to be written
            return False

    def write(self, out: BinaryIO, base: Members | None, small: dict[str, bytes]) -> None:
        """The archive into an open file: small files first, then all else by name."""
        if self.spool is not None:
            self.spool.flush()
        pushed = {place_of(digest): digest for digest in self.spool or ()}
        names = {*pushed, *(base or ())} - small.keys()
        names -= {place_of(digest) for digest in self.dropped}

        def files() -> Iterator[tuple[str, bytes | Slice]]:
            yield from small.items()
            for name in sorted(names):
                if name in pushed and self.spool is not None:
                    yield name, self.spool.stretch(pushed[name])
                elif base is not None:
                    with contextlib.suppress(NotFound):  # a link to nowhere
                        yield name, base.stretch(name)

        write_tar(out, files())

    @contextmanager
    def _current(self, real: Path) -> Iterator[Members | None]:
        """The archive as it is now, its other writers waiting; None: there is none."""
        while True:
            try:
                file = _open_locked(real)
            except FileNotFoundError:
                if os.path.lexists(real):
                    raise
                yield None
                return
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(real)):  # noqa: PTH116
                    break
            file.close()  # another writer has put a new one here
        with Members(file, self.name, self.limits) as members:
            yield members

    def close(self) -> None:
        """Close everything; what was not finished is gone."""
        for part in (self.members, self.spool):
            if part is not None:
                part.close()
        self.spool = None

    def _prefix(self, real: Path) -> str:
        return f".{real.name}{TEMPORARY}"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RegistryUnavailable(
                f"{self.name} cannot be written ({why(error)})",
                reference=self.name,
                hint="check the folder, its permissions and the space left",
            ) from error


def _check_end(members: Members | None) -> None:
    if members is not None and not members.ended:
        raise MalformedDocument(
            "the archive lacks the mark of its end, so that it may have been cut short",
            reference=members.name,
            hint="save it again, or name a new file",
        )


def _open_locked(path: Path) -> BinaryIO:
    try:  # over a network only a file that is open for writing can be locked
        file = open_regular(path, os.O_RDWR)
    except PermissionError:
        file = open_regular(path)
    lock(file.fileno())
    return file
