"""What the view says that a format has no field for: carried under one namespace, and back.

CycloneDX carries it in `properties`, SPDX in annotations; both as the same pairs, so that one
function writes and one reads them.
"""

from __future__ import annotations

from functools import cache, lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from provenance.packages.os_release import OsRelease
from provenance.packages.package import Location, Package
from provenance.sbom.identifiers import purl_type
from provenance.sbom.model import Subject, SubjectLayer, clean, digest_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from provenance.digests import Digest

__all__ = [
    "PREFIX",
    "agreed",
    "carry",
    "carry_distribution",
    "carry_subject",
    "restore",
    "restore_distribution",
    "restore_subject",
    "unsaid",
]

PREFIX = "provenance:"
_TEXTS = (
    *("architecture", "source", "source_version", "cataloger"),
    *("author", "homepage", "kind"),
)
_LISTS = ("depends", "provides", "stated_licenses", "cpes")
_TYPE = f"{PREFIX}type"
_LOCATION = f"{PREFIX}location:"
_SUBJECT_TEXTS = ("platform", "base")
_SUBJECT_DIGESTS = ("digest", "base_digest")
_DISTRIBUTION_TEXTS = ("id", "version_id", "name", "pretty_name", "codename")
_LAYER_TEXTS = ("media_type", "created_by")


def carry(
    package: Package,
    *,
    native: Iterable[str] = (),
    history: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    """Name and value of everything that has no field of its own, in a fixed order.

    Args:
        package: what to carry.
        native: fields of `Package` that the format says itself; `locations` for their paths.
        history: digest of a layer to the instruction that made it, as the document says it once.
    """
    pairs = unsaid(package, frozenset(native), history or {})
    return [(name, value if value.isascii() else clean(value)) for name, value in pairs]


def unsaid(
    package: Package, native: frozenset[str], history: Mapping[str, str]
) -> list[tuple[str, str]]:
    """As `carry`, where half characters are looked after elsewhere."""
    pairs: list[tuple[str, str]] = []
    if package.type != purl_type(package.purl):
        pairs.append((_TYPE, package.type))
    texts, text_names, lists, list_names = _getters(native)
    for name, value in zip(text_names, texts(package)):  # noqa: B905 - as long by construction
        if value:
            pairs.append((name, value))
    for name, values in zip(list_names, lists(package)):  # noqa: B905 - as above
        if values:
            pairs += [(name, value) for value in values]
    _add_places(pairs, package, history, says_paths="locations" in native)
    return pairs


@cache
def _getters(native: frozenset[str]) -> tuple[Any, list[str], Any, list[str]]:
    """What reads the texts and the lists that are not native, at once, and their names."""
    texts = [field for field in _TEXTS if field not in native]
    lists = [field for field in _LISTS if field not in native]
    return (
        _getter(texts),
        [f"{PREFIX}{field}" for field in texts],
        _getter(lists),
        [f"{PREFIX}{field}" for field in lists],
    )


def _getter(fields: list[str]) -> Any:
    """What gives the values of `fields` as a tuple; `attrgetter` gives none for fewer than two."""
    if len(fields) > 1:
        return attrgetter(*fields)
    return lambda package: tuple(getattr(package, field) for field in fields)


def _add_places(
    pairs: list[tuple[str, str]], package: Package, history: Mapping[str, str], *, says_paths: bool
) -> None:
    for number, location in enumerate(package.locations):
        if not says_paths:
            pairs.append((f"{_LOCATION}{number}:path", location.path))
        known, layer = "", location.layer
        if layer is not None:
            pairs.append((f"{_LOCATION}{number}:layer", str.__str__(layer)))
            known = history.get(layer, "")
        if location.created_by != known:
            pairs.append((f"{_LOCATION}{number}:created_by", location.created_by))


def agreed(
    stated: Mapping[str, Any],
    restored: Mapping[str, Any],
    returns: Mapping[str, Callable[[Any], Any]],
) -> dict[str, Any]:
    """Of what is carried, that which does not contradict the document's own fields.

    Other readers see those alone, so what is carried makes them exact, or says what they leave
    open; it never stands in for them.

    Args:
        stated: the document's own fields.
        restored: those that are carried.
        returns: field to what a carried value is read as, once it is written in the field that the
            document has for it; others may be carried where the document says nothing.
    """
    return {
        name: value
        for name, value in restored.items()
        if stated.get(name) == value
        or (returns[name](value) == stated.get(name) if name in returns else not stated.get(name))
    }


def restore(
    pairs: Iterable[tuple[str, str]],
    *,
    paths: Sequence[str] = (),
    history: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The fields of a `Package` that `carry` wrote; pairs of others are passed over.

    Args:
        pairs: names and values.
        paths: of the locations, where the format says them itself.
        history: as in `carry`.
    """
    fields: dict[str, Any] = {}
    places: dict[int, dict[str, str]] = {n: {"path": path} for n, path in enumerate(paths)}
    for name, value in pairs:
        if not name.startswith(PREFIX):
            continue
        key = name.removeprefix(PREFIX)
        if key in _TEXTS or key == "type":
            fields[key] = value
        elif key in _LISTS:
            fields[key] = (*fields.get(key, ()), value)
        elif name.startswith(_LOCATION):
            number, _, what = name.removeprefix(_LOCATION).partition(":")
            if _is_count(number):
                place = places.setdefault(int(number), {})
                if what != "path" or place.get(what, value.lstrip("/")) == value.lstrip("/"):
                    place[what] = value
    found = [_location(places[n], history or {}) for n in sorted(places) if "path" in places[n]]
    if found:
        fields["locations"] = tuple(found)
    return fields


def _location(place: Mapping[str, str], history: Mapping[str, str]) -> Location:
    layer = _digest(place.get("layer"))
    made = place.get("created_by")
    return Location(place["path"], layer, history.get(layer or "", "") if made is None else made)


def carry_subject(subject: Subject, *, native: Container[str] = ()) -> list[tuple[str, str]]:
    """As `carry`, of what a document describes: what goes beyond name, version, purl and type."""
    pairs = [
        (f"{PREFIX}{name}", str(getattr(subject, name)))
        for name in (*_SUBJECT_DIGESTS, *_SUBJECT_TEXTS)
        if getattr(subject, name) and name not in native
    ]
    pairs += [(f"{PREFIX}label:{key}", value) for key, value in sorted(subject.labels.items())]
    for number, layer in enumerate(subject.layers):
        start = f"{PREFIX}layer:{number}:"
        pairs.append((f"{start}digest", str(layer.digest)))
        if layer.size >= 0:
            pairs.append((f"{start}size", str(layer.size)))
        if layer.diff_id is not None:
            pairs.append((f"{start}diff_id", str(layer.diff_id)))
        pairs += [(f"{start}{k}", getattr(layer, k)) for k in _LAYER_TEXTS if getattr(layer, k)]
    if subject.distribution is not None and "distribution" not in native:
        pairs += carry_distribution(subject.distribution)
    return [(clean(name), clean(value)) for name, value in pairs]


def restore_subject(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The fields of a `Subject` that `carry_subject` wrote."""
    fields: dict[str, Any] = {}
    labels: dict[str, str] = {}
    layers: dict[int, dict[str, str]] = {}
    distribution = []
    for name, value in pairs:
        kind, _, rest = name.removeprefix(PREFIX).partition(":")
        if not name.startswith(PREFIX):
            continue
        if kind in _SUBJECT_TEXTS and not rest:
            fields[kind] = value
        elif kind in _SUBJECT_DIGESTS and not rest:
            fields[kind] = _digest(value)
        elif kind == "label":
            labels[rest] = value
        elif kind == "distribution":
            distribution.append((name, value))
        elif kind == "layer":
            number, _, what = rest.partition(":")
            if _is_count(number):
                layers.setdefault(int(number), {})[what] = value
    found = [_layer(layers[n]) for n in sorted(layers)]
    fields |= {"labels": labels, "layers": tuple(x for x in found if x is not None)}
    if distribution:
        fields["distribution"] = OsRelease(**restore_distribution(distribution))
    return fields


def _layer(stated: Mapping[str, str]) -> SubjectLayer | None:
    digest = _digest(stated.get("digest"))
    size = stated.get("size", "")
    if digest is None:
        return None
    return SubjectLayer(
        digest,
        size=int(size) if _is_count(size, digits=19) else -1,
        diff_id=_digest(stated.get("diff_id")),
        **{k: stated.get(k, "") for k in _LAYER_TEXTS},
    )


def carry_distribution(release: OsRelease, *, native: Container[str] = ()) -> list[tuple[str, str]]:
    """What os-release says, field by field."""
    start = f"{PREFIX}distribution:"
    pairs = [
        (f"{start}{name}", getattr(release, name))
        for name in _DISTRIBUTION_TEXTS
        if getattr(release, name) and name not in native
    ]
    pairs += [(f"{start}id_like", value) for value in release.id_like]
    return [(name, clean(value)) for name, value in pairs]


def restore_distribution(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The fields of an `OsRelease` that `carry_distribution` wrote."""
    fields: dict[str, Any] = {}
    start = f"{PREFIX}distribution:"
    for name, value in pairs:
        key = name.removeprefix(start)
        if name == f"{start}id_like":
            fields["id_like"] = (*fields.get("id_like", ()), value)
        elif name.startswith(start) and key in _DISTRIBUTION_TEXTS:
            fields[key] = value
    return fields


def _is_count(text: str, *, digits: int = 6) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= digits


@lru_cache(maxsize=1024)
def _digest(text: str | None) -> Digest | None:
    """Cached: the packages of a layer all name it."""
    return digest_or_none(text)
