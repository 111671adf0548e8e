"""The packages of an SPDX 2 document in JSON, column by column, out of typed structs.

What each field means is `reading`'s to say; here the same is said for documents without oddities.
"""

from __future__ import annotations

from functools import cache, partial
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
from msgspec import field

from provenance.packages.package import Reference
from provenance.sbom.columns import Typed, carries_ours, stated_texts
from provenance.sbom.lists import Hashes, Same, Texts
from provenance.sbom.spdx.described import described_row
from provenance.sbom.spdx.vocabulary import (
    NOTHING,
    REFERENCES,
    algorithm_name,
    license_words,
    purpose_kind,
    read_actor,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.packages.package import Package
    from provenance.sbom.lists import Lists

__all__ = ["TAKERS", "SpdxPackage", "rows"]

_MISSING, _EMPTY = msgspec.Raw(), msgspec.Raw(b"[]")
_Taker: TypeAlias = "Callable[[Sequence[Any]], Sequence[Any] | Lists]"


class _Ref(msgspec.Struct, gc=False):
    type: str | None = field(default=None, name="referenceType")
    locator: str | None = field(default=None, name="referenceLocator")


# One of the words of 2.3, section 7.21.1, and how older documents write them: no text is made.
_Category = Literal[
    "SECURITY", "PACKAGE-MANAGER", "PACKAGE_MANAGER", "PERSISTENT-ID", "PERSISTENT_ID", "OTHER"
]


class _FullRef(_Ref, gc=False):
    category: _Category | None = field(default=None, name="referenceCategory")
    comment: str | None = None


class _Checksum(msgspec.Struct, gc=False):
    algorithm: str | None = None
    value: str | None = field(default=None, name="checksumValue")


_CHECKSUMS = msgspec.json.Decoder(list[list[_Checksum] | None])


class SpdxPackage(msgspec.Struct, gc=False, rename="camel"):
    """A package, as far as most questions go."""

    id: str | None = field(default=None, name="SPDXID")
    name: str | None = None
    version_info: str | None = None
    primary_package_purpose: str | None = None
    external_refs: list[_Ref] | None = None
    annotations: msgspec.Raw = _MISSING


class _Details(msgspec.Struct, gc=False, rename="camel"):
    """The rest of it, as far as it becomes a package of ours."""

    license_declared: str | None = None
    license_concluded: str | None = None
    supplier: str | None = None
    originator: str | None = None
    description: str | None = None
    homepage: str | None = None
    copyright_text: str | None = None
    download_location: str | None = None
    external_refs: msgspec.Raw = _MISSING
    checksums: msgspec.Raw = _MISSING


class _Detailed(msgspec.Struct, gc=False):
    packages: list[_Details] | None = None


class _Extracted(msgspec.Struct, gc=False):
    id: str | None = field(default=None, name="licenseId")
    text: str | None = field(default=None, name="extractedText")
    name: str | None = None


class _Creation(msgspec.Struct, gc=False):
    creators: list[str] | None = None


def rows(
    packages: Sequence[SpdxPackage],
    raw: bytes,
    rest: Mapping[str, msgspec.Raw],
    tolerant: Callable[[], Sequence[Package]],
) -> Typed | None:
    """The packages besides the one that is described.

    None where that cannot be told here, and where annotations of ours are to be restored.

    Args:
        packages: as the document lists them.
        raw: the document, which is decoded once more when details are asked for.
        rest: `described`, `relationships`, `creation` and `extracted` of the document, undecoded.
        tolerant: as in `Typed`.
    """
    if carries_ours([p.annotations for p in packages if p.annotations is not _MISSING]):
        return None
    try:
        creation = _decoded(rest["creation"], _Creation)
        extracted = _decoded(rest["extracted"], list[_Extracted]) or []
        subject = described_row(
            packages, _decoded(rest["described"], list[str]), rest["relationships"]
        )
    except msgspec.DecodeError:
        return None
    if any(c.startswith("Tool: provenance-") for c in (creation and creation.creators) or ()):
        return None  # ours: read back in its own way
    listed = [p for number, p in enumerate(packages) if number != subject]
    words = {
        x.id: license_words(x.id, x.name, x.text)
        for x in extracted
        if x.id is not None and x.text is not None
    }
    details = _details(raw, subject)
    apart = {**_DETAILS, **_license_takers(words)}
    at_once = {**_AT_ONCE, **_reference_taker(details)}
    takers = {name: partial(_take, lambda: listed, take) for name, take in at_once.items()}
    takers |= {name: partial(_take, details, take) for name, take in apart.items()}
    # Not licences: `LicenseRef-1` is another one in another document.
    stated = {"hashes": partial(_take, details, _checksums)}
    found = Typed(range(len(listed)), takers, tolerant, stated, family="spdx")
    found.column("purl")  # deep inside, and what nearly every question needs
    return found


def _details(raw: bytes, subject: int | None) -> Callable[[], Sequence[_Details]]:
    @cache
    def decoded() -> Sequence[_Details]:
        packages = msgspec.json.decode(raw, type=_Detailed).packages or []
        return [p for number, p in enumerate(packages) if number != subject]

    return decoded


def _take(packages: Callable[[], Sequence[Any]], take: _Taker, rows: Sequence[int]) -> Any:
    """What `take` gives for some of the packages; a range is all of them."""
    found = packages()
    return take(found if isinstance(rows, range) else [found[row] for row in rows])


def _decoded(raw: msgspec.Raw, kind: Any) -> Any:
    return msgspec.json.decode(raw, type=kind | None) if bytes(raw) else None


def _plain(text: str | None) -> str:
    return "" if text is None or text in NOTHING else text


def _verbatim(name: str) -> Callable[[Sequence[Any]], Sequence[str]]:
    take = attrgetter(name)
    return lambda packages: stated_texts(list(map(take, packages)))


def _known(name: str) -> Callable[[Sequence[Any]], list[str]]:
    take = attrgetter(name)
    return lambda packages: [_plain(text) for text in map(take, packages)]


def _shared(
    name: str, read: Callable[[str], str] = lambda text: text
) -> Callable[[Sequence[Any]], Sequence[str]]:
    """A field that few values share, or none: each is read once."""
    take_all = attrgetter(name)

    def take(packages: Sequence[Any]) -> Sequence[str]:
        stated = list(map(take_all, packages))
        known = {text: read(_plain(text)) for text in set(stated)}
        if not any(known.values()):
            return Same("", len(stated))
        return [known[text] for text in stated]

    return take


def _purls(packages: Sequence[SpdxPackage]) -> list[str]:
    found = []
    for package in packages:
        for ref in package.external_refs or ():
            if ref.type == "purl" and ref.locator is not None:
                found.append(ref.locator)
                break
        else:
            found.append("")
    return found


def _cpes(packages: Sequence[SpdxPackage]) -> Texts:
    found = [
        [r.locator for r in refs if r.type == "cpe23Type" and r.locator is not None]
        if (refs := p.external_refs)
        else ()
        for p in packages
    ]
    return Texts(list(map(len, found)), list(chain.from_iterable(found)))


def _more_purls(packages: Sequence[SpdxPackage]) -> Sequence[tuple[str, ...]]:
    stated = [r.type for p in packages for r in p.external_refs or () if r.locator is not None]
    purls = _purls(packages)
    if stated.count("purl") == len(purls) - purls.count(""):  # one for each that has any
        return Same((), len(packages))
    found = []
    for package in packages:
        refs = package.external_refs or ()
        listed = [r.locator for r in refs if r.type == "purl" and r.locator is not None]
        found.append(tuple(listed[1:]))
    return found


def _has_others(packages: Sequence[SpdxPackage]) -> bool:
    """Whether any refers to more than purls and CPE names."""
    kinds = {r.type for p in packages if p.external_refs for r in p.external_refs}
    return not kinds <= {"purl", "cpe23Type", None}


def _reference_taker(details: Callable[[], Sequence[_Details]]) -> Mapping[str, _Taker]:
    def take(packages: Sequence[SpdxPackage]) -> Sequence[tuple[Reference, ...]]:
        return _references(details()) if _has_others(packages) else Same((), len(packages))

    return {"references": take}


def _references(packages: Sequence[_Details]) -> list[tuple[Reference, ...]]:
    decode = msgspec.json.Decoder(list[_FullRef] | None).decode
    return [_more(decode(bytes(p.external_refs) or b"null") or ()) for p in packages]


def _more(refs: Sequence[_FullRef]) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            r.type,
            r.locator,
            r.comment or "",
            "" if r.category == "OTHER" and r.type in REFERENCES else r.category,
        )
        for r in refs
        if r.type is not None
        and r.locator is not None
        and r.category is not None
        and r.type not in ("purl", "cpe23Type")
    )


def _license_takers(words: Mapping[str, str]) -> Mapping[str, _Taker]:
    return {
        "licenses": partial(_licenses, words),
        "concluded": partial(_concluded, words),
        "is_declared": partial(_is_declared, words),
    }


def _said(words: Mapping[str, str], stated: str | None) -> tuple[str, ...]:
    """The one licence of a field; none where nothing is said."""
    text = _plain(stated)
    return (words.get(text, text),) if text else ()


def _licenses(words: Mapping[str, str], packages: Sequence[_Details]) -> list[tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    found = []
    for package in packages:
        stated = _plain(package.license_declared) or _plain(package.license_concluded)
        if stated not in known:
            known[stated] = _said(words, stated)
        found.append(known[stated])
    return found


def _concluded(words: Mapping[str, str], packages: Sequence[_Details]) -> list[tuple[str, ...]]:
    known = {text: _said(words, text) for text in {p.license_concluded for p in packages}}
    return [known[p.license_concluded] for p in packages]


def _is_declared(words: Mapping[str, str], packages: Sequence[_Details]) -> list[bool]:
    stated = [(p.license_declared, p.license_concluded) for p in packages]
    known = {both: bool(_said(words, both[0])) or not _said(words, both[1]) for both in set(stated)}
    return [known[both] for both in stated]


def _hashes(packages: Sequence[_Details]) -> Hashes:
    """All at once: no two packages share theirs."""
    joined = b",".join([_EMPTY if (x := p.checksums) is _MISSING else x for p in packages])
    listed: list[Sequence[_Checksum]] = [
        checksums or () for checksums in _CHECKSUMS.decode(b"[" + joined + b"]")
    ]
    if None in [c.value for checksums in listed for c in checksums]:  # which are passed over
        listed = [[c for c in checksums if c.value is not None] for checksums in listed]
    stated = list(chain.from_iterable(listed))
    names = _Algorithms()
    return Hashes.of(
        list(map(len, listed)),
        [names[c.algorithm] for c in stated],
        [c.value or "" for c in stated],
    )


def _checksums(packages: Sequence[_Details]) -> Sequence[msgspec.Raw]:
    return [p.checksums for p in packages]


class _Algorithms(dict[str | None, str]):
    def __missing__(self, name: str | None) -> str:
        self[name] = found = algorithm_name(name)
        return found


def _kinds(packages: Sequence[SpdxPackage]) -> list[str]:
    stated = [p.primary_package_purpose for p in packages]
    known = {purpose: purpose_kind(purpose) for purpose in set(stated)}
    return [known[purpose] for purpose in stated]


def _same(value: Any) -> _Taker:
    return lambda packages: Same(value, len(packages))


_AT_ONCE: Mapping[str, _Taker] = {
    "name": _verbatim("name"),
    "version": _verbatim("version_info"),
    "purl": _purls,
    "cpes": _cpes,
    "kind": _kinds,
    "id": _known("id"),
    "more_purls": _more_purls,
    # Said only by annotations of ours, without which alone a document comes here.
    **dict.fromkeys(("architecture", "source", "source_version", "cataloger"), _same("")),
    **dict.fromkeys(("stated_licenses", "depends", "provides", "locations"), _same(())),
}
_DETAILS: Mapping[str, _Taker] = {
    "supplier": _shared("supplier", read_actor),
    "author": _shared("originator", read_actor),
    "description": _verbatim("description"),
    "homepage": _shared("homepage"),
    "hashes": _hashes,
    "copyright": _shared("copyright_text"),
    "download": _shared("download_location"),
}
TAKERS = (*_AT_ONCE, *_DETAILS, *_license_takers({}), "references")
"""Fields of `Package` that are taken out of typed structs."""
