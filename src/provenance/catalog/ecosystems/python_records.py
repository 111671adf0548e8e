"""What lies beside a Python distribution's metadata: files, origin and the needs of eggs.

Sources: PyPA "Recording installed projects" (RECORD), "Direct URL data structure"
(direct_url.json); setuptools, "Internals of eggs" (requires.txt, installed-files.txt).
Each becomes a `Fact` under the folder of the metadata.
"""

from __future__ import annotations

import binascii
import csv
import re
import string
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from provenance.catalog.cataloger import Fact, Problem
from provenance.catalog.ecosystems.file_lists import MOST_FILES, below, pack_files
from provenance.catalog.ecosystems.typed_json import Unreadable, decode_typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.catalog.cataloger import MatchedFile

__all__ = ["BUILT_FROM", "DIRECT_URL", "FILES", "REQUIRES", "read_beside"]

FILES = "files"
"""Kind of fact: what `pack_files` made of the list of installed files."""
DIRECT_URL = "direct-url"
"""Kind of fact: qualifiers of the purl that say where it came from, if from no index."""
BUILT_FROM = "built-from"
"""Kind of fact: the folder of the sources, a path in the image ending in `/`."""
REQUIRES = "requires"
"""Kind of fact: needs, in the words of `Requires-Dist`."""

_LARGEST = 32 << 20  # bytes of a list of files
_USER = re.compile(r"(?<=://)[^/@]*@")
_MOST_NEEDS = 10_000  # lines of `requires.txt`
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_BASE64URL_CHARACTERS = (string.ascii_letters + string.digits + "-_").encode()
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")
_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_VCS = frozenset({"git", "hg", "bzr", "svn"})


class _Vcs(msgspec.Struct):
    vcs: str = ""
    commit_id: str = ""


class _Archive(msgspec.Struct):
    hash: str = ""
    hashes: dict[str, str] = {}


class _Directory(msgspec.Struct):
    pass


class _DirectUrl(msgspec.Struct):
    url: str
    subdirectory: str = ""
    vcs_info: _Vcs | None = None
    archive_info: _Archive | None = None
    dir_info: _Directory | None = None


_DIRECT_URL = msgspec.json.Decoder(_DirectUrl)


def read_beside(file: MatchedFile) -> Iterator[Fact | Problem]:
    """Yield what a file beside `METADATA` or `PKG-INFO` says."""
    folder, _, name = file.path.rpartition("/")
    if file.size > _LARGEST:
        yield Problem(file.path, f"is larger than {_LARGEST >> 20} MiB")
    elif name == "RECORD":
        yield from _record(file, folder)
    elif name == "installed-files.txt":
        yield Fact(FILES, folder, pack_files(_installed_files(file, folder)))
    elif name == "requires.txt":
        yield Fact(REQUIRES, folder, list(_requires(file.text())))
    else:
        yield from _direct_url(file, folder)


def _record(file: MatchedFile, folder: str) -> Iterator[Fact | Problem]:
    site = folder.rpartition("/")[0]
    paths: list[str] = []
    digests: list[str] = []
    bad = 0
    lines = file.text().split("\n", MOST_FILES)
    if len(lines) > MOST_FILES:
        yield Problem(file.path, f"lists more than {MOST_FILES} files")
        lines.pop()
    for line in lines:
        path, mark, rest = line.partition(",sha256=")
        if '"' in line:
            path, rest = _quoted(line)
            bad += not path
        elif not mark or "," in path:
            path, rest = line.partition(",")[0], ""
        if path:
            paths.append(path)
            digests.append(rest[:43] if rest[43:44] == "," else "")
    if bad:
        yield Problem(file.path, f"has {bad} rows that are no CSV")
    full = map(partial(below, site), paths)
    yield Fact(FILES, folder, pack_files(zip(full, _sha256(digests), strict=True)))


def _quoted(line: str) -> tuple[str, str]:
    """Path and what comes after `sha256=`; no path where the row is no CSV."""
    try:
        row = next(csv.reader([line], strict=True), [""])
    except csv.Error:
        return "", ""
    mark, _, rest = ",".join(row[1:]).partition("=")
    return row[0], rest if mark == "sha256" else ""


def _sha256(digests: Sequence[str]) -> list[bytes]:
    """What each base64url text of 43 characters spells; nothing where it is none."""
    # All at once: padded by a zero character, each fills 33 bytes, the last of which is no part.
    joined = "A".join([*filter(None, digests), ""]).encode("utf-8", "replace")
    if joined.translate(None, _BASE64URL_CHARACTERS):
        return _sha256([d if _BASE64URL.fullmatch(d) else "" for d in digests])
    decoded = binascii.a2b_base64(joined.translate(_TO_BASE64))
    each = iter([decoded[at : at + 32] for at in range(0, len(decoded), 33)])
    return [next(each) if digest else b"" for digest in digests]


def _installed_files(file: MatchedFile, folder: str) -> Iterator[tuple[str, bytes]]:
    for line in file.text().split("\n", MOST_FILES)[:MOST_FILES]:
        if line.strip():
            yield below(folder, line.strip()), b""


def _requires(text: str) -> Iterator[str]:
    """`requires.txt`: needs a line, after `[extra:marker]` those that only hold then."""
    condition = ""
    for raw in text.split("\n", _MOST_NEEDS)[:_MOST_NEEDS]:
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            condition = marker.strip()
            if extra.strip():
                quoted = f'extra == "{extra.strip()}"'
                condition = f"({condition}) and {quoted}" if condition else quoted
        elif line and not line.startswith("#"):
            yield f"{line}; {condition}" if condition else line


def _direct_url(file: MatchedFile, folder: str) -> Iterator[Fact | Problem]:
    origin = decode_typed(_DIRECT_URL, file.body)
    if isinstance(origin, Unreadable):
        yield Problem(file.path, origin.why)
        return
    # The specification forbids secrets in it; who wrote it may not have known.
    url = _USER.sub("", origin.url, count=1)
    sources = below("", unquote(url.removeprefix("file://"))) if origin.dir_info else ""
    if sources:
        yield Fact(BUILT_FROM, folder, f"{sources}/")
    qualifiers = _qualifiers(origin, url)
    if qualifiers:
        yield Fact(DIRECT_URL, folder, qualifiers)


def _qualifiers(origin: _DirectUrl, url: str) -> dict[str, str]:
    if not url:
        return {}
    if origin.vcs_info is not None:
        if origin.vcs_info.vcs not in _VCS:
            return {}
        revision = f"@{origin.vcs_info.commit_id}" if origin.vcs_info.commit_id else ""
        return {"vcs_url": f"{origin.vcs_info.vcs}+{url}{revision}"}
    # A path on the machine it was built on (conda states one for each distribution, pip for what
    # was installed out of a folder) is no place to download from, and no part of what it is.
    if not url.startswith(("https://", "http://", "ftp://")):
        return {}
    qualifiers = {"download_url": url}
    if origin.archive_info is not None:
        digest = origin.archive_info.hashes.get("sha256", "")
        if not digest and origin.archive_info.hash.startswith("sha256="):
            digest = origin.archive_info.hash.removeprefix("sha256=")
        if _HEX.fullmatch(digest):
            qualifiers["checksum"] = f"sha256:{digest}"
    return qualifiers
