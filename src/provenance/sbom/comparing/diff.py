"""`diff_sboms`: what changed between two documents, whatever their formats."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from provenance.packages.expressions import same_license
from provenance.packages.licenses import is_spdx, normalise
from provenance.packages.versions import compare_versions
from provenance.sbom.collection import paused_collection
from provenance.sbom.comparing.changes import Change, Diff, Sides
from provenance.sbom.comparing.matching import Side, match
from provenance.sbom.comparing.same_layers import same_layers
from provenance.sbom.same_purls import is_replaced, with_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from provenance.digests import Digest
    from provenance.packages.package import Location
    from provenance.sbom.document import Sbom

__all__ = ["diff_sboms", "same_licenses"]

_LONGEST = 2000  # characters of licences that are read as expressions
_VERSION_KINDS = {None: "changed", -1: "upgraded", 1: "downgraded"}
# Types whose order says nothing of build metadata and of what stands behind the third number.
_SEMANTIC = frozenset({"cargo", "golang", "hex", "npm", "nuget", "pub"})
_NUMBERS = re.compile(r"[vV]?([0-9.]*)")


def diff_sboms(old: Sbom, new: Sbom) -> Diff:
    """What changed from `old` to `new`.

    Packages are matched by purl, then by purl without version, then by name and type, in which
    the namespace counts but for packages of a system, as vendors share those. What one of the
    documents never states (licences, hashes, layers) is no change; hashes are compared by the
    algorithms that both have, licences as normalised expressions, layers by digest, else by the
    instruction that made them, else by their place.

    Args:
        old: the older document.
        new: the newer one, of any format.
    """
    sides = Sides(Side(old.packages), Side(new.packages))
    with paused_collection():
        matched = match(sides.old, sides.new)
        found = [Change("added", None, row, sides) for row in matched.come]
        found += [Change("removed", row, None, sides) for row in matched.gone]
        comparison = _Comparison(old, new, sides)
        compared = [
            change
            for differing in (
                comparison.versions_and_hashes(matched.pairs),
                comparison.licenses(matched.pairs),
                comparison.layers(matched.pairs),
            )
            for change in differing
        ]
        found += compared
        found.sort(key=Change.order)
    unchanged = len(matched.pairs) - len({change.new_row for change in compared})
    return Diff(tuple(found), unchanged, old, new)


class _Comparison:
    """What changed about packages that are in both documents, column by column."""

    def __init__(self, old: Sbom, new: Sbom, sides: Sides) -> None:
        self._documents = (old, new)
        self._sides = sides
        self._old, self._new = sides.old, sides.new

    def _change(self, kind: str, row: int, other: int) -> Change:
        return Change(kind, row, other, self._sides)

    def versions_and_hashes(self, pairs: Iterable[tuple[int, int]]) -> Iterator[Change]:
        """Another version; or under the same version other bytes; or a purl of something else."""
        was, now = self._old["version"], self._new["version"]
        hashes, others = self._old["hashes"], self._new["hashes"]
        purls, latest = self._old["purl"], self._new["purl"]
        for row, other in pairs:
            same_purl = purls[row] == latest[other]
            order: int | None = 0
            if not same_purl or was[row] != now[other]:
                order = self._order(row, other)
            if order != 0:
                yield self._change(_VERSION_KINDS[order], row, other)
            elif hashes[row] != others[other] and _rehashed(hashes[row], others[other]):
                yield self._change("rehashed", row, other)
            if not same_purl and is_replaced(
                purls[row], latest[other], same_version=was[row] == now[other]
            ):
                yield self._change("replaced", row, other)

    def _order(self, row: int, other: int) -> int | None:
        """How two versions compare; 0 where one is the other, maybe in another spelling."""
        kind = self._new["type"][other] or self._old["type"][row]
        was, now = self._old["version"][row], self._new["version"][other]
        if kind == "rpm":
            was = with_epoch(was, self._old["purl"][row])
            now = with_epoch(now, self._new["purl"][other])
        order = compare_versions(kind, was, now)
        if order == 0 and kind in _SEMANTIC and _unordered(was) != _unordered(now):
            return None
        return order

    def licenses(self, pairs: Iterable[tuple[int, int]]) -> Iterator[Change]:
        """Licences that do not say the same, if both documents say any."""
        was, now = self._old["licenses"], self._new["licenses"]
        if not (any(was) and any(now)):
            return
        for row, other in pairs:
            if was[row] != now[other] and not same_licenses(was[row], now[other]):
                yield self._change("relicensed", row, other)

    def layers(self, pairs: Iterable[tuple[int, int]]) -> Iterator[Change]:
        """Another layer of the image. Of a layer that is in one image alone nothing is known."""
        places = self._old["locations"], self._new["locations"]
        was, now = map(_first_layers, places)
        if not (any(was) and any(now)):
            return
        old, new = self._documents
        same = same_layers(old.layers, new.layers, *places)
        known = set(same.values())
        for row, other in pairs:
            here, there = was[row], now[other]
            if here is None or there is None or here == there:
                continue
            if same[here] != there if here in same else there in known:
                yield self._change("moved", row, other)


def _first_layers(listed: Sequence[tuple[Location, ...]]) -> list[Digest | None]:
    """The layer of the first location of each package, if it is known."""
    return [places[0].layer if places else None for places in listed]


def _unordered(version: str) -> tuple[str, list[str]]:
    """What of a semantic version says which it is, but not whether it is newer."""
    numbers, _, build = version.partition("+")
    listed = _NUMBERS.match(numbers)
    parts = (listed[1] if listed else "").split(".")[3:]
    return build.removesuffix("incompatible"), [part for part in parts if part.strip("0")]


def _rehashed(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    return any(a in new and new[a].lower() != value.lower() for a, value in old.items())


def same_licenses(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    """Whether two lists of licences say the same: all of a list apply."""
    if sum(map(len, old)) + sum(map(len, new)) > _LONGEST:
        return set(old) == set(new)  # whole texts of licences, which are not to be kept
    return _same_licenses(old, new)


@lru_cache(maxsize=8192)
def _same_licenses(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    first, second = ([normalise(text) for text in listed] for listed in (old, new))
    if all(map(is_spdx, first)) and all(map(is_spdx, second)):
        return same_license(_joined(first), _joined(second))
    return set(first) == set(second)


def _joined(expressions: Sequence[str]) -> str:
    return " AND ".join(f"({text})" for text in expressions)
