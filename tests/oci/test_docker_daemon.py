"""A daemon's side of the dialogue is as podman 4.3.1's Docker-compatible service spoke it."""

from __future__ import annotations

import io
import json
import os
import socketserver
import tarfile
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

import provenance as pv
from provenance.errors import (
    Forbidden,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.connect import connect, writable
from provenance.oci.docker_engine import DockerEngine
from provenance.oci.reference import Reference
from provenance.oci.repository import Claims
from provenance.settings import Limits, Settings
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = ImageBuilder().layer({"etc/motd": b"hello"}, compression="none").build()
NAME = "docker.io/library/app:1"
LOADED = b'{"stream":"Loaded image: docker.io/library/app:1"}\n'


def saved(*names: str) -> bytes:
    """As podman saves an image: layers named by digest, and links as older Dockers had them."""
    config, layer = IMAGE.manifest.config, IMAGE.manifest.layers[0]
    files = {
        f"{layer.digest.hex}.tar": IMAGE.blobs[layer.digest],
        f"{config.digest.hex}.json": IMAGE.config,
        "manifest.json": json.dumps(
            [
                {
                    "Config": f"{config.digest.hex}.json",
                    "RepoTags": names,
                    "Layers": [f"{layer.digest.hex}.tar"],
                }
            ]
        ).encode(),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@dataclass
class Daemon:
    """What it has, what it was asked, and how it fails."""

    images: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    loaded: list[bytes] = field(default_factory=list)
    answer_to_load: tuple[int, bytes] = (200, LOADED)
    answer_to_get: tuple[int, bytes] | None = None
    answer_to_list: bytes | None = None
    cut: bool = False


class Handler(BaseHTTPRequestHandler):
    daemon: Daemon
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def address_string(self) -> str:
        return "unix"

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def absent(self, name: str) -> None:
        said = f"failed to find image {name}: {name}: No such image"
        self.answer(404, json.dumps({"cause": said, "message": said, "response": 404}).encode())

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.daemon.asked.append(f"GET {path}")
        if path == "/images/json":
            wanted = json.loads(parse_qs(parts.query)["filters"][0])["reference"][0]
            names = [n for n in self.daemon.images if n.rpartition(":")[0] == wanted]
            listed = json.dumps([{"Id": "sha256:0", "RepoTags": names}]).encode()
            self.answer(200, self.daemon.answer_to_list or listed)
            return
        name, _, verb = path.removeprefix("/images/").rpartition("/")
        if name not in self.daemon.images:
            self.absent(name)
        elif verb == "json":
            self.answer(200, b'{"Id":"sha256:0"}')
        elif self.daemon.answer_to_get is not None:
            self.answer(*self.daemon.answer_to_get)
        else:
            self.stream(self.daemon.images[name])

    def stream(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet; charset=us-ascii")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(data), 4096):
            if self.daemon.cut and start:
                self.close_connection = True
                return
            chunk = data[start : start + 4096]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def do_POST(self) -> None:
        path = unquote(self.path)
        self.daemon.asked.append(f"POST {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/images/load":
            assert self.headers["Content-Type"] == "application/x-tar"
            self.daemon.loaded.append(body)
            self.answer(*self.daemon.answer_to_load)
            return
        self.answer(201, b"")


def handler(daemon: Daemon) -> type[Handler]:
    return type("Bound", (Handler,), {"daemon": daemon})


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for a socket, whose path has room for about a hundred bytes: pytest's are long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def daemon(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    found = Daemon()
    path = place / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socketserver.ThreadingUnixStreamServer(str(path), handler(found)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(text: str = "docker-daemon:app:1", limits: Limits | None = None) -> Iterator[Any]:
    with connect(Reference.parse(text), limits=limits) as repository:
        yield repository


def test_an_image_is_read_as_the_archive_that_is_saved(daemon: Daemon) -> None:
    daemon.images[NAME] = saved(NAME)
    with opened() as repository:
        manifest = repository.manifest("1")
        assert manifest.config.digest == IMAGE.manifest.config.digest
        assert manifest.layers[0].digest == IMAGE.manifest.layers[0].digest
        with repository.open(manifest.layers[0]) as stream:
            assert stream.read() == IMAGE.blobs[manifest.layers[0].digest]
        assert repository.is_claimed(manifest.layers[0])
        assert not repository.is_claimed(manifest.config)
        with repository.open_claim(manifest.layers[0]) as stream:
            stream.finish()
            assert stream.found == manifest.layers[0].digest
        assert len(repository.referrers(manifest.descriptor.digest)) == 0
        assert isinstance(repository, Claims)
    assert daemon.asked == [f"GET /images/{NAME}/json", f"GET /images/{NAME}/get"]


def test_an_image_of_a_daemon_has_no_registry_digest(daemon: Daemon) -> None:
    daemon.images[NAME] = saved(NAME)
    image = pv.resolve("docker-daemon:app:1")
    assert image.digest is None
    assert image.file("etc/motd").data == b"hello"
    assert image.config.diff_ids == (IMAGE.manifest.layers[0].digest,)


def test_tags_are_those_of_this_repository(daemon: Daemon) -> None:
    daemon.images |= {NAME: b"", "docker.io/library/app:2": b"", "docker.io/library/other:3": b""}
    with opened() as repository:
        assert repository.tags() == ("1", "2")


LISTINGS = {
    "no list": b"{}",
    "no images in it": b"[1]",
    "tags that are no list": b'[{"RepoTags":{"a":1}}]',
    "tags that are no text": b'[{"RepoTags":[1]}]',
    "nested without end": b"[" * 60_000,
}


@pytest.mark.parametrize("case", LISTINGS)
def test_a_list_of_images_that_is_none_is_told(daemon: Daemon, case: str) -> None:
    daemon.answer_to_list = LISTINGS[case]
    with opened() as repository, pytest.raises(RegistryUnavailable, match="Docker daemon"):
        repository.tags()


def test_what_was_copied_is_loaded_once_and_whole(daemon: Daemon, tmp_path: Path) -> None:
    IMAGE.push(f"oci:{tmp_path}/layout:1")
    copied = pv.copy(f"oci:{tmp_path}/layout:1", "docker-daemon:app:1")
    assert copied.digest == IMAGE.digest
    (body,) = daemon.loaded
    path = tmp_path / "loaded.tar"
    path.write_bytes(body)
    back = pv.copy(f"docker-archive:{path}:app:1", f"oci:{tmp_path}/layout:back")
    assert back.digest == IMAGE.digest


def test_nothing_is_loaded_when_the_block_fails(daemon: Daemon) -> None:
    with pytest.raises(ZeroDivisionError), opened() as repository:
        repository.push_manifest(IMAGE.manifest, tag="1", nested=bool(1 / 0))
    assert daemon.asked == []


def test_an_image_is_given_another_tag(daemon: Daemon) -> None:
    daemon.images[NAME] = saved(NAME)
    with opened() as repository:
        repository.tag(repository.resolve("1"), "2")
    assert daemon.asked[-1] == f"POST /images/{NAME}/tag?repo=docker.io/library/app&tag=2"


def test_an_image_that_is_not_there_is_not_found(daemon: Daemon) -> None:
    with opened() as repository, pytest.raises(NotFound, match="no such image") as refused:
        repository.resolve("1")
    assert NAME in str(refused.value)


def test_nothing_is_removed_from_a_daemon(daemon: Daemon) -> None:
    with opened() as repository, pytest.raises(UnsupportedFormat, match="nothing is removed") as no:
        repository.delete("1")
    assert "docker rmi" in no.value.hint


def test_what_it_saves_is_capped(daemon: Daemon) -> None:
    daemon.images[NAME] = saved(NAME)
    with (
        opened(limits=Limits(pull_bytes=5000)) as repository,
        pytest.raises(LimitExceeded, match="more than 5000 bytes"),
    ):
        repository.resolve("1")


def test_no_room_for_what_it_saves_is_not_called_its_fault(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    daemon.images[NAME] = saved(NAME)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with opened() as repository, pytest.raises(RegistryUnavailable, match="among temporary files"):
        repository.resolve("1")


@pytest.mark.parametrize("body", [b"", b"no tar" * 1000], ids=["empty", "no tar"])
def test_what_it_saves_must_be_an_archive(daemon: Daemon, body: bytes) -> None:
    daemon.images[NAME] = body
    with opened() as repository, pytest.raises((MalformedDocument, NotFound)):
        repository.resolve("1")


def test_an_answer_that_breaks_off_is_no_image(daemon: Daemon) -> None:
    daemon.images[NAME], daemon.cut = saved(NAME), True
    with opened() as repository, pytest.raises(RegistryUnavailable, match="no whole answer"):
        repository.resolve("1")


def test_another_status_says_what_the_daemon_said(daemon: Daemon) -> None:
    daemon.images[NAME], daemon.answer_to_get = b"", (500, b'{"message":"disk \\u001b[31m full"}')
    with opened() as repository, pytest.raises(RegistryUnavailable, match=r"500.*full") as refused:
        repository.resolve("1")
    assert "\x1b" not in str(refused.value)


def test_an_error_that_cannot_be_read_is_one(daemon: Daemon) -> None:
    daemon.images[NAME], daemon.answer_to_get = b"", (500, b'{"message":' + b"[" * 60_000)
    with opened() as repository, pytest.raises(RegistryUnavailable, match="answers 500"):
        repository.resolve("1")


LOAD_FAILURES: dict[str, tuple[int, bytes]] = {
    "a refusal": (500, b'{"message":"no space left"}'),
    "an error after the 200": (
        200,
        b'{"stream":"Loading"}\n{"errorDetail":{},"error":"no space left"}',
    ),
}


@pytest.mark.parametrize("case", LOAD_FAILURES)
def test_what_was_not_loaded_is_told(daemon: Daemon, tmp_path: Path, case: str) -> None:
    daemon.answer_to_load = LOAD_FAILURES[case]
    IMAGE.push(f"oci:{tmp_path}/layout:1")
    with pytest.raises(RegistryUnavailable, match="no space left"):
        pv.copy(f"oci:{tmp_path}/layout:1", "docker-daemon:app:1")


def test_what_a_daemon_does_not_take_is_refused_before_it_is_asked(
    daemon: Daemon, tmp_path: Path
) -> None:
    IMAGE.push(f"oci:{tmp_path}/layout:1")
    report = tmp_path / "report"
    report.write_text("x")
    pv.attach(f"oci:{tmp_path}/layout:1", report, artifact_type="text/x-report")
    with pytest.raises(UnsupportedFormat, match="images alone"):
        pv.copy(f"oci:{tmp_path}/layout:1", "docker-daemon:app:1", referrers=True)
    assert daemon.loaded == []


def test_no_daemon_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    with opened() as repository, pytest.raises(RegistryUnavailable, match="absent") as refused:
        repository.resolve("1")
    assert "DOCKER_HOST" in refused.value.hint


def test_a_socket_that_one_may_not_open_is_told(daemon: Daemon, place: Path) -> None:
    (place / "docker.sock").chmod(0)
    # root may open every socket, and finds that there is no image
    kind: type[ProvenanceError] = NotFound if os.geteuid() == 0 else Forbidden
    with opened() as repository, pytest.raises(kind, match=r"may not be asked|no such image"):
        repository.resolve("1")


ADDRESSES = {
    "another machine": {"DOCKER_HOST": "tcp://192.0.2.1:2375"},
    "TLS": {"DOCKER_HOST": "tcp://127.0.0.1:2376", "DOCKER_TLS_VERIFY": "1"},
    "SSH": {"DOCKER_HOST": "ssh://user:secret@host"},
    "a pipe of Windows": {"DOCKER_HOST": "npipe:////./pipe/docker_engine"},
    "a path alone": {"DOCKER_HOST": "/var/run/docker.sock"},
    "no port": {"DOCKER_HOST": "tcp://user:secret@127.0.0.1:x"},
    "a port beyond all": {"DOCKER_HOST": "tcp://127.0.0.1:99999"},
    "half an address": {"DOCKER_HOST": "tcp://[::1"},
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_a_daemon_elsewhere_is_not_asked(case: str) -> None:
    with pytest.raises(UnsupportedFormat, match=r"(no|of a) Docker daemon") as refused:
        DockerEngine(Settings(), error_bytes=100, environ=ADDRESSES[case])
    assert "secret" not in str(refused.value)


def test_a_daemon_elsewhere_is_asked_when_the_caller_says_so() -> None:
    environ = {"DOCKER_HOST": "tcp://192.0.2.1:2375"}
    settings = Settings(plain_http=("192.0.2.1:2375",))
    assert (
        DockerEngine(settings, error_bytes=100, environ=environ).address == "tcp://192.0.2.1:2375"
    )


def test_a_daemon_on_tcp_of_this_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Daemon(images={NAME: saved(NAME)})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler(found)) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with opened() as repository:
                assert repository.resolve("1").size > 0
        finally:
            server.shutdown()
            thread.join()


def test_no_socket_is_opened_before_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    with opened() as repository:
        assert writable(repository) is repository
    with pytest.raises(ProvenanceError), opened() as repository:
        repository.tags()
