"""Rulings that follow from SPDX annex D."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import UnsupportedFormat
from provenance.packages.expressions import postfix, same_license
from provenance.packages.license_rules import LicenseRules
from provenance.packages.licenses import is_spdx, normalise

GPL2C = "GPL-2.0-only WITH Classpath-exception-2.0"


@pytest.mark.parametrize(
    ("expression", "ruling"),
    [
        ("MIT", "ALLOWED"),
        ("ISC", "NOT_ALLOWED"),
        ("GPL-3.0-only", "DENIED"),
        ("MIT OR GPL-3.0-only", "ALLOWED"),
        ("MIT OR ISC", "ALLOWED"),
        ("MIT AND ISC", "NOT_ALLOWED"),
        ("MIT AND GPL-3.0-only", "DENIED"),
        ("MIT AND (ISC OR Apache-2.0)", "ALLOWED"),
        ("(MIT AND ISC) OR (MIT AND GPL-3.0-only)", "NOT_ALLOWED"),
        ("LicenseRef-mine", "UNKNOWN"),
        ("MIT OR LicenseRef-mine", "ALLOWED"),
        ("MIT AND LicenseRef-mine", "UNKNOWN"),
        ("GPL-3.0-only OR LicenseRef-mine", "UNKNOWN"),
        ("GPL-3.0-only AND LicenseRef-mine", "DENIED"),
        ("LicenseRef-known", "ALLOWED"),
        ("Public domain", "ALLOWED"),
        ("some words", "UNKNOWN"),
        ("", "UNKNOWN"),
        ("Apache-2.0 WITH LLVM-exception", "ALLOWED"),
        ("ISC WITH LLVM-exception", "NOT_ALLOWED"),
        ("Apache-2.0+", "ALLOWED"),
        ("MPL-1.1+", "ALLOWED"),  # offers MPL-2.0
        ("GPL-3.0-or-later", "DENIED"),  # there is no later one
        ("GPL-2.0-or-later", "NOT_ALLOWED"),  # version 2 is on neither list
    ],
)
def test_a_list_of_allowed_and_one_of_denied(expression: str, ruling: str) -> None:
    rules = LicenseRules.of(
        allow=["mit", "Apache-2.0", "MPL-2.0", "LicenseRef-known", "Public  domain"],
        deny=["GPL-3.0"],
    )
    assert rules.judge(expression).name == ruling


@pytest.mark.parametrize(
    ("deny", "expression", "ruling"),
    [
        (["GPL-2.0-only"], "GPL-2.0-or-later", "ALLOWED"),
        (["GPL-2.0-only", "GPL-3.0-only"], "GPL-2.0-or-later", "DENIED"),
        (["GPL-2.0-or-later"], "GPL-2.0-or-later", "DENIED"),
        (["GPL-2.0-or-later"], "GPL-2.0-only", "ALLOWED"),
        (["GPL-*"], "GPL-2.0-or-later", "DENIED"),
        (["GPL-*"], "LGPL-2.1-only", "ALLOWED"),
        (["GPL-*"], GPL2C, "DENIED"),
        (["GPL-2.0-only"], GPL2C, "DENIED"),
        ([GPL2C], GPL2C, "DENIED"),
        ([GPL2C], "GPL-2.0-only", "ALLOWED"),
        (["*"], "MIT", "DENIED"),
        (["*"], "words", "DENIED"),
        ([], "words", "UNKNOWN"),
        ([], "MIT", "ALLOWED"),
    ],
)
def test_a_list_of_denied_alone(deny: list[str], expression: str, ruling: str) -> None:
    assert LicenseRules.of(deny=deny).judge(expression).name == ruling


def test_an_exception_that_is_allowed_by_name_stands_against_its_licence() -> None:
    rules = LicenseRules.of(allow=[GPL2C], deny=["GPL-*"])
    assert rules.judge(GPL2C).name == "ALLOWED"
    assert rules.judge("GPL-2.0-only").name == "DENIED"


def test_an_empty_list_allows_nothing_and_a_pattern_allows_no_words() -> None:
    assert LicenseRules.of(allow=[]).judge("MIT").name == "NOT_ALLOWED"
    assert LicenseRules.of(allow=["*"]).judge("MIT").name == "ALLOWED"
    assert LicenseRules.of(allow=["*"]).judge("words").name == "UNKNOWN"
    assert LicenseRules.of(allow=["*"]).judge("LicenseRef-x").name == "UNKNOWN"


def test_what_is_no_list_of_licences_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="brackets"):
        LicenseRules.of(allow="MIT")
    with pytest.raises(UnsupportedFormat, match="one licence each"):
        LicenseRules.of(deny=["MIT OR ISC"])


LEAVES = st.sampled_from(["MIT", "ISC", "GPL-3.0-only", "LicenseRef-x"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=8,
)
SCALE = {"DENIED": 0, "NOT_ALLOWED": 1, "UNKNOWN": 2, "ALLOWED": 3}


@given(EXPRESSIONS)
def test_python_itself_evaluates_the_same(expression: str) -> None:
    rules = LicenseRules.of(allow=["MIT"], deny=["GPL-3.0-only"])
    spelled = expression
    for leaf in ("GPL-3.0-only", "LicenseRef-x", "MIT", "ISC"):
        spelled = spelled.replace(leaf, str(SCALE[rules.judge(leaf).name]))

    def value(text: str) -> int:
        text = text.strip()
        if text.isdigit():
            return int(text)
        depth = 0
        for at, character in enumerate(text):
            depth += (character == "(") - (character == ")")
            if depth == 1 and character == " ":
                word = text[at + 1 :].partition(" ")[0]
                sides = value(text[1:at]), value(text[at + 2 + len(word) : -1])
                return min(sides) if word == "AND" else max(sides)
        raise AssertionError(text)

    assert SCALE[rules.judge(expression).name] == value(spelled)
    assert SCALE[rules.judge(normalise(expression)).name] == value(spelled)


@given(EXPRESSIONS)
def test_turning_every_pair_round_says_the_same(expression: str) -> None:
    stack: list[str] = []
    for word in postfix(expression):
        if word in ("AND", "OR"):
            right, left = stack.pop(), stack.pop()
            stack.append(f"({right} {word} {left})")
        else:
            stack.append(word)
    assert same_license(expression, stack[0])


@given(st.text("()ANDORMIT +-", max_size=40))
def test_no_text_breaks_a_ruling(text: str) -> None:
    LicenseRules.of(deny=["GPL-*"]).judge(text)
    postfix(text)
    assert same_license(text, text)


def test_a_long_expression_is_no_work() -> None:
    rules = LicenseRules.of(allow=["MIT"])
    for text in ("(" * 100_000, "MIT OR " * 50_000 + "MIT", "MIT AND (" * 40 + "MIT" + ")" * 40):
        rules.judge(text)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("Apache-2.0+", "Apache-2.0+"),
        ("apache-2.0+ AND mit", "Apache-2.0+ AND MIT"),
        ("MPL-1.1+ OR LGPL-2.1+", "MPL-1.1+ OR LGPL-2.1-or-later"),
    ],
)
def test_a_plus_behind_an_identifier_is_of_the_grammar(text: str, expression: str) -> None:
    assert is_spdx(text)
    assert normalise(text) == expression


@pytest.mark.parametrize("text", ["Nonsense+", "MIT++", "+", "MIT or later+"])
def test_a_plus_makes_nothing_else_an_expression(text: str) -> None:
    assert not is_spdx(text)
