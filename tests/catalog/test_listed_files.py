"""`files="all"` is the tree that `tar` and the specification's rules make: path, size, SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.image.test_tree import LAYERS, Change, apply, members, tar_of

import provenance as pv
from provenance.catalog import Cataloger
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from provenance.sbom import Sbom

NOBODY = Cataloger("nobody", 1, (), lambda _: (), paths=("**/a",))
Listing = dict[str, tuple[int, str]]


def hashed(root: Path) -> Listing:
    """Regular files below `root`, as the operating system and hashlib see them."""
    return {
        path.relative_to(root).as_posix(): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def listed(sbom: Sbom) -> Listing:
    return {file.path: (file.size, file.hashes["sha256"]) for file in sbom.files}


def told_apart(layers: list[list[Change]]) -> list[bytes]:
    """Tars whose files differ from layer to layer."""
    return [
        tar_of(
            [
                (kind, name, bytes([index]) + body if isinstance(body, bytes) and body else body)
                for kind, name, body in members(changes)
            ]
        )
        for index, changes in enumerate(layers)
    ]


@settings(max_examples=50)
@given(LAYERS, st.sampled_from(["none", "gzip", "zstd"]))
def test_every_file_is_listed_as_it_is_on_disk(
    layers: list[list[Change]], compression: str
) -> None:
    tar = shutil.which("tar")
    if tar is None:
        pytest.skip("no tar program")
    image = ImageBuilder(compression=compression)
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), Path(name) / "root"
        root.mkdir()
        for index, data in enumerate(told_apart(layers)):
            image.layer_from_tar(data)
            layer = folder / str(index)
            layer.mkdir()
            subprocess.run([tar, "-xf", "-", "-C", str(layer)], input=data, check=True)
            apply(layer, root)
        expected = hashed(root)
        reference = f"oci:{folder / 'image'}:1"
        image.push(reference)
        first = pv.generate_sbom(
            reference, catalogers=[NOBODY], files="all", cache=folder / "cache"
        )
        assert listed(first) == expected
        again = pv.generate_sbom(
            reference, catalogers=[NOBODY], files="all", cache=folder / "cache"
        )
        assert again.to_bytes() == first.to_bytes()
        unpacked = pv.generate_sbom(f"dir:{root}", catalogers=[NOBODY], files="all")
        assert listed(unpacked) == expected


@pytest.mark.parametrize("body", [b"", b"x", b"x" * 5000])
def test_files_with_several_names_are_listed_under_each(tmp_path: Path, body: bytes) -> None:
    image = ImageBuilder()
    image.layer_from_tar(tar_of([("file", "z", body), ("hardlink", "a", "z")]))
    image.layer_from_tar(tar_of([("hardlink", "b", "z"), ("hardlink", "c/a", "z")]))
    image.push(f"oci:{tmp_path}:1")
    found = pv.generate_sbom(f"oci:{tmp_path}:1", catalogers=[NOBODY], files="all", cache=None)
    said = len(body), hashlib.sha256(body).hexdigest()
    assert listed(found) == {"z": said, "a": said, "b": said, "c/a": said}


SITE = "usr/lib/python3/site-packages"


def record_of(files: dict[str, bytes]) -> bytes:
    """A wheel's RECORD (PEP 376, PEP 427): urlsafe base64 without padding."""
    lines = [
        f"{name},sha256={urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},"
        f"{len(data)}"
        for name, data in files.items()
    ]
    return "\n".join([*lines, "x-1.dist-info/RECORD,,"]).encode()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({f"{SITE}/x/a.py": b"a = 1"}, []),
        ({f"{SITE}/x/a.py": b"changed", f"{SITE}/x/b.py": b""}, [f"{SITE}/x/a.py and 1 more"]),
        ({f"{SITE}/x/new.py": b"nobody's"}, []),
    ],
)
def test_what_is_not_as_it_was_installed_is_said(
    changes: dict[str, bytes], expected: list[str], tmp_path: Path
) -> None:
    files = {"x/a.py": b"a = 1", "x/b.py": b"b = 2"}
    metadata = b"Metadata-Version: 2.1\nName: x\nVersion: 1\n\n"
    image = ImageBuilder().layer(
        {
            **{f"{SITE}/{name}": data for name, data in files.items()},
            f"{SITE}/x-1.dist-info/METADATA": metadata,
            f"{SITE}/x-1.dist-info/RECORD": record_of(files),
        }
    )
    if changes:
        image.layer(dict(changes))
    image.push(f"oci:{tmp_path}:1")
    sbom = pv.generate_sbom(f"oci:{tmp_path}:1", files="owned", cache=None)
    findings = [f.message for f in sbom.findings if f.rule == "owned-file-differs"]
    told = [message.partition(": not the bytes that pkg:pypi/x@1 says")[0] for message in findings]
    assert told == expected


def test_a_layer_that_stands_twice_has_its_findings_once(tmp_path: Path) -> None:
    image = ImageBuilder()
    for _ in range(2):
        image.layer_from_tar(tar_of([("file", "etc/.wh.", b"")]))
    image.push(f"oci:{tmp_path}:1")
    sbom = pv.generate_sbom(f"oci:{tmp_path}:1", cache=None)
    assert [f.rule for f in sbom.findings] == ["whiteout-without-name"]
