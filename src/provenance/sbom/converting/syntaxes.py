"""Documents between bytes, decoded values and `Contents`, for every format that is written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.codecs import decode
from provenance.sbom.converting.pruning import pruned
from provenance.sbom.cyclonedx.older import without_refs
from provenance.sbom.cyclonedx.versions import Version
from provenance.sbom.cyclonedx.writing import as_document as as_cyclonedx
from provenance.sbom.cyclonedx.xml import encode_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.sbom.formats import Format
    from provenance.sbom.model import Contents

__all__ = ["decoded", "encoded", "native", "unread_of", "within"]


def decoded(raw: bytes, form: Format) -> dict[str, Any]:
    """The value that a document's bytes spell, in the shape of its JSON."""
    return dict(decode(raw, form))


def unread_of(raw: bytes, form: Format) -> Counter[str]:
    """Where a document says what `decoded` has no place for, and how often."""
    if form.syntax == "xml" and form.family == "cyclonedx":
        from provenance.sbom.cyclonedx.exact import with_exact
        from provenance.sbom.cyclonedx.unread import unread
        from provenance.sbom.decoding.characters import xml_in_utf8

        return unread(xml_in_utf8(raw), with_exact(decoded(raw, form)))  # as it was written
    if form.syntax == "tag-value":
        from provenance.sbom.decoding.characters import in_utf8
        from provenance.sbom.spdx.tag_unread import unread_tags

        return unread_tags(in_utf8(raw).decode("utf-8", "replace"), decoded(raw, form))
    if form.syntax == "json":
        from provenance.sbom.decoding.json_unread import unread_json

        return unread_json(raw)
    return Counter()


def native(contents: Contents, form: Format) -> dict[str, Any]:
    """A document of a format, decoded, out of contents."""
    if form.family == "cyclonedx":
        return as_cyclonedx(contents, form.version)
    if form.version.startswith("3"):
        from provenance.sbom.spdx3.writing import as_document

        return as_document(contents)
    from provenance.sbom.spdx.writing import as_document as as_spdx_2

    return as_spdx_2(contents, form.version)


def within(document: Mapping[str, Any], form: Format, *, is_pruned: bool) -> dict[str, Any]:
    """A document of the same family in another version; pruned of what that has not."""
    out = dict(document)
    if form.family == "cyclonedx":
        out["specVersion"] = form.version
        if "$schema" in out:
            out["$schema"] = Version(form.version).schema
        return pruned(out, form) if is_pruned and form.writable else out
    if not form.version.startswith("3"):
        out["spdxVersion"] = f"SPDX-{form.version}"
        return pruned(out, form) if is_pruned and form.writable else out
    return out


def encoded(
    document: dict[str, Any], form: Format, *, indented: bool = True, keeps_refs: bool = False
) -> bytes:
    """The bytes of a document. The same document gives the same bytes.

    Args:
        document: in the shape of its JSON.
        form: its format.
        indented: JSON, on lines of its own.
        keeps_refs: CycloneDX 1.0, with the identifiers that it has not, to tell components apart.
    """
    if form.syntax == "xml" and form.family == "cyclonedx":
        raw = msgspec.json.encode(document)
        return encode_xml(*((document, raw) if keeps_refs else without_refs(document, raw)))
    if form.syntax == "tag-value":
        from provenance.sbom.spdx.tag_writing import encode

        return encode(document)
    if form.syntax == "yaml":
        from provenance.sbom.spdx.yaml_writing import encode as encode_yaml

        return encode_yaml(document)
    raw = msgspec.json.encode(document)
    return msgspec.json.format(raw, indent=1) if indented else raw
