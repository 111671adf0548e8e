from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, push

from provenance.errors import (
    ContentMismatch,
    Forbidden,
    InvalidReference,
    MalformedDocument,
    NotFound,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR
from provenance.oci.manifest import Manifest
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.oci.repository import read_blob
from provenance.settings import Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.oci.registry_repository import RegistryRepository


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
        assert repository.learnt.referrers_api is True  # the registry itself was asked then
        first = repository.registry.mirrors.places(repository.reference)[0]
        assert repository.registry.learnt(first).referrers_api is False


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
        with pytest.raises(NotFound, match=f"asked before it: {mirror.host}.*wants a login"):
            only.resolve("1")
        assert all(r.headers["Authorization"] is None for r in mirror.requests)


class TestFailover:
    """The places are asked in their order; the last is the registry itself."""

    def test_what_a_mirror_lacks_the_registry_has(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            pushed = push(open_repository(origin))
            repository = open_repository(origin, mirrors={origin.host: mirror.host})
            assert repository.resolve("1").digest == pushed.digest
            assert read_blob(repository, BLOB, limit=100) == b"content"
            assert {r.status for r in mirror.requests} == {404}

    @pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
    def test_a_mirror_that_does_not_answer_is_passed_over(self, status: int) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            pushed = push(open_repository(origin))
            mirror.fail("/v2/", status)
            repository = open_repository(origin, mirrors={origin.host: mirror.host})
            assert repository.resolve("1").digest == pushed.digest

    def test_a_mirror_that_is_gone_is_passed_over_and_named(self) -> None:
        with LocalRegistry() as mirror:
            gone = mirror.host
        with LocalRegistry() as origin:
            push(open_repository(origin))
            repository = open_repository(origin, mirrors={origin.host: gone})
            assert repository.resolve("1").size
            with pytest.raises(NotFound, match=f"asked before it: {gone}/org/app"):
                repository.resolve("2")

    def test_a_registry_that_is_gone_makes_no_absence_of_a_mirror_s_silence(self) -> None:
        with LocalRegistry() as origin:
            reference = Reference.parse(origin.reference("org/app:1"))
        with (
            LocalRegistry() as mirror,
            Registry(settings=QUICK, mirrors={reference.registry: mirror.host}) as registry,
        ):
            repository = registry.repository(reference)
            with pytest.raises(RegistryUnavailable, match="cannot be reached"):
                repository.resolve("1")
            with pytest.raises(RegistryUnavailable, match="cannot be reached"):
                repository.referrers(BLOB.digest)

    def test_altered_content_is_the_last_word(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            pushed = push(open_repository(origin))
            push(open_repository(mirror))
            mirror.tamper(pushed.digest, lambda raw: raw + b" ")
            mirror.tamper(BLOB.digest, bytes.upper)
            repository = open_repository(origin, mirrors={origin.host: mirror.host})
            with pytest.raises(ContentMismatch, match=f"{origin.host}/org/app"):
                repository.manifest(pushed.digest)
            with pytest.raises(ContentMismatch, match=f"{origin.host}/org/app"):
                read_blob(repository, BLOB, limit=100)

    def test_that_a_mirror_lists_no_referrers_says_nothing(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            subject = push(open_repository(origin))
            push(open_repository(mirror))
            referrer = push(open_repository(origin), None, subject=subject, artifact_type="text/a")
            repository = open_repository(origin, mirrors={origin.host: mirror.host})
            assert [d.digest for d in repository.referrers(subject.digest)] == [referrer.digest]

    def test_what_a_mirror_lists_is_not_all_there_is(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            subject = push(open_repository(origin))
            push(open_repository(mirror))
            both = [
                push(open_repository(place), None, subject=subject, artifact_type=kind).digest
                for place, kind in ((origin, "text/a"), (mirror, "text/b"))
            ]
            repository = open_repository(origin, mirrors={origin.host: mirror.host})
            assert [d.digest for d in repository.referrers(subject.digest)] == both
            origin.fail("/referrers/", 503)
            with pytest.raises(RegistryUnavailable):
                repository.referrers(subject.digest)
            found = repository.referrers_of_mirrors(subject.digest)
            assert [d.digest for d in found] == both[1:]

    def test_part_of_a_registry_is_mirrored_below_another_path(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            pushed = push(open_repository(mirror, name="cache/app:1"))
            mirrors = {f"{origin.host}/org": f"{mirror.host}/cache"}
            repository = open_repository(origin, mirrors=mirrors)
            assert repository.resolve("1").digest == pushed.digest
            assert repository.name == f"{origin.host}/org/app"


class TestRegistriesConf:
    """What the machine's file says holds for every session."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = tmp_path / "registries.conf"
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(self.path))

    def test_a_blocked_registry_is_neither_read_nor_written(
        self, local_registry: LocalRegistry
    ) -> None:
        self.path.write_text(f'[[registry]]\nlocation = "{local_registry.host}"\nblocked = true\n')
        with pytest.raises(Forbidden, match=r"blocked by .*registries\.conf"):
            open_repository(local_registry)
        assert not local_registry.requests

    def test_digests_alone_are_asked_of_a_mirror_for_digests(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as mirror:
            pushed = push(open_repository_without(self.path, origin))
            push(open_repository_without(self.path, mirror))
            self.path.write_text(
                f'[[registry]]\nlocation = "{origin.host}"\n[[registry.mirror]]\n'
                f'location = "{mirror.host}"\npull-from-mirror = "digest-only"\n'
            )
            for registry in (origin, mirror):
                registry.clear_requests()
            repository = open_repository(origin)
            repository.resolve("1")
            assert (len(origin.requests), len(mirror.requests)) == (1, 0)
            repository.manifest(pushed.digest)
            assert (len(origin.requests), len(mirror.requests)) == (1, 1)

    def test_a_name_that_leads_elsewhere_is_read_there_and_written_where_it_says(self) -> None:
        with LocalRegistry() as origin, LocalRegistry() as other:
            self.path.write_text(
                f'[[registry]]\nprefix = "{origin.host}/org"\nlocation = "{other.host}/new"\n'
            )
            pushed = push(open_repository(origin))
            assert origin.tags["org/app"]["1"] == pushed.digest
            with pytest.raises(NotFound):
                open_repository(origin).resolve("1")
            push(open_repository_without(self.path, other, "new/app:1"))
            self.path.write_text(
                f'[[registry]]\nprefix = "{origin.host}/org"\nlocation = "{other.host}/new"\n'
            )
            origin.clear_requests()
            assert open_repository(origin).resolve("1").digest == pushed.digest
            assert open_repository(origin).tags() == ("1",)
            assert not origin.requests

    def test_a_file_that_cannot_be_read_may_forbid(self, local_registry: LocalRegistry) -> None:
        self.path.write_text("[[registry]\n")
        with pytest.raises(MalformedDocument, match=r"registries\.conf"):
            open_repository(local_registry)


def open_repository_without(
    path: Path, registry: LocalRegistry, name: str = "org/app:1"
) -> RegistryRepository:
    path.write_text("")
    return open_repository(registry, name=name)


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
        with pytest.raises(RegistryUnavailable, match="answered 401"), repository.open(BLOB):
            pass
        assert [r.path for r in store.requests] == [f"/v2/x/y/blobs/{BLOB.digest}"]
        secret = base64.b64encode(b"u:s3cret").decode()
        assert all(secret not in str(r.headers) for r in store.requests)
