"""Tiles, by C2SP tlog-tiles: from them alone a client rebuilds the tree it was promised."""

from __future__ import annotations

import base64
import hashlib
import struct

import pytest
import requests

from provenance.testing.sigstore import LocalSigstore
from provenance.testing.sigstore.log import Log
from provenance.testing.sigstore.tiles import parse_tile, tile_path


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("0/000", (0, 0, 256)),
        ("1/x001/x234/067", (1, 1234067, 256)),
        ("entries/001.p/7", (-1, 1, 7)),
        ("5/999.p/255", (5, 999, 255)),
    ],
)
def test_a_path_names_a_tile(path: str, tile: tuple[int, int, int]) -> None:
    assert parse_tile(path) == tile
    assert tile_path(*tile) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/1",
        "0/1000",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "9/000",
        "a/000",
        "0/000/",
        "-1/000",
    ],
)
def test_other_paths_name_none(path: str) -> None:
    assert parse_tile(path) is None


def leaf(body: bytes) -> bytes:
    return hashlib.sha256(b"\0" + body).digest()


def root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, in the words of the specification."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\1" + root(hashes[:split]) + root(hashes[split:])).digest()


def split(data: bytes) -> list[bytes]:
    assert len(data) % 32 == 0
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def test_the_levels_hash_what_is_below_them() -> None:
    log = Log("log.example")
    bodies = [b"%d" % n for n in range(256 * 2 + 3)]
    for body in bodies:
        log.append(body)
    whole = [log.tile(0, n, 256) or b"" for n in (0, 1)]
    partial = log.tile(0, 2, 3) or b""
    hashes = [leaf(body) for body in bodies]
    assert split(b"".join([*whole, partial])) == hashes
    assert split(log.tile(1, 0, 2) or b"") == [root(hashes[:256]), root(hashes[256:512])]
    assert log.tile(0, 2, 4) is None
    assert log.tile(1, 0, 3) is None
    assert log.tile(2, 0, 1) is None


def test_a_client_rebuilds_the_checkpoint_from_tiles() -> None:
    with LocalSigstore() as sigstore:
        for n in range(5):
            sigstore.forger().blob(b"%d" % n)
        for base in (sigstore.url, f"{sigstore.url}/api/v2"):
            note = requests.get(f"{base}/checkpoint", timeout=10).text
            origin, size, hashed = note.split("\n")[:3]
            assert (origin, size) == ("127.0.0.1", "5")
            tile = requests.get(f"{base}/tile/0/000.p/{size}", timeout=10).content
            assert hashed == sigstore.entries[0]["inclusionProof"]["rootHash"]
            assert root(split(tile)) == base64.b64decode(hashed)
            entries = requests.get(f"{base}/tile/entries/000.p/{size}", timeout=10).content
            for body in sigstore.log.bodies:
                (length,) = struct.unpack("!H", entries[:2])
                assert entries[2 : 2 + length] == body
                entries = entries[2 + length :]
            assert not entries


@pytest.mark.parametrize("path", ["/tile/0/000", "/tile/0/000.p/1", "/tile/nonsense", "/tile/"])
def test_what_is_not_there_yet_is_not_found(path: str) -> None:
    with LocalSigstore() as sigstore:
        assert requests.get(sigstore.url + path, timeout=10).status_code == 404
