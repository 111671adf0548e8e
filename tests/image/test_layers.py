from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from provenance.digests import Digest, VerifiedReader
from provenance.errors import (
    ContentMismatch,
    LimitExceeded,
    MalformedDocument,
    UnsupportedFormat,
)
from provenance.image.entry import Kind
from provenance.image.layers import Collected, LayerReader
from provenance.oci.descriptor import Descriptor
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.repository import Referrers

PLAIN = "application/vnd.oci.image.layer.v1.tar"
GZIP = f"{PLAIN}+gzip"
Spec = dict[str, "bytes | tuple[str, str]"]


class Memory:
    """A repository that has blobs and nothing else, and counts what is read."""

    name = "registry.example/app"

    def __init__(self) -> None:
        self.blobs: dict[Digest, bytes] = {}
        self.opened: list[Digest] = []

    def add(self, data: bytes, media_type: str = GZIP) -> Descriptor:
        descriptor = Descriptor.of(data, media_type)
        self.blobs[descriptor.digest] = data
        return descriptor

    @contextmanager
    def open(self, blob: Descriptor, /) -> Iterator[VerifiedReader]:
        self.opened.append(blob.digest)
        with VerifiedReader(
            io.BytesIO(self.blobs[blob.digest]), blob.digest, blob.size, where=self.name
        ) as reader:
            yield reader

    def resolve(self, target: str | Digest, /) -> Descriptor:
        raise NotImplementedError

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        raise NotImplementedError

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        raise NotImplementedError

    def tags(self) -> tuple[str, ...]:
        return ()


def tar(spec: Spec) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, what in spec.items():
            member = tarfile.TarInfo(name)
            if isinstance(what, tuple):
                member.type = {"->": tarfile.SYMTYPE, "=": tarfile.LNKTYPE}[what[0]]
                member.linkname = what[1]
                archive.addfile(member)
            else:
                member.size = len(what)
                archive.addfile(member, io.BytesIO(what))
    return out.getvalue()


def reader(*specs: Spec, **limits: Any) -> LayerReader:
    repository = Memory()
    layers = [repository.add(gzip.compress(tar(spec))) for spec in specs]
    return LayerReader(repository, layers, Limits(**limits), "registry.example/app@sha256:1")


def opened(of: LayerReader) -> list[Digest]:
    assert isinstance(of.repository, Memory)
    return of.repository.opened


def data(found: Collected) -> dict[str, bytes]:
    return {path: file.data for path, file in found.files.items()}


class TestCollect:
    def test_files_of_every_layer_in_one_pass(self) -> None:
        layers = reader({"a/x": b"1", "a/y": b"2"}, {"b/x": b"3", "c": b"4"})
        found = layers.collect(["**/x"])
        assert data(found) == {"a/x": b"1", "b/x": b"3"}
        assert found.files["b/x"].layer == layers.layers[1].digest
        assert len(opened(layers)) == 2

    def test_older_versions_come_with_their_layers(self) -> None:
        layers = reader({"a": b"1"}, {"b": b""}, {"a": b"2"}, {"a": b"3"})
        found = layers.collect(["a"])
        assert data(found) == {"a": b"3"}
        digests = [d.digest for d in layers.layers]
        assert found.history == {"a": ((digests[2], b"2"), (digests[0], b"1"))}

    def test_a_file_that_was_whited_out_is_not_there(self) -> None:
        assert data(reader({"a/x": b"1"}, {"a/.wh.x": b""}).collect(["a/x"])) == {}


class TestLinks:
    def test_a_link_that_matches_brings_its_target_by_a_second_pass(self) -> None:
        layers = reader({"data/real": b"1"}, {"etc/os-release": ("->", "../data/real")})
        found = layers.collect(["etc/os-release"])
        assert data(found) == {"etc/os-release": b"1"}
        file = found.files["etc/os-release"]
        assert (file.real_path, file.link) == ("data/real", "../data/real")
        assert file.layer == layers.layers[0].digest
        assert opened(layers) == [layers.layers[1].digest] + [layers.layers[0].digest] * 2

    def test_a_target_that_matches_too_needs_no_second_pass(self) -> None:
        layers = reader({"a/x": b"1", "a/y": ("->", "x")})
        assert data(layers.collect(["a/*"])) == {"a/x": b"1", "a/y": b"1"}
        assert len(opened(layers)) == 1

    def test_a_linked_directory_makes_a_match(self) -> None:
        layers = reader({"usr/lib/dpkg/status": b"1", "lib": ("->", "usr/lib")})
        assert data(layers.collect(["lib/dpkg/status"])) == {"lib/dpkg/status": b"1"}
        assert data(layers.collect(["lib/*/st*"])) == {"lib/dpkg/status": b"1"}

    def test_a_linked_directory_in_the_place_of_a_star(self) -> None:
        doc = "usr/share/doc"
        layers = reader({f"{doc}/gcc/copyright": b"1", f"{doc}/libgcc": ("->", "gcc")})
        found = layers.collect(["usr/share/doc/*/copyright"])
        assert data(found) == {f"{doc}/gcc/copyright": b"1", f"{doc}/libgcc/copyright": b"1"}

    def test_what_two_stars_reach_by_two_names_has_both(self) -> None:
        layers = reader({"usr/lib/dpkg/status": b"1", "lib": ("->", "usr/lib")})
        found = layers.collect(["**/lib/dpkg/status"])
        assert {p: f.real_path for p, f in found.files.items()} == {
            "lib/dpkg/status": "usr/lib/dpkg/status",
            "usr/lib/dpkg/status": "usr/lib/dpkg/status",
        }

    def test_what_two_stars_reach_only_through_a_link_is_told(self) -> None:
        layers = reader({"data/dpkg/status": b"1", "var/lib": ("->", "/data")})
        assert data(layers.collect(["**/lib/dpkg/status"])) == {"var/lib/dpkg/status": b"1"}

    def test_loops_and_links_to_nothing_match_nothing(self) -> None:
        layers = reader({"a": ("->", "b"), "b": ("->", "a"), "c": ("->", "gone"), "d": ("->", "/")})
        assert data(layers.collect(["a", "c", "d", "*/x", "d/d/d/c"])) == {}

    def test_links_to_everything_have_a_cap(self) -> None:
        layer: Spec = {f"d/{i}": b"" for i in range(500)}
        layer |= {f"l{i}": ("->", "d") for i in range(500)}
        with pytest.raises(LimitExceeded, match="lead to too many files") as caught:
            reader(layer).collect(["*/*"])
        assert caught.value.reference == "registry.example/app@sha256:1"

    def test_long_names_of_links_have_a_cap_of_their_own(self) -> None:
        layer: Spec = {f"d/{i}": b"" for i in range(300)}
        layer |= {f"{'/'.join(['x' * 200] * 5)}/l{i}": ("->", "/d") for i in range(300)}
        with pytest.raises(LimitExceeded, match="lead to too many files"):
            reader(layer).collect(["*/*/*/*/*/*/*"])

    def test_a_hard_link_to_a_file_that_does_not_match(self) -> None:
        layers = reader({"store/1": b"1", "a/status": ("=", "store/1")}, {"store/.wh.1": b""})
        found = layers.collect(["a/status"])
        assert data(found) == {"a/status": b"1"}
        assert found.files["a/status"].layer == layers.layers[0].digest

    def test_a_hard_link_to_a_file_of_a_lower_layer(self) -> None:
        layers = reader({"store/1": b"1"}, {"a/status": ("=", "store/1")})
        found = layers.collect(["a/status"])
        assert data(found) == {"a/status": b"1"}
        assert found.files["a/status"].layer == layers.layers[0].digest

    def test_a_link_is_one_of_all_below(self) -> None:
        layers = reader({"a/x": b"1", "a/y": ("->", "x"), "a/b/z": ("->", "/c"), "c": b"2"})
        assert data(layers.collect(["a/**"])) == {"a/x": b"1", "a/y": b"1", "a/b/z": b"2"}


class TestRefusals:
    def test_an_altered_layer_is_a_mismatch_even_if_the_tar_breaks_first(self) -> None:
        layers = reader({"a": b"1"})
        assert isinstance(layers.repository, Memory)
        digest = layers.layers[0].digest
        blob = bytearray(layers.repository.blobs[digest])
        blob[20] ^= 0xFF
        layers.repository.blobs[digest] = bytes(blob)
        with pytest.raises(ContentMismatch, match="not to its name") as caught:
            layers.collect(["a"])
        assert caught.value.digest == digest

    def test_a_layer_cut_short_is_a_mismatch(self) -> None:
        layers = reader({"a": b"1"})
        assert isinstance(layers.repository, Memory)
        digest = layers.layers[0].digest
        layers.repository.blobs[digest] = layers.repository.blobs[digest][:-10]
        with pytest.raises(ContentMismatch, match="ends after"):
            layers.collect(["a"])

    def test_bytes_after_the_tar_are_proven_too(self) -> None:
        repository = Memory()
        layer = repository.add(tar({"a": b"1"}) + bytes(300_000) + b"end", GZIP)
        repository.blobs[layer.digest] = repository.blobs[layer.digest][:-1] + b"!"
        with pytest.raises(ContentMismatch):
            LayerReader(repository, [layer], Limits(), "app").collect(["a"])

    def test_a_layer_that_was_made_broken_is_malformed_and_named(self) -> None:
        repository = Memory()
        layer = repository.add(gzip.compress(tar({"a": b"1" * 600})[:700]))
        with pytest.raises(MalformedDocument, match="layer 1 of 1: the tar ends") as caught:
            LayerReader(repository, [layer], Limits(), "app@sha256:1").collect(["a"])
        assert (caught.value.reference, caught.value.digest) == ("app@sha256:1", layer.digest)

    @pytest.mark.parametrize(
        "media_type",
        ["application/vnd.in-toto+json", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"],
    )
    def test_what_is_no_layer_of_files_is_unsupported(self, media_type: str) -> None:
        repository = Memory()
        layer = repository.add(b"{}", media_type)
        with pytest.raises(UnsupportedFormat, match="not a tar of files"):
            LayerReader(repository, [layer], Limits(), "app").collect(["a"])

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"blob_bytes": 10}, "has [0-9]+ bytes"),
            ({"file_bytes": 10}, "'[ab]' has 20 bytes"),
            ({"files_bytes": 30}, "too large together"),
            ({"entries": 1}, "more than 1 entries"),
            ({"layers": 1}, "has 2 layers"),
        ],
    )
    def test_limits(self, limits: dict[str, int], message: str) -> None:
        layers = reader({"a": b"x" * 20, "c": b""}, {"b": b"x" * 20}, **limits)
        with pytest.raises(LimitExceeded, match=message):
            layers.collect(["a", "b"])


def test_the_tree_has_sizes_and_modes_of_everything() -> None:
    tree = reader({"a/x": b"123", "l": ("->", "a")}, {"b": b"1"}).tree()
    assert {p: (n.entry.kind, n.entry.size, n.layer) for p, n in tree.nodes.items()} == {
        "a/x": (Kind.FILE, 3, 0),
        "l": (Kind.SYMLINK, 0, 0),
        "b": (Kind.FILE, 1, 1),
    }


def test_memory_does_not_grow_with_the_layer() -> None:
    """A layer of 96 MiB is read in the memory of a few windows."""
    repository = Memory()
    layer = repository.add(gzip.compress(tar({"big": bytes(96 << 20), "a": b"1"}), 1))
    tracemalloc.start()
    try:
        found = LayerReader(repository, [layer], Limits(), "app").collect(["a"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert data(found) == {"a": b"1"}
    assert peak < 8 << 20
