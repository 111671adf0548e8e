"""Files and folders as layers, the way `oras` packs them, and the same every time.

A file is its bytes. A folder is a gzipped tar of regular files and folders, named after the
title, without owners and times; read and written in pieces, however large it is.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from provenance.digests import Digest
from provenance.errors import LimitExceeded, NotFound, UnsupportedFormat
from provenance.oci.descriptor import Descriptor
from provenance.oci.media_types import LAYER_GZIP
from provenance.oci.oras.names import CONTENT, TITLE, UNPACK, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

__all__ = ["Packed", "pack", "title_of"]

_CHUNK = 1 << 20
_RIGHTS = 0o777


@dataclass(frozen=True, slots=True)
class Packed:
    """A layer: what it is, and its bytes, open until the stack it was packed on is closed."""

    descriptor: Descriptor
    file: BinaryIO


def title_of(path: Path) -> str:
    """The name a file or folder is packed under: its own, without where it lies.

    Raises MalformedDocument for one that could not be pulled again everywhere.
    """
    name = path.name if path.name not in {"", "..", "."} else path.resolve().name
    check_name(name, str(path))
    return name


def pack(path: Path, stack: ExitStack, *, title: str, media_type: str, limit: int) -> Packed:
    """Pack a file or folder as one layer.

    Args:
        path: what to pack. A link is followed here, and here alone.
        stack: keeps the layer's bytes open until it is closed.
        title: the layer's title.
        media_type: of a file. A folder has that of a gzipped tar.
        limit: most bytes.

    Raises:
        NotFound: it is not there, cannot be read or changed while it was.
        UnsupportedFormat: it is or holds a link, device or other thing that is no file.
        MalformedDocument: a name that could not be pulled again.
        LimitExceeded: it is larger than `limit`.
    """
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            return _pack_folder(path, stack, title, limit)
        if not stat.S_ISREG(kind):
            raise UnsupportedFormat(f"{path} is neither a file nor a folder")
        file = stack.enter_context(path.open("rb"))
        return _packed(file, media_type, {TITLE: title}, limit, str(path))
    except (OSError, tarfile.TarError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise NotFound(f"{path} cannot be read ({why})", hint="check the path") from error


def _packed(
    file: BinaryIO, media_type: str, annotations: dict[str, str], limit: int, where: str
) -> Packed:
    total, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(_CHUNK):
        total.update(chunk)
        size += len(chunk)
        _check(size, limit, where)
    digest = Digest(f"sha256:{total.hexdigest()}")
    return Packed(Descriptor(media_type, digest, size, annotations), file)


def _check(size: int, limit: int, where: str) -> None:
    if size > limit:
        raise LimitExceeded(
            f"{where} is larger than {limit} bytes",
            hint="raise Limits.pull_bytes, here and where it is pulled",
        )


def _pack_folder(folder: Path, stack: ExitStack, title: str, limit: int) -> Packed:
    packed: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack does
    # Without a time stamp and a file name, so that the same folder is the same layer.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as squeezed:
        plain = _Hashed(squeezed, limit, str(folder))
        _tar(folder, title, plain)
    annotations = {TITLE: title, UNPACK: "true", CONTENT: plain.digest}
    return _packed(_binary(packed), LAYER_GZIP, annotations, limit, str(folder))


def _binary(file: IO[bytes]) -> BinaryIO:
    return file  # type: ignore[return-value] # what tempfile returns is one, in spite of its name


class _Hashed:
    """Where `tarfile` writes to: hashed, counted and handed on."""

    def __init__(self, out: gzip.GzipFile, limit: int, where: str) -> None:
        self._out, self._limit, self._where = out, limit, where
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> int:
        self._size += len(data)
        _check(self._size, self._limit, self._where)
        self._hash.update(data)
        return self._out.write(data)

    def tell(self) -> int:
        return self._size

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def _tar(folder: Path, title: str, out: _Hashed) -> None:
    # Never closed: it would fill up to a whole record, while ORAS hashes what a tar reader
    # reads, which ends after two empty blocks.
    archive = tarfile.TarFile(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[arg-type]
    for path, name in _entries(folder, title):
        found = path.lstat()
        member = tarfile.TarInfo(name)
        member.mode = stat.S_IMODE(found.st_mode) & _RIGHTS
        if path == folder or stat.S_ISDIR(found.st_mode):
            member.mode = stat.S_IMODE(path.stat().st_mode) & _RIGHTS
            member.type = tarfile.DIRTYPE
            archive.addfile(member)
        elif stat.S_ISREG(found.st_mode):
            member.size = found.st_size
            with path.open("rb") as file:
                archive.addfile(member, file)
        else:
            raise UnsupportedFormat(
                f"{path} is a link, device or socket, which is not packed",
                hint="leave it out, put the file itself there, or attach an archive",
            )
    out.write(bytes(2 * tarfile.BLOCKSIZE))


def _entries(folder: Path, title: str) -> Iterator[tuple[Path, str]]:
    """What is in a folder and the folder itself, in an order that does not depend on the disk."""

    def stop(error: OSError) -> None:
        raise error

    for at, folders, files in os.walk(folder, onerror=stop):
        folders.sort()
        here = Path(at)
        base = "/".join((title, *here.relative_to(folder).parts))
        yield here, base
        links = [name for name in folders if (here / name).is_symlink()]
        for name in sorted([*files, *links]):
            check_name(f"{base}/{name}", str(here / name))
            yield here / name, f"{base}/{name}"
        for name in folders:
            check_name(f"{base}/{name}", str(here / name))
