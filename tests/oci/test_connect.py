from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.oci.registries import QUICK, push

from provenance.errors import NotFound, ProvenanceError, UnsupportedFormat
from provenance.oci.connect import connect, writable
from provenance.oci.layout import LayoutRepository
from provenance.oci.reference import Reference
from provenance.oci.registry import Registry
from provenance.oci.registry_repository import RegistryRepository
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.testing import LocalRegistry


def test_a_session_of_its_own_closes_with_the_block(local_registry: LocalRegistry) -> None:
    reference = Reference.parse(local_registry.reference("org/app:1"))
    with connect(reference, settings=QUICK) as opened:
        assert isinstance(opened, RegistryRepository)
        push(opened)
        assert opened.registry.client._held is not None
    assert opened.registry.client._held is None


def test_a_session_that_was_given_stays_open(local_registry: LocalRegistry) -> None:
    reference = Reference.parse(local_registry.reference("org/app:1"))
    with Registry(settings=QUICK) as registry:
        with connect(reference, registry=registry) as opened:
            push(writable(opened))  # type: ignore[arg-type]
        assert registry.client._held is not None


def test_a_layout_is_written_to(tmp_path: Path) -> None:
    ImageBuilder().layer({"a": b"a"}).push(f"oci:{tmp_path / 'layout'}:1")
    with connect(Reference.parse(f"oci:{tmp_path / 'layout'}:1")) as layout:
        assert isinstance(layout, LayoutRepository)
        assert writable(layout) is layout
        found = layout.resolve("1")
    assert found.size > 0


def test_a_place_not_read_yet_says_what_to_do() -> None:
    with (
        pytest.raises(UnsupportedFormat, match="not read yet") as refused,
        connect(Reference.parse("dir:/srv/root")),
    ):
        pass
    assert "docker save" in refused.value.hint
    assert "dir:" in str(refused.value)


@pytest.mark.parametrize("scheme", ["oci", "oci-archive", "docker-archive"])
def test_a_place_that_is_not_there_is_told(scheme: str, tmp_path: Path) -> None:
    reference = Reference.parse(f"{scheme}:{tmp_path / 'missing'}")
    with pytest.raises(ProvenanceError) as refused, connect(reference) as opened:
        opened.resolve("1")
    assert isinstance(refused.value, NotFound)
    assert "missing" in str(refused.value)


def fail_after(what: object) -> None:
    raise KeyError(what)


def test_what_went_wrong_in_the_block_leaves_the_archive_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    reference = Reference.parse(f"oci-archive:{file}:1")
    with pytest.raises(KeyError), connect(reference) as opened:
        fail_after(push(writable(opened)))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    with connect(reference) as opened:
        push(writable(opened))  # type: ignore[arg-type]
    before = file.read_bytes()
    with pytest.raises(KeyError), connect(reference) as opened:
        fail_after(push(writable(opened), "2"))  # type: ignore[arg-type]
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
