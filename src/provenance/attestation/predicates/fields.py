"""Fields of a predicate, read when they are asked for.

In-toto's parsing rules: unset and null are the same and mean empty; what is not known is left
alone. A value of another kind than the field's is a MalformedDocument that points at it.
"""

from __future__ import annotations

import datetime as dt
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from provenance.attestation.resource import ResourceDescriptor
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["array", "moment", "resources", "table", "text", "text_table", "texts", "value_at"]

# RFC 3339. Fractions of any length are written; more than microseconds are cut off.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,18})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def value_at(document: Any, *path: str) -> Any:
    """The value at a path of keys; None where any is unset or null.

    Raises:
        MalformedDocument: something on the way is no object.
    """
    here = document
    for depth, key in enumerate(path):
        if here is None:
            return None
        if not isinstance(here, dict):
            raise MalformedDocument("must be an object", pointer=_pointer(path[:depth]))
        here = here.get(key)
    return here


def text(document: Any, *path: str) -> str:
    """The string at a path; empty where unset. Raises MalformedDocument for another kind."""
    found = value_at(document, *path)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedDocument("must be a string", pointer=_pointer(path))
    return found


def array(document: Any, *path: str) -> tuple[Any, ...]:
    """The array at a path; empty where unset. Raises MalformedDocument for another kind."""
    found = value_at(document, *path)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise MalformedDocument("must be an array", pointer=_pointer(path))
    return tuple(found)


def texts(document: Any, *path: str) -> tuple[str, ...]:
    """The array of strings at a path. Raises MalformedDocument for another kind."""
    found = array(document, *path)
    for index, item in enumerate(found):
        if not isinstance(item, str):
            raise MalformedDocument("must be a string", pointer=f"{_pointer(path)}/{index}")
    return found


def table(document: Any, *path: str) -> Mapping[str, Any]:
    """The object at a path; empty where unset. Raises MalformedDocument for another kind."""
    found = value_at(document, *path)
    if found is None:
        return MappingProxyType({})
    if not isinstance(found, dict):
        raise MalformedDocument("must be an object", pointer=_pointer(path))
    return MappingProxyType(found)


def text_table(document: Any, *path: str) -> Mapping[str, str]:
    """The object of strings at a path. Raises MalformedDocument for another kind."""
    found = table(document, *path)
    for key, value in found.items():
        if not isinstance(value, str):
            raise MalformedDocument("must be a string", pointer=_pointer((*path, key)))
    return found


def moment(document: Any, *path: str) -> dt.datetime | None:
    """The time at a path, in UTC; None where unset.

    Raises:
        MalformedDocument: no RFC 3339 time; one without an offset is none.
    """
    found = text(document, *path)
    if not found:
        return None
    match = _TIME.fullmatch(found)
    try:
        if match is None:
            raise ValueError(found)
        day, clock, fraction, offset = match.groups()
        micro = (fraction or ".0")[:7]
        offset = "+00:00" if offset in "Zz" else offset
        return dt.datetime.fromisoformat(f"{day}T{clock}{micro:0<7}{offset}").astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedDocument(
            f"{found[:50]!r} is no time of RFC 3339", pointer=_pointer(path)
        ) from error


def resources(document: Any, *path: str) -> tuple[ResourceDescriptor, ...]:
    """The resource descriptors at a path. Raises MalformedDocument for another kind."""
    return tuple(
        ResourceDescriptor.read(item, f"{_pointer(path)}/{index}")
        for index, item in enumerate(array(document, *path))
    )


def _pointer(path: tuple[str, ...]) -> str:
    return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in ("predicate", *path))
