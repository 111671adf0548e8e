"""Control files of Debian's form, which dpkg and opkg share: records of `Name: value` lines.

Sources: Debian Policy 5.1 (syntax), 7.1 (relations), deb822(5). An Essential package need not be
stated as a need by those that use it (Policy 3.8), so nothing depends on it for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from provenance.catalog.ecosystems.blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.catalog.cataloger import Requirement
    from provenance.packages.package import Package

__all__ = ["ABSENT", "Record", "bare", "identity_fault", "records", "relations", "requirements"]

ABSENT = frozenset({"not-installed", "config-files"})
"""Last words of a status: every other has files of the package on disk."""

_MAX_LINES = 50_000  # of one record; the longest real ones have some hundred
_MAX_FIELD = 1 << 20  # characters
_MAX_WORD = 500  # characters of a name or a version
_MAX_NAMES = 1000  # spellings of field names that are remembered
_CONTINUED = frozenset(" \t")


class Record(NamedTuple):
    """One block of lines between empty ones."""

    line: int
    """Number of its first line, from 1."""
    fields: dict[str, str]
    """The wanted fields that it has, names in lower case, lines joined by `\\n`."""
    fault: str = ""
    """Why it cannot be a record of a real database; fields are missing then."""


def records(text: str, wanted: Mapping[str, bool]) -> Iterator[Record]:
    """The records of a control file.

    Args:
        text: the file.
        wanted: names of fields in lower case, and whether their continuation lines are kept.
    """
    names: dict[str, str] = {}  # as spelled to as wanted; empty: not wanted
    for start, block in blocks(text):
        if block.count("\n") > _MAX_LINES:
            yield Record(start, {}, f"a record of more than {_MAX_LINES} lines")
            continue
        found: dict[str, list[str]] = {}
        value: list[str] | None = None
        for line in block.split("\n"):  # only \\n: a form feed begins no field
            if line[:1] in _CONTINUED:
                if value is not None:
                    value.append(line[1:])
                continue
            key, colon, rest = line.partition(":")
            name = names.get(key)
            if name is None:
                name = key.strip().lower()
                name = name if name in wanted else ""
                if len(names) < _MAX_NAMES:
                    names[key] = name
            value = None
            if name and colon:
                found[name] = [rest.strip()]
                value = found[name] if wanted[name] else None
        yield _record(start, found)


def _record(start: int, found: dict[str, list[str]]) -> Record:
    fields: dict[str, str] = {}
    for name, lines in found.items():
        value = lines[0] if len(lines) == 1 else "\n".join(lines).replace("\r", "")
        if len(value) > _MAX_FIELD:
            return Record(start, {}, f"the field {name!r} of a record is too long")
        fields[name] = value
    return Record(start, fields)


def identity_fault(record: Record) -> str:
    """Why the record names no package; empty where it does."""
    fields = record.fields
    if record.fault:
        return record.fault
    name, version = fields.get("package", ""), fields.get("version", "")
    if not name or len(name) > _MAX_WORD or name.split() != [name]:
        return "a record without a package name"
    if not version:
        return f"the record of {name[:100]!r} has no version"
    if len(version) > _MAX_WORD or version.split() != [version]:
        return f"the version of {name[:100]!r} is none: {version[:100]!r}"
    return ""


def relations(text: str) -> tuple[str, ...]:
    """The parts of a relation field, spaces and line ends made one space."""
    if not text:
        return ()
    return tuple(filter(None, map(str.strip, " ".join(text.split()).split(","))))


def bare(word: str) -> str:
    """`libc6:any (>= 2.3)` without architecture and version."""
    return word.partition("(")[0].partition("[")[0].strip().partition(":")[0]


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need with its alternatives, versions left out: what is installed satisfied dpkg."""
    for need in package.depends:
        if names := tuple(filter(None, map(bare, need.split("|")))):
            yield names
