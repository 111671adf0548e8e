"""What a client copies: within a registry, through a layout, to another kind of registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.oci.suite_content import CONTENT, push_artifact
from tests.oci.under_test import watch

import provenance as pv
from provenance.errors import NotFound
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.manifest import Index, Manifest
from provenance.oci.repository import digest_tag, read_blob
from provenance.testing import ImageBuilder, LocalRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oci.under_test import UnderTest

    from provenance.digests import Digest
    from provenance.oci.registry_repository import RegistryRepository
    from provenance.oci.repository import Repository

__all__ = ["Copies"]


@dataclass(frozen=True)
class Family:
    """An image for two platforms and all that belongs to it."""

    name: str
    index: Digest
    images: tuple[Digest, ...]
    referrers: dict[Digest, set[Digest]]
    """By subject."""
    signature_tag: str


def _family(registry: UnderTest, referrers: int = 1) -> Family:
    repository = registry.open()
    entries = []
    for platform in ("linux/amd64", "linux/arm64"):
        layers = {"bin/app": platform.encode() * 1000}
        built = ImageBuilder(platform=platform).layer(layers).layer({"etc/x": b"x"}).build()
        for blob in (built.manifest.config, *built.manifest.layers):
            repository.push_blob(built.blobs[blob.digest], blob)
        found = repository.push_manifest(built.manifest)
        entries.append(
            Descriptor(found.media_type, found.digest, found.size, platform=built.platform)
        )
    index = repository.push_manifest(Index.build(entries), tag="1")
    known: dict[Digest, set[Digest]] = {}

    def refer(subject: Descriptor, kind: str, number: int = 0) -> Descriptor:
        pushed = push_artifact(
            *(repository, None),
            subject=subject,
            artifact_type=f"application/vnd.example.{kind}",
            annotations={"number": str(number)},
        )
        known.setdefault(subject.digest, set()).add(pushed.digest)
        return pushed

    for number in range(referrers):
        refer(index, "signature", number)
    sbom = refer(entries[0], "sbom")
    refer(sbom, "signature")
    signature_tag = digest_tag(index.digest, "sig")
    push_artifact(repository, signature_tag, annotations={"legacy": "signature"})
    images = tuple(entry.digest for entry in entries)
    for subject in known:
        registry.listed(subject, repository)
    return Family(repository.reference.repository, index.digest, images, known, signature_tag)


def _is_whole(family: Family, copy: Repository, registry: UnderTest) -> None:
    original = registry.open(family.name)
    assert copy.resolve("1").digest == family.index
    assert copy.manifest("1").raw == original.manifest(family.index).raw
    for digest in family.images:
        image = copy.manifest(digest)
        assert isinstance(image, Manifest)
        for blob in (image.config, *image.layers):
            assert len(read_blob(copy, blob, limit=1 << 20)) == blob.size
    for subject, expected in family.referrers.items():
        assert {d.digest for d in registry.listed(subject, copy)} == expected
        for digest in expected:
            assert copy.manifest(digest).raw == original.manifest(digest).raw
    original_tag = original.resolve(family.signature_tag).digest
    assert copy.resolve(family.signature_tag).digest == original_tag


class Copies:
    """Every digest stays what it was, and nothing moves twice."""

    def test_within_one_registry_with_all_that_belongs_to_it(self, registry: UnderTest) -> None:
        family, target = _family(registry), registry.new_name()
        session = registry.session()
        asked = watch(session)
        places = (registry.reference(family.name, "1"), registry.reference(target, "1"))
        done = pv.copy(*places, referrers=True, registry=session)
        assert done.digest == family.index
        _is_whole(family, registry.open(target), registry)
        assert asked.kinds()["PUT uploads"] == asked.kinds()["PATCH uploads"] == 0, "all mounted"
        assert asked.kinds()["GET blobs"] == 0
        asked.clear()
        again = pv.copy(*places, referrers=True, registry=registry.session())
        assert (again.manifests, again.blobs, again.moved, again.mounted) == (0, 0, 0, 0)
        _is_whole(family, registry.open(target), registry)

    def test_twenty_five_referrers_at_once(self, registry: UnderTest) -> None:
        family, target = _family(registry, referrers=25), registry.new_name()
        places = (registry.reference(family.name, "1"), registry.reference(target, "1"))
        pv.copy(*places, referrers=True, registry=registry.session())
        _is_whole(family, registry.open(target), registry)

    def test_without_referrers_the_image_alone(self, registry: UnderTest) -> None:
        family, target = _family(registry), registry.new_name()
        places = (registry.reference(family.name, "1"), registry.reference(target, "1"))
        pv.copy(*places, registry=registry.session())
        copy = registry.open(target)
        assert copy.resolve("1").digest == family.index
        assert [len(copy.referrers(d)) for d in (family.index, *family.images)] == [0, 0, 0]
        assert copy.tags() == ("1",)

    def test_one_platform_alone(self, registry: UnderTest) -> None:
        family, target = _family(registry), registry.new_name()
        places = (registry.reference(family.name, "1"), registry.reference(target, "1"))
        pv.copy(*places, platform="linux/arm64", registry=registry.session())
        copy = registry.open(target)
        assert copy.resolve("1").digest == family.images[1]
        with pytest.raises(NotFound):
            copy.resolve(family.images[0])

    def test_out_into_a_layout_and_back(self, registry: UnderTest, tmp_path: Path) -> None:
        from provenance.oci.layout import LayoutRepository

        family, target = _family(registry), registry.new_name()
        layout = f"oci:{tmp_path / 'layout'}:1"
        session = registry.session()
        pv.copy(registry.reference(family.name, "1"), layout, referrers=True, registry=session)
        _is_whole(family, LayoutRepository(tmp_path / "layout"), registry)
        pv.copy(layout, registry.reference(target, "1"), referrers=True, registry=session)
        _is_whole(family, registry.open(target), registry)

    @pytest.mark.parametrize("api", [True, False], ids=["the API", "the fallback tag"])
    def test_to_a_registry_of_either_scheme_and_back(
        self, registry: UnderTest, *, api: bool
    ) -> None:
        family, target = _family(registry), registry.new_name()
        session = registry.session()
        with LocalRegistry(referrers_api=api) as other:
            there = other.reference("there:1")
            pv.copy(registry.reference(family.name, "1"), there, referrers=True, registry=session)
            _is_whole(family, self._fresh(registry, there), registry)
            pv.copy(there, registry.reference(target, "1"), referrers=True, registry=session)
        _is_whole(family, registry.open(target), registry)

    def _fresh(self, registry: UnderTest, reference: str) -> RegistryRepository:
        return registry.session().repository(reference)

    def test_what_lacks_a_part_is_not_tagged(self, registry: UnderTest, tmp_path: Path) -> None:
        built = Manifest.build(EMPTY_DESCRIPTOR, [CONTENT])
        with LocalRegistry() as other:
            other.put_blob("broken", b"{}")
            other.put_manifest("broken", built.raw, tag="1")
            target = registry.reference(registry.new_name(), "1")
            with pytest.raises(NotFound, match="has no blob"):
                pv.copy(other.reference("broken:1"), target, registry=registry.session())
        with pytest.raises(NotFound):
            self._fresh(registry, target).resolve("1")
