"""Licences as the formats want them: identifiers, expressions, or words that are neither."""

from __future__ import annotations

import functools
import re
from typing import Any

from provenance.packages.listed_licenses import listed_identifiers

__all__ = ["cyclonedx_licenses", "is_expression"]

_OPERATOR = re.compile(r"\s(AND|OR|WITH)\s")


@functools.cache
def _identifiers() -> frozenset[str]:
    """The identifiers that CycloneDX's schemas take: SPDX's list."""
    return frozenset(listed_identifiers())


@functools.lru_cache(maxsize=4096)
def is_expression(text: str) -> bool:
    """Whether `text` is a valid SPDX licence expression that needs no definition elsewhere."""
    from provenance.packages.licenses import is_spdx

    return "Ref-" not in text and is_spdx(text)


@functools.lru_cache(maxsize=4096)
def cyclonedx_licenses(
    licenses: tuple[str, ...], *, mixed: bool = False, said: str = ""
) -> tuple[list[dict[str, Any]], bool]:
    """As `licenses` of a component, and whether reading them gives the same texts again.

    Until 1.6 the schema takes one expression or any number of the rest: several of which one is
    compound become one expression, as all of them apply. Since 1.7 (`mixed`) it takes any.
    Since 1.6 it has a word for how they are known (`said`): `declared` by the package itself, or
    `concluded`. Not to be changed: cached.
    """
    compound = [bool(_OPERATOR.search(text)) and is_expression(text) for text in licenses]
    how = {"acknowledgement": said} if said else {}
    if not mixed and len(licenses) > 1 and any(compound) and all(map(is_expression, licenses)):
        joined = " AND ".join(
            f"({text})" if c else text for text, c in zip(licenses, compound, strict=True)
        )
        return [{"expression": joined, **how}], False
    whole = mixed or len(licenses) == 1
    return [
        {"expression": text, **how} if c and whole else {"license": {**_license(text), **how}}
        for text, c in zip(licenses, compound, strict=True)
    ], True


def _license(text: str) -> dict[str, str]:
    return {"id": text} if text in _identifiers() else {"name": text}
