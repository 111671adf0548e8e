"""Every way in which the embedded registry misbehaves on demand, as a client sees it."""

from __future__ import annotations

import base64
import http.client
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.testing.wire import MANIFEST, ask, connect, digest_of, manifest

from provenance.testing import LocalRegistry
from provenance.testing.registry.messages import Response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = b"0123456789"
DIGEST = digest_of(DATA)
BLOB = f"/v2/app/blobs/{DIGEST}"
TAG = "/v2/app/manifests/1.0"


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    with LocalRegistry() as running:
        running.put_blob("app", DATA)
        running.put_blob("app", b"{}")
        running.put_manifest("app", manifest(), tag="1.0")
        yield running


def test_a_status_with_the_spec_s_document_headers_and_count(registry: LocalRegistry) -> None:
    fault = registry.fail("/blobs/", headers={"Retry-After": "7"}, times=2)
    for _ in range(2):
        answer = ask(registry, "GET", BLOB)
        assert (answer.status, answer.code) == (429, "TOOMANYREQUESTS")
        assert answer.headers["Retry-After"] == "7"
    assert ask(registry, "GET", BLOB).body == DATA
    assert ask(registry, "GET", TAG).status == 200
    assert fault.hits == 2
    assert [r.status for r in registry.requests] == [429, 429, 200, 200]


@pytest.mark.parametrize(
    ("status", "code"), [(401, "UNAUTHORIZED"), (403, "DENIED"), (500, "UNKNOWN"), (599, "UNKNOWN")]
)
def test_a_status_has_its_code(registry: LocalRegistry, status: int, code: str) -> None:
    registry.fail("", status)
    answer = ask(registry, "GET", "/v2/")
    assert (answer.status, answer.code) == (status, code)


def test_a_fault_of_one_method_and_one_path(registry: LocalRegistry) -> None:
    registry.fail("/manifests/1[.]0$", 503, method="HEAD", body=b"down")
    assert ask(registry, "HEAD", TAG).status == 503
    assert ask(registry, "GET", TAG).status == 200
    assert ask(registry, "HEAD", BLOB).status == 200


@pytest.mark.parametrize(("after", "stored"), [(False, False), (True, True)])
@pytest.mark.parametrize("how", ["fail", "disconnect"])
def test_a_confirmation_is_lost_before_or_after_the_work(
    registry: LocalRegistry, how: str, *, after: bool, stored: bool
) -> None:
    headers = {"Content-Type": MANIFEST}
    if how == "fail":
        registry.fail("/manifests/new", 502, after=after)
        path = "/v2/app/manifests/new"
        assert ask(registry, "PUT", path, headers=headers, body=manifest()).status == 502
    else:
        registry.disconnect("/manifests/new", after=after)
        with pytest.raises(http.client.RemoteDisconnected):
            ask(registry, "PUT", "/v2/app/manifests/new", headers=headers, body=manifest())
        assert registry.requests[-1].status == 0
    assert ("new" in registry.tags["app"]) == stored


def test_faults_are_taken_back(registry: LocalRegistry) -> None:
    one, two = registry.fail("/blobs/", 500), registry.fail("/manifests/", 500)
    assert registry.faults == (one, two)
    one.remove()
    one.remove()
    assert [ask(registry, "GET", path).status for path in (BLOB, TAG)] == [200, 500]
    registry.clear_faults()
    assert ask(registry, "GET", TAG).status == 200


def test_a_page_where_an_answer_should_be(registry: LocalRegistry) -> None:
    registry.html("/referrers/")
    answer = ask(registry, "GET", f"/v2/app/referrers/{DIGEST}")
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/html")


def test_a_redirect_to_a_place_or_by_the_path(registry: LocalRegistry) -> None:
    registry.redirect("/blobs/", lambda path: f"http://cdn.example{path}")
    registry.redirect("/manifests/", "/login", status=303)
    answer = ask(registry, "GET", BLOB)
    assert (answer.status, answer.headers["Location"]) == (307, f"http://cdn.example{BLOB}")
    answer = ask(registry, "GET", TAG)
    assert (answer.status, answer.headers["Location"]) == (303, "/login")


def test_a_delay_and_then_the_answer(registry: LocalRegistry) -> None:
    registry.delay("/blobs/", 0.2, times=1)
    start = time.monotonic()
    assert ask(registry, "GET", BLOB).body == DATA
    assert time.monotonic() - start >= 0.2


def test_a_delay_and_then_another_fault(registry: LocalRegistry) -> None:
    slow, broken = registry.delay("/blobs/", 0.01), registry.fail("/blobs/", 500)
    assert ask(registry, "GET", BLOB).status == 500
    assert (slow.hits, broken.hits) == (1, 1)


def test_headers_are_replaced_added_and_dropped(registry: LocalRegistry) -> None:
    registry.set_header("/manifests/", "docker-content-digest", digest_of(b"lie"), times=1)
    assert ask(registry, "HEAD", TAG).headers.get_all("Docker-Content-Digest") == [
        digest_of(b"lie")
    ]
    registry.drop_header("/manifests/", "Docker-Content-Digest")
    registry.set_header("/manifests/", "X-More", "1")
    answer = ask(registry, "HEAD", TAG)
    assert (answer.headers["Docker-Content-Digest"], answer.headers["X-More"]) == (None, "1")


@pytest.mark.parametrize("what", ["blob", "manifest by tag", "manifest by digest"])
def test_content_is_changed_under_its_name(registry: LocalRegistry, what: str) -> None:
    digest = DIGEST if what == "blob" else digest_of(manifest())
    path = {"blob": BLOB, "manifest by tag": TAG}.get(what, f"/v2/app/manifests/{digest}")
    registry.tamper(digest, lambda data: data + b" ")
    answer = ask(registry, "GET", path)
    assert answer.body.endswith(b" ")
    assert answer.headers["Docker-Content-Digest"] == digest
    other = TAG if what == "blob" else BLOB
    assert not ask(registry, "GET", other).body.endswith(b" ")


@pytest.mark.parametrize(("keep", "got"), [(None, DATA[:5]), (0, b""), (3, DATA[:3])])
def test_a_transfer_breaks_off(registry: LocalRegistry, keep: int | None, got: bytes) -> None:
    registry.truncate(DIGEST, keep, times=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(registry, "GET", BLOB)
    assert caught.value.partial == got
    assert ask(registry, "GET", BLOB).body == DATA


# Which requests are struck


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3"}], ids=["without", "with Retry-After"])
@pytest.mark.parametrize("status", [429, 503])
def test_the_third_to_the_fourth_request(
    registry: LocalRegistry, status: int, headers: dict[str, str]
) -> None:
    fault = registry.fail("/blobs/", status, headers=headers, skip=2, times=2, method="GET")
    answers = []
    for _ in range(6):
        ask(registry, "HEAD", BLOB)
        ask(registry, "GET", TAG)
        answers.append(ask(registry, "GET", BLOB))
    assert [a.status for a in answers] == [200, 200, status, status, 200, 200]
    assert answers[2].headers["Retry-After"] == headers.get("Retry-After")
    assert (fault.passed, fault.hits) == (2, 2)


def test_two_faults_take_turns(registry: LocalRegistry) -> None:
    registry.fail("/blobs/", 503, times=1)
    registry.cut("/blobs/", 3, skip=1, times=1)
    assert ask(registry, "GET", BLOB).status == 503
    assert ask(registry, "GET", BLOB).body == DATA
    with pytest.raises(http.client.IncompleteRead):
        ask(registry, "GET", BLOB)
    assert ask(registry, "GET", BLOB).body == DATA


# Connections


@pytest.mark.parametrize("keep", [0, 4, 7])
@pytest.mark.parametrize("held", ["in memory", "in a file"])
def test_a_download_is_cut_at_a_byte(
    registry: LocalRegistry, tmp_path: Path, held: str, keep: int
) -> None:
    if held == "in a file":
        (tmp_path / "blob").write_bytes(DATA)
        registry.put_blob_file("app", tmp_path / "blob")
    registry.cut("/blobs/", keep)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(registry, "GET", BLOB)
    assert caught.value.partial == DATA[:keep]
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(registry, "GET", BLOB, headers={"Range": "bytes=2-"})
    assert caught.value.partial == DATA[2 : 2 + keep]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("keep", [0, 1, 1 << 20, (1 << 20) + 7])
def test_an_upload_is_cut_at_a_byte_and_goes_on_from_there(
    registry: LocalRegistry, method: str, keep: int
) -> None:
    data = bytes(range(256)) * (3 << 12)
    digest = digest_of(data)
    location = ask(registry, "POST", "/v2/app/blobs/uploads/").headers["Location"]
    registry.cut_upload("/uploads/.", keep, method=method, times=1)
    where = location if method == "PATCH" else f"{location}&digest={digest}"
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(registry, method, where, body=data)
    status = ask(registry, "GET", location)
    assert (status.status, status.headers["Range"]) == (204, f"0-{max(keep - 1, 0)}")
    rest = {"Content-Range": f"{keep}-{len(data) - 1}"}
    assert ask(registry, "PATCH", location, headers=rest, body=data[keep:]).status == 202
    assert ask(registry, "PUT", f"{location}&digest={digest}").status == 201
    assert registry.blobs["app"][digest] == data
    assert [r.status for r in registry.requests] == [202, 0, 204, 202, 201]


def test_a_manifest_that_is_cut_on_its_way_in_is_not_stored(registry: LocalRegistry) -> None:
    registry.cut_upload("/manifests/", 10)
    path = "/v2/app/manifests/new"
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        ask(registry, "PUT", path, headers={"Content-Type": MANIFEST}, body=manifest())
    assert "new" not in registry.tags["app"]


def test_a_body_that_is_shorter_than_the_cut_is_whole(registry: LocalRegistry) -> None:
    registry.cut_upload("/manifests/", 1 << 20)
    path = "/v2/app/manifests/new"
    answer = ask(registry, "PUT", path, headers={"Content-Type": MANIFEST}, body=manifest())
    assert answer.status == 201


@pytest.mark.parametrize(("claimed", "got"), [(4, DATA[:4]), (10, DATA)])
def test_a_length_that_is_too_short_or_right(
    registry: LocalRegistry, claimed: int, got: bytes
) -> None:
    registry.claim_length("/blobs/", claimed)
    with closing(connect(registry)) as connection:
        connection.request("GET", BLOB)
        assert connection.getresponse().read() == got


def test_a_length_that_is_too_long(registry: LocalRegistry) -> None:
    registry.claim_length("/blobs/", 99)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(registry, "GET", BLOB)
    assert (caught.value.partial, caught.value.expected) == (DATA, 89)


# Pages


def test_a_page_without_its_link_and_one_that_is_cut() -> None:
    with LocalRegistry(page_size=1) as registry:
        for tag in ("a", "b"):
            registry.put_manifest("app", manifest(), tag=tag)
        registry.drop_header("/tags/", "Link", times=1)
        assert ask(registry, "GET", "/v2/app/tags/list").headers["Link"] is None
        assert ask(registry, "GET", "/v2/app/tags/list").headers["Link"] is not None
        registry.cut_page("/tags/", 12)
        answer = ask(registry, "GET", "/v2/app/tags/list")
        assert (answer.status, answer.body) == (200, b'{"name": "ap')


def test_an_answer_is_altered_or_left(registry: LocalRegistry) -> None:
    registry.alter("/blobs/", lambda request, _: Response(418) if request.query else None)
    assert ask(registry, "GET", BLOB).status == 200
    assert ask(registry, "GET", f"{BLOB}?x=1").status == 418


# Time


@pytest.mark.parametrize("how", [{}, {"Range": "bytes=5-"}])
def test_a_slow_drip_is_whole_at_the_end(registry: LocalRegistry, how: dict[str, str]) -> None:
    registry.drip("/blobs/", 0.01, size=2)
    start = time.monotonic()
    assert ask(registry, "GET", BLOB, headers=how).body == (DATA[5:] if how else DATA)
    assert time.monotonic() - start >= 0.03


def test_tokens_expire_in_the_middle() -> None:
    with LocalRegistry(auth="bearer", username="u", password="p") as registry:
        registry.put_manifest("app", manifest(), tag="1.0")
        told = {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()}

        def login() -> dict[str, str]:
            answer = ask(registry, "GET", "/token?scope=repository:app:pull", headers=told)
            return {"Authorization": f"Bearer {answer.json['token']}"}

        registry.expire_tokens("/manifests/", skip=1, times=1)
        held = login()
        statuses = [ask(registry, "GET", TAG, headers=held).status for _ in range(3)]
        assert statuses == [200, 401, 401]
        assert ask(registry, "GET", TAG, headers=login()).status == 200
