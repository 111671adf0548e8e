"""The tar of a folder, read forward once and within limits: regular files and folders alone.

`tarfile` parses the headers. What it reads them from is ours: it never reads much at once, never
goes back, and knows where the archive was to end.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from provenance.digests import Digest
from provenance.errors import ContentMismatch, LimitExceeded, MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Member", "Tarball"]

_CHUNK = 1 << 18
_LONGEST_HEADER = 1 << 20
_GZIP = b"\x1f\x8b"
_RIGHTS = 0o777


class Member:
    """One file or folder of a tarball. Its body is read before the next one is asked for."""

    def __init__(self, header: tarfile.TarInfo, stream: _Forward) -> None:
        """See `Tarball`."""
        self.name = header.name
        self.is_folder = header.isdir()
        self.size = 0 if self.is_folder else header.size
        self.mode = header.mode & _RIGHTS
        """Rights, without set-user, set-group and sticky bit."""
        self._start, self._stream = header.offset_data, stream

    def chunks(self) -> Iterator[bytes]:
        """Its body."""
        left = self.size
        self._stream.seek(self._start)
        while left:
            chunk = self._stream.read(min(left, _CHUNK))
            if not chunk:
                raise MalformedDocument(f"the folder's tar ends within {self.name[:100]!r}")
            left -= len(chunk)
            yield chunk

    def digest(self) -> Digest:
        """The digest of its body, which is read for it."""
        total = hashlib.sha256()
        for chunk in self.chunks():
            total.update(chunk)
        return Digest(f"sha256:{total.hexdigest()}")


class Tarball:
    """Iterate over what is in a tar or gzipped tar; at its end its digest is known to agree."""

    def __init__(
        self, file: BinaryIO, *, limit: int, entries: int, content: Digest | None = None
    ) -> None:
        """Read `file` from its beginning.

        Args:
            file: seekable, and verified.
            limit: most bytes of the tar, unpacked.
            entries: most files and folders.
            content: what the unpacked tar must hash to.
        """
        self._file, self._limit, self._entries, self._content = file, limit, entries, content

    def __iter__(self) -> Iterator[Member]:
        """Every file and folder.

        Raises:
            MalformedDocument: no tar, or with a link, device or sparse file; the end is cut off.
            LimitExceeded: more, or more bytes, than allowed.
            ContentMismatch: at the end, where it has not the digest it should.
        """
        self._file.seek(0)
        packed = self._file.read(2) == _GZIP
        self._file.seek(0)
        raw: Any = gzip.GzipFile(fileobj=self._file, mode="rb") if packed else self._file
        stream = _Forward(raw, self._limit, self._content)
        archive = _parsed(lambda: tarfile.TarFile(fileobj=stream, mode="r"))  # type: ignore[arg-type]
        count = 0
        while (header := _parsed(archive.next)) is not None:
            archive.members.clear()  # else all stay in memory
            count += 1
            if count > self._entries:
                raise LimitExceeded(
                    f"the folder has more than {self._entries} entries",
                    hint="raise Limits.entries if you trust it",
                )
            # Sparse: a few bytes may state a file of petabytes.
            if header.issparse() or not (header.isreg() or header.isdir()) or header.size < 0:
                raise MalformedDocument(
                    f"{header.name[:100]!r} is a link, device or sparse file, which is not made",
                    hint="push the folder again without it",
                )
            yield Member(header, stream)
        stream.finish()


class _Forward:
    """A file as `tarfile` reads it, without a way back."""

    def __init__(self, raw: Any, limit: int, content: Digest | None) -> None:
        self._raw, self._limit, self._content = raw, limit, content
        self._at = 0
        self._last = b""
        self._hash = hashlib.new(content.algorithm) if content else None

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        if position < self._at:  # a size below zero leads back, and round and round
            raise MalformedDocument("the folder's tar has a header that leads back")
        while self._at < position and self.read(min(position - self._at, _CHUNK)):
            pass
        return self._at

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise LimitExceeded(
                f"a header of the folder's tar has more than {_LONGEST_HEADER} bytes",
                hint="it may be an attack; no tool writes that",
            )
        parts: list[bytes] = []
        left = size
        while left and (part := self._inflate(left)):
            parts.append(part)
            left -= len(part)
        self._last = b"".join(parts)
        return self._last

    def _inflate(self, size: int) -> bytes:
        try:
            part: bytes = self._raw.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise MalformedDocument(
                f"the folder cannot be unpacked ({type(error).__name__})",
                hint="it is no gzipped tar, or was cut short before it was pushed",
            ) from error
        self._at += len(part)
        if self._at > self._limit:
            raise LimitExceeded(
                f"the folder unpacks to more than {self._limit} bytes",
                hint="raise Limits.pull_bytes if you trust it",
            )
        if self._hash is not None:
            self._hash.update(part)
        return part

    def finish(self) -> None:
        """Prove what is left. Raises MalformedDocument, ContentMismatch."""
        # tarfile takes any block that is no header for the end.
        if self._last.strip(b"\0"):
            raise MalformedDocument("the folder's tar goes on with what is no header")
        while self.read(_CHUNK):
            pass
        if self._hash is not None and self._content is not None:
            found = f"{self._content.algorithm}:{self._hash.hexdigest()}"
            if found != self._content:
                raise ContentMismatch(
                    f"the unpacked folder hashes to {found}, not to what its annotation says",
                    digest=self._content,
                    hint="it was pushed wrong, or altered before; do not use it",
                )


def _parsed(step: Any) -> Any:
    """What `tarfile` makes of the next bytes; it fails in many ways at what is no header."""
    try:
        return step()
    except (tarfile.TarError, ValueError, OverflowError, LookupError, RecursionError) as error:
        raise MalformedDocument(
            f"the folder cannot be unpacked ({type(error).__name__})",
            hint="its layer is marked as a folder, but is no tar",
        ) from error
