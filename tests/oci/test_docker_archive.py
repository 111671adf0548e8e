from __future__ import annotations

import io
import json
import tarfile
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
from provenance.oci.docker_archive import DockerArchiveRepository
from provenance.oci.manifest import Manifest
from provenance.oci.repository import read_blob
from provenance.settings import Limits

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = {"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l.tar"]}


def save(path: Path, listed: Any, **files: bytes) -> Path:
    files = {"c.json": b"{}", "l.tar": b"layer"} | files
    if listed is not None:
        files["manifest.json"] = (
            listed if isinstance(listed, bytes) else json.dumps(listed).encode()
        )
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


REFUSED: dict[str, tuple[Any, type[ProvenanceError], str]] = {
    "no list at all": (None, NotFound, r"manifest\.json"),
    "no JSON": (b"{", MalformedDocument, r"manifest\.json is no JSON"),
    "null": (b"null", MalformedDocument, "lists no image"),
    "an object": ({}, MalformedDocument, "lists no image"),
    "no image": ([], MalformedDocument, "lists no image"),
    "an image that is null": ([None], MalformedDocument, "/0/Config"),
    "no config": ([{**IMAGE, "Config": None}], MalformedDocument, "/0/Config"),
    "layers that are text": ([IMAGE, {**IMAGE, "Layers": "l"}], MalformedDocument, "/1/Layers"),
    "tags that are numbers": ([{**IMAGE, "RepoTags": [1]}], MalformedDocument, "/0/RepoTags"),
    "too many layers": ([{**IMAGE, "Layers": ["l.tar"] * 9}], LimitExceeded, "9 layers"),
    "a config that is not there": ([{**IMAGE, "Config": "x"}], NotFound, "x"),
    "a layer outside": ([{**IMAGE, "Layers": ["../../etc/passwd"]}], NotFound, "passwd"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_docker_never_writes_is_refused_by_name(tmp_path: Path, case: str) -> None:
    listed, kind, words = REFUSED[case]
    path = save(tmp_path / "a.tar", listed)
    with (
        DockerArchiveRepository(path, limits=Limits(layers=8)) as archive,
        pytest.raises(kind, match=words) as refused,
    ):
        archive.manifest("")
    assert str(path) in str(refused.value)


def test_a_file_named_by_its_digest_has_it(tmp_path: Path) -> None:
    name = f"blobs/sha256/{Digest.of(b'right').hex}"
    listed = [{**IMAGE, "Layers": [name]}]
    with DockerArchiveRepository(save(tmp_path / "a.tar", listed, **{name: b"right"})) as archive:
        manifest = archive.manifest("1")
        assert isinstance(manifest, Manifest)
        assert read_blob(archive, manifest.layers[0], limit=10) == b"right"
    with (
        DockerArchiveRepository(save(tmp_path / "b.tar", listed, **{name: b"wrong"})) as archive,
        pytest.raises(ContentMismatch, match="not to its name") as refused,
    ):
        archive.manifest("1")
    assert refused.value.digest == Digest.of(b"right")


def test_one_file_that_is_many_layers_is_hashed_once(tmp_path: Path) -> None:
    """Counted, not timed: a file that many layers name made the work grow with each."""
    listed = [{**IMAGE, "Layers": ["l.tar"] * 300}] * 3
    with DockerArchiveRepository(save(tmp_path / "a.tar", listed)) as archive:
        with pytest.raises(NotFound):
            archive.manifest(Digest.of(b"none of them"))
        assert sorted(archive._old.hashed) == ["c.json", "l.tar"]
        manifest = archive._manifest(archive._images()[2])
        assert isinstance(manifest, Manifest)
    assert {d.digest for d in manifest.layers} == {Digest.of(b"layer")}
    assert len(manifest.layers) == 300


def test_which_of_several_images_must_be_said(tmp_path: Path) -> None:
    other = {**IMAGE, "RepoTags": ["app:2"], "Layers": []}
    with DockerArchiveRepository(save(tmp_path / "a.tar", [IMAGE, other])) as archive:
        assert archive.tags() == ("app:1", "app:2")
        assert archive.resolve("2") != archive.resolve("app:1")
        with pytest.raises(InvalidReference, match="app:1, app:2"):
            archive.resolve("")
        with pytest.raises(NotFound, match="app:1, app:2"):
            archive.resolve("3")


# File: the number of layers of each image in it, by the README of the corpus and tar's listing.
CORPUS = {
    "alpine-310.tar.gz": [1],
    "containers-image/almostempty.tar": [1],
    "go-containerregistry/hello-world-v25.tar": [1],
    "go-containerregistry/overwritten_file.tar": [3],
    "go-containerregistry/source_image.tar": [1],
    "go-containerregistry/test_bundle.tar": [1, 1],
    "go-containerregistry/test_image_1.tar": [1],
    "go-containerregistry/test_link.tar": [1, 2],
    "go-containerregistry/whiteout_dir.tar": [4],
    "go-containerregistry/whiteout_image.tar": [3],
}


@pytest.mark.corpus
@pytest.mark.parametrize("name", CORPUS)
def test_archives_of_docker_and_others_are_read_to_the_last_byte(corpus: Path, name: str) -> None:
    path = corpus / "images" / "docker-save" / name
    with DockerArchiveRepository(path) as archive:
        found = [archive.manifest(tag) for tag in archive.tags() or ("",)]
        for manifest in found:
            assert isinstance(manifest, Manifest)
            for part in (manifest.config, *manifest.layers):
                with archive.open(part) as stream:
                    stream.finish()
        assert [len(m.layers) for m in found if isinstance(m, Manifest)] == CORPUS[name]


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "kind"),
    [("no_manifest.tar", UnsupportedFormat), ("null_manifest.tar", MalformedDocument)],
)
def test_archives_without_an_image_say_so(
    corpus: Path, name: str, kind: type[ProvenanceError]
) -> None:
    path = corpus / "images" / "docker-save" / "go-containerregistry" / name
    with DockerArchiveRepository(path) as archive, pytest.raises(kind):
        archive.manifest("")
