from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import json

import pytest
from tests.oci.registries import BLOB, open_repository, paths, push

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    RateLimited,
    RegistryUnavailable,
    Unauthorized,
)
from provenance.oci import media_types as mt
from provenance.oci.credentials import Credential
from provenance.oci.manifest import Index
from provenance.oci.repository import digest_tag, read_blob
from provenance.settings import Limits, Settings
from provenance.testing import LocalRegistry


def test_a_callers_digest_needs_no_other_from_the_registry(local_registry: LocalRegistry) -> None:
    repository = open_repository(local_registry)
    pushed = push(repository)
    local_registry.drop_header("/manifests/", "Docker-Content-Digest")
    local_registry.clear_requests()
    assert repository.resolve(pushed.digest) == repository.resolve(str(pushed.digest))
    assert [r.method for r in local_registry.requests] == ["HEAD", "HEAD"]


def test_another_hash_of_the_same_manifest_contradicts_nothing(
    local_registry: LocalRegistry,
) -> None:
    repository = open_repository(local_registry)
    raw = Index.build([]).raw
    sha512 = Digest(f"sha512:{hashlib.sha512(raw).hexdigest()}")
    local_registry.put_manifest("org/app", raw, media_type=mt.OCI_INDEX, digest=sha512)
    local_registry.set_header("/manifests/", "Docker-Content-Digest", Digest.of(raw))
    assert repository.resolve(sha512).digest == sha512
    assert repository.manifest(sha512).raw == raw


@pytest.mark.parametrize("named", ["sha256:zz/../..", "x", "sha256:" + "A" * 64])
def test_a_digest_that_is_none_is_refused(local_registry: LocalRegistry, named: str) -> None:
    repository = open_repository(local_registry)
    push(repository)
    local_registry.set_header("/manifests/", "Docker-Content-Digest", named)
    with pytest.raises(MalformedDocument, match="no digest") as refused:
        repository.resolve("1")
    assert "org/app" in str(refused.value)


def test_a_blob_over_the_limit_is_not_asked_for(local_registry: LocalRegistry) -> None:
    push(open_repository(local_registry))
    repository = open_repository(local_registry, limits=Limits(blob_bytes=3))
    local_registry.clear_requests()
    with pytest.raises(LimitExceeded) as refused, repository.open(BLOB):
        pass
    assert refused.value.digest == BLOB.digest
    assert local_registry.requests == []


def test_a_blob_that_breaks_off_elsewhere_is_named_all_the_same(
    local_registry: LocalRegistry,
) -> None:
    repository = open_repository(local_registry)
    push(repository)
    with LocalRegistry() as store:
        digest = store.put_blob("cdn/x", b"content")
        store.truncate(digest)
        local_registry.redirect("/blobs/", f"{store.url}/v2/cdn/x/blobs/{digest}")
        with pytest.raises((RegistryUnavailable, ContentMismatch)) as refused:
            read_blob(repository, BLOB, limit=100)
    assert refused.value.digest == BLOB.digest
    assert f"{local_registry.host}/org/app" in str(refused.value)


def test_a_wait_may_be_told_as_a_date(local_registry: LocalRegistry) -> None:
    when = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    headers = {"Retry-After": email.utils.format_datetime(when, usegmt=True)}
    local_registry.fail("/manifests/", 429, headers=headers)
    for settings in (Settings(retries=0), Settings(retries=3)):
        local_registry.clear_requests()
        with pytest.raises(RateLimited) as refused:
            open_repository(local_registry, settings=settings).resolve("1")
        assert refused.value.retry_after == pytest.approx(3600, abs=30)
        assert len(local_registry.requests) == 1


def test_what_the_registry_says_is_quoted_short_and_without_control_characters(
    local_registry: LocalRegistry,
) -> None:
    said = {"errors": [{"code": "DENIED", "message": "\x1b[31mno\n" + "x" * 500}]}
    local_registry.fail("/manifests/", 404, body=json.dumps(said).encode())
    with pytest.raises(NotFound) as refused:
        open_repository(local_registry).manifest("1")
    text = str(refused.value)
    assert "DENIED:  [31mno x" in text
    assert text.isprintable()
    assert len(text) < 500


class TestReferrers:
    def test_a_repository_that_is_not_there_yet_says_nothing_of_the_api(
        self, local_registry: LocalRegistry
    ) -> None:
        early = open_repository(local_registry)
        fault = local_registry.fail("/referrers/", 404)
        assert len(early.referrers(BLOB.digest)) == 0
        assert early.learnt.referrers_api is None
        fault.remove()
        subject = push(open_repository(local_registry))
        entry = push(open_repository(local_registry), None, subject=subject)
        assert [d.digest for d in early.referrers(subject.digest)] == [entry.digest]

    def test_a_registry_known_to_lack_the_api_is_not_asked_again(self) -> None:
        with LocalRegistry(referrers_api=False) as local:
            repository = open_repository(local)
            subject = push(repository)
            repository.referrers(subject.digest)
            local.clear_requests()
            repository.referrers(subject.digest)
            assert paths(local) == [f"GET manifests/{digest_tag(subject.digest)}"]

    def test_a_redirect_on_the_same_host_is_followed(self, local_registry: LocalRegistry) -> None:
        repository = open_repository(local_registry)
        subject = push(repository)
        entry = push(repository, None, subject=subject)
        path = f"/v2/org/app/referrers/{subject.digest}"
        local_registry.redirect("/referrers/", f"{path}?again=1", times=1)
        found = open_repository(local_registry).referrers(subject.digest)
        assert found.scheme == "api"
        assert [d.digest for d in found] == [entry.digest]

    def test_a_redirect_in_a_circle_is_told(self, local_registry: LocalRegistry) -> None:
        local_registry.redirect("/referrers/", lambda path: path)
        with pytest.raises(RegistryUnavailable, match="earlier one"):
            open_repository(local_registry).referrers(BLOB.digest)

    @pytest.mark.parametrize(
        "document", [{}, {"token": "x"}, {"schemaVersion": 2, "manifests": [{"size": 1}]}, []]
    )
    def test_json_that_is_no_index_is_could_not_tell(
        self, local_registry: LocalRegistry, document: object
    ) -> None:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(document).encode()
        local_registry.fail("/referrers/", 200, headers=headers, body=body)
        repository = open_repository(local_registry)
        with pytest.raises(RegistryUnavailable, match="list of referrers"):
            repository.referrers(BLOB.digest)
        assert repository.learnt.referrers_api is None


def test_tags_may_be_at_another_host_which_learns_no_secret() -> None:
    with LocalRegistry(auth="basic", username="u", password="p") as local, LocalRegistry() as near:
        repository = open_repository(local, credentials={local.host: ("u", "p")})
        push(open_repository(near), "there")
        repository.push_blob(b"content", BLOB)
        local.redirect("/tags/list", f"{near.url}/v2/org/app/tags/list")
        near.clear_requests()
        assert repository.tags() == ("there",)
        assert [r.headers["Authorization"] for r in near.requests] == [None]


class TestTokens:
    def test_the_scope_of_the_challenge_is_asked_for_beside_ours(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            repository = open_repository(local, credentials={local.host: ("u", "p")})
            pushed = push(repository)
            challenge = (
                f'Bearer realm="{local.url}/token",service="s",'
                'scope="repository:org/app:pull registry:catalog:*"'
            )
            local.set_header("/manifests/", "WWW-Authenticate", challenge)
            local.auth.forget_tokens()
            local.clear_requests()
            fresh = open_repository(local, credentials={local.host: ("u", "p")})
            assert fresh.resolve("1").digest == pushed.digest
            token = next(r for r in local.requests if r.path == "/token")
            assert token.query["scope"] == "registry:catalog:*"  # the last of two

    def test_a_challenge_without_a_scope_gets_ours(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            challenge = f'Bearer realm="{local.url}/token"'
            local.set_header("/v2/", "WWW-Authenticate", challenge)
            push(open_repository(local, credentials={local.host: ("u", "p")}))
            scopes = {r.query["scope"] for r in local.requests if r.path == "/token"}
            assert scopes == {"repository:org/app:pull,push"}

    @pytest.mark.parametrize("token", ["", "a b", "a\nb", "é", None, 7])
    def test_a_token_that_is_none_is_refused(self, token: object) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            body = json.dumps({"token": token}).encode()
            local.fail("^/token", 200, headers={"Content-Type": "application/json"}, body=body)
            with pytest.raises(RegistryUnavailable, match="no token"):
                open_repository(local).resolve("1")

    def test_a_token_service_that_is_busy_says_how_long(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            local.fail("^/token", 429, headers={"Retry-After": "90"})
            with pytest.raises(RateLimited) as refused:
                open_repository(local).resolve("1")
            assert refused.value.retry_after == 90

    def test_the_exchange_of_an_identity_token_is_tried_again(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p", identity_token="t") as local:
            fault = local.fail("^/token", 503, times=1)
            settings = Settings(retries=1, retry_wait=0.05)
            given = {local.host: Credential(identity_token="t")}
            repository = open_repository(local, credentials=given, settings=settings)
            with pytest.raises(NotFound):
                repository.resolve("1")
            assert fault.hits == 1

    def test_a_refused_login_names_its_source(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p") as local:
            repository = open_repository(local, credentials={local.host: ("u", "wrong")})
            with pytest.raises(Unauthorized, match="the caller") as refused:
                repository.resolve("1")
            assert "wrong" not in str(refused.value)
