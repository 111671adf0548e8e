"""Validation by the official schemas, shipped and offline, and of what they cannot say.

What the schema refuses is an error (rule `schema`); everything else warns, so that `.ok` says what
the specification's own schema says.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Report, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.formats import Format
from provenance.sbom.validating import class_schemas, schemas
from provenance.sbom.validating.consistency import cyclonedx, cyclonedx_xml, spdx, spdx3
from provenance.sbom.validating.consistency.cyclonedx import pointer
from provenance.sbom.validating.consistency.tag_lines import TagLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["has_schema", "validate"]

_MAX_ERRORS = 1000


def validate(raw: bytes, form: Format, decode: Callable[[], Any]) -> Report:
    """Findings of the schema (errors) and of rules it cannot state (warnings).

    Args:
        raw: the document.
        form: what it is.
        decode: gives the value that `raw` spells, in the shape of the format's JSON. CycloneDX
            in XML is validated as XML, and this not asked.

    Raises:
        UnsupportedFormat: no schema of this version is shipped.
        LimitExceeded: nested too deeply to be validated.
    """
    with paused_collection():
        if form.family == "cyclonedx" and form.syntax == "xml":
            name = schemas.schema_name("cyclonedx", form.version, "xml")
            root = schemas.parse_xml(raw)
            return _report(schemas.xml_errors(root, name, raw), cyclonedx_xml.check(root))
        return _by_json(raw, form, decode)


def has_schema(form: Format) -> bool:
    """Whether the official schema of a format is shipped."""
    version = _of_spdx(form.version) if form.family == "spdx" else form.version
    try:
        schemas.schema_name(form.family, version, form.syntax)
    except UnsupportedFormat:
        return False
    return True


def _by_json(raw: bytes, form: Format, decode: Callable[[], Any]) -> Report:
    if form.family == "cyclonedx":
        name = schemas.schema_name("cyclonedx", form.version, "json")
        document = decode()
        stated = document.get("specVersion")
        if isinstance(stated, str) and re.fullmatch(r"\d+\.\d+", stated.strip(), re.ASCII):
            name = schemas.schema_name("cyclonedx", stated.strip(), "json")  # not of the nearest
        return _report(schemas.json_errors(document, name), cyclonedx.check(document))
    schemas.schema_name(form.family, _of_spdx(form.version), form.syntax)  # before the work
    document = decode()
    if form.version.startswith("3"):
        schemas.schema_name("spdx", _version_3(document), "json")
        return _report(class_schemas.errors(document), spdx3.check(document))
    stated = str(document.get("spdxVersion", "")).upper().removeprefix("SPDX-")
    name = schemas.schema_name("spdx", stated or form.version, form.syntax)
    if form.syntax in ("tag-value", "rdf"):
        document = _in_words_of_json(document, "_" if "2.2" in name else "-")
    if form is Format.GITHUB_SBOM:  # the document is a member of what is exported
        within = ((said, f"/sbom{at}") for said, at in schemas.json_errors(document, name))
        return _report(within, spdx.check(document, lambda place: pointer(("sbom", *place))))
    if form.syntax != "tag-value":
        return _report(schemas.json_errors(document, name), spdx.check(document))
    lines = TagLines(raw)
    errors = schemas.json_errors(dict(document), name)
    placed = ((message, lines.of_pointer(at)) for message, at in errors)
    return _report(placed, spdx.check(document, lines.spell))


def _in_words_of_json(document: Mapping[str, Any], dash: str) -> dict[str, Any]:
    """Other syntaxes have words of their own for PACKAGE_MANAGER of 2.2, PACKAGE-MANAGER of 2.3."""
    packages = []
    for package in document.get("packages", ()):
        listed = [
            {**x, "referenceCategory": re.sub("[-_]", dash, str(x.get("referenceCategory")))}
            for x in package.get("externalRefs", ())
        ]
        packages.append({**package, "externalRefs": listed} if listed else package)
    return {**document, "packages": packages}


def _of_spdx(version: str) -> str:
    return "3.0.1" if version.startswith("3") else version


def _version_3(document: Any) -> str:
    """By its context: 3.0.0 and 3.0.1 differ, and only the latter is shipped."""
    context = document.get("@context")
    listed = context if isinstance(context, list) else [context]
    for uri in listed:
        if isinstance(uri, str) and "/rdf/3." in uri and "/rdf/3.0.1/" not in uri:
            return uri.partition("/rdf/")[2].partition("/")[0]
    return "3.0.1"


def _report(errors: Iterable[tuple[str, str]], warnings: list[Finding]) -> Report:
    found = [
        Finding("schema", Severity.ERROR, message, where)
        for message, where in islice(errors, _MAX_ERRORS + 1)
    ]
    if len(found) > _MAX_ERRORS:
        found[-1] = Finding("schema", Severity.ERROR, "and more errors than are listed")
    return Report((*found, *warnings))
