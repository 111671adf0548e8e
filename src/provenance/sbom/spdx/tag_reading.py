"""SPDX 2 in tag-value, into the shape that its JSON has. Source: SPDX 2.3, sections 5.2, 6 to 12.

One pass over the text, no recursion, nothing looked for twice. Every fault is a finding with its
line, none ends the reading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.findings import Finding, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.decoding.characters import in_utf8
from provenance.sbom.spdx import reading, tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.sbom.model import Contents

__all__ = ["KNOWN_TAGS", "Decoded", "decode", "parse", "read", "statements"]

_MAX_FINDINGS = 1000
_LONE_RETURN = re.compile(r"\r(?!\n)")
_TEXT, _END = "<text>", "</text>"
_BLANK = re.compile(rf"\s|%20|{tags.UNSAFE.pattern}")
_TAG = re.compile(r"([A-Za-z]+):", re.ASCII)
_CHECKSUM = re.compile(r"([A-Za-z0-9-]+):\s*([0-9A-Fa-f]*)", re.ASCII)
_ALGORITHM = re.compile(r"[A-Za-z0-9-]+:", re.ASCII)
# Sections and the tag that begins an element of each.
_SECTIONS = {
    "document": tags.DOCUMENT,
    "info": tags.INFO,
    "file": tags.FILE,
    "package": tags.PACKAGE,
    "license": tags.LICENSE,
    "annotation": tags.ANNOTATION,
}
_BEGINS = {
    "FileName": ("file", "files"),
    "PackageName": ("package", "packages"),
    "LicenseID": ("license", "hasExtractedLicensingInfos"),
    "Annotator": ("annotation", "annotations"),
}
_ONCE = ("line", "text", "flag", "purpose", "code")
_ID = tags.Tag("SPDXID", "SPDXID")
_BY_TAG = {
    tag.tag: (section, tag)
    for section, known in _SECTIONS.items()
    for tag in known
    if tag.tag != "SPDXID"
}
_COMMENTS = {"RelationshipComment": "relationship", "ExternalRefComment": "reference"}
KNOWN_TAGS = frozenset({*_BY_TAG, *_COMMENTS, "SPDXID", "Relationship", "ExternalDocumentRef"})
"""Those that have a field in JSON."""
# Known, and not in the view: snippets and reviews.
_PASSED_OVER = re.compile(r"Snippet|LicenseInfoInSnippet|Review|Artifact|FileDependency")


class Decoded(dict[str, Any]):
    """A document as its JSON would decode, and what was odd about its tags."""

    __slots__ = ("findings",)

    def __init__(self, document: dict[str, Any], findings: list[Finding]) -> None:
        super().__init__(document)
        self.findings = tuple(findings)


def read(text: str) -> Contents:
    """What a tag-value document says. Odd parts become findings."""
    document = parse(text)
    return reading.read(document, document.findings)


def decode(raw: bytes) -> Decoded:
    """The document of these bytes, in any Unicode encoding."""
    return parse(in_utf8(raw).decode("utf-8", "replace"))


def parse(text: str) -> Decoded:
    """The document that `text` spells. Nothing in it raises."""
    if _LONE_RETURN.search(text):  # which ends a line for other readers
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    with paused_collection():
        parser = _Parser(text)
        for offset, tag, value in _lines(text, parser.odd):
            parser.tag(offset, tag, value)
        document = parser.finish()
    return Decoded(document, parser.findings)


def statements(text: str) -> Iterator[tuple[str, str]]:
    """Tag and value of each; what has no tag is under an empty one."""
    without: list[tuple[str, str]] = []

    def odd(start: int, message: str) -> None:
        if message.startswith("has no tag"):
            end = text.find("\n", start)
            without.append(("", text[start : end if end >= 0 else len(text)]))

    for _, tag, value in _lines(text, odd):
        yield tag, value
    yield from without


def _lines(text: str, odd: Any) -> Iterator[tuple[int, str, str]]:
    """Offset, tag and value of each statement."""
    at, length, closed = 0, len(text), True
    while at < length:
        end = text.find("\n", at)
        end = length if end < 0 else end
        line = text[at:end].strip(" \t\r\ufeff")
        start, at = at, end + 1
        if not line or line.startswith("#"):
            continue
        match = _TAG.match(line)
        if match is None:
            odd(start, "has no tag; passed over")
            continue
        value = line[match.end() :].strip(" \t")
        if value.startswith(_TEXT):
            begin = text.index(_TEXT, start) + len(_TEXT)
            # Where none closes here, none will later: looked for once.
            close = text.find(_END, begin) if closed else -1
            if close < 0:
                closed = False
                odd(start, "opens a text that never ends; read to the end of the line")
                value = value.removeprefix(_TEXT)
            else:
                value = text[begin:close]
                at = text.find("\n", close + len(_END)) + 1 or length
                if text[close + len(_END) : at].strip():
                    odd(start, "goes on behind the text; that was passed over")
        yield start, match[1], value


class _Parser:
    """Takes statements in order; the latest element of a kind owns what follows."""

    def __init__(self, text: str) -> None:
        self.findings: list[Finding] = []
        self._text = text
        self._line, self._line_at = 1, 0
        self._document: dict[str, Any] = {"creationInfo": {}, "packages": [], "relationships": []}
        self._latest: dict[str, dict[str, Any]] = {
            "document": self._document,
            "info": self._document["creationInfo"],
        }
        self._named = self._document
        """The element that `SPDXID` names: the latest with a name."""
        self._in_snippet = False

    def odd(self, offset: int, message: str) -> None:
        if len(self.findings) > _MAX_FINDINGS:
            return
        if len(self.findings) == _MAX_FINDINGS:
            message = "and more than are listed"
        self._found("odd-value", Severity.WARNING, offset, message)

    def _again(self, offset: int, tag: str) -> None:
        if len(self.findings) < _MAX_FINDINGS:
            message = f"{tag} is written more than once; the first one was read"
            self._found("duplicate-key", Severity.ERROR, offset, message)

    def _found(self, rule: str, severity: Severity, offset: int, message: str) -> None:
        self._line += self._text.count("\n", self._line_at, offset)
        self._line_at = offset
        self.findings.append(Finding(rule, severity, message, f"line {self._line}"))

    def tag(self, offset: int, tag: str, value: str) -> None:
        if tag in _BEGINS:
            self._begin(*_BEGINS[tag])
        if tag == "SPDXID":
            if not self._in_snippet:
                self._field(offset, self._named, _ID, value)
        elif tag == "Relationship":
            self._relationship(offset, value)
        elif tag in _COMMENTS:
            self._comment(offset, tag, value)
        elif tag == "ExternalDocumentRef":
            self._external_document(offset, value)
        elif tag in _BY_TAG:
            section, known = _BY_TAG[tag]
            item = self._latest.get(section)
            if item is None:
                self.odd(offset, f"{tag} belongs to no {section}; passed over")
            else:
                self._field(offset, item, known, value)
        elif _PASSED_OVER.match(tag):
            self._in_snippet = self._in_snippet or tag == "SnippetSPDXID"
        else:
            self.odd(offset, f"{tag[:60]} is no tag of SPDX 2.3; passed over")

    def _begin(self, section: str, key: str) -> None:
        item: dict[str, Any] = {}
        self._document.setdefault(key, []).append(item)
        self._latest[section] = item
        if section in ("file", "package"):
            self._named, self._in_snippet = item, False
            self._latest.pop("reference", None)
        if section == "file" and "package" in self._latest:
            item["in"] = self._latest["package"]

    def _field(self, offset: int, item: dict[str, Any], known: tags.Tag, value: str) -> None:
        tag, field, style = known
        if style in _ONCE and field in item:
            self._again(offset, tag)
        elif style in ("line", "text"):
            item[field] = value
        elif style in ("lines", "texts"):
            item.setdefault(field, []).append(value)
        elif style == "flag":
            item[field] = value.lower() != "false"
        elif style == "purpose":
            item[field] = value.replace("-", "_")
        elif style == "code":
            item[field] = {"packageVerificationCodeValue": value.partition("(")[0].strip()}
            if names := tags.excluded(value):
                item[field]["packageVerificationCodeExcludedFiles"] = names
        elif style == "checksums":
            match = _CHECKSUM.fullmatch(value)
            if match is None:
                self.odd(offset, f"{value[:60]} is no checksum; passed over")
                return
            found = {"algorithm": match[1], "checksumValue": match[2]}
            item.setdefault(field, []).append(found)
        else:
            self._reference(offset, item, value)

    def _reference(self, offset: int, item: dict[str, Any], value: str) -> None:
        self._latest.pop("reference", None)
        parts = value.split(None, 2)
        if len(parts) != 3:
            self.odd(offset, "a reference has category, type and locator; passed over")
            return
        keys = ("referenceCategory", "referenceType", "referenceLocator")
        found = self._latest["reference"] = dict(zip(keys, parts, strict=True))
        item.setdefault("externalRefs", []).append(found)

    def _comment(self, offset: int, tag: str, value: str) -> None:
        """Of the relationship or reference before it, unless that was passed over."""
        item = self._latest.get(_COMMENTS[tag])
        if item is None:
            self.odd(offset, f"{tag} belongs to no {_COMMENTS[tag]}; passed over")
        else:
            self._field(offset, item, tags.Tag(tag, "comment", "text"), value)

    def _relationship(self, offset: int, value: str) -> None:
        self._latest.pop("relationship", None)
        parts = value.split()
        if len(parts) != 3:
            self.odd(offset, "a relationship has three parts; passed over")
            return
        keys = ("spdxElementId", "relationshipType", "relatedSpdxElement")
        found = self._latest["relationship"] = dict(zip(keys, parts, strict=True))
        self._document["relationships"].append(found)

    def _external_document(self, offset: int, value: str) -> None:
        parts = value.split()
        if len(parts) == 3 and (match := _ALGORITHM.match(parts[2])):
            parts[2:] = [match[0], parts[2][match.end() :]]
        if len(parts) != 4:
            self.odd(offset, "a document has identifier, namespace and checksum; passed over")
            return
        name, uri, algorithm, checksum = parts
        self._document.setdefault("externalDocumentRefs", []).append(
            {
                "externalDocumentId": name,
                "spdxDocument": uri,
                "checksum": {"algorithm": algorithm.rstrip(":"), "checksumValue": checksum},
            }
        )

    def finish(self) -> dict[str, Any]:
        """The document, once every statement was taken."""
        document = self._document
        listed = [*document.get("files", ()), *document["packages"]]
        by_id: dict[str, dict[str, Any]] = {}
        for item in (document, *listed):
            by_id.setdefault(item.get("SPDXID", ""), item)
        for item in document.get("files", ()):
            package = item.pop("in", {}).get("SPDXID")
            if package and "SPDXID" in item:
                document["relationships"].append(_contains(package, item["SPDXID"]))
        for annotation in document.pop("annotations", ()):
            item = by_id.get(annotation.pop("of", ""), document)
            comment = annotation.get("comment", "")
            if not comment.startswith(tags.FIXES):
                item.setdefault("annotations", []).append(annotation)
            elif (fields := _fields(comment)) is None:
                self.odd(self._line_at, "an annotation of values cannot be read back")
            elif item is document:
                self._fix_document(fields)
            else:
                _fix(item, fields)
        return document

    def _fix_document(self, fields: dict[str, Any]) -> None:
        document = self._document
        licenses = {x.get("licenseId"): x for x in document.get("hasExtractedLicensingInfos", ())}
        for name, value in fields.items():
            owner = document["creationInfo"] if name == "creationInfo" else licenses.get(name)
            if owner is None:
                _fix(document, {name: value})
            elif isinstance(value, dict):
                _fix(owner, value)


def _fix(item: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Put values in place of those that show them; of what shows another one, that stands."""
    for name, value in fields.items():
        if name in item and _shows(item[name], value):
            item[name] = value


def _shows(shown: Any, exact: Any) -> bool:
    """Whether a value that was written says an exact one, as near as the syntax can."""
    if isinstance(shown, dict) and isinstance(exact, dict):
        known = exact.keys() - ({"comment"} - shown.keys())  # not all can be said of references
        return shown.keys() == known and all(_shows(shown[key], exact[key]) for key in known)
    if isinstance(shown, list) and isinstance(exact, list):
        return len(shown) == len(exact) and all(map(_shows, shown, exact))
    there, meant = (_BLANK.sub("", str(value)) for value in (shown, exact))
    return there in ((meant, f"{meant}(sonamed)") if meant else ("", "-", "unnamed"))


def _contains(package: str, file: str) -> dict[str, str]:
    return {
        "spdxElementId": package,
        "relationshipType": "CONTAINS",
        "relatedSpdxElement": file,
    }


def _fields(comment: str) -> dict[str, Any] | None:
    try:
        raw = comment.removeprefix(tags.FIXES).encode("utf-8", "replace")
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return None
