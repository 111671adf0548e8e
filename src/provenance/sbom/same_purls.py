"""Two purls beside each other: the same in another spelling, or of another vendor or origin.

Source: package-url/purl-spec, its rules on equality and its type definitions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SYSTEM_TYPES", "canonical_base", "is_named", "is_replaced", "split_purl", "with_epoch"]

SYSTEM_TYPES = frozenset({"alpm", "apk", "deb", "rpm"})
"""Types whose namespace is who built the package: vendors build packages of the same name."""
# Types whose definition says: not case sensitive.
_ANY_CASE = frozenset(
    {"alpm", "apk", "bitbucket", "composer", "deb", "github", "hex", "oci", "pub", "pypi"}
)
_SEPARATORS = re.compile(r"[-_.]+")  # Python's specification on names: one like another
_EPOCH = re.compile(r"[0-9]+:", re.ASCII)
# Where a build took place and out of what: they change with every release of a distribution.
_PASSING = frozenset({"distro", "upstream"})
# They name one file, which is another one for every version.
_OF_A_FILE = frozenset({"checksum", "download_url", "vcs_url"})
# Where the purl has none, it means the ecosystem's own.
_ORIGIN = "repository_url"


def split_purl(purl: str) -> tuple[str, str, str]:
    """A purl without its version; its qualifiers; its subpath."""
    rest, _, subpath = purl.partition("#")
    path, _, qualifiers = rest.partition("?")
    version = path.rfind("@", path.rfind("/") + 2)  # `pkg:npm/@name` begins with one
    return (path if version < 0 else path[:version]), qualifiers, subpath


def canonical_base(base: str) -> str:
    """A purl without version, qualifiers and subpath, in one spelling of those its type takes.

    >>> canonical_base("pkg:PyPI/Foo_Bar"), canonical_base("pkg:npm/%40s/A")
    ('pypi/foo-bar', 'npm/@s/A')
    """
    kind, _, path = base.removeprefix("pkg:").partition("/")
    kind = kind.lower()
    if "%" in path:
        path = unquote(path)
    if kind in _ANY_CASE:
        path = path.lower()
    if kind == "pypi":
        path = _SEPARATORS.sub("-", path)
    return f"{kind}/{path}"


def is_named(purl: str, wanted: str) -> bool:
    """Whether a purl is `wanted` or one with more parts than it, in any spelling.

    >>> is_named("pkg:npm/%40s/a@1?x=y", "pkg:npm/@s/a"), is_named("pkg:npm/a@1", "pkg:npm/a@2")
    (True, False)
    """
    (base, stated, subpath), (asked, others, within) = split_purl(purl), split_purl(wanted)
    if not base or canonical_base(base) != canonical_base(asked):
        return False
    version, parts = _decoded_version(wanted), _qualifiers(others)
    return (
        version in ("", _decoded_version(purl))
        and unquote(within) in ("", unquote(subpath))
        and parts.items() <= _qualifiers(stated).items()
    )


def is_replaced(old: str, new: str, *, same_version: bool) -> bool:
    """Whether two purls, of packages taken for one, name different ones besides the version.

    Of qualifiers those count that both state, as documents state more and less of them; but not
    where the build took place. An absent `repository_url` is the ecosystem's own.

    Args:
        old: a purl.
        new: the other; where one is empty, nothing is known.
        same_version: whether the packages state the same version.
    """
    if old == new or not old or not new:
        return False
    (named, _, stated), (other, _, others) = old.partition("?"), new.partition("?")
    if named != other:
        base, asked = split_purl(old)[0], split_purl(new)[0]
        if base != asked and canonical_base(base) != canonical_base(asked):
            return True
        if same_version and _versions_differ(old, new):
            return True
    within, beside = old.partition("#")[2], new.partition("#")[2]
    if within and beside and unquote(within) != unquote(beside):
        return True
    return stated != others and _qualifiers_differ(stated, others, same_version=same_version)


def _qualifiers_differ(stated: str, others: str, *, same_version: bool) -> bool:
    first, second = _qualifiers(stated.partition("#")[0]), _qualifiers(others.partition("#")[0])
    if first.get(_ORIGIN) != second.get(_ORIGIN):
        return True
    passing = _PASSING if same_version else _PASSING | _OF_A_FILE
    both = (first.keys() & second.keys()) - passing - {"epoch"}  # of the version, judged with it
    return any(first[key] != second[key] for key in both)


def with_epoch(version: str, purl: str) -> str:
    """The version of an rpm package with the epoch that its purl has apart; none is 0.

    >>> with_epoch("2.0-1", "pkg:rpm/fedora/a@2.0-1?epoch=1")
    '1:2.0-1'
    """
    if _EPOCH.match(version) or "epoch=" not in purl:
        return version
    epoch = _qualifiers(split_purl(purl)[1]).get("epoch", "")
    return f"{epoch}:{version}" if version and _EPOCH.fullmatch(f"{epoch}:") else version


@lru_cache(maxsize=4096)
def _qualifiers(text: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in text.split("&"))
    return {key.lower(): unquote(value) for key, _, value in pairs if value}


def _versions_differ(old: str, new: str) -> bool:
    """Whether both purls state a version, and not the same."""
    first, second = _version(old), _version(new)
    return bool(first) and bool(second) and first != second


def _decoded_version(purl: str) -> str:
    path = purl.partition("#")[0].partition("?")[0]
    return unquote(path[len(split_purl(purl)[0]) + 1 :])


def _version(purl: str) -> str:
    version = _decoded_version(purl)
    return version[len(epoch[0]) :] if (epoch := _EPOCH.match(version)) else version
