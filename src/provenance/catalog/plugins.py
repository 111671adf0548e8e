"""Catalogers of other distributions: the entry point `provenance.catalogers`."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

from provenance.catalog.cataloger import Cataloger
from provenance.catalog.ecosystems import ALL
from provenance.errors import UnsupportedFormat

__all__ = ["all_catalogers"]

_GROUP = "provenance.catalogers"
_METADATA = (".dist-info", ".egg-info")


def all_catalogers() -> tuple[Cataloger, ...]:
    """Ours, then those of installed plugins by name.

    Raises:
        UnsupportedFormat: a plugin is broken: leaving it out in silence would hide packages.
    """
    if not _may_be_installed():
        return ALL
    from importlib.metadata import entry_points

    found = {cataloger.name: cataloger for cataloger in ALL}
    for entry in sorted(entry_points(group=_GROUP), key=lambda e: e.name):
        try:
            plugin = entry.load()
        except Exception as error:
            raise _broken(entry.name, f"cannot be imported ({type(error).__name__})") from error
        if not isinstance(plugin, Cataloger):
            raise _broken(entry.name, f"is a {type(plugin).__name__}, not a Cataloger")
        if plugin.name in found:
            raise _broken(entry.name, f"calls itself {plugin.name!r} as another one does")
        found[plugin.name] = plugin
    return tuple(found.values())


def _may_be_installed() -> bool:
    """Whether any distribution names our group, or can say so in a place that is not looked at.

    `importlib.metadata` knows exactly, but loads mail and archives to say so: most of what a
    small image costs before its first byte. So it is asked where there may be a plugin.
    """
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if finders != [PathFinder]:
        return True
    try:
        return any(_is_named_in(path or ".") for path in sys.path)
    except OSError:  # an archive, or what may not be read
        return True


def _is_named_in(folder: str) -> bool:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - as many as a site-packages has
    except FileNotFoundError:
        return False
    if "egg-info" in (x.lower() for x in names):  # an unpacked egg
        return True
    return any(
        _names_group(f"{folder}/{name}") for name in names if name.lower().endswith(_METADATA)
    )


def _names_group(metadata: str) -> bool:
    try:
        with open(f"{metadata}/entry_points.txt", "rb") as file:  # noqa: PTH123 - as above
            return _GROUP.encode() in file.read()
    except (FileNotFoundError, NotADirectoryError):  # most have none; some metadata is a file
        return False


def _broken(name: str, why: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"the plugin {name!r} of {_GROUP} {why}", hint="mend or uninstall its distribution"
    )
