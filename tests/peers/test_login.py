"""What we keep of a login, crane and oras use, and the other way round."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.peers.serving import free_port, peer, wait_for

import provenance as pv
from provenance.errors import Unauthorized
from provenance.oci.credentials import Credential, find_credential
from provenance.oci.login import login, logout
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.peer

# Made by `htpasswd -nbB -C 5 ada s3cret`.
HTPASSWD = "ada:$2y$05$Qg2foSY5zzSG5e0Oz9/gNeCCHihOzGWjoRntSixDKoaRlH0dbY.Pu\n"
ADA = Credential("ada", "s3cret")


@pytest.fixture(params=["distribution", "docker-registry"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A registry that asks for a name and password."""
    name = "registry" if request.param == "distribution" else request.param
    port = free_port()
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    config = tmp_path / "registry.yml"
    config.write_text(
        "version: 0.1\n"
        f"storage:\n  filesystem: {{rootdirectory: {tmp_path / 'store'}}}\n"
        f"http:\n  addr: 127.0.0.1:{port}\n"
        f"auth:\n  htpasswd: {{realm: tests, path: {tmp_path / 'htpasswd'}}}\n"
    )
    log = tmp_path / "registry.log"
    with log.open("wb") as output:
        process = subprocess.Popen([peer(name), "serve", str(config)], stdout=output, stderr=output)
        try:
            wait_for(port, process, log)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker" / "config.json"


def run(name: str, *arguments: str, stdin: str = "", folder: Path) -> str:
    """A peer that has a home of its own, and the same Docker configuration as we."""
    done = subprocess.run(
        [name, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "DOCKER_CONFIG": os.environ["DOCKER_CONFIG"],
        },
    )
    if done.returncode != 0:
        pytest.fail(f"{name} {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def test_a_registry_is_asked(host: str, docker_config: Path) -> None:
    with pytest.raises(Unauthorized, match="refused this login"):
        login(host, Credential("ada", "wr0ng"))
    assert not docker_config.exists()
    login(host, ADA)
    ImageBuilder().layer({"a": b"b"}).push(f"{host}/org/app:1")
    assert pv.resolve(f"{host}/org/app:1").digest
    logout(host)
    with pytest.raises(Unauthorized):
        pv.resolve(f"{host}/org/app:1")


def test_crane_and_oras_use_our_login(host: str, docker_config: Path, tmp_path: Path) -> None:
    login(host, ADA)
    ImageBuilder().layer({"a": b"b"}).push(f"{host}/org/app:1")
    digest = str(pv.resolve(f"{host}/org/app:1").digest)
    crane = run(peer("crane"), "digest", f"{host}/org/app:1", folder=tmp_path)
    assert crane.strip() == digest
    shown = run(
        *(peer("oras"), "resolve", "--plain-http", f"{host}/org/app:1"),
        *("--registry-config", str(docker_config)),
        folder=tmp_path,
    )
    assert shown.strip() == digest


def test_we_use_the_login_of_crane(host: str, docker_config: Path, tmp_path: Path) -> None:
    run(peer("crane"), "auth", "login", host, "-u", "ada", "-p", "s3cret", folder=tmp_path)
    theirs = json.loads(docker_config.read_bytes())
    found = find_credential(host)
    assert found is not None
    assert (found.username, found.password) == ("ada", "s3cret")
    docker_config.unlink()
    login(host, ADA)
    assert json.loads(docker_config.read_bytes()) == theirs
    assert logout(host) == str(docker_config)
    assert find_credential(host) is None


def test_the_file_is_the_one_that_oras_writes(
    host: str, docker_config: Path, tmp_path: Path
) -> None:
    run(
        *(peer("oras"), "login", host, "-u", "ada", "--password-stdin", "--plain-http"),
        *("--registry-config", str(docker_config)),
        stdin="s3cret",
        folder=tmp_path,
    )
    theirs = json.loads(docker_config.read_bytes())
    docker_config.unlink()
    login(host, ADA)
    assert json.loads(docker_config.read_bytes()) == theirs
