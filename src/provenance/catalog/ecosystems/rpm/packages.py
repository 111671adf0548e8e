"""From a header to a package.

Sources: rpm's rpmtag.h; purl-spec's type definition rpm: namespace the vendor (from os-release,
added when all is known), version `version-release`, the epoch a qualifier. `upstream` holds the
file name of the source package, as scanners read it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.ecosystems.rpm.dependencies import MAX_DEPENDENCIES, need
from provenance.catalog.ecosystems.rpm.header import Header, Tag
from provenance.catalog.ecosystems.rpm.licenses import normalise_rpm
from provenance.errors import MalformedDocument
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from provenance.packages.package import Location

    T = TypeVar("T")

__all__ = ["NAME", "build", "package_of", "source_of"]

NAME = "rpm"
_KEY = "gpg-pubkey"  # keys that rpm trusts stand in the database as if they were packages
_WORD = re.compile(r"[^\s\x00-\x1f\x7f]+")


def package_of(header: Header, location: Location) -> tuple[Package | None, list[str]]:
    """The package of a header, and what of the header cannot be read.

    None without a fault is no package: a key.

    Raises:
        MalformedDocument: it has no name.
    """
    faults: list[str] = []

    def tried(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except MalformedDocument as error:
            faults.append(str(error))
            return otherwise

    def text(tag: int) -> str:
        return tried(lambda: header.text(tag), "")

    name = header.text(Tag.NAME)
    if name == _KEY:
        return None, faults
    epoch = tried(lambda: header.number(Tag.EPOCH), None)
    nothing: tuple[str, ...] = ()
    package = build(
        name=name,
        epoch="" if epoch is None else str(epoch),
        version=text(Tag.VERSION),
        release=text(Tag.RELEASE),
        architecture=text(Tag.ARCH),
        source_rpm=text(Tag.SOURCERPM),
        supplier=text(Tag.VENDOR) or text(Tag.PACKAGER),
        license_tag=text(Tag.LICENSE),
        description=text(Tag.SUMMARY),
        homepage=text(Tag.URL),
        depends=tried(lambda: _depends(header), nothing),
        provides=tried(lambda: _provides(header, name), nothing),
        location=location,
    )
    if not package.version:
        faults.append("it has no version")
    return package, faults


def build(
    *,
    name: str,
    epoch: str,
    version: str,
    release: str,
    architecture: str,
    source_rpm: str,
    supplier: str,
    location: Location,
    license_tag: str = "",
    description: str = "",
    homepage: str = "",
    depends: tuple[str, ...] = (),
    provides: tuple[str, ...] = (),
) -> Package:
    """A package of what a header or a line of a manifest says. Raises MalformedDocument."""
    if _WORD.fullmatch(name) is None:
        raise MalformedDocument(f"{name[:100]!r} is no name of a package")
    for word in (version, release, architecture, source_rpm):
        if word and _WORD.fullmatch(word) is None:
            raise MalformedDocument(f"{word[:100]!r} of the package {name[:100]!r} is no one word")
    evr = f"{version}-{release}" if version and release else version
    licenses = normalise_rpm(license_tag)
    source, source_version = source_of(source_rpm)
    return Package(
        name=name,
        version=f"{epoch}:{evr}" if epoch and evr else evr,
        type="rpm",
        purl=build_purl(
            "rpm",
            "",
            name,
            evr,
            {"arch": architecture, "epoch": epoch, "upstream": source_rpm},
        ),
        licenses=licenses,
        stated_licenses=() if licenses in {(), (license_tag,)} else (license_tag,),
        supplier=supplier,
        description=description,
        homepage=homepage,
        locations=(location,),
        architecture=architecture,
        source="" if source == name else source,
        source_version="" if (source, source_version) == (name, evr) else source_version,
        depends=depends,
        provides=provides,
        cataloger=NAME,
    )


def source_of(file: str) -> tuple[str, str]:
    """Name and version of a source package, from its file's name.

    >>> source_of("util-linux-2.32.1-42.el8_8.src.rpm")
    ('util-linux', '2.32.1-42.el8_8')
    """
    stem, dot, suffix = file.removesuffix(".rpm").rpartition(".")
    parts = stem.rsplit("-", 2)
    if not dot or suffix not in {"src", "nosrc"} or len(parts) != 3:
        return "", ""
    return parts[0], f"{parts[1]}-{parts[2]}"


def _provides(header: Header, name: str) -> tuple[str, ...]:
    stored = header.strings(Tag.PROVIDENAME)
    if stored.size > MAX_DEPENDENCIES:
        raise MalformedDocument(f"{stored.size} names that it provides are more than any has")
    names = dict.fromkeys(str(one, "utf-8", "replace") for one in stored.split())
    names.pop(name, None)
    names.pop("", None)
    return tuple(names)


def _depends(header: Header) -> tuple[str, ...]:
    names, versions = header.strings(Tag.REQUIRENAME), header.strings(Tag.REQUIREVERSION)
    flags = header.numbers(Tag.REQUIREFLAGS)
    if not names.size:
        return ()
    if names.size > MAX_DEPENDENCIES:
        raise MalformedDocument(f"{names.size} needs are more than any package has")
    if not names.size == versions.size == len(flags):
        raise MalformedDocument(f"{names.size} needs, but {versions.size} versions of them")
    words = map(need, names.split(), flags, versions.split())
    return tuple(dict.fromkeys(word for word in words if word))
