"""SPDX 2 as tag-value. Source: SPDX 2.3, sections 5.2 and 6 to 12.

The syntax has no escapes: a value is what stands on its line, or between `<text>` and the next
`</text>`. A value that cannot stand there is shown near enough, and said exactly in an
annotation, as JSON, which the reader puts in its place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.spdx import tags
from provenance.sbom.spdx.encoding import in_utf8
from provenance.sbom.spdx.versions import category
from provenance.sbom.spdx.vocabulary import DOCUMENT, EPOCH, IMAGE, TOOL
from provenance.sbom.spdx.writing import as_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.sbom.model import Contents

__all__ = ["encode", "write"]

_IN_JSON = re.compile("[<\x7f-\x9f\u2028\u2029\ufeff]")
_UNSAFE_LINE = re.compile(rf"{tags.UNSAFE.pattern}|[\t\n]|^\s|\s\Z|^<text>")
_SPACES = re.compile(r"\s+")
_JSON = ("provenance [", "provenance:rest {")
_KEYWORDS = ("NOASSERTION", "NONE")
_INVERSE = {"DESCRIBES": "DESCRIBED_BY", "CONTAINS": "CONTAINED_BY"}
_ENDS = ("spdxElementId", "relationshipType", "relatedSpdxElement")
_ASCII_SPACE = " "


def write(contents: Contents, version: str = "2.3") -> bytes:
    """An SPDX 2 document in tag-value. The same contents give the same bytes."""
    return in_utf8(lambda found: encode(as_document(found, version)), contents)


def encode(document: Mapping[str, Any]) -> bytes:
    """A document in the shape of its JSON as tag-value: what that has a tag for."""
    return _Writer(document).document()


class _Writer:
    """Appends lines; keeps apart what no line can say."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._lines: list[str] = []
        self._unsaid: dict[str, dict[str, Any]] = {}
        """Identifier of an element to the fields that are said in an annotation."""

    def document(self) -> bytes:
        document = self._document
        self._object(document, tags.DOCUMENT, document.get("SPDXID", DOCUMENT))
        for ref in document.get("externalDocumentRefs", ()):
            self._external_document(ref)
        self._heading("Creation Information")
        self._object(document.get("creationInfo", {}), tags.INFO, "creationInfo")
        contained, relations = _split(document)
        files = {item["SPDXID"]: item for item in document.get("files", ())}
        inside = {name for names in contained.values() for name in names}
        for name, item in files.items():
            if name not in inside:
                self._heading("File Information")
                self._object(item, tags.FILE, name)
        for item in document.get("packages", ()):
            self._heading("Package Information")
            self._object(item, tags.PACKAGE, item["SPDXID"])
            for name in contained.get(item["SPDXID"], ()):
                self._heading("File Information")
                self._object(files[name], tags.FILE, name)
        for item in document.get("hasExtractedLicensingInfos", ()):
            self._heading("License Information")
            self._license(item)
        self._heading("Relationships")
        for item in relations:
            self._lines.append(f"Relationship: {' '.join(item[key] for key in _ENDS)}")
            self._comment("RelationshipComment", item)
        self._annotations()
        return "\n".join([*self._lines, ""]).encode()

    def _heading(self, text: str) -> None:
        self._lines += ["", f"## {text}"]

    def _object(self, item: Mapping[str, Any], known: tuple[tags.Tag, ...], name: str) -> None:
        """Each field of `item` that has a tag, in the order of the tags."""
        for tag, field, style in known:
            value = item.get(field)
            if value is None:
                continue
            if style == "line":
                if not _fits(value):
                    self._keep(name, field, value)
                    value = _shown(value)
                elif field in ("name", "versionInfo") and value in _KEYWORDS:
                    self._keep(name, field, value)
                    value = _no_keyword(value)
                self._lines.append(f"{tag}: {value}")
            elif style == "text":
                self._lines.append(f"{tag}: {self._text(name, field, value)}")
            else:
                self._other(tag, field, style, value, name)

    def _other(self, tag: str, field: str, style: str, value: Any, name: str) -> None:
        if style == "flag":
            self._lines.append(f"{tag}: {str(value).lower()}")
        elif style == "purpose":
            self._lines.append(f"{tag}: {value.replace('_', '-')}")
        elif style == "code":
            self._lines.append(f"{tag}: {_code(value)}")
        elif style == "checksums":
            self._lines += [f"{tag}: {x['algorithm']}: {x['checksumValue']}" for x in value]
        elif style == "refs":
            locators = [x["referenceLocator"] for x in value]
            if any(_SPACES.search(x) or not _fits(x) for x in locators):
                self._keep(name, field, value)
            for x in value:
                said = f"{_category(x)} {x['referenceType']} {_one_word(x['referenceLocator'])}"
                self._lines.append(f"{tag}: {said}")
                self._comment("ExternalRefComment", x)
        else:
            if not all(map(_fits, value)):
                self._keep(name, field, value)
            self._lines += [f"{tag}: {_shown(x)}" for x in value]

    def _text(self, name: str, field: str, value: str) -> str:
        if value in _KEYWORDS:  # where not wrapped
            return value
        if value.isprintable() and "</text>" not in value and value:
            return f"<text>{value}</text>"
        if field == "comment" and value.startswith(_JSON):
            return f"<text>{_IN_JSON.sub(_escaped, value)}</text>"
        if not value or tags.UNSAFE.search(value) or "</text>" in value:
            self._keep(name, field, value)
            value = tags.UNSAFE.sub(_ASCII_SPACE, value).replace("</text>", "< /text>")
        return f"<text>{value or '-'}</text>"

    def _comment(self, tag: str, item: Mapping[str, Any]) -> None:
        """Where it can be said to the letter; its element has no field for what is meant."""
        text = item.get("comment")
        if isinstance(text, str) and text and not (tags.UNSAFE.search(text) or "</text>" in text):
            self._lines.append(f"{tag}: <text>{text}</text>")

    def _external_document(self, ref: Mapping[str, Any]) -> None:
        uri, checksum = ref["spdxDocument"], ref["checksum"]
        if not _fits(uri) or _SPACES.search(uri):
            key = "externalDocumentRefs"
            self._keep(self._document.get("SPDXID", DOCUMENT), key, self._document[key])
        self._lines.append(
            f"ExternalDocumentRef: {ref['externalDocumentId']} {_one_word(uri)} "
            f"{checksum['algorithm']}: {checksum['checksumValue']}"
        )

    def _license(self, item: Mapping[str, Any]) -> None:
        name, text = item["licenseId"], item["extractedText"]
        self._lines += [
            f"LicenseID: {name}",
            f"ExtractedText: {self._text(name, 'extractedText', text)}",
        ]
        if "name" in item:  # the text once more, for readers who want one line
            self._lines.append(f"LicenseName: {_no_keyword(_shown(item['name']))}")
        self._lines += [f"LicenseCrossReference: {_shown(x)}" for x in item.get("seeAlsos", ())]
        if "comment" in item:
            self._lines.append(f"LicenseComment: {self._text(name, 'comment', item['comment'])}")

    def _keep(self, name: str, field: str, value: Any) -> None:
        self._unsaid.setdefault(name, {})[field] = value

    def _created(self) -> str:
        return str(self._document.get("creationInfo", {}).get("created", EPOCH))

    def _annotations(self) -> None:
        document = self._document
        listed = (document, *document.get("packages", ()), *document.get("files", ()))
        for item in listed:
            for annotation in item.get("annotations", ()):
                text = self._text("", "comment", annotation["comment"])
                self._annotation(item.get("SPDXID", DOCUMENT), text, annotation)
        for name, fields in sorted(self._unsaid.items()):
            # SPDXREF can name elements only; licences and the creation are the document's.
            target = name if name.startswith("SPDXRef-") else document.get("SPDXID", DOCUMENT)
            said = {**fields} if target == name else {name: fields}
            json = _IN_JSON.sub(_escaped, msgspec.json.encode(said).decode())
            self._annotation(target, f"<text>{tags.FIXES}{json}</text>")

    def _annotation(self, name: str, comment: str, said: Mapping[str, Any] | None = None) -> None:
        said = said or {}
        self._heading("Annotation")
        self._lines += [
            f"Annotator: {_shown(said.get('annotator', f'Tool: {TOOL}'))}",
            f"AnnotationDate: {said.get('annotationDate', self._created())}",
            f"AnnotationComment: {comment}",
            f"AnnotationType: {said.get('annotationType', 'OTHER')}",
            f"SPDXREF: {name}",
        ]


def _split(
    document: Mapping[str, Any],
) -> tuple[dict[str, list[str]], list[Mapping[str, Any]]]:
    """Files by the package they follow, which says that it contains them; other relationships."""
    files = {item["SPDXID"] for item in document.get("files", ())}
    # The image's own come before all packages, as its files may be many.
    packages = {item["SPDXID"] for item in document.get("packages", ())} - {IMAGE}
    contained: dict[str, list[str]] = {}
    rest = []
    for item in (*document.get("relationships", ()), *_otherwise(document)):
        source, kind, target = (item[key] for key in _ENDS)
        is_bare = kind == "CONTAINS" and not item.get("comment")
        if is_bare and target in files and source in packages:
            contained.setdefault(source, []).append(target)
        else:
            rest.append(item)
    return contained, rest


def _otherwise(document: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """What JSON says by `documentDescribes` and `hasFiles` alone, for which there is no tag."""
    named = document.get("SPDXID", DOCUMENT)
    said = [(named, "DESCRIBES", name) for name in document.get("documentDescribes", ())]
    for package in document.get("packages", ()):
        said += [(package["SPDXID"], "CONTAINS", name) for name in package.get("hasFiles", ())]
    if not said:
        return
    known = {tuple(item[key] for key in _ENDS) for item in document.get("relationships", ())}
    for source, kind, target in dict.fromkeys(said):
        if not {(source, kind, target), (target, _INVERSE[kind], source)} & known:
            yield dict(zip(_ENDS, (source, kind, target), strict=True))


def _code(value: Mapping[str, Any]) -> str:
    """A verification code, with the files it leaves out where these are read as they are."""
    code = str(value["packageVerificationCodeValue"])
    names = value.get("packageVerificationCodeExcludedFiles")
    if not isinstance(names, list) or not names:
        return code
    said = f"{code} (excludes: {','.join(map(str, names))})"
    return said if _fits(said) and tags.excluded(said) == names else code


def _fits(value: str) -> bool:
    """Whether a line can say it to the letter."""
    if value.isprintable():  # nearly all are, and it is told at once
        return value.strip() == value != "" and not value.startswith("<text>")
    return _UNSAFE_LINE.search(value) is None


def _shown(value: str) -> str:
    """`value`, or as near as one line can say it."""
    if _fits(value):
        return value
    shown = _SPACES.sub(_ASCII_SPACE, tags.UNSAFE.sub(_ASCII_SPACE, value)).strip()
    return shown.replace("<text>", "< text>", 1) or "unnamed"


def _category(reference: Mapping[str, Any]) -> str:
    """In tags, 2.2 has the word of 2.3."""
    return str(category(reference["referenceCategory"], "2.3"))


def _no_keyword(value: str) -> str:
    """A name or version that no reader takes for a keyword: some refuse the document then."""
    return f"{value} (so named)" if value in _KEYWORDS else value


def _one_word(value: str) -> str:
    return _SPACES.sub("%20", _shown(value))


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
