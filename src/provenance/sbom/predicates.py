"""A document as the predicate of an attestation: JSON, under the type of its family."""

from __future__ import annotations

from provenance.sbom.decoding.characters import in_utf8
from provenance.sbom.decoding.json_text import slice_of
from provenance.sbom.formats import Format

__all__ = ["json_of", "predicate_of", "predicate_type_of"]

_TYPES = {"cyclonedx": "https://cyclonedx.org/bom", "spdx": "https://spdx.dev/Document"}


def predicate_type_of(form: Format) -> str:
    """The type's URI; syft's own documents are attested as CycloneDX."""
    return _TYPES.get(form.family, _TYPES["cyclonedx"])


def predicate_of(raw: bytes, form: Format) -> bytes | None:
    """The bytes that can be attested as they are; None where the document is to be converted."""
    if form is Format.GITHUB_SBOM:
        return slice_of(raw, "sbom") or None
    return in_utf8(raw) if form.syntax == "json" and form.family in _TYPES else None


def json_of(form: Format) -> Format:
    """The JSON format nearest to one in another syntax, in which nothing is lost."""
    family = form.family if form.family in _TYPES else "cyclonedx"
    same = [
        f for f in Format if f.family == family and f.syntax == "json" and f.writable and f.carries
    ]
    return next((f for f in same if f.version == form.version), same[0])
