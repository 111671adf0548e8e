"""Needs that packages state by name, as edges to the packages that are there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Failure, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provenance.catalog.cataloger import Cataloger, Requirement
    from provenance.packages.package import Package

__all__ = ["named_edges"]


_MOST = 50  # packages that meet one need where nothing tells them apart
_PAIRS = 4_000_000  # looked at in one image: some ten times what a large distribution has


def named_edges(
    packages: Sequence[Package], catalogers: Iterable[Cataloger], problems: list[Problem]
) -> Iterator[tuple[str, str]]:
    """Pairs of purls: who needs, and what is needed. What went wrong is put to `problems`.

    A need is met by the first of its alternatives that is there, by a package of that name before
    one that provides it, among those of the same cataloger. Thousands of packages may provide one
    name, and thousands more need it: what that costs has a cap.
    """
    left = _PAIRS
    for cataloger in catalogers:
        if cataloger.requirements is None:
            continue
        mine = [p for p in packages if p.cataloger == cataloger.name]
        by_name: dict[str, _Candidates] = defaultdict(_Candidates)
        by_provision: dict[str, _Candidates] = defaultdict(_Candidates)
        for package in mine:
            by_name[package.name].all.append(package)
            for name in package.provides:
                by_provision[name].all.append(package)
        for package in mine:
            for need in _needs(cataloger, package, problems):
                for met_by in _meeting(need, package, by_name, by_provision):
                    left -= 1
                    yield package.purl, met_by.purl
            if left < 0:
                problems.append(Problem("", "packages need too many others: not all is told"))
                return


def _needs(
    cataloger: Cataloger, package: Package, problems: list[Problem]
) -> Iterable[Requirement]:
    if cataloger.requirements is None:
        return ()
    try:
        return tuple(cataloger.requirements(package))
    except Exception as error:  # noqa: BLE001  as in files.py: its failure costs its own edges
        told = f"{type(error).__name__}: {error}"[:300]
        message = f"the cataloger {cataloger.name!r} failed on what {package.name} needs ({told})"
        problems.append(Failure(package.locations[0].path if package.locations else "", message))
        return ()


def _meeting(
    need: Requirement,
    package: Package,
    by_name: Mapping[str, _Candidates],
    by_provision: Mapping[str, _Candidates],
) -> Sequence[Package]:
    """Those of the first alternative that is there."""
    for name in need:
        candidates = by_name.get(name) or by_provision.get(name)
        if candidates is not None:
            return candidates.nearest(package)
    return ()


class _Candidates:
    """Packages of one name."""

    __slots__ = ("_by_directory", "all")

    def __init__(self) -> None:
        self.all: list[Package] = []
        self._by_directory: dict[str, list[Package]] | None = None  # made for the first who asks

    def nearest(self, package: Package) -> Sequence[Package]:
        """Those that fit the architecture of `package`, its directory's first, if there are such.

        To be asked when all are known.
        """
        if len(self.all) == 1:
            return self.all
        if (by_directory := self._by_directory) is None:
            by_directory = self._by_directory = defaultdict(list)
            for one in self.all:
                for directory in _directories(one):
                    by_directory[directory].append(one)
        fitting = {package.architecture, "all", "noarch", ""}
        here = [p for x in _directories(package) for p in by_directory.get(x, ())[:_MOST]]
        for near in (here, self.all):
            same = [p for p in near[: 2 * _MOST] if p.architecture in fitting]
            if same:
                return same[:_MOST]
        return (here or self.all)[:_MOST]


def _directories(package: Package) -> list[str]:
    """Where its metadata's own directory lies, e.g. a site-packages."""
    places = (location.path for location in package.locations)
    return list(dict.fromkeys(x.rpartition("/")[0].rpartition("/")[0] for x in places))
