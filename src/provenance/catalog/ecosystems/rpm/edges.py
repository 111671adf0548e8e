"""What packages own, and the needs that names alone do not meet: files and rich dependencies."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from provenance.catalog.cataloger import Owned, Problem, Relation
from provenance.catalog.ecosystems.rpm.dependencies import parse_rich, resolve
from provenance.catalog.ecosystems.rpm.files import expand
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.packages.package import Package

__all__ = ["Installed", "files_and_edges"]

# Links to their namesakes below /usr, where that was merged: rpm follows them when it checks.
_MERGED = ("/bin/", "/sbin/", "/lib/", "/lib64/")


class Installed(NamedTuple):
    """A package of one root, and the fact on its files."""

    package: Package
    files: Mapping[str, Any] | None


def files_and_edges(
    installed: Mapping[str, Installed],
) -> Iterator[Owned | Relation | Problem]:
    """Yield the files of each package, then the edges.

    Args:
        installed: by purl.
    """
    providers = _providers(installed)
    wanted = _wanted(installed, providers)
    owners: dict[str, str] = {}
    for purl, (_, value) in installed.items():
        if value is None:
            continue
        files = expand(value)
        if files.paths:
            yield Owned(purl, files.paths, files.hashes)
        for found in wanted.keys() & set(files.listed) if wanted else ():
            for path in wanted[found]:
                owners.setdefault(path, purl)
    for path, purl in owners.items():
        providers[path].append(purl)
    for purl, (package, _) in installed.items():
        yield from _edges(purl, package, providers, owners)


def _providers(installed: Mapping[str, Installed]) -> defaultdict[str, list[str]]:
    """Who meets a need, the packages of that name first."""
    providers: defaultdict[str, list[str]] = defaultdict(list)
    for purl, (package, _) in installed.items():
        providers[package.name].append(purl)
    for purl, (package, _) in installed.items():
        for name in package.provides:
            providers[name].append(purl)
    return providers


def _wanted(
    installed: Mapping[str, Installed], providers: Mapping[str, list[str]]
) -> defaultdict[str, list[str]]:
    """The files that packages need and none provides by name: path as listed to path as needed."""
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    needs = {path for package, _ in installed.values() for path in _paths_in(package.depends)}
    for path in sorted(needs - providers.keys()):
        for spelling in _spellings(path):
            wanted[spelling.lstrip("/")].append(path)
    return wanted


def _paths_in(depends: tuple[str, ...]) -> Iterator[str]:
    for text in depends:
        if text[:1] == "/":
            yield text.partition(" ")[0]
        elif text[:1] == "(" and "/" in text:
            for word in text.split():
                if word.lstrip("(")[:1] == "/":
                    yield word.strip("()")


def _spellings(path: str) -> tuple[str, ...]:
    if path.startswith(_MERGED):
        return path, f"/usr{path}"
    if path.startswith("/usr/") and path[4:].startswith(_MERGED):
        return path, path[4:]
    return (path,)


def _edges(
    purl: str, package: Package, providers: Mapping[str, list[str]], owners: Mapping[str, str]
) -> Iterator[Relation | Problem]:
    targets: dict[str, None] = {}
    for text in package.depends:
        if text[:1] == "/":
            if owner := owners.get(text.partition(" ")[0]):
                targets[owner] = None
        elif text[:1] == "(":
            try:
                tree = parse_rich(text)
            except MalformedDocument as error:
                yield Problem(package.locations[0].path, f"{package.name}: {error}")
                continue
            targets |= dict.fromkeys(resolve(tree, lambda name: providers.get(name, [])))
    targets.pop(purl, None)
    for target in targets:
        yield Relation(purl, "depends-on", target)
