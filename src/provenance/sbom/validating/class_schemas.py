"""The schema of SPDX 3, asked class by class: it asks every element for every class, which is slow.

An element that fits the class it names fits the schema, which wants any one of its classes. So
only where one does not is the schema asked as a whole, whose answer alone counts, and only for its
answer: its reasons multiply with each element within an element, until a small document takes
hours. The reasons given are those of the class that an element names.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from provenance.sbom.validating import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["errors"]

_SPDX_3_0_1 = "spdx-3.0.1.schema.json"
_ASKED = 200  # elements whose reasons are asked for
_FLAT = 2  # objects within objects, up to which reasons are few

_Element = tuple[str, Any]
"""JSON pointer, and what stands there."""


def errors(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Message and JSON pointer of what the schema of SPDX 3.0.1 does not allow.

    Raises:
        LimitExceeded: nested more deeply than can be validated.
    """
    graph = document.get("@graph")
    around = list(_around(document))
    odd = list(_misfits(_elements(document, graph)))
    if not around and not odd and isinstance(graph, list):
        return
    if schemas.is_valid(document, _SPDX_3_0_1):
        return
    told = False
    for error in (*around, *(reason for item in odd[:_ASKED] for reason in _reasons(*item))):
        told = True
        yield error
    if len(odd) > _ASKED:
        yield f"{len(odd) - _ASKED:,} more elements do not fit their class", "/@graph"
    if not told:
        yield "the document does not fit the schema of SPDX 3.0.1", ""


def _around(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is odd around the elements."""
    context = _schema()["properties"]["@context"]["const"]
    if document.get("@context") != context:
        yield f'"{context}" was expected', "/@context"
    if "@graph" in document:
        for key in sorted(document.keys() - {"@context", "@graph"})[:_ASKED]:
            yield f"{key[:60]!r} is not allowed beside @graph", ""
        if not isinstance(document["@graph"], list):
            yield "an array was expected", "/@graph"


def _elements(document: Mapping[str, Any], graph: Any) -> Iterator[_Element]:
    """Those of the graph; without one, the document is an element itself."""
    if isinstance(graph, list):
        yield from ((f"/@graph/{number}", node) for number, node in enumerate(graph))
    elif "@graph" not in document:
        yield "", {key: value for key, value in document.items() if key != "@context"}


def _misfits(elements: Iterator[_Element]) -> Iterator[_Element]:
    """Elements that do not fit the class they name."""
    groups: dict[str, list[_Element]] = {}
    for pointer, node in elements:
        kind = node.get("type") if isinstance(node, dict) else None
        known = kind if isinstance(kind, str) and kind in _classes() else ""
        groups.setdefault(known, []).append((pointer, node))
    for kind, group in groups.items():
        if not kind:
            yield from group
            continue
        whole = _validator(kind)
        if not schemas.fits(whole, [node for _, node in group]):
            yield from (item for item in group if not schemas.fits(whole, [item[1]]))


def _reasons(pointer: str, node: Any) -> Iterator[tuple[str, str]]:
    """Why an element does not fit its class."""
    if not isinstance(node, dict):
        yield "an element is an object", pointer
        return
    kind = node.get("type")
    if not isinstance(kind, str) or kind not in _classes():
        yield f"{str(kind)[:60]!r} is no class of SPDX 3.0.1", f"{pointer}/type"
    elif not _is_flat(node):
        yield f"it does not fit the class {kind}", pointer
    else:
        found = dict.fromkeys(schemas.errors_of(_validator(kind), [node]))
        # Where one property is wrong, the schema calls all of its class unevaluated.
        within = [error for error in found if error[1] != "/0"]
        for message, at in within or found:
            yield message, pointer + at.removeprefix("/0")


def _is_flat(node: Any) -> bool:
    level = [node]
    for _ in range(_FLAT + 1):
        level = [
            inner
            for item in level
            for value in item.values()
            for inner in (value if isinstance(value, list) else [value])
            if isinstance(inner, dict)
        ]
        if not level:
            return True
    return False


@functools.cache
def _schema() -> Any:
    return schemas.schema_of(_SPDX_3_0_1)


@functools.cache
def _classes() -> frozenset[str]:
    """Those of which the schema asks an element to fit any."""
    listed = _schema()["$defs"]["AnyClass"]["anyOf"]
    return frozenset(entry["$ref"].rpartition("/")[2] for entry in listed)


@functools.cache
def _validator(kind: str) -> Any:
    """Of a list of elements of one class, in the words in which the schema asks for any."""
    whole = _schema()
    element = {"type": "object", "$ref": f"#/$defs/{kind}", "unevaluatedProperties": False}
    return schemas.compiled(
        {
            "$schema": whole["$schema"],
            "type": "array",
            "items": element,
            "$defs": whole["$defs"],
        }
    )
