"""What goes into a layer: kinds of entries, a tar made of them, and its compressions."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.oci import media_types as mt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = [
    "LAYER_TYPES",
    "Directory",
    "Entry",
    "File",
    "Hardlink",
    "Opaque",
    "Symlink",
    "Whiteout",
    "check_compression",
    "compress",
    "decompress",
    "entries_of",
    "tar_of",
]

LAYER_TYPES = {"gzip": mt.LAYER_GZIP, "zstd": mt.LAYER_ZSTD, "none": mt.LAYER}
"""Compression to the layer's media type."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    data: bytes = b""
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory; those above an entry need not be named."""

    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Hardlink:
    """Another name of a file in the same layer."""

    target: str


@dataclass(frozen=True, slots=True)
class Whiteout:
    """Takes the path away from the layers below."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Takes everything below the path ("" is the root) away from the layers below."""


Entry: TypeAlias = "bytes | str | File | Directory | Symlink | Hardlink | Whiteout | Opaque"


def entries_of(folder: Path) -> Iterator[tuple[str, Entry]]:
    """What is below a directory, sorted by path. Sockets, pipes and devices are left out.

    Raises:
        OSError: something there cannot be read; half an image would be a wrong one.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield name, Symlink(os.fspath(path.readlink()))
        elif path.is_dir():
            yield name, Directory(path.stat().st_mode & 0o7777)
        elif path.is_file():
            yield name, File(path.read_bytes(), path.stat().st_mode & 0o7777)


def tar_of(entries: Mapping[str, Entry]) -> bytes:
    """A tar of these paths, in their order, owned by root and of no time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, entry in entries.items():
            member, data = _member(path, entry)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _member(path: str, entry: Entry) -> tuple[tarfile.TarInfo, bytes]:
    if isinstance(entry, (bytes, str)):
        entry = File(entry.encode() if isinstance(entry, str) else entry)
    folder, slash, name = path.rpartition("/")
    if isinstance(entry, Whiteout):
        return tarfile.TarInfo(f"{folder}{slash}.wh.{name}"), b""
    if isinstance(entry, Opaque):
        return tarfile.TarInfo(f"{path}/.wh..wh..opq".lstrip("/")), b""
    member = tarfile.TarInfo(path)
    if isinstance(entry, File):
        member.mode, member.size = entry.mode, len(entry.data)
        return member, entry.data
    if isinstance(entry, Directory):
        member.type, member.mode = tarfile.DIRTYPE, entry.mode
    elif isinstance(entry, Symlink):
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.target, 0o777
    else:
        member.type, member.linkname = tarfile.LNKTYPE, entry.target
    return member, b""


def check_compression(kind: str) -> str:
    """`kind`, if it is one. Raises ValueError that lists them."""
    if kind not in LAYER_TYPES:
        raise ValueError(f"{kind!r} is no compression: use {', '.join(LAYER_TYPES)}")
    return kind


def compress(data: bytes, kind: str) -> bytes:
    """`data` as `kind` stores it; the same bytes for the same data and library."""
    if kind == "gzip":
        return gzip.compress(data, compresslevel=6, mtime=0)
    if kind == "zstd":
        return bytes(_zstd().compress(data))
    return data


def decompress(stored: bytes) -> tuple[str, bytes]:
    """The compression that `stored` begins with, and what is in it."""
    if stored.startswith(b"\x1f\x8b"):
        return "gzip", gzip.decompress(stored)
    if stored.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd", bytes(_zstd().decompress(stored))
    return "none", stored


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd
