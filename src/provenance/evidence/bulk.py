"""`verify_all`: the same question of many images, with one trust, one session, one login each.

Answers stream as they come; a fixed number of images is in work at a time, and nothing is kept of
those that are answered. The interpreter lets one thread of a process compute at a time: an executor
(`chunks`) is what uses several processors.
"""

from __future__ import annotations

import os
import queue
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.errors import ProvenanceError
from provenance.evidence.proving import question
from provenance.settings import Settings
from provenance.transport.stopping import stopped_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provenance.evidence.asked import Keys
    from provenance.evidence.proving import Question
    from provenance.evidence.verified import Verified
    from provenance.image import ImageLike
    from provenance.oci.registry import Registry
    from provenance.settings import Limits
    from provenance.trust import Trust
    from provenance.verification.identity import Expected
    from provenance.verification.thresholds import Thresholds

__all__ = ["Answer", "verify_all"]

_AHEAD = 2
"""Images in work for each thread: one being verified, one waiting."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one image: `verified`, or the `error` that says why not."""

    index: int
    """Its place among those that were given, from 0."""
    image: ImageLike
    verified: Verified | None = None
    error: ProvenanceError | None = field(default=None)

    def require(self) -> Verified:
        """The result; raises the error in its place."""
        if self.verified is None:
            raise self.error or ProvenanceError("nothing is known")
        return self.verified

    def __bool__(self) -> bool:
        """Whether it is proven."""
        return self.verified is not None


def verify_all(
    images: Iterable[ImageLike],
    identity: Expected | None = None,
    *,
    key: Keys | None = None,
    require: str = "signature",
    annotations: Mapping[str, Any] | None = None,
    unsafe_no_log: bool = False,
    threshold: int = 1,
    witnesses: Thresholds | None = None,
    everywhere: bool = False,
    evidence_repository: str | None = None,
    trust: Trust | None = None,
    platform: str | None = None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    limits: Limits | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
) -> Iterator[Answer]:
    """`verify`, of many images at a time.

    Args:
        images: any number; taken one by one as there is room.
        identity: who must have signed each, as in `verify`.
        key: in place of an identity, as in `verify`.
        require: what must be there, as in `verify`.
        annotations: what must have been said along with it, as in `verify`.
        unsafe_no_log: as in `verify`.
        threshold: as in `verify`.
        witnesses: as in `verify`.
        everywhere: as in `verify`.
        evidence_repository: as in `verify`.
        trust: whom to believe; loaded once.
        platform: of an index.
        registry: session to use; None: one for all of them.
        settings: how to fetch. Proxies' passwords do not travel to an executor's workers; None:
            what the environment of each says.
        limits: caps on what is read, for each image.
        workers: images in work at a time; None: `Settings.workers`, and with an executor so many
            for each processor of this machine.
        executor: who answers, in place of threads of this process: a pool of processes, Dask's,
            or any other. Each of its workers answers `Settings.workers` images at a time, with a
            session and logins of its own. It stays open.

    Returns:
        An iterator of answers, each as soon as it is known, whatever its place; those of an
        executor every second or two. What a worker that died did not answer is
        `NotEvaluated`. Whoever asks for no more waits for what workers have begun.

    Raises:
        TypeError: not exactly one of `identity` and `key`; one image in place of several; what
            cannot be sent to an executor's workers: a session, or a judge of identity that does
            not pickle.
        ValueError: as of `verify`; workers below one.
        ProvenanceError: a key or the trust root could not be had. What goes wrong with an image is
            in its answer.
        RuntimeError: the executor was shut down before all was answered.
    """
    asked = question(
        identity,
        key=key,
        require=require,
        annotations=annotations,
        unsafe_no_log=unsafe_no_log,
        threshold=threshold,
        witnesses=witnesses,
        everywhere=everywhere,
        evidence_repository=evidence_repository,
        trust=trust,
        platform=platform,
        settings=settings,
        limits=limits,
    )
    if isinstance(images, (str, bytes)):  # each letter of which would be an image
        raise TypeError("images= is one reference: give a list, or ask verify")
    if executor is not None:
        _check_executor(executor, asked, registry)
    threads = (settings or Settings.from_environment()).workers
    count = workers if workers is not None else threads * (os.cpu_count() or 1 if executor else 1)
    if count < 1:
        raise ValueError("workers must be at least 1")
    if executor is None:
        return _answers(iter(images), asked, registry, count)
    return _of_executor(executor, iter(images), asked, count, min(threads, count))


def _check_executor(executor: Executor, asked: Question, registry: Registry | None) -> None:
    from provenance.evidence.chunks import check_travels

    if not isinstance(executor, Executor):
        kind = type(executor).__name__
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {kind}")
    if registry is not None:
        raise TypeError(
            "a session is not sent to an executor's workers: leave out registry=, and each opens "
            "its own by settings= and the logins of its machine"
        )
    check_travels(asked)


def _of_executor(
    executor: Executor, images: Iterator[ImageLike], asked: Question, workers: int, threads: int
) -> Iterator[Answer]:
    from provenance.evidence.chunks import by_executor

    with closing(by_executor(executor, images, asked, workers, threads)) as answered:
        for index, image, outcome in answered:
            if isinstance(outcome, ProvenanceError):
                yield Answer(index, image, error=outcome)
            elif isinstance(outcome, Exception):
                raise outcome
            else:
                yield Answer(index, image, outcome)


def _answers(
    images: Iterator[ImageLike], asked: Question, registry: Registry | None, workers: int
) -> Iterator[Answer]:
    from provenance.oci.registry import Registry

    own = Registry(settings=asked.settings, limits=asked.limits) if registry is None else None
    session = registry or own
    numbered = enumerate(images)
    waiting = 0
    ended: queue.SimpleQueue[Future[Answer]] = queue.SimpleQueue()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="verify")
    stop = threading.Event()
    try:
        while True:
            while waiting < workers * _AHEAD and (following := next(numbered, None)):
                future = pool.submit(_answer, *following, asked, session, registry, stop)
                future.add_done_callback(ended.put)
                waiting += 1
            if not waiting:
                return
            future = ended.get()
            waiting -= 1
            yield future.result()
    finally:  # also where nobody asks for the rest, which ends those that wait for a server, too
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        if own is not None:
            own.close()


def _answer(
    index: int,
    image: ImageLike,
    asked: Question,
    session: Registry | None,
    kept: Registry | None,
    stop: threading.Event,
) -> Answer:
    try:
        with stopped_by(stop):
            return Answer(index, image, asked.answer(image, session, kept=kept))
    except ProvenanceError as error:
        return Answer(index, image, error=error)
