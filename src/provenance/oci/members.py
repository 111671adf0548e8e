"""A tar's files by name, opened where they lie. Nothing is unpacked."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import threading
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Self

from provenance.errors import LimitExceeded, MalformedDocument, NotFound, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from _typeshed import WriteableBuffer

    from provenance.settings import Limits

__all__ = ["Members"]

_LINKS = 10


class Members:
    """Names to files of a tar, plain or gzipped; the latter is inflated to a temporary file."""

    def __init__(self, path: Path, name: str, limits: Limits) -> None:
        """Open and index it.

        Raises:
            NotFound: no such file.
            MalformedDocument: no tar, or cut short.
            LimitExceeded: more entries, or more bytes when inflated, than allowed.
        """
        self.name = name
        self._limits = limits
        self._turn = threading.Lock()
        self._stack = ExitStack()
        try:
            self._file = self._stack.enter_context(self._plain(path))
            self._archive = self._stack.enter_context(
                tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115 - closed by the stack
            )
            self._members = self._index()
        except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
            self.close()
            raise MalformedDocument(
                f"{path} is no readable tar ({type(error).__name__}: {str(error)[:100]})",
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

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A file's content. Raises NotFound; links inside the archive are followed."""
        member = self._resolved(name)
        if member.issparse():
            # A few bytes may state a file of petabytes; no tool writes blobs so unasked.
            raise UnsupportedFormat(
                f"{name[:200]} is a sparse file",
                reference=self.name,
                hint="make the archive without --sparse",
            )
        with io.BufferedReader(_Slice(self._file, self._turn, member)) as file:
            yield file

    def read(self, name: str, limit: int) -> bytes:
        """A small file. Raises NotFound, LimitExceeded."""
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
                found[name] = member
        return found

    def _plain(self, path: Path) -> BinaryIO:
        try:
            file = path.open("rb")
        except OSError as error:
            raise NotFound(
                f"{path} cannot be read ({error.strerror})",
                reference=self.name,
                hint="check the path",
            ) from error
        if file.read(2) != b"\x1f\x8b":
            file.seek(0)
            return file
        file.seek(0)
        plain = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the stack
        try:
            with file, gzip.open(file) as source:
                self._inflate(source, plain)
        except BaseException:
            plain.close()
            raise
        plain.seek(0)
        return plain  # type: ignore[return-value,unused-ignore]

    def _inflate(self, source: gzip.GzipFile, plain: object) -> None:
        seen = 0
        write = plain.write  # type: ignore[attr-defined]
        try:
            while chunk := source.read(1 << 20):
                seen += len(chunk)
                if seen > self._limits.pull_bytes:
                    raise LimitExceeded(
                        f"{self.name} inflates to more than {self._limits.pull_bytes} bytes",
                        reference=self.name,
                    )
                write(chunk)
        except OSError as error:
            raise MalformedDocument(
                f"{self.name} is no whole gzip ({type(error).__name__})", reference=self.name
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Slice(io.RawIOBase):
    """One file's bytes in the tar. Several may be read at once, from several threads."""

    def __init__(self, tar: BinaryIO, turn: threading.Lock, member: tarfile.TarInfo) -> None:
        super().__init__()
        self._tar, self._turn = tar, turn
        self._at, self._end = member.offset_data, member.offset_data + member.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        with self._turn:
            self._tar.seek(self._at)
            data = self._tar.read(min(len(view), self._end - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


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
