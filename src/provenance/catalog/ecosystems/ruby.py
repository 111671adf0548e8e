"""Installed Ruby gems: the `.gemspec` that RubyGems writes below `specifications/`.

Source: RubyGems, `Gem::Specification#to_ruby` (one statement a line, strings as `String#dump`
writes them) and `Gem::StubSpecification` (the `# stub:` line). Only literals are read; nothing is
evaluated. Not read: `.gemspec` elsewhere (sources of gems) and `Gemfile.lock` (a wish).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Problem
from provenance.errors import MalformedDocument
from provenance.packages.licenses import normalise
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import MatchedFile, Requirement

__all__ = ["CATALOGER", "literal", "literals"]

_LARGEST = 2 << 20  # bytes: default gems list their files
_MOST = 1000  # strings of a list
_NAME = re.compile(r"[A-Za-z0-9._-]{1,256}", re.ASCII)
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,255}", re.ASCII)
_SET = re.compile(
    r"[ \t]*[a-z]\w*\."
    r"(name|version|platform|homepage|summary|licenses?|authors?|metadata)[ \t]*=[ \t]*",
    re.ASCII,
)
_NEED = re.compile(r"[ \t]*[a-z]\w*\.add_(?:runtime_)?dependency[ \t(]+", re.ASCII)
_CALL = re.compile(r"Gem::(?:Version|Platform)\.new[ (]*")
# Possessive: what is no literal must not cost memory for each of its characters.
_STRING = re.compile(r"""["]((?:[^"\\]++|\\.)*+)["]|'((?:[^'\\]++|\\.)*+)'|%q<([^<>\\]*+)>""")
_BETWEEN = re.compile(r"(?:\.freeze)?[ \t]*,?[ \t]*")
_HOMEPAGE = '"homepage_uri" => '
_ESCAPE = re.compile(
    r"((?:\\x[0-9A-Fa-f]{2})+)|\\u\{([0-9A-Fa-f]{1,6})\}|\\u([0-9A-Fa-f]{4})|\\(.)", re.DOTALL
)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "s": " ", "a": "\a", "b": "\b"}


def literal(text: str, position: int = 0) -> tuple[str, int] | None:
    r"""The string literal that starts at `position`, and where it ends; None where none does.

    >>> literal('"Andr\\u00E9".freeze')
    ('André', 12)
    """
    match = _STRING.match(text, position)
    if match is None:
        return None
    double, single, bare = match.groups()
    if double is not None:
        if "#{" in double.replace("\\#", ""):
            return None  # code, whose value only Ruby knows
        value = _ESCAPE.sub(_unescaped, double) if "\\" in double else double
    elif single is not None:
        value = re.sub(r"\\([\\'])", r"\1", single)
    else:
        value = bare
    return value, match.end()


def _unescaped(match: re.Match[str]) -> str:
    octets, braced, four, letter = match.groups()
    if octets:
        return bytes.fromhex(octets.replace("\\x", "")).decode("utf-8", "replace")
    if braced or four:
        number = int(braced or four, 16)
        surrogate = 0xD800 <= number <= 0xDFFF
        return "\ufffd" if number > 0x10FFFF or surrogate else chr(number)
    return _LETTERS.get(letter, letter)


def literals(text: str, position: int = 0) -> list[str]:
    """The strings of the list that starts at `position`, or the one string there."""
    if text[position : position + 1] == "[":
        position += 1
    found: list[str] = []
    while len(found) < _MOST and (one := literal(text, position)) is not None:
        found.append(one[0])
        between = _BETWEEN.match(text, one[1])
        position = between.end() if between else one[1]
    return found


def read(file: MatchedFile) -> Iterator[Package | Problem]:
    """Yield the gem that a specification describes, or a Problem."""
    if file.size > _LARGEST:
        yield Problem(file.path, f"the gem specification is larger than {_LARGEST >> 20} MiB")
        return
    fields: dict[str, list[str]] = {}
    needs: dict[str, None] = {}
    for raw in file.text().split("\n"):
        line = raw.rstrip("\r ")
        if line.startswith("# stub: "):
            fields.setdefault("stub", line.split()[2:5])
        elif line.strip() == "else":
            break  # what follows repeats the needs, those of developers among them
        elif match := _SET.match(line):
            values = _values(match[1], line, match.end())
            if values:
                fields.setdefault(match[1], values)
        elif match := _NEED.match(line):
            need = _need(line, match.end())
            if need:
                needs[need] = None
    yield from _gem(file, fields, tuple(needs))


def _values(field: str, line: str, position: int) -> list[str]:
    if field == "metadata":
        found = line.find(_HOMEPAGE, position)
        one = literal(line, found + len(_HOMEPAGE)) if found >= 0 else None
        return [one[0]] if one else []
    call = _CALL.match(line, position)
    return literals(line, call.end() if call else position)


def _need(line: str, position: int) -> str:
    one = literal(line, position)
    if one is None:
        return ""
    between = _BETWEEN.match(line, one[1])
    wanted = literals(line, between.end() if between else one[1])
    return f"{one[0]} ({', '.join(wanted)})" if wanted else one[0]


def _gem(
    file: MatchedFile, fields: dict[str, list[str]], needs: tuple[str, ...]
) -> Iterator[Package | Problem]:
    stub = [*fields.get("stub", []), "", "", ""]

    def first(*keys: str, default: str = "") -> str:
        return next((fields[key][0] for key in keys if fields.get(key)), default)

    name, version = first("name", default=stub[0]), first("version", default=stub[1])
    if _NAME.fullmatch(name) is None:
        yield Problem(file.path, f"the gem specification has no usable name: {name[:100]!r}")
        return
    if not version:
        yield Problem(file.path, f"the specification of the gem {name!r} has no version")
    elif _VERSION.fullmatch(version) is None:
        what = f"the specification of the gem {name!r} has no usable version: {version[:100]!r}"
        yield Problem(file.path, what)
        return
    platform = first("platform", default=stub[2])
    words = tuple(" ".join(w.split()) for w in fields.get("licenses") or fields.get("license", []))
    licenses = tuple(normalise(w) for w in words if w)
    try:
        qualifiers = {"platform": "" if platform == "ruby" else platform}
        purl = build_purl("gem", "", name, version, qualifiers)
    except MalformedDocument as error:
        yield Problem(file.path, str(error))
        return
    yield Package(
        name=name,
        version=version,
        type="gem",
        purl=purl,
        licenses=licenses,
        stated_licenses=words if words != licenses else (),
        author=", ".join(w for w in fields.get("authors") or fields.get("author", []) if w),
        description=first("summary").partition("\n")[0],
        homepage=first("homepage", "metadata"),
        locations=(file.location,),
        architecture="" if platform in {"ruby", "java"} else platform,
        depends=needs,
        cataloger=CATALOGER.name,
    )


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name."""
    for need in package.depends:
        yield (need.partition(" ")[0],)


CATALOGER = Cataloger(
    name="ruby",
    version=1,
    types=("gem",),
    paths=("**/specifications/**/*.gemspec",),
    read=read,
    requirements=requirements,
)
