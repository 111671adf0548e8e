"""A tar's files by name, opened where they lie. Nothing is unpacked."""

from __future__ import annotations

import gzip
import tarfile
import tempfile
import threading
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from provenance.closing import Closing
from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    NotFound,
    UnsupportedFormat,
)
from provenance.oci.slices import Slice
from provenance.oci.tar_headers import open_tar
from provenance.oci.whole import open_regular, temporary_space, why

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.settings import Limits

__all__ = ["Members"]

_LINKS = 10
_GZIP = b"\x1f\x8b"
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Members(Closing):
    """Names to files of a tar, plain or gzipped; the latter is inflated to a temporary file."""

    def __init__(self, source: Path | BinaryIO, name: str, limits: Limits) -> None:
        """Open and index it; an open file is closed with this.

        Raises:
            NotFound: no such file.
            MalformedDocument: no tar, or cut short.
            UnsupportedFormat: compressed in another way.
            LimitExceeded: more entries, or more bytes when inflated, than allowed.
        """
        self.name = name
        self._limits = limits
        self._turn = threading.Lock()
        self._stack = ExitStack()
        self.compressed = False
        """Whether it is inflated beside what it was read from."""
        self._twice: set[str] = set()
        try:
            self._file = self._stack.enter_context(self._plain(source))
            self._archive = self._stack.enter_context(open_tar(self._file))
            self._members = self._index()
            self.ended = self._has_end()
            """Whether the mark of its end is there; without it, it may have been cut short."""
        except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
            self.close()
            raise MalformedDocument(
                f"{name} is no readable tar ({type(error).__name__}: {str(error)[:100]})",
                reference=name,
                hint="it may be cut short; save it again",
            ) from error
        except BaseException:
            self.close()
            raise

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def fileno(self) -> int:
        """Of the file that is read: the source itself, unless it was compressed."""
        return self._file.fileno()

    def stretch(self, name: str) -> Slice:
        """Where a file's content lies. Raises NotFound, UnsupportedFormat."""
        member = self._resolved(name)
        if member.issparse():
            # A few bytes may state a file of petabytes; no tool writes blobs so unasked.
            raise UnsupportedFormat(
                f"{name[:200]} is a sparse file",
                reference=self.name,
                hint="make the archive without --sparse",
            )
        offset, size = member.offset_data, member.size
        return Slice(self._file, self._turn, offset, size, settled=True)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file's content. Raises NotFound; links inside the archive are followed."""
        with self.stretch(name) as file:
            yield cast("BinaryIO", file)

    def read(self, name: str, limit: int) -> bytes:
        """A small file. Raises NotFound, LimitExceeded, MalformedDocument if it is there twice."""
        if name in self._twice:  # some readers take the first, some the last
            raise MalformedDocument(
                f"{name} is there more than once, and could be read as two things",
                reference=self.name,
                hint="do not use it",
            )
        with self.open(name) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise LimitExceeded(
                f"{name} in {self.name} has more than {limit} bytes", reference=self.name
            )
        return data

    def _resolved(self, name: str) -> tarfile.TarInfo:
        for _ in range(_LINKS):
            member = self._members.get(name)
            if member is None:
                break
            if not (member.issym() or member.islnk()):
                return member
            target = PurePosixPath(member.linkname)
            if member.issym():
                target = PurePosixPath(name).parent / target
            name = _normal(str(target)) or ""
        raise NotFound(
            f"{self.name} has no file {name[:200]}",
            reference=self.name,
            hint="the archive is incomplete",
        )

    def _index(self) -> dict[str, tarfile.TarInfo]:
        found: dict[str, tarfile.TarInfo] = {}
        for count, member in enumerate(self._archive):
            if count >= self._limits.entries:
                raise LimitExceeded(
                    f"{self.name} has more than {self._limits.entries} entries",
                    reference=self.name,
                )
            # A name that leads out is nobody's: nothing is written, so it is only passed over.
            name = _normal(member.name)
            if name is not None and (member.isreg() or member.issym() or member.islnk()):
                if name in found:
                    self._twice.add(name)
                found[name] = member
        return found

    def _has_end(self) -> bool:
        self._file.seek(self._archive.offset)
        return self._file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)

    def _plain(self, source: Path | BinaryIO) -> BinaryIO:
        try:
            file = open_regular(source) if isinstance(source, Path) else source
        except OSError as error:
            raise NotFound(
                f"{source} cannot be read ({why(error)})",
                reference=self.name,
                hint="check the path",
            ) from error
        file.seek(0)
        head = file.read(max(map(len, _OTHERS)))
        for magic, form in _OTHERS.items():
            if head.startswith(magic):
                file.close()
                raise UnsupportedFormat(
                    f"{self.name} is compressed by {form}",
                    reference=self.name,
                    hint="decompress it, or make it with gzip or none",
                )
        self.compressed = head.startswith(_GZIP)
        file.seek(0)
        if not self.compressed:
            return file
        with file, gzip.open(file) as inflated:
            return self._inflated(inflated)

    def _inflated(self, source: gzip.GzipFile) -> BinaryIO:
        with ExitStack() as stack:
            stack.enter_context(temporary_space(self.name))  # to close a full one fails, too
            plain = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))
            for chunk in self._chunks(source):
                plain.write(chunk)
            plain.seek(0)
            stack.pop_all()
        return plain

    def _chunks(self, source: gzip.GzipFile) -> Iterator[bytes]:
        seen = 0
        try:
            while chunk := source.read(1 << 20):
                seen += len(chunk)
                if seen > self._limits.pull_bytes:
                    raise LimitExceeded(
                        f"{self.name} inflates to more than {self._limits.pull_bytes} bytes",
                        reference=self.name,
                    )
                yield chunk
        except OSError as error:
            raise MalformedDocument(
                f"{self.name} is no whole gzip ({type(error).__name__})", reference=self.name
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._stack.close()


def _normal(name: str) -> str | None:
    """`name` without `./`; None for one that is absolute or leads out."""
    path = PurePosixPath(name)
    parts: list[str] = []
    if path.is_absolute():
        return None
    for part in path.parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or None
