from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from provenance.errors import NotEvaluated
from provenance.transport import certificates
from provenance.transport.certificates import (
    HostCertificates,
    certificate_folders,
    certificates_for,
)

if TYPE_CHECKING:
    from pathlib import Path


def fill(folder: Path, host: str, *names: str) -> Path:
    own = folder / host
    own.mkdir(parents=True)
    for name in names:
        (own / name).write_text("")
    return own


def test_the_layout_of_the_manual(tmp_path: Path) -> None:
    # The example of containers-certs.d(5).
    own = fill(tmp_path, "my-registry.com:5000", "client.cert", "client.key", "ca.crt")
    found = certificates_for("my-registry.com:5000", [tmp_path])
    assert found == HostCertificates(
        (own / "ca.crt",), ((own / "client.cert", own / "client.key"),), own
    )
    assert found


def test_several_of_each_in_the_order_of_their_names(tmp_path: Path) -> None:
    own = fill(tmp_path, "r.test", "b.crt", "a.crt", "2.key", "2.cert", "1.key", "1.cert", "notes")
    found = certificates_for("r.test", [tmp_path])
    assert [p.name for p in found.authorities] == ["a.crt", "b.crt"]
    assert [c.name for c, _ in found.client] == ["1.cert", "2.cert"]
    assert all(key == cert.with_suffix(".key") for cert, key in found.client)
    assert found.folder == own


@pytest.mark.parametrize(
    "host",
    [
        *("r.test", "r.test:443", "r.test:50", "R.test:5000", "xr.test:5000", "test:5000", ""),
        *("..", ".", "../r.test:5000", "r.test:5000/", "/etc", "r.test:5000/../x", "a\0b"),
    ],
)
def test_a_host_is_matched_whole_and_is_no_path(tmp_path: Path, host: str) -> None:
    folder = tmp_path / "deep" / "certs.d"
    for beside in (folder / "r.test:5000", folder, folder.parent):
        beside.mkdir(parents=True, exist_ok=True)
        (beside / "ca.crt").write_text("")
    assert not certificates_for(host, [folder])


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "docker.io"])
def test_hosts_of_every_form(tmp_path: Path, host: str) -> None:
    fill(tmp_path, host, "ca.crt")
    assert certificates_for(host, [tmp_path])


def test_the_first_folder_that_knows_the_host_is_the_one(tmp_path: Path) -> None:
    fill(tmp_path / "own", "r.test", "own.crt")
    fill(tmp_path / "system", "r.test", "system.crt")
    fill(tmp_path / "system", "other.test", "other.crt")
    folders = [tmp_path / "missing", tmp_path / "own", tmp_path / "system"]
    assert [p.name for p in certificates_for("r.test", folders).authorities] == ["own.crt"]
    assert [p.name for p in certificates_for("other.test", folders).authorities] == ["other.crt"]


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("client.cert", r"client\.cert has no client\.key beside it"),
        ("client.key", r"client\.key has no client\.cert beside it"),
    ],
)
def test_half_a_pair_is_an_error(tmp_path: Path, there: str, message: str) -> None:
    fill(tmp_path, "r.test", there, "ca.crt")
    with pytest.raises(NotEvaluated, match=message):
        certificates_for("r.test", [tmp_path])


def test_an_empty_folder_is_nothing(tmp_path: Path) -> None:
    fill(tmp_path, "r.test")
    assert not certificates_for("r.test", [tmp_path])
    assert not certificates_for("r.test", [])


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = fill(tmp_path, "r.test", "ca.crt")

    def closed(_folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", closed)  # as root, no mode keeps a folder closed
    with pytest.raises(NotEvaluated, match="cannot be read") as refused:
        certificates_for("r.test", [tmp_path])
    assert str(own) in str(refused.value)


def test_the_users_own_folder_goes_before_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "etc"
    monkeypatch.setattr(certificates, "_SYSTEM", (system / "containers", system / "docker"))
    own = tmp_path / ".config" / "containers" / "certs.d"
    env = {"HOME": str(tmp_path)}
    assert certificate_folders(env) == ()
    for folder in (own, system / "docker"):
        folder.mkdir(parents=True)
    assert certificate_folders(env) == (own, system / "docker")
    assert certificate_folders({}) == (system / "docker",)
