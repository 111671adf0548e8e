"""Matches that only links make: `lib -> usr/lib` lets `lib/dpkg/status` match.

Links below a link are followed where the steps to them are those of a glob, but not by its `**`.
Loops and links to nothing are passed over. A link to the root, or thousands of links to one
directory, are cheap to write: the work and the matches have a cap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import LimitExceeded
from provenance.image.glob_table import GlobTable, is_wild
from provenance.image.names import glob_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from provenance.image.squash import Squash

__all__ = ["Expansion"]

_Searches: TypeAlias = "dict[tuple[str, str], dict[str, None]]"
"""Real directory, and what is looked for below it, to the names of links that lead there."""
_MATCHES = 200_000  # files that match through links, far above what any image has
_NAMES = 20_000_000  # names looked at
_CHARACTERS = 64 << 20  # of the names that links make, which may be long each


class Expansion:
    """Which globs match through a symbolic link: at its own name, or below it as a directory."""

    def __init__(
        self, squash: Squash[Any], globs: Iterable[str], *, where: str = "", hint: str = ""
    ) -> None:
        """Prepare for the links of `squash`; errors name `where` and `hint`."""
        self._squash, self._where, self._hint = squash, where, hint
        self._spelled = 0
        self._rules = GlobTable[str]()
        seen: set[tuple[str, str]] = set()
        for glob in globs:
            parts = glob.split("/")
            for count in range(1, len(parts) + 1):
                rule = "/".join(parts[:count]), "/".join(parts[count:])
                if rule not in seen and (parts[count - 1] != "**" or count == len(parts)):
                    seen.add(rule)
                    self._rules.add(*rule)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Name through the link, and real path of what may be there.

        Raises:
            LimitExceeded: the links lead to too many files.
        """
        searches: _Searches = {}
        matches = self._spelled = 0
        for link in self._squash.symlinks:
            rests = self._rules(link)
            matches += len(rests)
            if matches > _MATCHES:
                raise self._too_many()
            if not rests or (real := self._squash.real(link)) is None:
                continue
            for rest in rests:
                yield from self._behind(link, real, rest, searches)
        while searches:  # each time with less of the globs left
            found, searches = searches, {}
            yield from self._search(found, searches)

    def _behind(
        self, link: str, real: str, rest: str, searches: _Searches
    ) -> Iterator[tuple[str, str]]:
        """What `rest` is, below a link that leads to `real`; what is wild goes into `searches`."""
        self._spelled += len(link) + len(rest)
        if self._spelled > _CHARACTERS:
            raise self._too_many()
        if is_wild(rest):
            fixed, wild = _split(rest)
            below = self._squash.real(f"{real}/{fixed}" if fixed else real)
            if below is not None:
                named = f"{link}/{fixed}" if fixed else link
                searches.setdefault((below, wild), {})[named] = None
            return
        target = self._squash.real(f"{real}/{rest}" if rest else real)
        if target is not None:
            yield (f"{link}/{rest}" if rest else link), target

    def _search(self, searches: _Searches, further: _Searches) -> Iterator[tuple[str, str]]:
        """The names that match; what links among them lead to is put into `further`."""
        by_directory: dict[str, list[tuple[str, dict[str, None]]]] = {}
        for (directory, rest), links in searches.items():
            by_directory.setdefault(directory, []).append((rest, links))
        looked_at = matches = 0
        parent, above = "/", list[str]()  # most names share their directory with the one before
        for name in self._squash.below(by_directory):
            if name[: name.rfind("/") + 1] != parent:
                parent = name[: name.rfind("/") + 1]
                above = [d for d in _directories(name) if d in by_directory]
            for directory in above:
                for rest, links in by_directory[directory]:
                    looked_at += 1
                    below = name[len(directory) + 1 :] if directory else name
                    ahead = _ahead(rest, below) if name in self._squash.symlinks else ""
                    if not ahead and glob_pattern(rest).fullmatch(below) is None:
                        continue
                    target = self._squash.real(name)
                    matches += len(links)
                    if target is not None:
                        for link in links:
                            yield from self._behind(f"{link}/{below}", target, ahead, further)
            if matches > _MATCHES or looked_at > _NAMES:
                raise self._too_many()

    def _too_many(self) -> LimitExceeded:
        return LimitExceeded(
            "the image's symbolic links lead to too many files to follow them all",
            hint=self._hint,
            reference=self._where,
        )


def _directories(path: str) -> Iterable[str]:
    yield ""
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _ahead(glob: str, path: str) -> str:
    """What is left of a glob behind its first steps, where `path` matches these."""
    steps, count = glob.split("/"), path.count("/") + 1
    first = steps[:count]
    if "**" in first or glob_pattern("/".join(first)).fullmatch(path) is None:
        return ""
    return "/".join(steps[count:])


def _split(glob: str) -> tuple[str, str]:
    """The steps of a glob that are plain names, and those from the first on that is not."""
    steps = glob.split("/")
    count = next(i for i, step in enumerate(steps) if is_wild(step))
    return "/".join(steps[:count]), "/".join(steps[count:])
