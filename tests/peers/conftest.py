"""What peer tests share: a registry of each kind, and how to run a peer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.peers.real_sigstore import RealSigstore, serve_sigstore
from tests.peers.serving import CACHE, peer, serve_distribution, serve_olareg

if TYPE_CHECKING:
    from pathlib import Path

# They hold asserts, though they are no test modules.
pytest.register_assert_rewrite(
    "tests.oci.suite_content",
    "tests.oci.suite_copies",
    "tests.oci.suite_listing",
    "tests.oci.suite_logins",
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class RealRegistry:
    host: str
    scheme: str
    """How its referrers are listed: `api` or `fallback-tag`."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a peer in a home of its own, with its libraries; its output is in the failure."""

    def call(
        name: str,
        *arguments: str,
        check: bool = True,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": str(CACHE / "lib"),
            "COSIGN_YES": "true",
            "COSIGN_PASSWORD": "",
            "TUF_ROOT": str(tmp_path / "tuf"),
            **(env or {}),
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
    if request.param == "olareg":
        with serve_olareg(tmp_path) as host:
            yield RealRegistry(host, "api")
    else:
        name = "registry" if request.param == "distribution" else "docker-registry"
        with serve_distribution(name, tmp_path) as host:
            yield RealRegistry(host, "fallback-tag")


@pytest.fixture(scope="session", params=[1, 2], ids=["rekor-v1", "rekor-v2"])
def real_sigstore(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealSigstore]:
    """Fulcio, TesseraCT, either Rekor and the timestamp server."""
    with serve_sigstore(tmp_path_factory.mktemp("sigstore"), rekor=request.param) as services:
        yield services
