"""New key pairs, and the files they are in."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from tests.signing.keys.made_by_cosign import PASSWORD, PRIVATE

from provenance.attestation.public_key import PublicKey
from provenance.errors import SigningError, UnsupportedFormat
from provenance.signing.keys import (
    ALGORITHMS,
    generate_key_pair,
    read_private_key,
    write_key_pair,
)
from provenance.signing.keys.pairs import encrypted_pair
from provenance.signing.keys.schemes import check_signature, to_be_signed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS if a not in {"rsa-3072", "rsa-4096"}])
def test_a_new_pair_signs(algorithm: str) -> None:
    pair = generate_key_pair("secret", algorithm=algorithm)
    key = read_private_key(pair.private_pem, "secret")
    assert key.public_key == pair.public_key
    assert pair.public_key.algorithm == algorithm
    check_signature(pair.public_key, to_be_signed(pair.public_key, b"data"), key.sign(b"data"))


def test_an_empty_password_is_one_too() -> None:
    assert read_private_key(generate_key_pair("").private_pem, environ={}).sign(b"")


def test_other_algorithms_are_named() -> None:
    with pytest.raises(UnsupportedFormat, match="ecdsa-p256"):
        generate_key_pair("", algorithm="dsa")


def test_a_key_can_be_given_another_password() -> None:
    pair = encrypted_pair(read_private_key(PRIVATE, PASSWORD), "other")
    assert read_private_key(pair.private_pem, "other").public_key == pair.public_key


def test_the_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    pair = generate_key_pair("secret")
    assert "PRIVATE" not in repr(pair)
    private, public = write_key_pair(pair, tmp_path / "release")
    assert (private.name, public.name) == ("release.key", "release.pub")
    if os.name == "posix":
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert read_private_key(private.read_bytes(), "secret").public_key == pair.public_key
    assert PublicKey.parse(public.read_bytes()) == pair.public_key
    assert sorted(p.name for p in tmp_path.iterdir()) == ["release.key", "release.pub"]


@pytest.mark.parametrize("there", ["cosign.key", "cosign.pub"])
def test_nothing_is_overwritten_and_nothing_half_written(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(SigningError, match="there already"):
        write_key_pair(generate_key_pair(""), tmp_path / "cosign")
    assert [p.name for p in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_link_that_leads_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "cosign.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SigningError, match="there already"):
        write_key_pair(generate_key_pair(""), tmp_path / "cosign")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"nowhere/cosign\.key and \.pub cannot be written"):
        write_key_pair(generate_key_pair(""), tmp_path / "nowhere" / "cosign")


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "a\ud800b"])
def test_a_name_that_no_file_has_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"is no path|cannot be written"):
        write_key_pair(generate_key_pair(""), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_password_of_any_bytes_is_that_of_the_variable() -> None:
    """A variable in Latin-1 is no UTF-8, and cosign hashes its bytes."""
    told = os.fsdecode(b"schl\xfcssel")
    pair = generate_key_pair(told)
    environ = {"COSIGN_PASSWORD": told}
    for password in (b"schl\xfcssel", told, None):
        opened = read_private_key(pair.private_pem, password, environ=environ)
        assert opened.public_key == pair.public_key
