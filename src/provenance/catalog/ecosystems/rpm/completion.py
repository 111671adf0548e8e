"""The packages of the whole image: logs applied, distribution and file lists known.

What `read` left: packages, and facts by path of the database or log

    rpm-tree    the pages of a database and the package of each row (wal.record)
    rpm-log     the same of a write-ahead log
    rpm-files   by path and purl: the files of a package (files.file_list)
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from urllib.parse import quote

from provenance.catalog.cataloger import Problem, root_of
from provenance.catalog.ecosystems.rpm.blobs import Fault
from provenance.catalog.ecosystems.rpm.edges import Installed, files_and_edges
from provenance.catalog.ecosystems.rpm.places import FOLDERS, LOG_SUFFIX
from provenance.catalog.ecosystems.rpm.wal import replay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.cataloger import Owned, Relation, Remaining
    from provenance.packages.package import Package

__all__ = ["FILES", "LOG", "TREE", "complete", "file_key"]

TREE, LOG, FILES = "rpm-tree", "rpm-log", "rpm-files"
_FOLDERS = (*FOLDERS, "var/lib/rpmmanifest")
_DATABASES = {"Packages", "Packages.db", "rpmdb.sqlite"}
# What stands in a purl where os-release has another word.
_NAMESPACES = {
    "rhel": "redhat",
    "opensuse-leap": "opensuse",
    "opensuse-leap-micro": "opensuse",
    "opensuse-microos": "opensuse",
    "opensuse-slowroll": "opensuse",
    "opensuse-tumbleweed": "opensuse",
}


def file_key(path: str, purl: str) -> str:
    """The key of a fact on the files of a package."""
    return f"{path}\n{purl}"


def complete(remaining: Remaining) -> Iterator[Package | Owned | Relation | Problem]:
    """Yield the packages that are installed, their files, and the edges that names do not give."""
    gone: set[tuple[str, str]] = set()
    yield from _apply_logs(remaining, gone)
    by_root: dict[str, list[tuple[Package, str]]] = defaultdict(list)
    for package in remaining.packages:
        places = tuple(p for p in package.locations if (p.path, package.purl) not in gone)
        if places:
            left = package if places == package.locations else package.changed(locations=places)
            by_root[_root(places[0].path)].append((left, package.purl))
    files = remaining.of(FILES)
    for root, found in by_root.items():
        yield from _two_databases(package for package, _ in found)
        vendor, distro = remaining.vendor(root, "")
        namespace = quote(_NAMESPACES.get(vendor, vendor))
        added = [f"distro={quote(distro, safe=':')}"] if distro else []
        installed: dict[str, Installed] = {}
        for package, purl in found:
            final = package.changed(purl=_purl(purl, namespace, added))
            yield final
            keys = (file_key(place.path, purl) for place in package.locations)
            value = next((files[key] for key in keys if key in files), None)
            if value is not None or final.purl not in installed:
                installed[final.purl] = Installed(final, value)
        yield from files_and_edges(installed)


def _root(path: str) -> str:
    return root_of(path.rpartition("/")[0], *_FOLDERS)


def _purl(purl: str, namespace: str, qualifiers: list[str]) -> str:
    """A purl that `read` made, with what os-release adds."""
    head, _, query = purl.removeprefix("pkg:rpm/").partition("?")
    pairs = [*filter(None, query.split("&")), *qualifiers]
    start = f"pkg:rpm/{namespace}/{head}" if namespace else f"pkg:rpm/{head}"
    return f"{start}?{'&'.join(sorted(pairs))}" if pairs else start


def _apply_logs(remaining: Remaining, gone: set[tuple[str, str]]) -> Iterator[Problem]:
    """Put into `gone` what database or log state, path and purl, and the two together do not."""
    trees, logs = remaining.of(TREE), remaining.of(LOG)
    for path, tree in trees.items():
        if not tree["root"] and path + LOG_SUFFIX not in logs:
            yield Problem(path, "an SQLite database without rpm's table Packages")
    for log_path, log in logs.items():
        path = log_path.removesuffix(LOG_SUFFIX)
        gone |= {(log_path, purl) for purl in log["packages"].values()}
        tree = trees.get(path)
        if tree is None:
            yield Problem(log_path, "a write-ahead log without its database is not read")
            continue
        gone |= {(path, purl) for purl in tree["packages"].values()}
        for row in replay(tree, log):
            if isinstance(row, Fault):
                yield Problem(log_path, row.message)
                continue
            ours, theirs = row
            # A row that only moved is in both: it was there when the database was.
            gone.discard((path, theirs) if ours in {"", theirs} else (log_path, ours))


def _two_databases(packages: Iterator[Package]) -> Iterator[Problem]:
    found: dict[str, set[str]] = defaultdict(set)
    for package in packages:
        for place in package.locations:
            folder, _, name = place.path.removesuffix(LOG_SUFFIX).rpartition("/")
            if name in _DATABASES:
                found[folder].add(name)
    for folder, names in found.items():
        if len(names) > 1:
            stated = " and ".join(sorted(names))
            yield Problem(folder, f"{stated} are both here; rpm reads one, listed are those of all")
