"""Files that are read because links lead to them: `node_modules -> /srv/modules`.

Nearly every link changes nothing: what it leads to is read under its real path. Left are links
that give a file a name which some cataloger reads and its real path is not. Loops and links to
nothing are passed over. A link to the root, or thousands of links to one directory, are cheap to
write: the work and the matches have a cap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded
from provenance.image.glob_table import GlobTable, is_wild
from provenance.image.names import glob_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provenance.catalog.files import Reading
    from provenance.catalog.routing import Router
    from provenance.image.squash import Squash

__all__ = ["linked_files"]

_MATCHES = 200_000  # files that match through links, far above what any image has
_NAMES = 20_000_000  # names looked at


def linked_files(
    squash: Squash[Reading], router: Router, *, where: str = ""
) -> dict[int, dict[str, list[str]]]:
    """Layer to path in it to the names under which catalogers have to see it too.

    Raises:
        LimitExceeded: the links lead to too many files.
    """
    aliases = dict(_hard_links(squash, router))
    wanted: dict[str, set[str]] = {}
    for alias, real in _Expansion(squash, router, where).pairs():
        if alias not in squash.items and not _read_already(router, alias, real):
            wanted.setdefault(real, set()).add(alias)
    found: dict[int, dict[str, list[str]]] = {}
    for path, layer in squash.locate(wanted).items():
        shared = squash.hardlinks.get(path, (layer, path))
        target = shared[1] if shared[0] == layer else path
        found.setdefault(layer, {}).setdefault(target, []).extend(sorted(wanted[path]))
    for alias, (layer, target) in aliases.items():
        found.setdefault(layer, {}).setdefault(target, []).append(alias)
    return found


def _read_already(router: Router, alias: str, real: str) -> bool:
    return set(router.by_name(alias)) <= set(router.by_name(real))


def _hard_links(squash: Squash[Reading], router: Router) -> Iterator[tuple[str, tuple[int, str]]]:
    """Names that share a file of a lower layer."""
    left = {
        alias: target
        for alias, (_, target) in squash.hardlinks.items()
        if router.by_name(alias) and alias not in squash.items
    }
    if left:
        layers = squash.locate(left.values())
        for alias, target in left.items():
            if target in layers:
                yield alias, (layers[target], target)


class _Expansion:
    """Which globs match through a symbolic link: at its own name, or below it as a directory."""

    def __init__(self, squash: Squash[Reading], router: Router, where: str) -> None:
        self._squash, self._where = squash, where
        self._rules = GlobTable[str]()
        seen: set[tuple[str, str]] = set()
        for glob in router.globs:
            parts = glob.split("/")
            for count in range(1, len(parts) + 1):
                rule = "/".join(parts[:count]), "/".join(parts[count:])
                if rule not in seen and (parts[count - 1] != "**" or count == len(parts)):
                    seen.add(rule)
                    self._rules.add(*rule)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Name through the link, and real path of what may be there."""
        searches: dict[tuple[str, str], list[str]] = {}
        matches = 0
        for link in self._squash.symlinks:
            rests = self._rules(link)
            if not rests or (real := self._squash.real(link)) is None:
                continue
            for rest in rests:
                matches += 1
                if matches > _MATCHES:
                    raise self._too_many()
                if is_wild(rest):
                    fixed, wild = _split(rest)
                    below = self._squash.real(f"{real}/{fixed}" if fixed else real)
                    if below is not None:
                        named = f"{link}/{fixed}" if fixed else link
                        searches.setdefault((below, wild), []).append(named)
                    continue
                target = self._squash.real(f"{real}/{rest}" if rest else real)
                if target is not None:
                    yield (f"{link}/{rest}" if rest else link), target
        yield from self._search(searches)

    def _search(self, searches: dict[tuple[str, str], list[str]]) -> Iterator[tuple[str, str]]:
        if not searches:
            return
        by_directory: dict[str, list[tuple[str, list[str]]]] = {}
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
                    if glob_pattern(rest).fullmatch(below) is None:
                        continue
                    target = self._squash.real(name)
                    matches += len(links)
                    if target is not None:
                        yield from ((f"{link}/{below}", target) for link in links)
            if matches > _MATCHES or looked_at > _NAMES:
                raise self._too_many()

    def _too_many(self) -> LimitExceeded:
        return LimitExceeded(
            "the image's symbolic links lead to too many files to follow them all",
            hint="name the catalogers that are needed",
            reference=self._where,
        )


def _directories(path: str) -> Iterable[str]:
    yield ""
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _split(glob: str) -> tuple[str, str]:
    """The steps of a glob that are plain names, and those from the first on that is not."""
    steps = glob.split("/")
    count = next(i for i, step in enumerate(steps) if is_wild(step))
    return "/".join(steps[:count]), "/".join(steps[count:])
