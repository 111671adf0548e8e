"""Licence expressions: whether one is well formed, and which identifiers no list has.

Source: SPDX 2.3 annex D. The list is the one that ships with CycloneDX's schemas.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from provenance.packages.licenses import is_spdx
from provenance.packages.listed_licenses import listed_identifiers

__all__ = ["check", "references"]

_WORD = re.compile(r"[^\s()]+")
_OPERATORS = frozenset({"and", "or", "with"})
_IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]+", re.ASCII)
_REFERENCE = re.compile(
    r"(?:DocumentRef-[A-Za-z0-9.-]+:)?(?:LicenseRef|AdditionRef)-[A-Za-z0-9.-]+", re.ASCII
)
_LONGEST = 4096  # characters; longer is prose


@cache
def _listed() -> frozenset[str]:
    return frozenset(name.lower() for name in listed_identifiers())


@lru_cache(maxsize=4096)
def check(text: str) -> tuple[tuple[str, ...], bool]:
    """Identifiers that no list has, and whether it is a good expression.

    >>> check("MIT OR Apache-2.0"), check("MIT OR Acme-1.0"), check("MIT OR")
    (((), True), (('Acme-1.0',), False), ((), False))
    """
    if len(text) > _LONGEST:
        return (), False
    if is_spdx(text):
        return (), True
    words = [w for w in _WORD.findall(text) if w.lower() not in _OPERATORS]
    odd = any(not (_IDENTIFIER.fullmatch(w) or _REFERENCE.fullmatch(w)) for w in words)
    if odd or not _has_shape(text):
        return (), False
    unknown = [
        w for w in words if w.lower().removesuffix("+") not in _listed() and not _REFERENCE.match(w)
    ]
    # Listed, joined as they should be: what the parser refuses is a case that lists differ in.
    return tuple(dict.fromkeys(unknown)), not unknown


def _has_shape(text: str) -> bool:
    """Operand, operator, operand, with parentheses that close."""
    depth, wants_operand = 0, True
    for part in re.findall(r"[()]|[^\s()]+", text):
        if part == "(":
            if not wants_operand:
                return False
            depth += 1
        elif part == ")":
            depth -= 1
            if wants_operand or depth < 0:
                return False
        elif part.lower() in _OPERATORS:
            if wants_operand:
                return False
            wants_operand = True
        else:
            if not wants_operand:
                return False
            wants_operand = False
    return depth == 0 and not wants_operand


@lru_cache(maxsize=4096)
def references(text: str) -> tuple[str, ...]:
    """The `LicenseRef-`s of this document that an expression names.

    >>> references("MIT AND LicenseRef-a OR DocumentRef-b:LicenseRef-c")
    ('LicenseRef-a',)
    """
    if "LicenseRef-" not in text or len(text) > _LONGEST:
        return ()
    return tuple(w for w in _WORD.findall(text) if w.startswith("LicenseRef-"))
