"""Images made by construction, judged by tar, tarfile, hashlib and the image specification."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.testing.built import check_by_hand, config_of, unpacked
from tests.testing.wire import INDEX, MANIFEST, ask, digest_of

from provenance.oci.connect import connect
from provenance.oci.reference import Reference
from provenance.testing import ImageBuilder, LocalRegistry, build_index
from provenance.testing.images import (
    BuiltImage,
    Directory,
    File,
    Hardlink,
    Opaque,
    Symlink,
    Whiteout,
)
from provenance.testing.layers import tar_of

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing.layers import Entry

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENTRIES: dict[str, Entry] = {
    "etc": Directory(),
    "etc/motd": b"hello",
    "etc/text": "gr\xfc\xdfe",
    "bin/app": File(b"#!/bin/sh\n", 0o4755),
    "bin/sh": Symlink("/bin/app"),
    "bin/same": Hardlink("bin/app"),
    "tmp": Directory(0o1777),
    "old/file": Whiteout(),
    "gone": Whiteout(),
    "cache": Opaque(),
    "": Opaque(),
    "\xfcber/" + 120 * "n": b"",
}
NAMES = [
    "etc",
    "etc/motd",
    "etc/text",
    "bin/app",
    "bin/sh",
    "bin/same",
    "tmp",
    "old/.wh.file",
    ".wh.gone",
    "cache/.wh..wh..opq",
    ".wh..wh..opq",
    "\xfcber/" + 120 * "n",
]


# Layers


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_what_is_asked_for_is_in_the_image(compression: str) -> None:
    builder = ImageBuilder(compression=compression).layer(ENTRIES).layer({"a": b"1"})
    image = builder.build()
    check_by_hand(image)
    with tarfile.open(fileobj=io.BytesIO(unpacked(image)[0])) as archive:
        members = archive.getmembers()
        assert [m.name for m in members] == NAMES
        assert {(m.uid, m.gid, m.mtime) for m in members} == {(0, 0, 0)}
        by_name = {m.name: m for m in members}
        assert (by_name["etc"].isdir(), by_name["etc"].mode) == (True, 0o755)
        assert (by_name["bin/app"].mode, by_name["tmp"].mode) == (0o4755, 0o1777)
        assert (by_name["bin/sh"].issym(), by_name["bin/sh"].linkname) == (True, "/bin/app")
        assert (by_name["bin/same"].islnk(), by_name["bin/same"].linkname) == (True, "bin/app")
        contents = [file.read() for m in members[1:4] if (file := archive.extractfile(m))]
        assert contents == [b"hello", "gr\xfc\xdfe".encode(), b"#!/bin/sh\n"]


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
def test_tar_lists_and_unpacks_it(tmp_path: Path) -> None:
    file = tmp_path / "layer.tar"
    file.write_bytes(tar_of(ENTRIES))
    environ = {**os.environ, "LC_ALL": "C.UTF-8"}
    listing = subprocess.run(
        ["tar", "--list", "--quoting-style=literal", "--file", file],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    assert [name.rstrip("/") for name in listing.stdout.splitlines()] == NAMES
    assert listing.stderr == ""
    out = tmp_path / "out"
    out.mkdir()
    command = ["tar", "--extract", "--no-same-owner", f"--file={file}", f"--directory={out}"]
    subprocess.run(command, check=True, env=environ)
    assert (out / "etc/motd").read_bytes() == b"hello"
    assert (out / "bin/same").samefile(out / "bin/app")
    assert os.fspath((out / "bin/sh").readlink()) == "/bin/app"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_the_same_steps_give_the_same_bytes(compression: str) -> None:
    def build() -> BuiltImage:
        builder = ImageBuilder(compression=compression).layer(ENTRIES, created_by="COPY")
        return builder.config(labels={"b": "1", "a": "2"}, created="2024-01-01T00:00:00Z").build()

    assert build() == build()
    assert build().digest != ImageBuilder(compression=compression).layer(ENTRIES).build().digest


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("as_file", [True, False])
def test_a_tar_that_is_compressed_already_is_kept_as_it_is(
    tmp_path: Path, compression: str, *, as_file: bool
) -> None:
    tar = tar_of({"etc/os-release": "ID=alpine\n"})
    # Not as the builder would: another level, a time stamp.
    stored = gzip.compress(tar, 1, mtime=7) if compression == "gzip" else zstd.compress(tar, 19)
    file = tmp_path / "rootfs"
    file.write_bytes(stored)
    image = ImageBuilder(compression="none").layer_from_tar(file if as_file else stored).build()
    check_by_hand(image)
    (layer,) = image.manifest.layers
    assert image.blobs[layer.digest] == stored
    assert layer.media_type.endswith(f"+{compression}")


def test_a_plain_tar_is_compressed_as_this_layer_or_the_builder_says() -> None:
    tar = tar_of({"a": b"1"})
    builder = ImageBuilder(compression="zstd").layer_from_tar(tar)
    image = builder.layer_from_tar(tar, compression="none").build()
    check_by_hand(image)
    kinds = [d.media_type.rpartition(".")[2] for d in image.manifest.layers]
    assert kinds == ["tar+zstd", "tar"]
    assert image.blobs[image.manifest.layers[1].digest] == tar


def test_a_directory_becomes_a_layer_sorted_and_with_its_modes(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir(mode=0o700)
    (tmp_path / "b/script").write_bytes(b"#!")
    (tmp_path / "b/script").chmod(0o755)
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "astray").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "pipe")
    image = ImageBuilder().layer_from_directory(tmp_path, created_by="COPY . /").build()
    check_by_hand(image)
    with tarfile.open(fileobj=io.BytesIO(unpacked(image)[0])) as archive:
        found = {m.name: (m.type, m.mode, m.linkname) for m in archive}
    assert list(found) == ["a", "astray", "b", "b/script", "link"]
    assert found["b"] == (tarfile.DIRTYPE, stat.S_IMODE((tmp_path / "b").stat().st_mode), "")
    assert found["b/script"] == (tarfile.REGTYPE, 0o755, "")
    assert found["link"] == (tarfile.SYMTYPE, 0o777, "b")
    assert found["astray"][2] == "/nowhere"


def test_any_bytes_are_a_layer_for_tests_of_what_is_hostile() -> None:
    kind = "application/vnd.oci.image.layer.v1.tar+gzip"
    lie = digest_of(b"lie")
    builder = ImageBuilder().raw_layer(b"no gzip", kind).raw_layer(b"other", kind, diff_id=lie)
    image = builder.build()
    assert [image.blobs[d.digest] for d in image.manifest.layers] == [b"no gzip", b"other"]
    assert [d.media_type for d in image.manifest.layers] == [kind, kind]
    assert config_of(image)["rootfs"]["diff_ids"] == [digest_of(b"no gzip"), lie]


def test_a_compression_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'xz' is no compression: use gzip, zstd, none"):
        ImageBuilder(compression="xz")
    with pytest.raises(ValueError, match="'xz' is no compression: use gzip, zstd, none"):
        ImageBuilder().layer({}, compression="xz")


# Config


def test_the_config_has_what_was_set() -> None:
    builder = ImageBuilder(platform="linux/arm/v7").layer({"a": b"1"}, created_by="ADD a /")
    builder.config(
        user="1000:1000",
        env=("PATH=/bin",),
        command=["run"],
        entrypoint=["/init"],
        labels={"org.opencontainers.image.title": "app"},
        working_directory="/srv",
        created=dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC),
    )
    builder.config(user="0")
    assert config_of(builder.build()) == {
        "architecture": "arm",
        "config": {
            "Cmd": ["run"],
            "Entrypoint": ["/init"],
            "Env": ["PATH=/bin"],
            "Labels": {"org.opencontainers.image.title": "app"},
            "User": "0",
            "WorkingDir": "/srv",
        },
        "created": "2024-05-06T07:08:09Z",
        "history": [{"created_by": "ADD a /"}],
        "os": "linux",
        "rootfs": {
            "diff_ids": [digest_of(tar_of({"a": b"1"}))],
            "type": "layers",
        },
        "variant": "v7",
    }


def test_building_goes_on_after_a_build() -> None:
    builder = ImageBuilder().layer({"a": b"1"})
    first = builder.build()
    builder.layer({"b": b"2"}).config(user="1")
    second = builder.build()
    assert (len(first.manifest.layers), len(second.manifest.layers)) == (1, 2)
    assert second.manifest.layers[0] == first.manifest.layers[0]
    assert "User" not in config_of(first)["config"]


def test_an_image_of_nothing() -> None:
    image = ImageBuilder().build()
    check_by_hand(image)
    assert image.manifest.layers == ()


# Where it goes


def test_it_is_pushed_as_the_protocol_has_it(local_registry: LocalRegistry) -> None:
    image = ImageBuilder().layer(ENTRIES).build()
    pushed = image.push(local_registry.reference("org/app:1.0"))
    assert str(pushed) == local_registry.reference(f"org/app@{image.digest}")
    answer = ask(local_registry, "GET", "/v2/org/app/manifests/1.0")
    assert (answer.body, answer.headers["Content-Type"]) == (image.manifest.raw, MANIFEST)
    assert {d: bytes(b) for d, b in local_registry.blobs["org/app"].items()} == image.blobs


def test_an_index_names_each_platform(local_registry: LocalRegistry) -> None:
    platforms = ("linux/amd64", "linux/arm64/v8")
    images = [ImageBuilder(platform=p).layer({"a": p}).build() for p in platforms]
    pushed = build_index(images, local_registry.reference("org/app:1.0"))
    answer = ask(local_registry, "GET", "/v2/org/app/manifests/1.0")
    assert (answer.headers["Content-Type"], digest_of(answer.body)) == (INDEX, pushed.digest)
    assert [(d["digest"], d["platform"]) for d in answer.json["manifests"]] == [
        (images[0].digest, {"os": "linux", "architecture": "amd64"}),
        (images[1].digest, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
    ]
    for image in images:
        path = f"/v2/org/app/manifests/{image.digest}"
        assert ask(local_registry, "GET", path).body == image.manifest.raw


def test_a_layout_has_the_files_of_the_specification(tmp_path: Path) -> None:
    one, two = ImageBuilder().layer({"a": b"1"}).build(), ImageBuilder().layer({"b": b"2"}).build()
    folder = one.write_layout(tmp_path / "layout", "1.0")
    two.write_layout(folder, "2.0")
    check_layout(
        {p.relative_to(folder).as_posix(): p.read_bytes() for p in files(folder)}, one, two
    )


def files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]


def check_layout(found: dict[str, bytes], *images: BuiltImage) -> None:
    """image-spec v1.1, image-layout.md."""
    assert json.loads(found.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(found.pop("index.json"))
    named = {
        d["annotations"]["org.opencontainers.image.ref.name"]: d["digest"]
        for d in index["manifests"]
    }
    assert named == {f"{n}.0": image.digest for n, image in enumerate(images, 1)}
    for path, data in found.items():
        assert path == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}"
    held = {f"sha256:{path.rpartition('/')[2]}" for path in found}
    assert held == {d for image in images for d in (image.digest, *image.blobs)}


def test_an_archive_is_a_layout_in_a_tar_and_the_same_each_time(tmp_path: Path) -> None:
    image = ImageBuilder().layer(ENTRIES).build()
    file = image.write_archive(tmp_path / "app.tar", "1.0")
    assert file.read_bytes() == image.write_archive(tmp_path / "again.tar", "1.0").read_bytes()
    with tarfile.open(file) as archive:
        check_layout({m.name: archive.extractfile(m).read() for m in archive}, image)  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
    with connect(Reference.parse(f"oci-archive:{file}:1.0")) as repository:
        assert repository.resolve("1.0").digest == image.digest
