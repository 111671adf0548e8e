"""`copy`: one image with all that belongs to it, between every two kinds of places."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import BLOB, QUICK, open_repository, push

import provenance
from provenance.digests import Digest
from provenance.errors import (
    ContentMismatch,
    InvalidReference,
    LimitExceeded,
    NotFound,
    ProvenanceError,
    RegistryUnavailable,
)
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor, Platform
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag
from provenance.settings import Limits, Settings
from provenance.testing import LocalRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from provenance.oci.repository import Writable
    from provenance.oci.transfer import Transfer

AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")


def image(target: Writable, text: bytes, **more: str) -> Descriptor:
    """An image of one layer; no tag."""
    config = Descriptor.of(b'{"rootfs":' + text + b"}", "application/vnd.oci.image.config.v1+json")
    layer = Descriptor.of(text, "application/vnd.oci.image.layer.v1.tar")
    target.push_blob(b'{"rootfs":' + text + b"}", config)
    target.push_blob(text, layer)
    found = target.push_manifest(Manifest.build(config, [layer], annotations=more), nested=True)
    return Descriptor(found.media_type, found.digest, found.size)


def artifact(target: Writable, subject: Descriptor, kind: str) -> Descriptor:
    target.push_blob(b"{}", EMPTY_DESCRIPTOR)
    target.push_blob(b"content", BLOB)
    made = Manifest.build(EMPTY_DESCRIPTOR, [BLOB], subject=subject, artifact_type=kind)
    found = target.push_manifest(made)
    return Descriptor(found.media_type, found.digest, found.size)


class Whole:
    """An index of two platforms; two referrers, one with one of its own; a digest tag."""

    def __init__(self, target: Writable) -> None:
        self.amd, self.arm = image(target, b"1"), image(target, b"2")
        entries = [
            Descriptor(d.media_type, d.digest, d.size, platform=p)
            for d, p in ((self.amd, AMD), (self.arm, ARM))
        ]
        self.index = target.push_manifest(Index.build(entries), tag="1")
        self.signature = artifact(target, self.index, "text/signature")
        self.countersigned = artifact(target, self.signature, "text/timestamp")
        self.sbom = artifact(target, self.arm, "text/sbom")
        self.tag = digest_tag(self.amd.digest, "sig")
        self.tagged = target.push_manifest(Manifest.build(EMPTY_DESCRIPTOR, [BLOB]), tag=self.tag)

    def check(self, target: Writable) -> None:
        assert target.resolve("1").digest == self.index.digest
        for manifest in (self.index, self.amd, self.arm, self.signature, self.countersigned):
            assert target.manifest(manifest.digest).descriptor.digest == manifest.digest
        for subject, expected in (
            (self.index, self.signature),
            (self.signature, self.countersigned),
            (self.arm, self.sbom),
        ):
            found = target.referrers(subject.digest)
            assert [d.digest for d in found] == [expected.digest]
        assert target.resolve(self.tag).digest == self.tagged.digest


def signed_index(target: Writable, first: str) -> tuple[Descriptor, Descriptor]:
    """An image in an index, and its signature, which something else leads to as well."""
    amd = image(target, b"1")
    signature = artifact(target, amd, "text/signature")
    listed = [amd, signature] if first == "an index lists it" else [amd]
    root = target.push_manifest(Index.build(listed), tag="1")
    if first == "a digest tag names it":
        target.tag(signature, digest_tag(root.digest, "sig"))
    return amd, signature


@pytest.fixture(params=["api", "fallback"])
def other(request: pytest.FixtureRequest) -> Iterator[LocalRegistry]:
    with LocalRegistry(referrers_api=request.param == "api") as registry:
        yield registry


def writes(local: LocalRegistry) -> list[str]:
    return [f"{r.method} {r.path}" for r in local.requests if r.method in {"PUT", "PATCH"}]


class TestAll:
    def test_between_two_registries(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        whole = Whole(open_repository(local_registry))
        copied = provenance.copy(
            local_registry.reference("org/app:1"), other.reference("org/app:1"), referrers=True
        )
        whole.check(open_repository(other))
        assert copied.digest == whole.index.digest
        assert str(copied.reference) == other.reference(f"org/app@{whole.index.digest}")
        assert copied.manifests == 7
        assert set(copied.tags) == {"1", whole.tag}
        assert set(other.manifests["org/app"]) >= set(local_registry.manifests["org/app"])

    def test_again_sends_nothing(self, local_registry: LocalRegistry, other: LocalRegistry) -> None:
        Whole(open_repository(local_registry))
        places = local_registry.reference("org/app:1"), other.reference("org/app:1")
        provenance.copy(*places, referrers=True)
        other.clear_requests()
        again = provenance.copy(*places, referrers=True)
        assert writes(other) == []
        assert (again.manifests, again.moved, again.tags) == (0, 0, ())

    def test_within_a_registry_nothing_is_moved(self, local_registry: LocalRegistry) -> None:
        whole = Whole(open_repository(local_registry))
        local_registry.clear_requests()
        copied = provenance.copy(
            local_registry.reference("org/app:1"),
            local_registry.reference("org/copy:1"),
            referrers=True,
        )
        whole.check(open_repository(local_registry, name="org/copy"))
        assert copied.moved == 0
        assert copied.mounted == 6
        assert not [w for w in writes(local_registry) if "/blobs/" in w]

    def test_by_way_of_a_layout(
        self, local_registry: LocalRegistry, other: LocalRegistry, tmp_path: Path
    ) -> None:
        whole = Whole(open_repository(local_registry))
        layout = f"oci:{tmp_path / 'layout'}:1"
        provenance.copy(local_registry.reference("org/app:1"), layout, referrers=True)
        whole.check(LayoutRepository(tmp_path / "layout"))
        provenance.copy(layout, other.reference("org/app:1"), referrers=True)
        whole.check(open_repository(other))

    def test_the_tag_comes_last(self, local_registry: LocalRegistry, other: LocalRegistry) -> None:
        Whole(open_repository(local_registry))
        provenance.copy(
            local_registry.reference("org/app:1"), other.reference("org/app:1"), referrers=True
        )
        assert writes(other)[-1] == "PUT /v2/org/app/manifests/1"

    def test_what_broke_off_is_ended_by_another(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        whole = Whole(open_repository(local_registry))
        places = local_registry.reference("org/app:1"), other.reference("org/app:1")
        for pattern in ("/blobs/", "/manifests/sha256:", "/manifests/sha256-", "/manifests/1"):
            fault = other.fail(pattern, 500, method="PUT", times=1)
            try:
                provenance.copy(*places, referrers=True, settings=QUICK)
            except ProvenanceError:
                assert fault.hits
        other.clear_faults()
        provenance.copy(*places, referrers=True)
        whole.check(open_repository(other))

    @pytest.mark.parametrize("first", ["an index lists it", "a digest tag names it"])
    def test_a_referrer_that_is_there_unlisted_is_listed(self, first: str) -> None:
        """As it is where it was brought by a tool that keeps no lists of referrers."""
        with (
            LocalRegistry(referrers_api=False) as source,
            LocalRegistry(referrers_api=False) as target,
        ):
            signed_index(open_repository(source), first)
            amd, signature = signed_index(open_repository(target), first)
            del target.tags["org/app"][digest_tag(amd.digest)]
            assert not open_repository(target).referrers(amd.digest).descriptors
            places = source.reference("org/app:1"), target.reference("org/app:1")
            provenance.copy(*places, referrers=True)
            found = open_repository(target).referrers(amd.digest)
            assert [d.digest for d in found] == [signature.digest]
            target.clear_requests()
            provenance.copy(*places, referrers=True)
            assert writes(target) == []


class TestChoice:
    def test_one_platform(self, local_registry: LocalRegistry, other: LocalRegistry) -> None:
        whole = Whole(open_repository(local_registry))
        copied = provenance.copy(
            local_registry.reference("org/app:1"),
            other.reference("org/app:arm"),
            platform="linux/arm64",
        )
        assert copied.digest == whole.arm.digest
        assert list(other.manifests["org/app"]) == [whole.arm.digest]
        assert other.tags["org/app"] == {"arm": whole.arm.digest}

    def test_a_platform_that_is_not_there(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        Whole(open_repository(local_registry))
        with pytest.raises(NotFound, match=r"linux/s390x.*linux/amd64, linux/arm64"):
            provenance.copy(
                local_registry.reference("org/app:1"),
                other.reference("org/app:1"),
                platform="linux/s390x",
            )

    def test_without_referrers_none_is_asked_for(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        Whole(open_repository(local_registry))
        for registry in (local_registry, other):
            registry.clear_requests()
        provenance.copy(local_registry.reference("org/app:1"), other.reference("org/app:1"))
        asked = [*local_registry.requests, *other.requests]
        assert not [r for r in asked if "referrers" in r.path or "sha256-" in r.path]

    def test_a_target_named_by_another_digest_is_refused(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        whole = Whole(open_repository(local_registry))
        target = other.reference(f"org/app@{whole.amd.digest}")
        with pytest.raises(ContentMismatch, match="the target names another"):
            provenance.copy(local_registry.reference("org/app:1"), target)
        assert not other.requests


class TestHostileSources:
    def test_an_altered_layer_is_not_passed_on(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        Whole(open_repository(local_registry))
        local_registry.tamper(Digest.of(b"2"), lambda _: b"3")
        with pytest.raises(ContentMismatch, match="hashes to"):
            provenance.copy(
                local_registry.reference("org/app:1"),
                other.reference("org/app:1"),
                settings=QUICK,
            )
        assert "1" not in other.tags["org/app"]
        assert not other.store.uploads

    def test_a_part_that_is_missing(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        whole = Whole(open_repository(local_registry))
        del local_registry.manifests["org/app"][whole.arm.digest]
        with pytest.raises(NotFound, match=whole.arm.digest):
            provenance.copy(local_registry.reference("org/app:1"), other.reference("org/app:1"))
        assert "1" not in other.tags["org/app"]

    def test_a_lookup_that_fails_is_not_no_referrers(
        self, local_registry: LocalRegistry, other: LocalRegistry
    ) -> None:
        Whole(open_repository(local_registry))
        local_registry.fail("/referrers/", 503)
        with pytest.raises(RegistryUnavailable):
            provenance.copy(
                local_registry.reference("org/app:1"),
                other.reference("org/app:1"),
                referrers=True,
                settings=QUICK,
            )
        assert "1" not in other.tags["org/app"]

    def test_what_claims_to_refer_and_does_not_is_left_out_and_told(
        self, other: LocalRegistry
    ) -> None:
        with LocalRegistry(referrers_api=False) as source:
            repository = open_repository(source)
            root = push(repository)
            stranger = artifact(repository, Descriptor.of(b"x", root.media_type), "text/s")
            repository.push_manifest(Index.build([stranger]), tag=digest_tag(root.digest))
            copied = provenance.copy(
                source.reference("org/app:1"), other.reference("org/app:1"), referrers=True
            )
            assert [d.digest for d, _ in copied.left_out] == [stranger.digest]
            assert stranger.digest not in other.manifests["org/app"]

    def test_a_referrer_that_another_list_claims_too_is_copied(self, other: LocalRegistry) -> None:
        with LocalRegistry(referrers_api=False) as source:
            repository = open_repository(source)
            amd, arm = image(repository, b"1"), image(repository, b"2")
            repository.push_manifest(Index.build([amd, arm]), tag="1")
            signature = artifact(repository, arm, "text/signature")
            repository.push_manifest(Index.build([signature]), tag=digest_tag(amd.digest))
            copied = provenance.copy(
                source.reference("org/app:1"), other.reference("org/app:1"), referrers=True
            )
            assert copied.left_out == ()
            found = open_repository(other).referrers(arm.digest)
            assert [d.digest for d in found] == [signature.digest]

    def test_what_a_digest_tag_names_is_copied_though_a_list_claims_it(
        self, other: LocalRegistry
    ) -> None:
        with LocalRegistry(referrers_api=False) as source:
            repository = open_repository(source)
            root = push(repository)
            tag = digest_tag(root.digest, "sig")
            made = Manifest.build(EMPTY_DESCRIPTOR, [BLOB], artifact_type="text/s")
            stranger = repository.push_manifest(made, tag=tag)
            repository.push_manifest(Index.build([stranger]), tag=digest_tag(root.digest))
            copied = provenance.copy(
                source.reference("org/app:1"), other.reference("org/app:1"), referrers=True
            )
            assert copied.left_out == ()
            assert open_repository(other).resolve(tag).digest == stranger.digest

    @pytest.mark.parametrize(
        ("limits", "words"),
        [
            (Limits(manifests=2), "more than 2 manifests"),
            (Limits(files_bytes=1000), "have more than 1000 bytes"),
        ],
        ids=["manifests", "their bytes, which are held in memory"],
    )
    def test_more_than_is_allowed(
        self, local_registry: LocalRegistry, other: LocalRegistry, limits: Limits, words: str
    ) -> None:
        Whole(open_repository(local_registry))
        with pytest.raises(LimitExceeded, match=words):
            provenance.copy(
                local_registry.reference("org/app:1"), other.reference("org/app:1"), limits=limits
            )
        assert not other.tags.get("org/app")


FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


@pytest.mark.parametrize("held", [True, False], ids=["held", "not held"])
def test_a_layer_that_only_its_maker_may_hand_out(
    local_registry: LocalRegistry, tmp_path: Path, *, held: bool
) -> None:
    text = b"windows"
    layer = Descriptor.of(text, FOREIGN, urls=("https://go.example/layer",))
    config = Descriptor.of(b"{}", "application/vnd.oci.image.config.v1+json")
    made = Manifest.build(config, [layer])
    local_registry.put_blob("org/app", b"{}")
    if held:
        local_registry.put_blob("org/app", text)
    local_registry.put_manifest("org/app", made.raw, tag="1")
    copied = provenance.copy(local_registry.reference("org/app:1"), f"oci:{tmp_path / 'layout'}:1")
    assert copied.digest == made.descriptor.digest
    assert [d.digest for d, _ in copied.left_out] == ([] if held else [layer.digest])
    assert LayoutRepository(tmp_path / "layout").holds(layer) is held


@pytest.mark.parametrize("target", ["./new.tar", "/nowhere/new"])
def test_a_new_place_without_a_kind_is_told_how_to_name_one(
    local_registry: LocalRegistry, target: str
) -> None:
    push(open_repository(local_registry))
    with pytest.raises(InvalidReference, match="name the kind: oci:DIR:TAG"):
        provenance.copy(local_registry.reference("org/app:1"), target)


def test_progress_tells_every_byte(local_registry: LocalRegistry, other: LocalRegistry) -> None:
    Whole(open_repository(local_registry))
    told: list[Transfer] = []
    lock = threading.Lock()

    def progress(event: Transfer) -> None:
        with lock:
            told.append(event)

    copied = provenance.copy(
        local_registry.reference("org/app:1"),
        other.reference("org/app:1"),
        progress=progress,
        settings=Settings(workers=4),
    )
    waiting = {e.blob.digest: e.blob.size for e in told if e.state == "waiting"}
    assert len(waiting) == 4
    assert sum(e.moved for e in told) == copied.moved == sum(waiting.values())
    assert {e.blob.digest for e in told if e.state == "moved"} == set(waiting)


def test_an_error_of_who_is_told_ends_it(
    local_registry: LocalRegistry, other: LocalRegistry
) -> None:
    Whole(open_repository(local_registry))

    def progress(event: Transfer) -> None:
        if event.state == "moving":
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        provenance.copy(
            local_registry.reference("org/app:1"), other.reference("org/app:1"), progress=progress
        )
    assert "1" not in other.tags["org/app"]
    assert not other.store.uploads
    mine = [t for t in threading.enumerate() if t.name.startswith("provenance")]
    assert not mine, before


def test_a_place_that_is_none(local_registry: LocalRegistry) -> None:
    push(open_repository(local_registry))
    with pytest.raises(InvalidReference):
        provenance.copy(local_registry.reference("org/app:1"), "UPPER/ case")
