"""`doctor`: what is in force, and what is not in order."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import echo, show, show_json
from provenance.cli.session import output_option
from provenance.cli.session import settings as given_settings

if TYPE_CHECKING:
    from provenance.cli.condition import Fact

__all__ = ["doctor"]

_NOT_IN_ORDER = 3


@click.command()
@click.argument("registries", nargs=-1, metavar="[REGISTRY|REFERENCE]...")
@click.option("--connect", is_flag=True, help="Ask each named registry, too.")
@output_option
def doctor(registries: tuple[str, ...], output: str, *, connect: bool) -> int:
    """Name the settings, credential sources and trust roots in force, and what is wrong with them.

    For each REGISTRY also its mirrors, credential and certificates; a credential helper is asked.
    No secret is shown; without --connect nothing is sent. Exit status: 0 all is in order; 3
    something cannot be used.
    """
    from provenance.cli import condition

    found = given_settings()
    parts: dict[str, list[Fact]] = {
        "program": list(condition.program()),
        "settings": list(condition.settings(found)),
        "network": list(condition.network(found)),
        "cache": list(condition.storage(found)),
        "trust": list(condition.trust(found)),
        "mirrors": list(condition.mirrors()),
        "credentials": list(condition.credentials()),
    }
    for name in dict.fromkeys(map(_registry, registries)):
        parts[name] = list(condition.of_registry(name, found, connect=connect))
    ok = all(fact.ok for facts in parts.values() for fact in facts)
    if output == "json":
        sections = {title: [dataclasses.asdict(f) for f in facts] for title, facts in parts.items()}
        show_json("doctor", ok=ok, sections=sections)
    else:
        _print(parts)
    return 0 if ok else _NOT_IN_ORDER


def _registry(text: str) -> str:
    """The registry, and the part of it, that an argument is about. Raises InvalidReference."""
    from provenance.oci.login import registry_name
    from provenance.oci.reference import Reference

    host = text.partition("/")[0].partition(":")[0]
    if "/" not in text and ("." in host or host == "localhost" or text.startswith("[")):
        return registry_name(text)
    return Reference.parse(text).name


def _print(parts: dict[str, list[Fact]]) -> None:
    from provenance.display.terminal import grid

    for title, facts in parts.items():
        rows = [("" if f.ok else "WRONG", f.name, f.value, f.origin) for f in facts]
        show(grid(("", title, "", ""), rows))
    wrong = sum(not fact.ok for facts in parts.values() for fact in facts)
    echo("all is in order" if not wrong else f"{wrong} not in order")
