"""`Packages`: the packages of a document, as a sequence one can question."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Self, overload

from provenance.sbom.columns import FIELDS, Made

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from rich.table import Table

    from provenance.packages.package import Package
    from provenance.sbom.columns import Columns

__all__ = ["Packages"]

_FIELD_OF = {"license": "licenses", "layer": "locations", "path": "locations"}
_CONDITIONS = frozenset((*FIELDS, *_FIELD_OF))


class Packages:
    """Immutable. `packages.where(type="deb")[0].name`.

    Underneath are columns: of a large document no `Package` is made that is not looked at. It is
    a sequence in all but name: polars would take a `Sequence` for a list of objects, not a table.
    """

    __slots__ = ("_columns", "_rows")

    def __init__(self, items: Iterable[Package] = ()) -> None:
        """Hold `items` in their order."""
        self._columns: Columns = Made(items)
        self._rows: Sequence[int] = range(len(self._columns))

    @classmethod
    def over(cls, columns: Columns, rows: Sequence[int] | None = None) -> Self:
        """Packages of which there are columns only, or some rows of them."""
        made = cls()
        made._columns = columns
        made._rows = range(len(columns)) if rows is None else rows
        return made

    def column(self, field: str) -> list[Any]:
        """The values of one field of `Package`, `packages.column("name")`, in order.

        Raises:
            TypeError: no such field; lists those there are.
        """
        if field not in FIELDS:
            raise TypeError(f"packages have no {field}; use {', '.join(FIELDS)}")
        values = self._columns.column(field)
        if isinstance(self._rows, range) and len(self._rows) == len(values):
            return list(values)
        return [values[row] for row in self._rows]

    @overload
    def __getitem__(self, index: int) -> Package: ...
    @overload
    def __getitem__(self, index: slice) -> Packages: ...
    def __getitem__(self, index: int | slice) -> Package | Packages:
        if isinstance(index, slice):
            return Packages.over(self._columns, self._rows[index])
        return next(self._columns.packages((self._rows[index],)))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Package]:
        return self._columns.packages(self._rows)

    def __contains__(self, item: object) -> bool:
        return any(item == own for own in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packages) or len(self) != len(other):
            return False
        return all(self.column(field) == other.column(field) for field in FIELDS)

    def __hash__(self) -> int:
        return hash(tuple(zip(*map(self.column, ("purl", "name", "version")), strict=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as packages."""
        return Packages, (tuple(self),)

    def where(self, **conditions: str | None) -> Packages:
        """Those for which every condition holds.

        Args:
            conditions: a field of `Package` and the value it must have; besides these,
                `license` (one of the licences), `layer` (a layer's digest or its beginning)
                and `path` (one of the locations).

        Raises:
            TypeError: no such field; lists those there are.
        """
        unknown = conditions.keys() - _CONDITIONS
        if unknown:
            names = ", ".join(sorted(_CONDITIONS))
            raise TypeError(f"packages have no {', '.join(sorted(unknown))}; use {names}")
        rows = self._rows
        for name, wanted in conditions.items():
            if wanted is not None:
                values = self._columns.column(_FIELD_OF.get(name, name))
                rows = _rows_where(rows, values, name, wanted)
        return Packages.over(self._columns, rows)

    def types(self) -> Mapping[str, int]:
        """How many there are of each type, most first."""
        counts = Counter(self.column("type")).most_common()
        return {kind or "(unknown)": count for kind, count in counts}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table of all columns for whatever speaks Arrow: polars and DuckDB take it so."""
        return self._table(()).__arrow_c_stream__(requested_schema)

    def to_arrow(self, *columns: str) -> pa.Table:
        """A pyarrow table, one row a package.

        Args:
            columns: which of `tables.PACKAGE_COLUMNS`, in the order wanted; none: all.

        Raises:
            UnsupportedFormat: pyarrow is not installed.
            TypeError: no such column; lists those there are.
        """
        from provenance.sbom.tables import needed

        return needed("pyarrow", extra="arrow").table(self._table(columns))

    def to_polars(self, *columns: str) -> pl.DataFrame:
        """A polars frame, one row a package; `columns` as in `to_arrow`.

        Raises:
            UnsupportedFormat: polars is not installed.
            TypeError: no such column; lists those there are.
        """
        from provenance.sbom.tables import needed

        frame: pl.DataFrame = needed("polars", extra="polars").DataFrame(self._table(columns))
        return frame

    def to_pandas(self, *columns: str) -> pd.DataFrame:
        """A data frame, one row a package; `columns` as in `to_arrow`, nested ones as objects.

        Raises:
            UnsupportedFormat: pandas is not installed.
            TypeError: no such column; lists those there are.
        """
        from provenance.sbom.tables import (
            PACKAGE_COLUMNS,
            chosen_columns,
            needed,
            package_columns,
        )

        pandas = needed("pandas", extra="pandas")
        names = chosen_columns(columns, PACKAGE_COLUMNS)
        found = package_columns(self.column, names)
        frame: pd.DataFrame = pandas.DataFrame(found, columns=list(names))
        return frame

    def _table(self, columns: Sequence[str]) -> Any:
        from provenance.sbom.tables import PACKAGE_COLUMNS, chosen_columns, package_table

        are_all = isinstance(self._rows, range) and len(self._rows) == len(self._columns)
        column = self._columns.compact if are_all else self.column
        return package_table(column, chosen_columns(columns, PACKAGE_COLUMNS))

    def __repr__(self) -> str:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in self.types().items())
        return f"Packages({len(self)}{f'; {kinds}' if kinds else ''})"

    def _repr_html_(self) -> str:
        """A summary and twenty rows, for notebooks."""
        from provenance.display.html import ROWS
        from provenance.display.html import document as html_document

        facts = {"Packages": f"{len(self):,}"}
        facts |= {kind: f"{count:,}" for kind, count in self.types().items()}
        return html_document("Packages", facts, COLUMNS, self.rows(ROWS), total=len(self))

    def rows(self, limit: int | None = None) -> list[tuple[str, ...]]:
        """Cells of `COLUMNS` for the first `limit` packages."""
        shown = self if limit is None else self[:limit]
        fields = ("name", "version", "type", "licenses", "locations")
        return [
            (
                *(name, version, kind, ", ".join(licenses)),
                places[0].path if places else "",
                places[0].layer.short if places and places[0].layer else "",
            )
            for name, version, kind, licenses, places in zip(
                *map(shown.column, fields), strict=True
            )
        ]

    def __rich__(self) -> Table:
        """A table of twenty rows, for terminals."""
        from provenance.display.html import ROWS
        from provenance.display.terminal import grid

        more = f" (first {ROWS} of {len(self):,})" if len(self) > ROWS else ""
        return grid(COLUMNS, self.rows(ROWS), title=f"{len(self):,} packages{more}")


COLUMNS = ("name", "version", "type", "licences", "path", "layer")


def _rows_where(
    rows: Sequence[int], values: Sequence[Any], condition: str, wanted: str
) -> Sequence[int]:
    if condition not in _FIELD_OF and not any(isinstance(v, (tuple, dict)) for v in values[:1]):
        if len(rows) == len(values):
            return [row for row, value in enumerate(values) if value == wanted]
        return [row for row in rows if values[row] == wanted]
    return [row for row in rows if _holds(values[row], condition, wanted)]


def _holds(value: Any, condition: str, wanted: str) -> bool:
    if condition == "path":
        return any(location.path == wanted.lstrip("/") for location in value)
    if condition == "layer":
        return any(x.layer is not None and x.layer.startswith(wanted) for x in value)
    return wanted in value
