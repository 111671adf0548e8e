"""A disk that is full: a typed error that says so, whatever is written where."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import QUICK

import provenance
from provenance.errors import RegistryUnavailable
from provenance.oci.descriptor import Descriptor
from provenance.oci.layout import LayoutRepository
from provenance.oci.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

resource = pytest.importorskip("resource")
LARGE = bytes(3 << 20)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Writing more fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def large(tmp_path: Path) -> str:
    """An image of one layer of 3 MiB."""
    layout = LayoutRepository(tmp_path / "large")
    config = Descriptor.of(b"{}", "application/vnd.oci.image.config.v1+json")
    layer = Descriptor.of(LARGE, "application/vnd.oci.image.layer.v1.tar")
    layout.push_blob(b"{}", config)
    layout.push_blob(LARGE, layer)
    layout.push_manifest(Manifest.build(config, [layer]), tag="1")
    return f"oci:{tmp_path / 'large'}:1"


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_a_copy_onto_a_full_disk_is_told_and_leaves_no_file(
    large: str, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "target"
    with (
        files_of_at_most(1 << 20),
        pytest.raises(RegistryUnavailable, match="cannot be written"),
    ):
        provenance.copy(large, f"{kind}:{target}:app:1", settings=QUICK)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".write-")]
    assert kind == "oci" or not target.exists()


def test_a_compressed_archive_that_finds_no_room_is_not_called_broken(
    large: str, tmp_path: Path
) -> None:
    provenance.copy(large, f"oci-archive:{tmp_path / 'a.tar'}:1")
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    with (
        files_of_at_most(1 << 20),
        pytest.raises(RegistryUnavailable, match="cannot be kept among temporary files"),
    ):
        provenance.resolve(f"oci-archive:{tmp_path / 'a.tar.gz'}:1")
