from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.ecosystems.pieces import Pieces, reader


def test_a_whole_body_gives_what_it_has() -> None:
    read = reader(b"abcdef")
    assert read(2, 3) == b"cde"
    assert read(4, 3) is None


def test_a_part_of_a_body_gives_nothing_beyond_it() -> None:
    read = reader(memoryview(b"abcdef"), 1, 4)
    assert read(0, 3) == b"bcd"
    assert read(1, 3) is None
    assert reader(b"abcdef", 4, 9)(0, 3) is None


SPANS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 80)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=6,
)


@given(SPANS, st.lists(st.integers(0, 90), max_size=30), st.integers(0, 40))
def test_named_pieces_are_kept_whatever_the_chunks(
    spans: list[tuple[int, int]], chunks: list[int], seed: int
) -> None:
    body = random.Random(seed).randbytes(300)
    pieces = Pieces(spans)
    at = 0
    for size in [*chunks, 300]:
        done = pieces.feed(memoryview(body)[at : at + size])
        at = min(at + size, 300)
        assert done == all(end <= at or start >= end for start, end in spans)
    for start, end in spans:
        expected = body[start:end] if end <= 300 and start < end else None
        if start < end:
            assert pieces.read(start, end - start) == expected
    free = next((p for p in range(300) if not any(a <= p < b for a, b in spans)), None)
    if free is not None:
        assert pieces.read(free, 1) is None
