"""Signatures within a part: each is over the object that holds it, and stands as long as that does.

Source: JSON Signature Format, as the schemas of CycloneDX 1.4 and later name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["signed", "without_signature"]

_SIGNATURE = "signature"
_WITHOUT = frozenset({"dependencies", "externalReferences", "hashes", "licenses", "properties"})
"""Lists of which nothing is signed."""


def signed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bytes]]:
    """Pointer to every object within a document that is signed, it, and what it says."""
    waiting: list[tuple[str, Any]] = [
        (f"/{key}", value) for key, value in document.items() if key not in _WITHOUT
    ]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, list):
            waiting += [(f"{at}/*", x) for x in value if isinstance(x, (dict, list))]
        elif isinstance(value, dict):
            if _SIGNATURE in value:
                yield at, value, _said(value)
            waiting += [
                (f"{at}/{key}", inner)
                for key, inner in value.items()
                if isinstance(inner, (dict, list)) and key not in _WITHOUT and key != _SIGNATURE
            ]


def without_signature(holder: dict[str, Any], before: bytes) -> Any:
    """Take the signature off what says something else than before; return it, else None."""
    return None if _said(holder) == before else holder.pop(_SIGNATURE, None)


def _said(holder: dict[str, Any]) -> bytes:
    return msgspec.json.encode(holder, order="sorted")
