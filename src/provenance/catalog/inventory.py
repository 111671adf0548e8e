"""From the files of an image to its packages: cataloged, attributed to layers, connected.

Pure: files in, values out.

    1. Each cataloger reads each of its files once, under its real path.
    2. A package is attributed to the lowest layer since which it was there without a break.
    3. Packages of one purl are one, with every location.
    4. Stated needs become edges where the image has what is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Context, Problem
from provenance.findings import Finding, Severity
from provenance.image.names import Globs
from provenance.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from provenance.catalog.cataloger import Cataloger
    from provenance.digests import Digest
    from provenance.image.file import File

__all__ = ["Inventory", "take_inventory"]

_Versions = tuple[tuple["Digest", bytes], ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the catalogers found."""

    packages: tuple[Package, ...]
    """Sorted by type, name, version, purl."""
    dependencies: Mapping[str, tuple[str, ...]]
    """purl to the purls it needs."""
    findings: tuple[Finding, ...]


def take_inventory(
    files: Mapping[str, File],
    history: Mapping[str, _Versions],
    catalogers: Iterable[Cataloger],
) -> Inventory:
    """Catalog `files`.

    Args:
        files: path to file, as `Image.files` gives them.
        history: real path to layer and bytes of older versions, newest first.
        catalogers: which to run, in this order.
    """
    found: list[Package] = []
    findings: dict[Finding, None] = {}
    runs = tuple(catalogers)
    context = Context(files)
    for cataloger in runs:
        mine = Globs(cataloger.paths)
        databases = {file.real_path: file for path, file in files.items() if mine(path)}
        for path, file in databases.items():
            packages: list[Package] = []
            for item in cataloger.catalog(file, context):
                if isinstance(item, Problem):
                    findings[_finding(item)] = None
                else:
                    packages.append(item)
            found += _attributed(packages, file, history.get(path, ()), cataloger)
            if any(p.type in {"apk", "deb"} and "distro=" not in p.purl for p in packages):
                findings[_unknown_distro(path)] = None
    merged = sorted(_merged(found), key=lambda p: (p.type, p.name, p.version, p.purl))
    return Inventory(tuple(merged), _edges(merged, runs), tuple(findings))


def _finding(problem: Problem) -> Finding:
    pointer = f"{problem.path}, line {problem.line}" if problem.line else problem.path
    return Finding("unreadable-record", Severity.WARNING, problem.message, pointer)


def _unknown_distro(path: str) -> Finding:
    return Finding(
        "unknown-distribution",
        Severity.WARNING,
        "no os-release names the distribution: purls have the vendor that the database implies",
        path,
    )


def _attributed(
    packages: Sequence[Package], file: File, versions: _Versions, cataloger: Cataloger
) -> list[Package]:
    """The packages with the layer of their location set to the one that brought them."""
    layers: dict[tuple[str, str, str], Digest] = {}
    alive = {_key(p) for p in packages} if versions else set()
    for layer, data in versions:
        older = replace(file, data=data, layer=layer, size=len(data))
        stated = cataloger.catalog(older, Context())
        alive &= {_key(p) for p in stated if isinstance(p, Package)}
        if not alive:
            break
        layers.update(dict.fromkeys(alive, layer))
    return [_in_layer(p, layers.get(_key(p), file.layer)) for p in packages]


def _key(package: Package) -> tuple[str, str, str]:
    return package.name, package.version, package.architecture


def _in_layer(package: Package, layer: Digest) -> Package:
    return replace(package, locations=tuple(replace(x, layer=layer) for x in package.locations))


def _merged(packages: Iterable[Package]) -> Iterable[Package]:
    """One package for each purl; the first one found speaks, the others add their locations."""
    merged: dict[str, Package] = {}
    for package in packages:
        first = merged.setdefault(package.purl, package)
        if first is not package:
            locations = tuple(dict.fromkeys(first.locations + package.locations))
            merged[package.purl] = replace(first, locations=locations)
    return merged.values()


def _edges(
    packages: Sequence[Package], catalogers: Iterable[Cataloger]
) -> dict[str, tuple[str, ...]]:
    edges: dict[str, tuple[str, ...]] = {}
    for cataloger in catalogers:
        mine = [p for p in packages if p.cataloger == cataloger.name]
        by_name: dict[str, list[Package]] = {}
        by_provision: dict[str, list[Package]] = {}
        for package in mine:
            by_name.setdefault(package.name, []).append(package)
            for name in package.provides:
                by_provision.setdefault(name, []).append(package)
        for package in mine:
            needed: set[str] = set()
            for alternatives in cataloger.requirements(package):
                for name in alternatives:
                    candidates = by_name.get(name) or by_provision.get(name)
                    if candidates:
                        needed.update(p.purl for p in _nearest(package, candidates))
                        break
            needed.discard(package.purl)
            if needed:
                edges[package.purl] = tuple(sorted(needed))
    return edges


def _nearest(package: Package, candidates: Sequence[Package]) -> Sequence[Package]:
    """Those of the same architecture, then of the same directory, where there are such."""
    if len(candidates) == 1:
        return candidates
    fitting = {package.architecture, "all", "noarch", ""}
    same = [c for c in candidates if c.architecture in fitting] or candidates
    directories = _directories(package)
    return [c for c in same if directories & _directories(c)] or same


def _directories(package: Package) -> set[str]:
    """Where its metadata's own directory lies, e.g. a site-packages."""
    return {location.path.rpartition("/")[0].rpartition("/")[0] for location in package.locations}
