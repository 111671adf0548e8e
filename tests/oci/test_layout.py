from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag, read_blob

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.digests import Digest

BLOB = Descriptor.of(b"content", "text/plain")


def push(layout: LayoutRepository, tag: str | None = "1", **more: Any) -> Descriptor:
    layout.push_blob(b"content", BLOB)
    layout.push_blob(b"{}", EMPTY_DESCRIPTOR)
    return layout.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [BLOB], **more), tag=tag)


def blob(layout: LayoutRepository, digest: Digest) -> Path:
    return layout.directory / "blobs" / digest.algorithm / digest.hex


def plain(found: Descriptor) -> Descriptor:
    return Descriptor(found.media_type, found.digest, found.size)


@pytest.fixture
def layout(tmp_path: Path) -> LayoutRepository:
    return LayoutRepository(tmp_path / "layout")


def test_a_pipe_is_not_waited_for(layout: LayoutRepository) -> None:
    push(layout)
    for path in (blob(layout, BLOB.digest), layout.directory / "index.json"):
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(NotFound, match="no regular file"):
        read_blob(layout, BLOB, limit=10)
    with pytest.raises(NotFound, match="no regular file"):
        layout.tags()


def test_links_in_a_loop_are_told(layout: LayoutRepository) -> None:
    push(layout)
    path = blob(layout, BLOB.digest)
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(NotFound) as refused:
        read_blob(layout, BLOB, limit=10)
    assert refused.value.digest == BLOB.digest


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_no_file_of_a_layout_leads_out_of_it(
    layout: LayoutRepository, tmp_path: Path, name: str
) -> None:
    push(layout)
    path = layout.directory / name
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(ContentMismatch, match="leads out"):
        layout.tags()


def test_a_folder_that_is_no_layout_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(InvalidReference, match="neither empty"):
        push(LayoutRepository(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RegistryUnavailable, match="cannot be written to"):
        push(LayoutRepository(tmp_path / "file"))


def test_writers_that_begin_at_once_lose_nothing(layout: LayoutRepository) -> None:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            push(layout, f"t{number}")
        except BaseException as error:  # noqa: BLE001 - told by the assertion
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(layout.tags()) == {f"t{n}" for n in range(12)}


def test_a_damaged_manifest_is_stored_again(layout: LayoutRepository) -> None:
    pushed = push(layout)
    blob(layout, pushed.digest).write_bytes(b"x" * pushed.size)
    push(layout)
    assert layout.manifest("1").descriptor.digest == pushed.digest


def test_what_others_wrote_in_the_index_stays(layout: LayoutRepository) -> None:
    push(layout)
    path = layout.directory / "index.json"
    document = json.loads(path.read_bytes())
    document["annotations"] = {"k": "v"}
    document["manifests"][0]["x-other"] = [1]
    path.write_text(json.dumps(document))
    push(layout, "2", annotations={"n": "2"})
    after = json.loads(path.read_bytes())
    assert after["annotations"] == {"k": "v"}
    assert after["manifests"][0] == document["manifests"][0]
    assert len(after["manifests"]) == 2


def test_a_referrer_whose_name_moves_on_stays_listed(layout: LayoutRepository) -> None:
    subject = push(layout)
    referrer = push(layout, "sbom", subject=subject, artifact_type="text/x")
    push(layout, "sbom", annotations={"n": "2"})
    assert [d.digest for d in layout.referrers(subject.digest)] == [referrer.digest]


@pytest.mark.parametrize("tag", ["a b", "a\x1b[31m", "\ud800", "x" * 300])
def test_a_name_outside_the_grammar_is_not_written(layout: LayoutRepository, tag: str) -> None:
    with pytest.raises(InvalidReference):
        push(layout, tag)
    assert not (layout.directory / "index.json").exists()


def test_an_image_of_another_name_is_another_image(layout: LayoutRepository) -> None:
    push(layout, "1.2")
    with pytest.raises(NotFound, match=r"names are 1\.2"):
        layout.resolve("latest")


def test_without_a_name_the_image_is_meant_and_not_what_lies_beside_it(
    layout: LayoutRepository,
) -> None:
    image = push(layout)
    push(layout, digest_tag(image.digest, "sig"), annotations={"n": "2"})
    assert layout.resolve("").digest == image.digest


def test_a_listed_manifest_that_is_not_there_is_no_proof_of_absence(
    layout: LayoutRepository,
) -> None:
    subject = push(layout)
    referrer = push(layout, None, subject=subject, artifact_type="text/x")
    blob(layout, referrer.digest).unlink()
    with pytest.raises(RegistryUnavailable, match="incomplete") as refused:
        layout.referrers(subject.digest)
    assert refused.value.digest == referrer.digest


def test_a_platform_that_was_not_copied_has_no_say(layout: LayoutRepository) -> None:
    image = push(layout, None)
    absent = Descriptor.of(b"not here", "application/vnd.oci.image.manifest.v1+json")
    layout.push_manifest(Index.build([plain(image), absent]), tag="1")
    assert len(layout.referrers(image.digest)) == 0


def test_a_fallback_entry_of_no_clear_type_is_kept(layout: LayoutRepository) -> None:
    subject = push(layout)
    other = push(layout, None, artifact_type="text/x")
    # cosign #4641
    listed = Descriptor(
        other.media_type,
        other.digest,
        other.size,
        artifact_type="application/vnd.oci.empty.v1+json",
    )
    layout.push_manifest(Index.build([listed]), tag=digest_tag(subject.digest))
    assert len(layout.referrers(subject.digest, artifact_type="text/x")) == 1


def test_a_fallback_name_that_holds_no_index_is_told(layout: LayoutRepository) -> None:
    subject = push(layout)
    push(layout, digest_tag(subject.digest), annotations={"n": "2"})
    with pytest.raises(MalformedDocument, match="index belongs"):
        layout.referrers(subject.digest)


def test_indexes_nested_too_deeply_do_not_read_as_empty(layout: LayoutRepository) -> None:
    subject = push(layout)
    index = Index.build([plain(push(layout, None, annotations={"n": "2"}))])
    for _ in range(6):
        layout.push_blob(index.raw, plain(index.descriptor))
        index = Index.build([plain(index.descriptor)])
    layout.push_manifest(index, tag="deep")
    with pytest.raises(LimitExceeded, match="deep"):
        layout.referrers(subject.digest)


GOOD = {
    "busybox-musl-amd64": 1,
    "busybox-uclibc-arm64v8": 1,
    "oci-layouts/containers-image/delete_image_two_identical_references": 2,
    "oci-layouts/go-containerregistry/test_index_media_type": 1,
    "oci-layouts/go-containerregistry/test_index_one_image": 1,
    "oci-layouts/stereoscope/multiplatform_oci_dir": 3,
    "oci-layouts/stereoscope/valid_oci_dir": 1,
    "oci-layouts/trivy/test.oci": 1,
    "oci-layouts/trivy/test_image_tag.oci": 1,
}
BAD: dict[str, tuple[type[ProvenanceError], str]] = {
    "oci-layouts/trivy/test_bad_index_json.oci": (MalformedDocument, "no JSON"),
    "oci-layouts/trivy/test_no_valid_manifests.oci": (UnsupportedFormat, "schemaVersion"),
    "oci-layouts/trivy/test_invalid_oci_image.oci": (NotFound, "no blob"),
    "oci-layouts/stereoscope/invalid_file": (NotFound, "oci-layout"),
    "oci-layouts/stereoscope/no_manifests": (NotFound, "oci-layout"),
    # descriptors in these state sizes their blobs do not have
    "oci-layouts/containers-image/delete_image_multiple_images": (ContentMismatch, "585"),
    "oci-layouts/containers-image/delete_image_only_one_image": (ContentMismatch, "585"),
    # an entry that calls a Docker manifest an OCI one
    "oci-layouts/go-containerregistry/test_index": (MalformedDocument, "was named as"),
}


def read_whole(layout: LayoutRepository) -> int:
    """Every manifest and every blob of it, hashed."""
    count = 0
    for descriptor in layout._contents.all():
        manifest = layout.manifest(descriptor)
        count += 1
        if isinstance(manifest, Manifest):
            for part in (manifest.config, *manifest.layers):
                with layout.open(part) as stream:
                    stream.finish()
    return count


@pytest.mark.corpus
@pytest.mark.parametrize("name", GOOD)
def test_good_layouts_are_read_to_the_last_byte(corpus: Path, name: str) -> None:
    assert read_whole(LayoutRepository(corpus / "images" / name)) == GOOD[name]


@pytest.mark.corpus
@pytest.mark.parametrize("name", BAD)
def test_broken_layouts_are_refused_for_what_is_broken(corpus: Path, name: str) -> None:
    kind, words = BAD[name]
    with pytest.raises(kind, match=words):
        read_whole(LayoutRepository(corpus / "images" / name))
