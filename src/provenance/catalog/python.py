"""Installed Python distributions: `METADATA` of dist-info, `PKG-INFO` of egg-info.

Sources: PyPA core metadata 2.4, "Recording installed projects". Not read: requirements and lock
files (wishes, not facts).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.catalog.cataloger import Cataloger, Problem
from provenance.packages.licenses import normalise_python
from provenance.packages.package import Location, Package
from provenance.packages.purl import build_purl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.catalog.cataloger import Context, Requirement
    from provenance.image.file import File

__all__ = ["CATALOGER", "headers", "normalised"]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_EXTRA = re.compile(r"\bextra\b")


def normalised(name: str) -> str:
    """PEP 503: what names are compared by."""
    return re.sub(r"[-_.]+", "-", name).lower()


def headers(text: str) -> dict[str, list[str]]:
    """The header fields, names in lower case, until the first empty line: after it is prose."""
    found: dict[str, list[str]] = {}
    values: list[str] | None = None
    for raw in text.split("\n"):
        line = raw.removesuffix("\r")
        if not line:
            break
        if line[0] in " \t":
            if values:
                values[-1] += "\n" + line.strip(" \t|")
            continue
        key, colon, value = line.partition(":")
        values = found.setdefault(key.lower(), []) if colon else None
        if values is not None:
            values.append(value.strip())
    return found


def catalog(file: File, context: Context) -> Iterator[Package | Problem]:  # noqa: ARG001
    """Yield the distribution that the file describes, or a Problem."""
    found = headers(file.data.decode("utf-8", "replace"))

    def first(key: str) -> str:
        return found.get(key, [""])[0]

    name, version = first("name"), first("version")
    if _NAME.fullmatch(name) is None or not version or "\n" in version:
        what = "version" if name else "name"
        yield Problem(file.real_path, f"the Python metadata of {name[:100]!r} has no usable {what}")
        return
    yield Package(
        name=name,
        version=version,
        type="pypi",
        purl=build_purl("pypi", "", normalised(name), version),
        licenses=normalise_python(
            first("license-expression"), first("license"), found.get("classifier", [])
        ),
        supplier=_supplier(first),
        description=first("summary").partition("\n")[0],
        locations=(Location(file.real_path, file.layer),),
        provides=(normalised(name),),
        depends=tuple(" ".join(need.split()) for need in found.get("requires-dist", [])),
        cataloger=CATALOGER.name,
    )


def _supplier(first: Callable[[str], str]) -> str:
    for who in ("author", "maintainer"):
        name, mail = first(who), first(f"{who}-email")
        if name and name != "UNKNOWN":
            return f"{name} <{mail}>" if mail and "<" not in mail and "," not in mail else name
        if mail and mail != "UNKNOWN":
            return mail
    return ""


def requirements(package: Package) -> Iterator[Requirement]:
    """Each need by name. Needs of extras are none of the package itself."""
    for need in package.depends:
        words, _, marker = need.partition(";")
        match = _NAME.match(words.strip())
        if match and not _EXTRA.search(marker):
            yield (normalised(match[0]),)


CATALOGER = Cataloger(
    name="python",
    type="pypi",
    paths=(
        "**/*.dist-info/METADATA",
        "**/*.egg-info/PKG-INFO",
        "**/EGG-INFO/PKG-INFO",
        "**/*.egg-info",
    ),
    catalog=catalog,
    requirements=requirements,
)
