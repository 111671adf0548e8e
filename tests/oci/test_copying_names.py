"""`copy`: manifests keep the names they are known by, whatever algorithm those are of."""

from __future__ import annotations

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
