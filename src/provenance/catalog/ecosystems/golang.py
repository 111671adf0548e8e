"""Modules of Go programs, out of the build information in the program itself.

Sources: Go's `debug/buildinfo`; purl type definition `golang` (namespace and name in lower case;
the version of what has no release is its commit). The mark is looked for as Go's own reader does
where there are no section headers: in writable segments, on 16-byte boundaries of memory. Programs
for other systems are read too: images carry them for those who build, or to hand them out.

The checksums of modules (`h1:`) are of a listing, not of a file, and so no hash of a package.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Again, Cataloger, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems import buildinfo
from provenance.catalog.ecosystems.pieces import reader
from provenance.catalog.ecosystems.programs import MAGICS, Programs, once, programs_in
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from mmap import mmap

    from provenance.catalog.cataloger import Item
    from provenance.catalog.ecosystems.buildinfo import BuildInfo, Module, Strings
    from provenance.catalog.ecosystems.programs import Headers

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
    """Looks for the blob in a program's writable segments.

    It keeps no more than a blob in the making.
    """

    __slots__ = (
        *("_kept", "_kept_at", "_mistakes", "_need", "_position", "_spans", "_wanted"),
        *("cut", "done", "pointed_at", "strings"),
    )

    def __init__(self, spans: list[tuple[int, int, int]]) -> None:
        """Look into `spans`: start, end, address; in the order of their ends."""
        self._spans = spans[::-1]
        self._kept = bytearray()
        self._kept_at = self._wanted = spans[0][0]
        """The first byte that is of interest has this offset or a later one."""
        self._need = 0
        self._position = 0
        self._mistakes = 0
        self.strings: Strings | None = None
        self.pointed_at = -1
        """Offset of a blob of the old form."""
        self.cut = False
        """A blob began that did not end."""
        self.done = False

    def feed(self, data: memoryview) -> bool:
        """The next bytes. True: no more are needed."""
        start = self._position
        end = self._position = start + len(data)
        if end > self._wanted and not self.done:
            self._advance(data, start, end)
        return self.done

    def _advance(self, data: memoryview, start: int, end: int) -> None:
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
            if self._need or self._begins(part, complete=complete):
                self._kept += part
                if complete or len(self._kept) >= self._need:
                    self._look(address - first, last=complete)
            if not complete:
                return
            if not self.done:
                self._leave()

    def _leave(self) -> None:
        """Go on to the next segment."""
        self._spans.pop()
        self._kept.clear()
        self._need = 0
        if self._spans:
            self._kept_at = self._wanted = self._spans[-1][0]
        else:
            self.done = True

    def _begins(self, part: memoryview, *, complete: bool) -> bool:
        """Whether a mark begins in what is kept and `part`; else most of it can go."""
        kept = b"".join((self._kept, part))
        if buildinfo.MARK in kept:
            return True
        if not complete:
            rest = kept[-len(buildinfo.MARK) + 1 :]
            self._kept_at += len(kept) - len(rest)
            self._kept[:] = rest
        return False

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


def _search(headers: Headers, size: int, *_: object) -> _Search | None:
    """Who looks into a program; None where there is nothing to look into."""
    segments = headers.segments
    if segments is None:
        # Where the headers are elsewhere, all of the file is searched: offsets and addresses agree
        # modulo the page.
        return _Search([(0, size, 0)])
    spans = [(s.offset, s.end, s.address) for s in segments if s.writable]
    return _Search(spans) if spans else None


class _Sink(Programs[_Search]):
    """A file that streams by."""

    __slots__ = ("_file",)

    def __init__(self, file: MatchedFile) -> None:
        super().__init__(file.size, _search)
        self._file = file

    def close(self) -> Iterable[Item]:
        found = []
        for search in self.parts:
            search.finish()
            if search.pointed_at >= 0:
                return [Again(self._file.path)]
            if search.strings is not None or search.cut:
                found.append(_items(self._file, search.strings, cut=search.cut))
        return once(chain.from_iterable(found)) if found else ()


def stream(file: MatchedFile) -> _Sink:
    """A sink for any file that may be a program."""
    return _Sink(file)


def read(file: MatchedFile) -> Iterable[Item]:
    """The modules of a whole program."""
    return once(chain.from_iterable(_whole(file)))


def _whole(file: MatchedFile) -> Iterator[Iterable[Item]]:
    body: bytes | mmap = file.body
    for start, end, headers in programs_in(body):
        search = _search(headers, end - start)
        if search is None:
            continue
        for at in range(start, end, _SLICE):
            if search.feed(memoryview(body[at : min(at + _SLICE, end)])):
                break
        search.finish()
        strings, cut = search.strings, search.cut
        if search.pointed_at >= 0:
            at = start + search.pointed_at
            blob = body[at : at + buildinfo.BLOB_HEADER]
            read = reader(body, start, end)
            strings = buildinfo.read_pointed(blob, headers.segments or (), read)
            cut |= strings is None
        yield _items(file, strings, cut=cut)


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
    # The linker puts experiments behind it, after a space or a dash (go.dev/issue/75953).
    version = (match[1] or match[2]).partition("-X:")[0] if match else ""
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
    version=3,
    types=("golang",),
    read=read,
    magic=MAGICS,
    stream=stream,
)
