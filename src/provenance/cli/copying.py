"""`copy`: from one place to another, with a bar while it lasts."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from provenance.cli.printing import echo, note, show_json
from provenance.cli.progress import byte_bar
from provenance.cli.session import output_option, platform_option, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.oci.transfer import Transfer

__all__ = ["copy"]


@click.command()
@click.argument("source")
@click.argument("target")
@click.option(
    "--referrers", is_flag=True, help="Also what refers to it, and digest tags (.sig, .att, .sbom)."
)
@platform_option
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@output_option
def copy(
    source: str, target: str, *, referrers: bool, platform: str | None, quiet: bool, output: str
) -> None:
    """Copy an image from SOURCE to TARGET; digests stay what they are.

    Either is a reference, or a place such as oci:DIR:TAG. What is there is not sent again: a copy
    that was cut off is ended by the same command. Prints the copy's reference.
    """
    from provenance.oci.copying import copy as copy_image

    with _bar(shown=not quiet and sys.stderr.isatty()) as progress:
        copied = copy_image(
            source,
            target,
            referrers=referrers,
            platform=platform,
            settings=settings(),
            progress=progress,
        )
    if output == "json":
        show_json(
            "copy",
            reference=str(copied.reference),
            digest=copied.digest,
            manifests=copied.manifests,
            blobs=copied.blobs,
            bytes=copied.moved,
            mounted=copied.mounted,
            there=copied.there,
            tags=copied.tags,
            left_out=[{"digest": d.digest, "why": why} for d, why in copied.left_out],
            complete=copied.complete,
        )
    else:
        echo(copied.reference)
    if copied.doubt is not None:
        note(f"not complete: {copied.doubt}")
    if output == "json":
        return
    for descriptor, why in copied.left_out:
        click.echo(f"left out: {descriptor.digest}: {why}", err=True)


@contextmanager
def _bar(*, shown: bool) -> Iterator[Callable[[Transfer], None] | None]:
    """One bar for all the bytes, on stderr; None: nothing is shown."""
    if not shown:
        yield None
        return
    with byte_bar("copying") as move:
        lock, total = threading.Lock(), 0

        def tell(event: Transfer) -> None:
            nonlocal total
            with lock:
                if event.state == "waiting":
                    total += event.blob.size
                elif event.state in {"there", "mounted", "left out"}:
                    total -= event.blob.size
                move(event.moved, total)

        yield tell
