"""What a document in tag-value says and its JSON shape does not: snippets, reviews, what is odd.

Words are compared, as a statement may become several fields. Source: SPDX 2.3 sections 6 to 13.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from provenance.sbom.items import values
from provenance.sbom.spdx.tag_reading import KNOWN_TAGS, statements
from provenance.sbom.spdx.tags import FIXES, UNSAFE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["unread_tags"]

_WORD = re.compile(r"[^\s:(),]+")
_EMPTY = ("_", "unnamed")
"""What is written where there is nothing, in a text or a line."""
_ENVELOPE = ("Annotator", "AnnotationDate", "AnnotationType", "SPDXREF")
_BEHIND = ("AnnotationType", "SPDXREF")
"""Of these, what stands behind the comment as this library writes them."""
_PLACES = ("SPDXREF",)
"""Tags that say where a value belongs, which a document in JSON says by its shape."""


def unread_tags(text: str, document: Mapping[str, Any]) -> Counter[str]:
    """Tags of which `document` does not hold all that the text says, and how often.

    Args:
        text: the document in tag-value. Comments are no part of it.
        document: as it was decoded.
    """
    left: Counter[str] = Counter()
    for value in values(document):
        left.update(_words(str(value)))
    found: Counter[str] = Counter()
    said = _without_fixes(statements(text), left)
    # What has a field comes first, or it would seem to be what is missing.
    for tag, value in sorted(said, key=lambda x: x[0] not in KNOWN_TAGS):
        if tag in _PLACES:
            continue
        words = Counter(_words(value.replace("(excludes:", "(")))
        if any(left[word] < count for word, count in words.items()):
            found[f"/{tag[:60]}"] += 1
        left.subtract({word: min(count, left[word]) for word, count in words.items()})
    return found


def _without_fixes(said: Iterable[tuple[str, str]], left: Counter[str]) -> list[tuple[str, str]]:
    """All but annotations with what the syntax cannot spell; `left` gets what stands for it."""
    kept: list[tuple[str, str]] = []
    is_behind = False
    for tag, value in said:
        if not value.startswith(FIXES):
            is_behind = is_behind and tag in _BEHIND
            if not is_behind:
                kept.append((tag, value))
            continue
        is_behind = True
        while kept and kept[-1][0] in _ENVELOPE:
            kept.pop()
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            fixed = msgspec.json.decode(value.removeprefix(FIXES).encode("utf-8", "replace"))
            for shown in values(fixed):
                spelt = UNSAFE.sub(" ", str(shown)).replace("</text>", "< /text>")
                left.update(_words(spelt) or _EMPTY)
    return kept


def _words(text: str) -> list[str]:
    words: list[str] = _WORD.findall(text)
    return [word.lower().replace("-", "_") for word in words]
