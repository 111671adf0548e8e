"""Whether a text is a package URL or a CPE name: fast for what everybody writes.

Sources: purl-spec; NIST IR 7695 section 6.1 (URI binding, CPE 2.2) and 6.2 (formatted string).
"""

from __future__ import annotations

import re

from provenance.errors import MalformedDocument
from provenance.packages.purl import parse_purl

__all__ = ["is_cpe", "is_purl"]

_TEXT = r"(?:[A-Za-z0-9._~:+-]|%[0-9A-Fa-f]{2})+"
# Types without rules of their own for namespaces; anything else is for the full parser.
_PLAIN_PURL = re.compile(
    rf"pkg:(?:npm|pypi|deb/[a-z0-9.-]+|apk/[a-z0-9.-]+|rpm/[a-z0-9.-]+|golang|gem|cargo|nuget|"
    rf"maven/[A-Za-z0-9._-]+|generic|composer/[a-z0-9._-]+)/(?:{_TEXT}/)*{_TEXT}@{_TEXT}"
    rf"(?:\?[a-z0-9._-]+=[^\s?#&=]+(?:&[a-z0-9._-]+=[^\s?#&=]+)*)?",
    re.ASCII,
)
# A purl is a URL in ASCII, and what no URL has is written in percent; its parser takes anything.
_NOT_IN_PURL = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})")
_PART = r"(?:[A-Za-z0-9._~%?*-]|\\[!-/:-@\[-`{-~])*"
_CPE_2_3 = re.compile(rf"cpe:2\.3:[aho*-](?::{_PART}){{10}}", re.ASCII)
_CPE_2_2 = re.compile(r"cpe:/[aho]?(?::[A-Za-z0-9._~%-]*){0,6}", re.ASCII | re.IGNORECASE)
_LONGEST = 8192  # characters: browsers and databases stop far below


def is_purl(text: str) -> bool:
    """Whether `text` is a package URL.

    >>> is_purl("pkg:npm/%40angular/core@17.0.0"), is_purl("npm/left-pad"), is_purl("pkg:npm")
    (True, False, False)
    """
    if len(text) > _LONGEST:
        return False
    if "//" not in text and _PLAIN_PURL.fullmatch(text):
        return True
    if _NOT_IN_PURL.search(text):
        return False
    try:
        parse_purl(text)
    except MalformedDocument:
        return False
    return True


def is_cpe(text: str) -> bool:
    """Whether `text` is a CPE 2.3 name or a CPE 2.2 URI.

    >>> is_cpe("cpe:2.3:a:acme:app:1.0:*:*:*:*:*:*:*"), is_cpe("cpe:/a:acme:app:1.0")
    (True, True)
    >>> is_cpe("cpe:2.3:a:acme:app")
    False
    """
    if len(text) > _LONGEST:
        return False
    return (_CPE_2_3.fullmatch(text) or _CPE_2_2.fullmatch(text)) is not None
