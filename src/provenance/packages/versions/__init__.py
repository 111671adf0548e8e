"""Which of two versions is the newer one, by the ecosystem's own rules: one file a rule.

Every file has a `key`: text to something that sorts, or None for what is no version there.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compare_versions", "version_key"]

_LONGEST = 500  # characters; Python's own cap on the digits of a number is never below 640
# purl type to the file that knows its order.
_RULES = {
    "alpine": "apk",
    "apk": "apk",
    "cargo": "semver",
    "composer": "composer",
    "deb": "dpkg",
    "gem": "gem",
    "golang": "semver",
    "hex": "semver",
    "maven": "maven",
    "npm": "semver",
    "nuget": "nuget",
    "pub": "semver",
    "pypi": "pep440",
    "rpm": "rpm",
}


@cache
def _rule(name: str) -> Callable[[str], Any]:
    """Loaded with the first version of its kind."""
    return import_module(f"{__name__}.{name}").key  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)  # packages of one source share their version
def _key(rule: str, version: str) -> Any:
    return _rule(rule)(version)


def version_key(type: str, version: str) -> Any:  # noqa: A002 - purl's word
    """Something that sorts among the keys of one type; None where no order is known.

    Args:
        type: a purl type, `deb` say.
        version: as the ecosystem writes it.
    """
    rule = _RULES.get(type)
    if rule is None or not version or len(version) > _LONGEST:
        return None
    return _key(rule, version)


def compare_versions(type: str, a: str, b: str) -> int | None:  # noqa: A002 - purl's word
    """-1 if `a` is older than `b`, 0 if they are the same, 1 if it is newer; None: cannot tell.

    >>> compare_versions("deb", "1.0~rc1", "1.0"), compare_versions("generic", "1", "2")
    (-1, None)

    Args:
        type: a purl type, `deb` say.
        a: a version as the ecosystem writes it.
        b: another.
    """
    if a == b:
        return 0
    first, second = version_key(type, a), version_key(type, b)
    if first is None or second is None:
        return None
    return int(first > second) - int(first < second)
