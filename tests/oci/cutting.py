"""`Cutting`: an address in front of a registry where connections break off once, at a byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Cutting"]


class Cutting:
    """Passes bytes both ways. The first connection to carry more than that many is cut, once.

    It knows nothing of HTTP or TLS: what is cut is what a broken line cuts.
    """

    def __init__(self, host: str, *, down: int = 0, up: int = 0) -> None:
        """Stand before `host` (address and port); cut after `down` bytes to us or `up` from us."""
        address, _, port = host.rpartition(":")
        self._target = (address, int(port))
        self._limits = {"down": down, "up": up}
        self.cuts = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for end in left:
            _hang_up(end)
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            with self._lock:
                self._open |= {near, far}
            self._start(self._pass_on, near, far, "up")
            self._start(self._pass_on, far, near, "down")

    def _pass_on(self, source: socket.socket, target: socket.socket, way: str) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while chunk := source.recv(1 << 16):
                kept = self._kept(way, passed, len(chunk))
                target.sendall(chunk[:kept])
                passed += kept
                if kept < len(chunk):
                    break
        for end in (source, target):
            _hang_up(end)

    def _kept(self, way: str, passed: int, more: int) -> int:
        """How many of the next bytes are let through."""
        limit = self._limits[way]
        with self._lock:
            if not limit or self.cuts or passed + more <= limit:
                return more
            self.cuts += 1
            return limit - passed


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()
