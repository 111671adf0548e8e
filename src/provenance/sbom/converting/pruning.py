"""A document made valid in another version by taking out what that does not know.

The official schema says what that is. What is taken out is no loss yet: the caller keeps it.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.converting.xml_values import without_odd_values
from provenance.sbom.cyclonedx.older import components_of, make_older
from provenance.sbom.cyclonedx.versions import Version
from provenance.sbom.spdx.versions import reword
from provenance.sbom.validating.schemas import schema_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

    from provenance.sbom.formats import Format

__all__ = ["pruned"]

_ROUNDS = 20
_ERRORS = 100_000
"""Of one round; the rest is for the next."""
_GONE = object()
_BRANCHES = ("anyOf", "oneOf")
_DEPTH = 8
"""Of branches within branches of a schema."""


def pruned(document: dict[str, Any], form: Format) -> dict[str, Any]:
    """A copy that the schema of `form` takes, as far as taking out can make it so."""
    out: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    if form.family == "cyclonedx":
        _reword(out, form)
    else:
        reword(out, form.version)
    validator = _validator(_schema_name(form))
    for _ in range(_ROUNDS):
        if validator.is_valid(out):
            break
        for error in islice(validator.iter_errors(out), _ERRORS):
            _repair(out, error, _DEPTH)
        out = _completed(_swept(out), form)
    return out


def _completed(document: dict[str, Any], form: Format) -> dict[str, Any]:
    """With what a document is demanded to have, where that was of another type."""
    if form.family == "cyclonedx":
        document.setdefault("bomFormat", "CycloneDX")
        if form.version < "1.5":
            document.setdefault("version", 1)
        if form.version < "1.2":
            document.setdefault("components", [])
    return document


def _repair(document: dict[str, Any], error: Any, depth: int) -> None:
    """Take out what one error is about."""
    kind, path = error.kind, list(error.instance_path)
    if hasattr(kind, "unexpected"):
        item = _at(document, path)
        for key in kind.unexpected if isinstance(item, dict) else ():
            item[key] = _GONE
    elif kind.name in _BRANCHES and depth and (inner := _nearest(kind.context)):
        for each in inner:
            _repair(document, each, depth - 1)
    elif path:
        *steps, last = path
        parent = _at(document, steps)
        if isinstance(parent, dict) and kind.name == "enum" and last == "type":
            known = ("other", "library") if "url" in parent else ("library",)
            parent[last] = next((x for x in known if x in kind.options), _GONE)
        elif isinstance(parent, (dict, list)) and not isinstance(parent, str):
            parent[last] = _GONE


def _nearest(branches: Any) -> list[Any]:
    """The errors of the branch that the value all but fits: there is just too much of it."""
    for branch in branches:
        if branch and all(hasattr(error.kind, "unexpected") for error in branch):
            return list(branch)
    return []


def _at(document: Any, path: list[Any]) -> Any:
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return None  # taken out already
    return document


def _swept(document: dict[str, Any]) -> dict[str, Any]:
    """The document without what is gone; nested no deeper than its decoder allows."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key in [k for k, v in value.items() if v is _GONE]:
                del value[key]
            waiting += value.values()
        elif isinstance(value, list):
            value[:] = [x for x in value if x is not _GONE]
            waiting += value
    return document


def _reword(document: dict[str, Any], form: Format) -> None:
    """Say in an older version's words what it has words for."""
    version = form.version
    if version < "1.5":
        document.setdefault("version", 1)
    if version < "1.6":
        for component in components_of(document):
            people = component.get("authors")
            if isinstance(people, list) and "author" not in component:
                named = [x.get("name") for x in people if isinstance(x, dict)]
                if text := ", ".join(x for x in named if isinstance(x, str)):
                    component["author"] = text
    metadata = document.get("metadata")
    tools = metadata.get("tools") if isinstance(metadata, dict) else None
    if version < "1.5" and isinstance(metadata, dict) and isinstance(tools, dict):
        listed = tools.get("components")
        metadata["tools"] = [
            {key: x[key] for key in ("name", "version", "hashes") if key in x}
            for x in (listed if isinstance(listed, list) else ())
            if isinstance(x, dict)
        ]
    if version < "1.6" and form.syntax == "xml":
        for item in _licensed(document):
            item["licenses"] = _unmixed(item["licenses"])
    if form.syntax == "xml":
        without_odd_values(document, version)
    make_older(document, Version(version))


def _licensed(value: Any) -> Iterator[dict[str, Any]]:
    """Every object that lists licences."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if isinstance(value.get("licenses"), list):
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _unmixed(choices: list[Any]) -> list[Any]:
    """XML has one expression or any number of licences: several expressions are names there."""
    if len(choices) < 2:
        return choices
    return [
        {"license": {"name": x["expression"]}} if isinstance(x, dict) and "expression" in x else x
        for x in choices
    ]


def _schema_name(form: Format) -> str:
    """That of JSON, whatever the syntax; 1.0 and 1.1 have none, and 1.2 all that they have."""
    version = max(form.version, "1.2") if form.family == "cyclonedx" else form.version
    return schema_name(form.family, version, "json")


@functools.cache
def _validator(name: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    return jsonschema_rs.validator_for(_schema(name), validate_formats=True, retriever=_retrieve)


def _retrieve(uri: str) -> Any:
    return _schema(uri.rpartition("/")[2].partition("#")[0])


def _schema(name: str) -> Any:
    return json.loads((resources.files("provenance") / "_data" / "schemas" / name).read_bytes())
