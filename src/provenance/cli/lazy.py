"""Groups of commands that are imported when they are run.

The help is a table, as click's own would import every command to show it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group by a table: name to module below `provenance.cli`, function and help."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str, str]], **rest: Any) -> None:
        """Know the commands of `table`, in its order; the rest is click's."""
        super().__init__(*args, **rest)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, as the table has them."""
        del ctx
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported."""
        del ctx
        if cmd_name not in self._table:
            return None
        module, attribute, _ = self._table[cmd_name]
        command: click.Command = getattr(import_module(f"provenance.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table's own words."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self._table.items()])
