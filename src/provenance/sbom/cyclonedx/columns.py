"""The packages of a CycloneDX document in JSON, column by column, out of typed structs.

What each field means is `reading`'s to say; here the same is said for documents without oddities.
"""

from __future__ import annotations

from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType, field

from provenance.packages.package import Location, Reference
from provenance.sbom.columns import Typed, carries_ours
from provenance.sbom.cyclonedx.files import is_only_file
from provenance.sbom.cyclonedx.references import reference_of
from provenance.sbom.cyclonedx.syft_locations import SYFT_LOCATION, syft_locations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.packages.package import Package

__all__ = ["TAKERS", "Component", "rows"]

_Taker: TypeAlias = "Callable[[Sequence[Component]], Sequence[Any]]"
_LicenseFacts: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], bool]
T = TypeVar("T")
V = TypeVar("V")
# What a component of type `file` says when it is a file and nothing more.

_MISSING, _NULL = msgspec.Raw(), msgspec.Raw(b"null")
_NONE = (b"[]", b"null")
_SYFT = SYFT_LOCATION.encode()


class _Named(msgspec.Struct, gc=False):
    name: str | None = None
    email: str | None = None


class _License(msgspec.Struct, gc=False):
    id: str | UnsetType = UNSET
    name: str | None = None
    acknowledgement: str | None = None


class _Choice(msgspec.Struct, gc=False):
    license: _License | None = None
    expression: str | None = None
    acknowledgement: str | None = None


class _Hash(msgspec.Struct, gc=False):
    content: str
    alg: str | None = None


class _Reference(msgspec.Struct, gc=False):
    type: str | None = None
    url: str | None = None
    comment: str | None = None


class _Occurrence(msgspec.Struct, gc=False):
    location: str | None = None


class _Property(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | None = ""


_PROPERTIES = msgspec.json.Decoder(list[list[_Property] | None])


class _Evidence(msgspec.Struct, gc=False):
    occurrences: list[_Occurrence] | None = None


class Component(msgspec.Struct, gc=False):
    """A component, as far as it becomes a `Package`."""

    type: str | None = None
    ref: str | None = field(default=None, name="bom-ref")
    name: str | None = None
    version: str | None = None
    purl: str | None = None
    cpe: str | None = None
    description: str | None = None
    copyright: str | None = None
    author: str | None = None
    publisher: str | None = None
    supplier: msgspec.Raw = _MISSING
    authors: msgspec.Raw = _MISSING
    licenses: msgspec.Raw = _MISSING
    hashes: msgspec.Raw = _MISSING
    references: msgspec.Raw = field(default=_MISSING, name="externalReferences")
    evidence: msgspec.Raw = _MISSING
    components: msgspec.Raw = _MISSING
    properties: msgspec.Raw = _MISSING


class _Described(msgspec.Struct, gc=False):
    components: msgspec.Raw = _MISSING


class _Metadata(msgspec.Struct, gc=False):
    component: _Described | None = None


class _Slices(msgspec.Struct, gc=False):
    components: list[msgspec.Raw]


def rows(
    components: Sequence[Component],
    metadata: msgspec.Raw,
    raw: bytes,
    tolerant: Callable[[], Sequence[Package]],
) -> Typed | None:
    """The components that are packages.

    None where some lie inside of others or of the subject, and where properties of ours are to
    be restored.
    """
    inside = [c.components for c in components if c.components is not _MISSING]
    if any(bytes(x) not in _NONE for x in inside):
        return None
    try:
        described = msgspec.json.decode(bytes(metadata) or b"{}", type=_Metadata).component
    except msgspec.DecodeError:
        return None
    if described is not None and described.components is not _MISSING:
        return None
    properties = [c.properties for c in components if c.properties is not _MISSING]
    if carries_ours([*properties, metadata]):
        return None
    kinds = {c.type for c in components}
    if "file" in kinds or "operating-system" in kinds:
        components = _without_files(components, raw, has_subject=described is not None)
    takers = {**_ALONE, **_license_takers(components)}
    return Typed(components, takers, tolerant, _STATED)


def _without_files(
    components: Sequence[Component], raw: bytes, *, has_subject: bool
) -> Sequence[Component]:
    """Without what is a file and nothing more, and the first system, which is the subject's."""
    slices: list[msgspec.Raw] = []
    if any(c.type == "file" for c in components):
        slices = msgspec.json.decode(raw, type=_Slices).components
    found = []
    for number, component in enumerate(components):
        if component.type == "file":
            if is_only_file(msgspec.json.decode(slices[number])):
                continue
        elif component.type == "operating-system" and not component.purl and has_subject:
            has_subject = False
            continue
        found.append(component)
    return found


def _text(name: str) -> Callable[[Sequence[Component]], list[str]]:
    take = attrgetter(name)
    return lambda components: [text or "" for text in map(take, components)]


def _same(value: Any) -> Callable[[Sequence[Component]], Sequence[Any]]:
    def take(components: Sequence[Component]) -> Sequence[Any]:
        return [value] * len(components)

    return take


def _repeated(
    name: str, type_: type[T], make: Callable[[T], V], empty: V
) -> Callable[[Sequence[Component]], list[V]]:
    """A field that few values share: each is decoded once."""
    decoder, slice_of = msgspec.json.Decoder(type_ | None), attrgetter(name)

    def value_of(raw: bytes) -> V:
        value = decoder.decode(raw or b"null")
        return empty if value is None else make(value)

    def take(components: Sequence[Component]) -> list[V]:
        stated = list(map(slice_of, components))
        if all(raw is _MISSING for raw in stated):
            return [empty] * len(stated)
        slices = [bytes(raw) for raw in stated]
        known = {raw: value_of(raw) for raw in set(slices)}
        return [known[raw] for raw in slices]

    return take


def _suppliers(components: Sequence[Component]) -> list[str]:
    stated = _organizations(components)
    return [
        (c.publisher or "") if name is None else name
        for c, name in zip(components, stated, strict=True)
    ]


_organizations: Callable[[Sequence[Component]], list[str | None]] = _repeated(
    "supplier", _Named, lambda stated: stated.name or "", None
)


def _authors(components: Sequence[Component]) -> list[str]:
    people = _people(components)
    return [
        (c.author or "") if stated is None else stated
        for c, stated in zip(components, people, strict=True)
    ]


def _names(people: list[_Named]) -> str:
    return ", ".join(
        f"{p.name or ''} <{p.email}>".strip() if p.email else p.name or "" for p in people
    )


_people: Callable[[Sequence[Component]], list[str | None]] = _repeated(
    "authors", list[_Named], _names, None
)


def _stated(choices: list[_Choice]) -> tuple[list[str], list[str]]:
    """Licences besides the concluded, grouped by who acknowledges them, and the concluded."""
    found: dict[str, list[str]] = {}
    for choice in choices:
        if choice.license is None:
            text, known = choice.expression, choice.acknowledgement
        else:
            text = choice.license.name if choice.license.id is UNSET else choice.license.id
            known = choice.license.acknowledgement
        if text is not None:
            found.setdefault(str(known), []).append(text)
    concluded = found.pop("concluded", [])
    return [text for texts in found.values() for text in texts], concluded


def _license_facts(choices: list[_Choice]) -> _LicenseFacts:
    """The licences, those concluded, and whether the former are declared ones."""
    stated, concluded = _stated(choices)
    return tuple(stated or concluded), tuple(concluded), bool(stated) or not concluded


def _license_takers(components: Sequence[Component]) -> Mapping[str, _Taker]:
    """The three fields that licences say; those of all components are looked at once."""
    unsaid: _LicenseFacts = ((), (), True)
    facts = _repeated("licenses", list[_Choice], _license_facts, unsaid)
    of_all = cache(lambda: facts(components))

    def take(number: int, asked: Sequence[Component]) -> list[Any]:
        return [fact[number] for fact in (of_all() if asked is components else facts(asked))]

    names = ("licenses", "concluded", "is_declared")
    return {name: partial(take, number) for number, name in enumerate(names)}


def _hashes(components: Sequence[Component]) -> list[Mapping[str, str]]:
    """All at once: no two packages share theirs."""
    joined = (
        b"[" + b",".join([_NULL if (x := c.hashes) is _MISSING else x for c in components]) + b"]"
    )
    algorithms = _Algorithms()
    return [
        {} if listed is None else {algorithms[h.alg]: h.content for h in listed}
        for listed in msgspec.json.decode(joined, type=list[list[_Hash] | None])
    ]


class _Algorithms(dict[str | None, str]):
    def __missing__(self, name: str | None) -> str:
        self[name] = found = (name or "").lower().replace("-", "")
        return found


def _website(references: list[_Reference]) -> str:
    return next((r.url for r in references if r.type == "website" and r.url), "")


def _download(references: list[_Reference]) -> str:
    return next((r.url for r in references if r.type == "distribution" and r.url), "")


def _more(references: list[_Reference]) -> tuple[Reference, ...]:
    """All but the first web site and download. What else stands apart is not known here."""
    found, seen = [], set()
    for r in references:
        if r.type == "bom":
            raise msgspec.ValidationError
        if r.url is None or r.type is None:
            continue
        if r.type in ("website", "distribution") and r.type not in seen:
            if r.url:
                seen.add(r.type)
            continue
        found.append(reference_of(r.type, r.url, r.comment))
    return tuple(found)


def _locations(components: Sequence[Component]) -> list[tuple[Location, ...]]:
    """Occurrences; without them, where syft says that it saw a component."""
    found = _seen(components)
    rows = [
        row
        for row, c in enumerate(components)
        if c.properties is not _MISSING and not found[row] and _may_say(bytes(c.properties))
    ]
    joined = b"[" + b",".join([components[row].properties for row in rows]) + b"]"
    for row, listed in zip(rows, _PROPERTIES.decode(joined), strict=True):
        found[row] = syft_locations(
            [(p.name, p.value) for p in listed or () if p.name is not None and p.value is not None]
        )
    return found


def _may_say(properties: bytes) -> bool:
    return _SYFT in properties or b"\\" in properties


def _occurrences(evidence: _Evidence) -> tuple[Location, ...]:
    stated = [o.location for o in evidence.occurrences or ()]
    return tuple(Location(path.lstrip("/")) for path in stated if path is not None)


_seen: Callable[[Sequence[Component]], list[tuple[Location, ...]]] = _repeated(
    "evidence", _Evidence, _occurrences, ()
)
_ALONE: Mapping[str, _Taker] = {
    "name": _text("name"),
    "version": _text("version"),
    "purl": _text("purl"),
    "supplier": _suppliers,
    "author": _authors,
    "description": _text("description"),
    "homepage": _repeated("references", list[_Reference], _website, ""),
    "hashes": _hashes,
    "cpes": lambda components: [(c.cpe,) if c.cpe else () for c in components],
    "locations": _locations,
    "kind": lambda components: [(c.type or "").removeprefix("library") for c in components],
    "id": _text("ref"),
    "copyright": _text("copyright"),
    "download": _repeated("references", list[_Reference], _download, ""),
    "references": _repeated("references", list[_Reference], _more, ()),
    # Said only by properties of ours, without which alone a document comes here.
    **dict.fromkeys(("architecture", "source", "source_version", "cataloger"), _same("")),
    **dict.fromkeys(("stated_licenses", "depends", "provides", "more_purls"), _same(())),
}
# The same in every version, as nothing of ours is restored here and nothing else is asked.
_STATED = {
    "licenses": ("licenses",),
    "hashes": ("hashes",),
    "locations": ("evidence", "properties"),
}
TAKERS = (*_ALONE, *_license_takers(()))
"""Fields of `Package` that are taken out of typed structs."""
