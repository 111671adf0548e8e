"""Files that are read because links lead to them: `node_modules -> /srv/modules`.

Nearly every link changes nothing: what it leads to is read under its real path. Left are links
that give a file a name which some cataloger reads and its real path is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.image.expansion import Expansion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.catalog.files import Reading
    from provenance.catalog.routing import Router
    from provenance.image.squash import Squash

__all__ = ["linked_files"]


def linked_files(
    squash: Squash[Reading], router: Router, *, where: str = ""
) -> dict[int, dict[str, list[str]]]:
    """Layer to path in it to the names under which catalogers have to see it too.

    Raises:
        LimitExceeded: the links lead to too many files.
    """
    aliases = dict(_hard_links(squash, router))
    wanted: dict[str, set[str]] = {}
    hint = "name the catalogers that are needed"
    linked = {
        alias: real
        for alias, real in Expansion(squash, router.globs, where=where, hint=hint).pairs()
        if alias not in squash.items and not _read_already(router, alias, real)
    }
    for alias in squash.passable(linked):
        wanted.setdefault(linked[alias], set()).add(alias)
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
    """Names that share a file of a lower layer: what was there when the link was made."""
    left: dict[int, dict[str, str]] = {}
    for alias, (layer, target) in squash.hardlinks.items():
        if router.by_name(alias) and alias not in squash.items:
            left.setdefault(layer, {})[alias] = target
    for layer, targets in left.items():
        layers = squash.locate(targets.values(), below=layer)
        for alias, target in targets.items():
            if target in layers:
                yield alias, (layers[target], target)
