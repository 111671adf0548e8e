"""External references and identifiers of SPDX 3, and back. Source: SPDX 3.0.1, Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provenance.packages.package import Reference
from provenance.sbom.cyclonedx.references import comment_of, reference_of
from provenance.sbom.spdx.vocabulary import OF_CYCLONEDX
from provenance.sbom.spdx3.elements import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.packages.package import Package

__all__ = ["add_references", "identifier_of", "references_of"]

_KINDS = {theirs: ours for ours, theirs in OF_CYCLONEDX.items()}
_FIELDS = ("cpe23", "packageUrl", "email", "")
_IDENTIFIER = "IDENTIFIER"
"""The category of what SPDX 3 calls an identifier."""


def references_of(node: Mapping[str, Any]) -> Iterator[Reference]:
    """External references, and identifiers that have no field of their own."""
    for item in _objects(node, "externalIdentifier"):
        kind, text = text_of(item, "externalIdentifierType"), text_of(item, "identifier")
        if text and kind not in _FIELDS:
            yield Reference(kind, text, text_of(item, "comment"), _IDENTIFIER)
    for item in _objects(node, "externalRef"):
        kind, comment = text_of(item, "externalRefType"), text_of(item, "comment")
        known, locators = OF_CYCLONEDX.get(kind), item.get("locator")
        for locator in locators if isinstance(locators, list) else [locators]:
            if not isinstance(locator, str):
                continue
            if known is None and kind != "other":
                yield Reference(kind, locator, comment, "OTHER")
            else:
                yield reference_of(known or kind, locator, comment)


def add_references(out: dict[str, Any], package: Package) -> None:
    """Write a package's external references and further purls into its element."""
    identifiers = [
        identifier_of(x.type, x.url) | ({"comment": x.comment} if x.comment else {})
        for x in package.references
        if x.category == _IDENTIFIER
    ]
    identifiers += [identifier_of("packageUrl", purl) for purl in package.more_purls]
    if identifiers:
        out["externalIdentifier"] = [*out.get("externalIdentifier", ()), *identifiers]
    references = [_reference(x) for x in package.references if x.category != _IDENTIFIER]
    if references:
        out["externalRef"] = references


def identifier_of(kind: str, text: str) -> dict[str, str]:
    """An external identifier."""
    return {"type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": text}


def _reference(reference: Reference) -> dict[str, Any]:
    kind, comment = _KINDS.get(reference.type, ""), reference.comment
    if reference.category or not kind:
        kind, comment = "other", comment_of(reference)
    out = {"type": "ExternalRef", "externalRefType": kind, "locator": [reference.url]}
    return out | {"comment": comment} if comment else out


def _objects(node: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = node.get(key)
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []
