"""Addresses of repositories: taken apart, never smoothed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.attestation.predicates.git_uri import GitUri


@pytest.mark.parametrize(
    ("text", "repository", "ref"),
    [
        ("git+https://github.com/o/a@refs/heads/main", "https://github.com/o/a", "refs/heads/main"),
        ("git+https://github.com/o/a@refs/tags/a@b", "https://github.com/o/a", "refs/tags/a@b"),
        ("https://github.com/o/a.git#refs/heads/x:dir", "https://github.com/o/a", "refs/heads/x"),
        ("https://github.com/o/a.git#", "https://github.com/o/a", ""),
        ("https://github.com/o/a/", "https://github.com/o/a/", ""),
        ("https://GitHub.com/o/a", "https://GitHub.com/o/a", ""),
        ("https://example.com/o/a.git", "https://example.com/o/a.git", ""),
        ("git+ssh://git@github.com/o/a@v1", "ssh://git@github.com/o/a", "v1"),
        ("https://github.com/o/a.git.git", "https://github.com/o/a.git", ""),
        ("pkg:docker/alpine@latest", "pkg:docker/alpine@latest", ""),
        ("", "", ""),
    ],
)
def test_it_is_taken_apart(text: str, repository: str, ref: str) -> None:
    assert GitUri.parse(text) == GitUri(repository, ref)


@given(text=st.text(max_size=60))
def test_no_text_fails(text: str) -> None:
    assert isinstance(GitUri.parse(text), GitUri)


def test_an_expectation_may_leave_the_scheme_out_and_names_no_ref() -> None:
    assert GitUri.expected("github.com/o/a") == GitUri("https://github.com/o/a")
    for wrong in ("", "github.com/o/a@refs/heads/main"):
        with pytest.raises(ValueError, match="no repository"):
            GitUri.expected(wrong)
