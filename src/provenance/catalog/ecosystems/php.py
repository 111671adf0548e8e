"""Installed PHP packages: `installed.json` that Composer keeps in its vendor folder.

Sources: Composer's `composer.json` schema, `FilesystemRepository` (a list in Composer 1, an object
with `packages` since 2); the purl type `composer`. Not read: `composer.lock` and `composer.json`
(wishes, not facts).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from provenance.catalog.cataloger import Cataloger, Problem
from provenance.catalog.ecosystems.typed_json import Unreadable, decode_typed
from provenance.errors import MalformedDocument
from provenance.packages.licenses import is_spdx, normalise
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import MatchedFile, Requirement

__all__ = ["CATALOGER"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}/[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_VERSION = re.compile(r"[!-~]{1,256}", re.ASCII)
_SHA1 = re.compile(r"[0-9a-f]{40}", re.ASCII)
_MOST = 20_000  # packages of one vendor folder; large ones have some hundreds
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class _Installed(msgspec.Struct):
    packages: list[msgspec.Raw]


class _Author(msgspec.Struct):
    name: str | None = None
    email: str | None = None


class _Dist(msgspec.Struct):
    shasum: str | None = None


class _Package(msgspec.Struct):
    name: str = ""
    version: str = ""
    description: str | None = None
    homepage: str | None = None
    license: list[str] | str | None = None
    authors: list[_Author] | None = None
    dist: _Dist | None = None
    # PHP writes an empty map as an empty list.
    require: dict[str, str] | list[str] | None = None
    replace: dict[str, str] | list[str] | None = None
    provide: dict[str, str] | list[str] | None = None


_OBJECT = msgspec.json.Decoder(_Installed)
_RECORD = msgspec.json.Decoder(_Package)


def read(file: MatchedFile) -> Iterator[Package | Problem]:
    """Yield each package, and a Problem for each record that cannot be read."""
    records: list[msgspec.Raw] | Unreadable
    if bytes(file.body[:64]).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        records = decode_typed(_LIST, file.body)
    else:
        installed = decode_typed(_OBJECT, file.body)
        records = installed if isinstance(installed, Unreadable) else installed.packages
    if isinstance(records, Unreadable):
        yield Problem(file.path, records.why)
        return
    if len(records) > _MOST:
        yield Problem(file.path, f"lists more than {_MOST} packages")
    for number, raw in enumerate(records[:_MOST], 1):
        record = decode_typed(_RECORD, raw)
        if isinstance(record, Unreadable):
            yield Problem(file.path, f"the Composer record {number} {record.why}")
        else:
            yield from _read_record(record, number, file)


def _read_record(record: _Package, number: int, file: MatchedFile) -> Iterator[Package | Problem]:
    name = record.name[:100]
    if _NAME.fullmatch(record.name) is None:
        what = f"the Composer record {number} has no usable name (vendor/name): {name!r}"
        yield Problem(file.path, what)
        return
    if not record.version:
        yield Problem(file.path, f"the Composer record of {name!r} has no version")
    elif _VERSION.fullmatch(record.version) is None:
        yield Problem(file.path, f"the Composer record of {name!r} has no usable version")
        return
    try:
        yield _package(record, file)
    except MalformedDocument as error:
        yield Problem(file.path, str(error))


def _package(record: _Package, file: MatchedFile) -> Package:
    vendor, _, name = record.name.partition("/")
    stated = record.license or []
    words = tuple(" ".join(w.split()) for w in ([stated] if isinstance(stated, str) else stated))
    licenses = _licenses(words)
    shasum = record.dist.shasum if record.dist else ""
    needs = record.require if isinstance(record.require, dict) else {}
    return Package(
        name=record.name,
        version=record.version,
        type="composer",
        purl=build_purl("composer", vendor, name, record.version),
        licenses=licenses,
        stated_licenses=words if words != licenses else (),
        author=", ".join(filter(None, map(_who, record.authors or ()))),
        description=(record.description or "").partition("\n")[0],
        homepage=record.homepage or "",
        hashes={"sha1": shasum} if shasum and _SHA1.fullmatch(shasum) else {},
        locations=(file.location,),
        depends=tuple(f"{need} {wanted}" for need, wanted in needs.items()),
        provides=_provides(record),
        cataloger=CATALOGER.name,
    )


def _licenses(words: tuple[str, ...]) -> tuple[str, ...]:
    """Several are a choice, says Composer's schema; where all are SPDX that can be said."""
    if len(words) > 1 and all(map(is_spdx, words)):
        return (normalise(" OR ".join(f"({word})" for word in words)),)
    return tuple(normalise(word) for word in words if word)


def _provides(record: _Package) -> tuple[str, ...]:
    """The names it answers to, lower case as needs are compared, besides its own spelling."""
    maps = (record.replace, record.provide)
    others = [name.lower() for given in maps if isinstance(given, dict) for name in given]
    return tuple(n for n in dict.fromkeys([record.name.lower(), *others]) if n != record.name)


def _who(author: _Author) -> str:
    name, email = author.name or "", author.email or ""
    return f"{name} <{email}>" if name and email else name or email


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name; `php` and `ext-json` (no vendor) are of the interpreter."""
    for need in package.depends:
        name = need.partition(" ")[0]
        if "/" in name:
            yield (name.lower(),)


CATALOGER = Cataloger(
    name="php",
    version=2,
    types=("composer",),
    paths=("**/composer/installed.json",),
    read=read,
    requirements=requirements,
)
