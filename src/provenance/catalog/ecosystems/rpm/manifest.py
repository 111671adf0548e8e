"""The package list of CBL-Mariner and Azure Linux images without an rpm database.

A line a package, ten columns with tabs between: name, version-release, time of installation, time
of the build, vendor, epoch, size, architecture, epoch as a number, source rpm; `(none)` for
nothing. Some builders write `(none)` for every epoch and 0 as the number where there is none.

Source: CBL-Mariner, toolkit/docs/how_it_works/5_misc.md, "RPM manifest file".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Problem
from provenance.catalog.ecosystems.rpm.packages import build
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import Item, MatchedFile

__all__ = ["read_manifest"]

_COLUMNS = 10


def read_manifest(file: MatchedFile) -> Iterator[Item]:
    """Yield the packages."""
    for number, line in enumerate(file.text().split("\n"), 1):
        if not line.strip() or line.startswith("gpg-pubkey\t"):
            continue
        columns = ["" if word == "(none)" else word for word in line.rstrip("\r").split("\t")]
        if len(columns) < _COLUMNS:
            yield Problem(file.path, f"{len(columns)} columns instead of {_COLUMNS}", number)
            continue
        name, evr, _, _, vendor, epoch, _, architecture, epoch_number, source = columns[:_COLUMNS]
        version, _, release = evr.partition("-")
        if epoch_number not in {"", "0"}:
            epoch = epoch_number
        try:
            if epoch and not (epoch.isascii() and epoch.isdigit()):
                raise MalformedDocument(f"the epoch {epoch[:20]!r} of {name[:100]!r} is no number")
            package = build(
                name=name,
                epoch=epoch,
                version=version,
                release=release,
                architecture=architecture,
                source_rpm=source,
                supplier=vendor,
                location=file.location,
            )
        except MalformedDocument as error:
            yield Problem(file.path, str(error), number)
            continue
        yield package
        if not package.version:
            yield Problem(file.path, f"the package {name!r} has no version", number)
