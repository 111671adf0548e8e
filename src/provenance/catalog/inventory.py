"""From what is left of the layers to packages: attributed, completed, merged, connected.

Pure: values in, values out.

    1. What each cataloger found in files that are still there, is gathered.
    2. A package is attributed to the lowest layer since which it was there without a break.
    3. The cataloger completes its packages with what other files say.
    4. Packages of one purl are one, with every location.
    5. Stated needs become edges where the image has what is needed (edges.py); a package whose
       files another one installed is contained in that one (ownership.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from provenance.catalog.cataloger import Fact, Failure, Owned, Problem, Relation, Remaining
from provenance.catalog.ecosystems import embedded, os_release
from provenance.catalog.edges import named_edges
from provenance.catalog.ownership import Ownership
from provenance.findings import Finding, Severity
from provenance.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provenance.catalog.cataloger import Cataloger, Item
    from provenance.catalog.files import Reading
    from provenance.digests import Digest
    from provenance.image.squash import Squash
    from provenance.packages.os_release import OsRelease

__all__ = ["Inventory", "take_inventory"]

DISTRIBUTION_TYPES = frozenset({"apk", "deb", "rpm", "opkg"})
_EDGES = 500_000  # of one kind: far more than any image has, and some 50 MB of a document
_STATED = 500_000  # needs and provisions of all packages; a large distribution has a third of it
_Key = tuple[str, str, str]
# Of packages that are one: the first that says something counts, or all do.
_FIRST = (
    *("licenses", "stated_licenses", "supplier", "author"),
    *("description", "homepage", "hashes"),
)
_EVERY = ("locations", "cpes", "depends")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the catalogers found."""

    packages: tuple[Package, ...]
    """Sorted by type, name, version, purl."""
    dependencies: Mapping[str, tuple[str, ...]]
    """purl to the purls it needs."""
    contains: Mapping[str, tuple[str, ...]]
    """purl to the purls of what lies inside of it."""
    findings: tuple[Finding, ...]
    releases: Mapping[str, OsRelease]
    """Distributions by root."""
    owned: tuple[Owned, ...] = ()


@dataclass(slots=True)
class _Gathered:
    """What one cataloger found."""

    packages: list[Package] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: list[Relation | Problem] = field(default_factory=list)


def take_inventory(
    squash: Squash[Reading],
    linked: Mapping[str, Reading],
    catalogers: Sequence[Cataloger],
    layers: Sequence[Digest | None],
) -> Inventory:
    """The packages that the image has.

    Args:
        squash: what is left of the layers.
        linked: further files, by the name of a link that leads to them.
        catalogers: those that read the files, in the order in which they may speak for a package.
        layers: the layers' digests, bottom first.
    """
    gathered = _gather(squash, linked, layers, {c.name for c in catalogers if c.magic})
    facts = [g.facts.get("release", {}) for g in gathered.values()]
    releases = os_release.releases(facts)
    found: list[Package] = []
    relations: list[Relation] = []
    owned: list[Owned] = []
    findings: dict[Finding, None] = {}
    for cataloger in catalogers:
        mine = gathered.get(cataloger.name, _Gathered())
        remaining = Remaining(mine.packages, mine.facts, releases, squash.real)
        for item in (*mine.others, *_completed(cataloger, remaining)):
            if isinstance(item, Package):
                found.append(item)
            elif isinstance(item, Relation):
                relations.append(item)
            elif isinstance(item, Owned):
                owned.append(item)
            else:
                findings[_finding(item)] = None
    ownership = Ownership(owned, squash.real)
    kept = ownership.without_doubles(found)
    problems: list[Problem] = []
    packages = _bounded(_merged(kept), problems)
    packages.sort(key=lambda p: (p.type, p.name, p.version, p.purl))
    stated = named_edges(packages, catalogers, problems)
    needs = _edges(packages, relations, "depends-on", stated, problems)
    inside = ownership.containing(packages)
    contains = _edges(packages, relations, "contains", inside, problems)
    findings |= dict.fromkeys(map(_finding, problems))
    findings |= dict.fromkeys(_unknown_distributions(packages))
    return Inventory(
        tuple(packages),
        needs,
        contains,
        tuple(findings),
        releases,
        tuple(owned),
    )


def _gather(
    squash: Squash[Reading],
    linked: Mapping[str, Reading],
    layers: Sequence[Digest | None],
    by_content: set[str],
) -> dict[str, _Gathered]:
    """Name of a cataloger to what it found, files in the order of their paths."""
    gathered: dict[str, _Gathered] = {}
    readings = {
        path: _inherited(reading, path, squash.inherited[path], by_content)
        if path in squash.inherited
        else reading
        for path, (_, reading) in squash.items.items()
    }
    merged = {**linked, **readings}
    for path in sorted(path for path, reading in merged.items() if reading.items):
        reading = merged[path]
        for name, items in reading.items:
            mine = gathered.setdefault(name, _Gathered())
            packages = [item for item in items if isinstance(item, Package)]
            older = squash.history.get(path) if path in readings else None
            if packages and older:
                packages = _attributed(packages, squash, path, name, layers)
            mine.packages += packages
            for item in items:
                if isinstance(item, Fact):
                    mine.facts.setdefault(item.kind, {})[item.key] = item.value
                elif isinstance(item, Relation | Problem):
                    mine.others.append(item)
    return gathered


def _inherited(reading: Reading, path: str, first: str, by_content: set[str]) -> Reading:
    """What was read in a file whose first name is hidden, as far as the name does not matter."""

    def moved(item: Item) -> Item:
        if isinstance(item, Package):
            inner = (x.path[len(first) :] for x in item.locations)
            places = zip(item.locations, inner, strict=True)
            return item.changed(locations=tuple(replace(x, path=path + y) for x, y in places))
        return item._replace(key=path) if isinstance(item, Fact) and item.key == first else item

    return reading._replace(
        items=tuple(
            (name, tuple(moved(item) for item in items))
            for name, items in reading.items
            if name in by_content
        )
    )


def _attributed(
    packages: Sequence[Package],
    squash: Squash[Reading],
    path: str,
    name: str,
    layers: Sequence[Digest | None],
) -> list[Package]:
    """The packages with the layer of their locations set to the one that brought them."""
    brought: dict[_Key, Digest | None] = {}
    alive = {_key(p) for p in packages}
    for layer in squash.history[path]:
        stated = _items_of(squash.records[layer].items[path], name)
        alive &= {_key(p) for p in stated if isinstance(p, Package)}
        if not alive:
            break
        brought.update(dict.fromkeys(alive, layers[layer]))
    return [_in_layer(p, brought[key]) if (key := _key(p)) in brought else p for p in packages]


def _items_of(reading: Reading, name: str) -> Iterable[Item]:
    return next((items for found, items in reading.items if found == name), ())


def _key(package: Package) -> _Key:
    return package.name, package.version, package.architecture


def _in_layer(package: Package, layer: Digest | None) -> Package:
    return package.changed(locations=tuple(replace(x, layer=layer) for x in package.locations))


def _completed(
    cataloger: Cataloger, remaining: Remaining
) -> Iterable[Package | Owned | Relation | Problem]:
    if cataloger.complete is None:
        yield from remaining.packages
        return
    try:
        yield from cataloger.complete(remaining)
    except Exception as error:  # noqa: BLE001  as in files.py: its failure costs its own packages
        told = f"{type(error).__name__}: {error}"[:300]
        yield Failure("", f"the cataloger {cataloger.name!r} failed ({told})")


def _finding(problem: Problem) -> Finding:
    pointer = f"{problem.path}, line {problem.line}" if problem.line else problem.path
    rule = "cataloger-failed" if isinstance(problem, Failure) else "unreadable-record"
    return Finding(rule, Severity.WARNING, problem.message, pointer)


def _unknown_distributions(packages: Iterable[Package]) -> Iterable[Finding]:
    for package in packages:
        if package.type in DISTRIBUTION_TYPES and "distro=" not in package.purl:
            yield Finding(
                "unknown-distribution",
                Severity.WARNING,
                "no os-release names the distribution: purls have the vendor that the database "
                "implies",
                package.locations[0].path if package.locations else "",
            )


def _merged(packages: Iterable[Package]) -> Iterable[Package]:
    """One package for each purl; the first one found speaks, the others add what it lacks.

    A document within the image lacks the qualifiers that a database gives, so of such a package
    the rest of the purl is enough.
    """
    merged: dict[str, list[Package]] = {}
    bare: dict[str, str] = {}
    for package in packages:
        purl = package.purl
        if package.cataloger == embedded.CATALOGER.name:
            purl = bare.get(_bare(purl), purl)
        merged.setdefault(purl, []).append(package)
        bare.setdefault(_bare(purl), purl)
    return [found[0] if len(found) == 1 else _one(found) for found in merged.values()]


def _bounded(packages: Iterable[Package], problems: list[Problem]) -> list[Package]:
    """The packages, without what they need and provide once that is too much in all.

    It is cheap to write and dear to keep: each word becomes a property of the document.
    """
    found: list[Package] = []
    left = _STATED
    for package in packages:
        left -= len(package.depends) + len(package.provides)
        found.append(package if left >= 0 else package.changed(depends=(), provides=()))
    if left < 0:
        what = f"packages state more than {_STATED} needs and provisions: the rest is not told"
        problems.append(Problem("", what))
    return found


def _bare(purl: str) -> str:
    return purl.partition("?")[0]


def _one(found: Sequence[Package]) -> Package:
    """Said once each, in one go: thousands may be the same."""

    def first(name: str) -> Any:
        return next((x for p in found if (x := getattr(p, name))), getattr(found[0], name))

    def every(name: str) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(x for p in found for x in getattr(p, name)))

    said: dict[str, Any] = {name: first(name) for name in _FIRST}
    said |= {name: every(name) for name in _EVERY}
    return found[0].changed(**said)


def _edges(
    packages: Sequence[Package],
    relations: Iterable[Relation],
    kind: str,
    more: Iterable[tuple[str, str]],
    problems: list[Problem],
) -> dict[str, tuple[str, ...]]:
    known = {p.purl for p in packages}
    found: dict[str, set[str]] = {}
    count = 0
    stated = ((r.source, r.target) for r in relations if r.kind == kind)
    for source, target in chain(stated, more):
        if source != target and source in known and target in known:
            targets = found.setdefault(source, set())
            count += target not in targets
            if count > _EDGES:
                what = f"more than {_EDGES} edges ({kind}) between packages: only these are told"
                problems.append(Problem("", what))
                break
            targets.add(target)
    return {source: tuple(sorted(targets)) for source, targets in sorted(found.items())}
