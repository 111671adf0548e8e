"""Crates of Rust programs that `cargo auditable` built: they carry their lock file.

Source: cargo-auditable's PARSING.md and its JSON schema: a section `.dep-v0` (in Mach-O of the
segment `__DATA`) of zlib-compressed JSON, at most 8 MiB inflated. PE and Mach-O say where it is
before it comes. In ELF the section is mapped nowhere, so it lies behind the last segment, where
stripped files have little else: `Pieces` keeps that end, or of a long one what is around the
section header table; where that does not tell, the whole file is asked for.

Crates that only the build needed (`kind: build`) are not in the program and not listed.
"""

from __future__ import annotations

import zlib
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from provenance.catalog.cataloger import Again, Cataloger, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems.elf import (
    Elf,
    Section,
    c_string,
    read_section,
    read_sections,
)
from provenance.catalog.ecosystems.pieces import Pieces, reader
from provenance.catalog.ecosystems.program import Extent
from provenance.catalog.ecosystems.programs import HEAD, MAGICS, Programs, once, programs_in
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provenance.catalog.cataloger import Item
    from provenance.catalog.ecosystems.elf import Section
    from provenance.catalog.ecosystems.program import Program
    from provenance.catalog.ecosystems.programs import Headers

    Read = Callable[[int, int], bytes | None]

__all__ = ["CATALOGER"]

NAME = "rust"

_SECTION = b".dep-v0"
_NAME = _SECTION + b"\0"
_NAMED = (_SECTION, b"__DATA," + _SECTION)
_RARE = b".dep-"
_KEPT_END = 1 << 20
_KEPT_GAP = 1 << 16
_MOST_TABLE = 1 << 16
_MOST_NAMES = 1 << 20
_MOST_COMPRESSED = 8 << 20
_MOST_JSON = 8 << 20
_MOST_CRATES = 20_000
_MOST_EDGES = 100_000
_PROGBITS = 1
_UNKNOWN = -1
_SEARCHED = 1 << 16
# The end begins with the compilers' comments. GNU's linkers put the names of sections right before
# their table, which is kept; LLD puts other tables of any length between.
_COMMENT = 4096
_LLD = b"Linker: LLD"
_ZLIB = b"\x78"
# A list of one crate, compressed; what debuggers are told is often shorter (.debug_gdb_scripts).
_SMALLEST = 48
_ORDINARY = {"crates.io", "local"}


class _Crate(msgspec.Struct, gc=False):
    name: str
    version: str
    source: str = "local"
    kind: str = "runtime"
    dependencies: tuple[int, ...] = ()
    root: bool = False


class _Audited(msgspec.Struct, gc=False):
    packages: list[_Crate]


class _Section:
    """The section of a program that says where it is before it comes; a long one is not kept."""

    __slots__ = ("_extent", "_pieces", "feed")

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self._pieces = Pieces([(extent.offset, extent.end)] if extent.size <= _KEPT_END else [])
        self.feed = self._pieces.feed

    def found(self) -> tuple[Extent, Read]:
        """Where the section is, and what reads it."""
        return self._extent, self._pieces.read


class _End:
    """The end of an ELF program, as far as it is needed to find the section in it."""

    __slots__ = (
        *("_carry", "_elf", "_end_at", "_named", "_position", "_searching", "_size", "_pieces"),
    )

    def __init__(self, elf: Elf, size: int, head: bytes) -> None:
        table_end = elf.sections_at + elf.sections_size
        gaps = _gaps(elf, size)
        loaded = gaps.pop()[0]
        self._end_at = size
        """From where on the section's name is looked for, as the end is too long to keep."""
        if elf.sections_at >= loaded:
            gaps = [(max(elf.sections_at - _KEPT_GAP, loaded), table_end)]
        else:
            # Segments were moved behind the table (patchelf): what is not mapped lies between.
            gaps = [(start, min(end, start + _KEPT_GAP)) for start, end in gaps]
            gaps.append((max(elf.sections_at - _KEPT_GAP, 0), table_end))
        if size - loaded <= _KEPT_END:
            gaps.append((loaded, size))
        else:
            gaps.append((loaded, loaded + _KEPT_GAP))
            self._end_at = loaded + _COMMENT
        if table_end <= len(head) and (
            names := read_section(elf, head[elf.sections_at : table_end], elf.names)
        ):
            # Go's linker puts the table first.
            gaps.append((names.offset, names.offset + min(names.size, _MOST_NAMES)))
        self._elf, self._size = elf, size
        self._pieces = Pieces(gaps)
        self._position = 0
        self._carry = b""
        self._named = False
        self._searching: bool | None = None

    def feed(self, data: memoryview) -> None:
        self._pieces.feed(data)
        self._position += len(data)
        behind = self._position - self._end_at
        if behind > 0 and not self._named:
            if self._searching is None:
                comment = self._pieces.read(self._end_at - _COMMENT, _COMMENT)
                self._searching = comment is not None and _LLD in comment
            if self._searching:
                self._look(data[max(len(data) - behind, 0) :])

    def _look(self, end: memoryview) -> None:
        # Searches are slow for what ends in a byte that is frequent, as NUL and digits are in
        # tables of symbols, and quicker in slices that stay in the processor's cache.
        for start in range(0, len(end), _SEARCHED):
            part = self._carry + end[start : start + _SEARCHED]
            if _RARE in part:
                self._named = True
                return
            self._carry = part[-len(_RARE) + 1 :]

    def found(self) -> tuple[Extent, Read] | None:
        """Where the section is, and what reads it; of unknown size where that cannot be told."""
        searched = self._end_at if self._searching else self._size
        read = self._pieces.read
        section = _find(self._elf, read, named=self._named, searched=searched)
        return None if section is None else (section, read)


def _begin(headers: Headers, size: int, first: memoryview) -> _End | _Section | None:
    """Who looks into a program; None where there is nothing to look for."""
    if not isinstance(headers, Elf):
        section = _named(headers)
        return None if section is None else _Section(section)
    table_end = headers.sections_at + headers.sections_size
    if not headers.sections_at or headers.sections_size > _MOST_TABLE or table_end > size:
        return None
    if len(first) < size:
        return _End(headers, size, bytes(first[:HEAD]))
    section = _find(headers, reader(first), named=False, searched=size)
    return None if section is None else _Section(section)


def _named(program: Program) -> Extent | None:
    return next(filter(None, map(program.sections.get, _NAMED)), None)


class _Sink(Programs[_End | _Section]):
    """A file that streams by."""

    __slots__ = ("_file",)

    def __init__(self, file: MatchedFile) -> None:
        super().__init__(file.size, _begin)
        self._file = file

    def close(self) -> Iterable[Item]:
        lists = []
        for part in self.parts:
            found = part.found()
            if found is None:
                continue
            section, read = found
            compressed = None if section.size == _UNKNOWN else _content(section, read)
            if compressed is None and section.size <= _MOST_COMPRESSED:
                return [Again(self._file.path)]
            lists.append(_items(self._file, compressed))
        return once(chain.from_iterable(lists)) if lists else ()


def stream(file: MatchedFile) -> _Sink:
    """A sink for any file that may be a program."""
    return _Sink(file)


def read(file: MatchedFile) -> Iterable[Item]:
    """The crates of a whole program."""
    return once(chain.from_iterable(_whole(file)))


def _whole(file: MatchedFile) -> Iterator[Iterable[Item]]:
    for start, end, headers in programs_in(file.body):
        read = reader(file.body, start, end)
        section: Extent | None
        if not isinstance(headers, Elf):
            section = _named(headers)
        elif not headers.sections_at or headers.sections_size > _MOST_TABLE:
            continue
        else:
            section = _find(headers, read, named=False, searched=end - start)
        if section is not None and section.size != _UNKNOWN:
            yield _items(file, _content(section, read))


def _gaps(elf: Elf, size: int) -> list[tuple[int, int]]:
    """Where a file is mapped nowhere; the last is its end, be it empty."""
    gaps = []
    at = 0
    for segment in elf.segments or ():
        if segment.offset > at:
            gaps.append((at, min(segment.offset, size)))
        at = min(max(at, segment.end), size)
    return [*gaps, (at, size)]


def _find(elf: Elf, read: Read, *, named: bool, searched: int) -> Extent | None:
    """The section; one of unknown size where it may be there but what is kept does not tell.

    `named` says that its name was seen in what was searched: from `searched` on.
    """
    table = read(elf.sections_at, elf.sections_size)
    if table is None:
        return None
    names = read_section(elf, table, elf.names)
    if names is None or names.size > _MOST_NAMES:
        return None
    text = read(names.offset, names.size)
    if text is not None:
        # Few files have it: one search saves looking at each name.
        if _NAME not in text:
            return None
        sections = read_sections(elf, table)
        named_so = (s for s in sections if c_string(text, s.name) == _SECTION)
        return next((Extent(s.offset, s.size) for s in named_so), None)
    maybe = named
    if names.offset < searched:
        maybe = any(_maybe(section, read) for section in read_sections(elf, table))
    return Extent(0, _UNKNOWN) if maybe else None


def _maybe(section: Section, read: Read) -> bool:
    """Whether a section of unknown name may hold compressed bytes."""
    if section.type != _PROGBITS or section.flags or section.size < _SMALLEST:
        return False
    begin = read(section.offset, len(_ZLIB))
    return begin is None or begin == _ZLIB


def _content(section: Extent, read: Read) -> bytes | None:
    if section.size > _MOST_COMPRESSED:
        return None
    return read(section.offset, section.size) if section.size else b""


def _items(file: MatchedFile, compressed: bytes | None) -> Iterator[Item]:
    try:
        crates = _crates(compressed)
    except ValueError as error:
        yield Problem(file.path, f"section .dep-v0: {error}")
        return
    packages: dict[int, Package] = {}
    seen: set[str] = set()
    for index, crate in enumerate(crates):
        if crate.kind == "build":
            continue
        try:
            package = packages[index] = _package(file, crate)
        except MalformedDocument as error:
            yield Problem(file.path, f"section .dep-v0, crate {index}: {error}")
            continue
        if package.purl not in seen:
            seen.add(package.purl)
            yield package
            if not package.version:
                yield Problem(file.path, f"states no version of crate {package.name[:200]}")
    yield from _relations(file, crates, packages)


def _crates(compressed: bytes | None) -> list[_Crate]:
    """The crates listed. Raises ValueError."""
    if compressed is None:
        raise ValueError("it is longer than allowed, or than the file")
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(compressed, _MOST_JSON)
    except zlib.error as error:
        raise ValueError(f"not readable: {error}") from error
    if inflate.unconsumed_tail:
        raise ValueError(f"more than {_MOST_JSON} bytes inflated")
    if not inflate.eof:
        raise ValueError("cut short")
    try:
        crates = msgspec.json.decode(text, type=_Audited).packages
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"not the JSON of cargo auditable: {error}") from error
    if len(crates) > _MOST_CRATES:
        raise ValueError(f"names {len(crates)} crates")
    return crates


def _package(file: MatchedFile, crate: _Crate) -> Package:
    return Package(
        name=crate.name,
        version=crate.version,
        type="cargo",
        purl=build_purl("cargo", "", crate.name, crate.version),
        description="" if crate.source in _ORDINARY else f"from source {crate.source[:200]}",
        locations=(file.location,),
        cataloger=NAME,
        kind="application" if crate.root else "",
    )


def _relations(
    file: MatchedFile, crates: list[_Crate], packages: dict[int, Package]
) -> Iterator[Item]:
    edges: set[tuple[str, str]] = set()
    for index, package in packages.items():
        for needed in crates[index].dependencies:
            if not 0 <= needed < len(crates):
                yield Problem(file.path, f"section .dep-v0, crate {index} needs what is not there")
                break
            target = packages.get(needed)
            edge = (package.purl, target.purl) if target else ("", "")
            if target is None or edge in edges or edge[0] == edge[1]:
                continue
            if len(edges) >= _MOST_EDGES:
                yield Problem(file.path, "section .dep-v0 has too many edges: only some are kept")
                return
            edges.add(edge)
            yield Relation(edge[0], "depends-on", edge[1])


CATALOGER = Cataloger(
    name=NAME,
    version=2,
    types=("cargo",),
    read=read,
    magic=MAGICS,
    stream=stream,
)
