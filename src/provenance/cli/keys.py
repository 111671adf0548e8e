"""`keys`: make key pairs, and show the public half of any key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import echo
from provenance.cli.session import settings
from provenance.cli.streams import see_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["generate", "keys", "public", "secret_of"]

# provenance.signing.keys.ALGORITHMS: --help imports no library. A test compares the two.
_ALGORITHMS = (
    *("ecdsa-p256", "ecdsa-p384", "ecdsa-p521"),
    *("rsa-2048", "rsa-3072", "rsa-4096", "ed25519"),
)


@click.group()
def keys() -> None:
    """Make key pairs, and show the public half of any key."""


@keys.command()
@click.option(
    *("--output-prefix", "--output-key-prefix", "prefix"),
    default="cosign",
    show_default=True,
    metavar="PREFIX",
    help="Write PREFIX.key and PREFIX.pub.",
)
@click.option(
    "--algorithm",
    type=click.Choice(_ALGORITHMS),
    default="ecdsa-p256",
    show_default=True,
    help="What the key is made of.",
)
@click.option(
    *("--from", "source"),
    metavar="FILE",
    help="Take the private key in this file, of openssl or cosign, in place of a new one.",
)
def generate(prefix: str, algorithm: str, source: str | None) -> None:
    """Make a key pair in two files, as cosign reads them.

    The private key is encrypted by a password: COSIGN_PASSWORD, or the answer to a prompt. Nothing
    is overwritten.
    """
    from provenance.signing.keys import (
        LocalKey,
        encrypted_pair,
        generate_key_pair,
        open_key,
        write_key_pair,
    )

    if source is None:
        pair = generate_key_pair(_new_password(), algorithm=algorithm)
    else:
        # COSIGN_PASSWORD is that of the new file.
        key = open_key(Path(source), password=_prompted)
        if not isinstance(key, LocalKey):
            raise TypeError(f"{source} is no key in a file")  # a path is never anything else
        pair = encrypted_pair(key, _new_password())
    private, written = write_key_pair(pair, prefix)
    echo(f"{private}: the private key, encrypted")
    echo(f"{written}: {pair.public_key}")


@keys.command()
@click.argument("key")
def public(key: str) -> None:
    """Print the public key of KEY, in PEM: of a file, private or public, or a key reference.

    The password of a private key is COSIGN_PASSWORD, or the answer to a prompt.
    """
    from provenance.errors import MalformedDocument
    from provenance.signing.keys import open_key, open_public_key

    try:
        found = open_public_key(key, settings=settings())
    except MalformedDocument as error:
        try:
            found = open_key(key, password=secret_of(key), settings=settings()).public_key
        except MalformedDocument:  # no private key either
            raise error from None
    click.echo(found.to_pem().decode(), nl=False)


def secret_of(key: str) -> Callable[[], str]:
    """What asks for the password of a private key, or the PIN of a token, when it is needed.

    COSIGN_PASSWORD is never tried as a PIN: a token locks itself after a few wrong ones.
    """
    return _asked_pin if key.startswith("pkcs11:") else _asked_password


def _asked_password() -> str:
    if (told := os.environ.get("COSIGN_PASSWORD")) is not None:
        return told
    return _prompted()


def _asked_pin() -> str:
    return _prompted("PIN of the token", "COSIGN_PKCS11_PIN")


def _prompted(what: str = "Password of the private key", variable: str = "COSIGN_PASSWORD") -> str:
    see_terminal(f"set {variable}")
    answer: str = click.prompt(what, default="", hide_input=True, show_default=False, err=True)
    return answer


def _new_password() -> str:
    if (told := os.environ.get("COSIGN_PASSWORD")) is not None:
        return told
    see_terminal("set COSIGN_PASSWORD")
    answer: str = click.prompt(
        "Password of the new private key",
        default="",
        hide_input=True,
        show_default=False,
        confirmation_prompt="The same again",
        err=True,
    )
    return answer
