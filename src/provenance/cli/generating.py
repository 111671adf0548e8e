"""`sbom generate`: from an image to documents."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import click

from provenance.cli.printing import drawn, show
from provenance.cli.progress import byte_bar
from provenance.cli.sbom_output import (
    TABLE,
    print_document,
    put_document,
    tell_losses,
    wanted_outputs,
    writing,
)
from provenance.cli.session import image_argument, settings
from provenance.display.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from provenance.catalog.index import IndexSboms
    from provenance.findings import Finding
    from provenance.sbom import Sbom

__all__ = ["generate"]

_DEFAULT = "cyclonedx-json"


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

    wanted = wanted_outputs(outputs or [_DEFAULT], several=platform == "all", table=True)
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


def _print(made: Sbom, name: str) -> None:
    if name == TABLE:
        from provenance.cli.sbom_show import sbom_table

        show(*sbom_table(made))
    else:
        document, losses = made.convert(name)
        tell_losses(losses)
        print_document(document.to_bytes())


def _write(made: Sbom | IndexSboms, name: str, file: Path) -> None:
    """Write it to `file`; of an index, those of the images beside it.

    Raises:
        NotEvaluated: the file cannot be written.
    """
    from provenance.sbom import Sbom

    if not isinstance(made, Sbom):
        converted = made.convert(name)
        put_document(converted.index, file)
        for platform, sbom in converted.platforms.items():
            put_document(sbom, _path(file, platform))
        if not converted.index.format.carries:
            for sbom in (made.index, *made.platforms.values()):
                tell_losses(sbom.convert(name)[1])
        return
    if name != TABLE:
        document, losses = made.convert(name)
        tell_losses(losses)
        put_document(document, file)
        return
    from provenance.cli.sbom_show import sbom_table

    with writing(file):
        file.write_text(drawn(*sbom_table(made)) + "\n", encoding="utf-8")


def _path(file: Path, platform: str) -> Path:
    """`app.linux-arm64.cdx.json` for `app.cdx.json`."""
    stem, dot, endings = file.name.partition(".")
    name = platform.replace("/", "-").replace(":", "-")
    return file.with_name(f"{stem}.{name}{dot}{endings}")


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
