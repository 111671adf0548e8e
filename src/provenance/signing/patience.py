"""A time limit for calls that have none: the sigstore library waits for its services for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["within"]

_T = TypeVar("_T")


def within(seconds: float, call: Callable[[], _T]) -> _T:
    """What `call` returns or raises, unless that takes longer.

    It runs in a thread of its own, which cannot be stopped but does not keep the program alive;
    what it returns later is dropped.

    Raises:
        TimeoutError: it took longer.
    """
    done: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:  # noqa: BLE001  # handed to the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run, name="provenance-sign", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]
