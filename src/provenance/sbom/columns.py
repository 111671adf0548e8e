"""`Columns`: packages as columns, one a field, of which nothing is made before it is asked for."""

from __future__ import annotations

import dataclasses
import re
from itertools import starmap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from provenance.packages.package import Package
from provenance.sbom.carried import PREFIX
from provenance.sbom.collection import paused_collection
from provenance.sbom.identifiers import purl_type
from provenance.sbom.lists import Same, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from provenance.sbom.lists import Lists

__all__ = [
    "FIELDS",
    "Columns",
    "Made",
    "Typed",
    "carries_ours",
    "purl_types",
    "stated_texts",
    "unlike",
]

FIELDS = tuple(field.name for field in dataclasses.fields(Package))
"""The fields of `Package`, in their order."""

_OURS = PREFIX.encode()
# A letter of the prefix as an escape, by which a name may hide from the search for it.
_HIDDEN = re.compile(rb"\\u00(?:6[135eEfF]|7[026]|3[aA])")
_AT_ONCE = 512
_START = len("pkg:golang/")
_ALONE: Mapping[str, Any] = MappingProxyType({})


class Columns(Protocol):
    """Packages, by row and by field."""

    def __len__(self) -> int:
        """How many rows."""
        ...

    def column(self, field: str) -> Sequence[Any]:
        """The value of a field of `Package`, of every row."""
        ...

    def compact(self, field: str) -> Sequence[Any] | Lists:
        """The same, maybe as lists of which no values are made yet."""
        ...

    def some(self, field: str, rows: Sequence[int]) -> Sequence[Any]:
        """The value of a field of `Package`, of some rows."""
        ...

    def packages(self, rows: Iterable[int]) -> Iterator[Package]:
        """The packages of some rows."""
        ...


class Made:
    """Packages that exist already."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[Package]) -> None:
        """Hold `items` in their order."""
        self.items = tuple(items)

    def __len__(self) -> int:
        return len(self.items)

    def column(self, field: str) -> Sequence[Any]:
        """The value of a field of every package."""
        return [getattr(package, field) for package in self.items]

    compact = column

    def some(self, field: str, rows: Sequence[int]) -> Sequence[Any]:
        """The value of a field of some packages."""
        return [getattr(self.items[row], field) for row in rows]

    def packages(self, rows: Iterable[int]) -> Iterator[Package]:
        """The packages themselves."""
        return (self.items[row] for row in rows)


class Typed:
    """Packages in typed structs, whose fields are taken out when they are asked for.

    A field that no `takers` knows, and one in which a value has a shape that its taker does not
    accept, is what the tolerant reader says: that one decides what a document means, and a test
    holds every taker against it. A new field of `Package` is therefore right without a taker,
    only slow; and so is every question that touches it.
    """

    def __init__(
        self,
        rows: Sequence[Any],
        takers: Mapping[str, Callable[[Sequence[Any]], Sequence[Any] | Lists]],
        tolerant: Callable[[], Sequence[Package]],
        stated: Mapping[str, Callable[[Sequence[Any]], Sequence[Any]]] = _ALONE,
        *,
        family: str = "",
    ) -> None:
        """Keep what to take fields from, and how.

        Args:
            rows: a struct a package.
            takers: field of `Package` to what gives its value for each of the rows it is given.
            tolerant: the packages as the tolerant reader has them.
            stated: field of `Package` to what gives the slices that alone say what it is, of each
                of the rows it is given. Some rows of such a field can be taken.
            family: of formats, in all documents of which equal slices say the same.
        """
        self.rows, self.stated, self.family = rows, stated, family
        self._takers, self._tolerant = takers, tolerant
        self._taken: dict[str, Sequence[Any] | Lists] = {}
        self._values: dict[str, Sequence[Any]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, field: str) -> Sequence[Any]:
        """The value of a field of every row."""
        if field not in self._values:
            with paused_collection():
                self._values[field] = values_of(self.compact(field))
        return self._values[field]

    def compact(self, field: str) -> Sequence[Any] | Lists:
        """The same, as lists where these were decoded so."""
        if field not in self._taken:
            with paused_collection():
                self._taken[field] = self._take(field)
        return self._taken[field]

    def some(self, field: str, rows: Sequence[int]) -> Sequence[Any]:
        """The value of a field of some rows. Of one that has to be decoded no others are."""
        if field in self._values or field not in self.stated:
            values = self.column(field)
            return [values[row] for row in rows]
        if not rows:
            return []
        try:
            return values_of(self._takers[field]([self.rows[row] for row in rows]))
        except msgspec.DecodeError:
            listed = self._tolerant()
            return [getattr(listed[row], field) for row in rows]

    def packages(self, rows: Iterable[int]) -> Iterator[Package]:
        """Packages made out of the columns."""
        columns = [self.column(field) for field in FIELDS]
        return starmap(Package, ([column[row] for column in columns] for row in rows))

    def _take(self, field: str) -> Sequence[Any] | Lists:
        if field == "type":
            return purl_types(self.column("purl"))
        if (take := self._takers.get(field)) is not None:
            try:
                return take(self.rows)
            except msgspec.DecodeError:
                pass  # an odd value: the tolerant reader knows what to make of it
        return [getattr(package, field) for package in self._tolerant()]


def unlike(
    old: Columns, new: Columns, field: str, pairs: Sequence[tuple[int, int]]
) -> Sequence[tuple[int, int]]:
    """The pairs of rows that may differ in a field.

    Equal bytes say the same where one reader takes them and they alone say what the field is: such
    pairs are left out, and need not be decoded.
    """
    if not (isinstance(old, Typed) and isinstance(new, Typed) and old.family == new.family):
        return pairs  # bytes of another format say something else
    if field not in old.stated:
        return pairs
    try:
        was, now = (side.stated[field](side.rows) for side in (old, new))
    except msgspec.DecodeError:  # something odd beside it
        return pairs
    return [(row, other) for row, other in pairs if was[row] != now[other]]


def stated_texts(texts: Sequence[str | None]) -> Sequence[str]:
    """The same, empty where nothing is stated."""
    if all(texts):
        return cast("Sequence[str]", texts)
    if not any(texts):
        return Same("", len(texts))
    return [text or "" for text in texts]


def purl_types(purls: Sequence[str]) -> list[str]:
    """`purl_type` of each. What they begin with is mostly the same, and is looked at once."""
    types = _Types()
    found = [types[purl[:_START]] for purl in purls]
    if types.is_complete:
        return found
    return list(map(purl_type, purls))


class _Types(dict[str, str]):
    """The type of purls with the same beginning, as far as that shows it."""

    is_complete = True

    def __missing__(self, start: str) -> str:
        if "/" not in start and len(start) == _START:
            self.is_complete = False
        self[start] = found = purl_type(start)
        return found


def carries_ours(slices: Sequence[msgspec.Raw]) -> bool:
    """Whether any of these, properties or annotations, may hold fields that are to be restored."""
    for start in range(0, len(slices), _AT_ONCE):
        joined = b"".join(slices[start : start + _AT_ONCE])
        if _OURS in joined or (b"\\" in joined and _HIDDEN.search(joined)):
            return True
    return False
