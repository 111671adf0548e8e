"""Real services on loopback, started from the cache of peers and stopped by their process."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.peers.install import cache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["free_port", "peer", "running", "serve_distribution", "serve_olareg", "wait_for"]

CACHE = cache()  # of whoever runs the tests, before each test gets a home of its own


def peer(name: str) -> str:
    """The program, or a skip of the test that needs it."""
    path = CACHE / "bin" / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: python3 tests/peers/install.py")
    return str(path)


@contextmanager
def serve_olareg(folder: Path) -> Iterator[str]:
    """Serve with olareg, referrers API and deletion on; gives address and port."""
    port = free_port()
    options = ("--addr", "127.0.0.1", "--port", str(port), "--dir", str(folder / "store"))
    with running([peer("olareg"), "serve", *options, "--api-delete"], port, folder):
        yield f"127.0.0.1:{port}"


@contextmanager
def serve_distribution(
    name: str, folder: Path, *, tls: tuple[bytes, bytes] | None = None, auth: str = ""
) -> Iterator[str]:
    """Serve with distribution, deletion on; gives address and port.

    Args:
        name: `docker-registry` (2.8) or `registry` (3).
        folder: where it keeps everything.
        tls: its certificate and key in PEM.
        auth: the `auth` part of its configuration, in YAML's short form.
    """
    port = free_port()
    http = f"addr: '127.0.0.1:{port}'"
    if tls is not None:
        for file, content in zip(("tls.crt", "tls.key"), tls, strict=True):
            (folder / file).write_bytes(content)
        http += f", tls: {{certificate: {folder / 'tls.crt'}, key: {folder / 'tls.key'}}}"
    config = folder / "registry.yml"
    store = f"filesystem: {{rootdirectory: {folder / 'store'}}}, delete: {{enabled: true}}"
    config.write_text(
        f"version: 0.1\nstorage: {{{store}}}\n"
        f"http: {{{http}}}\n" + (f"auth: {auth}\n" if auth else "")
    )
    with running([peer(name), "serve", str(config)], port, folder):
        yield f"127.0.0.1:{port}"


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a service in a folder, where its log is, until the end of the block."""
    path = folder / "service.log"
    with path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(port, process, path)
            yield
        finally:
            process.terminate()
            process.wait(timeout=20)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has at this moment, nor gets unasked before it is used.

    Below those that the system gives to whoever asks for any, and apart for each worker of a run.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 12_000 + worker % 10 * 2_000
    for port in random.SystemRandom().sample(range(first, first + 2_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    pytest.fail(f"no port from {first} on is free")


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the service listens; a failure of the test if it ends, with what it logged."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"{process.args!r} ended: {log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"{process.args!r} did not open its port")
