from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.packages.licenses import (
    is_spdx,
    normalise,
    normalise_debian,
    normalise_python,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPL-2.0-only AND (MIT OR BSD-3-Clause)", "GPL-2.0-only AND (MIT OR BSD-3-Clause)"),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "GPL-2.0-only WITH Classpath-exception-2.0",
        ),
        ("LicenseRef-Proprietary", "LicenseRef-Proprietary"),
        ("MIT AND LicenseRef-x", "MIT AND LicenseRef-x"),
        # No expressions: the words stay.
        ("GPL", "GPL"),
        ("GPL2", "GPL2"),
        ("MIT BSD GPL2+", "MIT BSD GPL2+"),
        ("custom", "custom"),
        ("MIT AND", "MIT AND"),
        ("( OR +", "( OR +"),
        ("  MIT   OR\n ISC ", "MIT OR ISC"),
        ("", ""),
    ],
)
def test_expressions_become_canonical_and_words_stay(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("LGPL-2.0+", "LGPL-2.0-or-later"),
        ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        ("Expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("GPL-1+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
        ("GPL-2+ or Artistic, and Expat", "(GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT"),
        ("GPL-2+ with Autoconf exception", "GPL-2+ with Autoconf exception"),
        ("public-domain", "public-domain"),
        ("GPL-9+", "GPL-9+"),
        ("LGPL", "LGPL"),
    ],
)
def test_debian_short_names(text: str, expected: str) -> None:
    assert normalise_debian(text) == expected


APACHE = "License :: OSI Approved :: Apache Software License"


@pytest.mark.parametrize(
    ("expression", "text", "classifiers", "expected"),
    [
        ("MIT OR Apache-2.0", "ignored", [APACHE], ("MIT OR Apache-2.0",)),
        ("", "MIT", [], ("MIT",)),
        ("", "Apache License 2.0", [APACHE], ("Apache-2.0",)),
        ("", "BSD", ["License :: OSI Approved :: BSD License"], ("BSD License",)),
        ("", "", ["License :: OSI Approved :: MIT License"], ("MIT",)),
        ("", "", ["License :: OSI Approved", "Topic :: X"], ()),
        ("", "The long\ntext", ["License :: OSI Approved :: MIT License"], ("MIT",)),
        ("", "Copyright me\nAll rights", [], ("Copyright me",)),
        ("", "UNKNOWN", [], ()),
        ("", "", [], ()),
    ],
)
def test_python_metadata(
    expression: str, text: str, classifiers: list[str], expected: tuple[str, ...]
) -> None:
    assert normalise_python(expression, text, classifiers) == expected


@given(st.text(st.sampled_from("MITGPL-20+() andorwith,"), max_size=60))
def test_no_text_brings_an_error(text: str) -> None:
    assert is_spdx(normalise(text)) == is_spdx(text)
    normalise_debian(text)


@pytest.mark.parametrize("text", ["(" * 5000, "MIT AND " * 5000, "(" * 40 + "MIT" + ")" * 40])
def test_long_and_deep_texts_end(text: str) -> None:
    normalise(text)
