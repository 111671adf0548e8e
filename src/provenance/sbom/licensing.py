"""Licences as the formats want them: identifiers, expressions, or words that are neither."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from importlib import resources
from typing import Any

from provenance.sbom.model import clean

__all__ = ["cyclonedx_licenses", "is_expression", "spdx_license"]

_OPERATOR = re.compile(r"\s(AND|OR|WITH)\s")


@functools.cache
def _identifiers() -> frozenset[str]:
    """The identifiers that CycloneDX 1.6's schema takes: SPDX's list as it was then."""
    path = resources.files("provenance") / "_data" / "schemas" / "spdx.schema.json"
    return frozenset(json.loads(path.read_bytes())["enum"])


@functools.lru_cache(maxsize=4096)
def is_expression(text: str) -> bool:
    """Whether `text` is a valid SPDX licence expression that needs no definition elsewhere."""
    from provenance.packages.licenses import is_spdx

    return "Ref-" not in text and is_spdx(text)


def cyclonedx_licenses(licenses: tuple[str, ...]) -> list[dict[str, Any]]:
    """As `licenses` of a component. The schema takes one expression, or any number of the rest."""
    texts = [clean(text) for text in licenses]
    if len(texts) == 1 and _OPERATOR.search(texts[0]) and is_expression(texts[0]):
        return [{"expression": texts[0]}]
    return [
        {"license": {"id": text} if text in _identifiers() else {"name": text}} for text in texts
    ]


def spdx_license(licenses: tuple[str, ...], extracted: dict[str, str]) -> str:
    """As `licenseDeclared`; what is no expression becomes a LicenseRef, entered in `extracted`."""
    parts = []
    for text in map(clean, licenses):
        if is_expression(text):
            parts.append(text)
            continue
        name = f"LicenseRef-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        extracted[name] = text
        parts.append(name)
    if not parts:
        return "NOASSERTION"
    if len(parts) == 1:
        return parts[0]
    return " AND ".join(f"({p})" if _OPERATOR.search(p) else p for p in parts)
