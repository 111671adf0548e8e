from __future__ import annotations

import mmap
import tempfile

import msgspec
import pytest

from provenance.catalog.ecosystems.typed_json import Unreadable, decode_typed


class Thing(msgspec.Struct):
    name: str = ""
    parts: list[msgspec.Raw] = []


DECODER = msgspec.json.Decoder(Thing)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is no JSON"),
        (b"nonsense", "is no JSON"),
        (b'{"name": "\xff"}', "is no JSON"),
        (b'{"name": "\\ud800"}', "is no JSON"),
        (b'{"name": 1}', "has a field of the wrong kind: "),
        (b'{"x": ' + b"[" * 200_000, "is nested too deeply"),
        (b"[" + b" " * (32 << 20), "is larger than 32 MiB"),
        (b'{"parts": [' + b"{}," * 2_000_001, "has more than 2000000 values"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, why: str) -> None:
    found = decode_typed(DECODER, body)
    assert isinstance(found, Unreadable)
    assert found.why.startswith(why)


def test_of_a_key_that_is_there_twice_the_last_counts_as_it_does_for_its_writer() -> None:
    assert decode_typed(DECODER, b'{"name": "a", "name": "b"}') == Thing("b")


def test_fields_nobody_asked_for_may_hold_anything() -> None:
    assert decode_typed(DECODER, b'{"x": 1' + b"0" * 10_000 + b', "name": "a"}') == Thing("a")


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert decode_typed(DECODER, b'\xef\xbb\xbf{"name": "a"}') == Thing("a")


@pytest.mark.parametrize("padding", [10, 2 << 20])
def test_a_map_of_a_file_is_read_like_bytes(padding: int) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b'{"name": "a"}' + b" " * padding)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            assert decode_typed(DECODER, body) == Thing("a")
