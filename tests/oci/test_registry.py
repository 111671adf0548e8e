from __future__ import annotations

import base64
import pickle
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    Forbidden,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.oci import media_types as mt
from provenance.oci.connect import connect
from provenance.oci.credentials import Credential
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry, RegistryRepository
from provenance.oci.repository import digest_tag, read_blob
from provenance.settings import Limits, Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = Settings(retries=0, timeout=5)
_OPEN: list[Registry] = []
BLOB = Descriptor.of(b"content", "text/plain")


def open_repository(
    local: LocalRegistry, *, limits: Limits | None = None, **more: Any
) -> RegistryRepository:
    registry = Registry(settings=QUICK, limits=limits, **more)
    _OPEN.append(registry)
    return registry.repository(Reference.parse(local.reference("org/app:1")))


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


@pytest.fixture
def repository(local_registry: LocalRegistry) -> RegistryRepository:
    return open_repository(local_registry)


def push(repository: RegistryRepository, tag: str | None = "1", **more: Any) -> Descriptor:
    repository.push_blob(b"content", BLOB)
    repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
    return repository.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [BLOB], **more), tag=tag)


def paths(local: LocalRegistry) -> list[str]:
    return [f"{r.method} {r.path.removeprefix('/v2/org/app/')}" for r in local.requests]


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


class TestReferrers:
    def refer(self, repository: RegistryRepository, subject: Descriptor, name: str) -> Descriptor:
        return push(
            repository, None, subject=subject, artifact_type="text/x", annotations={"name": name}
        )

    @pytest.mark.parametrize("api", [True, False])
    def test_every_page_of_either_scheme(self, *, api: bool) -> None:
        with LocalRegistry(referrers_api=api, page_size=2) as local:
            repository = open_repository(local)
            subject = push(repository)
            pushed = {self.refer(repository, subject, str(n)).digest for n in range(5)}
            found = repository.referrers(subject.digest)
            assert {d.digest for d in found} == pushed
            assert found.scheme == ("api" if api else "fallback-tag")
            assert {d.annotations["name"] for d in found} == set("01234")
            assert {d.artifact_type for d in found} == {"text/x"}

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 502])
    def test_a_refusal_is_not_an_empty_list(
        self, local_registry: LocalRegistry, repository: RegistryRepository, status: int
    ) -> None:
        subject = push(repository)
        fresh = open_repository(local_registry)
        local_registry.fail("/referrers/", status)
        with pytest.raises(ProvenanceError) as refused:
            fresh.referrers(subject.digest)
        assert not isinstance(refused.value, NotFound)
        assert fresh.learnt.referrers_api is None

    @pytest.mark.parametrize("status", [400, 404, 405, 406])
    def test_a_registry_without_the_api_is_asked_by_tag(
        self, local_registry: LocalRegistry, repository: RegistryRepository, status: int
    ) -> None:
        subject = push(repository)
        entry = self.refer(repository, subject, "x")
        index = Index.build([entry])
        local_registry.put_manifest(
            "org/app", index.raw, media_type=mt.OCI_INDEX, tag=digest_tag(subject.digest)
        )
        local_registry.fail("/referrers/", status)
        found = open_repository(local_registry).referrers(subject.digest)
        assert found.scheme == "fallback-tag"
        assert [d.digest for d in found] == [entry.digest]

    def test_a_web_page_is_no_answer_of_the_api(
        self, local_registry: LocalRegistry, repository: RegistryRepository
    ) -> None:
        subject = push(repository)
        local_registry.html("/referrers/")
        assert open_repository(local_registry).referrers(subject.digest).scheme == "fallback-tag"

    def test_a_redirect_of_the_listing_is_not_followed(
        self, local_registry: LocalRegistry, repository: RegistryRepository
    ) -> None:
        subject = push(repository)
        with LocalRegistry() as other:
            local_registry.redirect("/referrers/", f"{other.url}/login", status=303)
            assert len(open_repository(local_registry).referrers(subject.digest)) == 0
            assert other.requests == []

    def test_an_empty_answer_still_looks_at_the_tag(
        self, local_registry: LocalRegistry, repository: RegistryRepository
    ) -> None:
        subject = push(repository)
        entry = push(repository, None)
        index = Index.build([entry])
        local_registry.put_manifest(
            "org/app", index.raw, media_type=mt.OCI_INDEX, tag=digest_tag(subject.digest)
        )
        assert [d.digest for d in repository.referrers(subject.digest)] == [entry.digest]

    def test_a_tag_that_holds_no_index_is_an_error(
        self, local_registry: LocalRegistry, repository: RegistryRepository
    ) -> None:
        subject = push(repository)
        push(repository, tag=digest_tag(subject.digest))
        with pytest.raises(MalformedDocument, match="referrers index"):
            repository.referrers(subject.digest)

    def test_an_answer_that_is_no_index_is_not_an_empty_one(
        self, local_registry: LocalRegistry, repository: RegistryRepository
    ) -> None:
        subject = push(repository)
        headers = {"Content-Type": mt.OCI_INDEX}
        local_registry.fail("/referrers/", 200, headers=headers, body=b"{}")
        with pytest.raises(ProvenanceError):
            open_repository(local_registry).referrers(subject.digest)

    def test_too_many_are_not_cut(self, local_registry: LocalRegistry) -> None:
        repository = open_repository(local_registry, limits=Limits(referrers=2))
        subject = push(repository)
        for number in range(3):
            self.refer(repository, subject, str(number))
        with pytest.raises(LimitExceeded):
            repository.referrers(subject.digest)

    def test_two_writers_of_a_fallback_index_lose_nothing(self) -> None:
        with LocalRegistry(referrers_api=False) as local:
            subject = push(open_repository(local))
            writers = [open_repository(local) for _ in range(4)]
            pushed: set[str] = set()
            errors: list[BaseException] = []

            def write(repository: RegistryRepository, number: int) -> None:
                try:
                    pushed.add(self.refer(repository, subject, str(number)).digest)
                except ProvenanceError as error:
                    errors.append(error)

            threads = [
                threading.Thread(target=write, args=(writer, number))
                for number, writer in enumerate(writers)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            found = {d.digest for d in open_repository(local).referrers(subject.digest)}
            # Whoever could not enter itself said so; nobody who succeeded was lost.
            assert pushed <= found
            assert len(pushed) + len(errors) == 4


class TestAuth:
    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_credentials_open_the_door(self, kind: Any) -> None:
        with LocalRegistry(auth=kind, username="u", password="p") as local:
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            push(repository)
            local.clear_requests()
            repository.resolve("1")
            assert len(local.requests) == 1

    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_wrong_credentials_are_told_without_the_secret(self, kind: Any) -> None:
        with LocalRegistry(auth=kind, username="u", password="p") as local:
            repository = open_repository(local, credentials={local.host: ("u", "s3cret")})
            with pytest.raises(Unauthorized) as refused:
                repository.resolve("1")
            assert "s3cret" not in str(refused.value)
            assert base64.b64encode(b"u:s3cret").decode() not in repr(refused.value.__dict__)

    def test_without_credentials_it_says_to_log_in(self) -> None:
        with (
            LocalRegistry(auth="basic", username="u", password="p") as local,
            pytest.raises(Unauthorized, match="docker login"),
        ):
            open_repository(local).resolve("1")

    def test_an_expired_token_is_renewed_once(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p", token_lifetime=1) as local:
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            push(repository)
            for _ in range(3):
                repository.resolve("1")

    def test_an_identity_token_is_exchanged(self) -> None:
        with LocalRegistry(
            auth="bearer", username="u", password="p", identity_token="t0k"
        ) as local:
            given = {local.host: Credential(identity_token="t0k")}
            push(open_repository(local, credentials=given))

    def test_threads_share_one_token(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            push(open_repository(local, credentials={local.host: ("u", "p")}))
            local.clear_requests()
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            threads = [threading.Thread(target=repository.resolve, args=("1",)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(r.path == "/token" for r in local.requests) == 1

    def test_authorization_stays_with_its_origin_on_redirects(self) -> None:
        with (
            LocalRegistry(auth="basic", username="u", password="p") as local,
            LocalRegistry() as store,
        ):
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            push(repository)
            store.put_blob("cdn/x", b"content")
            local.redirect("/blobs/", f"{store.url}/v2/cdn/x/blobs/{BLOB.digest}", status=307)
            assert read_blob(repository, BLOB, limit=100) == b"content"
            assert store.requests
            assert all("Authorization" not in r.headers for r in store.requests)

    def test_an_upload_elsewhere_gets_no_authorization(self) -> None:
        with (
            LocalRegistry(auth="basic", username="u", password="p") as local,
            LocalRegistry() as other,
        ):
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            local.set_header(
                "/blobs/uploads/", "Location", f"{other.url}/v2/org/app/blobs/uploads/x"
            )
            with pytest.raises(ProvenanceError):
                repository.push_blob(b"content", BLOB)
            assert other.requests
            assert all("Authorization" not in r.headers for r in other.requests)


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
