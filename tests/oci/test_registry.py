from __future__ import annotations

import pickle
import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, paths, push

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    Forbidden,
    InvalidDigest,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
)
from provenance.oci.connect import connect
from provenance.oci.credentials import Credential
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.oci.repository import read_blob
from provenance.settings import Limits, Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.testing.registry.messages import Request, Response


def test_a_tag_is_resolved_by_one_head(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    pushed = push(repository)
    local_registry.clear_requests()
    assert repository.resolve("1").digest == pushed.digest
    assert paths(local_registry) == ["HEAD manifests/1"]


def test_a_registry_that_names_no_digest_is_read(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    pushed = push(repository)
    local_registry.drop_header("/manifests/", "Docker-Content-Digest")
    assert repository.resolve("1").digest == pushed.digest


def test_a_digest_in_a_header_never_replaces_the_callers(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    pushed = push(repository)
    other = Digest.of(b"other")
    local_registry.set_header("/manifests/", "Docker-Content-Digest", str(other))
    with pytest.raises(ContentMismatch) as refused:
        repository.resolve(pushed.digest)
    assert refused.value.digest == pushed.digest


@pytest.mark.parametrize("damage", ["changed", "short", "long"])
def test_altered_content_is_never_returned(
    local_registry: LocalRegistry, repository: RegistryRepository, damage: str
) -> None:
    pushed = push(repository)
    altered = {"changed": b"cOntent", "short": b"conten", "long": b"content!"}[damage]
    local_registry.blobs["org/app"][BLOB.digest] = altered
    with pytest.raises(ContentMismatch) as refused:
        read_blob(repository, BLOB, limit=100)
    assert refused.value.digest == BLOB.digest
    assert "org/app" in str(refused.value)
    stored = local_registry.manifests["org/app"][pushed.digest]
    local_registry.put_manifest("org/app", stored.data + b" ", digest=pushed.digest)
    with pytest.raises(ContentMismatch):
        repository.manifest(pushed.digest)


def test_a_blob_over_the_limit_is_not_read(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    push(repository)
    local_registry.clear_requests()
    with pytest.raises(LimitExceeded):
        read_blob(repository, BLOB, limit=3)
    assert paths(local_registry) == []


def test_a_manifest_over_the_limit(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, limits=Limits(manifest_bytes=200))
    push(open_repository(local_registry))
    with pytest.raises(LimitExceeded, match="200 bytes"):
        repository.manifest("1")


STATUSES: dict[int, type[ProvenanceError]] = {
    403: Forbidden,
    404: NotFound,
    429: RateLimited,
    500: RegistryUnavailable,
    503: RegistryUnavailable,
    418: RegistryUnavailable,
}


@pytest.mark.parametrize(("status", "kind"), STATUSES.items())
def test_each_refusal_has_its_error_that_names_the_reference(
    local_registry: LocalRegistry, repository: RegistryRepository, status: int, kind: type[Any]
) -> None:
    local_registry.fail("/manifests/", status)
    with pytest.raises(kind) as refused:
        repository.manifest("1")
    assert f"{local_registry.host}/org/app:1" in str(refused.value)
    assert refused.value.hint


def test_a_long_wait_is_told_at_once(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    local_registry.fail("/manifests/", 429, headers={"Retry-After": "3600"})
    with (
        Registry(settings=Settings(retries=3, retry_wait=5)) as patient,
        pytest.raises(RateLimited) as refused,
    ):
        patient.repository(repository.reference).resolve("1")
    assert refused.value.retry_after == 3600
    assert len(local_registry.requests) == 1


def test_a_short_outage_is_waited_for(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    pushed = push(repository)
    fault = local_registry.fail("/manifests/", 503, headers={"Retry-After": "0"}, times=2)
    with Registry(settings=Settings(retries=2)) as registry:
        found = registry.repository(repository.reference).resolve("1")
    assert found.digest == pushed.digest
    assert fault.hits == 2


def test_a_host_that_does_not_answer_is_named() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    reference = Reference.parse(f"{host}/org/app:1")
    with (
        connect(reference, settings=QUICK) as opened,
        pytest.raises(RegistryUnavailable, match=host),
    ):
        opened.resolve("1")


def test_tags_come_from_every_page_and_only_from_this_registry() -> None:
    with LocalRegistry(page_size=2) as local:
        repository = open_repository(local)
        for number in range(5):
            push(repository, tag=f"v{number}")
        assert sorted(repository.tags()) == ["v0", "v1", "v2", "v3", "v4"]
        local.set_header("/tags/list", "Link", '<http://127.0.0.1:9/x>; rel="next"')
        with pytest.raises(RegistryUnavailable, match="another host"):
            repository.tags()
        local.clear_faults()
        local.set_header("/tags/list", "Link", '</v2/org/app/tags/list>; rel="next"')
        with pytest.raises(RegistryUnavailable, match="earlier one"):
            repository.tags()


def test_a_registry_pickles_without_its_credentials() -> None:
    registry = Registry(credentials={"ghcr.io": ("u", "s3cret")}, settings=QUICK)
    pickled = pickle.dumps(registry)
    assert b"s3cret" not in pickled
    assert pickle.loads(pickled).settings == QUICK
    with pytest.raises(TypeError):
        pickle.dumps(Credential("u", "p"))
    assert "s3cret" not in repr(Credential("u", "s3cret", "s3cret"))


def test_pushing_what_is_not_its_descriptor_stores_nothing(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    with pytest.raises(ContentMismatch):
        repository.push_blob(b"c0ntent", BLOB)
    assert local_registry.blobs["org/app"] == {}


def test_https_with_an_authority_of_ones_own(tmp_path: Any) -> None:
    with LocalRegistry(tls=True) as local:
        bundle = tmp_path / "ca.pem"
        bundle.write_bytes(local.ca_pem)
        settings = Settings(retries=0, ca_bundle=bundle, encrypted=(local.host,))
        reference = Reference.parse(local.reference("org/app:1"))
        with Registry(settings=settings) as registry:
            push(registry.repository(reference))
        strict = Settings(retries=0, encrypted=(local.host,))
        with (
            Registry(settings=strict) as registry,
            pytest.raises(RegistryUnavailable, match="certificate"),
        ):
            registry.repository(reference).resolve("1")


@pytest.mark.parametrize("size", ["\u00b2", "9" * 5000, "-1", "x", ""])
def test_a_size_that_is_no_number_is_looked_up(
    local_registry: LocalRegistry, repository: RegistryRepository, size: str
) -> None:
    pushed = push(repository)
    local_registry.set_header("/manifests/", "Content-Length", size, method="HEAD")
    assert repository.resolve("1").size == pushed.size


def test_two_sizes_are_no_answer(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    push(repository)
    local_registry.set_header("/manifests/", "Content-Length", "1, 2", method="HEAD")
    with pytest.raises(RegistryUnavailable, match=local_registry.host):
        repository.resolve("1")


@pytest.mark.parametrize(
    ("wait", "expected"),
    [("60", 60), ("\u00b2", None), ("-5", None), ("soon", None), ("9" * 5000, 999_999_999)],
)
def test_how_long_to_wait_is_told_where_it_can_be_read(
    local_registry: LocalRegistry, repository: RegistryRepository, wait: str, expected: Any
) -> None:
    local_registry.fail("/manifests/", 429, headers={"Retry-After": wait})
    with pytest.raises(RateLimited) as refused:
        repository.manifest("1")
    assert refused.value.retry_after == expected


def test_what_a_registry_says_is_quoted_without_control_characters(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    body = b'{"errors": [{"code": "X", "message": "\\u001b[2J\\nall is well"}]}'
    local_registry.fail("/manifests/", 403, body=body)
    with pytest.raises(Forbidden, match="all is well") as refused:
        repository.manifest("1")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[" * 50_000, b'{"errors": [5]}', b'{"errors": {"0": 1}}', b"x" * 70_000]
)
def test_a_refusal_in_any_form_is_the_refusal(
    local_registry: LocalRegistry, repository: RegistryRepository, body: bytes
) -> None:
    local_registry.fail("/manifests/", 403, body=body)
    with pytest.raises(Forbidden):
        repository.manifest("1")


def test_a_tag_that_is_not_there(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    push(repository)
    with pytest.raises(NotFound, match=f"{local_registry.host}/org/app:gone"):
        repository.resolve("gone")
    missing = Digest.of(b"missing")
    with pytest.raises(NotFound, match=f"{local_registry.host}/org/app@{missing}"):
        repository.manifest(missing)


def test_nothing_outside_the_grammar_reaches_a_url(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    for target in ("../../x", "a/b", "a?b", "", " ", "a\n", "x" * 129):
        with pytest.raises(InvalidReference):
            repository.resolve(target)
    for target in ("sha256:../..", "sha256:" + "g" * 64, "md5:" + "0" * 32):
        with pytest.raises(InvalidDigest):
            repository.manifest(target)
    assert local_registry.requests == []


def test_a_digest_in_a_header_proves_nothing_of_the_content(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    push(repository)
    other = Digest.of(b"other")
    local_registry.set_header("/manifests/1", "Docker-Content-Digest", other)
    claimed = repository.resolve("1")
    assert claimed.digest == other
    with pytest.raises(NotFound):
        repository.manifest(claimed)
    # Bytes that are sent for that name have another digest.
    stored = next(iter(local_registry.manifests["org/app"].values()))
    local_registry.put_manifest("org/app", stored.data, digest=other)
    with pytest.raises(ContentMismatch) as refused:
        repository.manifest(claimed)
    assert refused.value.digest == other
    local_registry.set_header("/manifests/1", "Docker-Content-Digest", "sha256:x")
    with pytest.raises(MalformedDocument, match="no digest"):
        repository.resolve("1")


@pytest.mark.parametrize("what", ["blob", "manifest"])
def test_a_transfer_that_breaks_off_is_told_with_what_it_was(
    local_registry: LocalRegistry, repository: RegistryRepository, what: str
) -> None:
    pushed = push(repository)
    digest = BLOB.digest if what == "blob" else pushed.digest
    local_registry.truncate(digest)
    with pytest.raises(RegistryUnavailable, match="broke off") as refused:
        _ = read_blob(repository, BLOB, limit=9) if what == "blob" else repository.manifest(digest)
    assert digest in str(refused.value)
    assert refused.value.reference == f"{local_registry.host}/org/app:1"


def test_content_over_the_limit_names_the_reference(local_registry: LocalRegistry) -> None:
    push(open_repository(local_registry))
    repository = open_repository(local_registry, limits=Limits(manifest_bytes=200))
    with pytest.raises(LimitExceeded) as refused:
        repository.manifest("1")
    assert refused.value.reference == f"{local_registry.host}/org/app:1"


def test_an_upload_whose_confirmation_was_lost_is_there(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry, settings=Settings(retries=1, retry_wait=0.1))
    lost = local_registry.disconnect("/blobs/uploads/", method="PUT", after=True, times=1)
    repository.push_blob(b"content", BLOB)
    assert lost.hits == 1
    assert local_registry.blobs["org/app"] == {BLOB.digest: b"content"}


def test_an_upload_that_is_gone_is_told(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    local_registry.fail("/blobs/uploads/", 404, method="PUT")
    with pytest.raises(NotFound) as refused:
        repository.push_blob(b"content", BLOB)
    assert BLOB.digest in str(refused.value)


@pytest.mark.parametrize("location", [None, "http://[::1", "ftp://127.0.0.1/x", "//"])
def test_an_upload_that_leads_nowhere(
    local_registry: LocalRegistry, repository: RegistryRepository, location: str | None
) -> None:
    local_registry.set_header("/blobs/uploads/", "Location", location)
    with pytest.raises(RegistryUnavailable) as refused:
        repository.push_blob(b"content", BLOB)
    assert "org/app" in refused.value.reference


def test_an_upload_within_the_registry_keeps_its_login() -> None:
    with LocalRegistry(auth="basic", username="u", password="p") as local:
        repository = open_repository(local, credentials={local.host: ("u", "p")})

        def whole(request: Request, response: Response | None) -> Response | None:
            from dataclasses import replace

            if response is None or "Location" not in response.headers:
                return response
            # The same origin, written in another way.
            url = f"HTTP://{local.host}{response.headers['Location']}"
            return replace(response, headers={**response.headers, "Location": url})

        local._add("/blobs/uploads/", whole, method="POST")
        repository.push_blob(b"content", BLOB)
        assert BLOB.digest in local.blobs["org/app"]


def test_a_registry_that_stored_something_else(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    other = Digest.of(b"other")
    local_registry.set_header("/manifests/", "Docker-Content-Digest", other, method="PUT")
    with pytest.raises(ContentMismatch, match=other):
        push(repository)


def test_what_is_there_is_not_sent_again(
    local_registry: LocalRegistry, repository: RegistryRepository
) -> None:
    push(repository)
    local_registry.clear_requests()
    repository.push_blob(b"content", BLOB)
    assert paths(local_registry) == [f"HEAD blobs/{BLOB.digest}"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"tags": {}}', b'{"tags": [1]}', b'{"tags": ["a"], "tags": []}']
)
def test_a_list_of_tags_that_is_none(
    local_registry: LocalRegistry, repository: RegistryRepository, body: bytes
) -> None:
    local_registry.fail("/tags/list", 200, body=body)
    with pytest.raises(MalformedDocument, match="tags") as refused:
        repository.tags()
    assert refused.value.reference == repository.name
