from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.ecosystems.file_lists import MOST_FILES, below, pack_files, unpack_files

DIGEST = bytes(range(32))


def test_what_was_packed_comes_back() -> None:
    rows = [("a/b", DIGEST), ("", DIGEST), ("c", b""), ("d", b"short")]
    known = f"sha256:{DIGEST.hex()}"
    assert unpack_files(pack_files(rows)) == (["a/b", "c", "d"], [known, "", ""])
    assert unpack_files(pack_files([])) == ([], [])


def test_no_more_than_the_cap_is_kept() -> None:
    paths, _ = unpack_files(pack_files(("a", b"") for _ in range(MOST_FILES + 1)))
    assert len(paths) == MOST_FILES


@pytest.mark.parametrize(
    ("folder", "path", "found"),
    [
        ("lib", "a.py", "lib/a.py"),
        ("lib", ".hidden", "lib/.hidden"),
        ("lib/site", "../../bin/a", "bin/a"),
        ("lib", "../../bin/a", ""),
        ("lib", "/etc/a", "etc/a"),
        ("", "a//./b", "a/b"),
        ("lib", "a\nb", ""),
        ("lib", "a\ud800", ""),
        ("lib", "a\u3000b", "lib/a\u3000b"),
        ("lib", "..", ""),
        ("lib", "a/", "lib/a"),
        ("lib", "", ""),
    ],
)
def test_paths_are_cleaned_as_text(folder: str, path: str, found: str) -> None:
    assert below(folder, path) == found


@given(
    st.sampled_from(["", "lib", "usr/lib/site"]),
    st.lists(st.sampled_from(["..", ".", "", "a", ".b", "c.py", "d..e"]), min_size=1),
)
def test_a_path_is_where_the_library_of_python_says(folder: str, steps: list[str]) -> None:
    path = "/".join(steps)
    if path.startswith("/"):
        folder = ""
    joined = posixpath.normpath(posixpath.join(folder, path.lstrip("/")))
    outside = joined.startswith("..") or joined == "." or not path
    assert below(folder, path) == ("" if outside else joined)
