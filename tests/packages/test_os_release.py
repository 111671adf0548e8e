from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.packages.os_release import OsRelease

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (b"VERSION_ID=12", "12"),
        (b'VERSION_ID="12"', "12"),
        (b"VERSION_ID='12'", "12"),
        (b'VERSION_ID="a \\"b\\" \\$c \\\\d"', 'a "b" $c \\d'),
        (b"VERSION_ID='a \\\\ b'", "a \\\\ b"),
        (b"  VERSION_ID=12  ", "12"),
        (b"#VERSION_ID=1", ""),
        (b"VERSION_ID=1\nVERSION_ID=2", "2"),
        (b"VERSION_ID", ""),
        (b"1X=3", ""),
        (b"VERSION_ID=1\r", "1"),
    ],
)
def test_quoting_is_that_of_the_shell(line: bytes, version: str) -> None:
    assert OsRelease.parse(line + b"\n").version_id == version


def test_the_fields() -> None:
    data = b'ID=Ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nID_LIKE="debian x"\nNAME=U\n'
    release = OsRelease.parse(data)
    assert release == OsRelease(
        id="ubuntu", version_id="24.04", codename="noble", id_like=("debian", "x"), name="U"
    )
    assert release.distro == "ubuntu-24.04"


def test_a_rolling_distribution_has_no_version() -> None:
    assert OsRelease.parse(b"ID=arch\n").distro == "arch"
    assert OsRelease.parse(b"VERSION_ID=3\n").distro == ""


@given(st.binary())
def test_no_bytes_bring_an_error(data: bytes) -> None:
    OsRelease.parse(data)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "distro"),
    [
        ("alpine", "alpine-3.11.6"),
        ("amazon", "amzn-2"),
        ("debian", "debian-8"),
        ("empty", ""),
        ("fedora", "fedora-36"),
        ("mariner", "mariner-1.0"),
        ("rhel", "rhel-7.3"),
        ("sles", "sles-15.2"),
        ("ubuntu", "ubuntu-20.04"),
        ("wolfi", "wolfi-20220914"),
    ],
)
def test_real_files(corpus: Path, name: str, distro: str) -> None:
    data = (corpus / "packages/os-release" / name).read_bytes()
    assert OsRelease.parse(data).distro == distro
