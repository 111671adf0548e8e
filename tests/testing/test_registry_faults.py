"""Every way in which the embedded registry misbehaves on demand, as a client sees it."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

import pytest
from tests.testing.wire import MANIFEST, ask, digest_of, manifest

from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

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
