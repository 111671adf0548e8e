"""`Lists`: a field of which every package has a list, as columns; `Same`: one value for all.

No list, dictionary or `Location` is made of it before somebody asks for one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, repeat
from typing import TYPE_CHECKING, Any, TypeVar, overload

from provenance.packages.package import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.digests import Digest

T = TypeVar("T")

__all__ = ["Hashes", "Lists", "Places", "Same", "Texts", "values_of"]


class Same(Sequence[T]):
    """One value in all rows."""

    __slots__ = ("_count", "value")

    def __init__(self, value: T, count: int) -> None:
        """Hold `value` as if it were there `count` times."""
        self.value, self._count = value, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return repeat(self.value, self._count)

    @overload
    def __getitem__(self, row: int) -> T: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[T]: ...
    def __getitem__(self, row: int | slice) -> T | Sequence[T]:
        rows = range(self._count)[row]
        return self.value if isinstance(rows, int) else Same(self.value, len(rows))


@dataclass(frozen=True, slots=True)
class Lists(ABC):
    """The elements of all rows, one after the other."""

    counts: Sequence[int]
    """How many of them each row has, in the order of rows."""

    @abstractmethod
    def values(self) -> list[Any]:
        """What a `Package` has of it, for each row."""


def values_of(column: Sequence[Any] | Lists) -> Sequence[Any]:
    """A value for each row."""
    return column.values() if isinstance(column, Lists) else column


@dataclass(frozen=True, slots=True)
class Texts(Lists):
    """Texts."""

    texts: Sequence[str]

    def values(self) -> list[tuple[str, ...]]:
        """A tuple a row."""
        texts = iter(self.texts)
        return [tuple(islice(texts, count)) for count in self.counts]


@dataclass(frozen=True, slots=True)
class Hashes(Lists):
    """Hashes, of which no row has two of one algorithm."""

    algorithms: Sequence[str]
    hashes: Sequence[str]

    def values(self) -> list[Mapping[str, str]]:
        """A dictionary a row."""
        pairs = zip(self.algorithms, self.hashes, strict=True)
        return [dict(islice(pairs, count)) for count in self.counts]

    @classmethod
    def of(cls, counts: Sequence[int], algorithms: Sequence[str], hashes: Sequence[str]) -> Hashes:
        """Hashes, of which rows may have several of one algorithm: the last one counts."""
        if max(counts, default=0) < 2:
            return cls(counts, algorithms, hashes)
        rows = cls(counts, algorithms, hashes).values()
        again = list(map(len, rows))
        if again == counts:
            return cls(counts, algorithms, hashes)
        return cls(
            again,
            [algorithm for row in rows for algorithm in row],
            [value for row in rows for value in row.values()],
        )


@dataclass(frozen=True, slots=True)
class Places(Lists):
    """Locations whose layers nobody says how they were made."""

    paths: Sequence[str]
    layers: Sequence[Digest | None]

    def values(self) -> list[tuple[Location, ...]]:
        """A tuple of locations a row."""
        places: Iterator[Location] = map(Location, self.paths, self.layers)
        return [tuple(islice(places, count)) for count in self.counts]

    def first(self) -> tuple[list[str], list[str]]:
        """Path and layer of the first location of each row; empty without any."""
        rows = list(zip(accumulate(self.counts, initial=0), self.counts, strict=False))
        return (
            [self.paths[start] if count else "" for start, count in rows],
            [self.layers[start] or "" if count else "" for start, count in rows],
        )
