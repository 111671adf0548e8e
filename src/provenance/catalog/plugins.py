"""Catalogers of other distributions: the entry point `provenance.catalogers`."""

from __future__ import annotations

from importlib.metadata import entry_points

from provenance.catalog.cataloger import Cataloger
from provenance.errors import UnsupportedFormat

__all__ = ["all_catalogers"]

_GROUP = "provenance.catalogers"


def all_catalogers() -> tuple[Cataloger, ...]:
    """Ours, then those of installed plugins by name.

    Raises:
        UnsupportedFormat: a plugin is broken: leaving it out in silence would hide packages.
    """
    from provenance.catalog import ALL  # which imports this module

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


def _broken(name: str, why: str) -> UnsupportedFormat:
    return UnsupportedFormat(
        f"the plugin {name!r} of {_GROUP} {why}", hint="mend or uninstall its distribution"
    )
