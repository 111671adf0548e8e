"""The official schemas, shipped: what of a document they do not allow. Nothing is fetched.

Sources and licences of the schemas: `_data/README.md`. JSON by jsonschema-rs, with formats
asserted; XML by libxml2's XML Schema. The one file that imports either.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from provenance.errors import LimitExceeded, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

__all__ = [
    "compiled",
    "errors_of",
    "fits",
    "is_valid",
    "json_errors",
    "parse_xml",
    "schema_name",
    "schema_of",
    "xml_errors",
]

_CYCLONEDX_JSON = {
    # Without `strict` these two allow any property: the fixtures are sorted by the strict ones.
    "1.2": "bom-1.2-strict.schema.json",
    "1.3": "bom-1.3-strict.schema.json",
    **{v: f"bom-{v}.schema.json" for v in ("1.4", "1.5", "1.6", "1.7")},
}
_CYCLONEDX_XML = {f"1.{minor}": f"bom-1.{minor}.xsd" for minor in range(8)}
_SPDX_2 = {"2.2": "spdx-2.2.2.schema.json", "2.3": "spdx-2.3.schema.json"}
_SPDX_3 = {"3.0.1": "spdx-3.0.1.schema.json"}
_MASK = "\ue000"  # private use: what stands in messages for the value
_NAMESPACE = re.compile(r"\{http[^}]*\}")  # before each name in libxml2's messages
_SHORT = 60  # characters of a value in a message
_SMALL_XML = 100_000  # bytes in which errors times siblings are few
_FEW_STEPS = 3_000_000  # from sibling to sibling, about a second
_NESTED = 4  # alternatives of alternatives that are looked into


def schema_name(family: str, version: str, syntax: str) -> str:
    """The file of the schema for a document.

    Args:
        family: `cyclonedx` or `spdx`.
        version: of the specification, as exactly as the document states it.
        syntax: only CycloneDX has a schema for XML; SPDX 2 in any syntax has that of its JSON.

    Raises:
        UnsupportedFormat: none is shipped; names those that are.
    """
    if family == "cyclonedx":
        found = (_CYCLONEDX_XML if syntax == "xml" else _CYCLONEDX_JSON).get(version)
    elif family == "spdx":
        found = (_SPDX_2 | _SPDX_3).get(version)
    else:
        found = None
    if found is None:
        raise UnsupportedFormat(
            f"no schema of {f'{family} {version[:40]}'.strip()} in {syntax} is shipped",
            hint="there is CycloneDX 1.2 to 1.7 in JSON and 1.0 to 1.7 in XML, "
            "SPDX 2.2 and 2.3, SPDX 3.0.1",
        )
    return found


def json_errors(document: Any, schema: str) -> Iterator[tuple[str, str]]:
    """Message and JSON pointer of everything that `schema` does not allow.

    Raises:
        LimitExceeded: nested more deeply than can be validated.
    """
    return errors_of(_validator(schema), document)


def errors_of(validator: jsonschema_rs.Validator, document: Any) -> Iterator[tuple[str, str]]:
    """The same, by a schema that `compiled` made."""
    if fits(validator, document):
        return
    errors = validator.iter_errors(document)
    for found in errors:
        told, path = _innermost(found)
        yield _worded(told.message, document, path), "".join(f"/{_escaped(part)}" for part in path)


def is_valid(document: Any, schema: str) -> bool:
    """Whether `schema` allows it all. Raises as `json_errors` does."""
    return fits(_validator(schema), document)


def fits(validator: jsonschema_rs.Validator, document: Any) -> bool:
    """The same, by a schema that `compiled` made."""
    try:
        return validator.is_valid(document)
    except ValueError as error:  # jsonschema-rs goes 255 levels deep
        raise LimitExceeded(
            "the document is nested too deeply to be validated", hint=str(error)[:100]
        ) from error


def _innermost(error: Any) -> tuple[Any, list[str | int]]:
    """Where none of some alternatives fits: the error of the one that fitted furthest."""
    path = list(error.instance_path)
    for _ in range(_NESTED):
        branches = getattr(error.kind, "context", None)
        if not branches:
            break
        inner = [branch[0] for branch in branches if len(branch) == 1]
        deeper = [e for e in inner if len(e.instance_path) > len(path)]
        if len(deeper) != 1:
            break
        error = deeper[0]
        path = list(error.instance_path)
    return error, path


def _worded(message: str, document: Any, path: list[str | int]) -> str:
    """The message with its value in few words: values are a stranger's, and may be all of it."""
    if _MASK not in message:
        return message[:500]
    value = document
    for part in path:
        value = value[part]
    if isinstance(value, dict):
        words = "the object"
    elif isinstance(value, list):
        words = "the array"
    else:
        words = json.dumps(value, ensure_ascii=False, default=str)
        words = words if len(words) <= _SHORT else f"{words[:_SHORT]}…"
    return message.replace(_MASK, words, 1)[:500]


@functools.cache
def _validator(schema: str) -> jsonschema_rs.Validator:
    return compiled(schema_of(schema))


def compiled(schema: Any) -> jsonschema_rs.Validator:
    """A schema in the draft that it names, formats asserted, values left out of messages."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(
        schema, validate_formats=True, retriever=_retrieve, mask=_MASK
    )


def schema_of(name: str) -> Any:
    """The shipped schema of this file name, decoded."""
    return json.loads(_shipped(name))


def _retrieve(uri: str) -> Any:
    """A schema that another refers to, from the shipped ones alone."""
    return schema_of(uri.rpartition("/")[2].partition("#")[0])


def _shipped(name: str) -> bytes:
    return (resources.files("provenance") / "_data" / "schemas" / name).read_bytes()


def _escaped(part: str | int) -> str:
    """One step of a JSON pointer (RFC 6901 section 3)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def parse_xml(raw: bytes) -> Any:
    """The root element, by lxml, whose elements know their lines.

    Raises:
        UnsupportedFormat: not XML, or more than the parser takes.
    """
    etree = _etree()
    try:
        return etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError as error:
        raise UnsupportedFormat(
            f"the XML cannot be validated: {str(error.msg)[:200]} (line {error.lineno})"
        ) from error


def xml_errors(root: Any, schema: str, raw: bytes) -> Iterator[tuple[str, str]]:
    """Message and `line N` of everything that the XML schema does not allow.

    libxml2 looks for the place of each error among all its siblings. Where that may take long,
    the document is validated while it is parsed once more, which finds the same without lines.

    Args:
        root: as `parse_xml` gives it.
        schema: the file of the schema.
        raw: the document.
    """
    compiled = _xml_schema(schema)
    if len(raw) > _SMALL_XML:
        errors = _errors_of_parsing(raw, compiled)
        steps = len(errors) * max((len(element) for element in root.iter()), default=0)
        if steps > _FEW_STEPS or not errors:
            for entry in errors:
                yield _NAMESPACE.sub("", entry.message)[:500], ""
            return
    if not compiled.validate(root):
        for entry in compiled.error_log:
            yield _NAMESPACE.sub("", entry.message)[:500], f"line {entry.line}"


def _errors_of_parsing(raw: bytes, compiled: Any) -> Any:
    etree = _etree()
    parser = _parser(schema=compiled)
    try:
        etree.fromstring(raw, parser)
    except etree.XMLSyntaxError:
        return parser.error_log
    return ()


def _etree() -> Any:
    """The one place that imports lxml: it has no types."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - a compiled module

    return etree


def _parser(*, schema: Any = None) -> Any:
    """Of XML: no entities, no document type from elsewhere, no network."""
    # huge_tree lifts limits on size alone; the document was read under Limits.document_bytes.
    return _etree().XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, schema=schema
    )


@functools.cache
def _xml_schema(schema: str) -> Any:
    etree = _etree()

    class Shipped(etree.Resolver):  # type: ignore[name-defined, misc]  # lxml has no types
        """Licences are a schema of their own; it names them by a URL."""

        def resolve(self, url: str, _: str, context: Any) -> Any:
            """The shipped file, whatever the URL."""
            name = "spdx.xsd" if url.endswith(("/spdx", "spdx.xsd")) else "none"
            return self.resolve_string(_shipped(name), context)

    parser = _parser()
    parser.resolvers.add(Shipped())
    return etree.XMLSchema(etree.fromstring(_shipped(schema), parser))
