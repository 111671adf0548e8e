from __future__ import annotations

import dataclasses
import email.utils
import io
import socket
import threading
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from provenance.digests import Digest, VerifiedReader
from provenance.errors import LimitExceeded, RateLimited, RegistryUnavailable
from provenance.oci.sources import HeldBack
from provenance.settings import Limits, Settings
from provenance.testing import LocalRegistry
from provenance.transport.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = Settings(retries=0, timeout=5)
SECRET = "Basic c2VjcmV0"


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(QUICK) as opened:
        yield opened


@contextmanager
def answering(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that takes one request and sends `pieces`, whatever HTTP thinks of them.

    It waits `pause` seconds after each, and ends with the block at the latest.
    """
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                        if over.wait(pause):
                            return
                except OSError:  # the other side had enough
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        over.set()
        thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestAnswers:
    def test_content_arrives_as_it_is_stored(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        digest = local_registry.put_blob("app", b"content")
        with client.request("GET", f"{local_registry.url}/v2/app/blobs/{digest}") as response:
            assert response.status == 200
            assert response.headers["content-length"] == "7"
            assert response.read(0) == b""
            assert response.read(3) == b"con"
            assert response.read() == b"tent"
            assert response.read(3) == b""
        [asked] = local_registry.requests
        assert asked.headers["Accept-Encoding"] == "identity"
        assert asked.headers["User-Agent"] == "oci-provenance"
        assert "Authorization" not in asked.headers

    @pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 404, 500])
    def test_any_status_is_an_answer(
        self, local_registry: LocalRegistry, client: Client, status: int
    ) -> None:
        local_registry.fail("/x", status)
        with client.request("GET", f"{local_registry.url}/x") as response:
            assert response.status == status

    def test_a_body_is_capped(self, local_registry: LocalRegistry, client: Client) -> None:
        digest = local_registry.put_blob("app", b"x" * 3_000_000)
        url = f"{local_registry.url}/v2/app/blobs/{digest}"
        with client.request("GET", url) as response:
            assert len(response.read_capped(3_000_000)) == 3_000_000
        with client.request("GET", url) as response, pytest.raises(LimitExceeded) as refused:
            response.read_capped(2_999_999, "blob")
        assert "the blob of" in str(refused.value)
        assert "2999999 bytes" in str(refused.value)

    def test_a_body_in_chunks_is_capped_though_its_length_is_said_to_be_none(
        self, client: Client
    ) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"
        with (
            answering(head, b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n") as url,
            client.request("GET", url) as response,
            pytest.raises(LimitExceeded, match="is larger than 99 bytes"),
        ):
            response.read_capped(99)

    def test_chunks_are_put_together(self, client: Client) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        with (
            answering(head, b"3\r\nabc\r\n", b"4\r\ndefg\r\n", b"0\r\n\r\n") as url,
            client.request("GET", url) as response,
        ):
            assert response.read(5) == b"abcde"
            assert response.read_capped(10) == b"fg"

    @pytest.mark.parametrize(
        "pieces",
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"abc"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"9\r\nabc"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"-5\r\nabc\r\n"),
        ],
    )
    def test_a_body_that_breaks_off_is_not_a_short_one(
        self, client: Client, pieces: tuple[bytes, ...]
    ) -> None:
        with (
            answering(*pieces) as url,
            client.request("GET", url) as response,
            pytest.raises(RegistryUnavailable, match="broke off"),
        ):
            response.read_capped(100)

    @pytest.mark.parametrize(
        "pieces",
        [
            (),
            (b"\r\n\r\n",),
            (b"SSH-2.0-OpenSSH_9.2\r\n",),
            (b"HTTP/1.1 huh\r\n\r\n",),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",),
        ],
    )
    def test_what_is_no_http_is_no_answer(self, client: Client, pieces: tuple[bytes, ...]) -> None:
        with (
            answering(*pieces) as url,
            pytest.raises(RegistryUnavailable, match="cannot be reached"),
        ):
            client.request("GET", url)

    def test_encoded_content_is_refused(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        local_registry.fail("/x", 200, headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8b")
        with pytest.raises(RegistryUnavailable, match="encoded content"):
            client.request("GET", f"{local_registry.url}/x")

    def test_a_byte_at_a_time_ends_at_the_deadline(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        with (
            answering(head, *[b"x"] * 900, pause=0.05) as url,
            Client(Settings(retries=0, deadline=1.5)) as client,
            client.request("GET", url) as response,
            pytest.raises(RegistryUnavailable, match="did not finish in time"),
        ):
            response.read_capped(2000)

    def test_silence_ends_at_the_timeout(self, local_registry: LocalRegistry) -> None:
        local_registry.delay("/x", 1.0)
        with (
            Client(Settings(retries=0, timeout=0.1)) as client,
            pytest.raises(RegistryUnavailable, match="cannot be reached"),
        ):
            client.request("GET", f"{local_registry.url}/x")


class TestSecrets:
    def test_authorization_goes_to_its_origin(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        local_registry.redirect("/a", "/b")
        url = f"{local_registry.url}/a"
        client.request("GET", url, authorization=SECRET).close()
        assert [r.headers["Authorization"] for r in local_registry.requests] == [SECRET, SECRET]

    def test_it_stays_behind_and_does_not_come_back(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        with LocalRegistry() as other:
            local_registry.redirect("/a", f"{other.url}/b")
            other.redirect("/b", f"{local_registry.url}/c")
            client.request("GET", f"{local_registry.url}/a", authorization=SECRET).close()
            assert [r.path for r in local_registry.requests] == ["/a", "/c"]
            sent = [*other.requests, local_registry.requests[1]]
            assert all("Authorization" not in r.headers for r in sent)

    def test_another_port_is_another_origin(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        with LocalRegistry() as other:
            local_registry.redirect("/a", lambda path: f"{other.url}{path}")
            client.request("HEAD", f"{local_registry.url}/a", authorization=SECRET).close()
            [asked] = other.requests
            assert "Authorization" not in asked.headers

    def test_netrc_has_no_say(
        self,
        local_registry: LocalRegistry,
        client: Client,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        client.request("GET", f"{local_registry.url}/x").close()
        client.request("GET", f"{local_registry.url}/x", authorization=SECRET).close()
        assert [r.headers["Authorization"] for r in local_registry.requests] == [None, SECRET]

    def test_proxies_come_from_the_settings_alone(
        self, local_registry: LocalRegistry, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
        client.request("GET", f"{local_registry.url}/x").close()
        assert len(local_registry.requests) == 1
        # The registry as proxy: it is asked for what lies elsewhere.
        proxied = Settings(retries=0, proxies={"http": local_registry.url}, no_proxy="other.test")
        with Client(proxied) as behind:
            behind.request("GET", "http://registry.test/v2/").close()
        assert local_registry.requests[-1].headers["Host"] == "registry.test"

    @pytest.mark.parametrize(
        "proxy",
        [
            "user:s3cret@127.0.0.1:99999",
            "http://user:s3cret@[::1",
            "http://user:s3cret@bad host:1",
            "socks5://user:s3cret@127.0.0.1:1",
            "http://\u0142:s3cret@127.0.0.1:1",
        ],
    )
    def test_a_proxy_that_is_none_is_told_without_its_secret(self, proxy: str) -> None:
        with (
            Client(Settings(proxies={"https": proxy})) as client,
            pytest.raises(RegistryUnavailable, match="the proxy for https is no") as refused,
        ):
            client.request("GET", "https://registry.test/x")
        assert "s3cret" not in "".join(traceback.format_exception(refused.value))

    def test_cookies_are_not_kept(self, local_registry: LocalRegistry, client: Client) -> None:
        local_registry.fail("/x", 200, headers={"Set-Cookie": "session=1; Path=/"})
        for _ in range(2):
            client.request("GET", f"{local_registry.url}/x").close()
        assert all("Cookie" not in r.headers for r in local_registry.requests)

    def test_an_error_shows_no_secret_of_the_url(self, client: Client) -> None:
        url = f"http://u:s3cret@127.0.0.1:{closed_port()}/x?token=s3cret"
        with pytest.raises(RegistryUnavailable, match="ConnectionRefusedError") as refused:
            client.request("GET", url, authorization="Bearer s3cret")
        assert "s3cret" not in str(refused.value)


class TestDeadline:
    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 ",
            b"HTTP/1.1 200 OK\r\nX: ",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        ],
    )
    def test_no_part_of_an_answer_drips_beyond_it(self, head: bytes) -> None:
        settings = Settings(retries=0, timeout=5, deadline=0.3)
        start = time.monotonic()
        with (
            answering(head, *[b"a"] * 1000, pause=0.05) as url,
            Client(settings) as client,
            pytest.raises(RegistryUnavailable),
        ):
            client.request("GET", url).read()
        assert time.monotonic() - start < 30

    def test_a_body_is_not_sent_beyond_it(self) -> None:
        class Slow(io.BytesIO):
            """As one that can be sent a little at a time alone."""

            def __len__(self) -> int:
                return 1000

            def read(self, size: int | None = -1, /) -> bytes:
                time.sleep(0.05)
                return super().read(min(1, size or 1))

        with (
            answering(b"", pause=60) as url,
            Client(Settings(retries=0, timeout=5, deadline=0.3)) as client,
            pytest.raises(RegistryUnavailable, match="no answer within"),
        ):
            client.request("PUT", url, body=Slow(b"x" * 1000))

    @pytest.mark.parametrize("status", [b"100 Continue", b"103 Early Hints"])
    def test_endless_interim_answers_end_at_it(self, status: bytes) -> None:
        settings = Settings(retries=0, timeout=5, deadline=0.3)
        interim = b"HTTP/1.1 %s\r\n\r\n" % status
        with (
            answering(*[interim] * 1000, pause=0.05) as url,
            Client(settings) as client,
            pytest.raises(RegistryUnavailable),
        ):
            client.request("GET", url)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_get_is_led_on(
        self, local_registry: LocalRegistry, client: Client, status: int
    ) -> None:
        digest = local_registry.put_blob("app", b"content")
        local_registry.redirect("/a$", f"/v2/app/blobs/{digest}", status=status)
        with client.request("GET", f"{local_registry.url}/a") as response:
            assert response.read() == b"content"
            assert response.url == f"{local_registry.url}/v2/app/blobs/{digest}"

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
    def test_nothing_else_is(
        self, local_registry: LocalRegistry, client: Client, method: str
    ) -> None:
        local_registry.redirect("/a", "/b")
        with client.request(method, f"{local_registry.url}/a", body=b"x") as response:
            assert response.status == 307
        assert len(local_registry.requests) == 1

    def test_the_redirect_can_be_the_answer(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        local_registry.redirect("/a", "/b")
        with client.request("GET", f"{local_registry.url}/a", follow=False) as response:
            assert response.headers["Location"] == "/b"

    def test_a_ring_ends(self, local_registry: LocalRegistry) -> None:
        local_registry.redirect("/a", "/a")
        with (
            Client(QUICK, Limits(redirects=3)) as client,
            pytest.raises(RegistryUnavailable, match="more than 3 times"),
        ):
            client.request("GET", f"{local_registry.url}/a")
        assert len(local_registry.requests) == 4

    def test_the_body_of_one_is_not_read(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        head = f"HTTP/1.1 307 T\r\nLocation: {local_registry.url}/x\r\nContent-Length: 99\r\n\r\n"
        local_registry.fail("/x", 200, body=b"content")
        # The rest never comes: waiting for it would end in an error.
        with (
            answering(head.encode(), b"y", pause=0.2) as url,
            client.request("GET", url) as response,
        ):
            assert response.read() == b"content"
        with (
            answering(head.encode(), *[b"y"] * 98, pause=0.5) as url,
            Client(Settings(retries=0, deadline=5)) as hurried,
            hurried.request("GET", url, follow=False) as response,
        ):
            assert response.status == 307

    @pytest.mark.parametrize("length", [0, 5], ids=["said to be empty", "said to be short"])
    def test_the_body_of_one_is_not_read_whatever_its_length_is_said_to_be(
        self, local_registry: LocalRegistry, length: int
    ) -> None:
        head = (
            f"HTTP/1.1 307 T\r\nLocation: {local_registry.url}/x\r\n"
            f"Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        local_registry.fail("/x", 200, body=b"content")
        # It has no end before the deadline: waiting for that would end in an error.
        with (
            answering(head.encode(), *[b"1\r\ny\r\n"] * 600, pause=0.05) as url,
            Client(Settings(retries=0, deadline=10)) as client,
            client.request("GET", url) as response,
        ):
            assert response.read() == b"content"

    @pytest.mark.parametrize(
        ("location", "message"),
        [
            ("", "without saying where"),
            ("http://[::1", "no URL"),
            ("file:///etc/passwd", "no http or https URL"),
            ("http://127.0.0.1:99999/", "no URL"),
        ],
    )
    def test_one_that_leads_nowhere(
        self, local_registry: LocalRegistry, client: Client, location: str, message: str
    ) -> None:
        local_registry.redirect("/a", location)
        with pytest.raises(RegistryUnavailable, match=message):
            client.request("GET", f"{local_registry.url}/a")

    def test_one_out_of_https_is_not_followed(
        self, local_registry: LocalRegistry, tmp_path: Path
    ) -> None:
        with LocalRegistry(tls=True) as secure:
            secure.redirect("/a", f"{local_registry.url}/a")
            with (
                Client(trusting(secure, tmp_path)) as client,
                pytest.raises(RegistryUnavailable, match="from https to http"),
            ):
                client.request("GET", f"{secure.url}/a")
        assert local_registry.requests == []


def trusting(secure: LocalRegistry, folder: Path) -> Settings:
    bundle = folder / "ca.pem"
    bundle.write_bytes(secure.ca_pem)
    return Settings(retries=0, timeout=5, ca_bundle=bundle)


class TestTls:
    def test_a_certificate_nobody_vouches_for_is_refused_at_once(self) -> None:
        # Another try would wait longer than this deadline, and say so.
        with (
            LocalRegistry(tls=True) as secure,
            Client(Settings(retries=3, retry_wait=60, deadline=30)) as client,
            pytest.raises(RegistryUnavailable, match="no certificate this machine trusts"),
        ):
            client.request("GET", f"{secure.url}/x")

    def test_an_authority_of_ones_own(self, tmp_path: Path) -> None:
        with LocalRegistry(tls=True) as secure, Client(trusting(secure, tmp_path)) as client:
            client.request("GET", f"{secure.url}/x").close()
            assert len(secure.requests) == 1

    @pytest.mark.parametrize("trusted", [True, False], ids=["of the bundle", "of nobody"])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_a_proxy_that_speaks_tls_is_held_to_the_same_authorities(
        self, tmp_path: Path, scheme: str, *, trusted: bool
    ) -> None:
        with LocalRegistry(tls=True) as proxy:
            known = trusting(proxy, tmp_path) if trusted else QUICK
            settings = dataclasses.replace(known, proxies={scheme: proxy.url})
            with Client(settings) as client:
                if trusted and scheme == "http":  # what is asked of it is nothing to a registry
                    client.request("GET", "http://registry.test/x").close()
                else:
                    # It opens no tunnels, which is all that is wrong with it.
                    said = "cannot be reached through the proxy" if trusted else "no certificate"
                    with pytest.raises(RegistryUnavailable, match=said):
                        client.request("GET", f"{scheme}://registry.test/x")

    def test_an_authority_that_is_not_there(self, tmp_path: Path) -> None:
        settings = Settings(retries=0, ca_bundle=tmp_path / "gone.pem")
        with (
            LocalRegistry(tls=True) as secure,
            Client(settings) as client,
            pytest.raises(RegistryUnavailable),
        ):
            client.request("GET", f"{secure.url}/x")

    def test_plain_http_where_tls_is_expected(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        with pytest.raises(RegistryUnavailable, match="plain_http"):
            client.request("GET", f"https://{local_registry.host}/x")


class TestRetries:
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_what_may_pass_is_tried_again(self, local_registry: LocalRegistry, status: int) -> None:
        fault = local_registry.fail("/x", status, headers={"Retry-After": "0"}, times=2)
        local_registry.fail("/x", 200)
        with (
            Client(Settings(retries=2)) as client,
            client.request("GET", f"{local_registry.url}/x") as response,
        ):
            assert response.status == 200
        assert fault.hits == 2

    def test_the_last_answer_counts(self, local_registry: LocalRegistry) -> None:
        local_registry.fail("/x", 503, headers={"Retry-After": "0"})
        with (
            Client(Settings(retries=2)) as client,
            client.request("GET", f"{local_registry.url}/x") as response,
        ):
            assert response.status == 503
        assert len(local_registry.requests) == 3

    def test_a_body_is_sent_again_from_its_start(self, local_registry: LocalRegistry) -> None:
        local_registry.disconnect("/x", times=1)
        local_registry.fail("/x", 200)
        with Client(Settings(retries=1, retry_wait=0.01)) as client:
            client.request("PUT", f"{local_registry.url}/x", body=b"content").close()
        [_, second] = local_registry.requests
        assert second.headers["Content-Length"] == "7"

    def test_a_body_that_is_made_while_it_is_sent_is_sent_once(
        self, local_registry: LocalRegistry
    ) -> None:
        fault = local_registry.disconnect("/x")
        body = HeldBack(VerifiedReader(io.BytesIO(b"content"), Digest.of(b"content"), 7), 7)
        with Client(QUICK) as client, pytest.raises(RegistryUnavailable, match="cannot be reached"):
            client.request("PUT", f"{local_registry.url}/x", body=body)
        assert fault.hits == 1

    def test_what_might_be_done_twice_is_not_repeated(self, local_registry: LocalRegistry) -> None:
        local_registry.fail("/x", 503, headers={"Retry-After": "0"})
        local_registry.disconnect("/y")
        with Client(Settings(retries=3)) as client:
            client.request("POST", f"{local_registry.url}/x", body=b"").close()
            with pytest.raises(RegistryUnavailable):
                client.request("POST", f"{local_registry.url}/y", body=b"")
        assert len(local_registry.requests) == 2

    @pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, RegistryUnavailable)])
    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_a_long_wait_is_not_waited(
        self, local_registry: LocalRegistry, status: int, kind: type[Exception], form: str
    ) -> None:
        when = "60" if form == "seconds" else email.utils.formatdate(time.time() + 60, usegmt=True)
        local_registry.fail("/x", status, headers={"Retry-After": when})
        with (
            Client(Settings(retries=3, retry_wait=5)) as client,
            pytest.raises(kind, match=r"\b(5\d|60) s") as refused,
        ):
            client.request("GET", f"{local_registry.url}/x")
        assert len(local_registry.requests) == 1
        if isinstance(refused.value, RateLimited):
            assert refused.value.retry_after == pytest.approx(60, abs=10)

    @pytest.mark.parametrize(
        "value", ["\u00b2", "-1", "soon", "", "Mon, 99 Jan 2026", "Mon, 01 Jan 0001 00:00:00 -0000"]
    )
    def test_a_wait_that_cannot_be_read_is_ours_to_choose(
        self, local_registry: LocalRegistry, value: str
    ) -> None:
        local_registry.fail("/x", 503, headers={"Retry-After": value}, times=1)
        local_registry.fail("/x", 200)
        with (
            Client(Settings(retries=1, retry_wait=0.01)) as client,
            client.request("GET", f"{local_registry.url}/x") as response,
        ):
            assert response.status == 200

    def test_no_wait_goes_beyond_the_deadline(self, local_registry: LocalRegistry) -> None:
        local_registry.fail("/x", 503, headers={"Retry-After": "40"})
        with (
            Client(Settings(retries=3, retry_wait=60, deadline=20)) as client,
            pytest.raises(RegistryUnavailable, match="did not answer within 20 s"),
        ):
            client.request("GET", f"{local_registry.url}/x")


def connections_made(client: Client) -> tuple[int, int]:
    """How many were opened, and how many requests were sent on them."""
    [pool] = client._connections()._pools.values()
    return pool.num_connections, pool.num_requests


class TestConnections:
    def test_threads_that_come_and_go_share_one(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        def ask() -> None:
            client.request("GET", f"{local_registry.url}/v2/").drain()

        for _ in range(3):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        assert connections_made(client) == (1, 3)

    def test_none_outlives_a_fork(self, client: Client) -> None:
        before = client._connections()
        assert client._connections() is before
        client._pid = -1  # as it looks to a child
        assert client._connections() is not before

    def test_a_connection_is_used_again(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        digest = local_registry.put_blob("app", b"content")
        url = f"{local_registry.url}/v2/app/blobs/{digest}"
        for method in ("GET", "HEAD", "GET"):
            with client.request(method, url) as response:
                response.read_capped(100)
        assert connections_made(client) == (1, 3)

    def test_what_was_not_read_is_nobody_s_answer(
        self, local_registry: LocalRegistry, client: Client
    ) -> None:
        first, second = (local_registry.put_blob("app", text * 9999) for text in (b"1", b"2"))
        client.request("GET", f"{local_registry.url}/v2/app/blobs/{first}").close()
        with client.request("GET", f"{local_registry.url}/v2/app/blobs/{second}") as response:
            assert response.read_capped(1 << 20) == b"2" * 9999

    def test_a_closed_client_opens_again(self, local_registry: LocalRegistry) -> None:
        client = Client(QUICK)
        for _ in range(2):
            client.request("GET", f"{local_registry.url}/x").close()
            client.close()
        assert len(local_registry.requests) == 2


@pytest.mark.parametrize("mark", ["\n", "\r\nX: y", "\0", "\x7f", "\udcff", "\u20ac"])
def test_a_header_that_cannot_be_sent_is_not_quoted(client: Client, mark: str) -> None:
    """Libraries put it into their message, which a traceback shows: it may be a token."""
    url, value = f"http://127.0.0.1:{closed_port()}/", f"Bearer hunter2{mark}"
    with pytest.raises(RegistryUnavailable, match="was not asked: Authorization") as caught:
        client.request("GET", url, authorization=value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(RegistryUnavailable, match="was not asked: X-Namespace") as caught:
        client.request("GET", url, headers={"X-Namespace": value})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
