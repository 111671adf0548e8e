from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.image import resolve, zstd
from provenance.oci.archive import ArchiveRepository
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.docker_archive import DockerArchiveRepository
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Manifest
from provenance.oci.repository import Writable, read_blob
from provenance.settings import Limits
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

BLOB = Descriptor.of(b"content", "text/plain")


def push(layout: LayoutRepository, tag: str | None = "1", **more: Any) -> Descriptor:
    layout.push_blob(b"content", BLOB)
    layout.push_blob(b"{}", EMPTY_DESCRIPTOR)
    return layout.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [BLOB], **more), tag=tag)


def pack(folder: Path, target: Path, *, zipped: bool = False) -> Path:
    with tarfile.open(target, "w:gz" if zipped else "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, str(path.relative_to(folder)), recursive=False)
    return target


@pytest.fixture
def layout(tmp_path: Path) -> LayoutRepository:
    return LayoutRepository(tmp_path / "layout")


def test_what_was_pushed_is_read(layout: LayoutRepository) -> None:
    pushed = push(layout)
    assert isinstance(layout, Writable)
    assert layout.resolve("1").digest == pushed.digest
    assert layout.resolve(pushed.digest).digest == pushed.digest
    assert layout.manifest("1").raw == layout.manifest(pushed.digest).raw
    assert read_blob(layout, BLOB, limit=10) == b"content"
    assert layout.tags() == ("1",)
    index = json.loads((layout.directory / "index.json").read_bytes())
    assert index["manifests"][0]["annotations"] == {"org.opencontainers.image.ref.name": "1"}
    assert (
        json.loads((layout.directory / "oci-layout").read_bytes())["imageLayoutVersion"] == "1.0.0"
    )


def test_a_tag_moves_and_leaves_no_file_behind(layout: LayoutRepository) -> None:
    push(layout)
    second = push(layout, annotations={"n": "2"})
    assert layout.resolve("1").digest == second.digest
    assert list(layout.directory.rglob(".write-*")) == []


def test_referrers_lie_in_the_index(layout: LayoutRepository) -> None:
    subject = push(layout)
    referrer = push(layout, None, subject=subject, artifact_type="text/x", annotations={"k": "v"})
    (found,) = layout.referrers(subject.digest)
    assert (found.digest, found.artifact_type, dict(found.annotations)) == (
        referrer.digest,
        "text/x",
        {"k": "v"},
    )
    assert len(layout.referrers(subject.digest, artifact_type="other")) == 0


def test_two_writers_at_once_lose_nothing(layout: LayoutRepository) -> None:
    push(layout, "first")
    threads = [threading.Thread(target=push, args=(layout, f"t{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(layout.tags()) == {"first", *(f"t{n}" for n in range(8))}


def test_altered_blobs_are_not_returned(layout: LayoutRepository) -> None:
    pushed = push(layout)
    blobs = layout.directory / "blobs" / "sha256"
    (blobs / BLOB.digest.hex).write_bytes(b"c0ntent")
    with pytest.raises(ContentMismatch) as refused:
        read_blob(layout, BLOB, limit=10)
    assert refused.value.digest == BLOB.digest
    (blobs / pushed.digest.hex).write_bytes(b"{}")
    with pytest.raises(ContentMismatch):
        layout.manifest("1")


def test_a_link_out_of_the_layout_is_not_followed(layout: LayoutRepository, tmp_path: Path) -> None:
    push(layout)
    secret = tmp_path / "secret"
    secret.write_bytes(b"content")
    blob = layout.directory / "blobs" / "sha256" / BLOB.digest.hex
    blob.unlink()
    blob.symlink_to(secret)
    with pytest.raises(ContentMismatch, match="leads out"):
        read_blob(layout, BLOB, limit=10)


def test_what_is_no_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no OCI layout"):
        LayoutRepository(tmp_path / "absent").resolve("1")
    (tmp_path / "oci-layout").write_text("{}")
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(MalformedDocument):
        LayoutRepository(tmp_path).resolve("1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(InvalidReference, match="neither empty"):
        push(LayoutRepository(tmp_path / "other"))


def test_an_absent_name_lists_those_there_are(layout: LayoutRepository) -> None:
    push(layout, "a")
    push(layout, "b", annotations={"n": "2"})
    with pytest.raises(NotFound, match="a, b"):
        layout.resolve("c")
    with pytest.raises(InvalidReference, match="a, b"):
        layout.resolve("")


def test_a_name_may_be_a_whole_reference(layout: LayoutRepository) -> None:
    pushed = push(layout, "ghcr.io/org/app:1.2")
    push(layout, None, subject=pushed)
    for name in ("ghcr.io/org/app:1.2", "1.2", ""):
        assert layout.resolve(name).digest == pushed.digest


@pytest.mark.parametrize("zipped", [False, True])
def test_an_archive_of_a_layout_is_read_in_place(
    layout: LayoutRepository, tmp_path: Path, *, zipped: bool
) -> None:
    subject = push(layout)
    push(layout, None, subject=subject, artifact_type="text/x")
    file = pack(layout.directory, tmp_path / "a.tar", zipped=zipped)
    with ArchiveRepository(file) as archive:
        assert archive.resolve("1").digest == subject.digest
        assert read_blob(archive, BLOB, limit=10) == b"content"
        assert len(archive.referrers(subject.digest)) == 1
        assert archive.tags() == ("1",)


def test_a_cut_archive_and_a_bomb_are_refused(layout: LayoutRepository, tmp_path: Path) -> None:
    push(layout)
    whole = pack(layout.directory, tmp_path / "a.tar.gz", zipped=True).read_bytes()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MalformedDocument):
        ArchiveRepository(cut)
    bomb = tmp_path / "bomb.tar.gz"
    bomb.write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(LimitExceeded):
        ArchiveRepository(bomb, limits=Limits(pull_bytes=1000))
    with ArchiveRepository(tmp_path / "absent.tar") as absent, pytest.raises(NotFound):
        absent.tags()


@pytest.mark.parametrize("form", [bz2, lzma, zstd], ids=["bzip2", "xz", "zstd"])
def test_an_archive_that_is_compressed_in_another_way_says_which(
    form: Any, layout: LayoutRepository, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    push(layout)
    packed = tmp_path / "a.tar"
    packed.write_bytes(form.compress(pack(layout.directory, tmp_path / "b.tar").read_bytes()))
    with pytest.raises(UnsupportedFormat, match=f"by {request.node.callspec.id}:? .*decompress it"):
        ArchiveRepository(packed)


def docker_save(path: Path, *, tags: list[str], links: bool = False) -> list[bytes]:
    """By the specification: manifest.json, a config, a directory a layer."""
    layers = [_layer("etc/motd", b"one"), _layer("etc/issue", b"two")]
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": []}})
    with tarfile.open(path, "w") as archive:

        def add(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

        add("config.json", config.encode())
        add("1/layer.tar", layers[0])
        add("2/layer.tar", gzip.compress(layers[1], mtime=0))
        names = ["1/layer.tar", "2/layer.tar"]
        if links:
            link = tarfile.TarInfo("3/layer.tar")
            link.type, link.linkname = tarfile.SYMTYPE, "../1/layer.tar"
            archive.addfile(link)
            names[0] = "3/layer.tar"
        listed = [{"Config": "config.json", "RepoTags": tags, "Layers": names}]
        add("manifest.json", json.dumps(listed).encode())
    return layers


def _layer(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("links", [False, True])
def test_what_docker_save_writes_is_an_image(tmp_path: Path, *, links: bool) -> None:
    layers = docker_save(tmp_path / "a.tar", tags=["org/app:1"], links=links)
    with DockerArchiveRepository(tmp_path / "a.tar") as archive:
        manifest = archive.manifest("")
        assert isinstance(manifest, Manifest)
        assert manifest.layers[0].digest == Digest.of(layers[0])
        assert manifest.layers[1].media_type.endswith("gzip")
        assert archive.resolve("1") == archive.resolve("org/app:1") == manifest.descriptor
    image = resolve(f"docker-archive:{tmp_path / 'a.tar'}:org/app:1")
    assert image.digest is None
    assert image.file("/etc/issue").data == b"two"


def test_a_docker_archive_without_an_image_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.tar"
    with tarfile.open(empty, "w"):
        pass
    with (
        DockerArchiveRepository(empty) as archive,
        pytest.raises(NotFound, match=r"manifest\.json"),
    ):
        archive.resolve("")
    broken = tmp_path / "null.tar"
    with tarfile.open(broken, "w") as made:
        member = tarfile.TarInfo("manifest.json")
        member.size = 4
        made.addfile(member, io.BytesIO(b"null"))
    with DockerArchiveRepository(broken) as archive, pytest.raises(MalformedDocument):
        archive.resolve("")


def test_an_image_copies_to_a_layout_and_back(tmp_path: Path, local_registry: Any) -> None:
    built = ImageBuilder().layer({"etc/motd": b"hello"}).build()
    reference = built.push(f"oci:{tmp_path / 'out'}:v1")
    assert resolve(str(reference)).file("etc/motd").data == b"hello"
    assert resolve(f"oci:{tmp_path / 'out'}:v1").digest == built.digest


@pytest.mark.corpus
def test_layouts_of_other_projects(corpus: Path) -> None:
    layouts = corpus / "images" / "oci-layouts"
    good = [p.parent for p in layouts.rglob("index.json") if (p.parent / "oci-layout").is_file()]
    assert len(good) > 5
    read = 0
    for folder in good:
        repository = LayoutRepository(folder)
        try:
            for descriptor in repository._contents.all():
                repository.manifest(descriptor)
                read += 1
        except ProvenanceError:
            continue
    assert read > 10


@pytest.mark.corpus
def test_every_archive_of_docker_save_is_read_or_refused(corpus: Path) -> None:
    folder = corpus / "images" / "docker-save"
    for path in sorted(folder.rglob("*.tar*")):
        if path.name == "alpine-310.tar.gz":
            with DockerArchiveRepository(path) as archive:
                assert archive.manifest("").descriptor.size > 0
        with contextlib.suppress(ProvenanceError), DockerArchiveRepository(path) as archive:
            for tag in archive.tags() or ("",):
                archive.manifest(tag)
        if path.name in {"no_manifest.tar", "null_manifest.tar"}:
            with DockerArchiveRepository(path) as archive, pytest.raises(ProvenanceError):
                archive.manifest("")
