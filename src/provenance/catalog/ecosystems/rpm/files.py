"""The files of a package: taken from its header as they are stored, spelled out once all is known.

A header keeps directories and base names apart. That form is small and stays in the fact; the
paths are made only when they are asked for, one package at a time.

Source: rpm's documentation, "RPM v4 package format", tags of file information; rpmfiles.h.
"""

from __future__ import annotations

import stat
from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.catalog.ecosystems.rpm.header import StringArray, Tag, native
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.catalog.ecosystems.rpm.header import Header

__all__ = ["PackageFiles", "expand", "file_list"]

_MAX_FILES = 500_000  # of one package; kernels and TeX have some 100,000
# A header says more of a file than its path, so that the paths are shorter than the header; but a
# directory is stored once, and stands in the path of each of its files.
_MAX_GROWTH = 8
_ALGORITHMS = {
    1: "md5",
    2: "sha1",
    8: "sha256",
    9: "sha384",
    10: "sha512",
    11: "sha224",
}
"""OpenPGP's numbers (RFC 9580 section 9.5)."""
_LENGTHS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_HEX = b"0123456789abcdefABCDEF\0"
_MD5 = 1  # where the header names none
_ON_DISK = {0, 3}  # normal, and on a share; not: replaced, left out, of a wrong colour


class PackageFiles(NamedTuple):
    """The files of one package, by their paths without a leading slash."""

    paths: Sequence[str]
    """Those that its installation put there, no directories."""
    hashes: Sequence[str]
    """`algorithm:hex` of each, empty where it has none (links); or none at all."""
    listed: Sequence[str]
    """All it lists, directories too: what others may need."""


def file_list(header: Header) -> dict[str, Any] | None:
    """The file list as a fact's value; None where there are no files.

    Raises:
        MalformedDocument: it does not fit together, or is longer than any.
    """
    bases, directories = header.strings(Tag.BASENAMES), header.strings(Tag.DIRNAMES)
    indexes, of_index = header.raw_numbers(Tag.DIRINDEXES)
    if not bases.size:
        bases = header.strings(Tag.OLDFILENAMES)  # before rpm 4: whole paths
        directories, indexes, of_index = StringArray(b"\0", 1), bytes(4 * bases.size), bases.size
    count = bases.size
    if not count:
        return None
    if count > _MAX_FILES or directories.size > _MAX_FILES:
        raise MalformedDocument(f"a list of {count} files is longer than any real one")
    if of_index != count or len(indexes) != 4 * count:
        raise MalformedDocument(f"{count} files, but {of_index} directories of them")
    if _length(bases, directories, indexes) > _MAX_GROWTH * header.size:
        raise MalformedDocument("its paths are much longer than all that the header says")
    value: dict[str, Any] = {
        "count": count,
        "bases": bases.raw,
        "directories": directories.raw,
        "indexes": indexes,
    }
    return value | _attributes(header, count)


def _length(bases: StringArray, directories: StringArray, indexes: bytes) -> int:
    """Bytes of all paths together."""
    lengths = [len(directory) for directory in directories.split()]
    try:
        return len(bases.raw) + sum(lengths[index] for index in native(indexes, "I"))
    except IndexError:
        raise MalformedDocument("a file of it is in a directory it does not list") from None


def _attributes(header: Header, count: int) -> dict[str, Any]:
    """What the header says of each file: all of it where it says it of any."""
    value: dict[str, Any] = {}
    digests = header.strings(Tag.FILEDIGESTS)
    if digests.size:
        if digests.size != count or digests.raw.translate(None, _HEX):
            raise MalformedDocument(f"{digests.size} digests of {count} files, or no digests")
        algorithm = header.number(Tag.FILEDIGESTALGO)
        value["digests"] = digests.raw
        value["algorithm"] = _ALGORITHMS.get(_MD5 if algorithm is None else algorithm, "")
    for name, tag, width in (("modes", Tag.FILEMODES, 2), ("states", Tag.FILESTATES, 1)):
        numbers, of_number = header.raw_numbers(tag)
        if of_number:
            if of_number != count or len(numbers) != width * count:
                raise MalformedDocument(f"{of_number} {name} of {count} files")
            value[name] = numbers
    return value


def expand(value: Mapping[str, Any]) -> PackageFiles:
    """The paths and hashes of a fact that `file_list` made."""
    count: int = value["count"]
    stored = str(value["directories"], "utf-8", "replace").split("\0")
    directories = [directory.lstrip("/") for directory in stored]
    bases = str(value["bases"], "utf-8", "replace").split("\0", count)[:count]
    if not any(directories):
        bases = [base.lstrip("/") for base in bases]
    indexes = native(value["indexes"], "I")
    listed = [directories[index] + base for index, base in zip(indexes, bases, strict=True)]
    modes = native(value["modes"], "H") if "modes" in value else [stat.S_IFREG] * count
    states = value.get("states") or bytes(count)
    kept = [
        stat.S_IFMT(mode) != stat.S_IFDIR and state in _ON_DISK
        for mode, state in zip(modes, states, strict=True)
    ]
    paths = list(compress(listed, kept))
    algorithm = value.get("algorithm")
    if not algorithm:
        return PackageFiles(paths, (), listed)
    length = _LENGTHS[algorithm]
    digests = str(value["digests"], "ascii", "replace").split("\0", count)[:count]
    hashes = [
        f"{algorithm}:{digest}" if len(digest) == length else ""
        for digest in compress(digests, kept)
    ]
    return PackageFiles(paths, hashes, listed)
