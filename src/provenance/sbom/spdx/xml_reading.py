"""SPDX 2 in XML, into the shape that its JSON has. Source: SPDX 2.3 section 5 and its JSON schema.

An element is a field, elements within it are an object; what is a list in JSON repeats.
"""

from __future__ import annotations

from typing import Any

from provenance.errors import MalformedDocument
from provenance.findings import Finding, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.decoding.characters import xml_in_utf8
from provenance.sbom.decoding.xml_prolog import root_of
from provenance.sbom.spdx.tag_reading import Decoded
from provenance.settings import Limits

__all__ = ["decode"]

_MAX_FINDINGS = 1000
# Fields that are arrays in the JSON schema of 2.3, `attributionTexts` to `snippets`.
_LISTS = frozenset(
    (
        *("annotations", "attributionTexts", "checksums", "creators", "crossRefs"),
        *("documentDescribes", "externalDocumentRefs", "externalRefs", "fileContributors"),
        *("fileDependencies", "fileTypes", "files", "hasExtractedLicensingInfos", "hasFiles"),
        *("licenseInfoFromFiles", "licenseInfoInFiles", "licenseInfoInSnippets", "packages"),
        *("packageVerificationCodeExcludedFiles", "ranges", "relationships", "revieweds"),
        *("seeAlsos", "snippets"),
    )
)
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_FLAG_FIELDS = frozenset(("filesAnalyzed", "isLive", "isValid", "isWayBackLink", "match"))
_NUMBERS = frozenset(("offset", "lineNumber", "order"))


def decode(raw: bytes, *, depth: int | None = None) -> Decoded:
    """The document of these bytes.

    Raises:
        MalformedDocument: no XML, with the line; with a document type; or nested more than
            `depth` levels.
    """
    from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - a compiled module

    text = xml_in_utf8(raw)
    root_of(text)
    # huge_tree lifts limits on size alone; the document was read under Limits.document_bytes.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise MalformedDocument(
            f"the document is no XML: {str(error)[:200]}",
            pointer=f"line {line}" if line else "",
        ) from error
    with paused_collection():
        return _Walk(depth or Limits().document_depth).document(root)


class _Walk:
    """Level by level, as recursion would follow what is written."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._findings: list[Finding] = []

    def document(self, root: Any) -> Decoded:
        """What the root element holds."""
        out: dict[str, Any] = {}
        level = [(root, out)]
        for _ in range(self._depth):
            level = [below for element, into in level for below in self._fields(element, into)]
            if not level:
                return Decoded(out, self._findings)
        raise MalformedDocument(
            f"elements are nested more than {self._depth} deep",
            hint="raise Limits.document_depth if it is honest",
        )

    def _fields(self, element: Any, into: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
        """Put each child into its field; returns the children that are objects, to go on with."""
        below: list[tuple[Any, dict[str, Any]]] = []
        for child in element:
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            value: Any = {}
            if len(child):
                below.append((child, value))
            else:
                value = _value(name, child.text or "")
            if name in _LISTS:
                into.setdefault(name, []).append(value)
            elif name not in into:
                into[name] = value
            else:
                self._again(name, child)
                into[name] = value
        return below

    def _again(self, name: str, child: Any) -> None:
        if len(self._findings) < _MAX_FINDINGS:
            self._findings.append(
                Finding(
                    "duplicate-key",
                    Severity.ERROR,
                    f"{name[:100]!r} is written more than once; the last one was read",
                    f"line {child.sourceline}",
                )
            )


def _value(name: str, text: str) -> Any:
    if name in _FLAG_FIELDS:
        return _FLAGS.get(text.strip().lower(), text)
    stripped = text.strip()
    if name in _NUMBERS and stripped.isascii() and stripped.isdigit() and len(stripped) < 19:
        return int(stripped)
    return text
