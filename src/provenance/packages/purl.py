"""Package URLs: built fast and canonical, parsed by packageurl-python.

Source: package-url/purl-spec, its type definitions and tests. packageurl-python leaves `/` bare in
qualifier values, where the tests want it encoded, so building is ours; parsing is its.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from provenance.errors import MalformedDocument
from provenance.packages.purl_types import LOWER_NAMESPACE, check_parts, is_lower

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Purl", "build_purl", "canonical_purl", "parse_purl"]

_TYPE = re.compile(r"[a-z][a-z0-9.-]*", re.ASCII)
_KEY = re.compile(r"[a-z][a-z0-9._-]*", re.ASCII)
_NAMELESS = re.compile(r"/@[^/]*$")
_USUAL = re.compile(r"[A-Za-z0-9._~:+@-]*", re.ASCII)
_ESCAPES = {n: c for n in range(128) if (c := quote(chr(n), safe=":")) != chr(n)}


@dataclass(frozen=True, slots=True)
class Purl:
    """The parts of a package URL, decoded. `str()` is the canonical text."""

    type: str
    name: str
    namespace: str = ""
    version: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    subpath: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`. Raises MalformedDocument."""
        found = cls._read(text)
        query = text.partition("#")[0].partition("?")[2]
        for key in query.split("&"):
            if key[:1].isupper():
                raise MalformedDocument(f"{key[:100]!r}: a key of a package URL is in lower case")
        return found

    @classmethod
    def _read(cls, text: str) -> Self:
        from packageurl import PackageURL

        try:
            parts = PackageURL.from_string(text)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise MalformedDocument(
                f"{text[:200]!r} is no package URL: {error}",
                hint="expected pkg:type/namespace/name@version?qualifiers#subpath",
            ) from error
        kind, namespace, name = parts.type or "", parts.namespace or "", parts.name or ""
        if _NAMELESS.search(text.partition("?")[0].partition("#")[0]):
            raise MalformedDocument(f"{text[:200]!r} is no package URL: its name is empty")
        if kind == "git" and "/" in namespace:  # a host, and the path of the repository there
            namespace, _, above = namespace.partition("/")
            name = f"{above}/{name}"
        if is_lower(kind, namespace):
            name = name.lower()
        if kind in LOWER_NAMESPACE:
            namespace = namespace.lower()
        version, qualifiers = parts.version or "", dict(parts.qualifiers)
        check_parts(kind, namespace, name, version, qualifiers, is_read=True)
        return cls(
            type=kind,
            name=name,
            namespace=namespace,
            version=version,
            qualifiers=qualifiers,
            subpath=parts.subpath or "",
        )

    def __str__(self) -> str:
        return build_purl(
            self.type,
            self.namespace,
            self.name,
            self.version,
            self.qualifiers,
            subpath=self.subpath,
        )


def parse_purl(text: str) -> Purl:
    """The parts of `text`.

    >>> parse_purl("pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64").version
    '1:2.4.47-2+b1'

    Raises:
        MalformedDocument: not a package URL.
    """
    return Purl.parse(text)


def canonical_purl(text: str) -> str:
    """The canonical text of a package URL, keys of qualifiers in whatever case.

    >>> canonical_purl("pkg:Gem/jruby-launcher@1.1.2?Platform=java")
    'pkg:gem/jruby-launcher@1.1.2?platform=java'

    Raises:
        MalformedDocument: not a package URL.
    """
    return str(Purl._read(text))  # noqa: SLF001  of this file


def build_purl(
    type: str,  # noqa: A002  the specification's word
    namespace: str,
    name: str,
    version: str = "",
    qualifiers: Mapping[str, str] | None = None,
    *,
    subpath: str = "",
) -> str:
    """The canonical text of a package URL.

    >>> build_purl("deb", "debian", "attr", "1:2.4.47-2+b1", {"arch": "amd64"})
    'pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64'

    Args:
        type: ecosystem, e.g. `deb`.
        namespace: vendor or group, `/` between its segments; empty for none.
        name: name, normalised as the type's definition says (case; `_` to `-` for pypi).
        version: version; empty for none.
        qualifiers: keys to values; an empty value drops its key.
        subpath: path inside the package.

    Raises:
        MalformedDocument: a part that the specification or the type forbids or misses.
    """
    kind = _kind(type)
    namespace = _namespace(kind, namespace)
    name = _name(kind, namespace, name)
    check_parts(kind, namespace, name, version, qualifiers)
    text = f"pkg:{kind}/"
    if namespace:
        text += f"{namespace}/"
    text += "/".join(map(_quote, name.split("/"))) if kind == "git" else _quote(name)
    if version:
        text += f"@{_quote(version)}"
    if qualifiers and (query := _query(qualifiers)):
        text += f"?{query}"
    if not subpath:
        return text
    steps = [s for s in subpath.split("/") if s not in {"", ".", ".."}]
    return text + "#" + "/".join(_quote(s) for s in steps) if steps else text


# The few types and keys that there are come thousands of times.
@lru_cache(maxsize=64)
def _kind(type: str) -> str:  # noqa: A002  the specification's word
    kind = type.lower()
    if _TYPE.fullmatch(kind) is None:
        raise MalformedDocument(f"{type[:100]!r} is no package URL type")
    return kind


@lru_cache(maxsize=64)
def _key(key: str) -> str:
    key = key.lower()
    if _KEY.fullmatch(key) is None:
        raise MalformedDocument(f"{key[:100]!r} is no qualifier key of a package URL")
    return key


def _quote(text: str) -> str:
    if _USUAL.fullmatch(text):
        return text.replace("+", "%2B").replace("@", "%40")
    if text.isascii():
        return text.translate(_ESCAPES)
    try:
        return quote(text, safe=":")
    except UnicodeEncodeError as error:
        raise MalformedDocument(f"{text[:100]!r} is no text: a surrogate stands alone") from error


def _name(kind: str, namespace: str, name: str) -> str:
    name = name.strip("/")
    if not name:
        raise MalformedDocument(f"a pkg:{kind} URL needs a name")
    if is_lower(kind, namespace):
        name = name.lower()
    return name.replace("_", "-") if kind == "pypi" else name


def _namespace(kind: str, namespace: str) -> str:
    if kind in LOWER_NAMESPACE:
        namespace = namespace.lower()
    return "/".join([_quote(s) for s in namespace.split("/") if s]) if namespace else ""


def _query(qualifiers: Mapping[str, str]) -> str:
    pairs = sorted([(_key(key), value) for key, value in qualifiers.items() if value])
    return "&".join([f"{key}={_quote(value)}" for key, value in pairs])
