"""Packages of Yarn's Plug'n'Play: archives that stay packed, and the table that says what is used.

Source: Yarn, "PnP specification": `.pnp.cjs`, or `.pnp.data.json` beside it, gives each package its
folder, most of them in an archive, and what its needs resolve to. Archives that no table names are
what was once downloaded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from provenance.catalog.cataloger import Fact, MatchedFile, Problem
from provenance.catalog.ecosystems.file_lists import below
from provenance.catalog.ecosystems.typed_json import Unreadable, decode_typed
from provenance.catalog.ecosystems.zip_archive import BadArchive, Budget, Exhausted, open_archive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from mmap import mmap

__all__ = ["ARCHIVES", "TABLE", "TABLES", "is_used", "joined", "manifests", "table"]

ARCHIVES = ("**/.yarn/cache/*.zip", "**/.yarn/berry/cache/*.zip")
"""Of a project, and of all projects of a user."""
TABLES = ("**/.pnp.cjs", "**/.pnp.js", "**/.pnp.data.json")
TABLE = "plug-n-play"
"""Kind of fact: folder to the folders that its needs resolve to, all as paths in the image."""

_INSIDE = ".zip!/"
_LARGEST = 8 << 20  # bytes of one package.json
_MOST = 100_000  # packages of one table; large ones have some thousands
_CHARACTERS = 64 << 20  # of the folders that needs resolve to; large tables have a tenth of it
_ROOT = re.compile(r"node_modules/(?:@[^/]+/)?[^/]+/package\.json")
# The table as a string of JavaScript: its lines end in a backslash. The second is Yarn 3.2's.
_INLINE = re.compile(
    rb"(?:RAW_RUNTIME_STATE\s*=\s*|hydrateRuntimeState\(JSON\.parse\()'((?:[^'\\]++|\\.)*+)'",
    re.DOTALL,
)
# Until then it was an object of JavaScript, spelled as JSON.
_CALL, _BASE = b"hydrateRuntimeState(", b", {basePath:"
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
# A package that is there once for each set of peers: `__virtual__/HASH/LEVELS UP/`.
_VIRTUAL = re.compile(r"(.*/)(?:__virtual__|\$\$virtual)/[^/]+/([0-9]{1,2})/(.*)", re.DOTALL)

_Target: TypeAlias = str | tuple[str, str] | None


class _Entry(msgspec.Struct, gc=False):
    location: str = msgspec.field(name="packageLocation", default="")
    needs: list[tuple[str, _Target]] = msgspec.field(
        name="packageDependencies", default_factory=list
    )


class _Table(msgspec.Struct):
    registry: list[tuple[str | None, list[tuple[str | None, _Entry]]]] = msgspec.field(
        name="packageRegistryData"
    )


_DECODER = msgspec.json.Decoder(_Table)


def manifests(file: MatchedFile) -> Iterator[MatchedFile | Problem]:
    """The `package.json` of each package in an archive, as the file it would be unpacked."""
    try:
        archive = open_archive(file.body, Budget(file.size), suffixes=(b"/package.json",))
        for member in archive.members:
            if _ROOT.fullmatch(member.name):
                data = archive.read(member, limit=_LARGEST)
                path = f"{file.path}!/{member.name}"
                yield MatchedFile(path, file.layer, len(data), file.mode, data)
    except (BadArchive, Exhausted) as error:
        yield Problem(file.path, str(error))


def table(file: MatchedFile) -> Iterator[Fact | Problem]:
    """Which folders a project uses, and what their needs resolve to."""
    program = body = file.body
    if not file.path.endswith(".json"):
        body = _inlined(program)
        if not body:
            # Yarn 1 has no such table, and leaves no package in its archive.
            if program.find(_CALL) >= 0 > program.find(b".pnp.data.json"):
                yield Problem(file.path, "the table of Plug'n'Play is where it is not looked for")
            return
    read = decode_typed(_DECODER, body)
    if isinstance(read, Unreadable):
        yield Problem(file.path, f"the table of Plug'n'Play {read.why}")
        return
    root = file.path.rpartition("/")[0]
    entries = {
        (name, reference): entry
        for name, versions in read.registry
        for reference, entry in versions
        if name is not None
    }
    if len(entries) > _MOST:
        yield Problem(file.path, f"the table of Plug'n'Play lists more than {_MOST} packages")
        return
    folders = {key: _folder(root, entry.location) for key, entry in entries.items()}
    used: dict[str, dict[str, None]] = {}
    spelled = 0
    for key, entry in entries.items():
        needs = used.setdefault(folders[key], {})
        for name, target in entry.needs:
            found = (name, target) if isinstance(target, str) else target
            if found is not None and found in folders:
                needs[folders[found]] = None
                spelled += len(folders[found])
        if spelled > _CHARACTERS:
            yield Problem(file.path, "the table of Plug'n'Play resolves more needs than is read")
            return
    yield Fact(TABLE, file.path, {folder: list(needs) for folder, needs in used.items() if folder})


def _inlined(program: bytes | mmap) -> bytes:
    """The table in a program; empty: it lies beside it."""
    if match := _INLINE.search(program):
        return _ESCAPE.sub(lambda escaped: escaped[1].strip(b"\n"), match[1])
    start = program.find(_CALL + b"{") + len(_CALL)
    end = program.find(_BASE, start)
    return program[start:end] if len(_CALL) <= start < end else b""


def joined(tables: Iterable[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """The tables of all projects in one: several may use the same archive."""
    found: dict[str, dict[str, None]] = {}
    for one in tables:
        for folder, needs in one.items():
            found.setdefault(folder, {}).update(dict.fromkeys(needs))
    return {folder: list(needs) for folder, needs in found.items()}


def is_used(path: str, tables: Mapping[str, object]) -> bool:
    """Whether the package with this `package.json` is more than a download."""
    return _INSIDE not in path or path.rpartition("/")[0] in tables


def _folder(root: str, location: str) -> str:
    """Where a package lies, as the paths of `manifests` have it."""
    if virtual := _VIRTUAL.fullmatch(location):
        before, levels, rest = virtual.groups()
        location = f"{before}{'../' * int(levels)}{rest}"
    return below(root, location.rstrip("/")).replace(".zip/", _INSIDE, 1)
