"""Which format the bytes of a document are in. Told by content; a file's name says nothing.

A version of a known format that is not known itself is read as the nearest one, with a finding.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.errors import MalformedDocument, UnsupportedFormat
from provenance.findings import Finding, Severity
from provenance.sbom.decoding.characters import in_utf8, xml_in_utf8
from provenance.sbom.decoding.xml_prolog import root_of
from provenance.sbom.formats import Format

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Detected", "of_object", "of_syntax", "of_version"]

_CYCLONEDX = "http://cyclonedx.org/schema/bom/"
_SPDX_2 = re.compile(r"SPDX-(\d{1,3}\.\d{1,3})(?:\.\d{1,3})?", re.ASCII | re.IGNORECASE)
_SPDX_3 = re.compile(r"spdx\.(?:org|github\.io)/[^\s\"']{0,40}?3\.(\d{1,3})", re.ASCII)
_NUMBER = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)
_START = re.compile(rb"\s*(\S)")
# Either may stand below comments and other fields, so they are looked for in the whole text.
_TAG_LINE = re.compile(
    rb"^[ \t]*(?:SPDXVersion|DataLicense|DocumentName|PackageName)[ \t]*:", re.MULTILINE
)
_YAML_LINE = re.compile(
    rb"^[\"']?(?:spdxVersion|dataLicense|documentNamespace)[\"']?[ \t]*:(?=[ \t\r\n])",
    re.MULTILINE,
)
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ROOTS = ("Document", "SpdxDocument", "spdxDocument")
_LOOKED_AT = 4096  # bytes of which the first that are no blanks are shown
_JSON_VALUE = b'"-0123456789tfnNI'  # what else than an object or array JSON begins with


class Detected(NamedTuple):
    """A format, and what was odd about how the document names it."""

    form: Format
    findings: tuple[Finding, ...] = ()


def of_syntax(raw: bytes) -> str:
    """`json`, `tag-value`, `yaml`, or an XML one: `cyclonedx-xml`, `xml`, `rdf`.

    Raises:
        MalformedDocument: begins like none of these, or like XML and is none.
        UnsupportedFormat: XML of another kind.
    """
    text = in_utf8(raw)
    start = _START.match(text)
    if start and start[1] in b"{[":
        return "json"
    if start and start[1] == b"<":
        return _of_xml(xml_in_utf8(raw))
    tag, key = _TAG_LINE.search(text), _YAML_LINE.search(text)
    if tag and (key is None or tag.start() <= key.start()):
        return "tag-value"
    if key:
        return "yaml"
    if not text.strip():
        raise MalformedDocument("the document is empty")
    begin = text[:_LOOKED_AT].lstrip()[:12]
    if begin[:1] not in _JSON_VALUE:
        raise MalformedDocument(
            f"the document is no JSON: it begins with {begin!r}",
            hint="an SBOM is in JSON, XML, YAML, RDF or tag-value",
        )
    return "json"


def _of_xml(text: bytes) -> str:
    root = root_of(text)
    if root.name == "bom" and root.namespace.startswith(_CYCLONEDX):
        return "cyclonedx-xml"
    if root == (_RDF, "RDF"):
        return "rdf"
    if root.name in _ROOTS:
        return "xml"
    raise UnsupportedFormat(
        f"the root element is {root.name[:100]!r} in the namespace {root.namespace[:100]!r}",
        hint=f"expected bom in {_CYCLONEDX}1.x, Document (SPDX), or rdf:RDF",
    )


def of_object(document: Mapping[str, Any], syntax: str) -> Detected:
    """The format of a decoded document.

    Args:
        document: in the shape that JSON has.
        syntax: as `of_syntax` tells it.

    Raises:
        UnsupportedFormat: no SBOM of a known format.
    """
    if syntax == "cyclonedx-xml":
        return of_version("cyclonedx", document.get("specVersion"), "xml")
    if syntax != "json":
        return of_version("spdx", document.get("spdxVersion"), syntax)
    form, findings = _of_json(document)
    if len(claimed := _claims(document)) > 1:
        message = f"it says that it is {' and '.join(claimed)}; read as {form.value} alone"
        findings = (Finding("several-formats", Severity.ERROR, message), *findings)
    return Detected(form, findings)


def _claims(document: Mapping[str, Any]) -> list[str]:
    """What readers of one format each would take the document for."""
    inner = document.get("sbom")
    claims = {
        "SPDX 2": document.get("spdxVersion") is not None,
        "CycloneDX": document.get("bomFormat") == "CycloneDX",
        "SPDX 3": _is_spdx_3(document),
        "an export of GitHub": isinstance(inner, dict) and "spdxVersion" in inner,
        "of syft": _is_syft(document),
    }
    return [name for name, holds in claims.items() if holds]


def _of_json(document: Mapping[str, Any]) -> Detected:
    if document.get("spdxVersion") is not None:
        return of_version("spdx", document["spdxVersion"], "json")
    if document.get("bomFormat") == "CycloneDX":
        return of_version("cyclonedx", document.get("specVersion"), "json")
    if _is_spdx_3(document):
        return _of_context(document)
    inner = document.get("sbom")
    if isinstance(inner, dict) and "spdxVersion" in inner:
        _, findings = of_version("spdx", inner["spdxVersion"], "json", at="/sbom/spdxVersion")
        return Detected(Format.GITHUB_SBOM, findings)
    if _is_syft(document):
        return Detected(Format.SYFT_JSON)
    if isinstance(document.get("components"), list) and "specVersion" in document:
        form, findings = of_version("cyclonedx", document["specVersion"], "json")
        message = "bomFormat does not say CycloneDX; read as it all the same"
        return Detected(form, (_odd("odd-format", message, "/bomFormat"), *findings))
    raise _unsupported(document)


def _unsupported(document: Mapping[str, Any]) -> UnsupportedFormat:
    if "predicateType" in document or "payloadType" in document:
        return UnsupportedFormat(
            "the document is a statement or an envelope around one, no SBOM",
            hint="give read_sbom what read_statement returns",
        )
    return UnsupportedFormat(
        "the document is neither CycloneDX nor SPDX, nor of syft or GitHub",
        hint="expected bomFormat and specVersion, spdxVersion, or the @context of SPDX 3",
    )


def _is_syft(document: Mapping[str, Any]) -> bool:
    schema = document.get("schema")
    url = schema.get("url") if isinstance(schema, dict) else None
    if isinstance(url, str) and "anchore/syft" in url:
        return True
    made_by = document.get("descriptor")
    name = made_by.get("name") if isinstance(made_by, dict) else None
    return name == "syft" and ("artifacts" in document or "source" in document)


def _is_spdx_3(document: Mapping[str, Any]) -> bool:
    context = document.get("@context")
    if context is not None and _SPDX_3.search(str(context)[:2000]):
        return True
    graph = document.get("@graph")
    return isinstance(graph, list) and any(
        isinstance(node, dict) and ("spdxId" in node or node.get("type") == "CreationInfo")
        for node in graph[:100]
    )


def _of_context(document: Mapping[str, Any]) -> Detected:
    found = _SPDX_3.search(str(document.get("@context"))[:2000])
    if found is None:
        message = "no @context says that this is SPDX 3; read as 3.0 all the same"
        return Detected(Format.SPDX_3_0, (_odd("version-not-stated", message, "/@context"),))
    if found[1] != "0":
        return Detected(Format.SPDX_3_0, (_nearest(f"SPDX 3.{found[1]}", "3.0", "/@context"),))
    return Detected(Format.SPDX_3_0)


def of_version(family: str, stated: Any, syntax: str, *, at: str = "") -> Detected:
    """The format of a family and syntax that has this version, or the one nearest to it.

    Raises:
        UnsupportedFormat: another major version, in which documents look quite otherwise.
    """
    pointer = at or ("/specVersion" if family == "cyclonedx" else "/spdxVersion")
    known = [f for f in Format if f.family == family and f.syntax == syntax]
    known = [f for f in known if f not in (Format.SPDX_3_0, Format.GITHUB_SBOM)]
    text = stated if isinstance(stated, str) else ""
    found = (_SPDX_2 if family == "spdx" else _NUMBER).fullmatch(text.strip())
    latest = max(known, key=_number)
    if found is None:
        said = f"{text[:60]!r} is no version" if text else "the version is not stated"
        message = f"{said}; read as {latest.version}"
        return Detected(latest, (_odd("version-not-stated", message, pointer),))
    version = found[1] if family == "spdx" else found[0]
    for form in known:
        if form.version == version:
            return Detected(form)
    wanted = _parts(version)
    if wanted[0] != _number(latest)[0]:
        raise UnsupportedFormat(
            f"version {text[:60]!r} of {family} is not read in this form",
            hint=f"read are {', '.join(f.version for f in known)}; SPDX 3 has an @context",
        )
    nearest = latest if wanted > _number(latest) else min(known, key=_number)
    return Detected(nearest, (_nearest(text[:60], nearest.version, pointer),))


def _number(form: Format) -> tuple[int, ...]:
    return _parts(form.version)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _nearest(stated: str, read_as: str, pointer: str) -> Finding:
    message = f"version {stated} is not known; read as {read_as}, the nearest one"
    return _odd("unknown-version", message, pointer)


def _odd(rule: str, message: str, pointer: str) -> Finding:
    return Finding(rule, Severity.WARNING, message, pointer)
