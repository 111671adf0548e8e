"""`provenance`: the group of commands, and the one place where errors become exit statuses."""

from __future__ import annotations

import atexit
import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from provenance import __version__
from provenance.cli.lazy import LazyGroup
from provenance.cli.streams import forget, open_streams, telling
from provenance.errors import (
    ContentMismatch,
    InvalidDigest,
    InvalidReference,
    PolicyFailed,
    ProvenanceError,
    VerificationError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cli", "exit_status", "main"]

# Name to module, function and help (lazy.py).
COMMANDS = {
    "demo": ("demo", "demo", "The whole story on an embedded registry and Sigstore."),
    "resolve": ("look", "resolve", "Pin a reference to a digest."),
    "inspect": ("look", "inspect", "Show an image's config and layers."),
    "ls": ("look", "ls", "List the tags of a repository."),
    "tree": ("look", "tree", "Show everything beside an image."),
    "copy": ("copying", "copy", "Copy an image to another place."),
    "sbom": ("sbom", "sbom", "Make and look at SBOMs."),
    "sign": ("claims", "sign", "Sign an image, by identity or by key."),
    "attest": ("claims", "attest", "Say something signed about an image."),
    "attach": ("claims", "attach", "Store files beside an image, unsigned."),
    "verify": ("proof", "verify", "Prove who signed an image."),
    "sign-blob": ("blobs", "sign_blob", "Sign a file."),
    "verify-blob": ("blobs", "verify_blob", "Prove who signed a file."),
    "examine": ("proof", "examine", "Everything beside an image, and why it counts or not."),
    "pull": ("proof", "pull", "Write the files of an artifact to a folder."),
    "login": ("login", "login", "Keep a login that a registry has accepted."),
    "logout": ("login", "logout", "Remove a login."),
    "keys": ("keys", "keys", "Make key pairs, and show the public half of any key."),
    "trust": ("trust", "trust", "Show and refresh trust roots."),
    "doctor": ("doctor", "doctor", "Name the settings, credentials and trust roots in force."),
    "completion": ("completion", "completion", "Print what a shell needs to complete commands."),
}


class _OutputClosed(Exception):
    """Whoever read the output has closed it. click and rich would end with 1: a proven no."""


@contextmanager
def _printing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _OutputClosed from error


class _Program(LazyGroup):
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _printing():  # --help and --version
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _printing():
            return super().invoke(ctx)


@click.group(cls=_Program, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provenance")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.option("--offline", is_flag=True, help="No trust, log or database requests.")
@click.option(
    "--ca-bundle", type=click.Path(exists=True, dir_okay=False), help="PEM file of authorities."
)
@click.option(
    "--plain-http", multiple=True, metavar="HOST", help="Speak plain HTTP to this registry."
)
@click.option(
    "--https", multiple=True, metavar="HOST", help="Speak HTTPS to it although it is on loopback."
)
@click.pass_context
def cli(
    ctx: click.Context,
    *,
    debug: bool,
    offline: bool,
    ca_bundle: str | None,
    plain_http: tuple[str, ...],
    https: tuple[str, ...],
) -> None:
    """What is this image, what is in it, who signed it: and why.

    Exit status: 0 yes; 1 proven no; 2 wrong usage; 3 could not tell.
    """
    ctx.obj = {
        "debug": debug,
        "offline": offline,
        "ca_bundle": ca_bundle,
        "plain_http": plain_http,
        "encrypted": https,
    }


def exit_status(error: BaseException) -> int:
    """1: proven no. 2: wrong usage. 3: could not tell."""
    if isinstance(error, (VerificationError, ContentMismatch, PolicyFailed)):
        return 1
    if isinstance(error, (InvalidReference, InvalidDigest)):
        return 2
    return 3


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit. 130: interrupted; 141: nobody reads what it prints any more.

    What nobody foresaw is no answer either, so it ends with 3 and not with Python's 1.
    """
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    open_streams()
    _collect_seldom()
    try:
        result: Any = cli.main(arguments, prog_name="provenance", standalone_mode=False)
        status = result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        status = 130
    except click.ClickException as error:
        status = error.exit_code
        with telling():
            error.show()
    except ProvenanceError as error:
        status = exit_status(error)
        with telling():
            if debug:
                _show_traceback()
            report(error)
    except _OutputClosed:
        status = 141
        forget(sys.stdout)
        forget(sys.stderr)
    except OSError as error:
        status = 3
        with telling():
            if error.filename is None:  # no file's, so that of the output
                forget(sys.stdout)
                click.echo(f"provenance: the result cannot be printed ({error.strerror})", err=True)
            if error.filename is not None or debug:
                _show_traceback()
    except Exception:  # noqa: BLE001 - a mistake of ours, shown whole
        status = 3
        with telling():
            _show_traceback()
    sys.exit(status)


def _collect_seldom() -> None:
    """Look for cycles seldom: what starting makes stays, and most commands end within a second.

    At its end Python looks once more for cycles in all there is: what is frozen it passes over.
    """
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)


def _show_traceback() -> None:
    import traceback

    traceback.print_exc()


_MOST_REASONS = 20
"""That are printed: `provenance examine` shows all."""
_BETWEEN_COLLECTIONS = 100_000
"""Objects made: some 10 MB, should all of them be cycles."""


def report(error: ProvenanceError) -> None:
    """One sentence on stderr; below it why each piece of evidence does not count, if several."""
    from provenance.display.text import visible

    click.echo(f"provenance: {visible(str(error))}", err=True)
    reasons = getattr(error, "reasons", ())
    if len(reasons) > 1:
        for reason in reasons[:_MOST_REASONS]:
            click.echo(f"  {visible(reason)}", err=True)
