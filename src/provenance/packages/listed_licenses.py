"""The everyday licence expressions, read without the full grammar and its tables.

What packages state is nearly always one listed identifier, one with an exception, some joined by
AND and OR, or words that no list has. Those are told apart here, in microseconds; anything else
is for the full parser. Sources: SPDX 2.3 annex D; the list of identifiers as it ships in
CycloneDX's `spdx.schema.json`.
"""

from __future__ import annotations

from functools import cache
from pkgutil import get_data

import msgspec

__all__ = ["listed_identifiers", "read_listed"]

_LONGEST = 1000  # characters; longer is for the full parser
_OPERATORS = frozenset({"and", "or"})
_GNU = ("gpl-", "lgpl-", "agpl-", "gfdl-")
# What SPDX renamed.
_RENAMED = {
    "bsd-2": "BSD-2-Clause",
    "bsd-2-clause-freebsd": "BSD-2-Clause-Views",
    "bsd-2-clause-netbsd": "BSD-2-Clause",
    "bzip2-1.0.5": "bzip2-1.0.6",
}
# Deprecated identifiers that stand for others, exceptions without the word in their name, and
# names that the list and the full parser see differently.
_DOUBTFUL = frozenset(
    {
        *("ecos-2.0", "net-snmp", "nunit", "standardml-nj", "wxwindows"),
        *("linux-syscall-note", "llgpl", "shl-2.0", "shl-2.1"),
        "gpl-cc-1.0",
    }
)
# Licences with the word exception in their name, besides the deprecated X-with-Y-exception.
_LICENSES = frozenset({"cal-1.0-combined-work-exception"})
_NO_OPERANDS = frozenset({"AND", "OR", "(", ")"})
# Names of families: of none of their licences in particular.
_FAMILIES = frozenset({"gpl", "assembly-exception", "verbatim-man-pages"})


@cache
def listed_identifiers() -> tuple[str, ...]:
    """All of the SPDX licence list, exceptions too."""
    # Not by importlib.resources, which loads what makes temporary files.
    schema = get_data("provenance", "_data/schemas/spdx.schema.json") or b""
    return tuple(msgspec.json.decode(schema)["enum"])


@cache
def _exceptions() -> dict[str, str]:
    """Name in lower case to identifier, of what can stand after WITH."""
    names = [(identifier.lower(), identifier) for identifier in listed_identifiers()]
    licenses = {n for n, _ in names if "-with-" in n} | _LICENSES
    return {n: i for n, i in names if "exception" in n and n not in licenses}


@cache
def _listed() -> dict[str, str]:
    """Name in lower case to identifier; empty where the full parser has to look at it."""
    found = dict.fromkeys(_DOUBTFUL, "") | _RENAMED
    identifiers = listed_identifiers()
    known = set(identifiers)
    for identifier in identifiers:
        name = identifier.lower()
        if name.startswith(_GNU) and f"{identifier}-only" in known:
            found[name] = f"{identifier}-only"
            found[f"{name}+"] = f"{identifier}-or-later"
        elif name.startswith(_GNU) and name.endswith("+"):
            found.setdefault(name, f"{identifier[:-1]}-or-later")
        else:
            found.setdefault(name, "" if "exception" in name else identifier)
    for name in _FAMILIES:
        found.pop(name, None)
    return found


def read_listed(text: str) -> str | None:
    """The canonical expression that `text` is; empty if it is none; None: ask the full parser.

    >>> read_listed("mit or apache-2.0"), read_listed("public-domain")
    ('MIT OR Apache-2.0', '')
    """
    if len(text) > _LONGEST or "gpl 2." in text.lower():  # two words that the full parser knows
        return None
    listed = _listed()
    if len(words := text.lower().split()) == 3 and words[1] == "with":
        identifier, exception = listed.get(words[0]), _exceptions().get(words[2])
        if identifier and exception:
            return f"{identifier} WITH {exception}"
    terms: list[str] = []
    certain = True
    operand = False  # whether one stands directly before
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        name = word.lower()
        if name in _OPERATORS or name in {"(", ")", "with"}:
            terms.append(name.upper())
            operand, certain = False, certain and name != "with"
            continue
        identifier = listed.get(name)
        if not identifier:
            if identifier is None and not _may_be(name, listed):
                return ""
            certain = False
        elif operand:
            return ""
        terms.append(identifier or "")
        operand = bool(identifier)
    return _rendered(terms) if certain else None


def _may_be(name: str, listed: dict[str, str]) -> bool:
    return (name[-1] == "+" and name[:-1] in listed) or name.startswith(
        ("licenseref-", "documentref-")
    )


def _rendered(terms: list[str]) -> str | None:
    """Operands that are identifiers or, in parentheses, one level of them; else None."""
    outer: list[str] = []
    position = 0
    while position < len(terms):
        if terms[position] == "(":
            if ")" not in terms[position:]:
                return None
            end = terms.index(")", position)
            inner = _joined(terms[position + 1 : end])
            if inner is None:
                return None
            outer.append(inner)
            position = end + 1
        else:
            outer.append(terms[position])
            position += 1
    return _joined(outer)


def _joined(terms: list[str]) -> str | None:
    operands, operators = terms[::2], set(terms[1::2])
    if len(terms) % 2 == 0 or not _NO_OPERANDS.isdisjoint(operands):
        return None
    if not operators:
        return operands[0]
    if len(operators) > 1 or not operators <= {"AND", "OR"}:
        return None
    (operator,) = operators
    # A group of the same operator would have to be told from one of the other.
    if any(f" {operator} " in operand for operand in operands):
        return None
    return f" {operator} ".join(f"({o})" if " " in o else o for o in operands)
