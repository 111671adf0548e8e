"""What packages need and offer: names with versions, files, and rich (boolean) dependencies.

Sources: rpm's documentation, "Dependencies" and "Boolean Dependencies"; rpmds.h.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.catalog.cataloger import Requirement
    from provenance.packages.package import Package

__all__ = ["MAX_DEPENDENCIES", "need", "parse_rich", "requirements", "resolve"]

MAX_DEPENDENCIES = 100_000
"""Of one package; kernels with a symbol each have some ten thousand."""

_SENSES = {2: "<", 4: ">", 8: "=", 10: "<=", 12: ">="}
_RPMLIB = 1 << 24
_LONGEST = 20_000
_DEEPEST = 16
_OPERATORS = {"and", "or", "if", "else", "unless", "with", "without"}
_RELATION = re.compile(r"\s*(?:<=|>=|<|>|=)\s*[^\s()]+")

Rich: TypeAlias = "str | tuple[str, list[Rich]]"
"""A name, or an operator and what it stands between."""


def need(name: bytes, flags: int, version: bytes) -> str:
    """A dependency as `rpm -q --requires` writes it; empty for what only rpm itself is to have."""
    text = str(name, "utf-8", "replace")
    if flags & _RPMLIB or text.startswith("rpmlib("):
        return ""
    sense = _SENSES.get(flags & 14)
    return f"{text} {sense} {str(version, 'utf-8', 'replace')}" if sense and version else text


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name: that of a package, a file, or something else that packages provide.

    Versions are left out, as what is installed satisfied rpm. Rich dependencies ask what else is
    installed and become relations when all is known.
    """
    own = {package.name, *package.provides}
    names = dict.fromkeys(text.partition(" ")[0] for text in package.depends if text[:1] != "(")
    for name in names:
        if name not in own:
            yield (name,)


def parse_rich(text: str) -> Rich:
    """Read `(a >= 1 or (b if c else d))`. Raises MalformedDocument."""
    if len(text) > _LONGEST:
        raise MalformedDocument("a rich dependency of unlikely length")
    tree, end = _group(text, 0, 0)
    if text[end:].strip():
        raise MalformedDocument(f"{text[:100]!r} goes on behind its last parenthesis")
    return tree


def _group(text: str, at: int, depth: int) -> tuple[Rich, int]:
    """The group whose `(` is at `at`, and the place behind its `)`."""
    if depth > _DEEPEST:
        raise MalformedDocument("a rich dependency nested too deeply")
    at += 1
    operator = ""
    parts: list[Rich] = []
    while True:
        while text[at : at + 1].isspace():
            at += 1
        if text[at : at + 1] == "(":
            part, at = _group(text, at, depth + 1)
        else:
            part, at = _name(text, at)
        parts.append(part)
        while text[at : at + 1].isspace():
            at += 1
        if text[at : at + 1] == ")":
            return (operator, parts) if operator else part, at + 1
        word = re.compile(r"[a-z]+").match(text, at)
        if word is None or word[0] not in _OPERATORS:
            raise MalformedDocument(f"{text[:100]!r} is no rich dependency")
        operator = operator or word[0]
        at = word.end()


def _name(text: str, at: int) -> tuple[str, int]:
    """A name, which may hold pairs of parentheses, and the place behind its version."""
    start = at
    open_ones = 0
    while at < len(text) and not text[at].isspace():
        if text[at] == ")" and not open_ones:
            break
        open_ones += (text[at] == "(") - (text[at] == ")")
        at += 1
    if start == at:
        raise MalformedDocument(f"{text[:100]!r} is no rich dependency")
    relation = _RELATION.match(text, at)
    return text[start:at], relation.end() if relation else at


def resolve(tree: Rich, providers: Callable[[str], list[str]]) -> list[str]:
    """The purls that satisfy a rich dependency among what is installed."""
    if isinstance(tree, str):
        return providers(tree)[:1]
    operator, parts = tree
    if operator in {"if", "unless"}:
        # A if B else C: A where B is there, else C. With unless the other way round.
        wanted = _holds(parts[1], providers) == (operator == "if") if len(parts) > 1 else True
        chosen = parts[:1] if wanted else parts[2:3]
        return [purl for part in chosen for purl in resolve(part, providers)]
    if operator == "or":
        found = (resolve(part, providers) for part in parts if _holds(part, providers))
        return next(found, [])
    if operator == "without":
        return resolve(parts[0], providers)
    return [purl for part in parts for purl in resolve(part, providers)]


def _holds(tree: Rich, providers: Callable[[str], list[str]]) -> bool:
    if isinstance(tree, str):
        return bool(providers(tree))
    operator, parts = tree
    if operator == "or":
        return any(_holds(part, providers) for part in parts)
    if operator in {"if", "unless"}:
        wanted = _holds(parts[1], providers) == (operator == "if") if len(parts) > 1 else True
        chosen = parts[:1] if wanted else parts[2:3]
        return all(_holds(part, providers) for part in chosen)
    if operator == "without":
        return _holds(parts[0], providers)
    return all(_holds(part, providers) for part in parts)
