"""What is odd about a document that was read all the same: looked for when findings are asked for.

The readers find what they cannot understand. This is what can be understood, and yet is not as
the specifications have it: odd times and actors, references to nothing, keys written twice.
"""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import TYPE_CHECKING, Any

from provenance.findings import Finding, Severity
from provenance.sbom.collection import paused_collection
from provenance.sbom.decoding.characters import encoding_of, xml_in_utf8
from provenance.sbom.decoding.json_oddities import examine_json
from provenance.sbom.decoding.syntaxes import decode_form
from provenance.sbom.formats import Format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["oddities"]

_OF_A_RULE = 100
_AT_MOST = 100_000
"""Of one rule: those beyond are counted as far as this and then no more."""


def oddities(raw: bytes, form: Format, noticed: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """What is odd about a document, at most a hundred findings of each rule.

    Args:
        raw: its bytes.
        form: their format.
        noticed: what its reader noticed already.
    """
    document: Any
    found = [*(_placed(finding, form) for finding in noticed), *_of_bytes(raw, form)]
    if form.syntax == "json":
        document, of_text = examine_json(raw)
        found += of_text
        if form is Format.GITHUB_SBOM:
            document = document["sbom"]
    elif form.family == "cyclonedx":
        document, of_text = _of_xml(raw)
        found += of_text
    else:
        document = decode_form(raw, form)
    with paused_collection():
        found += islice(_of_document(document, form), _AT_MOST)
    return _capped(found)


def _of_xml(raw: bytes) -> tuple[Any, list[Finding]]:
    """A CycloneDX document in XML, and what is written in it more than once."""
    from provenance.sbom.cyclonedx.xml import decode_xml

    repeated: list[str] = []
    document = decode_xml(xml_in_utf8(raw), repeated)
    said = "is written more than once; the last one was read"
    found = [
        Finding("duplicate-key", Severity.ERROR, f"the element {key!r} {said}")
        for key in dict.fromkeys(repeated)
    ]
    return document, found


def _placed(finding: Finding, form: Format) -> Finding:
    """With a pointer from the root, where the document lies within another."""
    if form is not Format.GITHUB_SBOM or not finding.pointer.startswith("/"):
        return finding
    return dataclasses.replace(finding, pointer=f"/sbom{finding.pointer}")


def _of_bytes(raw: bytes, form: Format) -> Iterator[Finding]:
    encoding = encoding_of(raw)
    if encoding == "utf-8-sig" and form.syntax == "json":
        yield Finding(
            "byte-order-mark",
            Severity.INFO,
            "a byte order mark stands before the document, which many readers refuse",
        )
    elif encoding not in ("utf-8", "utf-8-sig"):
        severity = Severity.INFO if form.syntax in ("xml", "rdf") else Severity.WARNING
        message = f"the document is in {encoding.upper()}; most readers take UTF-8 alone"
        yield Finding("not-utf-8", severity, message)


def _of_document(document: Any, form: Format) -> Iterator[Finding]:
    if form.family == "cyclonedx":
        from provenance.sbom.cyclonedx.oddities import oddities as of_cyclonedx

        return of_cyclonedx(document)
    if form.family == "syft":
        return iter(())
    if form is Format.SPDX_3_0:
        from provenance.sbom.spdx3.oddities import oddities as of_spdx3

        return of_spdx3(document)
    from provenance.sbom.spdx.oddities import oddities as of_spdx

    prefix = "/sbom" if form is Format.GITHUB_SBOM else ""
    return of_spdx(document, prefix)


def _capped(found: list[Finding]) -> tuple[Finding, ...]:
    counts: dict[str, int] = {}
    kept = []
    for finding in dict.fromkeys(found):  # an element may have been looked at twice
        count = counts[finding.rule] = counts.get(finding.rule, 0) + 1
        if count <= _OF_A_RULE:
            kept.append(finding)
    for rule, count in counts.items():
        if count > _OF_A_RULE:
            message = f"and {count - _OF_A_RULE:,} more of the same kind"
            severity = next(f.severity for f in found if f.rule == rule)
            kept.append(Finding(rule, severity, message))
    return tuple(kept)
