"""Proofs out of tiles: those that the tree itself gives, for every leaf of trees of every size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument
from provenance.signing.tiles import inclusion_path, logged_entry, tile_path
from provenance.testing.sigstore.merkle import Tree
from provenance.testing.sigstore.tiles import parse_tile, read_tile

LARGEST = 70_000
BODIES = [b"entry %d" % n for n in range(LARGEST)]


@pytest.fixture(scope="module")
def tree() -> Tree:
    grown = Tree()
    for body in BODIES:
        grown.add(body)
    return grown


class Tiles:
    """What a log of `size` entries serves, and no more."""

    def __init__(self, tree: Tree, size: int) -> None:
        self.tree, self.size, self.asked = tree, size, list[str]()

    def fetch(self, path: str) -> bytes:
        self.asked.append(path)
        asked = parse_tile(path.removeprefix("tile/"))
        assert asked is not None, path
        level, number, width = asked
        assert (number * 256 + width) * 256 ** max(level, 0) <= self.size
        found = read_tile(self.tree, BODIES, level, number, width)
        assert found is not None, path
        return found


EDGES = [1, 2, 3, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, LARGEST]


@pytest.mark.parametrize("size", EDGES)
def test_at_the_edges_of_tiles_the_proof_is_the_trees(tree: Tree, size: int) -> None:
    for index in {0, size // 2, size - 1, max(0, size - 256), min(255, size - 1)}:
        tiles = Tiles(tree, size)
        assert inclusion_path(tiles.fetch, index, size) == tree.proof(index, size)
        assert logged_entry(tiles.fetch, index, size) == BODIES[index]
        assert len(tiles.asked) == len(set(tiles.asked)) <= 12


@given(st.data())
def test_anywhere_the_proof_is_the_trees(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 2000))
    index = data.draw(st.integers(0, size - 1))
    grown = Tree()
    for body in BODIES[:size]:
        grown.add(body)
    tiles = Tiles(grown, size)
    assert inclusion_path(tiles.fetch, index, size) == grown.proof(index, size)


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")],
)
def test_paths_are_the_specifications(number: int, path: str) -> None:
    assert tile_path("1", number, 256) == f"tile/1/{path}"
    assert tile_path("entries", number, 112) == f"tile/entries/{path}.p/112"


@pytest.mark.parametrize("tile", [b"", b"\0", b"\0\5abc", b"\0\0", b"\0\1a"])
def test_a_tile_without_the_entry_is_none(tile: bytes) -> None:
    with pytest.raises(MalformedDocument, match="ends before its entry"):
        logged_entry(lambda _: tile, 1, 2)


@pytest.mark.parametrize("tile", [b"", b"x" * 31, b"x" * 65])
def test_a_tile_of_another_length_is_none(tile: bytes) -> None:
    with pytest.raises(MalformedDocument, match="not 64"):
        inclusion_path(lambda _: tile, 1, 2)
