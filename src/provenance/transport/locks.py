"""`Lock`: a lock that no fork leaves closed.

A child has the locks of its parent as they were, and none of the threads that would open them.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Lock"]


class Lock:
    """As `threading.Lock`, but open in a child, whoever held it in the parent."""

    def __init__(self) -> None:
        """It is open."""
        self._locks: dict[int, threading.Lock] = {}

    def acquire(self, timeout: float = -1) -> bool:
        """Wait `timeout` seconds for it, -1 for as long as it takes; whether it is held now."""
        # One step of the interpreter, so that two threads get the same one.
        return self._locks.setdefault(os.getpid(), threading.Lock()).acquire(timeout=timeout)

    def release(self) -> None:
        """Let it go."""
        held = self._locks.get(os.getpid())
        if held is not None:  # else a fork in between: it is its parent's
            held.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
