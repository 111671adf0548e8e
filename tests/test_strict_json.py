"""JSON that can be read in one way only."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import LimitExceeded, MalformedDocument
from provenance.strict_json import decode, decode_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


@given(value=VALUES, ascii_only=st.booleans())
def test_every_json_value_is_read_as_it_is(value: object, ascii_only: bool) -> None:  # noqa: FBT001
    assert decode(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"{} {}", "is no JSON"),
        (b"\xef\xbb\xbf{}", "is no JSON"),
        (b'"\xff"', "is no JSON"),
        ("{}".encode("utf-16"), "is no JSON"),
        (b"9" * 5000, "is no JSON"),
        (b'{"a":1,"a":1}', "the key 'a' twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "the key 'a' twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b"[-1e999]", "too large"),
        (b"[" * 201 + b"]" * 201, "200 levels"),
        (b"[" * 200 + b"0" + b"]" * 200, "200 levels"),
        (b"[" * 100_000, "too deeply|no JSON"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\uDFFF":1}', "surrogate"),
        (b'["\\udc00\\ud800"]', "surrogate"),
    ],
)
def test_what_two_parsers_may_read_differently_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(MalformedDocument, match=why):
        decode(raw)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert decode(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_two_hundred_levels_are_read() -> None:
    assert decode(b"[" * 200 + b"]" * 200)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null"])
def test_an_object_is_an_object(raw: bytes) -> None:
    with pytest.raises(MalformedDocument, match="JSON object"):
        decode_object(raw)


@pytest.mark.parametrize("text", [b"[0,0,0,0]", b"[{},{}]", b"[[],[]]", b'{"a":{"b":[0]},"c":0}'])
def test_more_values_than_allowed_are_not_read(text: bytes) -> None:
    assert decode(text, values=4)
    with pytest.raises(LimitExceeded):
        decode(text, values=3)
