from __future__ import annotations

import csv
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.mutations import mutations

from provenance.catalog.cataloger import MatchedFile, Problem
from provenance.catalog.ecosystems import php
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Digest.of(b"layer")
PATH = "srv/vendor/composer/installed.json"
RECORD: dict[str, Any] = {
    "name": "Laravel/laravel",
    "version": "v5.5.0",
    "version_normalized": "5.5.0.0",
    "dist": {"type": "zip", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    "require": {"php": ">=7", "ext-json": "*", "Monolog/Monolog": "^1"},
    "require-dev": {"phpunit/phpunit": "*"},
    "replace": {"illuminate/Support": "self.version"},
    "provide": {"psr/log-implementation": "1.0"},
    "license": ["mit"],
    "authors": [{"name": "Ann", "email": "a@example.org"}, {"name": "Bob"}, {"role": "x"}],
    "description": "does things",
    "homepage": "https://example.org",
}


def read(document: object) -> list[Package | Problem]:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(php.read(MatchedFile(PATH, LAYER, len(data), 0o644, data)))


def package(**changes: object) -> Package:
    (found,) = read([RECORD | changes])
    assert isinstance(found, Package)
    return found


WHOLE = Package(
    name="Laravel/laravel",
    version="v5.5.0",
    type="composer",
    purl="pkg:composer/laravel/laravel@v5.5.0",
    licenses=("MIT",),
    stated_licenses=("mit",),
    author="Ann <a@example.org>, Bob",
    description="does things",
    homepage="https://example.org",
    hashes={"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    locations=(Location(PATH, LAYER),),
    depends=("php >=7", "ext-json *", "Monolog/Monolog ^1"),
    provides=("laravel/laravel", "illuminate/support", "psr/log-implementation"),
    cataloger="php",
)


@pytest.mark.parametrize("document", [[RECORD], {"packages": [RECORD], "dev": True}])
def test_both_forms_give_every_field(document: object) -> None:
    assert read(document) == [WHOLE]


def test_needs_are_names_and_those_of_the_interpreter_are_none() -> None:
    assert list(php.requirements(package())) == [("monolog/monolog",)]


@pytest.mark.parametrize(
    ("stated", "licenses", "kept"),
    [
        ("MIT", ("MIT",), ()),
        (["LGPL-2.1-only", "GPL-3.0-or-later"], ("LGPL-2.1-only OR GPL-3.0-or-later",), ...),
        (["proprietary", "MIT"], ("proprietary", "MIT"), ()),
        ([], (), ()),
        (None, (), ()),
    ],
)
def test_several_licences_are_a_choice(stated: Any, licenses: tuple[str, ...], kept: Any) -> None:
    found = package(license=stated)
    assert found.licenses == licenses
    assert found.stated_licenses == (tuple(stated) if kept is ... else kept)


def test_php_writes_an_empty_map_as_a_list() -> None:
    found = package(require=[], replace=[], provide=[], authors=None, dist=None)
    assert (found.depends, found.provides, found.author, found.hashes) == (
        (),
        ("laravel/laravel",),
        "",
        {},
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"{", "is no JSON"),
        (b"", "is no JSON"),
        ({}, "field of the wrong kind"),
        ([{"version": "1"}], "record 1 has no usable name"),
        ([{"name": "local", "version": "1"}], "no usable name (vendor/name): 'local'"),
        ([{"name": "a/b", "version": "1 2"}], "'a/b' has no usable version"),
        ([{"name": "a/b", "version": 1}], "record 1 has a field of the wrong kind"),
        ([7], "record 1 has a field of the wrong kind"),
    ],
)
def test_what_cannot_be_read_is_a_problem(document: object, message: str) -> None:
    (problem,) = read(document)
    assert isinstance(problem, Problem)
    assert message in problem.message


def test_a_broken_record_costs_itself_alone() -> None:
    found = read([RECORD, {"name": ["x"]}, RECORD])
    assert [type(item) for item in found] == [Package, Problem, Package]


def test_a_record_without_a_version_is_said_to_have_none() -> None:
    problem, found = read([{"name": "a/b"}])
    assert isinstance(problem, Problem)
    assert isinstance(found, Package)
    assert (found.version, found.purl) == ("", "pkg:composer/a/b")


def test_what_lists_too_many_packages_is_cut_off_and_says_so() -> None:
    found = read(b'[{"name":"a/b","version":"1"}' + b",0" * 20_000 + b"]")
    assert isinstance(found[0], Problem)
    assert len(found) == 20_001


def test_only_what_composer_installed_is_read() -> None:
    ours = Globs(php.CATALOGER.paths)
    assert ours(PATH)
    assert ours("srv/libraries/composer/installed.json")
    assert not ours("srv/composer.lock")
    assert not ours("srv/installed.json")


def test_no_mutation_brings_an_error() -> None:
    valid = json.dumps({"packages": [RECORD, RECORD]}).encode()
    for data in mutations(valid, random.Random(4), 2000):
        for item in read(data):
            if isinstance(item, Package):
                list(php.requirements(item))


@given(
    st.dictionaries(
        st.sampled_from(sorted(RECORD)),
        st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())),
    )
)
def test_fields_of_any_kind_end_in_results_or_problems(changes: dict[str, Any]) -> None:
    for item in read([RECORD | changes]):
        if isinstance(item, Package):
            list(php.requirements(item))


@pytest.mark.corpus
def test_real_lists(corpus: Path) -> None:
    folder = corpus / "packages"
    expected = [
        (row["file"], row["name"], row["version"])
        for row in csv.DictReader(
            (folder / "expected.tsv").read_text().splitlines(), delimiter="\t"
        )
        if row["file"].startswith("php/")
    ]
    found = []
    for path in sorted((folder / "php").glob("*.json")):
        for item in read(path.read_bytes()):
            if isinstance(item, Package):
                found.append((f"php/{path.name}", item.name, item.version))
            else:
                assert path.name == "sad.installed.json"
    assert found == expected
    assert len(found) == 4


def test_a_list_behind_a_byte_order_mark_is_a_list() -> None:
    data = b'\xef\xbb\xbf[{"name": "a/b", "version": "1"}]'
    (found,) = php.read(MatchedFile("vendor/composer/installed.json", None, len(data), 0o644, data))
    assert isinstance(found, Package)
