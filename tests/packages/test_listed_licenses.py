from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import ExpressionError, Licensing, get_spdx_licensing

from provenance.packages import listed_licenses
from provenance.packages.listed_licenses import read_listed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit", "MIT"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("lgpl-2.1+", "LGPL-2.1-or-later"),
        ("MIT or apache-2.0 OR ISC", "MIT OR Apache-2.0 OR ISC"),
        ("(MIT or ISC)and(Zlib)", "(MIT OR ISC) AND Zlib"),
        # SPDX 2.3 annex D.4
        (
            "gpl-2.0 with classpath-exception-2.0",
            "GPL-2.0-only WITH Classpath-exception-2.0",
        ),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        # None of a list: words.
        *((word, "") for word in ("GPL", "public-domain", "MIT or foo", "MIT ISC", "a with b")),
        # Neither for certain: the full parser knows.
        *((word, None) for word in ("", "MIT and", "((MIT))", "MIT or ISC and Zlib", "GPL 2.0")),
        ("MIT OR GPL-2.0-only WITH Classpath-exception-2.0", None),
        ("Classpath-exception-2.0 WITH MIT", None),
        ("MIT WITH Apache-2.0", None),
        ("LicenseRef-x", None),
        ("MIT OR (MIT OR ISC)", None),
        ("MIT " * 1000, None),
    ],
)
def test_listed_identifiers_and_words_that_are_none(text: str, expected: str | None) -> None:
    assert read_listed(text) == expected


@cache
def full_parser() -> Licensing:
    return get_spdx_licensing()


def agrees(text: str) -> bool:
    """Whether the full parser, asked in its own words, would have said the same."""
    found = read_listed(text)
    if found is None:
        return True
    licensing = full_parser()
    try:
        parsed = licensing.parse(text, strict=True)
    except (ExpressionError, ValueError, AssertionError, TypeError):
        return not found
    known = parsed is not None and not licensing.unknown_license_symbols(parsed)
    rendered: str = getattr(parsed, "render", str)() if known else ""
    return found == rendered or (not found and _is_family(text))


def _is_family(text: str) -> bool:
    """Words that the full parser takes for identifiers, though they name a family or a file."""
    families = {"gpl", "assembly-exception", "verbatim-man-pages"}
    return bool(families & set(text.lower().replace("(", " ").replace(")", " ").split()))


def test_every_name_that_the_full_parser_knows_is_read_as_it_reads_it() -> None:
    licensing = full_parser()
    names = {
        name
        for symbol in licensing.known_symbols.values()
        for name in (symbol.key, *symbol.aliases)
    }
    assert len(names) > 2000
    assert not sorted(n for name in names for n in (name, name.lower()) if not agrees(n))


def test_every_name_with_an_exception_is_read_as_the_full_parser_reads_it() -> None:
    keys = [symbol.key for symbol in full_parser().known_symbols.values()]
    texts = [f"{key} WITH Classpath-exception-2.0" for key in keys]
    texts += [f"GPL-2.0-only WITH {key}" for key in keys]
    assert not sorted(text for text in texts if not agrees(text))


WORDS = (
    *("MIT", "mit", "Apache-2.0", "and", "or", "AND", "OR", "(", ")", "with", "BSD", "GPL", "2.0"),
    *("GPL 2.0", "bsd-2", "X11", "foo", "GPL-2.0-only", "GPL-2.0+", "Classpath-exception-2.0"),
    *("+", "MIT+", "/", ",", "zlib,", "LicenseRef-a"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=7), st.sampled_from([" ", "", "  "]))
def test_any_words_are_read_as_the_full_parser_reads_them_or_left_to_it(
    words: list[str], space: str
) -> None:
    assert agrees(space.join(words))


def test_the_list_has_what_everybody_uses() -> None:
    listed = listed_licenses._listed()
    assert len(listed) > 700
    assert {"mit", "apache-2.0", "bsd-3-clause", "gpl-2.0-or-later", "isc"} <= listed.keys()
