"""Installed Alpine packages: apk's `installed` database.

Source: the Alpine wiki, "Apk spec", section "Installed database v2". Not read: `etc/apk/world`
(wishes, not facts). The `C:` checksum is of the package's control part, not of a file anybody
has, so it is no hash of the package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import OS_RELEASE, Cataloger, Problem, root_of, stanzas
from provenance.packages.licenses import normalise
from provenance.packages.package import Location, Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import Context, Requirement
    from provenance.image.file import File

__all__ = ["CATALOGER"]

_BARE = re.compile(r"[^<>=~@\s]+")
_SUFFIXES = ("usr/lib/apk/db/installed", "lib/apk/db/installed")
_PER_FILE = frozenset("FRMaZ")  # the files of a package follow its fields


def catalog(file: File, context: Context) -> Iterator[Package | Problem]:
    """Yield each installed package, and a Problem for each record that cannot be read."""
    root = root_of(file.real_path, *_SUFFIXES)
    for line, lines in stanzas(file.data.decode("utf-8", "replace")):
        record: dict[str, str] = {}
        for text in lines:
            if text[1:2] == ":":
                if text[0] not in _PER_FILE:
                    record.setdefault(text[0], text[2:].strip())
            else:
                yield Problem(file.real_path, f"no field of an apk record: {text[:60]!r}", line)
        if record.get("P") and record.get("V"):
            yield _package(record, file, root, context)
        elif record:
            name = record.get("P", "")
            missing = "version" if name else "package name"
            yield Problem(file.real_path, f"the apk record {name[:100]!r} has no {missing}", line)


def _package(record: dict[str, str], file: File, root: str, context: Context) -> Package:
    name, version, architecture = record["P"], record["V"], record.get("A", "")
    origin = record.get("o", "")
    vendor, distro = context.vendor(root, "alpine")
    upstream = origin if origin != name else ""
    licence = record.get("L", "")
    return Package(
        name=name,
        version=version,
        type="apk",
        purl=build_purl(
            "apk",
            vendor,
            name,
            version,
            {"arch": architecture, "distro": distro, "upstream": upstream},
        ),
        licenses=(normalise(licence),) if licence else (),
        supplier=record.get("m", ""),
        description=record.get("T", ""),
        locations=(Location(file.real_path, file.layer),),
        architecture=architecture,
        source=origin,
        depends=tuple(record.get("D", "").split()),
        provides=tuple(_bare(word) for word in record.get("p", "").split()),
        cataloger=CATALOGER.name,
    )


def _bare(word: str) -> str:
    match = _BARE.match(word)
    return match[0] if match else ""


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name; conflicts (`!name`) are none."""
    for word in package.depends:
        if not word.startswith("!"):
            yield (_bare(word),)


CATALOGER = Cataloger(
    name="apk",
    type="apk",
    paths=("**/lib/apk/db/installed",),
    catalog=catalog,
    requirements=requirements,
    context=OS_RELEASE,
)
