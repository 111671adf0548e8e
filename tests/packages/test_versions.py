"""Version order, against each ecosystem's documentation and the recorded answers of its tools."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.packages.versions import compare_versions, version_key

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ["apk", "cargo", "composer", "deb", "gem", "golang", "hex", "maven", "npm"]
TYPES += ["nuget", "pub", "pypi", "rpm"]

# What the documentation of each writes down, oldest first: deb-version(7) and Debian policy
# 5.6.12; rpm-version(7); apk-package(5); PEP 440, "Summary of permitted suffixes"; semver.org,
# section 11; Go's "Pseudo-versions"; Maven's "Version Order Specification"; Gem::Version;
# Composer's "Versions"; NuGet's "Package versioning".
ASCENDING = {
    "deb": "~~ ~~a ~ 0 1.0~beta1~svn1245 1.0~beta1 1.0 a 1:0.1",
    "rpm": "1.0~rc1 1.0 1.0^20160101 1.0.1 1.1-1 1.1-1.fc39 1.1-2 1:0.9",
    "apk": "1_alpha1 1_beta 1_rc1 1 1_git20200101 1_p1 1a 1.0 1.1-r0",
    "pypi": "1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0b1 1.0rc1 1.0 1.0.post1",
    "npm": "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.11 1.0.0-rc.1 1.0.0",
    "golang": "v0.0.0-20191109021931-daa7c04131f5 v1.2.3-0.20191109021931-daa7c04131f5 v1.2.3",
    "maven": "1-alpha 1-beta 1-milestone 1-rc 1-SNAPSHOT 1 1-sp 1-foo 1-1",
    "gem": "1.0.a.2 1.0.b1 1.0 1.0.1 1.1.a 1.1 1.10",
    "composer": "1.0.0-dev 1.0.0-alpha1 1.0.0-beta2 1.0.0-RC1 v1.0.0 1.0.0-p1 1.0.1",
    "nuget": "1.0.1-alpha 1.0.1-beta 1.0.1-Open 1.0.1-zzz 1.0.1 1.0.1.1 1.0.10",
}


@pytest.mark.parametrize("kind", ASCENDING)
def test_the_examples_of_the_documentation_are_in_order(kind: str) -> None:
    for older, newer in itertools.combinations(ASCENDING[kind].split(), 2):
        assert compare_versions(kind, older, newer) == -1, (older, newer)
        assert compare_versions(kind, newer, older) == 1, (older, newer)


@pytest.mark.parametrize(
    ("kind", "a", "b"),
    [
        ("deb", "0:1.0", "1.0-0"),
        ("rpm", "0:1.0-1", "1.0-1"),
        ("apk", "1-r1", "1-r01"),
        ("pypi", "1.0-1", "1.0.post1"),
        ("npm", "1.0.0+a", "1.0.0+b"),
        ("golang", "v2.0.0+incompatible", "v2.0.0"),
        ("maven", "1.0.RELEASE", "1"),
        ("gem", "1.0", "1"),
        ("composer", "v1.0.0", "1.0.0.0"),
        ("nuget", "1.0-RC", "1.0.0-rc"),
    ],
)
def test_two_spellings_of_one_version_are_the_same(kind: str, a: str, b: str) -> None:
    assert compare_versions(kind, a, b) == 0


@pytest.mark.parametrize(
    ("kind", "a", "b"),
    [
        ("generic", "1", "2"),
        ("", "1", "2"),
        ("pypi", "0.1-bulbasaur", "1"),
        ("npm", "latest", "1.0.0"),
        ("golang", "(devel)", "v1.0.0"),
        ("composer", "dev-main", "1.0.0"),
        ("deb", "1.0", ""),
        ("deb", "1.0", "\N{ARABIC-INDIC DIGIT FOUR}"),
        ("apk", "edge", "3.20"),
    ],
)
def test_where_no_order_is_known_none_is_claimed(kind: str, a: str, b: str) -> None:
    assert compare_versions(kind, a, b) is None
    assert compare_versions(kind, a, a) == 0


@pytest.mark.parametrize("kind", TYPES)
def test_a_version_of_a_megabyte_is_no_work(kind: str) -> None:
    for text in ("9" * 1_000_000, "1." * 500_000, "~" * 1_000_000, "1-" * 500_000):
        assert compare_versions(kind, text, "1") is None
        assert compare_versions(kind, text, text) == 0
        assert compare_versions(kind, text[:500], "1") in {None, -1, 0, 1}


@given(st.sampled_from(TYPES), st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_have_one_order_or_none(kind: str, a: str, b: str) -> None:
    there, back = compare_versions(kind, a, b), compare_versions(kind, b, a)
    assert there in {None, -1, 0, 1}
    assert back == (None if there is None else -there)


VERSIONISH = st.text("019aArcx.-_~^+:", max_size=9)


@given(st.sampled_from(sorted(set(TYPES) - {"apk"})), st.lists(VERSIONISH, max_size=3))
def test_the_order_is_one_that_sorts(kind: str, versions: list[str]) -> None:
    # Not apk's: numbers behind a leading zero are text there, and its order has circles.
    keys = [k for k in (version_key(kind, v) for v in versions) if k is not None]
    if len(keys) == 3 and keys[0] <= keys[1] <= keys[2]:
        assert keys[0] <= keys[2]


@pytest.mark.peer
def test_dpkg_itself_agrees() -> None:
    versions = [v for v in ASCENDING["deb"].split() if v[0].isdigit()]
    versions += ["1.2-3+b1", "1.2-3", "1.2~", "1.2+", "1.2.a", "2:0"]
    for a, b in itertools.permutations(versions, 2):
        done = subprocess.run(["dpkg", "--compare-versions", a, "lt", b], check=False)
        assert (compare_versions("deb", a, b) == -1) == (done.returncode == 0), (a, b)


RECORDED = {
    "alpine-versions": "apk",
    "alpine-versions-generated": "apk",
    "debian-versions": "deb",
    "debian-versions-generated": "deb",
    "maven-versions": "maven",
    "maven-versions-generated": "maven",
    "pypi-versions": "pypi",
    "pypi-versions-generated": "pypi",
    "redhat-versions": "rpm",
    "semver-versions": "npm",
}


@pytest.mark.corpus
@pytest.mark.parametrize("name", RECORDED)
def test_recorded_comparisons(corpus: Path, name: str) -> None:
    untold = 0
    for line in (corpus / "versions" / f"{name}.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith(("# ", "// ")):
            continue
        a, sign, b = line.split()
        found = compare_versions(RECORDED[name], a, b)
        if found is None:
            untold += 1
        else:
            assert "<=>"[found + 1] == sign, line
    # 80 lines of Python's are no PEP 440 versions; 5 of Alpine's have no number to begin with.
    assert untold == {"pypi-versions-generated": 69, "pypi-versions": 11, "alpine-versions": 5}.get(
        name, 0
    )
