"""`completion`: click's own scripts, by the name that Go's programs give the command."""

from __future__ import annotations

import click

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes `provenance` in SHELL.

    Load it with `source <(provenance completion bash)`, or keep it where the shell looks.
    """
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root()
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"{shell} is not supported by this version of click")
    click.echo(found(root.command, {}, "provenance", "_PROVENANCE_COMPLETE").source())
