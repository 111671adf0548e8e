"""Images by the chunk: what `verify_all` hands to an executor, and what a worker makes of them.

A worker is a thread, another process or another machine. What goes there and comes back is pickled,
so it is small and holds no login: each process has a session of its own. What does not come back,
as its worker died, could not be told.
"""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
from collections import deque
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import NotEvaluated, ProvenanceError
from provenance.evidence.verified import Verified
from provenance.transport.locks import Lock
from provenance.transport.stopping import stopped_by

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from concurrent.futures import Executor

    from provenance.evidence.proving import Question
    from provenance.image import ImageLike
    from provenance.oci.registry import Registry

__all__ = ["Chunk", "answer_chunk", "by_executor", "check_travels"]

_AHEAD = 2
"""Chunks for each that is in work: one being answered, one waiting."""
_PER_THREAD = 8
"""Images of a chunk for each thread that answers it."""
_SLICE = 2.0
"""Seconds: no image of a chunk is begun later. So answers come often, and whoever asks for no more
waits only for what has begun. Not less: threads that have nothing to begin wait for the slowest."""
_PATIENCE = 0.5
"""Seconds that images are waited for to fill a chunk."""
_MOST_SESSIONS = 4
"""Calls whose session a process keeps."""

Numbered: TypeAlias = "tuple[int, ImageLike]"
Outcome: TypeAlias = "Verified | Exception"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What travels to a worker."""

    call: str
    """Which call of `verify_all`: a worker keeps one session for each."""
    asked: Question
    images: tuple[Numbered, ...]
    threads: int


def check_travels(asked: Question) -> None:
    """Raise TypeError unless workers can be sent the question."""
    try:
        pickle.dumps(asked)
    except Exception as error:
        raise TypeError(
            f"what is asked cannot be sent to the executor's workers ({error}): with executor= "
            "give values, and judges of identity whose class has a name in a module"
        ) from error


def by_executor(
    executor: Executor, images: Iterator[ImageLike], asked: Question, workers: int, threads: int
) -> Generator[tuple[int, ImageLike, Outcome]]:
    """What became of each image, as it comes. An error that is none of ours is there to be raised.

    Args:
        executor: who answers; it stays open.
        images: taken as there is room.
        asked: of each.
        workers: images in work at a time, by all of its workers; as many again wait there.
        threads: of those, how many one worker answers at a time.
    """
    call, numbered = os.urandom(16).hex(), enumerate(images)
    postponed: deque[Numbered] = deque()
    handed: dict[Future[dict[int, Outcome]], tuple[Numbered, ...]] = {}
    # And not `concurrent.futures.wait`, to which what somebody else cancels never ends.
    ended: queue.SimpleQueue[Future[dict[int, Outcome]]] = queue.SimpleQueue()
    most = -(-workers // threads) * _AHEAD
    try:
        while True:
            drawn = _draw(postponed, numbered, threads) if len(handed) < most else ()
            if drawn:
                future = _hand(executor, Chunk(call, asked, drawn, threads))
                handed[future] = drawn
                future.add_done_callback(ended.put)
            elif not handed:
                return
            waits = not drawn  # else whoever gives images slowly, or for ever, holds back answers
            while handed and (waits or not ended.empty()):
                waits, future = False, ended.get()
                chunk = handed.pop(future)
                found = _received(future, chunk)
                postponed.extend(item for item in chunk if item[0] not in found)
                for index, image in chunk:
                    if index in found:
                        yield index, image, _at_home(found[index], asked)
    finally:
        _end(call)
        wait([future for future in handed if not future.cancel()])
        _forget(call)


def _draw(
    postponed: deque[Numbered], numbered: Iterator[Numbered], threads: int
) -> tuple[Numbered, ...]:
    """The next images: first those that no worker came to. Empty: there are none."""
    until = time.monotonic() + _PATIENCE
    drawn: list[Numbered] = []
    while following := postponed.popleft() if postponed else next(numbered, None):
        drawn.append(following)
        if len(drawn) == threads * _PER_THREAD or time.monotonic() > until:
            break
    return tuple(drawn)


def _hand(executor: Executor, chunk: Chunk) -> Future[dict[int, Outcome]]:
    """The future of a chunk; that of a broken executor has ended."""
    try:
        return executor.submit(answer_chunk, chunk)
    except BrokenExecutor as error:
        broken: Future[dict[int, Outcome]] = Future()
        broken.set_exception(error)
        return broken


def _received(future: Future[dict[int, Outcome]], chunk: Sequence[Numbered]) -> dict[int, Outcome]:
    """What came back. What our own code raises is in there: all else is the executor's."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - each library of executors has its own
        return {index: _lost(image, error) for index, image in chunk}


def _lost(image: ImageLike, error: Exception) -> NotEvaluated:
    told = NotEvaluated(
        "the worker that was asked gave no answer "
        f"({type(error).__name__}: {' '.join(str(error).split())[:200]})",
        reference=str(getattr(image, "reference", image)),
        hint="see what it printed: it may have been killed for its memory, or be unable to start "
        "(a script needs `if __name__ == '__main__':`)",
    )
    told.__cause__ = error
    return told


def _at_home(outcome: Outcome, asked: Question) -> Outcome:
    """With the settings of this process: a proxy's password does not travel."""
    if isinstance(outcome, Verified) and outcome.source is not None:
        return replace(outcome, source=replace(outcome.source, settings=asked.settings))
    return outcome


@dataclass(frozen=True, slots=True)
class _Held:
    """What a process keeps of a call from chunk to chunk."""

    asked: Question
    session: Registry
    stop: threading.Event = field(default_factory=threading.Event)


_held: dict[str, _Held] = {}
_lock = Lock()


def answer_chunk(chunk: Chunk) -> dict[int, Outcome]:
    """What became of the images of a chunk, by their numbers, but for those that were not begun.

    This runs in a worker. Any error is an answer: one that is none of ours is for the caller to
    raise.
    """
    try:
        held = _kept(chunk)
    except ProvenanceError as error:
        return {index: error for index, _ in chunk.images}
    until = time.monotonic() + _SLICE
    first = chunk.images[0][0]

    def answer(numbered: Numbered) -> Outcome | None:
        index, image = numbered
        if index != first and time.monotonic() > until:  # one is always begun
            return None
        try:
            with stopped_by(held.stop):
                return held.asked.answer(image, held.session)
        except Exception as error:  # noqa: BLE001 - as above
            return error

    with ThreadPoolExecutor(chunk.threads, thread_name_prefix="verify") as pool:
        found = zip(chunk.images, pool.map(answer, chunk.images), strict=True)
        return {index: outcome for (index, _), outcome in found if outcome is not None}


def _kept(chunk: Chunk) -> _Held:
    """The question, and this process's session for it: made for the first chunk of a call."""
    from provenance.oci.registry import Registry

    with _lock:
        if chunk.call not in _held:
            asked = chunk.asked
            session = Registry(settings=asked.settings, limits=asked.limits)
            _held[chunk.call] = _Held(asked, session)
            while len(_held) > _MOST_SESSIONS:
                _held.pop(next(iter(_held))).session.close()  # whoever has it may go on
        return _held[chunk.call]


def _end(call: str) -> None:
    """End those that wait for a server in threads of this process."""
    held = _held.get(call)
    if held is not None:
        held.stop.set()


def _forget(call: str) -> None:
    """Close the session that threads of this process had."""
    with _lock:
        held = _held.pop(call, None)
    if held is not None:
        held.session.close()
