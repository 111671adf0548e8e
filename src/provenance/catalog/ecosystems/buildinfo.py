"""What the Go linker writes into a program: the toolchain and the modules it was built from.

Source: Go's `debug/buildinfo` (layout of the blob, both forms) and `runtime/debug.BuildInfo` (the
text form: `path`, `mod`, `dep`, `=>`, `build` lines with tabs between their fields).

The blob begins with a mark on a 16-byte boundary of memory, the size of pointers, flags. Since Go
1.18 two strings follow, each behind its length; before, two pointers to Go strings stood there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from provenance.catalog.ecosystems.program import file_offset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.catalog.ecosystems.program import Segment

__all__ = [
    "ALIGNMENT",
    "BLOB_HEADER",
    "MARK",
    "MOST_BYTES",
    "BuildInfo",
    "Module",
    "Strings",
    "is_pointed",
    "linked_version",
    "parse_modules",
    "read_inline",
    "read_pointed",
]

MARK = b"\xff Go buildinf:"
ALIGNMENT = 16
BLOB_HEADER = 32
MOST_BYTES = 1 << 20
"""Longest list of modules that is read: ten times what the largest real ones have."""

_INLINE = 2
_BIG_ENDIAN = 1
_MOST_VERSION = 1024
_MOST_VARINT = 10
_FRAME = 16
_TOOLCHAIN = re.compile(rb"go\d|devel ", re.ASCII)
_MOST_FLAGS = 1 << 16
_SET_STRING = re.compile(r"""(?:^|[\s'"])-X[\s=]+['"]?([^\s='"]+)=([^\s'"]*)""")
_VERSION = re.compile(r"v?(\d+)\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)
_REPOSITORY = re.compile(r"(?:github\.com|gitlab\.com|bitbucket\.org)/[^/]+/[^/]+")
_MAJOR = re.compile(r"[/.]v(\d+)$", re.ASCII)


class Strings(NamedTuple):
    """The two strings of a blob."""

    toolchain: str
    modules: str
    """The text form without its frame; empty if there was none."""


class Module(NamedTuple):
    """One `mod`, `dep` or `=>` line."""

    path: str
    version: str
    replacement: tuple[str, str] | None = None
    """Path and version of what was built in its place."""


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """The text form, read."""

    path: str = ""
    """Import path of the main package."""
    main: Module | None = None
    modules: Sequence[Module] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    complaints: Sequence[str] = ()
    """What could not be read."""


def read_inline(data: bytes, start: int = 0) -> Strings | int | None:
    """The strings of the blob that begins at `start`, in the form of Go 1.18 and later.

    An int says how many bytes of `data` there have to be to know more; None that this is no such
    blob.
    """
    if len(data) < start + BLOB_HEADER:
        return start + BLOB_HEADER
    if not data[start + 15] & _INLINE:
        return None
    version = _counted(data, start + BLOB_HEADER, _MOST_VERSION)
    if not isinstance(version, tuple):
        return version
    toolchain, at = version
    if _TOOLCHAIN.match(toolchain) is None:
        return None
    modules = _counted(data, at, MOST_BYTES)
    if not isinstance(modules, tuple):
        return modules
    return Strings(toolchain.decode("utf-8", "replace"), _unframed(modules[0]))


def is_pointed(blob: bytes) -> bool:
    """Whether a blob may be one of Go 1.17 and before."""
    return (
        len(blob) == BLOB_HEADER
        and blob[14] in {4, 8}
        and not blob[15] & _INLINE
        and any(blob[16:])
    )


def read_pointed(
    blob: bytes,
    segments: Sequence[Segment],
    read: Callable[[int, int], bytes | None],
) -> Strings | None:
    """The strings that a blob of Go 1.17 and before points to; None if this is no such blob."""
    if not is_pointed(blob):
        return None
    size = blob[14]
    order: Literal["big", "little"] = "big" if blob[15] & _BIG_ENDIAN else "little"

    def text(address: int, most: int) -> bytes | None:
        header = at(address, 2 * size)
        if header is None:
            return None
        length = int.from_bytes(header[size:], order)
        return at(int.from_bytes(header[:size], order), length) if length <= most else None

    def at(address: int, length: int) -> bytes | None:
        offset = file_offset(segments, address, length)
        return None if offset is None else read(offset, length)

    toolchain = text(int.from_bytes(blob[16 : 16 + size], order), _MOST_VERSION)
    if toolchain is None or _TOOLCHAIN.match(toolchain) is None:
        return None
    modules = text(int.from_bytes(blob[16 + size : 16 + 2 * size], order), MOST_BYTES)
    return Strings(toolchain.decode("utf-8", "replace"), _unframed(modules or b""))


def _counted(blob: bytes, at: int, most: int) -> tuple[bytes, int] | int | None:
    """The bytes behind a varint that says how many, and where they end."""
    length = 0
    for index in range(_MOST_VARINT):
        if at + index >= len(blob):
            return at + index + 1
        length |= (blob[at + index] & 0x7F) << (7 * index)
        if blob[at + index] < 0x80:
            start = at + index + 1
            if length > most:
                return None
            if start + length > len(blob):
                return start + length
            return blob[start : start + length], start + length
    return None


def _unframed(modules: bytes) -> str:
    if len(modules) < 2 * _FRAME + 1 or modules[-_FRAME - 1] != 0x0A:
        return ""
    return modules[_FRAME:-_FRAME].decode("utf-8", "replace")


def parse_modules(text: str) -> BuildInfo:
    """Read the text form. Lines of a word that is not known are passed over."""
    path = ""
    main: Module | None = None
    modules: list[Module] = []
    settings: dict[str, str] = {}
    complaints: list[str] = []
    last = ""
    for line in text.split("\n"):
        word, _, rest = line.partition("\t")
        if word == "path":
            path = rest
        elif word in {"mod", "dep", "=>"}:
            fields = rest.split("\t")
            module = Module(fields[0], fields[1] if len(fields) > 1 else "")
            if not module.path:
                complaints.append(f"a {word!r} line names no module")
            elif word == "mod":
                main = module
            elif word == "dep":
                modules.append(module)
            elif last == "dep" and modules:
                modules[-1] = modules[-1]._replace(replacement=module[:2])
            elif last == "mod" and main is not None:
                main = main._replace(replacement=module[:2])
            else:
                complaints.append(f"{module.path[:200]} replaces nothing")
        elif word == "build":
            key, _, value = rest.partition("=")
            settings[_unquoted(key)] = _unquoted(value)
        last = word
    return BuildInfo(path, main, modules, settings, complaints)


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != text[-1] or text[0] not in '"`':
        return text
    if text[0] == '"':
        try:
            return msgspec.json.decode(text, type=str)
        except (msgspec.MsgspecError, UnicodeError):
            pass  # Go's escapes that JSON has not: what stands between the quotes will do
    return text[1:-1]


def linked_version(info: BuildInfo, module: str) -> str:
    """The version that the linker was told to write into the program; empty if none is certain.

    Only `-X PACKAGE.version=` counts, of package `main` or one of the module; all that are given
    have to agree, and agree with the major version in the module's path. Where no module is known,
    `module` is the main package, of which hosts say how much is the repository.
    """
    if info.main is None and (repository := _REPOSITORY.match(module)):
        module = repository[0]
    stated = set()
    for name, value in _SET_STRING.findall(info.settings.get("-ldflags", "")[:_MOST_FLAGS]):
        package, _, variable = name.rpartition(".")
        if variable.lower() != "version" or not (
            package in {"main", module} or package.startswith(f"{module}/")
        ):
            continue
        match = _VERSION.fullmatch(value)
        if match is None:
            continue
        major = _MAJOR.search(module)
        if major is None or major[1] == match[1]:
            stated.add("v" + value.removeprefix("v"))
    return stated.pop() if len(stated) == 1 else ""
