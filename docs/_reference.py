"""Write the pages that are made of the code: the API, and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cli_page", "write_references"]


def write_references(folder: Path) -> None:
    """Write `reference/cli.md`, unless it is as it should be."""
    page = folder / "reference" / "cli.md"
    text = cli_page()
    if not page.is_file() or page.read_text("utf-8") != text:
        page.write_text(text, "utf-8")


def cli_page() -> str:
    """Every command's help, as the command itself prints it."""
    parts = [
        "# Command line\n",
        (
            "Results go to standard output, everything else to standard error. Exit status: 0 yes; "
            "1 proven no; 2 wrong usage; 3 could not tell, a result that cannot be printed "
            "included; 130 interrupted; 141 nobody reads the output.\n"
        ),
    ]
    names = cli.context_settings["help_option_names"]
    context = click.Context(cli, info_name="provenance", help_option_names=names)
    parts.append(_section("provenance", cli, context))
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is None:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        parts.append(_section(f"provenance {name}", command, inner))
        if isinstance(command, click.Group):
            for sub in command.list_commands(inner):
                leaf = command.get_command(inner, sub)
                if leaf is None:
                    continue
                deeper = click.Context(leaf, info_name=sub, parent=inner)
                parts.append(_section(f"provenance {name} {sub}", leaf, deeper))
    return "\n".join(parts)


def _section(title: str, command: click.Command, context: click.Context) -> str:
    context.terminal_width = 96
    context.max_content_width = 96
    return f"## {title}\n\n```\n{command.get_help(context)}\n```\n"
