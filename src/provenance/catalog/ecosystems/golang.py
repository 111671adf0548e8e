"""Modules of Go programs, out of the build information in the program itself.

Sources: Go's `debug/buildinfo`; purl type definition `golang` (namespace and name in lower case;
the version of what has no release is its commit). The mark is looked for as Go's own reader does
where there are no section headers: in writable segments, on 16-byte boundaries of memory. Only
ELF: an image for Linux has no use for programs of other formats.

The checksums of modules (`h1:`) are of a listing, not of a file, and so no hash of a package.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Again, Cataloger, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems import buildinfo
from provenance.catalog.ecosystems.elf import HEAD, MAGIC, Elf, read_elf, reader
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from mmap import mmap

    from provenance.catalog.cataloger import Item
    from provenance.catalog.ecosystems.buildinfo import BuildInfo, Module, Strings

__all__ = ["CATALOGER"]

NAME = "golang"

# Marks that were none after all, as in a program that looks for marks; more is an attack.
_MOST_MISTAKES = 1000
_MOST_MODULES = 20_000
_MOST_COMPLAINTS = 10
_RELEASE = re.compile(r"go(\d[^\s/]*)|devel go(\d[^\s/]*)", re.ASCII)
_CPE_VERSION = re.compile(r"(\d+(?:\.\d+)+)(?:(rc|beta)(\d+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
# What a program is called that was built from a list of files.
_NAMELESS = "command-line-arguments"
_UNVERSIONED = {"", "(devel)"}
_SLICE = 1 << 20


class _Search:
    """Looks for the blob in the writable segments, keeping no more than a blob in the making."""

    __slots__ = (
        *("_head", "_kept", "_kept_at", "_mistakes", "_need", "_position", "_size", "_spans"),
        *("cut", "done", "elf", "pointed_at", "strings"),
    )

    def __init__(self, size: int) -> None:
        self._size = size
        self._head = bytearray()
        self._spans: list[tuple[int, int, int]] = []
        self._kept = bytearray()
        self._kept_at = 0
        self._need = 0
        self._position = 0
        self._mistakes = 0
        self.elf: Elf | None = None
        self.strings: Strings | None = None
        self.pointed_at = -1
        """Offset of a blob of the old form."""
        self.cut = False
        """A blob began that did not end."""
        self.done = False

    def feed(self, data: memoryview) -> None:
        if self.done:
            return
        if self.elf is None:
            need = min(HEAD, self._size)
            if self._head or len(data) < need:
                missing = need - len(self._head)
                self._head += data[:missing]
                if len(data) < missing:
                    return
                data = data[missing:]
                self._begin(bytes(self._head))
                self._advance(memoryview(self._head))
            else:
                self._begin(bytes(data[:need]))
        if not self.done:
            self._advance(data)

    def _begin(self, head: bytes) -> None:
        self.elf = read_elf(head)
        if self.elf is None:
            self.done = True
            return
        # Where the program headers are elsewhere, all of the file is searched: offsets and
        # addresses agree modulo the page.
        segments = self.elf.segments
        if segments is None:
            self._spans = [(0, self._size, 0)]
        else:
            self._spans = [(s.offset, s.end, s.address) for s in segments if s.writable]
        self._spans.reverse()
        self._enter()

    def _enter(self) -> None:
        self._kept.clear()
        self._need = 0
        if self._spans:
            self._kept_at = self._spans[-1][0]
        else:
            self.done = True

    def _advance(self, data: memoryview) -> None:
        start = self._position
        end = self._position = start + len(data)
        while not self.done:
            first, behind, address = self._spans[-1]
            if first >= end:
                return
            # Segments that overlap: what has gone by is searched no second time.
            have = self._kept_at + len(self._kept)
            if have < start:
                self._kept_at += start - have
                have = start
            part = data[have - start : max(behind - start, 0)]
            complete = behind <= end
            if self._need or not self._passed(part):
                self._kept += part
                if complete or len(self._kept) >= self._need:
                    self._look(address - first, last=complete)
            if not complete:
                return
            if not self.done:
                self._spans.pop()
                self._enter()

    def _passed(self, part: memoryview) -> bool:
        """Whether no mark begins in what is kept and `part`, and so most of it can go."""
        kept = b"".join((self._kept, part))
        if buildinfo.MARK in kept:
            return False
        rest = kept[-len(buildinfo.MARK) + 1 :]
        self._kept_at += len(kept) - len(rest)
        self._kept[:] = rest
        return True

    def _look(self, shift: int, *, last: bool) -> None:
        """Search what is kept; `shift` is what an offset lacks to its address.

        `last` says that nothing follows: a blob that lacks something is none then.
        """
        kept = bytes(self._kept)
        at = 0
        while (at := kept.find(buildinfo.MARK, at)) >= 0:
            aligned = (self._kept_at + at + shift) % buildinfo.ALIGNMENT == 0
            need = self._examine(kept, at) if aligned else 0
            if self.done:
                return
            if need and not last:
                self._drop(at)
                self._need = need
                return
            self.cut |= need > 0
            at += 1
            self._mistakes += 1
            if self._mistakes > _MOST_MISTAKES:
                self.cut = self.done = True
                return
        self._need = 0
        self._drop(max(len(kept) - len(buildinfo.MARK) + 1, 0))

    def finish(self) -> None:
        """Nothing follows: a blob that was waited for is cut."""
        self.cut |= self._need > 0 and not self.done

    def _drop(self, count: int) -> None:
        del self._kept[:count]
        self._kept_at += count

    def _examine(self, kept: bytes, at: int) -> int:
        """Bytes needed to say more of the mark at `at`; 0 if all is said."""
        found = buildinfo.read_inline(kept, at)
        if isinstance(found, int):
            return found - at
        if found is not None:
            self.strings = found
            self.done = True
        elif buildinfo.is_pointed(kept[at : at + buildinfo.BLOB_HEADER]):
            self.pointed_at = self._kept_at + at
            self.done = True
        return 0


class _Sink:
    """A program that streams by."""

    __slots__ = ("_file", "_search", "feed")

    def __init__(self, file: MatchedFile) -> None:
        self._file = file
        self._search = _Search(file.size)
        self.feed = self._search.feed

    def close(self) -> Iterable[Item]:
        search = self._search
        search.finish()
        if search.pointed_at >= 0:
            return [Again(self._file.path)]
        return _items(self._file, search.strings, cut=search.cut)


def stream(file: MatchedFile) -> _Sink:
    """A sink for any ELF file."""
    return _Sink(file)


def read(file: MatchedFile) -> Iterator[Item]:
    """The modules of a whole program."""
    body: bytes | mmap = file.body
    search = _Search(len(body))
    for start in range(0, len(body), _SLICE):
        search.feed(memoryview(body[start : start + _SLICE]))
        if search.done:
            break
    search.finish()
    strings = search.strings
    cut = search.cut
    if search.pointed_at >= 0 and search.elf is not None:
        at = search.pointed_at
        blob = body[at : at + buildinfo.BLOB_HEADER]
        strings = buildinfo.read_pointed(blob, search.elf.segments or (), reader(body))
        cut |= strings is None
    yield from _items(file, strings, cut=cut)


def _items(file: MatchedFile, strings: Strings | None, *, cut: bool) -> Iterator[Item]:
    if strings is None:
        if cut:
            yield Problem(file.path, "the Go build information is cut or broken")
        return
    info = buildinfo.parse_modules(strings.modules)
    for complaint in info.complaints[:_MOST_COMPLAINTS]:
        yield Problem(file.path, f"Go build information: {complaint}")
    if len(info.modules) > _MOST_MODULES:
        yield Problem(file.path, f"names {len(info.modules)} Go modules: only the first are listed")
    main = _main(file, info)
    source = main.purl if isinstance(main, Package) else ""
    if main is not None:
        yield from _stated(file, main)
    seen = {source}
    for package in _linked(file, info, strings.toolchain):
        if isinstance(package, Package) and package.purl in seen:
            continue
        yield from _stated(file, package)
        if isinstance(package, Package):
            seen.add(package.purl)
            if source:
                yield Relation(source, "depends-on", package.purl)


def _linked(file: MatchedFile, info: BuildInfo, toolchain: str) -> Iterator[Package | Problem]:
    yield _standard_library(file, toolchain)
    for module in info.modules[:_MOST_MODULES]:
        yield _module(file, module)


def _stated(file: MatchedFile, package: Package | Problem) -> Iterator[Item]:
    yield package
    if isinstance(package, Package) and not package.version:
        yield Problem(file.path, f"states no version of {package.name[:200]}")


def _purl(path: str, version: str) -> str:
    namespace, _, name = path.strip("/").lower().rpartition("/")
    return build_purl("golang", namespace, name, version)


def _package(
    file: MatchedFile, path: str, version: str, description: str = "", *, provides: str = ""
) -> Package | Problem:
    try:
        purl = _purl(path, version)
    except MalformedDocument as error:
        return Problem(file.path, f"Go module {path[:200]!r}: {error}")
    return Package(
        name=path,
        version=version,
        type="golang",
        purl=purl,
        description=description,
        provides=(provides,) if provides and provides != path else (),
        locations=(file.location,),
        cataloger=NAME,
    )


def _module(file: MatchedFile, module: Module) -> Package | Problem:
    """What was built: the replacement, if there is one."""
    version = "" if module.version in _UNVERSIONED else module.version
    if module.replacement is None:
        return _package(file, module.path, version)
    path, replaced_by = module.replacement
    original = f"{module.path} {module.version}".strip()
    if replaced_by in _UNVERSIONED or path.startswith((".", "/")):
        # A folder: still this module, though not at the version that was asked for.
        return _package(file, module.path, "", f"built from {path} in place of {original}")
    return _package(file, path, replaced_by, f"replaces {original}", provides=module.path)


def _main(file: MatchedFile, info: BuildInfo) -> Package | Problem | None:
    """The program: its module, or without one (GOPATH builds) its main package."""
    if info.main is not None and info.main.path != _NAMELESS:
        found = _module(file, info.main)
    elif "." in info.path.partition("/")[0]:
        found = _package(file, info.path, "")
    else:
        # Paths whose first step has no dot are the standard library's own programs.
        return None
    if isinstance(found, Problem):
        return found
    version = found.version or buildinfo.linked_version(info, found.name) or _commit(info)
    return replace(
        found,
        version=version,
        purl=_purl(found.name, version),
        description="; ".join(filter(None, (found.description, _built(info)))),
        architecture=info.settings.get("GOARCH", ""),
        kind="application",
    )


def _commit(info: BuildInfo) -> str:
    """The commit it was built from, marked as Go does where files were changed."""
    revision = info.settings.get("vcs.revision", "")
    if _COMMIT.fullmatch(revision) is None:
        return ""
    return revision + ("+dirty" if info.settings.get("vcs.modified") == "true" else "")


def _built(info: BuildInfo) -> str:
    settings = info.settings
    system = "/".join(filter(None, (settings.get("GOOS"), settings.get("GOARCH"))))
    revision = settings.get("vcs.revision", "")
    words = f"built for {system}" if system else "built" if revision else ""
    if revision:
        words += f" from {settings.get('vcs', 'revision')} {revision}"
        words += f" of {settings['vcs.time']}" if settings.get("vcs.time") else ""
    return words


def _standard_library(file: MatchedFile, toolchain: str) -> Package:
    match = _RELEASE.match(toolchain)
    version = (match[1] or match[2]) if match else ""
    known = _CPE_VERSION.fullmatch(version)
    update = f"{known[2]}{known[3]}" if known and known[2] else "-"
    return Package(
        name="stdlib",
        version=version,
        type="golang",
        purl=_purl("stdlib", version),
        description=f"toolchain {toolchain}",
        cpes=(f"cpe:2.3:a:golang:go:{known[1]}:{update}:*:*:*:*:*:*",) if known else (),
        locations=(file.location,),
        cataloger=NAME,
    )


CATALOGER = Cataloger(
    name=NAME,
    version=1,
    types=("golang",),
    read=read,
    magic=(MAGIC,),
    stream=stream,
)
