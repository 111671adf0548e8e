"""Sockets: a threaded HTTP/1.1 server on loopback that stops at once and leaves nothing open."""

from __future__ import annotations

import contextlib
import http.server
import logging
import re
import selectors
import socket
import socketserver
import ssl
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from provenance.testing.registry.messages import Request, Response

if TYPE_CHECKING:
    from email.message import Message

__all__ = ["Application", "Server"]

_log = logging.getLogger(__name__)
_BROKEN = (ConnectionError, TimeoutError, ssl.SSLError)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")


class Application(Protocol):
    """What answers requests."""

    def respond(self, request: Request, /) -> Response:
        """The answer; it is sent as it is."""
        ...


class Server(socketserver.TCPServer):
    """One thread a connection, kept alive; `stop` ends them all."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, application: Application, tls: ssl.SSLContext | None = None) -> None:
        """Bind an ephemeral port on 127.0.0.1 and start to answer."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.application = application
        self._tls = tls
        self._wake, self._waker = socket.socketpair()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(target=self._serve, name="local-registry", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port bound."""
        return int(self.server_address[1])

    @property
    def base(self) -> str:
        """Scheme and authority."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        self._waker.close()
        self._thread.join()
        self.server_close()
        with self._lock:
            open_ones = dict(self._connections)
        for thread, connection in open_ones.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)

    def _serve(self) -> None:
        # serve_forever() polls, and so stops late or costs wake-ups; this one is told.
        with self._wake, selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            selector.register(self.socket, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake in ready:
                    return
                with contextlib.suppress(OSError):
                    self.process_request(*self.get_request())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread of its own."""
        thread = threading.Thread(target=self._talk, args=(request, client_address), daemon=True)
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def _talk(self, connection: socket.socket, address: Any) -> None:
        thread = threading.current_thread()
        try:
            if self._tls is not None:
                # Wrapping moves the descriptor: `stop` must not see the socket it moved from.
                with self._lock:
                    tls = self._tls.wrap_socket(
                        connection, server_side=True, do_handshake_on_connect=False
                    )
                    connection = self._connections[thread] = tls
                tls.do_handshake()
            self.finish_request(connection, address)
        except _BROKEN:
            _log.debug("a client went away", exc_info=True)
        except Exception:  # noqa: BLE001 - a thread has nobody to raise to
            _log.exception("the local registry failed")
        finally:
            with self._lock:
                self._connections.pop(thread, None)
            self.shutdown_request(connection)


class _Handler(http.server.BaseHTTPRequestHandler):
    """Reads requests, writes answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece ...
    disable_nagle_algorithm = True  # ... and at once: else 40 ms each to delayed ACKs
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] - made by Server alone

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing on stderr: tests read `LocalRegistry.requests`."""

    def version_string(self) -> str:
        """The Server header."""
        return "provenance-local-registry"

    def handle_expect_100(self) -> bool:
        """Say "100 Continue" now, not when the buffer is full."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = _body(self.rfile, self.headers)
        request = Request(
            method=self.command,
            path=unquote(url.path),
            query=parse_qs(url.query, keep_blank_values=True),
            headers=self.headers,
            body=body,
            base=self.server.base,
        )
        response = self.server.application.respond(request)
        body.drain()
        if response.hang_up:
            self.close_connection = True
            return
        self._send(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _send(self, response: Response) -> None:
        size = len(response.body)
        self.send_response(response.status, _phrase(response.status))
        for name, value in response.headers.items():
            self.send_header(name, value)
        claimed = [v for n, v in response.headers.items() if n.lower() == "content-length"]
        if not claimed:
            self.send_header("Content-Length", str(size))
        silent = self.command == "HEAD" or response.status in {204, 304}
        if response.cut is not None or (claimed not in ([], [str(size)]) and not silent):
            self.close_connection = True  # where this answer ends, nobody could tell otherwise
        self.end_headers()
        if not silent:
            self._send_body(response, size if response.cut is None else min(response.cut, size))

    def _send_body(self, response: Response, size: int) -> None:
        source, start = response.body.source, response.body.start
        if response.pace is not None:
            piece, seconds = response.pace
            data = response.body.read()[:size]
            for at in range(0, size, piece):
                self.wfile.flush()
                time.sleep(seconds)
                self.wfile.write(data[at : at + piece])
        elif isinstance(source, bytes):
            self.wfile.write(memoryview(source)[start : start + size])
        elif size:
            self.wfile.flush()
            with source.open("rb") as file:
                self.connection.sendfile(file, start, size)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unheard Of"


class _Sized:
    """A body of Content-Length bytes."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted) if wanted else b""
        if len(data) < wanted:
            raise ConnectionResetError("the request's body broke off")
        self._left -= len(data)
        return data

    def drain(self) -> None:
        while self.read(1 << 16):
            pass


class _Chunked:
    """A body in chunks (RFC 9112, 7.1)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left, self._done = stream, 0, False

    def read(self, size: int = -1, /) -> bytes:
        pieces: list[bytes] = []
        wanted = size
        while not self._done and wanted != 0:
            if not self._left:
                self._next()
                continue
            piece = self._stream.read(self._left if wanted < 0 else min(wanted, self._left))
            if not piece:
                raise ConnectionResetError("the request's body broke off")
            self._left -= len(piece)
            wanted -= len(piece) if wanted > 0 else 0
            pieces.append(piece)
            if not self._left:
                self._stream.readline(8)
        return b"".join(pieces)

    def _next(self) -> None:
        size = self._stream.readline(1024).partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise ConnectionResetError("no chunk size where one must be")
        self._left = int(size, 16)
        if not self._left:
            self._done = True
            while self._stream.readline(65536) not in {b"\r\n", b"\n", b""}:
                pass

    def drain(self) -> None:
        while self.read(1 << 16):
            pass


def _body(stream: Any, headers: Message) -> _Sized | _Chunked:
    if "chunked" in (headers.get("Transfer-Encoding") or "").lower():
        return _Chunked(stream)
    length = headers.get("Content-Length") or "0"
    return _Sized(stream, int(length) if length.isdecimal() else 0)
