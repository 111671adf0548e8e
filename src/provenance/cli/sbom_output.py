"""`-o FORMAT[=FILE]`: which documents are wanted, and where they go."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.display.text import visible
from provenance.errors import NotEvaluated, NotFound, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.findings import Report
    from provenance.sbom import Sbom

__all__ = [
    "TABLE",
    "print_document",
    "put_document",
    "tell_losses",
    "wanted_outputs",
    "writing",
]

TABLE = "table"
"""What `sbom generate` prints besides documents."""


def wanted_outputs(
    said: Sequence[str], *, several: bool = False, table: bool = False
) -> Sequence[tuple[str, Path | None]]:
    """Format and file (None: print) of each output; before the work, so that errors cost nothing.

    Raises:
        click.UsageError: no such format, a file that is said twice, or none where it is needed.
        NotFound: there is no folder for a file, or a folder where it would be.
    """
    wanted: list[tuple[str, Path | None]] = []
    for name, equals, file in (output.partition("=") for output in said):
        _check_format(name, several=several, table=table)
        if equals and not file:
            raise click.UsageError(f"{name}= names no file")
        if several and not file:
            raise click.UsageError("all platforms make several documents: say -o FORMAT=FILE")
        path = Path(file) if file else None
        if path is not None:
            if any(_same(path, other) for _, other in wanted if other is not None):
                raise click.UsageError(f"{file} can hold one document: say another file for {name}")
            _see_place(path)
        wanted.append((name, path))
    return wanted


def _same(one: Path, other: Path) -> bool:
    """Whether one would replace the other: through a link, or by another way to the folder."""
    return os.path.realpath(one) == os.path.realpath(other)


def _see_place(path: Path) -> None:
    if path.is_dir():
        raise NotFound(f"{path} is a folder: say which file in it")
    if not path.parent.is_dir():
        raise NotFound(f"{path.parent} is no folder, so {path} cannot be written there")


def _check_format(name: str, *, several: bool, table: bool) -> None:
    from provenance.sbom import Format

    if table and name == TABLE:
        if several:
            raise click.UsageError("a table shows one image: choose its platform")
        return
    try:
        form = Format.parse(name)
    except UnsupportedFormat as error:
        raise click.UsageError(f"{error}, {TABLE}" if table else str(error)) from error
    if not form.writable:
        raise click.UsageError(f"documents in {form.value} are read, but not written")


def put_document(made: Sbom, file: Path | None) -> None:
    """Print it, or write it to a file, in the format that it has.

    Raises:
        NotEvaluated: the file cannot be written.
    """
    if file is None:
        print_document(made.to_bytes())
        return
    with writing(file):
        made.write(file, format=made.format)


def tell_losses(losses: Report) -> None:
    """Say on standard error what a format had no place for."""
    for finding in losses:
        click.echo(visible(f"lost: {finding.message}"), err=True)


def print_document(data: bytes) -> None:
    """To the byte what a file would hold, but for a terminal, where the prompt comes next."""
    click.echo(data, nl=sys.stdout.isatty() and not data.endswith(b"\n"))


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """What cannot be written is an error that names the file.

    Raises:
        NotEvaluated: the file cannot be written.
    """
    try:
        yield
    except BrokenPipeError:  # as when it is printed: whoever read it has enough
        raise
    except OSError as error:
        raise NotEvaluated(f"{file} cannot be written ({error.strerror})") from error
