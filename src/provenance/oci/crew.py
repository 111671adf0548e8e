"""`Crew`: the same work on many things by a few threads, that ends together."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from provenance.closing import Closing
from provenance.transport.stopping import Stopped, stopped_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
__all__ = ["Crew"]

T = TypeVar("T")
R = TypeVar("R")


class Crew(Closing):
    """Threads for the time of a `with`. The first error ends the work of all of them.

    Also that of those who wait for a server or for their turn: see `transport.stopping`.
    """

    def __init__(self, workers: int) -> None:
        """At most `workers` at once."""
        self._workers = max(1, workers)
        self._pool: ThreadPoolExecutor | None = None
        self._stop = threading.Event()

    def each(self, work: Callable[[T], R], things: Iterable[T]) -> list[R]:
        """`work` on every one, results in their order.

        Raises what `work` raised first, when no thread works any more.
        """
        todo = list(things)
        if len(todo) < 2 or self._workers == 1:
            return [work(thing) for thing in todo]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="provenance")
        # One by one, as an interrupt may come between two: those that were begun are ended then.
        futures: list[Future[R]] = []
        try:
            for thing in todo:
                futures.append(self._pool.submit(self._do, work, thing))  # noqa: PERF401 - see above
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            self._stop.set()
            for future in futures:
                future.cancel()
            wait(futures)
            raise

    def _do(self, work: Callable[[T], R], thing: T) -> R:
        with stopped_by(self._stop):
            return work(thing)

    def check(self) -> None:
        """Raise Stopped if the work is to end. Call it between two pieces of long work."""
        if self._stop.is_set():
            raise Stopped

    def close(self) -> None:
        """Wait for those who still work."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def abandon(self) -> None:
        """End the work of all."""
        self._stop.set()
        self.close()
