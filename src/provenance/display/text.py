"""Text from strangers, made harmless to look at."""

from __future__ import annotations

import re

__all__ = ["visible"]

# C0 and C1 controls, bidirectional overrides and isolates (CVE-2021-42574), zero-width and
# separator characters, lone surrogates: what changes how the rest is shown, or cannot be shown.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""`text` with every character that would hide or reorder others written as an escape.

    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return _HIDDEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
