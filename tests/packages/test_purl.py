from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import MalformedDocument
from provenance.packages.purl import Purl, build_purl, canonical_purl, parse_purl

if TYPE_CHECKING:
    from pathlib import Path


def cases(corpus: Path) -> list[dict[str, Any]]:
    files = sorted((corpus / "purl/tests").rglob("*-test.json"))
    return [case for file in files for case in json.loads(file.read_bytes())["tests"]]


@pytest.mark.corpus
def test_the_specification_s_own_cases(corpus: Path) -> None:
    tried = 0
    for case in cases(corpus):
        given_, expected = case["input"], case.get("expected_output")
        tried += 1
        if case["expected_failure"]:
            with pytest.raises(MalformedDocument):
                built(given_) if case["test_type"] == "build" else parse_purl(given_)
        elif case["test_type"] == "build":
            assert built(given_) == expected, case["description"]
        elif case["test_type"] == "parse":
            parts = parse_purl(given_)
            found = {
                "type": parts.type,
                "namespace": parts.namespace,
                "name": parts.name,
                "version": parts.version,
                "qualifiers": dict(parts.qualifiers),
                "subpath": parts.subpath,
            }
            assert {k: v or None for k, v in found.items()} == {
                k: v or None for k, v in (expected or {}).items()
            }, case["description"]
        else:
            assert canonical_purl(given_) == expected, case["description"]
    assert tried == 586


def built(parts: dict[str, Any]) -> str:
    return build_purl(
        parts["type"] or "",
        parts["namespace"] or "",
        parts["name"] or "",
        parts["version"] or "",
        parts["qualifiers"],
        subpath=parts["subpath"] or "",
    )


@pytest.mark.parametrize(
    ("arguments", "purl"),
    [
        (
            ("deb", "Debian", "attr", "1:2.4.47-2+b1", {"distro": "debian-12", "arch": "amd64"}),
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12",
        ),
        (
            ("deb", "debian", "tar", "1", {"upstream": "tar@1+b2", "arch": ""}),
            "pkg:deb/debian/tar@1?upstream=tar%401%2Bb2",
        ),
        (
            ("oci", "", "App", "sha256:ab", {"repository_url": "ghcr.io/org/app"}),
            "pkg:oci/app@sha256:ab?repository_url=ghcr.io%2Forg%2Fapp",
        ),
        (("pypi", "", "Foo_Bar", "1.0"), "pkg:pypi/foo-bar@1.0"),
        (("npm", "@scope", "x", "1"), "pkg:npm/%40scope/x@1"),
        # Escapes are no letters to be made small (RFC 3986, 6.2.2.1).
        (("rpm", "Red+Hat/Ä", "x", "1"), "pkg:rpm/red%2Bhat/%C3%A4/x@1"),
        (("generic", "a/b", "c d", "~1"), "pkg:generic/a/b/c%20d@~1"),
    ],
)
def test_building(arguments: tuple[Any, ...], purl: str) -> None:
    assert build_purl(*arguments) == purl


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deb", "", "attr"), "needs a namespace"),
        (("oci", "x", "app"), "has no namespace"),
        (("pypi", "", ""), "needs a name"),
        (("1 x", "", "a"), "no package URL type"),
        (("pypi", "", "a", "1", {"a b": "c"}), "no qualifier key"),
    ],
)
def test_what_a_type_forbids_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(MalformedDocument, match=message):
        build_purl(*arguments)


@pytest.mark.parametrize("text", ["", "pkg:", "nope", "pkg:deb", "http://x/y", "pkg:pypi/"])
def test_what_is_no_purl_is_malformed(text: str) -> None:
    with pytest.raises(MalformedDocument, match="is no package URL"):
        parse_purl(text)


WORDS = st.text(min_size=1, max_size=12).filter(lambda t: t.strip() == t and "/" not in t)


@given(name=WORDS, version=WORDS, value=WORDS)
def test_what_is_built_reads_back(name: str, version: str, value: str) -> None:
    text = build_purl("generic", "", name, version, {"key": value})
    assert parse_purl(text) == Purl(
        type="generic", name=name, version=version, qualifiers={"key": value}
    )


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(MalformedDocument, match="is no text"):
        build_purl("generic", "", "\ud800", "1")


@given(st.text())
def test_no_text_brings_another_error(text: str) -> None:
    with contextlib.suppress(MalformedDocument):
        parse_purl("pkg:" + text)
