from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING

import pytest

import provenance as pv
from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    MalformedDocument,
    NotFound,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci import media_types as mt
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest
from provenance.settings import Limits
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.testing.images import BuiltImage, Hardlink, Symlink, Whiteout
from provenance.testing.layers import tar_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from provenance.testing.layers import Entry


def builder(platform: str = "linux/amd64", mark: bytes = b"") -> ImageBuilder:
    return (
        ImageBuilder(platform=platform)
        .layer({"etc/os-release": b"ID=debian\n", "a/old": b"1", "mark": mark}, created_by="ADD a")
        .layer({"a/old": Whiteout(), "a/new": b"2", "l": Symlink("a/new")}, created_by="RUN b")
        .config(user="1000", env=["A=1"], labels={"k": "v"}, created="2024-01-02T03:04:05Z")
    )


@pytest.fixture
def layout(tmp_path: Path) -> str:
    builder().build().write_layout(tmp_path / "layout", "1.0")
    return f"oci:{tmp_path / 'layout'}:1.0"


class TestResolving:
    def test_a_tag_is_one_request_and_pinned(self, local_registry: LocalRegistry) -> None:
        digest = local_registry.put_image("team/app:1.0", builder().build())
        local_registry.clear_requests()
        image = pv.resolve(local_registry.reference("team/app:1.0"))
        assert image.digest == digest
        assert (image.tag, image.reference.tag) == ("1.0", None)
        assert (image.media_type, image.is_index) == (mt.OCI_MANIFEST, False)
        assert image.size == len(builder().build().manifest.raw)
        assert [r.method for r in local_registry.requests] == ["HEAD"]

    def test_a_tag_beside_a_digest_is_for_show(self, local_registry: LocalRegistry) -> None:
        """Nobody asked what it names: it must not be in what is verified, and then deployed."""
        digest = local_registry.put_image("team/app:1.0", builder().build())
        named = local_registry.reference("team/app:another")
        image = pv.resolve(f"{named}@{digest}")
        assert str(image.reference) == f"{local_registry.reference('team/app')}@{digest}"
        assert (image.tag, image.digest) == ("another", digest)

    def test_a_digest_is_no_request_until_something_is_asked(
        self, local_registry: LocalRegistry
    ) -> None:
        digest = local_registry.put_image("app:1", builder().build())
        local_registry.clear_requests()
        image = pv.resolve(local_registry.reference(f"app@{digest}"))
        assert image.digest == digest
        assert repr(image) == f"Image('{local_registry.host}/app@{digest}')"
        assert not local_registry.requests
        assert image.media_type == mt.OCI_MANIFEST
        assert len(local_registry.requests) == 1

    def test_an_image_is_itself_and_is_not_asked_again(self, layout: str) -> None:
        image = pv.resolve(layout)
        assert pv.resolve(image) is image

    def test_a_missing_tag_is_not_found_by_name(self, local_registry: LocalRegistry) -> None:
        name = local_registry.reference("app:gone")
        with pytest.raises(NotFound) as caught:
            pv.resolve(name)
        assert name in str(caught.value)

    def test_a_registry_that_fails_is_no_missing_tag(self, local_registry: LocalRegistry) -> None:
        local_registry.fail("manifests", 500)
        settings = pv.Settings(retries=0)
        with pytest.raises(RegistryUnavailable):
            pv.resolve(local_registry.reference("app:1"), settings=settings)

    def test_a_moved_tag_does_not_move_the_image(self, local_registry: LocalRegistry) -> None:
        first = local_registry.put_image("app:1", builder().build())
        image = pv.resolve(local_registry.reference("app:1"))
        local_registry.put_image("app:1", builder(mark=b"another").build())
        assert image.digest == first
        assert image.file("mark").data == b""

    def test_a_plain_directory_is_told_to_be_none(self, tmp_path: Path) -> None:
        with pytest.raises(UnsupportedFormat, match="plain directory"):
            pv.resolve(tmp_path)


class TestContent:
    def test_config_and_layers_tell_of_each_other(self, layout: str) -> None:
        image = pv.resolve(layout)
        built = builder().build()
        assert (image.config.user, image.config.env["A"], image.config.labels["k"]) == (
            "1000",
            "1",
            "v",
        )
        assert image.config_digest == built.manifest.config.digest
        assert [x.digest for x in image.layers] == [d.digest for d in built.manifest.layers]
        assert [x.created_by for x in image.layers] == ["ADD a", "RUN b"]
        assert [x.diff_id for x in image.layers] == list(image.config.diff_ids)

    def test_a_history_of_another_length_says_nothing_of_layers(self, tmp_path: Path) -> None:
        built = builder().build()
        config = json.loads(built.config)
        config["history"].append({"created_by": "one too many"})
        config["rootfs"]["diff_ids"].pop()
        put(tmp_path, built, json.dumps(config).encode())
        image = pv.resolve(f"oci:{tmp_path}:x")
        assert [(x.created_by, x.diff_id) for x in image.layers] == [("", None), ("", None)]

    @pytest.mark.parametrize("path", ["/a/new", "a/new", "./a//new", "l", "a/../a/new", "../l"])
    def test_a_file_by_any_of_its_names(self, layout: str, path: str) -> None:
        file = pv.resolve(layout).file(path)
        assert (file.data, file.size, file.mode, file.real_path) == (b"2", 1, 0o644, "a/new")
        assert file.layer == pv.resolve(layout).layers[1].digest

    def test_a_name_with_signs_of_globs_is_a_name(self, tmp_path: Path) -> None:
        names = ["a[b]*?", "ab", "x[", "y]"]
        files = {name: name.encode() for name in names}
        ImageBuilder().layer(files).build().write_layout(tmp_path, "x")
        image = pv.resolve(f"oci:{tmp_path}:x")
        assert [image.file(name).data.decode() for name in names] == names

    @pytest.mark.parametrize("path", ["a/old", "a", "gone", "", "/", "a/new/x"])
    def test_what_is_no_file_is_not_found_with_the_image_named(
        self, layout: str, path: str
    ) -> None:
        image = pv.resolve(layout)
        with pytest.raises(NotFound) as caught:
            image.file(path)
        assert caught.value.reference == str(image.reference)

    def test_a_loop_of_links_is_an_error_when_asked_for_and_no_match(self, tmp_path: Path) -> None:
        layer: dict[str, Entry] = {"a": Symlink("b"), "b": Symlink("a"), "c": b"1"}
        ImageBuilder().layer(layer).build().write_layout(tmp_path, "x")
        image = pv.resolve(f"oci:{tmp_path}:x")
        with pytest.raises(LimitExceeded, match="form a loop") as caught:
            image.file("a")
        assert caught.value.reference == str(image.reference)
        assert list(image.files("*")) == ["c"]

    def test_files_are_sorted_and_hard_links_shared(self, tmp_path: Path) -> None:
        layer: dict[str, Entry] = {"z": b"1", "b/y": Hardlink("z"), "a": b"3"}
        ImageBuilder().layer(layer).build().write_layout(tmp_path, "x")
        files = pv.resolve(f"oci:{tmp_path}:x").files("**")
        assert {p: f.data for p, f in files.items()} == {"a": b"3", "b/y": b"1", "z": b"1"}
        assert list(files) == sorted(files)

    @pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
    def test_every_compression(self, tmp_path: Path, compression: str) -> None:
        built = ImageBuilder(compression=compression).layer({"a": b"x" * 100_000}).build()
        built.write_layout(tmp_path, "x")
        assert pv.resolve(f"oci:{tmp_path}:x").file("a").data == b"x" * 100_000

    def test_an_oci_archive(self, tmp_path: Path) -> None:
        builder().build().write_archive(tmp_path / "a.tar", "1.0")
        image = pv.resolve(tmp_path / "a.tar")
        assert image.file("l").data == b"2"
        assert image.digest == builder().build().digest


def put(folder: Path, built: BuiltImage, config: bytes, media_type: str = mt.OCI_CONFIG) -> None:
    """The image with another config."""
    repository = LayoutRepository(folder)
    for descriptor in built.manifest.layers:
        repository.push_blob(built.blobs[descriptor.digest], descriptor)
    described = Descriptor.of(config, media_type)
    repository.push_blob(config, described)
    repository.push_manifest(Manifest.build(described, built.manifest.layers), tag="x")


class TestPlatforms:
    @pytest.fixture
    def index(self, tmp_path: Path) -> str:
        images = [builder("linux/arm64", b"arm"), builder("linux/amd64", b"amd")]
        reference = f"oci:{tmp_path / 'index'}:1.0"
        build_index([b.build() for b in images], reference)
        return reference

    def test_an_index_names_its_platforms(self, index: str) -> None:
        image = pv.resolve(index)
        assert image.is_index
        assert [str(p) for p in image.platforms] == ["linux/arm64", "linux/amd64"]

    @pytest.mark.parametrize(
        ("platform", "mark"), [("linux/arm64", b"arm"), ("linux/amd64", b"amd")]
    )
    def test_the_image_of_a_platform_knows_its_index(
        self, index: str, platform: str, mark: bytes
    ) -> None:
        image = pv.resolve(index, platform=platform)
        assert image.file("mark").data == mark
        assert str(image.platform) == platform
        assert image.index == pv.resolve(index)
        assert image.tag == "1.0"

    def test_questions_of_content_are_answered_for_the_host(self, index: str) -> None:
        image = pv.resolve(index)
        host = image.for_platform(Platform.host())
        assert image.config == host.config
        assert image.layers == host.layers
        assert image.config_digest == host.config_digest
        assert image.file("mark").data == host.file("mark").data

    def test_a_platform_that_is_not_there_is_told_with_those_that_are(self, index: str) -> None:
        with pytest.raises(NotFound, match="no image for platform linux/s390x") as caught:
            pv.resolve(index, platform="linux/s390x")
        assert caught.value.hint == "choose one of: linux/arm64, linux/amd64"

    def test_a_single_image_is_held_to_a_platform_too(self, layout: str) -> None:
        assert pv.resolve(layout, platform="linux/amd64").config.architecture == "amd64"
        with pytest.raises(NotFound, match="linux/arm64"):
            pv.resolve(layout, platform="linux/arm64")

    def test_attestations_of_buildkit_are_no_platform(self, tmp_path: Path) -> None:
        built = builder().build()
        described = built.manifest.descriptor
        unknown = Platform("unknown", "unknown")
        entries = [
            Descriptor(mt.OCI_MANIFEST, Digest.of(b"att"), 3, platform=unknown),
            Descriptor(mt.OCI_MANIFEST, described.digest, described.size, platform=built.platform),
        ]
        built.write_layout(tmp_path, "one")
        LayoutRepository(tmp_path).push_manifest(Index.build(entries), tag="all")
        image = pv.resolve(f"oci:{tmp_path}:all")
        assert [str(p) for p in image.platforms] == ["linux/amd64"]
        assert image.for_platform("linux/amd64").digest == built.digest

    def test_an_index_of_one_image_without_platform_means_that_image(self, tmp_path: Path) -> None:
        built = builder().build()
        built.write_layout(tmp_path, "one")
        index = Index.build([built.manifest.descriptor])
        LayoutRepository(tmp_path).push_manifest(index, tag="all")
        assert pv.resolve(f"oci:{tmp_path}:all").for_platform("linux/amd64").digest == built.digest

    def test_indexes_nested_without_end_end(self, tmp_path: Path) -> None:
        built = builder().build()
        built.write_layout(tmp_path, "one")
        repository = LayoutRepository(tmp_path)
        descriptor = built.manifest.descriptor
        for _ in range(12):
            index = Index.build([descriptor], annotations={"n": str(_)})
            descriptor = repository.push_manifest(index, tag="all")
        with pytest.raises(LimitExceeded, match="nested more than 8 deep"):
            pv.resolve(f"oci:{tmp_path}:all", platform="linux/amd64")


class TestRefusals:
    def test_an_artifact_is_no_image_and_says_what_it_is(self, tmp_path: Path) -> None:
        repository = LayoutRepository(tmp_path)
        repository.push_blob(b"{}", EMPTY_DESCRIPTOR)
        manifest = Manifest.build(
            EMPTY_DESCRIPTOR, [EMPTY_DESCRIPTOR], artifact_type="application/sarif+json"
        )
        repository.push_manifest(manifest, tag="x")
        image = pv.resolve(f"oci:{tmp_path}:x")
        questions: list[Callable[[], object]] = [
            lambda: image.config,
            lambda: image.layers,
            lambda: image.file("a"),
        ]
        for question in questions:
            with pytest.raises(UnsupportedFormat, match="artifact of type 'application/sarif"):
                question()

    def test_an_altered_config_is_a_mismatch(self, local_registry: LocalRegistry) -> None:
        built = builder().build()
        local_registry.put_image("app:1", built)
        local_registry.blobs["app"][built.manifest.config.digest] = built.config + b" "
        image = pv.resolve(local_registry.reference("app:1"))
        with pytest.raises(ContentMismatch) as caught:
            _ = image.config
        assert caught.value.digest == built.manifest.config.digest

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda blob: blob[:-7], "ends after"),
            (lambda blob: blob[:30] + bytes([blob[30] ^ 1]) + blob[31:], "not to its name"),
        ],
        ids=["cut short", "altered"],
    )
    def test_a_broken_layer_names_reference_and_digest(
        self,
        local_registry: LocalRegistry,
        change: Callable[[bytes], bytes],
        message: str,
    ) -> None:
        built = builder().build()
        local_registry.put_image("app:1", built)
        layer = built.manifest.layers[0].digest
        local_registry.blobs["app"][layer] = change(built.blobs[layer])
        image = pv.resolve(local_registry.reference("app:1"))
        with pytest.raises((ContentMismatch, RegistryUnavailable), match=message) as caught:
            image.files("a/*")
        assert caught.value.digest == layer

    def test_names_that_lead_out_of_the_root_are_refused(self, tmp_path: Path) -> None:
        layer = tar_of({"a": b"1"}).replace(b"a\0\0\0\0\0\0\0", b"../../x\0", 1)
        # The checksum covers the name: sum the header again.
        header = bytearray(layer[:512])
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        image = ImageBuilder().raw_layer(bytes(header) + layer[512:], mt.LAYER)
        image.build().write_layout(tmp_path, "x")
        resolved = pv.resolve(f"oci:{tmp_path}:x")
        with pytest.raises(MalformedDocument, match="leads out of the root") as caught:
            resolved.files("**")
        assert caught.value.reference == str(resolved.reference)
        assert caught.value.digest == resolved.layers[0].digest
        assert not (tmp_path.parent / "x").exists()

    def test_too_many_layers(self, layout: str) -> None:
        image = pv.resolve(layout).reading_with(limits=Limits(layers=1))
        with pytest.raises(LimitExceeded, match="2 layers"):
            image.files("a")


class TestValue:
    def test_pickles_small_and_without_what_was_read(self, local_registry: LocalRegistry) -> None:
        local_registry.put_image("app:1", builder().build())
        image = pv.resolve(local_registry.reference("app:1"))
        _ = image.config
        data = pickle.dumps(image)
        assert len(data) < 1000
        back = pickle.loads(data)
        assert back == image
        assert hash(back) == hash(image)
        assert (back.tag, back.config.user) == ("1", "1000")

    def test_the_index_survives_a_pickle(self, tmp_path: Path) -> None:
        reference = f"oci:{tmp_path}:1"
        build_index([builder().build()], reference)
        image = copy.copy(pv.resolve(reference, platform="linux/amd64"))
        assert image.index == pv.resolve(reference)
        assert str(image.platform) == "linux/amd64"

    def test_showing_one_reads_nothing(self, local_registry: LocalRegistry) -> None:
        digest = local_registry.put_image("app:1", builder().build())
        local_registry.clear_requests()
        image = pv.resolve(local_registry.reference(f"app@{digest}"))
        shown = image._repr_html_()
        assert str(digest) in shown
        assert {image: 1}[image] == 1
        assert image != "app"
        assert not local_registry.requests
        _ = image.config
        assert "root" not in image._repr_html_()
        assert "1000" in image._repr_html_()


def docker_archive(path: Path, built: BuiltImage) -> Path:
    """What `docker save` writes of the image, by the specification's words."""
    config = built.manifest.config.digest.hex
    plain = {f"{n}/layer.tar": tar_of({f"f{n}": b"%d" % n}) for n in range(2)}
    document = json.loads(built.config)
    document["rootfs"]["diff_ids"] = [str(Digest.of(data)) for data in plain.values()]
    raw = json.dumps(document).encode()
    config = Digest.of(raw).hex
    listing = [{"Config": f"{config}.json", "RepoTags": ["app:1.0"], "Layers": list(plain)}]
    files = {**plain, f"{config}.json": raw, "manifest.json": json.dumps(listing).encode()}
    path.write_bytes(tar_of(files))
    return path


def test_an_image_of_a_docker_archive_has_an_id_and_no_digest(tmp_path: Path) -> None:
    image = pv.resolve(docker_archive(tmp_path / "a.tar", builder().build()))
    assert image.digest is None
    assert image.config_digest.startswith("sha256:")
    assert image.file("f1").data == b"1"
    assert [x.diff_id for x in image.layers] == [x.digest for x in image.layers]
    assert image.config.user == "1000"
