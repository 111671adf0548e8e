"""Validation by the official schemas, shipped and offline, and what they cannot say."""

from __future__ import annotations

import functools
import json
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Report, Severity
from provenance.sbom.formats import Format
from provenance.sbom.spdx import decode_tag_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

    from provenance.sbom.model import Contents

__all__ = ["validate"]

_SCHEMAS = {
    **{
        form: f"bom-{form.version}.{'xsd' if form.syntax == 'xml' else 'schema.json'}"
        for form in Format
        if form.family == "cyclonedx" and form.writable
    },
    Format.SPDX_2_3: "spdx-2.3.schema.json",
    Format.SPDX_2_3_TAG: "spdx-2.3.schema.json",
    Format.SPDX_3_0: "spdx-3.0.1.schema.json",
}
_MAX_ERRORS = 1000


def validate(raw: bytes, form: Format, contents: Contents) -> Report:
    """Findings of the schema (errors) and of rules it cannot state (warnings).

    Raises:
        UnsupportedFormat: no schema of this version is shipped.
    """
    if form not in _SCHEMAS:
        known = ", ".join(f.value for f in _SCHEMAS)
        raise UnsupportedFormat(f"no schema of {form.value} is shipped", hint=f"there is {known}")
    errors = _xml_errors(raw, form) if form.syntax == "xml" else _json_errors(raw, form)
    findings = []
    for number, (message, pointer) in enumerate(errors):
        if number >= _MAX_ERRORS:
            findings.append(Finding("schema", Severity.ERROR, "and more errors than are listed"))
            break
        findings.append(Finding("schema", Severity.ERROR, message[:500], pointer))
    return Report((*findings, *_references(contents)))


def _json_errors(raw: bytes, form: Format) -> Iterator[tuple[str, str]]:
    if form.syntax == "tag-value":
        document: Any = dict(decode_tag_value(raw))  # no schema of its own: that of its JSON
    else:
        document = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"))
    for error in _validator(form).iter_errors(document):
        yield error.message, "".join(f"/{_escaped(part)}" for part in error.instance_path)


def _xml_errors(raw: bytes, form: Format) -> Iterator[tuple[str, str]]:
    etree = _etree()
    try:
        document = etree.fromstring(raw, _parser())
    except etree.XMLSyntaxError as error:
        yield str(error.msg), f"line {error.lineno}"
        return
    schema = _xml_schema(form)
    if not schema.validate(document):
        for entry in schema.error_log:
            yield entry.message, f"line {entry.line}"


def _references(contents: Contents) -> list[Finding]:
    """Identifiers used twice, and edges that lead nowhere."""
    ids = Counter(p.id for p in contents.packages if p.id)
    findings = [
        Finding("duplicate-id", Severity.WARNING, f"{name[:200]} names {count} packages")
        for name, count in ids.items()
        if count > 1
    ]
    findings += [
        Finding("dangling-reference", Severity.WARNING, f"{source[:100]} needs {target[:100]}")
        for source, targets in contents.edges.items()
        for target in targets
        if source in ids and target not in ids
    ]
    return findings[:_MAX_ERRORS]


@functools.cache
def _validator(form: Format) -> jsonschema_rs.Validator:
    """In the draft that the schema names."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(
        _schema(_SCHEMAS[form]), validate_formats=True, retriever=_retrieve
    )


def _retrieve(uri: str) -> Any:
    """A schema that another refers to, from the shipped ones alone."""
    return _schema(uri.rpartition("/")[2].partition("#")[0])


def _schema(name: str) -> Any:
    return json.loads(_shipped(name))


def _shipped(name: str) -> bytes:
    return (resources.files("provenance") / "_data" / "schemas" / name).read_bytes()


def _etree() -> Any:
    """The one place that imports lxml: it has no types."""
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - a compiled module

    return etree


def _parser() -> Any:
    """Of XML: no entities, no document type from elsewhere, no network."""
    # huge_tree lifts limits on size alone; the document was read under Limits.document_bytes.
    return _etree().XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True
    )


@functools.cache
def _xml_schema(form: Format) -> Any:
    etree = _etree()

    class Shipped(etree.Resolver):  # type: ignore[name-defined, misc]  # lxml has no types
        """Licences are a schema of their own; it names them by a URL."""

        def resolve(self, url: str, _: str, context: Any) -> Any:
            """The shipped file, whatever the URL."""
            name = "spdx.xsd" if url.endswith(("/spdx", "spdx.xsd")) else "none"
            return self.resolve_string(_shipped(name), context)

    parser = _parser()
    parser.resolvers.add(Shipped())
    return etree.XMLSchema(etree.fromstring(_shipped(_SCHEMAS[form]), parser))


def _escaped(part: str | int) -> str:
    """One step of a JSON pointer (RFC 6901 section 3)."""
    return str(part).replace("~", "~0").replace("/", "~1")
