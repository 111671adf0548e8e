"""`diff_sboms`: what changed between two documents, whatever their formats."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from provenance.packages.expressions import same_license
from provenance.packages.licenses import is_spdx, normalise
from provenance.packages.versions import compare_versions
from provenance.sbom.collection import paused_collection
from provenance.sbom.comparing.changes import Change, Diff, Sides
from provenance.sbom.comparing.matching import Side, match
from provenance.sbom.comparing.same_layers import same_layers
from provenance.sbom.same_purls import is_replaced, with_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
        compared = list(comparison.changes(matched.pairs))
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

    def changes(self, pairs: Sequence[tuple[int, int]]) -> Iterator[Change]:
        """All of them."""
        orders = self._orders(pairs)
        yield from self._versions(pairs, orders)
        yield from self._hashes(
            [pair for pair, order in zip(pairs, orders, strict=True) if order == 0]
        )
        yield from self._licenses(pairs)
        yield from self._layers(pairs)

    def _differing(
        self, field: str, pairs: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int, Any, Any]]:
        """The pairs that differ in a field, with its values; of others these need not be known."""
        unlike = self._old.unlike(self._new, field, pairs)
        was = self._old.some(field, [row for row, _ in unlike])
        now = self._new.some(field, [other for _, other in unlike])
        for row, other in unlike:
            if was[row] != now[other]:
                yield row, other, was[row], now[other]

    def _orders(self, pairs: Sequence[tuple[int, int]]) -> list[int | None]:
        """How the versions of each pair compare."""
        was, now = self._old["version"], self._new["version"]
        purls, latest = self._old["purl"], self._new["purl"]
        return [
            0 if was[row] == now[other] and purls[row] == latest[other] else self._order(row, other)
            for row, other in pairs
        ]

    def _versions(
        self, pairs: Sequence[tuple[int, int]], orders: Sequence[int | None]
    ) -> Iterator[Change]:
        """Another version, or a purl of something else."""
        was, now = self._old["version"], self._new["version"]
        purls, latest = self._old["purl"], self._new["purl"]
        for (row, other), order in zip(pairs, orders, strict=True):
            if order != 0:
                yield self._change(_VERSION_KINDS[order], row, other)
            if purls[row] != latest[other] and is_replaced(
                purls[row], latest[other], same_version=was[row] == now[other]
            ):
                yield self._change("replaced", row, other)

    def _hashes(self, pairs: Sequence[tuple[int, int]]) -> Iterator[Change]:
        """Other bytes, of pairs of one version."""
        for row, other, was, now in self._differing("hashes", pairs):
            if _rehashed(was, now):
                yield self._change("rehashed", row, other)

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

    def _licenses(self, pairs: Sequence[tuple[int, int]]) -> Iterator[Change]:
        """Licences that do not say the same, if both documents say any."""
        found = [
            (row, other)
            for row, other, was, now in self._differing("licenses", pairs)
            if not same_licenses(was, now)
        ]
        if found and any(self._old["licenses"]) and any(self._new["licenses"]):
            for row, other in found:
                yield self._change("relicensed", row, other)

    def _layers(self, pairs: Sequence[tuple[int, int]]) -> Iterator[Change]:
        """Another layer of the image. Of a layer that is in one image alone nothing is known."""
        found = []
        for row, other, *places in self._differing("locations", pairs):
            here, there = map(_first_layer, places)
            if here is not None and there is not None and here != there:
                found.append((row, other, here, there))
        if not found:
            return
        old, new = self._documents
        same = same_layers(old.layers, new.layers, self._old["locations"], self._new["locations"])
        known = set(same.values())
        for row, other, here, there in found:
            if same[here] != there if here in same else there in known:
                yield self._change("moved", row, other)


def _first_layer(places: Sequence[Location]) -> Digest | None:
    """The layer of the first location, if it is known."""
    return places[0].layer if places else None


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
