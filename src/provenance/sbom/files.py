"""`Files`: the files that a document lists, as a sequence that is a table too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from provenance.packages.package import ListedFile

__all__ = ["Files"]

_SHOWN = ("path", "size", "owner", "layer")


class Files:
    """Immutable. Equal to a tuple of the same files.

    A sequence in all but name, as `Packages` is: polars takes it for a table.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[ListedFile] = ()) -> None:
        """Hold `items` in their order."""
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> ListedFile: ...
    @overload
    def __getitem__(self, index: slice) -> Files: ...
    def __getitem__(self, index: int | slice) -> ListedFile | Files:
        return Files(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[ListedFile]:
        return iter(self._items)

    def __contains__(self, item: object) -> bool:
        return any(item == own for own in self)

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, Files) else other)

    def __hash__(self) -> int:
        return hash(tuple(file.path for file in self._items))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table of all columns for whatever speaks Arrow."""
        return self._table(()).__arrow_c_stream__(requested_schema)

    def to_arrow(self, *columns: str) -> pa.Table:
        """A pyarrow table, one row a file.

        Args:
            columns: which fields of `ListedFile`, in the order wanted; none: all.

        Raises:
            UnsupportedFormat: pyarrow is not installed.
            TypeError: no such column; lists those there are.
        """
        from provenance.sbom.tables import needed

        return needed("pyarrow", extra="arrow").table(self._table(columns))

    def to_polars(self, *columns: str) -> pl.DataFrame:
        """A polars frame, one row a file; arguments and errors as in `to_arrow`."""
        from provenance.sbom.tables import needed

        frame: pl.DataFrame = needed("polars", extra="polars").DataFrame(self._table(columns))
        return frame

    def to_pandas(self, *columns: str) -> pd.DataFrame:
        """A data frame, one row a file; arguments and errors as in `to_arrow`."""
        from provenance.sbom.tables import FILE_COLUMNS, chosen_columns, file_columns, needed

        names = chosen_columns(columns, FILE_COLUMNS)
        found = file_columns(self._items, names)
        frame: pd.DataFrame = needed("pandas", extra="pandas").DataFrame(found, columns=list(names))
        return frame

    def _table(self, columns: Sequence[str]) -> Any:
        from provenance.sbom.tables import FILE_COLUMNS, chosen_columns, file_table

        return file_table(self._items, chosen_columns(columns, FILE_COLUMNS))

    def __repr__(self) -> str:
        return f"Files({len(self)})"

    def _repr_html_(self) -> str:
        """A summary and twenty rows, for notebooks."""
        from provenance.display.html import ROWS
        from provenance.display.html import document as html_document

        rows = [
            (f.path, f.size if f.size >= 0 else "", f.owner, f.layer.short if f.layer else "")
            for f in self[:ROWS]
        ]
        return html_document("Files", {"Files": f"{len(self):,}"}, _SHOWN, rows, total=len(self))
