"""`read_sbom`: from bytes, a file or a statement to an `Sbom`; the format is told by content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

import msgspec

from provenance.errors import LimitExceeded, MalformedDocument, NotFound, UnsupportedFormat
from provenance.findings import Finding, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.cyclonedx import decode_xml
from provenance.sbom.document import Sbom, read_contents
from provenance.sbom.formats import Format
from provenance.sbom.spdx import decode_tag_value
from provenance.sbom.spdx.tag_reading import Decoded
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_sbom"]

_BOM = b"\xef\xbb\xbf"
_PREDICATES = ("https://cyclonedx.org/bom", "https://spdx.dev/Document")


@runtime_checkable
class CarriesPredicate(Protocol):
    """A statement: it has a predicate type, and the predicate as bytes."""

    @property
    def predicate_type(self) -> str:
        """The type's URI."""
        ...

    @property
    def predicate_bytes(self) -> bytes:
        """The predicate in JSON, as it was signed."""
        ...


def read_sbom(
    source: str | Path | bytes | BinaryIO | CarriesPredicate,
    *,
    strict: bool = False,
    limits: Limits | None = None,
) -> Sbom:
    """Read an SBOM: CycloneDX 1.0 to 1.7 in JSON or XML, SPDX 2.2 or 2.3 in JSON.

    Everything understandable is read; what is odd becomes a finding with a JSON pointer.

    Args:
        source: a path, the bytes, an open binary file, or a statement that carries one.
        strict: raise for a document that does not validate.
        limits: `document_bytes` applies.

    Raises:
        NotFound: no such file.
        LimitExceeded: larger than allowed.
        MalformedDocument: neither JSON nor XML; with `strict`, not valid.
        UnsupportedFormat: JSON or XML, but no SBOM of a known format.
    """
    limits = limits or Limits()
    findings: tuple[Finding, ...] = ()
    if isinstance(source, CarriesPredicate):
        if not source.predicate_type.startswith(_PREDICATES):
            raise UnsupportedFormat(
                f"a statement of type {source.predicate_type[:200]} carries no SBOM",
                hint="expected a CycloneDX or SPDX predicate",
            )
        findings = (
            Finding(
                "signature-not-checked",
                Severity.WARNING,
                "read out of a statement whose signature was not checked here",
            ),
        )
        raw = source.predicate_bytes
    else:
        raw = _read(source, limits.document_bytes)
    if len(raw) > limits.document_bytes:
        raise _too_large(limits.document_bytes)
    with paused_collection():
        document = _decode(raw)
        form = _detect(document, is_xml=_is_xml(raw))
        sbom = Sbom(raw, form, read_contents(document, form), findings)
    if strict and not (report := sbom.validate()).ok:
        first = next(f for f in report if f.severity is Severity.ERROR)
        raise MalformedDocument(
            f"the document is not valid: {first.message}", pointer=first.pointer
        )
    return sbom


def _read(source: str | Path | bytes | BinaryIO, limit: int) -> bytes:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, (str, Path)):
        return source.read(limit + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise NotFound(
            f"{source} cannot be read ({error.strerror})", hint="check the path"
        ) from error


def _decode(raw: bytes) -> Mapping[str, Any]:
    try:
        if _is_xml(raw):
            return decode_xml(raw)
        if _is_tag_value(raw):
            return decode_tag_value(raw)
        document = msgspec.json.decode(raw.removeprefix(_BOM))
    except RecursionError as error:
        raise MalformedDocument("the document is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedDocument(
            f"the document is no JSON: {str(error)[:200]}",
            hint="other syntaxes (YAML, RDF) are not read yet",
        ) from error
    if not isinstance(document, dict):
        raise UnsupportedFormat("the document is no JSON object, so no SBOM")
    return document


def _is_xml(raw: bytes) -> bool:
    """Whether the first character, in UTF-8 or UTF-16, opens an element."""
    start = raw.removeprefix(_BOM)[:100].lstrip()
    return start.startswith((b"<", b"\xff\xfe<\0", b"\xfe\xff\0<"))


def _is_tag_value(raw: bytes) -> bool:
    """Whether the version is stated near the start, as a tag on a line of its own."""
    start = raw[:4096]
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = start.decode("utf-16" if wide else "utf-8", "ignore").removeprefix("\ufeff")
    return any(line.startswith("SPDXVersion:") for line in text.splitlines())


def _detect(document: Mapping[str, Any], *, is_xml: bool) -> Format:
    version = document.get("specVersion")
    if document.get("bomFormat") == "CycloneDX" and isinstance(version, str):
        name = f"cyclonedx-{version}{'-xml' if is_xml else ''}"
    elif isinstance(document.get("spdxVersion"), str):
        name = document["spdxVersion"].lower()
        if isinstance(document, Decoded):
            name = Format.SPDX_2_3_TAG.value if name in ("spdx-2.2", "spdx-2.3") else name
    elif "spdx.org/rdf/3.0" in str(document.get("@context"))[:1000]:
        name = Format.SPDX_3_0.value
    else:
        raise UnsupportedFormat(
            "the document is neither CycloneDX nor SPDX",
            hint="expected bomFormat and specVersion, spdxVersion, or the @context of SPDX 3",
        )
    for form in Format:
        if form.value == name and (form is not Format.SPDX_3_0 or "@context" in document):
            return form
    raise UnsupportedFormat(
        f"{name[:60]!r} is not read", hint=f"read are {', '.join(f.value for f in Format)}"
    )


def _too_large(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"the document has more than {limit} bytes", hint="raise Limits.document_bytes"
    )
