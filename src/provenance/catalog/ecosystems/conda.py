"""Installed conda packages: `conda-meta/NAME-VERSION-BUILD.json` of each environment.

Sources: conda's "PrefixRecord" and "PathsData"; the purl type `conda`. Not read: the package cache
(`pkgs/*/info/`: unpacked, not installed) and `history` (what was asked for).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from provenance.catalog.cataloger import Cataloger, Fact, Owned, Problem
from provenance.catalog.ecosystems.file_lists import below, pack_files, unpack_files
from provenance.catalog.ecosystems.typed_json import Unreadable, decode_typed
from provenance.errors import MalformedDocument
from provenance.packages.licenses import normalise
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import MatchedFile, Remaining, Requirement

__all__ = ["CATALOGER", "channel_name"]

_WORD = re.compile(r"[!-~]{1,256}", re.ASCII)
_DIGEST = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_SCHEME = re.compile(r"[a-z0-9+.-]+://(?:[^/@]*@)?", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"(?:^|(?<=/))t/[^/]+/", re.ASCII)
_HOSTS = ("conda.anaconda.org/", "repo.anaconda.com/pkgs/")
_ARCHIVES = (".tar.bz2", ".conda")
_FILES = "files"


class _Path(msgspec.Struct, gc=False):
    path: str = msgspec.field(name="_path", default="")
    path_type: str | None = None
    sha256: str | None = None
    sha256_in_prefix: str | None = None
    prefix_placeholder: str | None = None


class _Paths(msgspec.Struct):
    paths: list[_Path] | None = None


class _Record(msgspec.Struct):
    name: str = ""
    version: str = ""
    build: str = ""
    channel: msgspec.Raw = msgspec.Raw()
    subdir: str | None = None
    fn: str | None = None
    url: str | None = None
    license: str | None = None
    md5: str | None = None
    sha256: str | None = None
    depends: list[str] | None = None
    files: list[str] | None = None
    paths_data: _Paths | None = None


_RECORD = msgspec.json.Decoder(_Record)
_TEXT = msgspec.json.Decoder(str)


def read(file: MatchedFile) -> Iterator[Package | Fact | Problem]:
    """Yield the package that a record describes, and the files it installed."""
    record = decode_typed(_RECORD, file.body)
    if isinstance(record, Unreadable):
        yield Problem(file.path, record.why)
        return
    if _WORD.fullmatch(record.name) is None:
        yield Problem(file.path, f"the conda record of {record.name[:100]!r} has no usable name")
        return
    if not record.version:
        yield Problem(file.path, f"the conda record of {record.name[:100]!r} has no version")
    elif _WORD.fullmatch(record.version) is None:
        yield Problem(file.path, f"the conda record of {record.name[:100]!r} has no usable version")
        return
    try:
        package = _package(record, file)
    except MalformedDocument as error:
        yield Problem(file.path, str(error))
        return
    yield package
    prefix = file.path.rpartition("/")[0].rpartition("/")[0]
    files = pack_files(_files(record, prefix))
    if files["paths"]:
        yield Fact(_FILES, file.path, files)


def _package(record: _Record, file: MatchedFile) -> Package:
    archive = record.fn or (record.url or "").rpartition("/")[2]
    suffix = next((s for s in _ARCHIVES if archive.endswith(s)), "")
    channel = decode_typed(_TEXT, record.channel)
    subdir = record.subdir or ""
    qualifiers = {
        "build": record.build,
        "channel": "" if isinstance(channel, Unreadable) else channel_name(channel, subdir),
        "subdir": subdir,
        "type": suffix[1:],
    }
    words = " ".join((record.license or "").split())
    license_ = normalise(words)
    return Package(
        name=record.name,
        version=record.version,
        type="conda",
        purl=build_purl("conda", "", record.name, record.version, qualifiers),
        licenses=(license_,) if license_ else (),
        stated_licenses=(words,) if words != license_ else (),
        hashes=_hashes(record),
        locations=(file.location,),
        architecture=subdir,
        depends=tuple(" ".join(need.split()) for need in record.depends or ()),
        cataloger=CATALOGER.name,
    )


def channel_name(channel: str, subdir: str) -> str:
    """The channel's name; of one that is on no well-known host its URL, without secrets.

    >>> channel_name("https://repo.anaconda.com/pkgs/main/linux-64", "linux-64")
    'main'
    """
    address = channel.strip().rstrip("/")
    scheme = _SCHEME.match(address)
    if scheme is None:
        return address.removeprefix("pkgs/")
    address = _TOKEN.sub("", address[scheme.end() :], count=1)
    if subdir:
        address = address.removesuffix(f"/{subdir}")
    for host in _HOSTS:
        if address.startswith(host):
            return address.removeprefix(host)
    return f"{scheme[0].partition('://')[0]}://{address}"


def _hashes(record: _Record) -> dict[str, str]:
    """Of the archive that was unpacked; a digest of the wrong length is none."""
    stated = (("md5", record.md5, 32), ("sha256", record.sha256, 64))
    return {
        name: digest.lower()
        for name, digest, length in stated
        if digest and len(digest) == length and _DIGEST.fullmatch(digest)
    }


def _files(record: _Record, prefix: str) -> Iterator[tuple[str, bytes]]:
    rows = (record.paths_data.paths if record.paths_data else None) or ()
    digests = {row.path: _digest(row) for row in rows if row.path}
    for path in record.files or ():
        digests.setdefault(path, b"")
    for path, digest in digests.items():
        yield below(prefix, path), digest


def _digest(row: _Path) -> bytes:
    """Of the file as it lies there: where a prefix was written into it, not as it was packed."""
    text = row.sha256_in_prefix
    if not text and not row.prefix_placeholder and row.path_type != "softlink":
        text = row.sha256
    return bytes.fromhex(text) if text and _SHA256.fullmatch(text) else b""


def complete(remaining: Remaining) -> Iterator[Package | Owned]:
    """Yield each package, and its files: a Python distribution among them is tied to it."""
    files = remaining.of(_FILES)
    for package in remaining.packages:
        yield package
        if listed := files.get(package.locations[0].path):
            yield Owned(package.purl, *unpack_files(listed))


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name; `__glibc` and its like are properties of the machine."""
    for need in package.depends:
        name = need.partition(" ")[0]
        if name and not name.startswith("__"):
            yield (name,)


CATALOGER = Cataloger(
    name="conda",
    version=2,
    types=("conda",),
    paths=("**/conda-meta/*.json",),
    read=read,
    complete=complete,
    requirements=requirements,
)
