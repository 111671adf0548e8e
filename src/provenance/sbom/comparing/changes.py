"""`Diff`: what changed between two documents, as rows for people, tables and machines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.display.html import ROWS
from provenance.display.html import document as html_document
from provenance.display.markdown import table as markdown_table
from provenance.errors import UnsupportedFormat
from provenance.sbom.comparing.matching import Side
from provenance.sbom.rows import Packages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    from rich.table import Table

    from provenance.packages.package import Location, Package
    from provenance.sbom.document import Sbom

__all__ = ["KINDS", "Change", "Diff", "Sides"]

KINDS = (
    *("added", "removed", "upgraded", "downgraded", "changed"),
    *("relicensed", "rehashed", "replaced", "moved"),
)
"""Kinds of change, in the order in which they are listed. `changed`: to another version of which
nobody can tell whether it is newer; `rehashed`: other bytes under the same version; `replaced`: a
purl of another vendor, architecture or origin; `moved`: from one layer of the image to another."""
_RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
_COLUMNS = ("change", "name", "type", "old", "new", "where")
_PARTS = {
    **dict.fromkeys(("version", "purl", "path", "layer"), "str"),
    "licenses": "tuple[str, ...]",
    "hashes": "Mapping[str, str]",
}
_FIELDS = dict.fromkeys(("kind", "name", "type"), "str") | {
    f"{age}_{part}": kind for age in ("old", "new") for part, kind in _PARTS.items()
}
"""Of a row, with the kind of value that is there."""
_MARKDOWN_ROWS = 50
_PATH = 40
"""Characters of a path, its last ones, in a table for people."""


class Sides(NamedTuple):
    """The packages of both documents."""

    old: Side
    new: Side


class Change:
    """One thing that changed about one package."""

    __slots__ = ("_sides", "kind", "new_row", "old_row")

    kind: str
    """One of `KINDS`."""
    old_row: int | None
    """Its place among the older document's packages; None for what was added."""
    new_row: int | None
    """Its place among the newer document's packages; None for what was removed."""

    def __init__(self, kind: str, old_row: int | None, new_row: int | None, sides: Sides) -> None:
        """Made by `diff_sboms`."""
        self.kind, self.old_row, self.new_row, self._sides = kind, old_row, new_row, sides

    @property
    def old(self) -> Package | None:
        """The package as it was; None for what was added."""
        return None if self.old_row is None else self._sides.old.packages[self.old_row]

    @property
    def new(self) -> Package | None:
        """The package as it is; None for what was removed."""
        return None if self.new_row is None else self._sides.new.packages[self.new_row]

    @property
    def name(self) -> str:
        """Of the package, as it is; where it is gone, as it was."""
        return str(self._latest("name"))

    @property
    def type(self) -> str:
        """Its purl type."""
        return str(self._latest("type"))

    @property
    def old_version(self) -> str:
        """Empty for what was added."""
        return str(self._was("version", ""))

    @property
    def new_version(self) -> str:
        """Empty for what was removed."""
        return str(self._is("version", ""))

    def order(self) -> tuple[int, str, str, str]:
        """By kind, then by type, name and version."""
        side, row = self._sides.old, self.old_row
        if self.new_row is not None:
            side, row = self._sides.new, self.new_row
        assert row is not None  # noqa: S101 - one of them is always there
        return _RANKS[self.kind], side["type"][row], side["name"][row], side["version"][row]

    def _was(self, field: str, absent: Any) -> Any:
        return absent if self.old_row is None else self._sides.old.one(field, self.old_row)

    def _is(self, field: str, absent: Any) -> Any:
        return absent if self.new_row is None else self._sides.new.one(field, self.new_row)

    def _latest(self, field: str) -> Any:
        return self._was(field, None) if self.new_row is None else self._is(field, None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Change) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.type, self.old_version, self.new_version))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with its packages alone."""
        return _restored, (self.kind, self.old, self.new)

    def __repr__(self) -> str:
        versions = " -> ".join(v for v in (self.old_version, self.new_version) if v)
        return f"Change({self.kind}: {self.name} {versions})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and tables."""
        row: dict[str, Any] = {"kind": self.kind, "name": self.name, "type": self.type}
        for age, take in (("old", self._was), ("new", self._is)):
            places = take("locations", ())
            row[f"{age}_version"] = take("version", "")
            row[f"{age}_purl"] = take("purl", "")
            row[f"{age}_path"] = places[0].path if places else ""
            row[f"{age}_layer"] = str(places[0].layer or "") if places else ""
            row[f"{age}_licenses"] = list(take("licenses", ()))
            row[f"{age}_hashes"] = dict(take("hashes", {}))
        return row

    def cells(self) -> tuple[str, ...]:
        """What people look at: `Diff.columns`."""
        old, new = self.old_version, self.new_version
        if self.kind in _SHOWN:
            field, shown = _SHOWN[self.kind]
            old, new = shown(self._was(field, ()), self._is(field, ()))
        places = self._latest("locations")
        where = places[0].path if places else ""
        if len(where) > _PATH:
            where = f"…{where[-_PATH:]}"
        return self.kind, self.name, self.type, old, new, where


def _restored(kind: str, old: Package | None, new: Package | None) -> Change:
    sides = Sides(*(Side(Packages([] if p is None else [p])) for p in (old, new)))
    return Change(kind, None if old is None else 0, None if new is None else 0, sides)


def _licenses(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    return ", ".join(old) or "none stated", ", ".join(new) or "none stated"


def _hashes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, str]:
    for algorithm, value in sorted(old.items()):
        other = new.get(algorithm, value)
        if other.lower() != value.lower():
            return f"{algorithm}:{value[:12]}", f"{algorithm}:{other[:12]}"
    return "", ""


def _layers(old: Sequence[Location], new: Sequence[Location]) -> tuple[str, str]:
    first, second = old[0].layer, new[0].layer
    return first.short if first else "", second.short if second else ""


_SHOWN: Mapping[str, tuple[str, Callable[[Any, Any], tuple[str, str]]]] = {
    "relicensed": ("licenses", _licenses),
    "rehashed": ("hashes", _hashes),
    "replaced": ("purl", lambda old, new: (old, new)),
    "moved": ("locations", _layers),
}


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from one document to another. `len()` counts changes; true where there are any.

    One package can have changed in several ways: it has a row for each.
    """

    changes: tuple[Change, ...]
    """By kind, then by type, name and version."""
    unchanged: int
    """Packages that are in both and did not change."""
    before: Sbom = field(repr=False)
    """The older document."""
    after: Sbom = field(repr=False)
    """The newer one."""

    @property
    def old(self) -> str:
        """What the older document describes."""
        return str(self.before.subject or "nothing it names")

    @property
    def new(self) -> str:
        """What the newer one describes."""
        return str(self.after.subject or "nothing it names")

    @property
    def ok(self) -> bool:
        """Nothing changed."""
        return not self.changes

    @property
    def counts(self) -> Mapping[str, int]:
        """How many changes there are of each kind, for those kinds that there are."""
        found = Counter(change.kind for change in self.changes)
        return {kind: found[kind] for kind in KINDS if kind in found}

    def of(self, *kinds: str) -> tuple[Change, ...]:
        """The changes of these kinds.

        Raises:
            UnsupportedFormat: no such kind; lists those there are.
        """
        if unknown := set(kinds) - set(KINDS):
            raise UnsupportedFormat(
                f"{', '.join(sorted(unknown))!r} is no kind of change",
                hint=f"use {', '.join(KINDS)}",
            )
        return tuple(change for change in self.changes if change.kind in kinds)

    @property
    def added(self) -> tuple[Change, ...]:
        """Packages of the newer document alone."""
        return self.of("added")

    @property
    def removed(self) -> tuple[Change, ...]:
        """Packages of the older one alone."""
        return self.of("removed")

    @property
    def upgraded(self) -> tuple[Change, ...]:
        """To a newer version."""
        return self.of("upgraded")

    @property
    def downgraded(self) -> tuple[Change, ...]:
        """To an older version."""
        return self.of("downgraded")

    @property
    def changed(self) -> tuple[Change, ...]:
        """To a version of which nobody can tell whether it is newer."""
        return self.of("changed")

    @property
    def relicensed(self) -> tuple[Change, ...]:
        """Under other licences."""
        return self.of("relicensed")

    @property
    def rehashed(self) -> tuple[Change, ...]:
        """Other bytes under the same version."""
        return self.of("rehashed")

    @property
    def replaced(self) -> tuple[Change, ...]:
        """By a package whose purl names another vendor, architecture or origin."""
        return self.of("replaced")

    @property
    def moved(self) -> tuple[Change, ...]:
        """To another layer."""
        return self.of("moved")

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def rows(self, limit: int | None = None) -> list[tuple[str, ...]]:
        """Cells of `columns` for the first `limit` changes."""
        return [change.cells() for change in self.changes[:limit]]

    @property
    def columns(self) -> Sequence[str]:
        """What the cells of `rows` are."""
        return _COLUMNS

    @property
    def fields(self) -> Sequence[str]:
        """The keys of `Change.to_dict`, which are the columns of tables."""
        return tuple(_FIELDS)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A row a change for whatever speaks Arrow: polars and DuckDB take it so."""
        from provenance.sbom.tables import row_table

        table = row_table(_FIELDS, [change.to_dict() for change in self.changes])
        stream: object = table.__arrow_c_stream__(requested_schema)
        return stream

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "old": self.old,
            "new": self.new,
            "counts": dict(self.counts),
            "unchanged": self.unchanged,
            "changes": [change.to_dict() for change in self.changes],
        }

    def to_pandas(self) -> pd.DataFrame:
        """A data frame, one row a change.

        Raises:
            UnsupportedFormat: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise UnsupportedFormat(
                "pandas is not installed", hint="pip install 'oci-provenance[pandas]'"
            ) from error
        return pd.DataFrame(
            [change.to_dict() for change in self.changes], columns=list(self.fields)
        )

    def to_markdown(self, *, limit: int = _MARKDOWN_ROWS) -> str:
        """For a pull request: the counts, then at most `limit` changes. Names are code, no markup.

        Args:
            limit: most rows.
        """
        head = f"**{self.summary()}**"
        if not self.changes:
            return f"{head}\n"
        return f"{head}\n\n{markdown_table(_COLUMNS, self.rows(limit), total=len(self))}"

    def summary(self) -> str:
        """One line of counts."""
        said = ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items())
        return f"{said or 'nothing changed'}; {self.unchanged:,} unchanged"

    def __repr__(self) -> str:
        return f"Diff({self.summary()})"

    def _repr_html_(self) -> str:
        """Counts and twenty changes, for notebooks."""
        facts: dict[str, object] = {"From": self.old, "To": self.new}
        facts |= {kind.capitalize(): f"{count:,}" for kind, count in self.counts.items()}
        facts["Unchanged"] = f"{self.unchanged:,}"
        rows = self.rows(ROWS)
        return html_document("Changes", facts, _COLUMNS, rows, total=len(self))

    def __rich__(self) -> Table:
        """A table of twenty changes, for terminals."""
        from provenance.display.terminal import grid

        more = f" (first {ROWS} of {len(self):,})" if len(self) > ROWS else ""
        return grid(_COLUMNS, self.rows(ROWS), title=f"{self.summary()}{more}")
