"""`Packages`: the packages of a document, as a sequence one can question."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from provenance.display.html import ROWS
from provenance.display.html import document as html_document
from provenance.errors import UnsupportedFormat
from provenance.packages.package import Package

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["Packages"]

_FIELDS = frozenset(field.name for field in dataclasses.fields(Package))


class Packages(Sequence[Package]):
    """Immutable. `packages.where(type="deb")[0].name`."""

    __slots__ = ("_items",)

    def __init__(self, items: Sequence[Package] = ()) -> None:
        """Hold `items` in their order."""
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Package: ...
    @overload
    def __getitem__(self, index: slice) -> Packages: ...
    def __getitem__(self, index: int | slice) -> Package | Packages:
        if isinstance(index, slice):
            return Packages(self._items[index])
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Package]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packages) and self._items == other._items

    def __hash__(self) -> int:
        return hash(tuple((p.purl, p.name, p.version) for p in self._items))

    def where(self, **conditions: str | None) -> Packages:
        """Those for which every condition holds.

        Args:
            conditions: a field of `Package` and the value it must have; besides these,
                `license` (one of the licences), `layer` (a layer's digest or its beginning)
                and `path` (one of the locations).

        Raises:
            TypeError: no such field; lists those there are.
        """
        unknown = set(conditions) - _FIELDS - {"license", "layer", "path"}
        if unknown:
            names = ", ".join(sorted(_FIELDS | {"license", "layer", "path"}))
            raise TypeError(f"packages have no {', '.join(sorted(unknown))}; use {names}")
        return Packages(
            [p for p in self._items if all(_holds(p, k, v) for k, v in conditions.items())]
        )

    def types(self) -> Mapping[str, int]:
        """How many there are of each type, most first."""
        return dict(Counter(p.type or "(unknown)" for p in self._items).most_common())

    def to_pandas(self) -> pd.DataFrame:
        """A data frame, one row a package.

        Raises:
            UnsupportedFormat: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise UnsupportedFormat(
                "pandas is not installed", hint="pip install 'oci-provenance[pandas]'"
            ) from error
        columns: dict[str, list[Any]] = {
            name: [getattr(p, name) for p in self._items]
            for name in ("name", "version", "type", "purl", "supplier", "architecture", "source")
        }
        columns["licenses"] = [list(p.licenses) for p in self._items]
        columns["path"] = [p.locations[0].path if p.locations else "" for p in self._items]
        columns["layer"] = [str(p.layer or "") for p in self._items]
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in self.types().items())
        return f"Packages({len(self)}{f'; {kinds}' if kinds else ''})"

    def _repr_html_(self) -> str:
        """A summary and twenty rows, for notebooks."""
        facts = {"Packages": f"{len(self):,}"}
        facts |= {kind: f"{count:,}" for kind, count in self.types().items()}
        return html_document("Packages", facts, COLUMNS, self.rows(ROWS), total=len(self))

    def rows(self, limit: int | None = None) -> list[tuple[str, ...]]:
        """Cells of `COLUMNS` for the first `limit` packages."""
        return [
            (
                p.name,
                p.version,
                p.type,
                ", ".join(p.licenses),
                p.locations[0].path if p.locations else "",
                p.layer.short if p.layer else "",
            )
            for p in self._items[:limit]
        ]

    def __rich__(self) -> Table:
        """A table of twenty rows, for terminals."""
        from provenance.display.terminal import grid

        more = f" (first {ROWS} of {len(self):,})" if len(self) > ROWS else ""
        return grid(COLUMNS, self.rows(ROWS), title=f"{len(self):,} packages{more}")


COLUMNS = ("name", "version", "type", "licences", "path", "layer")


def _holds(package: Package, condition: str, wanted: str | None) -> bool:
    if wanted is None:
        return True
    if condition == "license":
        return wanted in package.licenses
    if condition == "path":
        return any(location.path == wanted.lstrip("/") for location in package.locations)
    if condition == "layer":
        return any(str(x.layer or "").startswith(str(wanted)) for x in package.locations)
    found = getattr(package, condition)
    return wanted in found if isinstance(found, tuple) else bool(found == wanted)
