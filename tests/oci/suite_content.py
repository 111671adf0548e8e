"""What a client does with manifests and blobs, in any registry."""

from __future__ import annotations

import hashlib
import io
import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.oci.cutting import Cutting
from tests.oci.under_test import watch

from provenance.digests import Digest
from provenance.errors import ContentMismatch, NotFound
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import read_blob
from provenance.oci.uploading import PUSH

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oci.under_test import UnderTest

    from provenance.oci.registry_repository import RegistryRepository

__all__ = ["Content", "push_artifact"]

MIB = 1 << 20
CONTENT = Descriptor.of(b"content", "text/plain")
LARGE = random.Random(1).randbytes(5 * MIB)
LARGE_BLOB = Descriptor.of(LARGE, mt.LAYER)
IMAGES = pytest.mark.parametrize("media_type", sorted(mt.MANIFESTS - {mt.OCI_ARTIFACT}))
INDEXES = pytest.mark.parametrize("media_type", sorted(mt.INDEXES))


def push_artifact(repository: RegistryRepository, tag: str | None = "1", **more: Any) -> Descriptor:
    """A manifest of one blob, `CONTENT`; `more` as `Manifest.build` takes it."""
    repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
    repository.push_blob(b"content", CONTENT)
    built = Manifest.build(EMPTY_DESCRIPTOR, [CONTENT], **more)
    return repository.push_manifest(built, tag=tag)


class Manifests:
    """Stored, named and read: every kind of manifest."""

    @IMAGES
    def test_an_image_is_resolved_by_tag_and_by_digest_as_it_is_read(
        self, registry: UnderTest, media_type: str
    ) -> None:
        repository = registry.open()
        pushed = push_artifact(repository, media_type=media_type)
        self._is_found(repository, pushed)
        found = repository.manifest("1")
        assert isinstance(found, Manifest)
        assert found.layers == (CONTENT,)

    @INDEXES
    def test_an_index_is_resolved_by_tag_and_by_digest_as_it_is_read(
        self, registry: UnderTest, media_type: str
    ) -> None:
        repository = registry.open()
        kind = mt.OCI_MANIFEST if media_type == mt.OCI_INDEX else mt.DOCKER_MANIFEST
        child = push_artifact(repository, None, media_type=kind)
        here = Platform("linux", "arm64", "v8")
        entry = Descriptor(child.media_type, child.digest, child.size, platform=here)
        pushed = repository.push_manifest(Index.build([entry], media_type=media_type), tag="1")
        self._is_found(repository, pushed)
        found = repository.manifest("1")
        assert isinstance(found, Index)
        assert found.manifests == (entry,)
        assert repository.manifest(entry).descriptor.digest == child.digest

    def _is_found(self, repository: RegistryRepository, pushed: Descriptor) -> None:
        named = (pushed.media_type, pushed.digest, pushed.size)
        for target in ("1", pushed.digest):
            found = repository.resolve(target)
            assert (found.media_type, found.digest, found.size) == named
            read = repository.manifest(target).descriptor
            assert (read.media_type, read.digest, read.size) == named

    def test_an_artifact_manifest_is_read(self, registry: UnderTest) -> None:
        repository = registry.open()
        repository.push_blob(b"content", CONTENT)
        document = {
            "mediaType": mt.OCI_ARTIFACT,
            "artifactType": "text/x-notes",
            "blobs": [CONTENT.to_json()],
        }
        raw = json.dumps(document).encode()
        headers = {"Content-Type": mt.OCI_ARTIFACT}
        path = "manifests/1"
        with repository.send("PUT", path, actions=PUSH, headers=headers, body=raw) as answer:
            assert (answer.status == 201) == registry.takes.artifact_manifests, answer.status
        if not registry.takes.artifact_manifests:
            return
        found = repository.manifest(repository.resolve("1"))
        assert isinstance(found, Manifest)
        assert (found.artifact_type, found.layers) == ("text/x-notes", (CONTENT,))

    def test_an_empty_config_and_a_type_of_its_own_are_kept(self, registry: UnderTest) -> None:
        repository = registry.open()
        notes = {"org.example.note": "naïve \N{SNOWMAN}"}
        pushed = push_artifact(repository, artifact_type="text/x-notes", annotations=notes)
        found = repository.manifest(pushed.digest)
        assert (found.artifact_type, dict(found.annotations)) == ("text/x-notes", notes)

    def test_a_manifest_named_by_sha512_is_read_by_that_name(self, registry: UnderTest) -> None:
        repository = registry.open()
        # Other bytes than what is there under its sha256.
        raw = repository.manifest(push_artifact(repository)).raw + b"\n"
        name = Digest.of(raw, "sha512")
        headers = {"Content-Type": mt.OCI_MANIFEST}
        path = f"manifests/{name}"
        with repository.send("PUT", path, actions=PUSH, headers=headers, body=raw) as answer:
            assert (answer.status == 201) == registry.takes.sha512_manifests, answer.status
        if registry.takes.sha512_manifests:
            assert repository.resolve(name).digest == name
            assert repository.manifest(name).raw == raw

    def test_what_is_not_there_is_not_found(self, registry: UnderTest) -> None:
        repository = registry.open()
        push_artifact(repository)
        for target in ("2", Digest.of(b"something else")):
            with pytest.raises(NotFound, match="has no manifest"):
                repository.resolve(target)
            with pytest.raises(NotFound, match="has no manifest"):
                repository.manifest(target)
        absent = Descriptor.of(b"something else", "text/plain")
        with pytest.raises(NotFound, match="has no blob"), repository.open(absent):
            pass
        assert not repository.holds(absent)

    def test_a_repository_that_is_not_there_is_not_found(self, registry: UnderTest) -> None:
        repository = registry.open("team/of-nobody")
        with pytest.raises(NotFound, match="has no manifest"):
            repository.resolve("1")
        with pytest.raises(NotFound, match="has no blob"), repository.open(CONTENT):
            pass
        assert not repository.holds(CONTENT)
        assert len(repository.referrers(Digest.of(b"x"))) == 0
        if registry.takes.names_missing:
            with pytest.raises(NotFound, match="has no list of tags"):
                repository.tags()
        else:
            assert repository.tags() == ()

    def test_sixteen_threads_see_the_same(self, registry: UnderTest) -> None:
        repository = registry.open()
        pushed = push_artifact(repository)
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda _: repository.resolve("1").digest, range(64)))
        assert set(found) == {pushed.digest}


class Blobs:
    """Sent and read: whole, in parts, broken off, mounted."""

    @pytest.mark.parametrize("size", [0, 1], ids=["no byte", "one byte"])
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_a_small_blob(self, registry: UnderTest, size: int, algorithm: str) -> None:
        data = b"x" * size
        blob = Descriptor("text/plain", Digest.of(data, algorithm), size)
        repository = registry.open()
        repository.push_blob(data, blob)
        assert repository.holds(blob)
        assert read_blob(repository, blob, limit=10) == data

    def test_twenty_megabytes_are_streamed_and_proven(
        self, registry: UnderTest, tmp_path: Path
    ) -> None:
        path, source = tmp_path / "layer", random.Random(2)
        with path.open("wb") as file:
            for _ in range(20):
                file.write(source.randbytes(MIB))
        with path.open("rb") as file:
            digest = Digest(f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}")
            blob = Descriptor(mt.LAYER, digest, 20 * MIB)
            repository = registry.open()
            moved: list[int] = []
            repository.push_blob(file, blob, progress=moved.append)
        assert sum(moved) == blob.size
        found, largest = hashlib.sha256(), 0
        with repository.open(blob) as stream:
            while chunk := stream.read(MIB):
                found.update(chunk)
                largest = max(largest, len(chunk))
            assert stream.proven
        assert found.hexdigest() == digest.hex
        assert largest <= MIB

    def test_what_is_there_is_not_sent_again(self, registry: UnderTest) -> None:
        repository = registry.open()
        first = push_artifact(repository)
        again = registry.again(repository)
        asked = watch(again.registry)
        moved: list[int] = []
        again.push_blob(io.BytesIO(b"content"), CONTENT, progress=moved.append)
        assert push_artifact(again) == first
        kinds = asked.kinds()
        assert (kinds["POST uploads"], kinds["PUT uploads"], kinds["PATCH uploads"]) == (0, 0, 0)
        assert moved == []

    def test_altered_content_is_not_stored(self, registry: UnderTest) -> None:
        repository = registry.open()
        for size in (7, 5 * MIB):
            right = Descriptor.of(bytes(size), "text/plain")
            with pytest.raises(ContentMismatch, match="hashes to"):
                repository.push_blob(io.BytesIO(b"!" * size), right)
            assert not repository.holds(right)

    def test_a_blob_goes_in_parts_where_that_is_asked(self, registry: UnderTest) -> None:
        repository = registry.open(upload_chunk=MIB)
        asked = watch(repository.registry)
        repository.push_blob(io.BytesIO(LARGE), LARGE_BLOB)
        assert asked.kinds()["PATCH uploads"] == 5
        assert read_blob(repository, LARGE_BLOB, limit=10 * MIB) == LARGE

    @pytest.mark.parametrize("chunk", [0, MIB], ids=["whole", "in parts"])
    def test_an_upload_that_broke_off_is_finished(self, registry: UnderTest, chunk: int) -> None:
        with Cutting(registry.host, up=3 * MIB + 1000) as line:
            repository = registry.elsewhere(line.host).open(upload_chunk=chunk)
            push_artifact(repository)  # logged in by this, where one must be
            asked = watch(repository.registry)
            moved: list[int] = []
            repository.push_blob(io.BytesIO(LARGE), LARGE_BLOB, progress=moved.append)
            assert line.cuts == 1
            assert sum(moved) == len(LARGE)
            assert read_blob(repository, LARGE_BLOB, limit=10 * MIB) == LARGE
        started = asked.kinds()["POST uploads"]
        assert started == (1 if registry.takes.uploads_go_on else 2)

    def test_a_download_that_broke_off_goes_on_where_it_stopped(self, registry: UnderTest) -> None:
        repository = registry.open()
        repository.push_blob(LARGE, LARGE_BLOB)
        with Cutting(registry.host, down=3 * MIB) as line:
            seen = registry.elsewhere(line.host)
            again = seen.open(repository.reference.repository)
            asked = watch(again.registry)
            assert read_blob(again, LARGE_BLOB, limit=10 * MIB) == LARGE
            assert line.cuts == (0 if registry.takes.redirects_blobs else 1)
        if registry.takes.redirects_blobs:
            return  # by another line
        (resumed,) = (call.range for call in asked if call.range)
        start = int(resumed.removeprefix("bytes=").removesuffix("-"))
        assert 2 * MIB < start <= 3 * MIB, "what came before the break is not fetched again"

    def test_a_blob_is_mounted_from_a_neighbour(self, registry: UnderTest) -> None:
        session = registry.session()
        source, target = (session.repository(registry.open().name) for _ in range(2))
        source.push_blob(LARGE, LARGE_BLOB)
        push_artifact(target)
        asked = watch(session)
        assert target.mount(LARGE_BLOB, source)
        assert asked.kinds()["PUT uploads"] == asked.kinds()["PATCH uploads"] == 0
        assert target.holds(LARGE_BLOB)
        assert read_blob(target, LARGE_BLOB, limit=10 * MIB) == LARGE

    def test_what_the_neighbour_has_not_is_not_mounted(self, registry: UnderTest) -> None:
        session = registry.session()
        source, target = (session.repository(registry.open().name) for _ in range(2))
        push_artifact(source)
        assert not target.mount(LARGE_BLOB, source)
        assert not target.holds(LARGE_BLOB)
        target.push_blob(LARGE, LARGE_BLOB)
        assert target.holds(LARGE_BLOB)


class Content(Manifests, Blobs):
    """Both."""
