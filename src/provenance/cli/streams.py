"""The standard streams, whatever the caller has done with them."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import click

from provenance.errors import NotEvaluated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["forget", "open_streams", "see_terminal", "standard_input", "telling"]


def open_streams() -> None:
    """See that all three are there, and that they take every character.

    One that is closed is stood in for, or the next file opened would have its number, and what is
    printed would go there. As with a full disk, printing then fails, and reading too; what would
    go to standard error goes nowhere.
    """
    for name, way, mode in _STAND_INS:
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, way), mode))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            # What an encoding lacks, Latin-1 say, is printed as its number.
            stream.reconfigure(errors="backslashreplace")


# In the order of their numbers, as the lowest is given that is free. Each of the first two opens
# for what it is not used for.
_STAND_INS = (
    ("stdin", os.O_WRONLY, "r"),
    ("stdout", os.O_RDONLY, "w"),
    ("stderr", os.O_WRONLY, "w"),
)


def forget(stream: TextIO) -> None:
    """What is still to be printed is flushed to nowhere at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def telling() -> Iterator[None]:
    """Say why the command ends; where standard error takes nothing, the exit status says it."""
    try:
        yield
    except OSError:
        forget(sys.stderr)


def standard_input(most: int) -> bytes:
    """At most so many bytes of it, and one more where it has more.

    Raises:
        NotEvaluated: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read(most + 1)
    except OSError as error:
        raise NotEvaluated(f"standard input cannot be read ({error.strerror})") from error


def see_terminal(instead: str) -> None:
    """See that somebody can be asked.

    Raises:
        click.UsageError: nobody can; `instead` is what to do.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"standard input is no terminal to ask on: {instead}")
