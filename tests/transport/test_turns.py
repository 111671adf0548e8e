from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from provenance.errors import RateLimited, RegistryUnavailable
from provenance.settings import Settings
from provenance.testing.registry.messages import Response
from provenance.testing.registry.server import Server
from provenance.transport.client import Client
from provenance.transport.turns import TurnIsFar, TurnNeverCame, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing import LocalRegistry
    from provenance.testing.registry.messages import Request

PATIENT = Settings(retries=2, retry_wait=0.05, timeout=60)


class Crowded:
    """Answers 429 as often as it is told to, and sees how many ask at once."""

    def __init__(self) -> None:
        self.refusals = 0
        self.most = 0
        self.company = threading.Event()
        """Set at the second that asks at once: the first waits for it, if it is to come."""
        self.expects_company = False
        self._now = 0
        self._lock = threading.Lock()

    def respond(self, request: Request) -> Response:
        del request
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now > 1:
                self.company.set()
            refused = self.refusals > 0
            self.refusals -= refused
        if self.expects_company:
            self.company.wait(30)
        else:
            time.sleep(0.02)
        with self._lock:
            self._now -= 1
        return Response(429 if refused else 200)


@pytest.fixture
def crowded() -> Iterator[tuple[Crowded, str]]:
    application = Crowded()
    server = Server(application)
    yield application, f"{server.base}/v2/"
    server.stop()


def ask_from_eight_threads(client: Client, url: str) -> list[int]:
    def ask(_: int) -> int:
        with client.request("GET", url) as response:
            return response.status

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, range(16)))


def test_who_refuses_nobody_is_asked_by_all_at_once(crowded: tuple[Crowded, str]) -> None:
    application, url = crowded
    application.expects_company = True
    with Client(PATIENT) as client:
        assert set(ask_from_eight_threads(client, url)) == {200}
    assert application.most > 1


def test_after_a_429_one_asks_after_the_other(crowded: tuple[Crowded, str]) -> None:
    application, url = crowded
    with Client(PATIENT) as client:
        application.refusals = 1
        client.request("GET", url).close()
        application.most = 0
        assert set(ask_from_eight_threads(client, url)) == {200}
    assert application.most == 1


def test_another_server_is_not_waited_for(
    crowded: tuple[Crowded, str],
) -> None:
    application, url = crowded
    calm = Crowded()
    calm.expects_company = True
    server = Server(calm)
    try:
        with Client(PATIENT) as client:
            application.refusals = 1
            client.request("GET", url).close()
            assert set(ask_from_eight_threads(client, f"{server.base}/v2/")) == {200}
        assert calm.most > 1
    finally:
        server.stop()


def test_a_turn_past_the_deadline_never_comes() -> None:
    turns = Turns()
    turns.refuse(60)
    with pytest.raises(TurnNeverCame), turns.turn(time.monotonic() + 0.01):
        pass


def test_a_turn_that_is_too_far_is_not_waited_for() -> None:
    turns = Turns()
    turns.refuse(60)
    with pytest.raises(TurnIsFar) as far, turns.turn(math.inf, 30):
        pass
    assert far.value.seconds == pytest.approx(60, abs=5)


@pytest.mark.parametrize("wait", [60, 5000], ids=["before the deadline", "past the deadline"])
def test_who_asks_after_a_long_wait_was_told_is_told_it_too(
    local_registry: LocalRegistry, wait: int
) -> None:
    local_registry.fail("/x", 429, headers={"Retry-After": str(wait)})
    with Client(Settings(retries=3, retry_wait=5)) as client:
        for _ in range(2):
            with pytest.raises(RateLimited, match=r"asks to come back in \d+ s \(429\)") as refused:
                client.request("GET", f"{local_registry.url}/x")
            assert refused.value.retry_after == pytest.approx(wait, abs=5)
    assert len(local_registry.requests) == 1


def test_a_line_that_is_longer_than_the_deadline_is_no_answer(
    crowded: tuple[Crowded, str],
) -> None:
    application, url = crowded
    application.refusals = 99
    hurried = Settings(retries=5, retry_wait=30, deadline=1, timeout=60)
    told = r"(did not|no) answer"
    with Client(hurried) as client, pytest.raises(RegistryUnavailable, match=told):
        client.request("GET", url)
