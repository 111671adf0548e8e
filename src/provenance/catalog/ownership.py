"""Which package installed which file, and so which packages lie inside of others.

Debian's python3-yaml is a deb, and what it installs is PyYAML: both are there, once each, and the
one contains the other. A program that some package installed needs no classifier to be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from provenance.catalog.cataloger import Owned
    from provenance.packages.package import Package

__all__ = ["Ownership"]

_CLASSIFIED = "binaries"
# What installs programs under their own names. A wheel that brings OpenSSL along has that too.
_DISTRIBUTORS = ("pkg:apk/", "pkg:conda/", "pkg:deb/", "pkg:generic/", "pkg:rpm/")
_SHA256 = "sha256:"
_OWNERS = 16  # of one file, far more than it has: each contains all that is found in the file


class Ownership:
    """Asked for the owners of the files in which packages were found."""

    def __init__(self, owned: Sequence[Owned], real: Callable[[str], str | None]) -> None:
        """Know the files in `owned`; `real` resolves links in their paths."""
        self._owned, self._real = owned, real

    def owners(self, paths: Collection[str]) -> dict[str, set[str]]:
        """Each of `paths`, a set or keys, that has owners to their purls."""
        found: dict[str, set[str]] = {}
        for one, _, path in self._placed(self._owned, paths):
            owners = found.setdefault(path, set())
            if len(owners) < _OWNERS:
                owners.add(one.purl)
        return found

    def differing(self, sums: Mapping[str, str]) -> dict[str, list[str]]:
        """Purls to those of their files whose SHA-256 is not what was installed.

        Only databases that state SHA-256 are compared: rpm's, conda's and Python's RECORD. That
        of a file which a later package replaced is the later one's.

        Args:
            sums: path to the SHA-256 of the file, in hex.
        """
        stated: dict[str, list[tuple[str, str]]] = {}
        hashed = [x for x in self._owned if any(h.startswith(_SHA256) for h in x.hashes)]
        for one, at, path in self._placed(hashed, sums.keys()):
            if at < len(one.hashes) and one.hashes[at].startswith(_SHA256):
                stated.setdefault(path, []).append((one.purl, one.hashes[at][len(_SHA256) :]))
        found: dict[str, list[str]] = {}
        for path, claims in stated.items():
            if all(claim != sums[path] for _, claim in claims):
                for purl, _ in claims:
                    found.setdefault(purl, []).append(path)
        return found

    def _placed(
        self, owned: Iterable[Owned], paths: Collection[str]
    ) -> Iterator[tuple[Owned, int, str]]:
        """Who lists one of `paths`, at which position, and which it is.

        A database names files by the way they were installed: `bin/x` where `/bin` leads to
        `usr/bin`. Only names that end like one of those asked for are worth a look.
        """
        names = {path[path.rfind("/") + 1 :] for path in paths}
        real: dict[str, str | None] = {}
        for one in owned:
            for at, path in enumerate(one.paths):
                directory, _, name = path.rpartition("/")
                if name not in names:
                    continue
                if path not in paths:
                    if directory not in real:
                        real[directory] = self._real(directory)
                    path = f"{real[directory]}/{name}" if real[directory] else name  # noqa: PLW2901
                if path in paths:
                    yield one, at, path

    def without_doubles(self, packages: Sequence[Package]) -> list[Package]:
        """The packages but for classified programs that a distribution's package installed."""
        classified = {x.path for p in packages if p.cataloger == _CLASSIFIED for x in p.locations}
        if not classified:
            return list(packages)
        owners = {
            path
            for path, purls in self.owners(classified).items()
            if any(purl.startswith(_DISTRIBUTORS) for purl in purls)
        }
        return [
            p
            for p in packages
            if p.cataloger != _CLASSIFIED or not any(x.path in owners for x in p.locations)
        ]

    def containing(self, packages: Sequence[Package]) -> Iterator[tuple[str, str]]:
        """Pairs of purls: owner, and what was found in the owner's files."""
        by_purl = {p.purl: p for p in packages}
        places = {_file(x.path) for p in packages for x in p.locations}
        owners = self.owners(places)
        for package in packages:
            for location in package.locations:
                for owner in owners.get(_file(location.path), ()):
                    above = by_purl.get(owner)
                    if above is not None and above.cataloger != package.cataloger:
                        yield owner, package.purl


def _file(path: str) -> str:
    """The file itself, of a place within an archive."""
    return path.partition("!/")[0]
