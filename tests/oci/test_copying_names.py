"""`copy`: what is copied is known there by its digest, and by the name that was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import BLOB, QUICK

import provenance
from provenance.digests import Digest
from provenance.oci.connect import connect
from provenance.oci.descriptor import EMPTY_DESCRIPTOR, Descriptor
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Index, Manifest, parse_manifest
from provenance.oci.reference import Reference

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.oci.repository import Writable
    from provenance.oci.transfer import Transfer
    from provenance.testing import LocalRegistry


def by_sha512(target: Writable, manifest: Manifest | Index, *, nested: bool = False) -> Descriptor:
    """Store a manifest under its sha512, as image-spec's descriptor.md lets anyone."""
    digest = Digest.of(manifest.raw, "sha512")
    media_type = manifest.descriptor.media_type
    again = parse_manifest(manifest.raw, media_type, digest=digest)
    target.push_manifest(again, nested=nested)
    return Descriptor(media_type, digest, len(manifest.raw))


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "registry"])
def test_what_is_named_by_sha512_is_found_by_it_at_the_copy(
    tmp_path: Path, local_registry: LocalRegistry, kind: str
) -> None:
    source = LayoutRepository(tmp_path / "source")
    source.push_blob(b"content", BLOB)
    source.push_blob(b"{}", EMPTY_DESCRIPTOR)
    child = by_sha512(source, Manifest.build(EMPTY_DESCRIPTOR, [BLOB]), nested=True)
    root = by_sha512(source, Index.build([child]))
    signature = by_sha512(
        source, Manifest.build(EMPTY_DESCRIPTOR, [BLOB], subject=root, artifact_type="text/plain")
    )
    where = f"{kind}:{tmp_path / 't'}"
    if kind == "registry":
        where = local_registry.reference("org/app")
    copied = provenance.copy(
        f"oci:{tmp_path / 'source'}@{root.digest}", f"{where}:1", referrers=True, settings=QUICK
    )
    assert copied.digest == root.digest
    with connect(Reference.parse(f"{where}:1")) as target:
        for expected in (root, child, signature):
            assert target.manifest(expected.digest).descriptor.digest == expected.digest
        assert target.manifest("1").raw == target.manifest(root.digest).raw
        if kind != "registry":  # which names what a tag points at by an algorithm of its own
            assert target.resolve("1").digest == root.digest
        assert [d.digest for d in target.referrers(root.digest)] == [signature.digest]


def one(layout: LayoutRepository, text: bytes) -> Descriptor:
    config = Descriptor.of(text, "application/vnd.oci.image.config.v1+json")
    layout.push_blob(text, config)
    return layout.push_manifest(Manifest.build(config, []), tag=text.decode())


# What names an image well enough to find it by another name.
ALREADY = {"nothing": None, "a whole reference": "example.com/app:7", "another tag": "8"}


@pytest.mark.parametrize("kind", ["oci", "oci-archive"])
@pytest.mark.parametrize("already", ALREADY)
@pytest.mark.parametrize("tag", ["7", "latest"])
def test_the_tag_that_was_asked_for_is_set_though_another_leads_there(
    tmp_path: Path, kind: str, already: str, tag: str
) -> None:
    root = one(LayoutRepository(tmp_path / "source"), b"image")
    source, target = f"oci:{tmp_path / 'source'}:image", f"{kind}:{tmp_path / 'target'}"
    name = ALREADY[already]
    provenance.copy(source, target if name is None else f"{target}:{name}")
    assert provenance.copy(source, f"{target}:{tag}").tags == (tag,)
    assert provenance.copy(source, f"{target}:{tag}").tags == ()
    with connect(Reference.parse(target)) as found:
        assert set(found.tags()) == {tag, *([name] if name else [])}
        assert found.resolve(tag).digest == root.digest


def test_a_name_of_containerds_is_taken_from_the_image_that_had_it(tmp_path: Path) -> None:
    """Else two images have it, and it leads to neither."""
    layout, name = LayoutRepository(tmp_path / "layout"), "docker.io/library/app:1"
    old = one(layout, b"old")
    index = json.loads((tmp_path / "layout/index.json").read_bytes())
    index["manifests"][0]["annotations"]["io.containerd.image.name"] = name
    (tmp_path / "layout/index.json").write_text(json.dumps(index))
    new = one(LayoutRepository(tmp_path / "source"), b"new")
    provenance.copy(f"oci:{tmp_path / 'source'}:new", f"oci:{tmp_path / 'layout'}:{name}")
    assert layout.resolve(name).digest == new.digest
    assert layout.resolve("old").digest == old.digest


def test_an_empty_blob_that_is_there_was_not_moved(tmp_path: Path) -> None:
    source = LayoutRepository(tmp_path / "source")
    empty = Descriptor.of(b"", "text/plain")
    source.push_blob(b"", empty)
    source.push_manifest(Manifest.build(empty, []), tag="1")
    places = f"oci:{tmp_path / 'source'}:1", f"oci:{tmp_path / 'target'}:1"
    told: list[Transfer] = []
    first, again = (provenance.copy(*places, progress=told.append) for _ in range(2))
    assert (first.blobs, first.there) == (1, 0)
    assert (again.blobs, again.there) == (0, 1)
    assert [event.state for event in told] == ["waiting", "moved", "waiting", "there"]
