"""What works on one home of images works on all: one suite over each of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest
from tests.oci.registries import QUICK

from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.oci.connect import connect, writable
from provenance.oci.copying import copy
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest
from provenance.oci.reference import Reference
from provenance.oci.repository import Deletes, Holds, Writable, digest_tag, read_blob
from provenance.testing import ImageBuilder, LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = ImageBuilder().layer({"etc/motd": b"hello"}).build()
OTHER = ImageBuilder(platform="linux/arm64").layer({"etc/motd": b"arm"}).build()
REPORT = Descriptor.of(b"report", "text/x-report")


class Home(Writable, Holds, Deletes, Protocol):
    """What every home can do, or says that it cannot."""


@dataclass(frozen=True)
class Kind:
    place: str
    """How it is named, without a tag."""
    prefix: str = ""
    """What a tag must begin with there."""

    def reference(self, tag: str) -> str:
        return f"{self.place}:{self.prefix}{tag}"

    @contextmanager
    def opened(self) -> Iterator[Home]:
        with connect(Reference.parse(self.place), settings=QUICK) as found:
            home = writable(found)
            assert isinstance(home, Holds)
            assert isinstance(home, Deletes)
            yield home


HOMES = ("layout", "OCI archive", "docker archive", "registry", "registry without referrers")


@pytest.fixture(params=HOMES)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    with kind_of(request.param, tmp_path) as found:
        yield found


@pytest.fixture(params=[name for name in HOMES if name != "docker archive"])
def rich_kind(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kind]:
    """Those that take more than single images."""
    with kind_of(request.param, tmp_path) as found:
        yield found


@contextmanager
def kind_of(name: str, folder: Path) -> Iterator[Kind]:
    files = {
        "layout": Kind(f"oci:{folder}/layout"),
        "OCI archive": Kind(f"oci-archive:{folder}/image.tar"),
        "docker archive": Kind(f"docker-archive:{folder}/save.tar", "app:"),
    }
    if name in files:
        yield files[name]
        return
    with LocalRegistry(referrers_api=name == "registry") as registry:
        yield Kind(registry.reference("org/app:1").removesuffix(":1"))


def push_image(home: Home, tag: str | None) -> Descriptor:
    for blob in (IMAGE.manifest.config, *IMAGE.manifest.layers):
        home.push_blob(IMAGE.blobs[blob.digest], blob)
    return home.push_manifest(IMAGE.manifest, tag=tag)


def referrer(subject: Descriptor, number: int = 0) -> Manifest:
    return Manifest.build(
        EMPTY_DESCRIPTOR,
        [REPORT],
        subject=subject,
        artifact_type="text/x-report",
        annotations={"n": str(number)},
    )


def push_referrer(home: Home, subject: Descriptor, number: int = 0) -> Descriptor:
    home.push_blob(b"{}", EMPTY_DESCRIPTOR)
    home.push_blob(b"report", REPORT)
    return home.push_manifest(referrer(subject, number))


def test_what_was_pushed_is_found_by_tag_and_by_digest(kind: Kind) -> None:
    with kind.opened() as home:
        push_image(home, f"{kind.prefix}1")
        assert home.resolve(f"{kind.prefix}1").digest == IMAGE.digest
    with kind.opened() as home:
        found = home.resolve(f"{kind.prefix}1")
        for target in (f"{kind.prefix}1", IMAGE.digest):
            found = home.resolve(target)
            assert (found.digest, found.size) == (IMAGE.digest, len(IMAGE.manifest.raw))
            assert home.manifest(target).raw == IMAGE.manifest.raw
        assert home.manifest(found).raw == IMAGE.manifest.raw
        assert [tag.rpartition(":")[2] for tag in home.tags()] == ["1"]


def test_blobs_come_back_as_they_went(kind: Kind) -> None:
    with kind.opened() as home:
        push_image(home, f"{kind.prefix}1")
        for blob in (IMAGE.manifest.config, *IMAGE.manifest.layers):
            assert read_blob(home, blob, limit=1 << 20) == IMAGE.blobs[blob.digest]
    with kind.opened() as home:
        for blob in (IMAGE.manifest.config, *IMAGE.manifest.layers):
            assert read_blob(home, blob, limit=1 << 20) == IMAGE.blobs[blob.digest]


def test_what_is_not_there_is_not_found(kind: Kind) -> None:
    with kind.opened() as home:
        push_image(home, f"{kind.prefix}1")
    nothing = Descriptor.of(b"nothing", "text/plain")
    with kind.opened() as home:
        with pytest.raises(NotFound):
            home.resolve(f"{kind.prefix}2")
        with pytest.raises(NotFound):
            home.manifest(nothing.digest)
        with pytest.raises(NotFound):
            read_blob(home, nothing, limit=10)
        assert not home.holds(nothing)
        for target in (f"{kind.prefix}2", nothing.digest):
            with pytest.raises(NotFound):
                home.delete(target)


def test_a_blob_is_held_before_it_is_part_of_an_image(kind: Kind) -> None:
    layer = IMAGE.manifest.layers[0]
    with kind.opened() as home:
        assert not home.holds(layer)
        home.push_blob(IMAGE.blobs[layer.digest], layer)
        assert home.holds(layer)


def test_progress_counts_the_bytes_that_move(kind: Kind) -> None:
    moved: list[int] = []
    layer = IMAGE.manifest.layers[0]
    with kind.opened() as home:
        home.push_blob(IMAGE.blobs[layer.digest], layer, progress=moved.append)
        assert sum(moved) == layer.size
        home.push_blob(IMAGE.blobs[layer.digest], layer, progress=moved.append)
        assert sum(moved) == layer.size


@pytest.mark.parametrize(
    "data", [b"repor", b"report!", b"rep0rt"], ids=["short", "long", "altered"]
)
def test_what_is_not_what_it_is_named_is_not_kept(kind: Kind, data: bytes) -> None:
    with kind.opened() as home:
        with pytest.raises(ContentMismatch):
            home.push_blob(data, REPORT)
        assert not home.holds(REPORT)


def test_a_tag_moves_and_another_is_added(kind: Kind) -> None:
    one, two = f"{kind.prefix}1", f"{kind.prefix}2"
    with kind.opened() as home:
        push_image(home, one)
        home.tag(IMAGE.digest, two)
    with kind.opened() as home:
        for blob in (OTHER.manifest.config, *OTHER.manifest.layers):
            home.push_blob(OTHER.blobs[blob.digest], blob)
        home.push_manifest(OTHER.manifest, tag=one)
    with kind.opened() as home:
        assert home.resolve(one).digest == OTHER.digest
        assert home.resolve(two).digest == IMAGE.digest
        assert sorted(tag.rpartition(":")[2] for tag in home.tags()) == ["1", "2"]


def test_a_tag_outside_the_grammar_is_not_written(kind: Kind) -> None:
    with kind.opened() as home:
        push_image(home, f"{kind.prefix}1")
        for tag in ("a b", "a\x1b[31m", "../up", "x" * 300):
            with pytest.raises(InvalidReference):
                home.tag(IMAGE.digest, tag)


def test_a_tag_is_deleted_and_the_image_stays(kind: Kind) -> None:
    with kind.opened() as home:
        push_image(home, f"{kind.prefix}1")
        home.tag(IMAGE.digest, f"{kind.prefix}2")
    with kind.opened() as home:
        home.delete(f"{kind.prefix}1")
    with kind.opened() as home:
        with pytest.raises(NotFound):
            home.resolve(f"{kind.prefix}1")
        assert home.resolve(IMAGE.digest).digest == IMAGE.digest
        home.delete(f"{kind.prefix}2")
    with kind.opened() as home:
        assert home.tags() == ()
        assert home.manifest(IMAGE.digest).raw == IMAGE.manifest.raw


def test_an_image_is_deleted_with_its_tags(kind: Kind) -> None:
    with kind.opened() as home:
        push_image(home, f"{kind.prefix}1")
        for blob in (OTHER.manifest.config, *OTHER.manifest.layers):
            home.push_blob(OTHER.blobs[blob.digest], blob)
        home.push_manifest(OTHER.manifest, tag=f"{kind.prefix}2")
    with kind.opened() as home:
        home.delete(IMAGE.digest)
    with kind.opened() as home:
        assert [tag.rpartition(":")[2] for tag in home.tags()] == ["2"]
        for target in (f"{kind.prefix}1", IMAGE.digest):
            with pytest.raises(NotFound):
                home.manifest(target)
        assert home.manifest(f"{kind.prefix}2").raw == OTHER.manifest.raw


def test_what_refers_to_an_image_is_listed_until_it_is_deleted(rich_kind: Kind) -> None:
    with rich_kind.opened() as home:
        image = push_image(home, "1")
        first, second = push_referrer(home, image, 1), push_referrer(home, image, 2)
    with rich_kind.opened() as home:
        listed = home.referrers(image.digest)
        assert {d.digest for d in listed} == {first.digest, second.digest}
        assert {d.artifact_type for d in listed} == {"text/x-report"}
        assert len(home.referrers(image.digest, artifact_type="text/x-other")) == 0
        home.delete(first.digest)
    with rich_kind.opened() as home:
        assert [d.digest for d in home.referrers(image.digest)] == [second.digest]
        assert home.resolve("1").digest == image.digest


def test_a_fallback_index_loses_what_is_deleted(rich_kind: Kind) -> None:
    tag = digest_tag(IMAGE.digest)
    with rich_kind.opened() as home:
        image = push_image(home, "1")
        first, second = push_referrer(home, image, 1), push_referrer(home, image, 2)
        home.push_manifest(Index.build([first, second]), tag=tag)
    with rich_kind.opened() as home:
        if home.referrers(image.digest).scheme == "api":
            return  # there the registry keeps the list
        home.delete(first.digest)
    with rich_kind.opened() as home:
        index = home.manifest(tag)
        assert isinstance(index, Index)
        assert [d.digest for d in index.manifests] == [second.digest]
        assert [d.digest for d in home.referrers(image.digest)] == [second.digest]


def source(tmp_path: Path) -> tuple[str, Index, set[Digest]]:
    """A layout with an image for two platforms, and three referrers: of it, and of a platform."""
    layout = LayoutRepository(tmp_path / "source")
    for built in (IMAGE, OTHER):
        for blob in (built.manifest.config, *built.manifest.layers):
            layout.push_blob(built.blobs[blob.digest], blob)
        layout.push_manifest(built.manifest, nested=True)
    plain = [
        Descriptor(d.media_type, d.digest, d.size, platform=b.platform)
        for b in (IMAGE, OTHER)
        for d in [b.manifest.descriptor]
    ]
    index = Index.build(plain)
    root = layout.push_manifest(index, tag="1")
    about = [push_referrer(layout, subject, n) for n, subject in enumerate((root, root, plain[0]))]
    return f"oci:{tmp_path}/source:1", index, {d.digest for d in about}


def test_an_image_with_two_platforms_and_three_referrers_is_copied_whole(
    rich_kind: Kind, tmp_path: Path
) -> None:
    origin, index, about = source(tmp_path)
    copied = copy(origin, rich_kind.reference("1"), referrers=True, settings=QUICK)
    assert copied.digest == index.descriptor.digest
    with rich_kind.opened() as home:
        assert home.manifest("1").raw == index.raw
        found = {d.digest for d in home.referrers(index.descriptor.digest)}
        found |= {d.digest for d in home.referrers(IMAGE.digest)}
        assert found == about
        for built in (IMAGE, OTHER):
            assert home.manifest(built.digest).raw == built.manifest.raw
            for layer in built.manifest.layers:
                assert read_blob(home, layer, limit=1 << 20) == built.blobs[layer.digest]
    again = copy(origin, rich_kind.reference("1"), referrers=True, settings=QUICK)
    assert (again.blobs, again.moved) == (0, 0)
    back = copy(rich_kind.reference("1"), f"oci:{tmp_path}/back:1", referrers=True, settings=QUICK)
    assert back.digest == index.descriptor.digest
    assert back.blobs == copied.blobs


def test_one_platform_is_copied_everywhere_and_back(kind: Kind, tmp_path: Path) -> None:
    origin, _, _ = source(tmp_path)
    copied = copy(origin, kind.reference("1"), platform="linux/arm64", settings=QUICK)
    assert copied.digest == OTHER.digest
    assert (
        copy(kind.reference("1"), f"oci:{tmp_path}/back:1", settings=QUICK).digest == OTHER.digest
    )


def test_what_a_docker_archive_cannot_hold_is_refused_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    origin, _, _ = source(tmp_path)
    target = f"docker-archive:{tmp_path}/save.tar:app:1"
    with pytest.raises(UnsupportedFormat, match="several platforms") as index:
        copy(origin, target, settings=QUICK)
    assert "oci-archive" in index.value.hint
    with pytest.raises(UnsupportedFormat, match="images alone") as beside:
        copy(origin, target, platform="linux/amd64", referrers=True, settings=QUICK)
    assert "oci-archive" in beside.value.hint
    with pytest.raises(InvalidReference, match="no name") as unnamed:
        copy(
            origin,
            f"docker-archive:{tmp_path}/save.tar:1.2",
            platform="linux/amd64",
            settings=QUICK,
        )
    assert "org/app:1.2" in unnamed.value.hint
    assert not (tmp_path / "save.tar").exists()


def test_every_error_is_typed(kind: Kind) -> None:
    with kind.opened() as home:
        for target in ("nothing", f"{kind.prefix}nothing", Digest.of(b"nothing")):
            with pytest.raises(ProvenanceError):
                home.manifest(target)
