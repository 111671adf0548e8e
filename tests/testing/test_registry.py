"""The embedded registry, held to distribution-spec 1.1 by requests written out by hand."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.testing.wire import (
    INDEX,
    MANIFEST,
    Answer,
    ask,
    descriptor,
    digest_of,
    manifest,
)

from provenance.testing import LocalRegistry
from provenance.testing.registry import Behaviour, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


DATA = b"0123456789"
ABSENT = digest_of(b"absent")
UPLOADS = "/v2/org/app/blobs/uploads/"


@pytest.fixture
def registry() -> Iterator[LocalRegistry]:
    with LocalRegistry() as running:
        running.put_blob("org/app", b"{}")
        running.put_blob("org/app", DATA)
        yield running


def put(registry: LocalRegistry, reference: str, data: bytes, kind: str = MANIFEST) -> Answer:
    path = f"/v2/org/app/manifests/{reference}"
    return ask(registry, "PUT", path, headers={"Content-Type": kind}, body=data)


def test_end_1_says_that_the_protocol_is_spoken(registry: LocalRegistry) -> None:
    assert ask(registry, "GET", "/v2/").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", f"/v2/org/app/blobs/{ABSENT}", 404, "BLOB_UNKNOWN"),
        ("DELETE", f"/v2/org/app/blobs/{ABSENT}", 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/org/app/blobs/sha256:beef", 400, "DIGEST_INVALID"),
        ("PUT", f"/v2/org/app/blobs/{digest_of(DATA)}", 405, "UNSUPPORTED"),
        ("GET", "/v2/org/app/manifests/absent", 404, "MANIFEST_UNKNOWN"),
        ("GET", f"/v2/org/app/manifests/{ABSENT}", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/absent/manifests/1.0", 404, "NAME_UNKNOWN"),
        ("DELETE", "/v2/org/app/manifests/absent", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/org/app/manifests/sha256:zz", 400, "DIGEST_INVALID"),
        ("GET", "/v2/org/app/manifests/-tag", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/org/app/manifests/" + 129 * "a", 404, "MANIFEST_UNKNOWN"),
        ("DELETE", "/v2/org/app/manifests/-tag", 400, "TAG_INVALID"),
        ("POST", "/v2/org/app/manifests/1.0", 405, "UNSUPPORTED"),
        ("GET", "/v2/Org/app/manifests/1.0", 404, "NAME_INVALID"),
        ("GET", "/v2/org//app/manifests/1.0", 404, "NAME_INVALID"),
        ("GET", "/v2/org/app/nothing", 404, "NAME_INVALID"),
        ("GET", "/elsewhere", 404, "UNSUPPORTED"),
        ("GET", "/v2/absent/tags/list", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/org/app/tags/list?n=many", 400, "PAGINATION_NUMBER_INVALID"),
        ("POST", "/v2/org/app/tags/list", 405, "UNSUPPORTED"),
        ("GET", "/v2/org/app/referrers/sha256:beef", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/org/app/referrers/{ABSENT}?start=x", 400, "UNSUPPORTED"),
        ("GET", UPLOADS, 405, "UNSUPPORTED"),
        ("PATCH", UPLOADS + "no-such-upload", 404, "BLOB_UPLOAD_UNKNOWN"),
    ],
)
def test_a_refusal_has_the_status_and_the_code_of_the_spec(
    registry: LocalRegistry, method: str, path: str, status: int, code: str
) -> None:
    answer = ask(registry, method, path)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/json"


# Pull


def test_a_blob_comes_with_its_size_and_digest(registry: LocalRegistry) -> None:
    path = f"/v2/org/app/blobs/{digest_of(DATA)}"
    for method, body in (("GET", DATA), ("HEAD", b"")):
        answer = ask(registry, method, path)
        assert (answer.status, answer.body) == (200, body)
        assert answer.headers["Content-Length"] == "10"
        assert answer.headers["Docker-Content-Digest"] == digest_of(DATA)


@pytest.mark.parametrize(
    ("asked", "status", "body", "said"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, DATA, "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=-", 200, DATA, None),
        ("lines=1-2", 200, DATA, None),
        ("bytes=0-1,3-4", 200, DATA, None),
        ("bytes=" + 5000 * "1" + "-", 200, DATA, None),
    ],
)
@pytest.mark.parametrize("held", ["in memory", "in a file"])
def test_a_range_of_a_blob(
    registry: LocalRegistry,
    tmp_path: Path,
    held: str,
    asked: str,
    status: int,
    body: bytes | None,
    said: str | None,
) -> None:
    if held == "in a file":
        file = tmp_path / "blob"
        file.write_bytes(DATA)
        assert registry.put_blob_file("org/app", file) == digest_of(DATA)
    path = f"/v2/org/app/blobs/{digest_of(DATA)}"
    answer = ask(registry, "GET", path, headers={"Range": asked})
    assert (answer.status, answer.headers["Content-Range"]) == (status, said)
    if body is not None:
        assert answer.body == body


def test_a_registry_without_ranges_sends_all() -> None:
    # RFC 9110, 14.2: a server may ignore the header.
    with LocalRegistry(ranges=False) as registry:
        registry.put_blob("org/app", DATA)
        path = f"/v2/org/app/blobs/{digest_of(DATA)}"
        for asked in ("bytes=2-4", "bytes=99-"):
            answer = ask(registry, "GET", path, headers={"Range": asked})
            assert (answer.status, answer.body) == (200, DATA)
            assert answer.headers["Content-Range"] is answer.headers["Accept-Ranges"] is None


def test_a_manifest_comes_by_tag_and_by_digest(registry: LocalRegistry) -> None:
    data = manifest()
    registry.put_manifest("org/app", data, tag="1.0")
    for reference in ("1.0", digest_of(data)):
        for method, body in (("GET", data), ("HEAD", b"")):
            answer = ask(registry, method, f"/v2/org/app/manifests/{reference}")
            assert (answer.status, answer.body) == (200, body)
            assert answer.headers["Content-Type"] == MANIFEST
            assert answer.headers["Content-Length"] == str(len(data))
            assert answer.headers["Docker-Content-Digest"] == digest_of(data)


@pytest.mark.parametrize(
    ("accept", "status"),
    [(None, 200), ("*/*", 200), (f"{INDEX}, {MANIFEST};q=0.9", 200), (INDEX, 404)],
)
def test_a_manifest_comes_only_to_those_who_accept_its_type(
    registry: LocalRegistry, accept: str | None, status: int
) -> None:
    registry.put_manifest("org/app", manifest(), tag="1.0")
    headers = {} if accept is None else {"Accept": accept}
    assert ask(registry, "GET", "/v2/org/app/manifests/1.0", headers=headers).status == status


def test_blobs_belong_to_their_repository(registry: LocalRegistry) -> None:
    assert ask(registry, "HEAD", f"/v2/other/blobs/{digest_of(DATA)}").status == 404


# Push


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("body", [b"hello", [b"he", b"l", b"lo"]], ids=["sized", "chunked"])
@pytest.mark.parametrize("where", ["memory", "directory"])
def test_a_blob_in_one_put(tmp_path: Path, where: str, body: Any, algorithm: str) -> None:
    digest = digest_of(b"hello", algorithm)
    with LocalRegistry(directory=None if where == "memory" else tmp_path / "store") as registry:
        begun = ask(registry, "POST", UPLOADS)
        assert begun.status == 202
        # A client must keep the location's query (distribution-spec, "POST then PUT").
        location = begun.headers["Location"]
        assert "?" in location
        ended = ask(registry, "PUT", f"{location}&digest={digest}", body=body)
        assert (ended.status, ended.headers["Location"]) == (201, f"/v2/org/app/blobs/{digest}")
        assert ask(registry, "GET", ended.headers["Location"]).body == b"hello"
        stored = registry.blobs["org/app"][digest]
        assert isinstance(stored, bytes) == (where == "memory")


def test_a_blob_in_pieces_that_come_in_order(registry: LocalRegistry) -> None:
    location = ask(registry, "POST", UPLOADS).headers["Location"]
    first = ask(registry, "PATCH", location, body=b"hel", headers={"Content-Range": "0-2"})
    assert (first.status, first.headers["Range"]) == (202, "0-2")
    astray = ask(registry, "PATCH", location, body=b"o", headers={"Content-Range": "4-4"})
    assert (astray.status, astray.headers["Range"]) == (416, "0-2")
    status = ask(registry, "GET", location)
    assert (status.status, status.headers["Range"]) == (204, "0-2")
    location = first.headers["Location"]
    second = ask(registry, "PATCH", location, body=b"lo", headers={"Content-Range": "3-4"})
    digest = digest_of(b"hello")
    assert ask(registry, "PUT", f"{second.headers['Location']}&digest={digest}").status == 201
    assert registry.blobs["org/app"][digest] == b"hello"


def test_only_the_last_piece_may_be_short() -> None:
    # distribution-spec 1.1, "Pushing a blob in chunks": OCI-Chunk-Min-Length.
    with LocalRegistry(shortest_chunk=3) as registry:
        begun = ask(registry, "POST", UPLOADS)
        assert begun.headers["OCI-Chunk-Min-Length"] == "3"
        location = begun.headers["Location"]
        assert ask(registry, "PATCH", location, body=b"hel").status == 202
        assert ask(registry, "PATCH", location, body=b"l").status == 202
        refused = ask(registry, "PATCH", location, body=b"hello")
        assert (refused.status, refused.code) == (400, "BLOB_UPLOAD_INVALID")
        assert ask(registry, "GET", location).headers["Range"] == "0-3"
        digest = digest_of(b"hello")
        assert ask(registry, "PUT", f"{location}&digest={digest}", body=b"o").status == 201
        assert registry.blobs["org/app"][digest] == b"hello"


@pytest.mark.parametrize(
    ("mounts", "query", "status"),
    [
        ("never", "&from=org/app", 202),
        ("never", "", 202),
        ("named", "&from=org/app", 201),
        ("named", "", 202),
        ("anywhere", "&from=org/app", 201),
        ("anywhere", "&from=absent", 202),
        ("anywhere", "", 201),
    ],
)
def test_where_a_blob_is_mounted_from(mounts: Any, query: str, status: int) -> None:
    with LocalRegistry(profile=Profile("own", Behaviour(mounts=mounts))) as registry:
        registry.put_blob("org/app", DATA)
        path = f"/v2/new/blobs/uploads/?mount={digest_of(DATA)}{query}"
        assert ask(registry, "POST", path).status == status
        assert (digest_of(DATA) in registry.blobs["new"]) == (status == 201)


def test_a_registry_that_takes_manifests_before_their_content() -> None:
    with LocalRegistry(profile=Profile("own", Behaviour(sparse=True))) as registry:
        assert put(registry, "1.0", manifest(layers=[descriptor(b"gone")])).status == 201
        assert put(registry, "2.0", manifest(layers=[{}])).status == 400


@pytest.mark.parametrize("digest", [ABSENT, "sha256:beef", ""])
@pytest.mark.parametrize("where", ["memory", "directory"])
def test_a_blob_that_has_not_its_digest_is_dropped(tmp_path: Path, where: str, digest: str) -> None:
    with LocalRegistry(directory=None if where == "memory" else tmp_path) as registry:
        location = ask(registry, "POST", UPLOADS).headers["Location"]
        answer = ask(registry, "PUT", f"{location}&digest={digest}", body=b"hello")
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        assert not registry.blobs["org/app"]
        assert ask(registry, "GET", location).status == 404
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("single", "status"), [(True, 201), (False, 202)])
def test_a_blob_in_one_post_where_the_registry_can(*, single: bool, status: int) -> None:
    digest = digest_of(b"hello")
    with LocalRegistry(single_post=single) as registry:
        answer = ask(registry, "POST", f"{UPLOADS}?digest={digest}", body=b"hello")
        assert answer.status == status
        assert (digest in registry.blobs["org/app"]) == single


def test_a_blob_is_mounted_from_another_repository_or_else_uploaded(
    registry: LocalRegistry,
) -> None:
    digest = digest_of(DATA)
    mounted = ask(registry, "POST", f"/v2/new/blobs/uploads/?mount={digest}&from=org/app")
    assert (mounted.status, mounted.headers["Location"]) == (201, f"/v2/new/blobs/{digest}")
    assert ask(registry, "GET", f"/v2/new/blobs/{digest}").body == DATA
    for query in (f"mount={digest}&from=absent", f"mount={ABSENT}&from=org/app"):
        answer = ask(registry, "POST", f"/v2/new/blobs/uploads/?{query}")
        assert answer.status == 202
        assert "/v2/new/blobs/uploads/" in answer.headers["Location"]


def test_an_upload_can_be_given_up(tmp_path: Path) -> None:
    with LocalRegistry(directory=tmp_path) as registry:
        location = ask(registry, "POST", UPLOADS).headers["Location"]
        assert ask(registry, "POST", location).status == 405
        assert ask(registry, "DELETE", location).status == 204
        assert ask(registry, "GET", location).status == 404
        ask(registry, "POST", UPLOADS)
    assert not list(tmp_path.iterdir()), "stop() takes unfinished uploads away"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_manifest_is_put_by_digest_and_tagged_in_the_same_request(
    registry: LocalRegistry, algorithm: str
) -> None:
    data = manifest()
    digest = digest_of(data, algorithm)
    answer = put(registry, f"{digest}?tag=1.0&tag=latest", data)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, digest)
    assert answer.headers["Location"] == f"/v2/org/app/manifests/{digest}"
    assert answer.headers["OCI-Tag"] == "1.0, latest"
    assert registry.tags["org/app"] == {"1.0": digest, "latest": digest}
    assert ask(registry, "GET", f"/v2/org/app/manifests/{digest}").body == data


def test_a_tag_moves(registry: LocalRegistry) -> None:
    for data in (manifest(), manifest(annotations={"a": "b"})):
        assert put(registry, "1.0", data).status == 201
        assert ask(registry, "GET", "/v2/org/app/manifests/1.0").body == data
    assert len(registry.manifests["org/app"]) == 2


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"no json", MANIFEST, 400, "MANIFEST_INVALID"),
        (b"[" * 100_000, MANIFEST, 400, "MANIFEST_INVALID"),
        (b"[]", MANIFEST, 400, "MANIFEST_INVALID"),
        (manifest(), INDEX, 400, "MANIFEST_INVALID"),
        (manifest(layers=[7]), MANIFEST, 400, "MANIFEST_INVALID"),
        (manifest(layers=[{}]), MANIFEST, 400, "MANIFEST_INVALID"),
        (manifest(config="x"), MANIFEST, 400, "MANIFEST_INVALID"),
        (manifest(layers=[descriptor(b"gone")]), MANIFEST, 404, "MANIFEST_BLOB_UNKNOWN"),
        (manifest(config=descriptor(b"gone")), MANIFEST, 404, "MANIFEST_BLOB_UNKNOWN"),
        (
            json.dumps({"mediaType": INDEX, "manifests": [descriptor(b"gone")]}).encode(),
            INDEX,
            404,
            "MANIFEST_BLOB_UNKNOWN",
        ),
        (b" " * (4 << 20) + manifest(), MANIFEST, 413, "SIZE_INVALID"),
    ],
    ids=[
        "bytes that are no JSON",
        "too deep",
        "a list",
        "a type that is not its own",
        "a number for a descriptor",
        "a descriptor without digest",
        "a string for a config",
        "a layer that is not there",
        "a config that is not there",
        "a child that is not there",
        "more than 4 MiB",
    ],
)
def test_a_manifest_is_refused_for(
    registry: LocalRegistry, data: bytes, kind: str, status: int, code: str
) -> None:
    answer = put(registry, "1.0", data, kind)
    assert (answer.status, answer.code) == (status, code)
    assert not registry.manifests["org/app"]


def test_a_manifest_may_name_layers_that_are_elsewhere_and_a_subject_that_is_not_there(
    registry: LocalRegistry,
) -> None:
    foreign = {**descriptor(b"gone"), "urls": ["https://example.com/layer"]}
    subject = descriptor(b"absent", MANIFEST)
    answer = put(registry, "1.0", manifest(layers=[foreign], subject=subject))
    assert (answer.status, answer.headers["OCI-Subject"]) == (201, subject["digest"])


def test_a_manifest_has_the_digest_of_its_path(registry: LocalRegistry) -> None:
    answer = put(registry, ABSENT, manifest())
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


# Tags and deletion


@pytest.mark.parametrize("page_size", [None, 2])
@pytest.mark.parametrize("n", [None, 1, 3])
def test_tags_come_in_order_and_in_pages(page_size: int | None, n: int | None) -> None:
    tags = ["2.0", "1.0", "latest", "Beta", "rc", "a"]
    with LocalRegistry(page_size=page_size) as registry:
        for tag in tags:
            registry.put_manifest("org/app", manifest(), tag=tag)
        path, seen = "/v2/org/app/tags/list" + (f"?n={n}" if n else ""), list[str]()
        while path:
            answer = ask(registry, "GET", path)
            assert answer.json["name"] == "org/app"
            page = answer.json["tags"]
            assert 0 < len(page) <= min(n or 6, page_size or 6)
            seen += page
            path = next_page(answer)
    assert seen == sorted(tags)


def next_page(answer: Answer) -> str:
    match = re.fullmatch(r'<([^>]+)>; ?rel="next"', answer.headers["Link"] or "")
    return match[1] if match else ""


def test_tags_after_the_last_one_seen(registry: LocalRegistry) -> None:
    for tag in ("a", "b", "c"):
        registry.put_manifest("org/app", manifest(), tag=tag)
    assert ask(registry, "GET", "/v2/org/app/tags/list?last=a").json["tags"] == ["b", "c"]
    none = ask(registry, "GET", "/v2/org/app/tags/list?n=0")
    assert (none.json["tags"], none.headers["Link"]) == ([], None)


def test_deleting_a_tag_keeps_the_manifest_and_deleting_a_manifest_takes_its_tags(
    registry: LocalRegistry,
) -> None:
    digest = registry.put_manifest("org/app", manifest(), tag="1.0")
    registry.put_manifest("org/app", manifest(), tag="2.0")
    assert ask(registry, "DELETE", "/v2/org/app/manifests/1.0").status == 202
    assert ask(registry, "HEAD", f"/v2/org/app/manifests/{digest}").status == 200
    assert ask(registry, "DELETE", f"/v2/org/app/manifests/{digest}").status == 202
    assert ask(registry, "HEAD", "/v2/org/app/manifests/2.0").status == 404
    assert ask(registry, "DELETE", f"/v2/org/app/blobs/{digest_of(DATA)}").status == 202
    assert ask(registry, "HEAD", f"/v2/org/app/blobs/{digest_of(DATA)}").status == 404


def test_a_registry_that_deletes_nothing() -> None:
    with LocalRegistry(deletes=False) as registry:
        registry.put_blob("app", DATA)
        digest = registry.put_manifest("app", manifest())
        for path in (f"manifests/{digest}", f"blobs/{digest_of(DATA)}"):
            assert ask(registry, "DELETE", f"/v2/app/{path}").status == 405
