"""`LicenseRules`: which licences may be used. Judges expressions, not words.

Source: SPDX 2.3 annex D: `OR` offers a choice, `AND` asks for all, `WITH` adds an exception,
`+` and `-or-later` offer later versions as well.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING

from provenance.errors import UnsupportedFormat
from provenance.packages.expressions import AND, OR, postfix
from provenance.packages.licenses import is_spdx, normalise
from provenance.packages.listed_licenses import listed_identifiers

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LicenseRules", "Ruling"]

_NUMBER = re.compile(r"(.+?)-([0-9]+(?:\.[0-9]+)*)", re.ASCII)


class Ruling(enum.IntEnum):
    """What the rules say of an expression, from bad to good."""

    DENIED = 0
    """A licence that applies is on the list of denied ones."""
    NOT_ALLOWED = 1
    """There is a list of allowed ones, and it is not on it."""
    UNKNOWN = 2
    """Words or a LicenseRef that neither list names: nobody can tell."""
    ALLOWED = 3


@dataclass(frozen=True, slots=True)
class LicenseRules:
    """Lists of SPDX identifiers, identifiers with an exception, or patterns as `GPL-*`.

    Without `allow` everything known is allowed that is not denied.
    """

    allow: frozenset[str] | None
    deny: frozenset[str]

    @classmethod
    def of(cls, *, allow: Iterable[str] | None = None, deny: Iterable[str] = ()) -> LicenseRules:
        """From lists as people write them: `gpl-2.0+` is `GPL-2.0-or-later`.

        Raises:
            UnsupportedFormat: an entry is a compound expression, or one text stands for a list.
        """
        allowed = None if allow is None else frozenset(_entries(allow))
        return cls(allowed, frozenset(_entries(deny)))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Entries that are on no list: words of a package, or misspelled."""
        entries = sorted(self.deny | (self.allow or frozenset()))
        return tuple(entry for entry in entries if not _is_known(entry))

    def judge(self, expression: str) -> Ruling:
        """What holds for one canonical expression.

        >>> rules = LicenseRules.of(allow=["MIT"], deny=["GPL-*"])
        >>> rules.judge("MIT OR GPL-2.0-only").name, rules.judge("MIT AND GPL-2.0-only").name
        ('ALLOWED', 'DENIED')
        """
        if not is_spdx(expression):
            return self._judge_unknown(expression)
        stack: list[Ruling] = []
        for word in postfix(expression):
            if word in (AND, OR) and len(stack) > 1:
                right, left = stack.pop(), stack.pop()
                stack.append(min(left, right) if word == AND else max(left, right))
            else:
                stack.append(self._judge_one(word))
        return stack[-1] if stack else Ruling.UNKNOWN

    def _judge_one(self, license: str) -> Ruling:  # noqa: A002 - what it is
        """One licence, with its exception where it has one."""
        if "LicenseRef-" in license:
            return self._judge_unknown(license)
        base, _, exception = license.partition(" WITH ")
        if exception and self.allow is not None and license in self.allow:
            return Ruling.ALLOWED if license not in self.deny else Ruling.DENIED
        # An exception permits more than the licence alone: what holds for that holds for it.
        choices = _choices(base)
        names = [{c, f"{c} WITH {exception}"} if exception else {c} for c in choices]
        own = {base, license}
        if _on(own, self.deny) or all(_on(name, self.deny) for name in names):
            return Ruling.DENIED
        if self.allow is None:
            return Ruling.ALLOWED
        free = [name for name in names if not _on(name, self.deny)]
        if _on(own, self.allow) or any(_on(name, self.allow) for name in free):
            return Ruling.ALLOWED
        return Ruling.NOT_ALLOWED

    def _judge_unknown(self, words: str) -> Ruling:
        if _on({words}, self.deny):
            return Ruling.DENIED
        if self.allow is not None and words in self.allow:  # never by a pattern
            return Ruling.ALLOWED
        return Ruling.UNKNOWN


def _entries(listed: Iterable[str]) -> Iterable[str]:
    if isinstance(listed, str):
        raise UnsupportedFormat(
            f"{listed[:100]!r} is one text where a list of licences is wanted",
            hint="put it in brackets",
        )
    for entry in listed:
        text = normalise(entry)
        if is_spdx(text) and len(postfix(text)) > 1:
            raise UnsupportedFormat(
                f"{entry[:100]!r} is an expression, where lists take one licence each",
                hint="list its licences; AND and OR are understood in what packages state",
            )
        yield text


def _on(names: set[str], listed: frozenset[str]) -> bool:
    if not names.isdisjoint(listed):
        return True
    # Identifiers are the same in any case (annex D), so patterns are.
    patterns = [entry.lower() for entry in listed if "*" in entry]
    return any(fnmatchcase(name.lower(), pattern) for name in names for pattern in patterns)


def _is_known(entry: str) -> bool:
    if "*" not in entry:
        return is_spdx(entry)
    if "licenseref-" in entry.lower() or " " in entry:  # of what a document defines, or words
        return True
    return any(fnmatchcase(name.lower(), entry.lower()) for name in listed_identifiers())


@cache
def _choices(license: str) -> tuple[str, ...]:  # noqa: A002 - what it is
    """The licences among which `X-or-later` and `X+` let one choose: that version and later ones.

    >>> _choices("GPL-2.0-or-later")
    ('GPL-2.0-only', 'GPL-3.0-only')
    """
    ending = next((e for e in ("-or-later", "+") if license.endswith(e)), "")
    if not ending:
        return (license,)
    base = license.removesuffix(ending)
    match = _NUMBER.fullmatch(base)
    only = "-only" if ending == "-or-later" else ""
    if match is None:
        return (f"{base}{only}",)
    found = []
    for identifier in listed_identifiers():
        if only and not identifier.endswith(only):
            continue
        other = _NUMBER.fullmatch(identifier.removesuffix(only))
        if other and other[1] == match[1] and _number(other[2]) >= _number(match[2]):
            found.append(identifier)
    return tuple(found) or (f"{base}{only}",)


def _number(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]
