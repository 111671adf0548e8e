"""External references of CycloneDX, with those of SPDX's own kinds among them."""

from __future__ import annotations

import re

from provenance.packages.package import Reference
from provenance.sbom.cyclonedx.versions import REFERENCES

__all__ = ["comment_of", "reference_of"]

_SPDX_KIND = re.compile(r"SPDX ([A-Z_-]{1,40}) (\S{1,200}?)(?:: (.*))?", re.DOTALL)


def reference_of(kind: str, url: str, comment: object) -> Reference:
    """A reference; one of type `other` may tell its kind in the comment."""
    text = comment if isinstance(comment, str) else ""
    match = _SPDX_KIND.fullmatch(text) if kind == "other" else None
    if match is None:
        return Reference(kind, url, text)
    category = "" if match[1] == "OTHER" and match[2] in REFERENCES else match[1]
    return Reference(match[2], url, match[3] or "", category)


def comment_of(reference: Reference) -> str:
    """The comment that tells the kind of a reference whose type has to be `other`."""
    said = f"SPDX {reference.category or 'OTHER'} {reference.type}"
    return f"{said}: {reference.comment}" if reference.comment else said
