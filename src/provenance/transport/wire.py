"""What a request is sent over: sockets looked at before use, answers that end at a deadline."""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import wait_for_read, wait_for_write

from provenance.errors import RegistryUnavailable
from provenance.transport import stopping
from provenance.transport.origin import is_private_host

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from _typeshed import WriteableBuffer

__all__ = ["BLOCK", "EncryptedPool", "PlainPool", "rules"]

BLOCK = 1 << 20
"""Bytes that are sent, and buffered of an answer, at once."""

_HEAD = 64 << 10
_INTERIM, _FINAL = 101, 200  # 100 is http.client's own; nobody asks for the protocol of a 101
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)
_PUBLIC: ContextVar[bool] = ContextVar("public", default=False)


@contextmanager
def rules(*, deadline: float, public: bool) -> Iterator[None]:
    """What holds for the exchange that is begun within: until when, and with whom."""
    until, whom = _DEADLINE.set(deadline), _PUBLIC.set(public)
    try:
        yield
    finally:
        _DEADLINE.reset(until)
        _PUBLIC.reset(whom)


class _Dated(io.RawIOBase):
    """A socket's bytes until a deadline: its own timeout begins anew with every byte.

    Beneath the status line, the headers, the lengths of chunks and the trailers too, which
    `http.client` and urllib3 read for as long as something comes.
    """

    def __init__(self, raw: io.RawIOBase, sock: Any, deadline: float) -> None:
        super().__init__()
        self._raw, self._deadline, self._sock = raw, deadline, sock
        self._encrypted = isinstance(sock, ssl.SSLSocket)
        # Not of a tunnel in a tunnel, which may hold back what its own socket no longer shows.
        self._stop = stopping.stop_event() if isinstance(sock, socket.socket) else None
        self._late: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if self._late is not None:
            raise self._late
        view = memoryview(buffer).cast("B")
        count = self._receive(view)
        # TLS hands out 16 KiB at a time: to make and read so little of a buffer takes thrice as
        # long as the content itself, so what else has come already is taken along.
        while 0 < count < len(view) and self._encrypted and self._has_more(0):
            try:
                more = self._receive(view[count:])
            except Exception as error:  # noqa: BLE001 - the next call's: what came is kept
                self._late = error
                break
            if not more:
                break
            count += more
        return count

    def _has_more(self, seconds: float) -> bool:
        """Whether something has come, or comes within `seconds`."""
        pending = self._encrypted and self._sock.pending() > 0
        return pending or wait_for_read(self._sock, timeout=seconds)

    def _receive(self, view: memoryview) -> int:
        if self._stop is not None:
            _look_while(self._sock, self._has_more, self._stop, self._deadline)
        if time.monotonic() > self._deadline:
            raise TimeoutError("the deadline has passed")
        return self._raw.readinto(view) or 0

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


def _look_while(
    sock: Any, ready: Callable[[float], bool], stop: threading.Event, deadline: float
) -> None:
    """Wait for `ready` as long as `stop`, `deadline` and the time limit of `sock` allow."""
    limit = sock.gettimeout()
    until = min(deadline, math.inf if limit is None else time.monotonic() + limit)
    while not ready(stopping.LOOK):
        if stop.is_set():
            raise stopping.Stopped
        if time.monotonic() > until:
            raise TimeoutError("nothing came or went in time")


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: Any, *positional: Any, **named: Any) -> None:
        super().__init__(sock, *positional, **named)
        # Typed as a buffered reader; nothing was read yet. Small: a large body passes it by.
        self.fp = io.BufferedReader(_Dated(self.fp.detach(), sock, _DEADLINE.get()), _HEAD)

    def _read_status(self) -> tuple[str, int, str]:
        # `http.client` passes over 100 alone and takes 103 for the answer. That itself would then
        # be the answer to whatever is asked next (RFC 9110 section 15.2: parse any number of 1xx).
        while True:
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            if not _INTERIM < found[1] < _FINAL:
                return found
            http.client.parse_headers(self.fp)


class _Plain(HTTPConnection):
    """Looks at the address that was really connected to: a name may lead elsewhere by then."""

    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        self._check(made)
        return made

    def request(self, *positional: Any, **named: Any) -> None:
        if self.sock is not None:  # made for another request, which may have had other rules
            self._check(self.sock)
        super().request(*positional, **named)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if not isinstance(self.sock, socket.socket):
            super().send(data)
            return
        left, deadline, stop = memoryview(data).cast("B"), _DEADLINE.get(), stopping.stop_event()
        while left:
            # Whoever takes a little at a time keeps within the time limit of each piece.
            if time.monotonic() > deadline:
                raise TimeoutError("the deadline has passed")
            if stop is not None:
                _look_while(self.sock, self._takes_more, stop, deadline)
            left = left[self.sock.send(left) :]

    def _takes_more(self, seconds: float) -> bool:
        return wait_for_write(self.sock, timeout=seconds)

    def _check(self, made: socket.socket) -> None:
        if not _PUBLIC.get() or self.proxy is not None:
            return
        address = str(made.getpeername()[0]).partition("%")[0]
        if is_private_host(address):
            made.close()
            raise RegistryUnavailable(
                f"{self.host} now leads to {address}, inside a private network",
                hint="it did not when it was looked up, which may be an attack on that network",
            )


class _Encrypted(_Plain, HTTPSConnection):
    pass


class PlainPool(urllib3.HTTPConnectionPool):
    """To one host, unencrypted."""

    ConnectionCls = _Plain  # pyright: ignore[reportAssignmentType] - mutable in the protocol


class EncryptedPool(urllib3.HTTPSConnectionPool):
    """To one host, by TLS."""

    ConnectionCls = _Encrypted  # pyright: ignore[reportAssignmentType] - as above
