"""os-release(5): which distribution a root file system is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OsRelease"]

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_ESCAPED = re.compile(r"\\([$\"'\\`])")


@dataclass(frozen=True, slots=True)
class OsRelease:
    """What os-release says. Empty strings where it does not."""

    id: str = ""
    """`debian`, `alpine`, ...: lower case."""
    version_id: str = ""
    """`12`, `3.20.3`, ...; rolling releases have none."""
    name: str = ""
    pretty_name: str = ""
    codename: str = ""
    """`bookworm`, ..."""
    id_like: tuple[str, ...] = ()
    """Relatives, nearest first."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        r"""Read the file. Lines that are no assignment are skipped, the last of a key wins.

        >>> OsRelease.parse(b'ID=debian\nVERSION_ID="12"\n').distro
        'debian-12'
        """
        values = dict(_assignments(data.decode("utf-8", "replace")))
        return cls(
            id=values.get("ID", "").lower(),
            version_id=values.get("VERSION_ID", ""),
            name=values.get("NAME", ""),
            pretty_name=values.get("PRETTY_NAME", ""),
            codename=values.get("VERSION_CODENAME", ""),
            id_like=tuple(values.get("ID_LIKE", "").lower().split()),
        )

    @property
    def distro(self) -> str:
        """The purl qualifier: `debian-12`, or `wolfi` alone without a version."""
        return f"{self.id}-{self.version_id}" if self.id and self.version_id else self.id


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for raw in text.splitlines():
        line = raw.strip()
        key, equals, value = line.partition("=")
        if line.startswith("#") or not equals or _KEY.fullmatch(key) is None:
            continue
        yield key, _unquote(value.strip())


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return _ESCAPED.sub(r"\1", value)
