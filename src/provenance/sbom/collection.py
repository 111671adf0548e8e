"""No garbage collection while a document is read or written.

It makes many small objects and no cycles; collecting meanwhile doubles the time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["paused_collection"]


@contextmanager
def paused_collection() -> Iterator[None]:
    """Collect nothing within, where collecting is on at all."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
