"""Real registries on loopback, started from the cache of peers and stopped by their process."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.peers.install import cache

if TYPE_CHECKING:
    from pathlib import Path

CACHE = cache()  # of whoever runs the tests, before each test gets a home of its own
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class RealRegistry:
    host: str
    scheme: str
    """How its referrers are listed: `api` or `fallback-tag`."""


def peer(name: str) -> str:
    path = CACHE / "bin" / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: python3 tests/peers/install.py")
    return str(path)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a peer in a home of its own; its output is in the failure."""

    def call(
        name: str, *arguments: str, check: bool = True, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "COSIGN_YES": "true",
            "TUF_ROOT": str(tmp_path / "tuf"),
        }
        done = subprocess.run(
            [peer(name), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment,
            cwd=cwd,
        )
        if check and done.returncode != 0:
            pytest.fail(f"{name} {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done

    return call


@pytest.fixture(params=["olareg", "distribution", "docker-registry"])
def real_registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealRegistry]:
    """Each registry that CI has: with the referrers API, and two without."""
    port = _free_port()
    if request.param == "olareg":
        command = [peer("olareg"), "serve", "--dir", str(tmp_path / "store"), "--port", str(port)]
        scheme = "api"
    else:
        config = tmp_path / "registry.yml"
        config.write_text(
            "version: 0.1\n"
            "storage:\n"
            f"  filesystem: {{rootdirectory: {tmp_path / 'store'}}}\n"
            "http:\n"
            f"  addr: 127.0.0.1:{port}\n"
        )
        name = "registry" if request.param == "distribution" else "docker-registry"
        command = [peer(name), "serve", str(config)]
        scheme = "fallback-tag"
    with (tmp_path / "registry.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
        try:
            _wait_for(port, process, tmp_path / "registry.log")
            yield RealRegistry(f"127.0.0.1:{port}", scheme)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the registry ended: {log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the registry did not open its port")
