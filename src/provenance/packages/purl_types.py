"""What the types of package URLs ask of their parts. Source: purl-spec's type definitions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LOWER_NAMESPACE", "NO_NAMESPACE", "check_parts", "is_lower"]

# Types whose definition says: not case sensitive, write lower case.
_LOWER_NAME = frozenset(
    {"alpm", "apk", "bitbucket", "brew", "composer", "deb", "github", "hex", "oci", "pub", "pypi"}
)
LOWER_NAMESPACE = frozenset(
    {"alpm", "apk", "bitbucket", "brew", "composer", "deb", "github", "hex", "rpm"}
)
_NEEDS_NAMESPACE = frozenset({"swift", "vscode-extension"})
# Purls without one are in many documents, so they are read; but not written.
_WRITTEN_WITH_NAMESPACE = _NEEDS_NAMESPACE | {
    *("alpm", "apk", "bitbucket", "deb", "github", "maven"),
}
NO_NAMESPACE = frozenset({"julia", "oci", "otp", "pypi", "vcpkg"})
_NEEDS_QUALIFIER = {"julia": "uuid"}
_NAMES = {
    "chrome-extension": re.compile(r"[a-p]{32}", re.ASCII),
    "cpan": re.compile(r"(?:(?!::).)*", re.DOTALL),  # a distribution, not a module
}
_VERSIONS = {"chrome-extension": re.compile(r"(?:[0-9]+(?:\.[0-9]+){0,3})?", re.ASCII)}


def is_lower(kind: str, namespace: str) -> bool:
    """Whether names are not case sensitive, and so written in lower case."""
    return kind in _LOWER_NAME or (kind == "git" and namespace.lower() == "github")


def check_parts(
    kind: str,
    namespace: str,
    name: str,
    version: str,
    qualifiers: Mapping[str, str] | None,
    *,
    is_read: bool = False,
) -> None:
    """Raise MalformedDocument for a part that the type forbids or misses."""
    needing = _NEEDS_NAMESPACE if is_read else _WRITTEN_WITH_NAMESPACE
    if namespace and kind in NO_NAMESPACE:
        raise MalformedDocument(f"a pkg:{kind} URL has no namespace, {name!r} came with one")
    if not namespace and kind in needing:
        raise MalformedDocument(f"a pkg:{kind} URL needs a namespace, {name!r} came without")
    if kind in _NAMES and _NAMES[kind].fullmatch(name) is None:
        raise MalformedDocument(f"{name[:100]!r} is no name of a pkg:{kind} URL")
    if kind in _VERSIONS and _VERSIONS[kind].fullmatch(version) is None:
        raise MalformedDocument(f"{version[:100]!r} is no version of a pkg:{kind} URL")
    needed = _NEEDS_QUALIFIER.get(kind)
    if needed is not None and not (qualifiers or {}).get(needed):
        raise MalformedDocument(f"a pkg:{kind} URL needs the qualifier {needed!r}")
