from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument
from provenance.image.names import Globs, clean
from provenance.image.place import Place


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("etc/os-release", ["etc/os-release"], ["x/etc/os-release", "etc/os-release/x"]),
        ("/etc/os-release", ["etc/os-release"], []),
        ("var/lib/dpkg/*", ["var/lib/dpkg/status"], ["var/lib/dpkg/status.d/x", "var/lib/dpkg"]),
        ("**/METADATA", ["METADATA", "a/b/METADATA"], ["a/XMETADATA"]),
        ("usr/lib/**/METADATA", ["usr/lib/METADATA", "usr/lib/a/b/METADATA"], ["usr/METADATA"]),
        ("usr/**", ["usr/a", "usr/a/b"], ["usrx/a"]),
        ("a/**/b/*.py", ["a/b/x.py", "a/1/2/b/.py"], ["a/b/c/x.py"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("a[bc]d", ["abd", "acd"], ["aed", "a/d"]),
        ("a[!b]d", ["acd"], ["abd", "a/d"]),
        ("a[b-d]", ["ac"], ["ae"]),
        ("a[*]", ["a*"], ["ab"]),
        ("a[", ["a["], ["a"]),
        ("a.b+(c)", ["a.b+(c)"], ["axb+(c)"]),
        ("a/*/../b", ["a/x/../b"], ["a/b"]),
    ],
)
def test_globs(glob: str, matching: list[str], others: list[str]) -> None:
    globs = Globs([glob])
    assert [p for p in matching if not globs(p)] == []
    assert [p for p in others if globs(p)] == []


def test_several_globs_match_what_any_of_them_does() -> None:
    globs = Globs(["a/x", "b/x", "*.info", "a/x"])
    assert [p for p in ("a/x", "b/x", "c/x", "q.info") if globs(p)] == ["a/x", "b/x", "q.info"]
    assert globs.globs == ("a/x", "b/x", "*.info")


@given(st.text("ab*?[]!-\\^/&|~", max_size=20), st.text("ab/", max_size=20))
def test_no_glob_brings_an_error(glob: str, path: str) -> None:
    Globs([glob])(path)


@given(st.binary(max_size=60))
def test_a_clean_name_has_no_step_that_leads_anywhere_but_down(raw: bytes) -> None:
    try:
        path = clean(raw.replace(b"\0", b""), Place())
    except MalformedDocument:
        return
    assert path == "" or not {"", ".", ".."} & set(path.split("/"))
