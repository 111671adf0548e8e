"""The client's connections: which are used again, and what is sent again over a new one."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from provenance.errors import RegistryUnavailable
from provenance.settings import Settings
from provenance.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.testing import LocalRegistry

QUICK = Settings(retries=2, retry_wait=0.05, timeout=5)


class Scripted:
    """A server that sends what it is told, and counts who came."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self.answers:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection, contextlib.suppress(OSError):
                while self.answers and self._request(connection):
                    connection.sendall(self.answers.pop(0))

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data and (chunk := connection.recv(65536)):
            data += chunk
        return data

    def close(self) -> None:
        self.answers.clear()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@contextlib.contextmanager
def scripted(*answers: bytes) -> Iterator[Scripted]:
    server = Scripted(*answers)
    try:
        yield server
    finally:
        server.close()


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def test_the_connection_of_a_short_refusal_is_used_again() -> None:
    with scripted(
        answer("503 Busy", b"later", "Retry-After: 0"),
        answer("302 Found", b"there", "Location: /there"),
        answer("200 OK", b"here"),
    ) as server:
        with Client(QUICK) as client, client.request("GET", server.url) as response:
            assert response.read() == b"here"
        assert server.connections == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_what_comes_before_an_answer_is_none(method: str, status: str) -> None:
    interim = f"HTTP/1.1 {status}\r\nLink: </style.css>; rel=preload\r\n\r\n".encode()
    with scripted(
        interim * 3 + answer("200 OK", b"", "X-Number: 1"),
        interim + answer("200 OK", b"", "X-Number: 2"),
    ) as server:
        with Client(QUICK) as client:
            for number in ("1", "2"):
                with client.request(method, server.url, body=b"") as response:
                    assert response.status == 200
                    assert response.headers["X-Number"] == number
        assert server.connections == 1


def test_reading_gives_what_was_asked_for() -> None:
    with (
        scripted(answer("200 OK", b"0123456789")) as server,
        Client(QUICK) as client,
        client.request("GET", server.url) as response,
    ):
        assert response.read(0) == b""
        assert response.read(4) == b"0123"
        assert response.read(100) == b"456789"
        assert response.read(1) == b""


AGAIN = [
    ("GET", None, 3),
    ("PUT", None, 3),
    ("PUT", False, 1),
    ("POST", None, 1),
    ("POST", True, 3),
]


@pytest.mark.parametrize(("method", "repeat", "hits"), AGAIN)
def test_what_is_asked_again_of_who_cannot_now(
    local_registry: LocalRegistry, *, method: str, repeat: bool | None, hits: int
) -> None:
    fault = local_registry.fail("/x", 502)
    url = f"{local_registry.url}/v2/x"
    with (
        Client(QUICK) as client,
        client.request(method, url, body=b"body", repeat=repeat) as response,
    ):
        assert response.status == 502
    assert fault.hits == hits
    assert {r.headers["Content-Length"] for r in local_registry.requests} == {"4"}


@pytest.mark.parametrize(("method", "repeat", "hits"), AGAIN)
def test_what_is_asked_again_of_who_hangs_up(
    local_registry: LocalRegistry, *, method: str, repeat: bool | None, hits: int
) -> None:
    fault = local_registry.disconnect("/x")
    url = f"{local_registry.url}/v2/x"
    with Client(QUICK) as client, pytest.raises(RegistryUnavailable, match="cannot be reached"):
        client.request(method, url, body=b"body", repeat=repeat)
    assert fault.hits == hits
