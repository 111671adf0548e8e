"""`trust`: whom verification believes, and since when that is known."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.printing import echo, show_json
from provenance.cli.printing import show as show_table
from provenance.cli.session import output_option
from provenance.cli.session import settings as given_settings

if TYPE_CHECKING:
    from provenance.trust import Trust

__all__ = ["show", "trust", "update"]

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def trust() -> None:
    """Show and refresh trust roots: the keys and authorities that verification believes."""


def _instance_options(command: F) -> F:
    """Which instance is meant; Sigstore's public one unless something is said."""
    options = (
        click.option("--staging", is_flag=True, help="Sigstore's staging instance."),
        click.option(
            "--github",
            metavar="FILE",
            help="GitHub's instance: its TUF root, or what `gh attestation trusted-root` prints.",
        ),
        click.option("--tuf-url", metavar="URL", help="Another instance's TUF repository."),
        click.option("--tuf-root", metavar="FILE", help="A TUF root of it."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@trust.command()
@click.option("--trusted-root", metavar="FILE", help="Show this trust root file.")
@_instance_options
@output_option
def show(trusted_root: str | None, output: str, **instance: Any) -> None:
    """List logs and authorities with their windows, and the age of what says so.

    It is refreshed before, at most once a day, unless --offline is given.
    """
    from provenance.trust import Trust
    from provenance.trust.listing import list_material

    if trusted_root is not None and any(instance.values()):
        raise click.UsageError("--trusted-root names a file, and the other options an instance")
    found = Trust.from_file(trusted_root) if trusted_root else _instance(**instance)
    now = dt.datetime.now(dt.UTC)
    lines = list_material(found.material, now)
    if output == "json":
        parts = [dataclasses.asdict(line) for line in lines]
        for part in parts:
            part |= {end: _json_time(part[end]) for end in ("start", "end")}
        show_json("trust", **_origin(found), parts=parts)
        return
    from provenance.display.terminal import grid

    rows = [
        (line.kind, line.url, line.name, _date(line.start), _date(line.end), line.state)
        for line in lines
    ]
    show_table(grid(("part", "url", "key or subject", "from", "until", "state"), rows))
    echo(_told(found))


@trust.command()
@_instance_options
@output_option
def update(output: str, **instance: Any) -> None:
    """Refresh a trust root now, and keep it for when the network is away.

    Exit status: 0 refreshed and kept; 3 it could not be.
    """
    found = _instance(**instance, renew=True)
    _see_kept(found, instance)
    if output == "json":
        show_json("trust-update", **_origin(found))
        return
    material = found.material
    echo(
        f"{_told(found)}; logs: {len(material.logs)}, "
        f"certificate authorities: {len(material.certificate_authorities)}, "
        f"timestamp authorities: {len(material.timestamp_authorities)}"
    )


def _see_kept(found: Trust, instance: Mapping[str, Any]) -> None:
    """Raise unless a machine without a network finds what was refreshed."""
    from provenance.errors import NotEvaluated

    if found.fetched is None:
        raise click.UsageError("the file is a trust root itself: there is nothing to refresh")
    try:
        kept = _instance(**instance, offline=True).fetched
    except NotEvaluated:
        kept = None
    if kept is None or kept < found.fetched:
        raise NotEvaluated(
            f"{found.source} was refreshed, but could not be kept",
            hint="name a folder that can be written (PROVENANCE_CACHE_DIR)",
        )


def _instance(
    *,
    staging: bool,
    github: str | None,
    tuf_url: str | None,
    tuf_root: str | None,
    renew: bool = False,
    offline: bool = False,
) -> Trust:
    from provenance.errors import NotEvaluated
    from provenance.trust import Trust

    if (tuf_url is None) != (tuf_root is None):
        raise click.UsageError("--tuf-url and --tuf-root go together")
    if sum([staging, github is not None, tuf_url is not None]) > 1:
        raise click.UsageError("name one instance: --staging, --github or --tuf-url")
    found = given_settings()
    if offline:
        found = dataclasses.replace(found, offline=True)
    elif renew and found.offline:
        raise NotEvaluated("a trust root is refreshed over the network, which offline forbids")
    if staging:
        return Trust.staging(settings=found, renew=renew)
    if github is not None:
        return Trust.github(github, settings=found, renew=renew)
    if tuf_url is not None and tuf_root is not None:
        return Trust.from_tuf(tuf_url, tuf_root, settings=found, renew=renew)
    return Trust.public_good(settings=found, renew=renew)


def _origin(found: Trust) -> dict[str, Any]:
    return {
        "source": found.source,
        "fetched": _json_time(found.fetched),
        "age_days": None if found.age is None else found.age.days,
    }


def _told(found: Trust) -> str:
    if found.fetched is None:
        return f"{found.source} (it has no age)"
    days = 0 if found.age is None else found.age.days
    return f"{found.source}, as of {found.fetched:%Y-%m-%d %H:%M} UTC ({days} days ago)"


def _date(moment: dt.datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def _json_time(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
