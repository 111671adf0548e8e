"""From the bytes of a document to the shape its reader takes, whatever the syntax.

What knows a syntax is imported with the first document in it.
"""

from __future__ import annotations

from typing import Any

from provenance.sbom.decoding.characters import xml_in_utf8
from provenance.sbom.decoding.json_text import decode_json
from provenance.sbom.formats import Format

__all__ = ["decode_form", "decode_syntax"]


def decode_form(raw: bytes, form: Format) -> Any:
    """The value that a document of a known format spells; of GitHub's, the SPDX in it."""
    if form.family == "cyclonedx" and form.syntax == "xml":
        return decode_syntax(raw, "cyclonedx-xml")
    document = decode_syntax(raw, form.syntax)
    return document["sbom"] if form is Format.GITHUB_SBOM else document


def decode_syntax(raw: bytes, syntax: str, *, depth: int | None = None) -> Any:
    """The value that a document spells.

    Args:
        raw: the document, in any Unicode encoding.
        syntax: as `detection.of_syntax` tells it.
        depth: most levels of nesting; XML of CycloneDX has a limit of its own.

    Raises:
        MalformedDocument: not in that syntax, or nested more deeply.
    """
    if syntax == "json":
        return decode_json(raw, depth=depth)
    if syntax == "cyclonedx-xml":
        from provenance.sbom.cyclonedx.xml import decode_xml

        return decode_xml(xml_in_utf8(raw))
    if syntax == "tag-value":
        from provenance.sbom.spdx import decode_tag_value

        return decode_tag_value(raw)
    if syntax == "yaml":
        from provenance.sbom.spdx import yaml_reading

        return yaml_reading.decode(raw, depth=depth)
    if syntax == "rdf":
        from provenance.sbom.spdx import rdf_reading

        return rdf_reading.decode(raw, depth=depth)
    from provenance.sbom.spdx import xml_reading

    return xml_reading.decode(raw, depth=depth)
