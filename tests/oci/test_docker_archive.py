from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
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
from provenance.image import resolve
from provenance.oci import media_types as mt
from provenance.oci.descriptor import Descriptor, Platform
from provenance.oci.docker_archive import DockerArchiveRepository
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import Claims, read_blob
from provenance.oci.tar_home import place_of
from provenance.settings import Limits
from provenance.testing import ImageBuilder
from provenance.testing.layers import Symlink, tar_of

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
    "layers under two names": (
        [IMAGE, {**IMAGE, "layers": ["m.tar"]}],
        MalformedDocument,
        "some readers take for 'Layers'",
    ),
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


TAR = tar_of({"etc/motd": b"hello"})
TAR_2 = tar_of({"etc/motd": b"another"})


def claiming(*layers: bytes | None) -> bytes:
    """A config that claims these layers, by their digests."""
    diff_ids = [data and Digest.of(data) for data in layers]
    return json.dumps({"rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()


def test_a_plain_layer_is_read_once_and_held_to_what_its_config_claims(tmp_path: Path) -> None:
    listed = [{**IMAGE, "Layers": ["1.tar", "2.tar"]}]
    files = {"c.json": claiming(TAR, TAR_2), "1.tar": TAR, "2.tar": TAR + bytes(512)}
    with DockerArchiveRepository(save(tmp_path / "a.tar", listed, **files)) as archive:
        manifest = archive.manifest("")
        assert isinstance(manifest, Manifest)
        assert list(archive._old.hashed) == ["c.json"]
        right, wrong = manifest.layers
        assert (right.digest, right.size) == (Digest.of(TAR), len(TAR))
        assert (wrong.digest, wrong.size) == (Digest.of(TAR_2), len(TAR) + 512)
        assert [right.media_type, wrong.media_type] == [mt.DOCKER_LAYER] * 2
        assert read_blob(archive, right, limit=1 << 20) == TAR
        with pytest.raises(ContentMismatch) as refused:
            read_blob(archive, wrong, limit=1 << 20)
        assert refused.value.digest == Digest.of(TAR_2)
        assert isinstance(archive, Claims)
        assert archive.is_claimed(right)
        with archive.open_claim(right) as stream:
            assert stream.read() == TAR
            assert (stream.found, stream.proven) == (right.digest, True)
        with archive.open_claim(wrong) as other:
            other.finish()
            assert (other.found, other.proven) == (Digest.of(TAR + bytes(512)), False)


HASHED: dict[str, tuple[list[str], dict[str, bytes]]] = {
    "a config that says nothing": (["1.tar"], {"c.json": b"{}"}),
    "a config that is none": (["1.tar"], {"c.json": b"["}),
    "a config that is a list": (["1.tar"], {"c.json": b"[]"}),
    "a claim that is no digest": (
        ["1.tar"], {"c.json": b'{"rootfs": {"diff_ids": ["sha256:0"]}}'}
    ),
    "a claim by another algorithm": (
        ["1.tar"],
        {"c.json": json.dumps(
            {"rootfs": {"diff_ids": [Digest.of(TAR, "sha512")]}}).encode()},
    ),
    "a claim too many": (["1.tar"], {"c.json": claiming(TAR, TAR_2)}),
    "a layer in gzip": (["1.tar"], {"1.tar": gzip.compress(TAR, mtime=0)}),
    "gzip with a tar's magic in the file name that it bears": (
        ["1.tar"],
        {"1.tar": b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 247 + b"ustar\0" + bytes(512)},
    ),
    "zstd": (["1.tar"], {"1.tar": b"\x28\xb5\x2f\xfd" + b"x" * 253 + b"ustar\0" + bytes(512)}),
    "no tar": (["1.tar"], {"1.tar": b"layer"}),
    "an empty file": (["1.tar"], {"1.tar": b""}),
    "one claim for two files": (
        ["1.tar", "2.tar"], {"c.json": claiming(TAR, TAR), "2.tar": TAR_2}
    ),
    "two claims for one file": (["1.tar", "1.tar"], {"c.json": claiming(TAR, TAR_2)}),
    "another file of that digest": (
        ["1.tar"], {"1.tar": TAR_2, f"blobs/sha256/{Digest.of(TAR).hex}": TAR}
    ),
    "a name that states another digest": (
        [f"blobs/sha256/{Digest.of(TAR_2).hex}"], {f"blobs/sha256/{Digest.of(TAR_2).hex}": TAR_2}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HASHED)
def test_where_a_claim_cannot_stand_in_the_layer_is_hashed(tmp_path: Path, case: str) -> None:
    names, files = HASHED[case]
    files = {"c.json": claiming(TAR), "1.tar": TAR, **files}
    listed = [{**IMAGE, "Layers": names}]
    with DockerArchiveRepository(save(tmp_path / "a.tar", listed, **files)) as archive:
        manifest = archive.manifest("")
        assert isinstance(manifest, Manifest)
        assert [d.digest for d in manifest.layers] == [Digest.of(files[name]) for name in names]
        for name, layer in zip(names, manifest.layers, strict=True):
            assert not archive.is_claimed(layer)
            with archive.open_claim(layer) as stream:
                assert stream.read() == files[name]


def test_images_that_disagree_on_a_file_are_told_apart_in_any_order(tmp_path: Path) -> None:
    files = {"c.json": claiming(TAR), "d.json": claiming(TAR_2), "e.json": b"{}", "1.tar": TAR_2}
    listed = [
        {"Config": name, "RepoTags": [f"app:{name[0]}"], "Layers": ["1.tar"]}
        for name in ("c.json", "d.json", "e.json")
    ]
    path = save(tmp_path / "a.tar", listed, **files)
    for tag in ("c", "d", "e"):
        with DockerArchiveRepository(path) as archive:
            found = archive.resolve(tag)
            manifest = archive.manifest(tag)
            assert isinstance(manifest, Manifest)
            assert manifest.layers[0].digest == Digest.of(TAR_2)
        with DockerArchiveRepository(path) as archive:
            assert archive.manifest(found.digest).raw == manifest.raw


def test_what_is_claimed_of_a_file_is_not_read_from_another(tmp_path: Path) -> None:
    files = {"c.json": claiming(b"right"), "d.json": b"{}", "1.tar": TAR, "2.tar": b"right"}
    listed = [
        {"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["1.tar"]},
        {"Config": "d.json", "RepoTags": ["app:2"], "Layers": ["2.tar"]},
    ]
    with DockerArchiveRepository(save(tmp_path / "a.tar", listed, **files)) as archive:
        first, second = archive.manifest("1"), archive.manifest("2")
        assert isinstance(first, Manifest)
        assert isinstance(second, Manifest)
        assert first.layers[0].digest == second.layers[0].digest == Digest.of(b"right")
        with archive.open_claim(first.layers[0]) as stream:
            assert stream.read() == TAR


def test_a_link_to_a_layer_is_the_same_layer(tmp_path: Path) -> None:
    """As Docker before 25 saved a layer that two images share."""
    path = tmp_path / "a.tar"
    listed = [{**IMAGE, "Layers": ["a/layer.tar", "b/layer.tar"]}]
    path.write_bytes(
        tar_of(
            {
                "a/layer.tar": TAR,
                "b/layer.tar": Symlink("../a/layer.tar"),
                "c.json": claiming(TAR, TAR),
                "manifest.json": json.dumps(listed).encode(),
            }
        )
    )
    with DockerArchiveRepository(path) as archive:
        manifest = archive.manifest("")
        assert isinstance(manifest, Manifest)
        assert list(archive._old.hashed) == ["c.json"]
        assert [d.digest for d in manifest.layers] == [Digest.of(TAR)] * 2


def test_the_layers_of_a_layout_inside_are_not_claimed(tmp_path: Path) -> None:
    image = ImageBuilder(compression="none").layer({"etc/motd": b"hello"}).build()
    path = tmp_path / "a.tar"
    image.push(f"docker-archive:{path}:app:1")
    with DockerArchiveRepository(path) as archive:
        assert archive.manifest("").raw == image.manifest.raw
        assert not archive.is_claimed(image.manifest.layers[0])


pread = getattr(os, "pread", None)


def read_short(handle: int, size: int, at: int) -> bytes:
    """As some file systems do: less than was asked for, and than there is."""
    assert pread is not None
    return bytes(pread(handle, min(size, 1000), at))


@pytest.mark.parametrize("case", ["plain", "compressed", "a short read", "no such call"])
def test_layers_are_read_at_once_by_several_threads(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case == "no such call":
        monkeypatch.delattr(os, "pread", raising=False)
    if case == "a short read" and pread is not None:
        monkeypatch.setattr(os, "pread", read_short)
    tars = {f"{n}.tar": tar_of({"body": bytes([n]) * 3_000_000}) for n in range(4)}
    listed = [{**IMAGE, "Layers": list(tars)}]
    path = save(tmp_path / "a.tar", listed, **tars, **{"c.json": claiming(*tars.values())})
    if case == "compressed":
        path.write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
    with DockerArchiveRepository(path) as archive, ThreadPoolExecutor(4) as pool:
        manifest = archive.manifest("")
        assert isinstance(manifest, Manifest)

        def read(layer: Descriptor) -> bytes:
            with archive.open(layer) as stream:
                return b"".join(iter(lambda: stream.read(5000), b""))

        assert list(pool.map(read, manifest.layers)) == list(tars.values())


def test_a_layer_is_not_read_after_the_archive_is_closed(tmp_path: Path) -> None:
    """By then its handle may be another file's."""
    path = save(tmp_path / "a.tar", [IMAGE], **{"l.tar": TAR, "c.json": claiming(TAR)})
    with DockerArchiveRepository(path) as archive:
        manifest = archive.manifest("")
        assert isinstance(manifest, Manifest)
        with archive.open(manifest.layers[0]) as stream:
            assert stream.read(5) == TAR[:5]
            archive.close()
            with pytest.raises(ValueError, match="closed"):
                stream.read(5)


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


def modern(path: Path, **changes: Any) -> tuple[Path, Manifest, Index]:
    """What Docker 25 and later save for an index that was pulled: a layout, and manifest.json.

    As seen of Docker 28 with its containerd store: names in index.json, one platform's files in
    manifest.json, the other platform named but not saved, an attestation beside.
    """
    attestation = Manifest.build(
        Descriptor.of(b"{}", mt.OCI_CONFIG),
        [Descriptor.of(b"statement", "application/vnd.in-toto+json")],
    )
    plain = [
        Descriptor(d.media_type, d.digest, d.size, platform=Platform.parse(platform))
        for manifest, platform in (
            (IMAGE_28.manifest, "linux/amd64"),
            (attestation, "unknown/unknown"),
        )
        for d in [manifest.descriptor]
    ]
    absent = Descriptor.of(b"absent", mt.OCI_MANIFEST, platform=Platform.parse("linux/arm64"))
    index = Index.build([*plain, absent])
    annotations = {
        "io.containerd.image.name": "docker.io/library/app:1",
        "org.opencontainers.image.ref.name": "1",
    }
    top = {
        "schemaVersion": 2,
        "manifests": [{**index.descriptor.to_json(), "annotations": annotations}],
    }
    item = {
        "Config": place_of(IMAGE_28.manifest.config.digest),
        "RepoTags": ["app:1"],
        "Layers": [place_of(d.digest) for d in IMAGE_28.manifest.layers],
    }
    files = {
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
        "index.json": json.dumps(changes.get("top", top)).encode(),
        **{place_of(digest): data for digest, data in IMAGE_28.blobs.items()},
        **{place_of(Digest.of(data)): data for data in (b"{}", b"statement")},
        **{place_of(m.descriptor.digest): m.raw for m in (IMAGE_28.manifest, attestation, index)},
        **changes.get("files", {}),
    }
    return save(path, [{**item, **changes.get("item", {})}], **files), attestation, index


IMAGE_28 = ImageBuilder().layer({"etc/motd": b"hello"}).build()
OTHER = ImageBuilder().layer({"etc/motd": b"another"}).build()
OTHER_FILES = {
    place_of(digest): data
    for digest, data in {**OTHER.blobs, OTHER.digest: OTHER.manifest.raw}.items()
}


@pytest.mark.parametrize("name", ["", "1", "app:1", "docker.io/library/app:1"])
def test_of_a_layout_inside_digest_index_and_attestations_are_the_truth(
    tmp_path: Path, name: str
) -> None:
    path, attestation, index = modern(tmp_path / "a.tar")
    with DockerArchiveRepository(path) as archive:
        assert archive.resolve(name).digest == index.descriptor.digest
        assert archive.manifest(name).raw == index.raw
        assert archive.manifest(attestation.descriptor.digest).raw == attestation.raw
        assert archive.tags() == ("app:1",)
        for blob in (IMAGE_28.manifest.config, *IMAGE_28.manifest.layers):
            assert read_blob(archive, blob, limit=1 << 20) == IMAGE_28.blobs[blob.digest]
    image = resolve(f"docker-archive:{path}:app:1", platform="linux/amd64")
    assert image.digest is None  # whether a registry ever had it, the archive cannot say
    assert image.file("etc/motd").data == b"hello"


def test_two_lists_that_name_two_images_are_refused(tmp_path: Path) -> None:
    """Older versions of Docker would load the one, newer ones the other."""
    item = {
        "Config": place_of(OTHER.manifest.config.digest),
        "Layers": [place_of(d.digest) for d in OTHER.manifest.layers],
    }
    path, _, _ = modern(tmp_path / "a.tar", item=item, files=OTHER_FILES)
    with (
        DockerArchiveRepository(path) as archive,
        pytest.raises(MalformedDocument, match="name two images 'app:1'"),
    ):
        archive.resolve("app:1")


def test_thousands_of_names_in_both_lists_are_compared_at_once(tmp_path: Path) -> None:
    """One by one these are millions of comparisons: minutes."""
    entry = IMAGE_28.manifest.descriptor.to_json()
    names = [f"docker.io/library/other{number}:1" for number in range(3000)]
    top = {
        "schemaVersion": 2,
        "manifests": [
            {**entry, "annotations": {"io.containerd.image.name": name}} for name in names
        ],
    }
    item = {"RepoTags": [f"app{number}:1" for number in range(3000)]}
    path, _, _ = modern(tmp_path / "a.tar", item=item, top=top)
    with DockerArchiveRepository(path) as archive:
        assert archive.resolve("").digest == IMAGE_28.digest


def test_layers_that_the_two_lists_disagree_on_are_refused(tmp_path: Path) -> None:
    item = {"Layers": [place_of(d.digest) for d in OTHER.manifest.layers]}
    path, _, _ = modern(tmp_path / "a.tar", item=item, files=OTHER_FILES)
    with (
        DockerArchiveRepository(path) as archive,
        pytest.raises(MalformedDocument, match="name two images"),
    ):
        archive.resolve("app:1")


def test_a_blob_of_the_layout_inside_has_the_digest_of_its_name(tmp_path: Path) -> None:
    layer = IMAGE_28.manifest.layers[0]
    altered = {place_of(layer.digest): b"x" * layer.size}
    path, _, _ = modern(tmp_path / "a.tar", files=altered)
    with DockerArchiveRepository(path) as archive, pytest.raises(ContentMismatch):
        read_blob(archive, layer, limit=1 << 20)


def test_a_layout_alone_is_an_oci_archive(tmp_path: Path) -> None:
    path, _, _ = modern(tmp_path / "a.tar")
    with tarfile.open(path) as old, tarfile.open(tmp_path / "b.tar", "w") as new:
        for member in old:
            if member.name != "manifest.json":
                new.addfile(member, old.extractfile(member))
    with (
        DockerArchiveRepository(tmp_path / "b.tar") as archive,
        pytest.raises(NotFound, match=r"no manifest\.json") as refused,
    ):
        archive.resolve("")
    assert "oci-archive:" in refused.value.hint


def test_the_form_of_docker_before_1_10_is_refused_by_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tar", None, repositories=b'{"app":{"1":"0123"}}')
    with (
        DockerArchiveRepository(path) as archive,
        pytest.raises(UnsupportedFormat, match=r"before 1\.10") as refused,
    ):
        archive.resolve("")
    assert "save it again" in refused.value.hint


def test_what_we_write_is_what_docker_load_takes(tmp_path: Path) -> None:
    """By the specification: each image with its config, names and layers, files that are there."""
    path = tmp_path / "a.tar"
    for name in ("app:1", "ghcr.io/org/app:2"):
        with DockerArchiveRepository(path) as archive:
            for digest, data in IMAGE_28.blobs.items():
                archive.push_blob(data, Descriptor("text/plain", digest, len(data)))
            archive.push_manifest(IMAGE_28.manifest, tag=name)
    with tarfile.open(path) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        (item,) = json.loads(file.read())
        assert item["RepoTags"] == ["docker.io/library/app:1", "ghcr.io/org/app:2"]
        config = tar.extractfile(item["Config"])
        assert config is not None
        diff_ids = json.loads(config.read())["rootfs"]["diff_ids"]
        for name, diff_id in zip(item["Layers"], diff_ids, strict=True):
            layer = tar.extractfile(name)
            assert layer is not None
            assert Digest.of(gzip.decompress(layer.read())) == diff_id
    with DockerArchiveRepository(path) as archive:
        assert archive.resolve("app:1").digest == archive.resolve("2").digest == IMAGE_28.digest


def test_an_archive_without_a_layout_is_not_added_to(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tar", [IMAGE])
    before = path.read_bytes()
    with (
        DockerArchiveRepository(path) as archive,
        pytest.raises(UnsupportedFormat, match="before 25") as refused,
    ):
        archive.push_blob(b"{}", Descriptor.of(b"{}", "text/plain"))
    assert "new file" in refused.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "name", ["app", "1.2", f"app@{Digest.of(b'x')}", f"app:1@{Digest.of(b'x')}", "App:1", "a b:1"]
)
def test_a_name_that_docker_does_not_load_is_refused(tmp_path: Path, name: str) -> None:
    with DockerArchiveRepository(tmp_path / "a.tar") as archive:
        with pytest.raises(InvalidReference, match="no name") as refused:
            archive.push_manifest(IMAGE_28.manifest, tag=name)
        assert "org/app:1.2" in refused.value.hint
    assert not (tmp_path / "a.tar").exists()
