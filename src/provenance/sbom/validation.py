"""Validation by the official JSON schemas, shipped and offline, and what they cannot say."""

from __future__ import annotations

import functools
import json
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Report, Severity
from provenance.sbom.formats import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

    import jsonschema_rs

    from provenance.sbom.model import Contents

__all__ = ["validate"]

_SCHEMAS = {
    Format.CYCLONEDX_1_6: "bom-1.6.schema.json",
    Format.SPDX_2_3: "spdx-2.3.schema.json",
}
_MAX_ERRORS = 1000


def validate(document: Mapping[str, Any], form: Format, contents: Contents) -> Report:
    """Findings of the schema (errors) and of rules it cannot state (warnings).

    Raises:
        UnsupportedFormat: no schema of this version is shipped.
    """
    if form not in _SCHEMAS:
        known = ", ".join(f.value for f in _SCHEMAS)
        raise UnsupportedFormat(f"no schema of {form.value} is shipped", hint=f"there is {known}")
    findings = []
    for number, error in enumerate(_validator(form).iter_errors(document)):
        if number >= _MAX_ERRORS:
            findings.append(Finding("schema", Severity.ERROR, "and more errors than are listed"))
            break
        pointer = "".join(f"/{_escaped(part)}" for part in error.instance_path)
        findings.append(Finding("schema", Severity.ERROR, error.message[:500], pointer))
    return Report((*findings, *_references(contents)))


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
def _validator(form: Format) -> jsonschema_rs.Draft7Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft7Validator(
        _schema(_SCHEMAS[form]), validate_formats=True, retriever=_retrieve
    )


def _retrieve(uri: str) -> Any:
    """A schema that another refers to, from the shipped ones alone."""
    return _schema(uri.rpartition("/")[2].partition("#")[0])


def _schema(name: str) -> Any:
    path = resources.files("provenance") / "_data" / "schemas" / name
    return json.loads(path.read_bytes())


def _escaped(part: str | int) -> str:
    """One step of a JSON pointer (RFC 6901 section 3)."""
    return str(part).replace("~", "~0").replace("/", "~1")
