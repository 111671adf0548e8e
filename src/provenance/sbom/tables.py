"""Packages and files as Arrow tables: typed, nested, through the Arrow C stream interface.

Sources: Arrow columnar format 1.5, "Variable-size list layout"; the Arrow PyCapsule interface.
A text that is not stated is empty, a list that is not stated has no elements: nothing is null.
"""

from __future__ import annotations

import importlib
from array import array
from dataclasses import asdict, fields
from functools import partial
from itertools import accumulate, chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import nanoarrow as na

from provenance.errors import UnsupportedFormat
from provenance.packages.package import ListedFile, Location, Package
from provenance.packages.purl_columns import PurlColumns, split_purls
from provenance.sbom.collection import paused_collection
from provenance.sbom.lists import Hashes, Lists, Places, Same, Texts, values_of
from provenance.sbom.model import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from provenance.digests import Digest
    from provenance.packages.package import Reference

__all__ = [
    "FILE_COLUMNS",
    "PACKAGE_COLUMNS",
    "chosen_columns",
    "file_columns",
    "file_table",
    "needed",
    "package_columns",
    "package_table",
    "row_table",
]

_Array = Any  # nanoarrow's own type, which it does not export
_Column: TypeAlias = "Callable[[str], Sequence[Any] | Lists]"
_PURL = "purl_"
_NOWHERE = Location("")
_PAIRS = "tuple[tuple[str, str], ...]"


def chosen_columns(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The columns that were asked for, or all. Raises TypeError for one there is not."""
    if unknown := [name for name in wanted if name not in known]:
        raise TypeError(f"there is no column {', '.join(unknown)}; use {', '.join(known)}")
    return tuple(wanted or known)


def package_table(column: _Column, names: Sequence[str]) -> _Array:
    """Packages as an Arrow stream of one batch, a field a column.

    Args:
        column: gives the values of a field of `Package`.
        names: which of `PACKAGE_COLUMNS`, in the order wanted.
    """
    with paused_collection():
        found = _values(column, names)
        arrays = {name: _IN_ARROW[_KINDS[name]](found[name]) for name in names}
    return na.c_array_stream(_struct(arrays))


def package_columns(column: _Column, names: Sequence[str]) -> dict[str, list[Any]]:
    """The same as lists of Python's own values: texts, lists, dictionaries."""
    found = _values(column, names)
    return {name: list(map(_IN_PYTHON[_KINDS[name]], values_of(found[name]))) for name in names}


def file_table(files: Sequence[ListedFile], names: Sequence[str]) -> _Array:
    """Files as an Arrow stream of one batch, a field a column."""
    kinds = _kinds(ListedFile)
    arrays = {name: _IN_ARROW[kinds[name]](list(map(attrgetter(name), files))) for name in names}
    return na.c_array_stream(_struct(arrays))


def file_columns(files: Sequence[ListedFile], names: Sequence[str]) -> dict[str, list[Any]]:
    """The same as lists of Python's own values."""
    kinds = _kinds(ListedFile)
    return {name: [_IN_PYTHON[kinds[name]](getattr(f, name)) for f in files] for name in names}


def row_table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> _Array:
    """Any rows as an Arrow stream of one batch.

    Args:
        columns: name to kind, in the words of a dataclass' annotations: `str`, `tuple[str, ...]`.
        rows: a value for each column.
    """
    arrays = {name: _IN_ARROW[kind]([row[name] for row in rows]) for name, kind in columns.items()}
    return na.c_array_stream(_struct(arrays))


def needed(library: str, *, extra: str) -> Any:
    """An optional library.

    Raises:
        UnsupportedFormat: it is not installed; names the extra that installs it.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise UnsupportedFormat(
            f"{library} is not installed", hint=f"pip install 'oci-provenance[{extra}]'"
        ) from error


def _values(column: _Column, names: Sequence[str]) -> dict[str, Sequence[Any] | Lists]:
    """What the columns hold, as a `Package` would have it, or as lists."""
    found: dict[str, Sequence[Any] | Lists] = {}
    if any(name.startswith(_PURL) for name in names):
        parts = split_purls(values_of(column("purl")))
        found |= {_PURL + part: values for part, values in parts._asdict().items()}
    if "path" in names or "layer" in names:
        found["path"], found["layer"] = _first(column("locations"))
    return found | {name: column(name) for name in names if name not in found}


def _first(locations: Sequence[Any] | Lists) -> tuple[Sequence[str], Sequence[str]]:
    """Path and layer of the first location of each row."""
    if isinstance(locations, Places):
        return locations.first()
    if isinstance(locations, Same) and not locations.value:
        return Same("", len(locations)), Same("", len(locations))
    first = [places[0] if places else _NOWHERE for places in values_of(locations)]
    return [place.path for place in first], [place.layer or "" for place in first]


def _texts(values: Sequence[str]) -> _Array:
    if isinstance(values, Same) and not values.value:
        return na.c_array_from_buffers(
            na.string(), len(values), [None, _zeros(len(values)), b""], null_count=0
        )
    try:
        return na.c_array(values, na.string())
    except ValueError:  # half a character, which UTF-8 cannot carry
        return na.c_array([clean(value) for value in values], na.string())


def _layers(values: Sequence[Digest | None]) -> _Array:
    return _texts([value or "" for value in values])


def _sizes(values: Sequence[int]) -> _Array:
    return na.c_array(values, na.int64())


def _zeros(count: int) -> array[int]:
    """Where each of so many begins, if there is nothing in any."""
    return array("i", bytes(array("i").itemsize * (count + 1)))


def _lists(counts: Sequence[int], inner: _Array) -> _Array:
    """Lists one after the other, and where each begins."""
    offsets = array("i", accumulate(counts, initial=0)) if len(inner) else _zeros(len(counts))
    return na.c_array_from_buffers(
        na.list_(inner.schema), len(counts), [None, offsets], null_count=0, children=[inner]
    )


def _of_each(make: Callable[[Sequence[Any]], _Array], values: Sequence[Any]) -> _Array:
    if isinstance(values, Same) and not values.value:
        return _lists(values, make([]))
    return _lists(list(map(len, values)), make(list(chain.from_iterable(values))))


def _text_lists(values: Sequence[Sequence[str]] | Lists) -> _Array:
    if isinstance(values, Texts):
        return _lists(values.counts, _texts(values.texts))
    return _of_each(_texts, values_of(values))


def _named(key: str, values: Sequence[tuple[str, str]]) -> _Array:
    return _pairs(key, [name for name, _ in values], [text for _, text in values])


def _pairs(key: str, names: Sequence[str], texts: Sequence[str]) -> _Array:
    return _struct({key: _texts(names), "value": _texts(texts)})


def _hashes(values: Sequence[Mapping[str, str]] | Lists) -> _Array:
    if isinstance(values, Hashes):
        inner = _pairs("algorithm", values.algorithms, values.hashes)
        return _lists(values.counts, inner)
    return _of_each(partial(_named, "algorithm"), [value.items() for value in values_of(values)])


def _locations(values: Sequence[Sequence[Location]] | Lists) -> _Array:
    if isinstance(values, Places):
        inner = _places(values.paths, values.layers, Same("", len(values.paths)))
        return _lists(values.counts, inner)
    return _of_each(_each_location, values_of(values))


def _each_location(values: Sequence[Location]) -> _Array:
    return _places(
        [x.path for x in values], [x.layer for x in values], [x.created_by for x in values]
    )


def _places(
    paths: Sequence[str], layers: Sequence[Digest | None], created_by: Sequence[str]
) -> _Array:
    return _struct(
        {"path": _texts(paths), "layer": _layers(layers), "created_by": _texts(created_by)}
    )


def _references(values: Sequence[Reference]) -> _Array:
    names = ("type", "url", "comment", "category")
    return _struct({name: _texts([getattr(x, name) for x in values]) for name in names})


def _truths(values: Sequence[bool]) -> _Array:
    return na.c_array(values, na.bool_())


def _struct(columns: Mapping[str, _Array]) -> _Array:
    length = len(next(iter(columns.values())))
    schema = na.struct({name: values.schema for name, values in columns.items()})
    inner = list(columns.values())
    return na.c_array_from_buffers(schema, length, [None], null_count=0, children=inner)


def _place(location: Location) -> dict[str, str]:
    layer = str(location.layer or "")
    return {"path": location.path, "layer": layer, "created_by": location.created_by}


_IN_ARROW: Mapping[str, Callable[[Any], _Array]] = {
    "str": _texts,
    "int": _sizes,
    "bool": _truths,
    "Digest | None": _layers,
    "tuple[str, ...]": _text_lists,
    "Mapping[str, str]": _hashes,
    "tuple[Location, ...]": _locations,
    "tuple[Reference, ...]": partial(_of_each, _references),
    _PAIRS: partial(_of_each, partial(_named, "key")),
}
_IN_PYTHON: Mapping[str, Callable[[Any], Any]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "Digest | None": lambda digest: str(digest or ""),
    "tuple[str, ...]": list,
    "Mapping[str, str]": dict,
    "tuple[Location, ...]": lambda places: list(map(_place, places)),
    "tuple[Reference, ...]": lambda references: list(map(asdict, references)),
    _PAIRS: dict,
}


def _kinds(of: Any) -> dict[str, str]:
    """Fields and their types; one of another type is in no table until its layout is said here."""
    return {f.name: str(f.type) for f in fields(of) if f.type in _IN_ARROW}


_KINDS = {
    **_kinds(Package),
    **dict.fromkeys(("path", "layer", *(_PURL + part for part in PurlColumns._fields)), "str"),
    "purl_qualifiers": _PAIRS,
}
PACKAGE_COLUMNS = tuple(_KINDS)
"""The columns of a table of packages: the fields of `Package`, path and layer of the first
location, and the parts of the purl."""
FILE_COLUMNS = tuple(_kinds(ListedFile))
"""The columns of a table of files: the fields of `ListedFile`."""
