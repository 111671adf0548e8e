"""Archives of ours in skopeo and podman, theirs here; and podman's service in a daemon's place."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.peers.serving import CACHE, peer

import provenance as pv
from provenance.errors import MalformedDocument
from provenance.oci.connect import connect, writable
from provenance.oci.docker_engine import DockerEngine
from provenance.oci.reference import Reference
from provenance.settings import Settings
from provenance.testing import ImageBuilder, build_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.conftest import Run

pytestmark = pytest.mark.peer_full

BASE = (
    ImageBuilder()
    .layer({"etc/motd": b"hello"})
    .layer({"etc/issue": b"two"}, compression="none")
    .config(command=["/bin/sh"], labels={"a": "b"})
)
PLAIN = BASE.build()
BUILT = BASE.layer({"etc/three": b"three"}, compression="zstd").build()
ARM = ImageBuilder(platform="linux/arm64").layer({"etc/motd": b"arm"}).build()


def accept_unsigned(home: Path) -> None:
    """Neither reads anything without being told whose signature it must bear, or none."""
    policy = home / ".config" / "containers" / "policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')


@pytest.fixture(autouse=True)
def _unsigned(tmp_path: Path) -> None:
    accept_unsigned(tmp_path)


@pytest.fixture
def layout(tmp_path: Path) -> str:
    BUILT.push(f"oci:{tmp_path}/layout:1")
    return f"oci:{tmp_path}/layout:1"


def files_of(place: str) -> list[bytes]:
    image = pv.resolve(place)
    return [image.file(path).data for path in ("etc/motd", "etc/issue", "etc/three")]


@pytest.mark.parametrize("scheme", ["oci-archive", "docker-archive"])
def test_skopeo_reads_our_archives(run: Run, layout: str, tmp_path: Path, scheme: str) -> None:
    names = ("app:1", "ghcr.io/org/app:2") if scheme == "docker-archive" else ("1", "2")
    for name in names:
        pv.copy(layout, f"{scheme}:{tmp_path}/a.tar:{name}")
    for number, name in enumerate(names):
        keep = ["--preserve-digests"] if scheme == "oci-archive" else []
        origin, target = f"{scheme}:{tmp_path}/a.tar:{name}", f"oci:{tmp_path}/out:{number}"
        run("skopeo", "copy", *keep, origin, target)
        assert files_of(f"oci:{tmp_path}/out:{number}") == [b"hello", b"two", b"three"]
    if scheme == "oci-archive":  # a docker archive has uncompressed layers in skopeo's eyes
        assert pv.resolve(f"oci:{tmp_path}/out:0").digest == BUILT.digest


def test_skopeo_reads_every_platform_of_our_archive(run: Run, tmp_path: Path) -> None:
    index = build_index([BUILT, ARM], f"oci:{tmp_path}/layout:1")
    pv.copy(f"oci:{tmp_path}/layout:1", f"oci-archive:{tmp_path}/a.tar:1")
    options = ("--all", "--preserve-digests")
    run("skopeo", "copy", *options, f"oci-archive:{tmp_path}/a.tar:1", f"oci:{tmp_path}/out:1")
    assert pv.resolve(f"oci:{tmp_path}/out:1").digest == index.digest


def test_we_read_skopeos_oci_archive(run: Run, layout: str, tmp_path: Path) -> None:
    archive = f"oci-archive:{tmp_path}/a.tar:app:1"
    run("skopeo", "copy", "--preserve-digests", layout, archive)
    assert files_of(archive) == [b"hello", b"two", b"three"]
    assert pv.copy(archive, f"oci:{tmp_path}/out:1").digest == BUILT.digest


def test_we_read_skopeos_docker_archive(run: Run, tmp_path: Path) -> None:
    PLAIN.push(f"oci:{tmp_path}/layout:1")  # it writes none of zstd
    archive = f"docker-archive:{tmp_path}/a.tar:app:1"
    run("skopeo", "copy", f"oci:{tmp_path}/layout:1", archive)
    image = pv.resolve(archive)
    assert image.file("etc/motd").data == b"hello"
    assert image.file("etc/issue").data == b"two"
    pv.copy(archive, f"oci:{tmp_path}/out:1")
    assert pv.resolve(f"oci:{tmp_path}/out:1").config.diff_ids == image.config.diff_ids


@contextmanager
def podman() -> Iterator[str]:
    """Its service on a socket; it runs no container, so needs no runtime."""
    # It takes no path of more than 50 characters.
    with (
        tempfile.TemporaryDirectory(dir="/tmp", prefix="podman-") as name,
        _served(Path(name)) as address,
    ):
        yield address


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    conmon = folder / "conmon"
    conmon.write_text('#!/bin/sh\necho "conmon version 2.1.6"\n')
    conmon.chmod(0o755)
    accept_unsigned(folder)
    address = folder / "podman.sock"
    command = [
        *(peer("podman"), "--conmon", str(conmon), "--runtime", "/bin/true"),
        *("--cgroup-manager", "cgroupfs", "--events-backend", "file", "--storage-driver", "vfs"),
        *("--root", str(folder / "root"), "--runroot", str(folder / "run")),
        *("system", "service", "--time", "60", f"unix://{address}"),
    ]
    environment = {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PATH": os.environ["PATH"],
        "LD_LIBRARY_PATH": str(CACHE / "lib"),
    }
    with (folder / "podman.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            _wait_for(address, process, folder / "podman.log")
            yield f"unix://{address}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(address: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"podman ended: {log.read_text()}")
        with socket.socket(socket.AF_UNIX) as probe:
            if address.exists() and probe.connect_ex(str(address)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("podman did not open its socket")


def test_a_real_daemon_takes_our_images_and_gives_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = f"oci:{tmp_path}/layout:1"
    PLAIN.push(layout)  # podman 4 loads zstd, and cannot save what it loaded
    with podman() as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        assert pv.copy(layout, "docker-daemon:app:1").digest == PLAIN.digest
        assert pv.resolve("docker-daemon:app:1").file("etc/issue").data == b"two"
        image = pv.resolve("docker-daemon:app:1")
        assert image.digest is None
        assert image.config.diff_ids == pv.resolve(layout).config.diff_ids
        with connect(Reference.parse("docker-daemon:app:1")) as repository:
            writable(repository).tag(repository.resolve("1"), "2")
            assert sorted(repository.tags()) == ["1", "2"]
        with pytest.raises(pv.NotFound, match="no such image"):
            pv.resolve("docker-daemon:absent:1")
        pv.copy("docker-daemon:app:2", f"oci:{tmp_path}/out:1")
        assert pv.resolve(f"oci:{tmp_path}/out:1").file("etc/motd").data == b"hello"


def test_a_real_daemon_takes_an_archive_of_several_images(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ARM.push(f"oci:{tmp_path}/layout:arm")
    archive = tmp_path / "a.tar"
    pv.copy(layout, f"docker-archive:{archive}:many:1")
    pv.copy(layout, f"docker-archive:{archive}:many:2")
    pv.copy(f"oci:{tmp_path}/layout:arm", f"docker-archive:{archive}:ghcr.io/org/arm:3")
    with podman() as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        engine = DockerEngine(Settings(), error_bytes=1000)
        with (
            archive.open("rb") as body,
            engine.ask("POST", "/images/load", body=body, slow=True) as answer,
        ):
            assert b"Loaded image" in answer.read()
        assert pv.resolve("docker-daemon:many:1").file("etc/motd").data == b"hello"
        assert pv.resolve("docker-daemon:many:2").file("etc/motd").data == b"hello"
        loaded = pv.resolve("docker-daemon:ghcr.io/org/arm:3")
        assert loaded.file("etc/motd").data == b"arm"
        assert str(loaded.platforms[0]) == "linux/arm64"


@pytest.mark.parametrize("spelling", ["Layers", "layer\u017f"])
def test_skopeo_takes_the_field_that_we_refuse(run: Run, tmp_path: Path, spelling: str) -> None:
    """Why `tests/oci/test_hostile.py` refuses it: it is another image than `layers` says."""
    layout = PLAIN.write_layout(tmp_path / "image", tag="1")
    index = json.loads((layout / "index.json").read_text())
    (listed,) = index["manifests"]
    blobs = layout / "blobs" / "sha256"
    manifest = json.loads((blobs / listed["digest"].partition(":")[2]).read_text())
    manifest[spelling] = manifest["layers"][::-1]
    raw = json.dumps(manifest).encode()
    digest = hashlib.sha256(raw).hexdigest()
    (blobs / digest).write_bytes(raw)
    listed |= {"digest": f"sha256:{digest}", "size": len(raw)}
    (layout / "index.json").write_text(json.dumps(index))
    said = json.loads(run("skopeo", "inspect", f"oci:{layout}:1").stdout)
    assert said["Layers"] == [layer["digest"] for layer in manifest["layers"][::-1]]
    with pytest.raises(MalformedDocument, match="which some readers take for 'layers'"):
        pv.resolve(f"oci:{layout}:1")
