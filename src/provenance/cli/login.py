"""`login`, `logout`: secrets come from a hidden prompt or standard input, never as an argument."""

from __future__ import annotations

import click

from provenance.cli.printing import echo
from provenance.cli.session import settings
from provenance.cli.streams import see_terminal, standard_input

__all__ = ["login", "logout"]

_LONGEST_SECRET = 64 << 10
_auth_file = click.option(
    "--auth-file", type=click.Path(dir_okay=False), help="File to use; else as docker and podman."
)


@click.command()
@click.argument("registry")
@click.option("-u", "--username", help="Name; asked for where it is needed and missing.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--identity-token-stdin", is_flag=True, help="Read an identity token from standard input."
)
@click.option("--unchecked", is_flag=True, help="Keep it without asking the registry.")
@_auth_file
def login(
    registry: str,
    username: str | None,
    auth_file: str | None,
    *,
    password_stdin: bool,
    identity_token_stdin: bool,
    unchecked: bool,
) -> None:
    """Keep a login for REGISTRY, or for a part of it (quay.io/org), once it has accepted it.

    Where it is kept, docker and podman find it: REGISTRY_AUTH_FILE, Docker's config.json, or
    podman's auth.json; through the credential helper that the file names.
    """
    from provenance.oci.credential import Credential
    from provenance.oci.login import login as keep_login
    from provenance.oci.login import registry_name

    name = registry_name(registry)
    if password_stdin and identity_token_stdin:
        raise click.UsageError("standard input holds a password or an identity token, not both")
    if identity_token_stdin:
        credential = Credential(username or "", identity_token=_from_stdin())
    else:
        if not username:
            if password_stdin:
                raise click.UsageError("--password-stdin needs --username")
            username = _asked("Username")
        secret = _from_stdin() if password_stdin else _asked("Password", hidden=True)
        credential = Credential(username, secret)
    where = keep_login(
        registry, credential, auth_file=auth_file, check=not unchecked, settings=settings()
    )
    echo(f"{name}: {'kept unasked' if unchecked else 'logged in, kept'} in {where}")


def _from_stdin() -> str:
    """One secret, without the end of its line."""
    data = standard_input(_LONGEST_SECRET)
    if len(data) > _LONGEST_SECRET:
        raise click.UsageError(f"standard input holds more than {_LONGEST_SECRET} bytes")
    try:
        secret = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise click.UsageError("standard input holds no UTF-8 text") from None
    if not secret:
        raise click.UsageError("standard input holds no secret")
    return secret


def _asked(what: str, *, hidden: bool = False) -> str:
    see_terminal("use --username with --password-stdin")
    answer: str = click.prompt(what, hide_input=hidden, err=True)
    return answer


@click.command()
@click.argument("registry")
@_auth_file
def logout(registry: str, auth_file: str | None) -> None:
    """Remove the login that would be used for REGISTRY."""
    from provenance.oci.credentials import find_credential
    from provenance.oci.login import logout as remove_login
    from provenance.oci.login import registry_name

    name = registry_name(registry)
    where = remove_login(registry, auth_file=auth_file)
    echo(f"{name}: removed from {where}" if where else f"{name}: was not logged in")
    if auth_file is None:
        host, _, path = name.partition("/")
        other = find_credential(host, repository=path)
        if other is not None:
            echo(f"{name}: still known to {other.source}")
