"""Many images by an executor: threads, processes, and those that die."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import pickle
import signal
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import provenance as pv
from provenance.errors import NotEvaluated
from provenance.evidence import chunks
from provenance.evidence.chunks import Chunk, answer_chunk
from provenance.testing import ImageBuilder, LocalRegistry, LocalSigstore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.evidence import Answer

WHO = "release@example.com"
KINDS = ["threads", "processes"]


@pytest.fixture(scope="module")
def sigstore() -> Iterator[LocalSigstore]:
    with LocalSigstore() as running:
        yield running


@pytest.fixture(scope="module")
def registry() -> Iterator[LocalRegistry]:
    with LocalRegistry() as running:
        yield running


@pytest.fixture(scope="module")
def images(registry: LocalRegistry, sigstore: LocalSigstore) -> list[str]:
    """Six, of which one is not signed, and one that is not there."""
    signer = sigstore.signer(WHO)
    found = []
    for number in range(6):
        tag = registry.reference(f"team/app:{number}")
        ImageBuilder().layer({"a": str(number).encode()}).push(tag)
        if number != 3:
            pv.sign(tag, signer)
        found.append(tag)
    return [*found, registry.reference("team/app:absent")]


@pytest.fixture
def asked(sigstore: LocalSigstore) -> dict[str, Any]:
    return {"identity": pv.Identity(WHO, issuer=sigstore.issuer), "trust": sigstore.trust}


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[str, Executor]]:
    spawn = multiprocessing.get_context("spawn")
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, mp_context=spawn) as processes:
        yield {"threads": threads, "processes": processes}


@pytest.fixture(params=KINDS)
def executor(request: pytest.FixtureRequest, pools: dict[str, Executor]) -> Executor:
    return pools[request.param]


def waited(what: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def test_every_image_has_the_answer_that_it_has_without(
    executor: Executor, images: list[str], asked: dict[str, Any]
) -> None:
    many = images * 12  # several chunks
    answers = sorted(pv.verify_all(many, executor=executor, workers=4, **asked), key=_place)
    alone = sorted(pv.verify_all(many, **asked), key=_place)
    assert [a.image for a in answers] == many
    assert [(a.index, a.verified, str(a.error)) for a in answers] == [
        (a.index, a.verified, str(a.error)) for a in alone
    ]
    assert [type(a.error) for a in answers] == [type(a.error) for a in alone]
    assert [bool(a) for a in answers] == [True, True, True, False, True, True, False] * 12


def test_images_that_are_resolved_come_back_as_they_were(
    executor: Executor, images: list[str], asked: dict[str, Any]
) -> None:
    image = pv.resolve(images[0])
    (answer,) = pv.verify_all([image], executor=executor, **asked)
    assert answer.image is image
    assert answer.require().signatures


def test_what_travels_is_small(images: list[str], asked: dict[str, Any]) -> None:
    seen: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, work: Any, /, *given: Any, **named: Any) -> Future[Any]:
            seen.append(len(pickle.dumps((given, named))))
            future: Future[Any] = super().submit(_counted, work, *given)
            return future

    def _counted(work: Any, *given: Any) -> Any:
        answer = work(*given)
        seen.append(len(pickle.dumps(answer)))
        return answer

    with Counting(1) as executor:
        assert len(list(pv.verify_all(images, executor=executor, **asked))) == 7
    root = len(asked["trust"].raw)
    assert root < seen[0] < root + 3000  # the question: a trust root and little more
    assert seen[1] < 7 * 5000  # seven answers, with their statements and errors


@pytest.mark.parametrize("kind", KINDS)
def test_images_are_taken_as_there_is_room(
    kind: str, pools: dict[str, Executor], images: list[str], asked: dict[str, Any]
) -> None:
    taken = []

    def endless() -> Iterator[str]:
        while True:
            taken.append(1)
            yield images[0]

    answers = pv.verify_all(endless(), executor=pools[kind], workers=2, **asked)
    for _ in range(40):
        assert next(answers)
    assert len(taken) <= 40 + 3 * 16  # two chunks of eight for each of two, and one at hand
    answers.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("verify")]
    # Nothing is left in the executor: what is asked next is answered at once.
    assert pools[kind].submit(os.getpid).result(timeout=30)


def test_whoever_gives_images_slowly_holds_back_no_answer(
    executor: Executor, images: list[str], asked: dict[str, Any]
) -> None:
    def slow() -> Iterator[str]:
        for number in range(1000):
            time.sleep(0.2)
            assert number < 500, "nothing was answered meanwhile"
            yield images[0]

    answers = pv.verify_all(slow(), executor=executor, workers=16, **asked)
    assert next(answers)
    answers.close()  # type: ignore[attr-defined]


def test_an_error_of_those_who_give_the_images_is_theirs(
    executor: Executor, images: list[str], asked: dict[str, Any]
) -> None:
    def failing() -> Iterator[str]:
        yield from images
        raise OSError("the list ended midway")

    with pytest.raises(OSError, match="midway"):
        list(pv.verify_all(failing(), executor=executor, **asked))


class Mistaken:
    """A judge of identity that has a mistake."""

    def mismatch(self, _signer: Any, /) -> str:
        raise ZeroDivisionError


def test_an_error_of_no_kind_of_ours_is_raised(
    pools: dict[str, Executor], images: list[str], asked: dict[str, Any]
) -> None:
    asked["identity"] = Mistaken()
    with pytest.raises(ZeroDivisionError):
        list(pv.verify_all(images, executor=pools["threads"], **asked))


def test_threads_that_wait_for_a_server_end_with_the_rest(
    registry: LocalRegistry, images: list[str], asked: dict[str, Any], pools: dict[str, Executor]
) -> None:
    slow = registry.reference("team/slow:1")
    ImageBuilder().layer({"a": b"slow"}).push(slow)
    delay = registry.delay("/team/slow/referrers/", 10.0)
    registry.clear_requests()
    given = [*[images[0]] * 16, slow]  # two chunks
    answers = pv.verify_all(given, executor=pools["threads"], workers=2, **asked)
    assert next(answers).image == images[0]
    waited(lambda: any("/team/slow/" in r.path for r in registry.requests))
    begun = time.monotonic()
    answers.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 8
    delay.remove()


def test_one_session_serves_the_images_of_a_process(
    sigstore: LocalSigstore, asked: dict[str, Any], tmp_path: Any, monkeypatch: Any
) -> None:
    with LocalRegistry(auth="bearer", username="ann", password="pw") as closed:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        with pv.Registry(credentials={closed.host: ("ann", "pw")}) as session:
            tag = closed.reference("team/app:1")
            ImageBuilder().layer({"a": b"1"}).push(tag, registry=session)
            pv.sign(tag, sigstore.signer(WHO), registry=session)
        login = base64.b64encode(b"ann:pw").decode()
        told = {"auths": {closed.host: {"auth": login}}}
        (tmp_path / "config.json").write_text(json.dumps(told))
        closed.clear_requests()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as one:
            assert all(pv.verify_all([tag] * 40, executor=one, workers=2, **asked))
        assert len([r for r in closed.requests if "/token" in r.path]) == 1


def test_images_of_a_worker_that_died_could_not_be_told(
    registry: LocalRegistry, images: list[str], asked: dict[str, Any]
) -> None:
    stuck = registry.reference("team/stuck:1")
    ImageBuilder().layer({"a": b"stuck"}).push(stuck)
    delay = registry.delay("/team/stuck/referrers/", 15.0)
    before = {child.pid for child in multiprocessing.active_children()}
    found: list[Answer] = []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(os.getpid).result()
        (worker,) = {c.pid for c in multiprocessing.active_children()} - before
        registry.clear_requests()
        given = [stuck, *images, *images]
        asking = threading.Thread(
            target=lambda: found.extend(pv.verify_all(given, executor=pool, workers=1, **asked))
        )
        asking.start()
        waited(lambda: any("/team/stuck/" in r.path for r in registry.requests))
        time.sleep(0.5)  # by now it waits for the list
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        asking.join(timeout=60)
        assert not asking.is_alive()
    delay.remove()
    assert sorted(a.index for a in found) == list(range(len(given)))
    assert all(isinstance(a.error, NotEvaluated) for a in found)
    told = str(min(found, key=_place).error)
    assert "BrokenProcessPool" in told
    assert stuck in told


def test_what_somebody_else_cancels_is_not_waited_for(
    images: list[str], asked: dict[str, Any]
) -> None:
    busy = threading.Event()
    pool = ThreadPoolExecutor(1)
    pool.submit(busy.wait, 30)
    found: list[Answer] = []
    asking = threading.Thread(
        target=lambda: found.extend(pv.verify_all(images, executor=pool, **asked))
    )
    asking.start()
    waited(lambda: pool._work_queue.qsize() == 1)
    pool.shutdown(wait=False, cancel_futures=True)
    asking.join(timeout=60)
    busy.set()
    assert not asking.is_alive()
    assert [type(a.error) for a in found] == [NotEvaluated] * len(images)


def test_images_that_a_worker_did_not_come_to_are_asked_again(
    images: list[str], asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_PATIENCE", 0.0)  # each chunk is drawn and answered one by one
    monkeypatch.setattr(chunks, "_SLICE", 0.0)
    sent: list[Chunk] = []

    class Watched(ThreadPoolExecutor):
        def submit(self, work: Any, /, *given: Any, **named: Any) -> Future[Any]:
            sent.extend(given)
            return super().submit(work, *given, **named)

    with Watched(1) as pool:
        answers = list(pv.verify_all(images, executor=pool, workers=1, **asked))
    assert sorted(a.index for a in answers) == list(range(7))
    assert len(sent) == 7
    whole = replace(sent[0], call="whole", images=tuple(enumerate(images)))
    assert list(answer_chunk(whole)) == [0]
    chunks._forget("whole")


def test_what_cannot_travel_is_told_before_any_image_is_read(
    asked: dict[str, Any], pools: dict[str, Executor]
) -> None:
    def none() -> Iterator[str]:
        raise AssertionError("an image was asked for")
        yield ""

    pool = pools["processes"]
    with pv.Registry() as session, pytest.raises(TypeError, match="leave out registry="):
        pv.verify_all(none(), executor=pool, registry=session, **asked)

    class Own:
        def mismatch(self, signer: Any, /) -> str:
            return ""

    with pytest.raises(TypeError, match="a name in a module"):
        pv.verify_all(none(), Own(), executor=pool, trust=asked["trust"])
    with pytest.raises(TypeError, match=r"concurrent\.futures\.Executor, not int"):
        pv.verify_all(none(), executor=2, **asked)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="workers"):
        pv.verify_all(none(), executor=pool, workers=0, **asked)


def test_passwords_of_proxies_stay_at_home(images: list[str], asked: dict[str, Any]) -> None:
    settings = pv.Settings(proxies={"https": "http://user:s3cret@proxy.example:3128"})
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        (answer,) = pv.verify_all(images[:1], executor=pool, settings=settings, **asked)
    source = answer.require().source
    assert source is not None
    assert source.settings is settings  # which fetches later, here


def _place(answer: Answer) -> int:
    return answer.index
