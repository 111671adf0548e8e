from __future__ import annotations

import base64

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, push

from provenance.errors import InvalidReference, Unauthorized, UnsupportedFormat
from provenance.oci.descriptor import EMPTY_DESCRIPTOR
from provenance.oci.manifest import Manifest
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.settings import Settings
from provenance.testing import LocalRegistry


def test_a_mirror_is_read_and_the_registry_itself_written_to() -> None:
    with LocalRegistry() as origin, LocalRegistry() as mirror:
        pushed = push(open_repository(mirror))
        repository = open_repository(origin, mirrors={origin.host: mirror.host})
        mirror.clear_requests()
        assert repository.resolve("1").digest == pushed.digest
        assert repository.manifest(pushed).descriptor.digest == pushed.digest
        assert origin.requests == []
        again = push(repository, "2", subject=pushed)
        assert {r.method for r in mirror.requests} == {"HEAD", "GET"}
        assert origin.tags["org/app"]["2"] == again.digest


def test_the_fallback_index_is_merged_where_it_is_written() -> None:
    with LocalRegistry(referrers_api=False) as origin, LocalRegistry() as mirror:
        subject = push(open_repository(origin))
        first = push(open_repository(origin), None, subject=subject, artifact_type="text/a")
        behind = open_repository(origin, mirrors={origin.host: mirror.host})
        second = push(behind, None, subject=subject, artifact_type="text/b")
        found = open_repository(origin).referrers(subject.digest)
        assert {d.digest for d in found} == {first.digest, second.digest}


def test_what_a_mirror_lacks_is_not_learnt_of_the_registry() -> None:
    with LocalRegistry() as origin, LocalRegistry(referrers_api=False) as mirror:
        subject = push(open_repository(origin))
        repository = open_repository(origin, mirrors={origin.host: mirror.host})
        assert len(repository.referrers(subject.digest)) == 0
        assert repository.learnt.referrers_api is False
        assert repository.registry.original(repository).learnt.referrers_api is None


def test_a_mirror_gets_credentials_of_its_own_or_none() -> None:
    with (
        LocalRegistry() as origin,
        LocalRegistry(auth="basic", username="u", password="p") as mirror,
    ):
        mirrors = {origin.host: mirror.host}
        theirs = {origin.host: ("u", "s3cret"), mirror.host: ("u", "p")}
        pushed = push(open_repository(mirror, credentials=theirs))
        found = open_repository(origin, credentials=theirs, mirrors=mirrors).resolve("1")
        assert found.digest == pushed.digest
        mirror.clear_requests()
        only = open_repository(origin, credentials={origin.host: ("u", "s3cret")}, mirrors=mirrors)
        with pytest.raises(Unauthorized, match=mirror.host):
            only.resolve("1")
        assert all(r.headers["Authorization"] is None for r in mirror.requests)


@pytest.mark.parametrize("tag", ["../../other/manifests/x", "a b", "", "x" * 129, "a?b"])
def test_no_text_but_a_tag_reaches_a_url(local_registry: LocalRegistry, tag: str) -> None:
    repository = open_repository(local_registry)
    manifest = Manifest.build(EMPTY_DESCRIPTOR, [BLOB])
    local_registry.clear_requests()
    for attempt in (
        lambda: repository.push_manifest(manifest, tag=tag),
        lambda: repository.tag(manifest.descriptor, tag),
        lambda: repository.resolve(tag),
        lambda: repository.manifest(tag),
    ):
        with pytest.raises(InvalidReference):
            attempt()
    assert local_registry.requests == []


def test_a_registry_takes_references_as_text_and_refuses_local_places() -> None:
    with Registry(settings=QUICK) as registry:
        assert registry.repository("ghcr.io/org/app").name == "ghcr.io/org/app"
        with pytest.raises(UnsupportedFormat, match="in no registry"):
            registry.repository(Reference.parse("oci:build"))


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("127.0.0.1:5000/a", "http"),
        ("127.9.9.9/a", "http"),
        ("localhost/a", "http"),
        ("[::1]:5000/a", "http"),
        ("10.0.0.1:5000/a", "https"),
        ("app.localhost/a", "https"),
        ("localhost.example/a", "https"),
        ("ghcr.io/a", "https"),
        ("registry.test:80/a", "http"),
        ("127.0.0.2:443/a", "https"),
    ],
)
def test_only_this_machine_and_those_named_are_spoken_to_unencrypted(
    text: str, scheme: str
) -> None:
    settings = Settings(plain_http=("registry.test:80",), encrypted=("127.0.0.2:443",))
    with Registry(settings=settings) as registry:
        assert registry.repository(text).base.partition(":")[0] == scheme


def test_a_server_that_a_redirect_leads_to_cannot_ask_for_the_password() -> None:
    with (
        LocalRegistry(auth="basic", username="u", password="s3cret") as local,
        LocalRegistry(auth="bearer", username="x", password="y") as store,
    ):
        repository = open_repository(local, credentials={local.host: ("u", "s3cret")})
        push(repository)
        local.redirect("/blobs/", f"{store.url}/v2/x/y/blobs/{BLOB.digest}", method="GET")
        with pytest.raises(Unauthorized), repository.open(BLOB):
            pass
        assert [r.path for r in store.requests] == [f"/v2/x/y/blobs/{BLOB.digest}"]
        secret = base64.b64encode(b"u:s3cret").decode()
        assert all(secret not in str(r.headers) for r in store.requests)
