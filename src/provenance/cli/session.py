"""Options that many commands share, and the library's arguments made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from provenance.settings import Settings

__all__ = [
    "image_argument",
    "output_option",
    "platform_option",
    "settings",
    "trust",
    "trust_options",
]

F = TypeVar("F", bound=Callable[..., Any])

platform_option = click.option(
    "--platform", metavar="OS/ARCH", help="Choose this platform's image of an index."
)
output_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="What to print."
)
image_argument = click.argument("image")


def trust_options(command: F) -> F:
    """`--trusted-root`."""
    option = click.option(
        "--trusted-root",
        metavar="FILE",
        help="Trust root file; else Sigstore's public instance.",
    )
    return option(command)


def settings() -> Settings:
    """The environment's settings, with the options of the command line over them."""
    given = click.get_current_context().find_root().obj or {}
    found = Settings.from_environment()
    return dataclasses.replace(
        found,
        offline=found.offline or bool(given.get("offline")),
        ca_bundle=Path(given["ca_bundle"]) if given.get("ca_bundle") else found.ca_bundle,
        plain_http=(*found.plain_http, *given.get("plain_http", ())),
        encrypted=(*found.encrypted, *given.get("encrypted", ())),
    )


def trust(trusted_root: str | None) -> Any:
    """The trust of `--trusted-root`, or the public one."""
    from provenance.trust import Trust

    if trusted_root is not None:
        return Trust.from_file(trusted_root)
    return Trust.public_good(settings=settings())
