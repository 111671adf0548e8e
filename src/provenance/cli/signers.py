"""Who signs, as options say it, and the `Signer` made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.keys import secret_of
from provenance.cli.session import settings, trust, trust_options

if TYPE_CHECKING:
    from provenance.signing import Signer

__all__ = ["signer", "signer_options"]

F = TypeVar("F", bound=Callable[..., Any])

_MAX_TOKEN = 64 << 10
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
"""A JWT in its compact form (RFC 7519): its header is an object, which begins so in base64."""


def signer_options(command: F) -> F:
    """`--key`, `--identity-token` and their company; `signer` takes what they give."""
    options = (
        click.option(
            "--key",
            metavar="REFERENCE",
            help="Sign with a key: a file, awskms://, hashivault://, pkcs11:, env://, ...",
        ),
        click.option(
            "--identity-token",
            metavar="TOKEN|FILE",
            help="OIDC token; else SIGSTORE_ID_TOKEN, the CI system's, or a browser.",
        ),
        click.option(
            "--oob", is_flag=True, help="Log in on another machine, and bring the code here."
        ),
        click.option(
            "--signing-config",
            metavar="FILE",
            help="Where to sign; else where the public instance says.",
        ),
        click.option(
            "--unsafe-no-log",
            is_flag=True,
            help="With --key: leave the transparency log out; verifiers must be told.",
        ),
        click.option("-y", "--yes", is_flag=True, help="Accepted for cosign's users; no prompts."),
    )
    for option in reversed(options):
        command = option(command)
    return trust_options(command)


def signer(given: dict[str, Any]) -> Signer:
    """The signer that the options of a command ask for. Takes its options out of `given`."""
    from provenance.signing import Signer

    given.pop("yes")
    key, token = given.pop("key"), given.pop("identity_token")
    root, config = given.pop("trusted_root"), given.pop("signing_config")
    unlogged, out_of_band = given.pop("unsafe_no_log"), given.pop("oob")
    # Where to sign holds whoever is trusted: what is private must not go to the public instance.
    place: dict[str, Any] = {
        "trust": None if root is None else trust(root),
        "signing_config": config,
        "settings": settings(),
    }
    if key is None:
        if unlogged:
            raise click.UsageError("--unsafe-no-log is for keys: certificates need a log")
        return Signer.keyless(identity_token=_token(token), out_of_band=out_of_band, **place)
    if token is not None or out_of_band:
        raise click.UsageError("--key signs without an identity: leave out the token or login")
    return Signer.from_key(key, password=secret_of(key), unsafe_no_log=unlogged, **place)


def _token(given: str | None) -> str | None:
    """The token, or what is in the file of that name. Raises NotFound where it is neither."""
    from provenance.errors import NotFound

    if given is None or _TOKEN.fullmatch(given):
        return given
    try:
        with Path(given).open("rb") as file:
            return file.read(_MAX_TOKEN).decode("utf-8", "replace").strip()
    except (OSError, ValueError):  # not told which: it may be a token that is cut short
        raise NotFound(
            "--identity-token is neither a token (JWT) nor a file that can be read",
            hint="give a token with the audience sigstore, or the path of a file with one",
        ) from None
