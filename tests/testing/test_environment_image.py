"""The image of the running environment: what it must have, and what it says it lacks."""

from __future__ import annotations

import io
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.testing.built import check_by_hand, config_of, unpacked

from provenance.testing import environment_image as environment
from provenance.testing import image_from_environment

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_s_image_has_its_distributions_and_is_the_same_each_time() -> None:
    image = image_from_environment()
    assert image.digest == image_from_environment().digest
    check_by_hand(image)
    with tarfile.open(fileobj=io.BytesIO(unpacked(image)[-1])) as archive:
        names = archive.getnames()
    prefix = f"usr/local/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages/"
    assert all(name.startswith(prefix) for name in names)
    folders = {name.removeprefix(prefix).partition("/")[0] for name in names}
    found = {folder.partition("-")[0].lower() for folder in folders}
    assert {"pytest", "requests", "oci_provenance"} <= found
    assert f"pytest-{pytest.__version__}.dist-info" in folders
    assert all(step["created_by"] for step in config_of(image)["history"])


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("etc/os-release", b"ID=debian\n"),
        ("var/lib/dpkg/status", b"Package: a\n"),
        ("lib/apk/db/installed", b"P:musl\n"),
    ],
)
def test_the_system_s_packages_are_the_first_layer(tmp_path: Path, path: str, data: bytes) -> None:
    for name, content in ((path, data), ("usr/share/doc/a/copyright", b"GPL\n")):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(content)
    image = image_from_environment(root=tmp_path)
    assert image.notes == ()
    with tarfile.open(fileobj=io.BytesIO(unpacked(image)[0])) as archive:
        file = archive.extractfile(path)
        assert file is not None
        assert file.read() == data
        # Copyright files belong to dpkg alone.
        assert ("usr/share/doc/a/copyright" in archive.getnames()) == ("dpkg" in path)


def test_a_system_without_packages_has_no_layer_of_them(tmp_path: Path) -> None:
    assert len(image_from_environment(root=tmp_path).manifest.layers) == 1


def test_what_is_not_to_be_had_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc/os-release").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_bytes(b"x" * 1_000_001)
    monkeypatch.setattr(environment, "_MAX_FILE", 1_000_000)
    image = image_from_environment(root=tmp_path)
    about = [note for note in image.notes if str(tmp_path) in note]
    assert about == [
        f"{tmp_path}/etc/os-release: Is a directory",
        f"{tmp_path}/var/lib/dpkg/status: larger than 1000000 bytes",
    ]
    assert len(image.manifest.layers) == 1


def test_a_system_s_python_packages_without_a_record_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Debian's have none; old ones are a single file; the first on the path counts.
    folder = tmp_path / "debian_thing-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(b"Name: debian-thing\nVersion: 1.0\n")
    (folder / "REQUESTED").write_bytes(b"")
    (tmp_path / "old-2.0.egg-info").write_bytes(b"Name: old\nVersion: 2.0\n")
    second = tmp_path / "second"
    (second / folder.name).mkdir(parents=True)
    (second / folder.name / "METADATA").write_bytes(b"hidden by the first")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(second)])
    image = image_from_environment(root=tmp_path)
    with tarfile.open(fileobj=io.BytesIO(unpacked(image)[-1])) as archive:
        got = {
            name.partition("site-packages/")[2]: archive.extractfile(name).read()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
            for name in archive.getnames()
        }
    assert got == {
        "debian_thing-1.0.dist-info/METADATA": b"Name: debian-thing\nVersion: 1.0\n",
        "old-2.0.egg-info": b"Name: old\nVersion: 2.0\n",
    }
