"""`read_sbom`: from bytes, a file or a statement to an `Sbom`; the format is told by content."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from provenance.errors import LimitExceeded, MalformedDocument, NotFound, UnsupportedFormat
from provenance.findings import Finding, Severity
from provenance.sbom.codecs import read_contents
from provenance.sbom.collection import paused_collection
from provenance.sbom.decoding.detection import Detected, of_object, of_syntax
from provenance.sbom.decoding.json_text import decode_json
from provenance.sbom.decoding.syntaxes import decode_syntax
from provenance.sbom.decoding.unpacking import compression, unpacked
from provenance.sbom.document import Sbom
from provenance.sbom.formats import Format
from provenance.sbom.typed import decode_typed
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["read_sbom"]

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
    """Read an SBOM: CycloneDX 1.0 to 1.7, SPDX 2.2, 2.3 and 3.0, syft's JSON, GitHub's export.

    In JSON or XML, SPDX 2 also in YAML, RDF and tag-value; in UTF-8, UTF-16 or UTF-32; plain or
    compressed by gzip or zstd. All of it is told by content. Everything understandable is read;
    what is odd becomes a finding with a JSON pointer, or a line.

    Args:
        source: a path, the bytes, an open binary file, or a statement that carries one.
        strict: raise where a finding is an error, or the official schema, where one is shipped,
            does not take the document.
        limits: `document_bytes` (as it comes, and expanded) and `document_depth` apply.

    Raises:
        NotFound: no such file.
        LimitExceeded: larger than allowed.
        MalformedDocument: in none of these syntaxes, nested too deeply; with `strict`, not valid.
        UnsupportedFormat: in one of them, but no SBOM of a known format.
        TypeError: a file that is open as text.
    """
    try:
        return _read_source(source, strict=strict, limits=limits or Limits())
    except (LimitExceeded, MalformedDocument, UnsupportedFormat) as error:
        if isinstance(source, (str, Path)):  # of several documents, which
            error.reference = error.reference or str(source)
        raise


def _read_source(
    source: str | Path | bytes | BinaryIO | CarriesPredicate, *, strict: bool, limits: Limits
) -> Sbom:
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
        raw = _unquoted(source.predicate_bytes)
    else:
        raw = _read(source, limits.document_bytes)
    if len(raw) > limits.document_bytes:
        raise _too_large(limits.document_bytes)
    if kind := compression(raw):
        raw = unpacked(raw, kind, limits.document_bytes)
    sbom = _read_quickly(raw, findings, limits) or _read_whole(raw, findings, limits)
    if strict:
        _refuse_errors(sbom)
    return sbom


def _read_quickly(raw: bytes, findings: Sequence[Finding], limits: Limits) -> Sbom | None:
    """The document in typed structs, where it has their shapes; the rest is read if asked for."""
    with paused_collection():
        quick = decode_typed(raw)
    if quick is None or quick.form is None:
        return None
    whole = partial(_read_whole, raw, findings, limits)
    return Sbom(raw, quick.form, None, findings, examined=True, quick=quick, whole=whole)


def _read_whole(raw: bytes, findings: Sequence[Finding], limits: Limits | None = None) -> Sbom:
    """The document as it is, with a finding for all that is odd."""
    with paused_collection():
        detected, document = _decode(raw, limits or Limits())
        contents = read_contents(document, detected.form)
        noticed = (*findings, *detected.findings)
        return Sbom(raw, detected.form, contents, noticed, examined=True)


def _refuse_errors(sbom: Sbom) -> None:
    """Raise for the first error, of those found while reading, then of the official schema."""
    from provenance.sbom.validating.validation import has_schema

    reports: list[Iterable[Finding]] = [sbom.findings]
    if has_schema(sbom.format):
        reports.append(sbom.validate())
    for finding in chain.from_iterable(reports):
        if finding.severity is Severity.ERROR:
            raise MalformedDocument(
                f"the document is not valid: {finding.message}", pointer=finding.pointer
            )


def _unquoted(predicate: bytes) -> bytes:
    """Tag-value and XML are attested as one JSON string, as a predicate is JSON."""
    if not predicate.lstrip().startswith(b'"'):
        return predicate
    text = decode_json(predicate)
    return text.encode("utf-8", "replace") if isinstance(text, str) else predicate


def _read(source: str | Path | bytes | BinaryIO, limit: int) -> bytes:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, (str, Path)):
        return _all_of(source, limit)
    try:
        with Path(source).open("rb") as file:
            return _all_of(file, limit)
    except OSError as error:
        raise NotFound(
            f"{source} cannot be read ({error.strerror})", hint="check the path"
        ) from error
    except ValueError as error:  # a zero character in it
        raise NotFound(f"{str(source)[:200]!r} is no path ({error})", hint="check it") from error


def _all_of(file: BinaryIO, limit: int) -> bytes:
    """What is in a file, up to a byte more than `limit`. Pipes give less than is asked for."""
    first = file.read(limit + 1)
    if not isinstance(first, bytes):
        raise TypeError(f"the file gives {type(first).__name__}, not bytes: open it in mode 'rb'")
    chunks, size = [first], len(first)
    while chunks[-1] and size <= limit:
        chunks.append(file.read(limit + 1 - size) or b"")
        size += len(chunks[-1])
    return b"".join(chunks) if any(chunks[1:]) else first


def _decode(raw: bytes, limits: Limits) -> tuple[Detected, Any]:
    """The format, and the document in the shape that its reader takes."""
    syntax = of_syntax(raw)
    document = decode_syntax(raw, syntax, depth=limits.document_depth)
    if not isinstance(document, dict):
        raise UnsupportedFormat("the document is no JSON object, so no SBOM")
    detected = of_object(document, syntax)
    if detected.form is Format.GITHUB_SBOM:
        document = document["sbom"]
    return detected, document


def _too_large(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"the document has more than {limit} bytes", hint="raise Limits.document_bytes"
    )
