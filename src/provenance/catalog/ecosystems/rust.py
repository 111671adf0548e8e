"""Crates of Rust programs that `cargo auditable` built: they carry their lock file.

Source: cargo-auditable's PARSING.md and its JSON schema: a section `.dep-v0` of zlib-compressed
JSON, at most 8 MiB inflated. The section is mapped nowhere, so it lies behind the last segment,
where stripped files have little else. `Windows` keeps that end, or of a long one what is around
the section header table; where that does not tell, the whole file is asked for.

Crates that only the build needed (`kind: build`) are not in the program and not listed.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

from provenance.catalog.cataloger import Again, Cataloger, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems.elf import (
    HEAD,
    MAGIC,
    Elf,
    Section,
    Windows,
    c_string,
    read_elf,
    read_section,
    read_sections,
    reader,
)
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from provenance.catalog.cataloger import Item

    Read = Callable[[int, int], bytes | None]

__all__ = ["CATALOGER"]

NAME = "rust"

_SECTION = b".dep-v0"
_NAME = _SECTION + b"\0"
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


class _Sink:
    """A program that streams by."""

    __slots__ = (
        *("_carry", "_elf", "_end_at", "_file", "_head", "_named", "_position"),
        *("_searching", "_windows"),
    )

    def __init__(self, file: MatchedFile) -> None:
        self._file = file
        self._head: bytearray | None = bytearray()
        self._windows: Windows | None = None
        self._elf: Elf | None = None
        self._position = 0
        self._end_at = file.size
        """From where on the section's name is looked for, as the end is too long to keep."""
        self._carry = b""
        self._named = False
        self._searching: bool | None = None

    def feed(self, data: memoryview) -> None:
        if self._head is not None:
            size = self._file.size
            need = min(HEAD, size)
            if self._head or len(data) < need:
                missing = need - len(self._head)
                self._head += data[:missing]
                if len(data) < missing:
                    return
                data = data[missing:]
                head = bytes(self._head)
                self._begin(head)
                self._advance(memoryview(head))
            elif len(data) < size or _may_have(data):
                self._begin(bytes(data[:need]))
            self._head = None
        if self._windows is not None:
            self._advance(data)

    def _begin(self, head: bytes) -> None:
        elf = read_elf(head)
        size = self._file.size
        if elf is None or not elf.sections_at or not elf.sections:
            return
        table_end = elf.sections_at + elf.sections_size
        if table_end > size or elf.sections_size > _MOST_TABLE:
            return
        gaps = _gaps(elf, size)
        loaded = gaps.pop()[0]
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
        self._elf = elf
        self._windows = Windows(gaps)

    def _advance(self, data: memoryview) -> None:
        if self._windows is None:
            return
        self._windows.feed(data)
        self._position += len(data)
        behind = self._position - self._end_at
        if behind > 0 and not self._named:
            if self._searching is None:
                comment = self._windows.read(self._end_at - _COMMENT, _COMMENT)
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

    def close(self) -> Iterable[Item]:
        if self._windows is None or self._elf is None:
            return ()
        searched = self._end_at if self._searching else self._file.size
        found = _find(self._elf, self._windows.read, named=self._named, searched=searched)
        if found is None:
            return ()
        compressed = None if found.size == _UNKNOWN else _content(found, self._windows.read)
        if compressed is None and found.size <= _MOST_COMPRESSED:
            return [Again(self._file.path)]
        return _items(self._file, compressed)


def stream(file: MatchedFile) -> _Sink:
    """A sink for any ELF file."""
    return _Sink(file)


def read(file: MatchedFile) -> Iterator[Item]:
    """The crates of a whole program."""
    elf = read_elf(file.body[:HEAD])
    if elf is None or not elf.sections_at or elf.sections_size > _MOST_TABLE:
        return
    found = _find(elf, reader(file.body), named=False, searched=len(file.body))
    if found is not None and found.size != _UNKNOWN:
        yield from _items(file, _content(found, reader(file.body)))


def _may_have(data: memoryview) -> bool:
    """Whether a program, whole in `data`, may have the section: most have none of the name."""
    elf = read_elf(bytes(data[:HEAD]))
    if elf is None or not elf.sections_at:
        return False
    names = read_section(elf, data[elf.sections_at :], elf.names)
    if names is None or names.offset + names.size > len(data):
        return True
    return _NAME in bytes(data[names.offset : names.offset + names.size])


def _gaps(elf: Elf, size: int) -> list[tuple[int, int]]:
    """Where a file is mapped nowhere; the last is its end, be it empty."""
    gaps = []
    at = 0
    for segment in elf.segments or ():
        if segment.offset > at:
            gaps.append((at, min(segment.offset, size)))
        at = min(max(at, segment.end), size)
    return [*gaps, (at, size)]


def _find(elf: Elf, read: Read, *, named: bool, searched: int) -> Section | None:
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
        return next((s for s in sections if c_string(text, s.name) == _SECTION), None)
    maybe = named
    if names.offset < searched:
        maybe = any(_maybe(section, read) for section in read_sections(elf, table))
    return Section(0, 0, 0, 0, _UNKNOWN) if maybe else None


def _maybe(section: Section, read: Read) -> bool:
    """Whether a section of unknown name may hold compressed bytes."""
    if section.type != _PROGBITS or section.flags or section.size < _SMALLEST:
        return False
    begin = read(section.offset, len(_ZLIB))
    return begin is None or begin == _ZLIB


def _content(section: Section, read: Read) -> bytes | None:
    return read(section.offset, section.size) if section.size <= _MOST_COMPRESSED else None


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
    version=1,
    types=("cargo",),
    read=read,
    magic=(MAGIC,),
    stream=stream,
)
