"""Slices of Debian packages that chisel cut: `manifest.wall`, where there is no dpkg database.

Source: chisel's documentation, "Chisel manifest": a jsonwall (a JSON object a line, the first with
the number of the others) compressed by zstd. `kind` tells packages, slices, paths and which slice
has which path (`content`) apart; a slice is named `PACKAGE_SLICE`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from provenance.catalog.cataloger import Fact, Problem
from provenance.catalog.ecosystems.blocks import bounded
from provenance.errors import MalformedDocument
from provenance.image.zstd import ZstdDecompressor, ZstdError
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import Item, MatchedFile

__all__ = ["MANIFEST", "read"]

MANIFEST = "manifest.wall"
_LARGEST = 16 << 20  # bytes inflated; real ones have some hundred kilobytes
_MOST = 500_000  # lines
_LONGEST = 500  # characters of a name or a version


class _Line(msgspec.Struct, gc=False):
    kind: str = ""
    name: str = ""
    version: str = ""
    arch: str = ""
    slice: str = ""
    path: str = ""


_LINE = msgspec.json.Decoder(_Line)


def read(file: MatchedFile) -> Iterable[Item]:
    """The packages, and of each the list of its files as dpkg has them."""
    return bounded(_items(file), file.path)


def _items(file: MatchedFile) -> Iterator[Item]:
    try:
        inflater = ZstdDecompressor()
        data = inflater.decompress(bytes(file.body[:]), _LARGEST + 1)
    except (ZstdError, EOFError, ValueError) as error:
        yield Problem(file.path, f"chisel: {error}")
        return
    lines = data.split(b"\n", _MOST)
    if len(data) > _LARGEST or len(lines) > _MOST:
        yield Problem(file.path, "chisel: more lines than a manifest has")
        return
    if not inflater.eof and file.size:
        yield Problem(file.path, "chisel: the manifest is cut short")
    files: dict[str, list[str]] = {}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = _LINE.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            yield Problem(file.path, f"chisel: {error}", number)
            continue
        if line.kind == "package":
            yield _package(file, line, number)
        elif line.kind == "content" and not line.path.endswith("/"):
            files.setdefault(line.slice.partition("_")[0], []).append(line.path)
    folder = file.path.removesuffix(MANIFEST)
    for name, paths in files.items():
        yield Fact("list", f"{folder}info/{name}", "\n".join(paths).encode("utf-8", "replace"))


def _package(file: MatchedFile, line: _Line, number: int) -> Package | Problem:
    name, version, architecture = words = line.name, line.version, line.arch
    if not name or not version or any(len(w) > _LONGEST or w.split() != [w] for w in words if w):
        return Problem(file.path, f"chisel: no package and version: {name[:100]!r}", number)
    try:
        purl = build_purl("deb", "debian", name, version, {"arch": architecture})
    except MalformedDocument as error:
        return Problem(file.path, f"chisel: {error}", number)
    return Package(
        name=name,
        version=version,
        type="deb",
        purl=purl,
        locations=(file.location,),
        architecture=architecture,
        cataloger="dpkg",
    )
