"""Against the vectors of the certificate-transparency reference, and RFC 9162's verification."""

from __future__ import annotations

import hashlib

import pytest

from provenance.testing.sigstore.merkle import Tree

# google/certificate-transparency, merkletree/merkle_tree_test.cc
LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def verify(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root that a proof leads to: RFC 9162 section 2.1.3.2, step for step."""
    assert index < size
    fn, sn, r = index, size - 1, leaf
    for p in path:
        assert sn != 0
        if fn % 2 or fn == sn:
            r = hashlib.sha256(b"\x01" + p + r).digest()
            while fn and not fn % 2:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\x01" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return r


def test_roots_are_those_of_the_reference() -> None:
    tree = Tree()
    for leaf in LEAVES:
        tree.add(bytes.fromhex(leaf))
    assert [tree.root(size).hex() for size in range(9)] == ROOTS


def test_every_proof_of_every_size_leads_to_its_root() -> None:
    tree = Tree()
    leaves = [hashlib.sha256(b"\x00" + bytes([n])).digest() for n in range(70)]
    assert [tree.add(bytes([n])) for n in range(70)] == list(range(70))
    for size in range(1, 71):
        for index in range(size):
            proof = tree.proof(index, size)
            assert verify(leaves[index], index, size, proof) == tree.root(size)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 1), (1, 1), (0, 3)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    tree = Tree()
    tree.add(b"a")
    tree.add(b"b")
    with pytest.raises(IndexError, match="no leaf"):
        tree.proof(index, size)
