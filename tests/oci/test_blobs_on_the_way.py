"""Blobs that break off, come in parts, are altered, or need not move at all."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, paths, push

from provenance.digests import VerifiedReader
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    NotFound,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Manifest
from provenance.oci.repository import Deletes, Holds, Mounts, digest_tag, read_blob
from provenance.settings import Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENT = Settings(retries=2, retry_wait=0.01, timeout=5)
IN_PARTS = Settings(retries=2, retry_wait=0.01, timeout=5, upload_chunk=1 << 20)
LARGE = bytes(range(256)) * (5 << 12)  # 5 MiB, each part unlike the others' offsets
LARGE_BLOB = Descriptor.of(LARGE, "application/octet-stream")


def ranges(local: LocalRegistry) -> list[str | None]:
    return [r.headers["Range"] for r in local.requests if "/blobs/" in r.path]


class TestDownloads:
    def test_what_broke_off_goes_on_where_it_stopped(self, local_registry: LocalRegistry) -> None:
        local_registry.put_blob("org/app", LARGE)
        local_registry.truncate(LARGE_BLOB.digest, 1000, times=1)
        repository = open_repository(local_registry, settings=PATIENT)
        assert read_blob(repository, LARGE_BLOB, limit=1 << 30) == LARGE
        assert ranges(local_registry) == [None, "bytes=1000-"]

    def test_what_breaks_off_each_time_is_no_content(self, local_registry: LocalRegistry) -> None:
        local_registry.put_blob("org/app", LARGE)
        local_registry.truncate(LARGE_BLOB.digest, 1000)
        repository = open_repository(local_registry, settings=PATIENT)
        with pytest.raises((RegistryUnavailable, ContentMismatch), match=r"broke off|ends after"):
            read_blob(repository, LARGE_BLOB, limit=1 << 30)
        assert len(ranges(local_registry)) == 1 + PATIENT.retries

    def test_one_that_is_not_there_any_more_is_not_told_as_absent(
        self, local_registry: LocalRegistry
    ) -> None:
        local_registry.put_blob("org/app", LARGE)
        local_registry.truncate(LARGE_BLOB.digest, 1000, times=1)
        repository = open_repository(local_registry, settings=PATIENT)
        with repository.open(LARGE_BLOB) as stream:
            assert stream.read(1000)
            local_registry.fail(LARGE_BLOB.digest, 404)
            with pytest.raises(RegistryUnavailable, match="after 1000 bytes, and then was not"):
                stream.finish()

    def test_a_blob_that_is_shorter_than_its_descriptor_is_no_match(
        self, local_registry: LocalRegistry
    ) -> None:
        local_registry.put_blob("org/app", b"conte", digest=BLOB.digest)
        repository = open_repository(local_registry, settings=PATIENT)
        with pytest.raises(ContentMismatch, match="ends after 5 of 7 bytes"):
            read_blob(repository, BLOB, limit=100)


class TestUploads:
    def test_it_comes_in_parts_where_that_is_asked(self, local_registry: LocalRegistry) -> None:
        repository = open_repository(local_registry, settings=IN_PARTS)
        told: list[int] = []
        repository.push_blob(io.BytesIO(LARGE), LARGE_BLOB, progress=told.append)
        sent = [
            (r.method, r.headers["Content-Range"])
            for r in local_registry.requests
            if "uploads" in r.path
        ]
        mib = 1 << 20
        parts = [("PATCH", f"{n * mib}-{(n + 1) * mib - 1}") for n in range(5)]
        assert sent == [("POST", None), *parts, ("PUT", None)]
        assert sum(told) == len(LARGE)
        assert local_registry.blobs["org/app"][LARGE_BLOB.digest] == LARGE

    def test_a_part_that_broke_is_sent_again_and_no_other(
        self, local_registry: LocalRegistry
    ) -> None:
        repository = open_repository(local_registry, settings=IN_PARTS)
        # Three parts arrive; the answer to the third is lost.
        fault = local_registry.disconnect("/blobs/uploads/", method="PATCH", after=True, times=1)
        told: list[int] = []
        repository.push_blob(io.BytesIO(LARGE), LARGE_BLOB, progress=told.append)
        assert fault.hits == 1
        assert local_registry.blobs["org/app"][LARGE_BLOB.digest] == LARGE
        starts = [
            r.headers["Content-Range"] for r in local_registry.requests if r.method == "PATCH"
        ]
        assert len(starts) == len(set(starts)) == 5
        assert sum(told) == len(LARGE)

    @pytest.mark.parametrize("settings", [QUICK, IN_PARTS], ids=["whole", "in parts"])
    def test_altered_content_is_never_stored(
        self, local_registry: LocalRegistry, settings: Settings
    ) -> None:
        repository = open_repository(local_registry, settings=settings)
        altered = LARGE[:-1] + b"!"
        with pytest.raises(ContentMismatch, match="hashes to"):
            repository.push_blob(io.BytesIO(altered), LARGE_BLOB)
        assert not local_registry.blobs["org/app"]
        assert not local_registry.store.uploads, "the upload was given up"

    def test_a_source_that_can_be_opened_anew(self, local_registry: LocalRegistry) -> None:
        opened = 0

        @contextmanager
        def source() -> Iterator[VerifiedReader]:
            nonlocal opened
            opened += 1
            yield VerifiedReader(io.BytesIO(LARGE), LARGE_BLOB.digest, len(LARGE))

        local_registry.disconnect("/blobs/uploads/", method="PUT", times=1)
        repository = open_repository(local_registry, settings=PATIENT)
        repository.push_blob(source, LARGE_BLOB)
        assert opened == 2
        assert local_registry.blobs["org/app"][LARGE_BLOB.digest] == LARGE

    def test_a_registry_that_takes_no_such_size_at_once(
        self, local_registry: LocalRegistry
    ) -> None:
        local_registry.fail("/blobs/uploads/", 413, method="PUT")
        with pytest.raises(LimitExceeded, match=r"at once.*upload_chunk"):
            open_repository(local_registry).push_blob(io.BytesIO(LARGE), LARGE_BLOB)

    def test_a_login_that_ends_before_the_content_is_sent(self) -> None:
        with LocalRegistry(auth="bearer", username="u", password="p", token_lifetime=2) as local:
            repository = open_repository(
                local, settings=PATIENT, credentials={local.host: ("u", "p")}
            )
            repository.push_blob(io.BytesIO(LARGE), LARGE_BLOB)
            assert local.blobs["org/app"][LARGE_BLOB.digest] == LARGE


class TestMounts:
    def test_a_blob_is_taken_from_a_neighbour(self, local_registry: LocalRegistry) -> None:
        local_registry.put_blob("org/other", b"content")
        repository = open_repository(local_registry)
        assert isinstance(repository, Mounts)
        assert isinstance(repository, Holds)
        assert not repository.holds(BLOB)
        assert repository.mount(BLOB, open_repository(local_registry, name="org/other"))
        assert repository.holds(BLOB)
        assert [p for p in paths(local_registry) if p.startswith(("POST", "PUT"))] == [
            "POST blobs/uploads/"
        ]

    def test_one_that_is_not_there_is_not_mounted_and_leaves_no_upload(
        self, local_registry: LocalRegistry
    ) -> None:
        repository = open_repository(local_registry)
        assert not repository.mount(BLOB, open_repository(local_registry, name="org/other"))
        assert not local_registry.store.uploads

    def test_another_registry_s_blobs_are_not_asked_for(
        self, local_registry: LocalRegistry
    ) -> None:
        with LocalRegistry() as other:
            other.put_blob("org/app", b"content")
            assert not open_repository(local_registry).mount(BLOB, open_repository(other))
        assert not local_registry.requests


class TestDeletes:
    def test_a_manifest_goes_with_its_tags(self, local_registry: LocalRegistry) -> None:
        repository = open_repository(local_registry)
        assert isinstance(repository, Deletes)
        digest = push(repository).digest
        repository.delete(digest)
        with pytest.raises(NotFound):
            repository.resolve("1")
        with pytest.raises(NotFound):
            repository.delete(digest)

    def test_a_tag_goes_alone(self, local_registry: LocalRegistry) -> None:
        repository = open_repository(local_registry)
        found = push(repository)
        repository.tag(found, "2")
        repository.delete("1")
        assert repository.tags() == ("2",)
        assert repository.resolve("2").digest == found.digest
        with pytest.raises(NotFound):
            repository.delete("1")

    def test_a_tag_goes_where_tags_cannot_be_named(self, local_registry: LocalRegistry) -> None:
        # distribution 2.8 answers 400 to a tag, and takes a digest.
        local_registry.fail("/manifests/1", 400, method="DELETE")
        repository = open_repository(local_registry)
        found = push(repository)
        repository.tag(found, "2")
        repository.delete("1")
        assert repository.tags() == ("2",)
        assert repository.resolve("2").digest == found.digest
        assert list(local_registry.manifests["org/app"]) == [found.digest]

    @pytest.mark.parametrize(
        ("status", "kind", "message"),
        [(405, UnsupportedFormat, "does not delete 1"), (503, RegistryUnavailable, "answered 503")],
        ids=["not allowed any more", "not available any more"],
    )
    def test_a_tag_that_could_not_be_removed_after_all_names_what_it_did(
        self, local_registry: LocalRegistry, status: int, kind: type[Exception], message: str
    ) -> None:
        local_registry.fail("/manifests/1", 400, method="DELETE")
        local_registry.fail("/manifests/sha256", status, method="DELETE", skip=1)
        repository = open_repository(local_registry)
        found = push(repository)
        with pytest.raises(kind, match=message):
            repository.delete("1")
        assert repository.resolve("1").digest == found.digest

    def test_a_tag_that_is_lost_is_told(self, local_registry: LocalRegistry) -> None:
        local_registry.fail("/manifests/1", 400, method="DELETE")
        local_registry.fail("/manifests/sha256", 405, method="DELETE", skip=1)
        repository = open_repository(local_registry)
        found = push(repository)
        local_registry.fail("/manifests/1", 503, method="PUT", skip=1)
        with pytest.raises(UnsupportedFormat, match="1 names an empty artifact now") as refused:
            repository.delete("1")
        assert str(found.digest) in refused.value.hint

    @pytest.mark.parametrize("target", ["1", "digest"])
    def test_a_registry_that_deletes_nothing_loses_nothing(self, target: str) -> None:
        with LocalRegistry(deletes=False) as local:
            repository = open_repository(local)
            found = push(repository)
            with pytest.raises(UnsupportedFormat, match="does not delete"):
                repository.delete(found.digest if target == "digest" else target)
            assert repository.resolve("1").digest == found.digest

    @pytest.mark.parametrize("api", [True, False], ids=["api", "fallback tag"])
    def test_a_referrer_is_not_listed_any_more(self, *, api: bool) -> None:
        with LocalRegistry(referrers_api=api) as local:
            repository = open_repository(local)
            subject = push(repository)
            kept = push(repository, None, subject=subject, artifact_type="text/a")
            gone = push(repository, None, subject=subject, artifact_type="text/b")
            repository.delete(gone.digest)
            found = open_repository(local).referrers(subject.digest)
            assert [d.digest for d in found] == [kept.digest]

    def test_what_others_wrote_into_a_fallback_entry_stays(self) -> None:
        with LocalRegistry(referrers_api=False) as local:
            repository = open_repository(local)
            subject = push(repository)
            made = Manifest.build(EMPTY_DESCRIPTOR, [BLOB], subject=subject)
            local.put_manifest("org/app", made.raw)
            other = made.descriptor
            entry = b'{"mediaType":"%s","digest":"%s","size":%d,"org.example":[1]}' % (
                other.media_type.encode(),
                other.digest.encode(),
                other.size,
            )
            index = (
                b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",'
                b'"x":1,"manifests":[' + entry + b"]}"
            )
            tag = digest_tag(subject.digest)
            local.put_manifest(
                "org/app", index, media_type="application/vnd.oci.image.index.v1+json", tag=tag
            )
            push(repository, None, subject=subject, artifact_type="text/a")
            after = local.manifests["org/app"][local.tags["org/app"][tag]].data
            assert entry in after
            assert b'"x":1' in after
