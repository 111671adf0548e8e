"""What SPDX 2.2 and 2.3 have otherwise: times, actors, checksums, relationships, references.

Source: SPDX 2.3 sections 6.8 and 6.9 (creation), 7.5 and 7.6 (actors), 8.4 (checksum of a file),
11.1 (relationships), and the fields that 6 to 8 make mandatory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.sbom.decoding.json_oddities import escaped
from provenance.sbom.model import parse_time
from provenance.sbom.spdx.vocabulary import algorithm_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["oddities"]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_ACTOR = re.compile(r"(Person|Organization|Tool): \S.*", re.DOTALL)
_NO_REFERENCE = ("NONE", "NOASSERTION")
_TIMES = ("releaseDate", "builtDate", "validUntilDate")
_OF_A_DOCUMENT = ("SPDXID", "name", "dataLicense", "documentNamespace", "creationInfo")
_KINDS = frozenset(
    (
        *("DESCRIBES", "DESCRIBED_BY", "CONTAINS", "CONTAINED_BY", "DEPENDS_ON", "DEPENDENCY_OF"),
        *("DEPENDENCY_MANIFEST_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF"),
        *("OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF", "TEST_DEPENDENCY_OF"),
        *("RUNTIME_DEPENDENCY_OF", "EXAMPLE_OF", "GENERATES", "GENERATED_FROM", "ANCESTOR_OF"),
        *("DESCENDANT_OF", "VARIANT_OF", "DISTRIBUTION_ARTIFACT", "PATCH_FOR", "PATCH_APPLIED"),
        *("COPY_OF", "FILE_ADDED", "FILE_DELETED", "FILE_MODIFIED", "EXPANDED_FROM_ARCHIVE"),
        *("DYNAMIC_LINK", "STATIC_LINK", "DATA_FILE_OF", "TEST_CASE_OF", "BUILD_TOOL_OF"),
        *("DEV_TOOL_OF", "TEST_OF", "TEST_TOOL_OF", "DOCUMENTATION_OF", "OPTIONAL_COMPONENT_OF"),
        *("METAFILE_OF", "PACKAGE_OF", "AMENDS", "PREREQUISITE_FOR", "HAS_PREREQUISITE"),
        *("REQUIREMENT_DESCRIPTION_FOR", "SPECIFICATION_FOR", "OTHER"),
    )
)


def oddities(document: Mapping[str, Any], prefix: str = "") -> Iterator[Finding]:
    """What is odd about a document in the shape of its JSON.

    Args:
        document: as decoded.
        prefix: of the pointers, where the document lies within another.
    """
    yield from _missing(document, _OF_A_DOCUMENT, prefix)
    yield from _creation(document.get("creationInfo"), f"{prefix}/creationInfo")
    names = _Names(document)
    yield from names.repeated(prefix)
    for at, item in _objects(document, "packages", prefix):
        yield from _missing(item, ("SPDXID", "name"), at)
        for key in ("supplier", "originator"):
            yield from _actor(item.get(key), f"{at}/{key}", optional=True)
        for key in _TIMES:
            yield from _time(item.get(key), f"{at}/{key}")
        yield from names.unknown(item.get("hasFiles"), f"{at}/hasFiles")
        yield from _checksums(item, at)
        yield from _annotations(item, at)
    for at, item in _objects(document, "files", prefix):
        yield from _missing(item, ("SPDXID", "fileName"), at)
        yield from _file(item, at)
        yield from _checksums(item, at)
        yield from _annotations(item, at)
    yield from _annotations(document, prefix)
    yield from names.unknown(document.get("documentDescribes"), f"{prefix}/documentDescribes")
    for at, item in _objects(document, "relationships", prefix):
        yield from _relationship(item, at, names)
    for at, item in _objects(document, "externalDocumentRefs", prefix):
        if not isinstance(item.get("checksum"), dict):
            yield _odd("missing-checksum", "a document that is referred to has no checksum", at)


def _creation(info: Any, at: str) -> Iterator[Finding]:
    if not isinstance(info, dict):
        if info is not None:
            yield _odd("odd-value", "expected an object; passed over", at)
        return
    if info.get("created") is None:
        yield _odd("missing-field", "it is not stated when the document was made", f"{at}/created")
    yield from _time(info.get("created"), f"{at}/created")
    creators = info.get("creators")
    if not isinstance(creators, list) or not creators:
        yield _odd("missing-field", "it is not stated who made the document", f"{at}/creators")
        return
    for number, creator in enumerate(creators):
        yield from _actor(creator, f"{at}/creators/{number}", optional=False)


def _time(value: Any, at: str) -> Iterator[Finding]:
    if value is None or (isinstance(value, str) and _TIME.fullmatch(value)):
        return
    if parse_time(value) is None:
        yield _odd("odd-time", f"{_short(value)} cannot be read as a time", at)
    else:
        yield _odd("odd-time", f"{_short(value)} is not of the form YYYY-MM-DDThh:mm:ssZ", at)


def _actor(value: Any, at: str, *, optional: bool) -> Iterator[Finding]:
    if optional and value in (None, "NOASSERTION"):
        return
    if not isinstance(value, str) or _ACTOR.fullmatch(value) is None:
        kinds = "'Person: ', 'Organization: ' or 'Tool: '"
        yield _odd("odd-actor", f"{_short(value)} does not begin with {kinds}", at)


def _file(item: Mapping[str, Any], at: str) -> Iterator[Finding]:
    checksums = item.get("checksums")
    listed = checksums if isinstance(checksums, list) else []
    if not any(isinstance(c, dict) and c.get("algorithm") == "SHA1" for c in listed):
        what = "no SHA1, which every file must have" if listed else "no checksum"
        yield _odd("missing-checksum", f"the file has {what}", f"{at}/checksums")


def _checksums(item: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    """Two of one algorithm, of which other readers may take the first."""
    stated: dict[str, str] = {}
    for at, checksum in _objects(item, "checksums", prefix):
        name, value = algorithm_name(checksum.get("algorithm")), checksum.get("checksumValue")
        if isinstance(value, str) and stated.setdefault(name, value).lower() != value.lower():
            message = f"another checksum by {name[:20]!r} stands before it; the last one was read"
            yield _odd("odd-hash", message, f"{at}/checksumValue")


def _annotations(item: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    for at, annotation in _objects(item, "annotations", prefix):
        yield from _actor(annotation.get("annotator"), f"{at}/annotator", optional=False)
        yield from _time(annotation.get("annotationDate"), f"{at}/annotationDate")


def _relationship(item: Mapping[str, Any], at: str, names: _Names) -> Iterator[Finding]:
    kind = item.get("relationshipType")
    if not isinstance(kind, str) or kind not in _KINDS:
        message = f"{_short(kind)} is no kind of relationship of SPDX 2.3"
        yield _odd("unknown-relationship", message, f"{at}/relationshipType")
    for key in ("spdxElementId", "relatedSpdxElement"):
        name = item.get(key)
        if not isinstance(name, str):
            yield _odd("odd-value", "expected an identifier; passed over", f"{at}/{key}")
        elif not names.known(name) and not (key != "spdxElementId" and name in _NO_REFERENCE):
            yield _dangling(name, f"{at}/{key}")


class _Names:
    """The identifiers that a document gives."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._given: dict[str, int] = {}
        for value in (document, *(x for k in _GIVES for _, x in _objects(document, k, ""))):
            name = value.get("SPDXID")
            if isinstance(name, str):
                self._given[name] = self._given.get(name, 0) + 1

    def known(self, name: str) -> bool:
        """Whether something has the name, or another document does."""
        return name in self._given or name.startswith("DocumentRef-")

    def unknown(self, names: Any, at: str) -> Iterator[Finding]:
        """Those of a list that nothing has."""
        for number, name in enumerate(names if isinstance(names, list) else ()):
            if not isinstance(name, str) or not self.known(name):
                yield _dangling(name, f"{at}/{number}")

    def repeated(self, prefix: str) -> Iterator[Finding]:
        """Names that several elements have."""
        for name, count in self._given.items():
            if count > 1:
                yield _odd("duplicate-id", f"{_short(name)} names {count} elements", prefix)


_GIVES = ("packages", "files", "snippets")


def _missing(item: Mapping[str, Any], keys: tuple[str, ...], at: str) -> Iterator[Finding]:
    for key in keys:
        if item.get(key) in (None, ""):
            yield _odd("missing-field", f"{key} is mandatory", f"{at}/{escaped(key)}")


def _objects(
    parent: Mapping[str, Any], key: str, at: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    value = parent.get(key)
    for number, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield f"{at}/{key}/{number}", item


def _dangling(name: Any, at: str) -> Finding:
    return _odd("dangling-reference", f"{_short(name)} is nothing that the document has", at)


def _short(value: Any) -> str:
    return repr(value if not isinstance(value, str) else value[:100])[:120]


def _odd(rule: str, message: str, at: str) -> Finding:
    return Finding(rule, Severity.WARNING, message, at)
