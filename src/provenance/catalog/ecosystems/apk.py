"""Installed Alpine packages: apk's `installed` database.

Source: the Alpine wiki, "Apk spec", section "Installed database v2". Not read: `etc/apk/world`
(wishes, not facts). The `C:` checksum is of the package's control part, not of a file anybody
has, so it is no hash of the package. No CPE: Alpine states none.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Fact, Owned, Problem, root_of
from provenance.catalog.ecosystems.blocks import blocks, bounded
from provenance.errors import MalformedDocument
from provenance.packages.licenses import normalise
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.cataloger import Item, MatchedFile, Remaining, Requirement

__all__ = ["CATALOGER"]

_BARE = re.compile(r"[^<>=~@\s]+")
_SUFFIXES = ("usr/lib/apk/db/installed", "lib/apk/db/installed")
_MAX_FIELD = 1 << 20  # characters of all fields
_MAX_WORD = 500  # characters of a name or a version
_MAX_FILES = 300_000  # of one package
# `Z:` has how it is written, which algorithm, and the digest.
_DIGESTS = {"Q1": ("sha1", 20), "Q2": ("sha256", 32)}


def read(file: MatchedFile) -> Iterable[Item]:
    """Each installed package and its files, and a Problem for each record that cannot be read."""
    return bounded(_records(file), file.path)


def _records(file: MatchedFile) -> Iterator[Item]:
    for line, block in blocks(file.text()):
        yield from _record(block, file, line)


def _record(block: str, file: MatchedFile, line: int) -> Iterator[Item]:
    # The files of a package follow its fields, directory by directory.
    head, mark, files = block.partition("\nF:")
    record: dict[str, str] = {}
    if len(head) > _MAX_FIELD:
        yield Problem(file.path, "an apk record of which a field is too long", line)
        return
    for text in head.split("\n"):
        if text[1:2] == ":":
            record.setdefault(text[0], text[2:].strip())
        else:
            yield Problem(file.path, f"no field of an apk record: {text[:60]!r}", line)
    if not record:
        return
    if fault := _fault(record):
        yield Problem(file.path, fault, line)
        return
    try:
        package = _package(record, file)
    except MalformedDocument as error:
        yield Problem(file.path, str(error), line)
        return
    yield package
    if files.count("\nR:") > _MAX_FILES:
        yield Problem(file.path, f"{package.name!r} has more than {_MAX_FILES} files", line)
    elif mark:
        yield Fact("files", _key(package), f"F:{files}")


def _fault(record: dict[str, str]) -> str:
    name, version = record.get("P", ""), record.get("V", "")
    if not name:
        return f"the apk record {name!r} has no package name"
    if not version:
        return f"the apk record {name[:100]!r} has no version"
    for word in (name, version):
        if len(word) > _MAX_WORD or word.split() != [word]:
            return f"no name or version of an apk package: {word[:100]!r}"
    return ""


def _package(record: dict[str, str], file: MatchedFile) -> Package:
    name, version = record["P"], record["V"]
    architecture, origin = record.get("A", ""), record.get("o", "")
    stated = record.get("L", "")
    licence = normalise(stated)
    return Package(
        name=name,
        version=version,
        type="apk",
        purl=_purl(name, version, architecture, origin),
        licenses=(licence,) if licence else (),
        stated_licenses=(stated,) if stated != licence else (),
        supplier=record.get("m", ""),
        description=record.get("T", ""),
        homepage=record.get("U", ""),
        locations=(file.location,),
        architecture=architecture,
        source=origin,
        depends=tuple(record.get("D", "").split()),
        provides=tuple(name for word in record.get("p", "").split() if (name := _bare(word))),
        cataloger="apk",
    )


def _purl(
    name: str,
    version: str,
    architecture: str,
    origin: str,
    vendor: str = "alpine",
    distro: str = "",
) -> str:
    upstream = origin if origin != name else ""
    qualifiers = {"arch": architecture, "distro": distro, "upstream": upstream}
    return build_purl("apk", vendor, name, version, qualifiers)


def _key(package: Package) -> str:
    return f"{package.locations[0].path} {package.name} {package.version}"


def _bare(word: str) -> str:
    match = _BARE.match(word)
    return match[0] if match else ""


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name; conflicts (`!name`) are none."""
    for word in package.depends:
        if not word.startswith("!") and (name := _bare(word)):
            yield (name,)


def complete(remaining: Remaining) -> Iterator[Package | Owned]:
    """The packages with their distribution, and the files that they installed."""
    files = remaining.of("files")
    for package in remaining.packages:
        location = package.locations[0]
        vendor, distro = remaining.vendor(root_of(location.path, *_SUFFIXES), "alpine")
        known = (package.name, package.version, package.architecture, package.source)
        whole = package.changed(purl=_purl(*known, vendor, distro))
        yield whole
        listed = list(_files(files.get(_key(package), "")))
        if listed:
            paths, hashes = zip(*listed, strict=True)
            yield Owned(whole.purl, paths, hashes if any(hashes) else ())


def _files(text: str) -> Iterator[tuple[str, str]]:
    """Path and hash of each file in lines of `F:` directory, `R:` name, `a:` mode, `Z:` digest."""
    folder = path = digest = ""
    link = False
    for line in text.split("\n"):
        key, value = line[:2], line[2:].rstrip("\r")
        if key in {"F:", "R:"}:
            if path:
                yield path, digest
            path = digest = ""
            link = False
            if key == "F:":
                folder = f"{value.strip('/')}/" if value.strip("/") else ""
            elif value:
                path = folder + value
        elif key == "a:":
            # The mode of links, whose `Z:` is of the target's name and no file's.
            link = value.split(":")[2:3] == ["777"]
        elif key == "Z:" and not link:
            digest = _digest(value)
    if path:
        yield path, digest


def _digest(value: str) -> str:
    algorithm, length = _DIGESTS.get(value[:2], ("", 0))
    try:
        raw = binascii.a2b_base64(value[2:], strict_mode=True) if algorithm else b""
    except (binascii.Error, ValueError):
        return ""
    return f"{algorithm}:{raw.hex()}" if algorithm and len(raw) == length else ""


CATALOGER = Cataloger(
    name="apk",
    version=1,
    types=("apk",),
    read=read,
    paths=("**/lib/apk/db/installed",),
    complete=complete,
    requirements=requirements,
)
