"""Installed Python distributions: `METADATA` of dist-info, `PKG-INFO` of egg-info.

Sources: PyPA core metadata 2.4; "Recording installed projects" (RECORD, direct_url.json); the egg
formats of setuptools (requires.txt, installed-files.txt). Header fields end where the `email`
parser, with which installers read them, ends them.

Not read: requirements and lock files and `.egg-link` (wishes and pointers, not facts); a folder
named like a distribution that holds no metadata; what an installed package brings for its tests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Fact, Owned, Problem
from provenance.catalog.ecosystems import python_eggs
from provenance.catalog.ecosystems.file_lists import unpack_files
from provenance.catalog.ecosystems.python_records import (
    BUILT_FROM,
    DIRECT_URL,
    FILES,
    REQUIRES,
    read_beside,
)
from provenance.errors import MalformedDocument
from provenance.packages.licenses import normalise_python
from provenance.packages.package import Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from provenance.catalog.cataloger import MatchedFile, Remaining, Requirement

__all__ = ["CATALOGER", "headers", "normalised"]

_LARGEST = 2 << 20  # bytes: descriptions in headers are long, but not that long
_FOLDED = 100  # lines of one field that are kept
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?", re.ASCII)
_VERSION = re.compile(r"[!-~]{1,256}", re.ASCII)
_FIELD = re.compile(r"[!-9;-~]*", re.ASCII)
_SEPARATORS = re.compile(r"[-_.]+")
_LABEL = re.compile(r"[\W_]+")
_WANTED = frozenset(
    {
        *("name", "version", "summary", "home-page", "project-url", "requires-dist"),
        *("author", "author-email", "maintainer", "maintainer-email"),
        *("license-expression", "license", "classifier"),
    }
)

_EXTRA = re.compile(r"\bextra\b")
_COMPARED = re.compile(
    r"""\s*(python_version|sys_platform|os_name|platform_system)\s*
        (==|!=|<=|>=|<|>)\s*["']([^"']*)["']\s*""",
    re.VERBOSE | re.ASCII,
)
_POSIX_SITE = re.compile(r"(?:^|/)lib(?:64)?/python(3\.[0-9]+)?[^/]*/(?:site|dist)-packages/")
# Of an installed package: what lies there is installed for nobody.
_TESTS = re.compile(r"(?:^|/)(?:site|dist)-packages/(?:[^/]+/)*tests?/")
_WINDOWS = {"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows"}
_RELEASE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


def normalised(name: str) -> str:
    """PEP 503: what names are compared by."""
    return _SEPARATORS.sub("-", name).lower()


def headers(text: str) -> dict[str, list[str]]:
    """The header fields that are used, names in lower case; what comes after them is prose."""
    found: dict[str, list[str]] = {}
    values: list[str] | None = None
    folded = 0
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n"):
        if not line:
            break
        if line[0] in " \t":
            folded += 1
            if values and folded < _FOLDED:
                values[-1] += "\n" + line.strip(" \t|")
            continue
        key, colon, value = line.partition(":")
        name = key.lower()
        if name in _WANTED and colon:
            values = found.setdefault(name, [])
            values.append(value.strip())
            folded = 0
        elif colon and _FIELD.fullmatch(key):
            values = None
        else:
            break
    return found


def read(file: MatchedFile) -> Iterator[Package | Fact | Problem]:
    """Yield the distribution that the file describes, or what else it says of one."""
    if _is_uninstalled(file.path):
        return
    if file.path.endswith(".egg"):
        for inner in python_eggs.members(file):
            yield from [inner] if isinstance(inner, Problem) else read(inner)
        return
    if not file.path.upper().endswith(("METADATA", "PKG-INFO", ".EGG-INFO")):
        yield from read_beside(file)
        return
    head = file.body[:_LARGEST]
    end = head.find(b"\n\n")
    if end < 0 and file.size > _LARGEST:
        yield Problem(file.path, f"the Python metadata fields are over {_LARGEST >> 20} MiB")
        return
    found = headers(str(head if end < 0 else head[: end + 1], "utf-8", "replace"))
    name, version = _first(found, "name"), _first(found, "version")
    if _NAME.fullmatch(name) is None:
        yield Problem(file.path, f"the Python metadata of {name[:100]!r} has no usable name")
        return
    if not version:
        yield Problem(file.path, f"the Python metadata of {name[:100]!r} has no version")
    elif _VERSION.fullmatch(version) is None:
        message = f"the Python metadata of {name[:100]!r} has no usable version: {version[:100]!r}"
        yield Problem(file.path, message)
        return
    yield _package(file, found, name, version)


def _is_uninstalled(path: str) -> bool:
    """Whether it is of a package's tests, or what pip moved away and could not delete."""
    if _TESTS.search(path):
        return True
    return "/~" in path and path.rpartition("/")[0].rpartition("/")[2].startswith("~")


def _package(file: MatchedFile, found: dict[str, list[str]], name: str, version: str) -> Package:
    expression, text = _first(found, "license-expression"), _first(found, "license")
    classifiers = [c for c in found.get("classifier", ()) if c.startswith("License ::")]
    licenses = normalise_python(expression, text, classifiers)
    stated = _stated(expression, text, classifiers)
    return Package(
        name=name,
        version=version,
        type="pypi",
        purl=build_purl("pypi", "", normalised(name), version),
        licenses=licenses,
        stated_licenses=() if stated == licenses else stated,
        supplier=_who(found, "maintainer"),
        author=_who(found, "author"),
        description=_known(_first(found, "summary").partition("\n")[0]),
        homepage=_homepage(found),
        locations=(file.location,),
        provides=(normalised(name),),
        depends=tuple(" ".join(need.split()) for need in found.get("requires-dist", ())),
        cataloger=CATALOGER.name,
    )


def _first(found: Mapping[str, list[str]], key: str) -> str:
    values = found.get(key)
    return values[0] if values else ""


def _known(text: str) -> str:
    """`text`, unless it is the word that setuptools wrote for nothing."""
    return "" if text == "UNKNOWN" else text


def _stated(expression: str, text: str, classifiers: list[str]) -> tuple[str, ...]:
    """The source's words. The whole text of a licence is none: only its first line is taken."""
    if expression:
        return (expression,)
    words = _known(text.partition("\n")[0].strip())
    if words and ("\n" in text or len(words) > 100):
        words = "" if classifiers else words[:100]
    return tuple(dict.fromkeys([words, *classifiers] if words else classifiers))


def _who(found: Mapping[str, list[str]], field: str) -> str:
    if field not in found and f"{field}-email" not in found:
        return ""
    name = _known(" ".join(_first(found, field).split()))
    mail = _known(" ".join(_first(found, f"{field}-email").split()))
    if name and mail and "<" not in mail and "," not in mail:
        return f"{name} <{mail}>"
    return name or mail


def _homepage(found: Mapping[str, list[str]]) -> str:
    url = _known(_first(found, "home-page"))
    if not url:
        for line in found.get("project-url", ()):
            label, _, target = line.partition(",")
            # "Well-known project URLs": labels are compared without case, space and punctuation.
            if _LABEL.sub("", label).lower() == "homepage":
                url = target.strip()
                break
    return url if len(url.split(maxsplit=1)) == 1 else ""


def complete(remaining: Remaining) -> Iterator[Package | Owned]:
    """Yield each distribution with what the files beside its metadata say."""
    records, requires = remaining.of(FILES), remaining.of(REQUIRES)
    origins = remaining.of(DIRECT_URL)
    twins = _twins(remaining)
    for read_package in remaining.packages:
        package = read_package
        place = package.locations[0].path
        if place in twins:
            continue
        folder = place.rpartition("/")[0]
        if not package.depends and (needs := requires.get(folder)):
            package = package.changed(depends=tuple(needs))
        if qualifiers := origins.get(folder):
            package = package.changed(purl=_purl_of(package, qualifiers))
        yield package
        if record := records.get(folder):
            yield Owned(package.purl, *unpack_files(record))


def _twins(remaining: Remaining) -> set[str]:
    """Paths of what a build left in the sources of a distribution that was installed from them."""
    built_from = remaining.of(BUILT_FROM)
    if not built_from:
        return set()
    sources: dict[tuple[str, str], list[str]] = {}
    for package in remaining.packages:
        if source := built_from.get(package.locations[0].path.rpartition("/")[0]):
            sources.setdefault((normalised(package.name), package.version), []).append(source)
    twins: set[str] = set()
    for package in remaining.packages:
        path = package.locations[0].path
        if path.endswith(".egg-info/PKG-INFO") and path.startswith(
            tuple(sources.get((normalised(package.name), package.version), ()))
        ):
            twins.add(path)
    return twins


def _purl_of(package: Package, qualifiers: Mapping[str, Any]) -> str:
    try:
        name = normalised(package.name)
        return build_purl("pypi", "", name, package.version, dict(qualifiers))
    except MalformedDocument:
        return package.purl


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name. Those of extras, and of another system or Python, are none here."""
    place = package.locations[0].path if package.locations else ""
    site = _POSIX_SITE.search(place)
    for need in package.depends:
        words, _, marker = need.partition(";")
        match = _NAME.match(words.strip())
        if match and not (marker and _excluded(marker, site)):
            yield (normalised(match[0]),)


def _excluded(marker: str, site: re.Match[str] | None) -> bool:
    """Whether the need is certainly none: one of its terms is false here, or it is of an extra."""
    if _EXTRA.search(marker):
        return True
    if site is None or " or " in marker or "(" in marker or len(marker) > 1000:
        return False
    return any(
        (term := _COMPARED.fullmatch(part)) is not None
        and _is_false(term[1], term[2], term[3], site[1])
        for part in marker.split(" and ")
    )


def _is_false(name: str, operator: str, value: str, python: str | None) -> bool:
    if windows := _WINDOWS.get(name):
        # `lib/pythonX.Y/` is no Windows; more it does not tell.
        return operator == "==" and value == windows
    if name != "python_version" or not python or not _RELEASE.fullmatch(value):
        return False
    ours = [int(n) for n in python.split(".")]
    theirs = [*(int(n) for n in value.split(".")), 0][:2]
    return not {
        "==": ours == theirs,
        "!=": ours != theirs,
        "<": ours < theirs,
        "<=": ours <= theirs,
        ">": ours > theirs,
        ">=": ours >= theirs,
    }[operator]


CATALOGER = Cataloger(
    name="python",
    version=4,
    types=("pypi",),
    paths=(
        "**/*dist-info/METADATA",
        "**/*DIST-INFO/METADATA",
        "**/*.egg-info/PKG-INFO",
        "**/*.EGG-INFO/PKG-INFO",
        "**/EGG-INFO/PKG-INFO",
        "**/*.egg-info",
        "**/*.egg",
        "**/*dist-info/direct_url.json",
        "**/*.egg-info/requires.txt",
        "**/EGG-INFO/requires.txt",
    ),
    file_lists=("**/*dist-info/RECORD", "**/*.egg-info/installed-files.txt"),
    read=read,
    complete=complete,
    requirements=requirements,
)
