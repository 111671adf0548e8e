"""The files a package installed, as dpkg and opkg keep them: `.list`, `.md5sums`, `.conffiles`.

Sources: deb-md5sums(5), deb-conffiles(5), Debian Policy 5.6.25 (`Conffiles` of a status file).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Fact, Owned, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provenance.catalog.cataloger import MatchedFile, Remaining

__all__ = ["LISTS", "list_fact", "owned"]

LISTS = (".list", ".md5sums", ".conffiles")

_MAX_BYTES = 16 << 20  # of one list; the longest real ones have 2 MB
_MAX_LINES = 300_000
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_UNUSUAL = ("\t", "\r", "//")
_SUM = re.compile(r"^([0-9a-fA-F]{32}) [ *](?:\./)?/*([^\n]+)", re.MULTILINE)


def list_fact(file: MatchedFile) -> Iterator[Fact | Problem]:
    """A list as it is, under its path without the ending."""
    stem, dot, kind = file.path.rpartition(".")
    if f"{dot}{kind}" not in LISTS:
        return
    if len(file.body) > _MAX_BYTES:
        yield Problem(file.path, f"a list of files of more than {_MAX_BYTES} bytes")
        return
    data = file.body[:]
    if data.count(b"\n") > _MAX_LINES:
        yield Problem(file.path, f"a list of more than {_MAX_LINES} files")
        return
    yield Fact(kind, stem, data)


def owned(
    remaining: Remaining, purl: str, stems: Iterable[str], conffiles: str = ""
) -> Owned | None:
    """The files of a package, with the hashes that are known.

    Args:
        remaining: with the facts of `list_fact`.
        purl: of the package.
        stems: what the names of its lists may begin with, the best first.
        conffiles: its `Conffiles` field.
    """
    listed, sums, shipped = (_first(remaining.of(kind[1:]), stems) for kind in LISTS)
    hashes = {path: digest.lower() for digest, path in _SUM.findall(sums)}
    # A conffile's hash is that of the file as it was shipped, as are those of md5sums.
    hashes.update(_conffile_hashes(conffiles))
    paths = _paths(listed)
    if not paths:
        named = (*hashes, *_paths(shipped))
        paths = list(dict.fromkeys(named))
    if not paths:
        return None
    if not hashes:
        return Owned(purl, paths)
    return Owned(purl, paths, [f"md5:{hashes[p]}" if p in hashes else "" for p in paths])


def _first(facts: Mapping[str, bytes], stems: Iterable[str]) -> str:
    """The text of the best list that there is."""
    for stem in stems:
        if stem in facts:
            return str(facts[stem], "utf-8", "replace")
    return ""


def _paths(text: str) -> list[str]:
    """The paths of a list, one a line."""
    text = text.rstrip("\n")
    if not text:
        return []
    # dpkg's own lists have nothing but a slash before each path.
    paths = f"\n{text}".split("\n/")
    if len(paths) != text.count("\n") + 2 or any(mark in text for mark in _UNUSUAL):
        paths = [_plain(line) for line in text.split("\n")]
    return [path for path in paths if path and path != "."]


def _plain(line: str) -> str:
    # Newer opkg writes mode and link target after a tab. A conffile that the package wants
    # removed is none that it installed.
    if line.startswith("remove-on-upgrade "):
        return ""
    return line.partition("\t")[0].rstrip("\r").removeprefix("./").lstrip("/")


def _conffile_hashes(text: str) -> Iterator[tuple[str, str]]:
    """Path and MD5 of each line: `/etc/name md5`, `obsolete` or another word behind."""
    for line in text.split("\n") if text else ():
        named = line.strip().removesuffix(" obsolete")
        path, _, digest = named.rpartition(" ")
        # Where no version of it was unpacked yet, `newconffile` stands for the hash.
        if path.startswith("/") and _MD5.fullmatch(digest):
            yield path.strip("/ "), digest.lower()
