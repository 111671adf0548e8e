from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument
from provenance.packages.purl import parse_purl
from provenance.packages.purl_columns import split_purls

if TYPE_CHECKING:
    from pathlib import Path


def assert_as_parsed(purls: list[str]) -> None:
    """Every row has the parts that `parse_purl` finds, or none where it refuses."""
    columns = split_purls(purls)
    for row, purl in enumerate(purls):
        got = tuple(column[row] for column in columns)
        try:
            parts = parse_purl(purl)
        except MalformedDocument:
            assert got == ("", "", "", "", (), ""), purl
            continue
        pairs = tuple(sorted(parts.qualifiers.items()))
        wanted = (parts.type, parts.namespace, parts.name, parts.version, pairs, parts.subpath)
        assert got == wanted, purl


PURLS = [
    "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12",
    "pkg:npm/%40angular/core@1.0",
    "pkg:npm/@angular/core@1.0",
    "pkg:npm/Core@1.0",
    "pkg:pypi/a_b@1",
    "pkg:pypi/A-B@1",
    "pkg:golang/github.com/Org/name/v2@v2.0.0#sub/dir",
    "pkg:golang/a@feature/z",
    "pkg:maven/org.example/a.b@1.0?type=jar&classifier=x",
    "pkg:github/Org/Name@1",
    "pkg:generic/a",
    "pkg:generic/a@",
    "pkg:generic/@1",
    "pkg:generic//a@1",
    "pkg:generic/a%20b@1%20",
    "pkg:generic/%2F/a@1",
    "pkg:generic/%/a@1",
    "pkg:generic/a@1?",
    "pkg:generic/a@1?x",
    "pkg:generic/a@1?x=&y=1",
    "pkg:generic/a@1?Y=2&x=1",
    "pkg:generic/a@1?x=1&x=2",
    "pkg:generic/a@1?x=1?y=2",
    "pkg:generic/a@1@2",
    "PKG:generic/a@1",
    "pkg:DEB/debian/a@1",
    "pkg:oci/App@sha256%3Aabc?repository_url=ghcr.io/org/App",
    "pkg:cpan/Perl@1",
    "pkg:a+b/c@1",
    "pkg:deb/debian/caf\u00e9@1",
    "pkg:deb/debian/a b@1",
    "pkg:deb/debian/a\nb@1",
    "pkg:rpm/Fedora/GConf2@1?epoch=1",
    "pkg:deb",
    "deb/debian/a@1",
    "",
]


@pytest.mark.parametrize("purl", PURLS)
def test_the_parts_are_those_that_parsing_finds(purl: str) -> None:
    assert_as_parsed([purl])
    assert_as_parsed([purl, "pkg:deb/debian/a@1"])


def test_many_are_split_as_one_by_one() -> None:
    assert_as_parsed(PURLS)
    assert split_purls([]) == ([], [], [], [], [], [])


_PIECES = [
    *("pkg:", "deb", "npm", "pypi", "maven", "generic", "oci", "/", "/", "@", "?", "#", "&", "="),
    *(
        "a",
        "B",
        "1.0",
        "%40",
        "%2F",
        "%20",
        "%",
        "_",
        "-",
        "+",
        ":",
        "arch",
        " ",
        "\u00e9",
        "..",
        "~",
    ),
]


@given(st.lists(st.lists(st.sampled_from(_PIECES), max_size=10).map("".join), max_size=5))
def test_any_text_is_split_as_it_is_parsed(texts: list[str]) -> None:
    assert_as_parsed([f"pkg:{text}" for text in texts])


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
def test_any_namespace_name_and_version_are_split_as_they_are_parsed(text: str) -> None:
    for kind in ("deb", "npm", "pypi", "golang", "conda"):
        assert_as_parsed([f"pkg:{kind}/{text}@1", f"pkg:{kind}/a/{text}", f"pkg:{kind}/a@{text}"])


@pytest.mark.corpus
def test_the_specifications_own_purls_are_split_as_they_are_parsed(corpus: Path) -> None:
    purls = [
        case["input"]
        for path in sorted((corpus / "purl" / "tests").rglob("*.json"))
        for case in json.loads(path.read_bytes())["tests"]
        if isinstance(case["input"], str)
    ]
    assert len(purls) > 300
    for purl in purls:
        assert_as_parsed([purl])
