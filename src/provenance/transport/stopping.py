"""What ends the waiting of threads whose work nobody wants any more.

A signal interrupts the main thread alone: a worker that sleeps, or waits for a server, is told by
an event, and looks at it several times a second.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

__all__ = ["LOOK", "Stopped", "check", "pause", "stop_event", "stopped_by"]

LOOK = 0.2
"""Seconds between two looks at the event."""
_EVENT: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class Stopped(Exception):
    """The work of this thread is to end. No fault of its own, and no `ProvenanceError`."""


@contextmanager
def stopped_by(event: threading.Event | None) -> Iterator[None]:
    """Let `event` end what waits in this thread, for the time of a `with`; None: nothing does."""
    token = _EVENT.set(event)
    try:
        yield
    finally:
        _EVENT.reset(token)


def stop_event() -> threading.Event | None:
    """What may end the waiting of this thread, if anything may."""
    return _EVENT.get()


def check() -> None:
    """Raise Stopped if this thread's work is to end."""
    event = _EVENT.get()
    if event is not None and event.is_set():
        raise Stopped


def pause(seconds: float) -> None:
    """Sleep. Raises Stopped as soon as this thread's work is to end."""
    event = _EVENT.get()
    if event is None:
        time.sleep(seconds)
    elif event.wait(seconds):
        raise Stopped
