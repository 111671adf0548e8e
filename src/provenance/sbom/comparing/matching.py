"""Which package of one document is which of another: by purl, versionless purl, name and type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.packages.versions import version_key
from provenance.sbom.columns import unlike
from provenance.sbom.same_purls import SYSTEM_TYPES, canonical_base, split_purl

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from provenance.sbom.rows import Packages

__all__ = ["Matched", "Side", "match"]

# Qualifiers that say where a package was built or fetched, not which one it is.
_PASSING = ("distro=", "upstream=", "checksum=", "download_url=", "vcs_url=", "repository_url=")


class Side(dict[str, "Sequence[Any]"]):
    """The packages of one document by column: each is taken when it is first asked for.

    No `Package` is made to compare them.
    """

    def __init__(self, packages: Packages) -> None:
        """Look at `packages`, which are all of their document."""
        super().__init__()
        self.packages = packages
        self._columns = packages._columns  # noqa: SLF001 - beneath it, so that no `Package` is made
        self._some: dict[str, dict[int, Any]] = {}

    def __missing__(self, field: str) -> Sequence[Any]:
        self[field] = found = self.packages.column(field)
        return found

    def some(self, field: str, rows: Iterable[int]) -> Mapping[int, Any]:
        """The values of a field by row, of these rows at least: no others are decoded for it."""
        known = self._some.setdefault(field, {})
        if new := [row for row in dict.fromkeys(rows) if row not in known]:
            known.update(zip(new, self._columns.some(field, new), strict=True))
        return known

    def one(self, field: str, row: int) -> Any:
        """The value of a field of one row."""
        return self[field][row] if field in self else self.some(field, (row,))[row]

    def unlike(
        self, other: Side, field: str, pairs: Sequence[tuple[int, int]]
    ) -> Sequence[tuple[int, int]]:
        """The pairs of rows, of this side and the other, that may differ in a field."""
        return unlike(self._columns, other._columns, field, pairs)


class Matched(NamedTuple):
    """Rows of two documents."""

    pairs: list[tuple[int, int]]
    """What is in both."""
    gone: list[int]
    """What is in the older alone."""
    come: list[int]
    """What is in the newer alone."""


def match(old: Side, new: Side) -> Matched:
    """Which row is which.

    Of several packages that could be meant, those of one version go together first, then the rest
    in version order. Linear but for sorting those.
    """
    matcher = _Matcher(old, new)
    found = matcher.by_purl()
    for key in (_family, _base, _name_and_type):
        if found.gone and found.come:
            found = matcher.by(key, found)
    if found.gone and found.come:
        found = matcher.by_name_where_no_type_is_known(found)
    return found


class _Matcher:
    def __init__(self, old: Side, new: Side) -> None:
        self._old, self._new = old, new

    def by_purl(self) -> Matched:
        """By equal purls alone: nearly all packages of nearly all documents."""
        old, new = self._old["purl"], self._new["purl"]
        rows = {purl: row for row, purl in enumerate(new)}
        if len(rows) < len(new) or "" in rows:
            everything = Matched([], list(range(len(old))), list(range(len(new))))
            return self.by(_purl, everything)
        found = [rows.pop(purl, None) for purl in old]
        pairs = [(row, other) for row, other in enumerate(found) if other is not None]
        gone = [row for row, other in enumerate(found) if other is None]
        return Matched(pairs, gone, list(rows.values()))

    def by(self, key: Callable[[Side, int], Hashable | None], earlier: Matched) -> Matched:
        """Further pairs among those of one key; without a key (None) nothing matches."""
        pairs, gone, come = earlier.pairs, [], []
        groups: dict[Hashable, list[int]] = {}
        for row in earlier.come:
            if (of := key(self._new, row)) is None:
                come.append(row)
            else:
                groups.setdefault(of, []).append(row)
        asked: dict[Hashable, list[int]] = {}
        for row in earlier.gone:
            of = key(self._old, row)
            if of is None or of not in groups:
                gone.append(row)
            else:
                asked.setdefault(of, []).append(row)
        self._look_at(groups, asked)
        for of, listed in groups.items():
            more = self._assign(asked.get(of, []), listed)
            pairs += more.pairs
            gone += more.gone
            come += more.come
        return Matched(pairs, gone, come)

    def _look_at(
        self, new: Mapping[Hashable, list[int]], old: Mapping[Hashable, list[int]]
    ) -> None:
        """Take the locations of all that need to be told apart by them, at once."""
        several = [of for of, rows in old.items() if len(rows) > 1 or len(new[of]) > 1]
        for side, groups in ((self._new, new), (self._old, old)):
            side.some("locations", [row for of in several for row in groups[of]])

    def by_name_where_no_type_is_known(self, earlier: Matched) -> Matched:
        """A document without purls knows no types: there the name has to do."""
        sides = ((self._old, earlier.gone), (self._new, earlier.come))
        typeless = {s["name"][row] for s, rows in sides for row in rows if not s["type"][row]}
        typeless.discard("")

        def key(side: Side, row: int) -> Hashable | None:
            name: str = side["name"][row]
            return name if name in typeless else None

        return self.by(key, earlier)

    def _assign(self, old: list[int], new: list[int]) -> Matched:
        """Pairs within a group: at the same place, of the same version, then in version order."""
        if len(old) == 1 and len(new) == 1:
            return Matched([(old[0], new[0])], [], [])
        found = Matched([], old, new)
        for key in (_version_and_place, _version):
            if found.gone and found.come:
                found = self._equal(key, found)
        pairs, gone, come = found
        if gone and come:
            gone, come = self._in_order(gone, come)
        count = min(len(gone), len(come))
        pairs += zip(gone, come, strict=False)
        return Matched(pairs, gone[count:], come[count:])

    def _equal(self, key: Callable[[Side, int], Hashable], earlier: Matched) -> Matched:
        """Further pairs of equal keys, first to first."""
        waiting: dict[Hashable, list[int]] = {}
        for row in reversed(earlier.come):
            waiting.setdefault(key(self._new, row), []).append(row)
        pairs, gone = earlier.pairs, []
        for row in earlier.gone:
            if same := waiting.get(key(self._old, row)):
                pairs.append((row, same.pop()))
            else:
                gone.append(row)
        return Matched(pairs, gone, sorted(row for same in waiting.values() for row in same))

    def _in_order(self, old: list[int], new: list[int]) -> tuple[list[int], list[int]]:
        """Both by version; by its text where one of them has no order."""
        sides = ((self._old, old), (self._new, new))
        types = {side["type"][row] for side, rows in sides for row in rows}
        keys = [[version_key(s["type"][r], s["version"][r]) for r in rows] for s, rows in sides]
        if len(types) > 1 or any(key is None for listed in keys for key in listed):
            keys = [[side["version"][row] for row in rows] for side, rows in sides]
        first, second = (
            [rows[at] for at in sorted(range(len(rows)), key=listed.__getitem__)]
            for (_, rows), listed in zip(sides, keys, strict=True)
        )
        return first, second


def _purl(side: Side, row: int) -> Hashable | None:
    return side["purl"][row] or None


def _family(side: Side, row: int) -> Hashable | None:
    """The versionless purl with the qualifiers that tell one package from another."""
    purl: str = side["purl"][row]
    if not purl:
        return None
    base, qualifiers, subpath = split_purl(purl)
    base = canonical_base(base)
    if not qualifiers:
        return base, "", subpath
    kept = [q for q in qualifiers.split("&") if not q.startswith(_PASSING)]
    return base, "&".join(kept), subpath


def _base(side: Side, row: int) -> Hashable | None:
    """The versionless purl alone."""
    purl: str = side["purl"][row]
    if not purl:
        return None
    base, _, subpath = split_purl(purl)
    return canonical_base(base), subpath


def _name_and_type(side: Side, row: int) -> Hashable | None:
    """Several vendors build one package for a system; elsewhere a namespace is part of a name."""
    kind, purl = side["type"][row], side["purl"][row]
    namespace = ""
    if purl and kind not in SYSTEM_TYPES:
        namespace = canonical_base(split_purl(purl)[0]).rpartition("/")[0]
    return kind, side["name"][row], namespace


def _version(side: Side, row: int) -> Hashable:
    version: str = side["version"][row]
    return version


def _version_and_place(side: Side, row: int) -> Hashable:
    places: Iterable[Any] = side.one("locations", row)
    return side["version"][row], next((place.path for place in places), "")
