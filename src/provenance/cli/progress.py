"""A bar of bytes on stderr."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["byte_bar"]


@contextmanager
def byte_bar(what: str) -> Iterator[Callable[[int, int], object]]:
    """A bar that says `what`, told by threads of bytes moved and of how many there are in all."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, lock = bar.add_task(what, total=None), threading.Lock()

        def tell(moved: int, total: int) -> None:
            with lock:
                bar.update(task, advance=moved, total=total)

        yield tell
