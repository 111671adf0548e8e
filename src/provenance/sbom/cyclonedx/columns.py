"""The packages of a CycloneDX document in JSON, column by column, out of typed structs.

What each field means is `reading`'s to say; here the same is said for documents without oddities.
"""

from __future__ import annotations

from functools import cache, partial
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, UnsetType, field

from provenance.packages.package import Location, Reference
from provenance.sbom.columns import Typed, carries_ours, stated_texts
from provenance.sbom.cyclonedx.files import is_only_file
from provenance.sbom.cyclonedx.references import reference_of
from provenance.sbom.cyclonedx.syft_locations import syft_places
from provenance.sbom.lists import Hashes, Places, Same, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.packages.package import Package
    from provenance.sbom.lists import Lists

__all__ = ["TAKERS", "Component", "rows"]

_Taker: TypeAlias = "Callable[[Sequence[Component]], Sequence[Any] | Lists]"
_LicenseFacts: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], bool]
T = TypeVar("T")
V = TypeVar("V")
# What a component of type `file` says when it is a file and nothing more.

_MISSING, _EMPTY = msgspec.Raw(), msgspec.Raw(b"[]")
_NONE = (b"[]", b"null")


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


_HASHES = msgspec.json.Decoder(list[list[_Hash] | None])


class _Reference(msgspec.Struct, gc=False):
    type: str | None = None
    url: str | None = None
    comment: str | None = None


class _Occurrence(msgspec.Struct, gc=False):
    location: str | None = None


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
    return Typed(components, takers, tolerant, _STATED, family="cyclonedx")


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


def _text(name: str) -> Callable[[Sequence[Component]], Sequence[str]]:
    take_all = attrgetter(name)

    def take(components: Sequence[Component]) -> Sequence[str]:
        return stated_texts(list(map(take_all, components)))

    return take


def _same(value: Any) -> Callable[[Sequence[Component]], Sequence[Any]]:
    return lambda components: Same(value, len(components))


def _repeated(
    name: str, type_: type[T], make: Callable[[T], V], empty: V
) -> Callable[[Sequence[Component]], Sequence[V]]:
    """A field that few values share: each is decoded once."""
    decoder, slice_of = msgspec.json.Decoder(type_ | None), attrgetter(name)

    def value_of(raw: bytes) -> V:
        value = decoder.decode(raw or b"null")
        return empty if value is None else make(value)

    def take(components: Sequence[Component]) -> Sequence[V]:
        stated = list(map(slice_of, components))
        if all(raw is _MISSING for raw in stated):
            return Same(empty, len(stated))
        slices = b"\0".join(stated).split(b"\0")
        if len(slices) != len(stated):  # that character is in one of them
            slices = list(map(bytes, stated))
        known = {raw: value_of(raw) for raw in set(slices)}
        return [known[raw] for raw in slices]

    return take


def _suppliers(components: Sequence[Component]) -> Sequence[str]:
    stated = _organizations(components)
    if isinstance(stated, Same):
        return stated_texts([c.publisher for c in components])
    return [
        (c.publisher or "") if name is None else name
        for c, name in zip(components, stated, strict=True)
    ]


_organizations: Callable[[Sequence[Component]], Sequence[str | None]] = _repeated(
    "supplier", _Named, lambda stated: stated.name or "", None
)


def _authors(components: Sequence[Component]) -> Sequence[str]:
    people = _people(components)
    if isinstance(people, Same):
        return stated_texts([c.author for c in components])
    return [
        (c.author or "") if stated is None else stated
        for c, stated in zip(components, people, strict=True)
    ]


def _names(people: list[_Named]) -> str:
    return ", ".join(
        f"{p.name or ''} <{p.email}>".strip() if p.email else p.name or "" for p in people
    )


_people: Callable[[Sequence[Component]], Sequence[str | None]] = _repeated(
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


def _hashes(components: Sequence[Component]) -> Hashes:
    """All at once: no two packages share theirs."""
    joined = b",".join([_EMPTY if (x := c.hashes) is _MISSING else x for c in components])
    listed = [hashes or () for hashes in _HASHES.decode(b"[" + joined + b"]")]
    stated = list(chain.from_iterable(listed))
    algorithms = _Algorithms()
    return Hashes.of(
        list(map(len, listed)), [algorithms[h.alg] for h in stated], [h.content for h in stated]
    )


class _Algorithms(dict[str | None, str]):
    def __missing__(self, name: str | None) -> str:
        self[name] = found = (name or "").lower().replace("-", "")
        return found


def _cpes(components: Sequence[Component]) -> Texts:
    stated = [c.cpe for c in components]
    return Texts([1 if cpe else 0 for cpe in stated], [cpe for cpe in stated if cpe])


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


def _locations(components: Sequence[Component]) -> Places | list[tuple[Location, ...]]:
    """Occurrences; without them, where syft says that it saw a component."""
    places, seen = syft_places([c.properties for c in components]), _seen(components)
    if isinstance(seen, Same):
        return places
    return [own or by_syft for own, by_syft in zip(seen, places.values(), strict=True)]


def _occurrences(evidence: _Evidence) -> tuple[Location, ...]:
    stated = [o.location for o in evidence.occurrences or ()]
    return tuple(Location(path.lstrip("/")) for path in stated if path is not None)


_seen: Callable[[Sequence[Component]], Sequence[tuple[Location, ...]]] = _repeated(
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
    "cpes": _cpes,
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


def _slices(*names: str) -> Callable[[Sequence[Component]], Sequence[Any]]:
    take = attrgetter(*names)
    return lambda components: list(map(take, components))


# The same in every version, as nothing of ours is restored here and nothing else is asked.
_STATED = {
    "licenses": _slices("licenses"),
    "hashes": _slices("hashes"),
    "locations": _slices("evidence", "properties"),
}
TAKERS = (*_ALONE, *_license_takers(()))
"""Fields of `Package` that are taken out of typed structs."""
