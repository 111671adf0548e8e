"""An interrupted copy ends although its threads wait for servers that do not answer.

Each server would be waited for longer than a test may last: that these end is what they say.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import provenance
from provenance.digests import Digest
from provenance.settings import Settings
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.testing.registry.messages import Content, Response
from provenance.transport import stopping
from provenance.transport.client import Client
from provenance.transport.stopping import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONG = Settings(timeout=600, deadline=600, retry_wait=600, retries=5)
LAYERS = (b"one" * 999, b"two" * 999, b"three" * 999)


@contextlib.contextmanager
def silent(answer: bytes = b"", *, reads: bool = True) -> Iterator[tuple[str, threading.Event]]:
    """A server that says `answer` and then nothing; the event is set when it was asked."""
    listening = socket.create_server(("127.0.0.1", 0))
    asked, over = threading.Event(), threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            near, _ = listening.accept()
            with near:
                if reads:
                    near.recv(65536)
                near.sendall(answer)
                asked.set()
                over.wait(60)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x", asked
    finally:
        over.set()
        listening.close()
        thread.join()


class Zeros:
    """A body larger than sockets hold."""

    def __init__(self) -> None:
        self._left = 64 << 20

    def __len__(self) -> int:
        return 64 << 20

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read():
            yield chunk

    def read(self, size: int = -1) -> bytes:
        count = min(self._left, 1 << 20 if size < 0 else size)
        self._left -= count
        return bytes(count)


def read_all(client: Client, url: str) -> None:
    with client.request("GET", url) as response:
        response.read()


def send_much(client: Client, url: str) -> None:
    client.request("PUT", url, body=Zeros(), repeat=False)


WAITS: dict[str, tuple[bytes, bool, Callable[[Client, str], None]]] = {
    "for an answer": (b"", True, read_all),
    "for the rest of a head": (b"HTTP/1.1 200 OK\r\n", True, read_all),
    "for the rest of a body": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
        True,
        read_all,
    ),
    "until it may ask again": (
        b"HTTP/1.1 429 No\r\nRetry-After: 500\r\nContent-Length: 0\r\n\r\n",
        True,
        read_all,
    ),
    "until more is taken": (b"", False, send_much),
}


@pytest.mark.parametrize("what", WAITS)
def test_a_thread_that_waits(what: str) -> None:
    answer, reads, ask = WAITS[what]
    stop, outcome = threading.Event(), list[BaseException]()

    def work(client: Client, url: str) -> None:
        try:
            with stopping.stopped_by(stop):
                ask(client, url)
        except BaseException as error:  # noqa: BLE001 - a thread has nobody to raise to
            outcome.append(error)

    with silent(answer, reads=reads) as (url, asked), Client(LONG) as client:
        thread = threading.Thread(target=work, args=(client, url))
        thread.start()
        assert asked.wait(30)
        assert not outcome
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
    assert [type(error) for error in outcome] == [Stopped]


def test_what_nothing_stops_is_not_looked_at() -> None:
    stopping.check()
    stopping.pause(0)
    assert stopping.stop_event() is None


@pytest.mark.parametrize("fault", ["stalls", "asks to come back later"])
def test_an_interrupted_command_ends_and_leaves_nothing(
    local_registry: LocalRegistry, tmp_path: Path, fault: str
) -> None:
    builder = ImageBuilder(compression="none")
    for number, text in enumerate(LAYERS):
        builder.layer({f"{number}": text})
    built = builder.build()
    place = local_registry.reference("app:1")
    local_registry.put_image("app:1", built)
    asked, over = threading.Event(), threading.Event()
    if fault == "stalls":

        def hold(_request: object, _response: object) -> None:
            asked.set()
            over.wait(60)

        local_registry.alter("/blobs/", hold, method="GET")
    else:

        def refuse(_request: object, response: Response) -> Response:
            asked.set()
            return replace(response, status=429, headers={"Retry-After": "15"}, body=Content(b""))

        local_registry.alter("/blobs/", refuse, method="GET")
    command = [sys.executable, "-m", "provenance", "copy", place, f"oci:{tmp_path / 'out'}:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    finally:
        over.set()
        process.kill()
        process.wait()
    assert process.returncode == 130
    left = {name for _, _, names in os.walk(tmp_path / "out") for name in names}
    digests = {Digest(d).hex for d in built.blobs}
    assert left <= {"oci-layout", ".lock"} | digests
    local_registry.clear_faults()
    copied = provenance.copy(place, f"oci:{tmp_path / 'out'}:1")
    assert copied.digest == built.digest
