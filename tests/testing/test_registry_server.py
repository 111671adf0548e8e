"""The embedded registry as a server: records, files, threads, TLS, its end; editing its store."""

from __future__ import annotations

import concurrent.futures
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.testing.wire import ask, connect, digest_of, manifest

from provenance.errors import InvalidDigest
from provenance.testing import ImageBuilder, LocalRegistry
from provenance.testing.registry import StoredManifest

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"0123456789"
BLOB = f"/v2/app/blobs/{digest_of(DATA)}"
HEAD = "GET /v2/ HTTP/1.1\r\nHost: x\r\n"


def test_requests_are_recorded_in_order_with_their_headers() -> None:
    with LocalRegistry() as registry:
        ask(registry, "GET", "/v2/", headers={"Authorization": "Bearer secret"})
        ask(registry, "HEAD", "/v2/a%2Db/manifests/1.0?x=1&x=2")
        first, second = registry.requests
        assert (first.method, first.path, first.query, first.status) == ("GET", "/v2/", {}, 200)
        assert "authorization" in first.headers
        assert first.headers["AUTHORIZATION"] == "Bearer secret"
        assert "Authorization" not in second.headers
        assert (second.path, second.query) == ("/v2/a-b/manifests/1.0", {"x": "2"})
        assert str(second) == "HEAD /v2/a-b/manifests/1.0?x=2 -> 404"
        registry.clear_requests()
        assert registry.requests == []


def test_a_connection_is_kept_for_the_next_request() -> None:
    with LocalRegistry() as registry, closing(connect(registry)) as connection:
        local = set()
        for method in ("GET", "HEAD", "POST", "GET"):
            # Also after a refusal whose body was never asked for.
            connection.request(method, "/v2/none/tags/list", body=b"x" * 100_000)
            connection.getresponse().read()
            local.add(connection.sock.getsockname())
        assert len(local) == 1


def test_a_thousand_requests_wait_for_nobody() -> None:
    # Nagle's algorithm and delayed acknowledgements would make each 40 ms, on an idle machine too.
    with LocalRegistry() as registry, closing(connect(registry)) as connection:
        registry.put_blob("app", DATA)
        took = []
        for _ in range(1000):
            start = time.monotonic()
            connection.request("GET", BLOB)
            assert connection.getresponse().read() == DATA
            took.append(time.monotonic() - start)
        assert sorted(took)[100] < 0.03


def test_uploads_of_many_threads_do_not_mix() -> None:
    def push(i: int) -> None:
        data = str(i).encode() * 10_000
        begun = ask(registry, "POST", "/v2/app/blobs/uploads/")
        where = f"{begun.headers['Location']}&digest={digest_of(data)}"
        assert ask(registry, "PUT", where, body=data).status == 201
        headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        body = manifest(config=None, annotations={"i": str(i)})
        path = f"/v2/app/manifests/t{i}"
        assert ask(registry, "PUT", path, headers=headers, body=body).status == 201

    with LocalRegistry() as registry, concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(push, range(64)))
        assert len(registry.blobs["app"]) == len(registry.manifests["app"]) == 64
        assert len(registry.requests) == 64 * 3


@pytest.mark.parametrize("tls", [False, True])
def test_a_file_is_served_from_where_it_lies(tmp_path: Path, *, tls: bool) -> None:
    file = tmp_path / "layer"
    file.write_bytes(data := bytes(range(256)) * 20_000)
    with LocalRegistry(tls=tls) as registry:
        digest = registry.put_blob_file("app", file)
        assert ask(registry, "GET", f"/v2/app/blobs/{digest}").body == data
        file.write_bytes(b"changed under its name")
        assert ask(registry, "GET", f"/v2/app/blobs/{digest}").body == b"changed under its name"


@pytest.mark.parametrize("tls", [False, True])
def test_stopping_is_quick_and_leaves_no_thread_though_clients_stay(*, tls: bool) -> None:
    before = set(threading.enumerate())
    registry = LocalRegistry(tls=tls).start()
    host, port = registry.host.split(":")
    with (
        closing(connect(registry)) as idle,
        # Says nothing, not even a TLS greeting.
        closing(socket.create_connection((host, int(port)), timeout=10)),
    ):
        idle.request("GET", "/v2/")
        idle.getresponse().read()
        start = time.monotonic()
        registry.stop()
        assert time.monotonic() - start < 5
        assert set(threading.enumerate()) <= before
    registry.stop()


def test_a_stopped_registry_keeps_its_store_and_says_that_it_is_stopped() -> None:
    registry = LocalRegistry()
    registry.put_blob("app", DATA)
    with pytest.raises(RuntimeError, match="start"):
        _ = registry.url
    assert "stopped" in repr(registry)
    for _ in range(2):
        with registry:
            assert registry.start() is registry
            assert registry.reference("app:1") == f"{registry.host}/app:1"
            assert registry.host in repr(registry)
            assert ask(registry, "GET", BLOB).body == DATA


def test_tls_is_refused_by_those_who_do_not_know_the_authority() -> None:
    import ssl
    from http.client import HTTPSConnection

    with LocalRegistry(tls=True) as registry:
        assert registry.url.startswith("https://")
        assert ask(registry, "GET", "/v2/").status == 200
        stranger = HTTPSConnection(registry.host, context=ssl.create_default_context(), timeout=10)
        with closing(stranger), pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/v2/")


@pytest.mark.parametrize(
    ("sent", "starts"),
    [
        (HEAD + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"HTTP/1.1 100 Continue\r\n"),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n", b"HTTP/1.1 200"),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n", b""),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", b""),
        (HEAD + "Content-Length: many\r\n\r\n", b"HTTP/1.1 200"),
        ("BREW /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 501"),
    ],
    ids=["expects 100", "trailers", "a negative chunk", "no chunk", "no length", "no method"],
)
def test_bytes_on_the_wire(sent: str, starts: bytes) -> None:
    with LocalRegistry() as registry:
        host, port = registry.host.split(":")
        with closing(socket.create_connection((host, int(port)), timeout=5)) as wire:
            wire.sendall(sent.encode())
            got = wire.recv(100)
            assert got.startswith(starts)
            assert bool(got) == bool(starts)


def test_a_client_that_breaks_off_does_no_harm() -> None:
    with LocalRegistry() as registry:
        host, port = registry.host.split(":")
        with closing(socket.create_connection((host, int(port)), timeout=5)) as wire:
            wire.sendall(
                b"POST /v2/app/blobs/uploads/?digest=x HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"
            )
        assert ask(registry, "GET", "/v2/").status == 200


# The store, edited by hand


def test_an_attacker_edits_the_store() -> None:
    with LocalRegistry() as registry:
        digest = registry.put_blob("app", DATA)
        registry.blobs["app"][digest] = b"other bytes"
        assert ask(registry, "GET", BLOB).body == b"other bytes"
        lying = registry.put_blob("app", b"more", digest=digest_of(b"less"))
        assert ask(registry, "GET", f"/v2/app/blobs/{lying}").body == b"more"
        one = registry.put_manifest("app", b"{}", tag="1.0")
        two = registry.put_manifest("app", b"[]", media_type="text/plain", digest=digest_of(b""))
        registry.tags["app"]["1.0"] = two
        answer = ask(registry, "GET", "/v2/app/manifests/1.0")
        assert (answer.body, answer.headers["Content-Type"]) == (b"[]", "text/plain")
        registry.manifests["app"][one] = StoredManifest(b"{ }", "text/html")
        assert ask(registry, "GET", f"/v2/app/manifests/{one}").body == b"{ }"
        del registry.blobs["app"][digest]
        assert ask(registry, "GET", BLOB).status == 404


@pytest.mark.parametrize("digest", ["sha256:beef", "../../etc/passwd"])
def test_a_name_that_is_no_digest_is_refused(tmp_path: Path, digest: str) -> None:
    registry = LocalRegistry()
    with pytest.raises(InvalidDigest, match="is not a digest"):
        registry.put_blob("app", DATA, digest=digest)
    with pytest.raises(InvalidDigest, match="is not a digest"):
        registry.put_blob_file("app", tmp_path, digest=digest)
    with pytest.raises(InvalidDigest, match="is not a digest"):
        registry.put_manifest("app", DATA, digest=digest)


def test_an_image_is_put_there_without_a_request() -> None:
    built = ImageBuilder().layer({"etc/motd": b"hello"}).build()
    with LocalRegistry() as registry:
        assert registry.put_image("org/app:1.0", built) == built.digest
        registry.put_image("untagged", built)
        assert registry.requests == []
        assert registry.tags == {"org/app": {"1.0": built.digest}}
        answer = ask(registry, "GET", "/v2/org/app/manifests/1.0")
        assert answer.body == built.manifest.raw
        for blob in (answer.json["config"], *answer.json["layers"]):
            stored = ask(registry, "GET", f"/v2/untagged/blobs/{blob['digest']}").body
            assert (digest_of(stored), len(stored)) == (blob["digest"], blob["size"])
