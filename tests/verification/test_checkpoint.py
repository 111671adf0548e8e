"""Checkpoints and inclusion proofs: what is in the tree is proven to be, and nothing else is."""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation.bundle_parts import InclusionProof
from provenance.errors import InvalidEvidence
from provenance.verification.checkpoint import check_inclusion, read_checkpoint

ROOT = base64.b64encode(bytes(32)).decode()
LINE = "\N{EM DASH} log.example " + base64.b64encode(b"abcd" + bytes(64)).decode() + "\n"
GOOD = f"log.example\n7\n{ROOT}\n\n{LINE}"


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, as it is written there."""
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*path(index, leaves[:half]), tree(leaves[half:])]
    return [*path(index - half, leaves[half:]), tree(leaves[:half])]


def proof(index: int, leaves: list[bytes]) -> InclusionProof:
    return InclusionProof(index, len(leaves), tree(leaves), tuple(path(index, leaves)), "")


def holds(body: bytes, given: InclusionProof) -> bool:
    try:
        check_inclusion(body, given)
    except InvalidEvidence as error:
        return error.step != "transparency-log"
    return True


def test_every_leaf_of_every_tree_is_proven_in_its_place_alone() -> None:
    for size in range(1, 20):
        leaves = [b"%d" % i for i in range(size)]
        for index in range(size):
            good = proof(index, leaves)
            assert holds(leaves[index], good)
            assert not holds(b"other", good)
            for wrong in range(size):
                moved = InclusionProof(wrong, size, good.root, good.hashes, "")
                assert holds(leaves[index], moved) == (wrong == index)


@given(
    size=st.integers(1, 40), at=st.integers(0, 39), cut=st.integers(0, 6), more=st.integers(0, 3)
)
def test_a_path_of_another_length_proves_nothing(size: int, at: int, cut: int, more: int) -> None:
    leaves = [b"%d" % i for i in range(size)]
    good = proof(at % size, leaves)
    changed = (*good.hashes[:cut], *(bytes(32),) * more)
    altered = InclusionProof(good.index, size, good.root, changed, "")
    assert holds(leaves[at % size], altered) == (changed == good.hashes)


@pytest.mark.parametrize(("index", "size"), [(1, 1), (5, 5), (0, 0), (2**62, 3)])
def test_an_index_outside_of_the_tree_is_refused(index: int, size: int) -> None:
    assert not holds(b"x", InclusionProof(index, size, bytes(32), (), ""))


def test_a_huge_tree_ends() -> None:
    assert not holds(b"x", InclusionProof(0, 2**63 - 1, bytes(32), (bytes(32),) * 64, ""))
    assert not holds(b"x", InclusionProof(2**63 - 2, 2**63 - 1, bytes(32), (bytes(32),) * 62, ""))


def test_a_checkpoint_is_read_whole() -> None:
    found = read_checkpoint(GOOD.replace("\n\n", "\nTimestamp: 1\n\n") + LINE)
    assert (found.origin, found.size, found.root) == ("log.example", 7, bytes(32))
    assert found.note == f"log.example\n7\n{ROOT}\nTimestamp: 1\n".encode()
    assert [s[:2] for s in found.signatures] == [("log.example", b"abcd")] * 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        GOOD[:-1],
        GOOD.replace("\n\n", "\n"),
        GOOD + "\n" + LINE,
        GOOD.replace("log.example\n7", "\n7"),
        GOOD.replace("\n7\n", "\n07\n"),
        GOOD.replace("\n7\n", "\n-7\n"),
        GOOD.replace("\n7\n", "\n\N{ARABIC-INDIC DIGIT SEVEN}\n"),
        GOOD.replace("\n7\n", "\n" + "9" * 20 + "\n"),
        GOOD.replace(ROOT, "AAAA"),
        GOOD.replace(ROOT, ROOT + "!"),
        GOOD.replace("\N{EM DASH}", "-"),
        GOOD.replace(LINE, "\N{EM DASH} log.example AAAA\n"),
        GOOD.replace(LINE, LINE.replace("log.example", "log example")),
        GOOD.replace(LINE, LINE.replace("log.example", "log+example")),
        GOOD + LINE * 100,
        GOOD.replace("\n7\n", "\n7\r\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvidence) as caught:
        read_checkpoint(text)
    assert caught.value.step == "transparency-log"


@given(text=st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for given_text in (text, GOOD.replace("log.example", text), GOOD + text):
        with suppress(InvalidEvidence):
            read_checkpoint(given_text)
