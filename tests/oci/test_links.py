from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument
from provenance.oci.links import next_link


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ""),
        (" , ", ""),
        ('</a?n=1&last=b>; rel="next"', "/a?n=1&last=b"),
        ("<https://h/a,b;c>;rel=next", "https://h/a,b;c"),
        ('</a>; rel="prev next"', "/a"),
        ("</a>; REL = Next ", "/a"),
        ('</a>; title="x, y; rel=next"; rel="next"', "/a"),
        ('</a>; title="x; rel=next"', ""),
        ('</p>; rel="prev", </n>; rel="next"', "/n"),
        ('</n>; rel="next", </n>; rel=next', "/n"),
        ("</style.css>; rel=preload; as=style; crossorigin", ""),
        ("</a>; rel=prev; rel=next", ""),  # section 3.3: only the first counts
        ("<next>", ""),
        ("</next>; rel=nextone", ""),
    ],
)
def test_the_next_page(header: str, expected: str) -> None:
    assert next_link(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        "/a; rel=next",
        "</a; rel=next",
        '</a>; rel="next',
        '</a> rel="next"',
        '</a>; rel="next" </b>',
        '</a>; rel="prev", garbage; rel="next"',
        "</a>; rel=next, </b>; rel=next",
    ],
)
def test_what_cannot_be_read_is_not_passed_over(header: str) -> None:
    with pytest.raises(MalformedDocument, match="Link header"):
        next_link(header)


@given(st.text(alphabet='<>;,="\t rel next/a', max_size=200))
def test_any_text_is_read_or_refused(header: str) -> None:
    try:
        found = next_link(header)
    except MalformedDocument:
        return
    assert f"<{found}>" in header or not found


@pytest.mark.parametrize("filler", [" ", ";", ";a", ";a=", '"', "<", "<>,", ' ;a="b"', "; "])
def test_a_header_without_an_end_is_read_in_no_time(filler: str) -> None:
    for start in ("", "</a>", "</a>; rel="):
        try:
            next_link(start + filler * 20_000 + "\x01")
        except MalformedDocument:
            continue
