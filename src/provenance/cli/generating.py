"""`sbom generate`: from an image to documents."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from provenance.cli.printing import drawn, show
from provenance.cli.progress import byte_bar
from provenance.cli.session import image_argument, settings
from provenance.display.text import visible
from provenance.errors import NotEvaluated, NotFound, UnsupportedFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from provenance.catalog.index import IndexSboms
    from provenance.findings import Finding
    from provenance.sbom import Sbom

__all__ = ["generate"]

_DEFAULT, _TABLE = "cyclonedx-json", "table"


@click.command()
@image_argument
@click.option(
    "--platform",
    metavar="OS/ARCH",
    help="Choose this platform's image of an index; `all`: each, and the index itself.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="cyclonedx-json (the default), cyclonedx-xml, spdx-json, spdx-tag-value, a format with "
    "its version (cyclonedx-1.5, spdx-3.0), or table; repeatable. One without FILE is printed.",
)
@click.option(
    "--files",
    type=click.Choice(["none", "owned", "all"]),
    default="none",
    help="List files with their SHA-256: those that packages installed, or all.",
)
@click.option(
    "--verify",
    type=click.Choice(["default", "full"]),
    default="default",
    help="full: compare what layers decompress to with the config's diffIDs too.",
)
@click.option("--no-cache", is_flag=True, help="Neither use nor fill the cache of layers.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def generate(
    image: str,
    platform: str | None,
    outputs: tuple[str, ...],
    files: Literal["none", "owned", "all"],
    verify: Literal["default", "full"],
    no_cache: bool,  # noqa: FBT001  click passes options by name
    quiet: bool,  # noqa: FBT001
) -> None:
    """List what is installed in IMAGE: a reference, a path, or dir:PATH for an unpacked root."""
    from provenance.catalog.generation import generate_sbom
    from provenance.sbom import Sbom

    wanted = _outputs(outputs, several=platform == "all")
    found = settings()
    with _bar(quiet=quiet) as progress:
        made = generate_sbom(
            image,
            platform=platform if platform != "all" else None,
            platforms="all" if platform == "all" else None,
            settings=found,
            files=files,
            verify=verify,
            cache=None if no_cache else found.cache_dir,
            progress=progress,
        )
    for name, file in wanted:
        if file is not None:
            _write(made, name, file)
        elif isinstance(made, Sbom):  # of several, none is printed
            _print(made, name)
    for sbom in (made,) if isinstance(made, Sbom) else made.platforms.values():
        _tell(sbom.findings)


def _outputs(said: Sequence[str], *, several: bool) -> Sequence[tuple[str, Path | None]]:
    """Format and file (None: print) of each output; before the work, so that errors cost nothing.

    Raises:
        click.UsageError: no such format, a file that is said twice, or none where it is needed.
        NotFound: there is no folder for a file.
    """
    wanted: list[tuple[str, Path | None]] = []
    for name, equals, file in (output.partition("=") for output in said or [_DEFAULT]):
        _check_format(name, several=several)
        if equals and not file:
            raise click.UsageError(f"{name}= names no file")
        if several and not file:
            raise click.UsageError("all platforms make several documents: say -o FORMAT=FILE")
        path = Path(file) if file else None
        if path is not None and path in (other for _, other in wanted):
            raise click.UsageError(f"{file} can hold one document: say another file for {name}")
        if path is not None and not path.parent.is_dir():
            raise NotFound(f"{path.parent} is no folder, so {file} cannot be written there")
        wanted.append((name, path))
    return wanted


def _check_format(name: str, *, several: bool) -> None:
    from provenance.sbom import Format

    if name == _TABLE:
        if several:
            raise click.UsageError("a table shows one image: choose its platform")
        return
    try:
        form = Format.parse(name)
    except UnsupportedFormat as error:
        raise click.UsageError(f"{error}, {_TABLE}") from error
    if not form.writable:
        raise click.UsageError(f"documents in {form.value} are read, but not written")


def _print(made: Sbom, name: str) -> None:
    from provenance.cli.sbom import sbom_table

    if name == _TABLE:
        show(*sbom_table(made))
        return
    # To the byte what a file would hold, but for a terminal, where the prompt comes next.
    data = made.to_bytes(name)
    click.echo(data, nl=sys.stdout.isatty() and not data.endswith(b"\n"))


def _write(made: Sbom | IndexSboms, name: str, file: Path) -> None:
    """Write it to `file`; of an index, those of the images beside it.

    Raises:
        NotEvaluated: the file cannot be written.
    """
    from provenance.cli.sbom import sbom_table
    from provenance.sbom import Sbom

    try:
        if not isinstance(made, Sbom):
            converted = made.convert(name)
            converted.index.write(file, format=name)
            for platform, sbom in converted.platforms.items():
                sbom.write(_path(file, platform), format=name)
        elif name == _TABLE:
            file.write_text(drawn(*sbom_table(made)) + "\n", encoding="utf-8")
        else:
            made.write(file, format=name)
    except BrokenPipeError:  # as when it is printed: whoever read it has enough
        raise
    except OSError as error:
        raise NotEvaluated(f"{file} cannot be written ({error.strerror})") from error


def _path(file: Path, platform: str) -> Path:
    """`app.linux-arm64.cdx.json` for `app.cdx.json`."""
    stem, dot, endings = file.name.partition(".")
    return file.with_name(f"{stem}.{platform.replace('/', '-')}{dot}{endings}")


def _tell(findings: Sequence[Finding]) -> None:
    for finding in findings:
        at = f" ({finding.pointer})" if finding.pointer else ""
        click.echo(visible(f"note: {finding.rule}: {finding.message}{at}"), err=True)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[int, int], object] | None]:
    """The bytes of layers as they are read, on stderr; nothing where that is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with byte_bar("reading layers") as tell:
        yield tell
