from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.mutations import mutations

from provenance.catalog.cataloger import MatchedFile, Problem
from provenance.catalog.ecosystems import ruby
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

LAYER = Digest.of(b"layer")
GEMS = "usr/local/bundle/specifications"

# As RubyGems 3.3 writes it: both branches list the needs, the second those of developers too.
OLD = rb"""# -*- encoding: utf-8 -*-
# stub: example 1.2.3 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "example".freeze
  s.version = "1.2.3"
  s.platform = "x86_64-linux".freeze

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :x=
  s.metadata = { "bugs" => "https://b", "homepage_uri" => "https://h" } if s.respond_to? :metadata=
  s.require_paths = ["lib".freeze]
  s.authors = ["Andr\u00E9 Arko".freeze, "Ann \"A\" Bee".freeze]
  s.date = "2021-01-05"
  s.description = "s.name = \"no\"\n  s.version = \"no\"".freeze
  s.homepage = "https://example.org".freeze
  s.licenses = ["mit".freeze, "Ruby".freeze]
  s.summary = "does \#{things}\nand more".freeze

  if s.respond_to? :specification_version then
    s.specification_version = 4
  end

  if s.respond_to? :add_runtime_dependency then
    s.add_runtime_dependency(%q<rake>.freeze, ["~> 13.0".freeze, ">= 13.0.1"])
    s.add_runtime_dependency(%q<net-ftp>.freeze)
    s.add_development_dependency(%q<rspec>.freeze, ["~> 3"])
  else
    s.add_dependency(%q<rake>.freeze, ["~> 13.0".freeze])
    s.add_dependency(%q<rspec>.freeze, ["~> 3"])
  end
end
"""

# As RubyGems 3.6 writes it.
NEW = b"""# -*- encoding: utf-8 -*-
# stub: example 2.0.0 ruby lib

Gem::Specification.new do |s|
  s.name = "example".freeze
  s.version = "2.0.0".freeze
  s.license = 'MIT'
  s.author = "Ann".freeze
  s.metadata = { "homepage_uri" => "https://h" } if s.respond_to? :metadata=
  s.specification_version = 4

  s.add_runtime_dependency(%q<rake>.freeze, [">= 0".freeze])
  s.add_dependency("rexml".freeze, ["~> 3".freeze])
end
"""


def read(data: bytes, path: str = f"{GEMS}/example-1.gemspec") -> list[Package | Problem]:
    return list(ruby.read(MatchedFile(path, LAYER, len(data), 0o644, data)))


def package(data: bytes) -> Package:
    (found,) = read(data)
    assert isinstance(found, Package)
    return found


def test_every_field_has_its_place() -> None:
    assert package(OLD) == Package(
        name="example",
        version="1.2.3",
        type="gem",
        purl="pkg:gem/example@1.2.3?platform=x86_64-linux",
        licenses=("MIT", "Ruby"),
        stated_licenses=("mit", "Ruby"),
        author='André Arko, Ann "A" Bee',
        description="does #{things}",
        homepage="https://example.org",
        locations=(Location(f"{GEMS}/example-1.gemspec", LAYER),),
        architecture="x86_64-linux",
        depends=("rake (~> 13.0, >= 13.0.1)", "net-ftp"),
        cataloger="ruby",
    )


def test_the_newer_form() -> None:
    found = package(NEW)
    assert found.purl == "pkg:gem/example@2.0.0"
    assert (found.licenses, found.author, found.homepage) == (("MIT",), "Ann", "https://h")
    assert found.depends == ("rake (>= 0)", "rexml (~> 3)")
    assert list(ruby.requirements(found)) == [("rake",), ("rexml",)]


@pytest.mark.parametrize(
    ("statement", "purl"),
    [
        (b's.platform = "java".freeze', "pkg:gem/jruby-launcher@1.1.2?platform=java"),
        (b's.platform = Gem::Platform.new("java")', "pkg:gem/jruby-launcher@1.1.2?platform=java"),
        (b"s.platform = Gem::Platform::RUBY", "pkg:gem/jruby-launcher@1.1.2"),
    ],
)
def test_another_platform_is_a_qualifier(statement: bytes, purl: str) -> None:
    # The purls are examples of the type's definition.
    lines = b's.name = "jruby-launcher"\ns.version = Gem::Version.new("1.1.2")\n'
    assert package(lines + statement).purl == purl


def test_the_line_rubygems_itself_trusts_stands_in_for_what_is_no_literal() -> None:
    found = package(b"# stub: a 1.0 java lib\ns.name = NAME\ns.version = Foo::VERSION\n")
    assert found.purl == "pkg:gem/a@1.0?platform=java"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no usable name: ''"),
        (b"s.name = NAME\n", "no usable name: ''"),
        (b's.name = "#{x}"\ns.version = "1"', "no usable name: ''"),
        (b's.name = "a/b"\ns.version = "1"', "no usable name: 'a/b'"),
        (b's.name = "a"\ns.version = "x 1"', "'a' has no usable version: 'x 1'"),
        (b" " * (2 << 20) + b" ", "larger than 2 MiB"),
    ],
)
def test_what_cannot_be_read_is_a_problem(data: bytes, message: str) -> None:
    (problem,) = read(data)
    assert isinstance(problem, Problem)
    assert message in problem.message


def test_a_gem_without_a_version_is_said_to_have_none() -> None:
    problem, found = read(b's.name = "a"\n')
    assert isinstance(problem, Problem)
    assert isinstance(found, Package)
    assert found.purl == "pkg:gem/a"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\tb\u{1F600}\u00e9\xC3\xA9\"\\\#{x}"', 'a\tb\U0001f600éé"\\#{x}'),
        (r'"\u{110000}\uD800\xFF"', "\ufffd\ufffd\ufffd"),
        (r"'it\'s \n'", r"it's \n"),
        ("%q<a>.freeze", "a"),
        ('"open', None),
        ('"#{code}"', None),
        ("NAME", None),
    ],
)
def test_string_literals(text: str, value: str | None) -> None:
    found = ruby.literal(text)
    assert (found and found[0]) == value


def test_lists_of_literals_end_where_they_end() -> None:
    assert ruby.literals('["a".freeze, "b"]') == ["a", "b"]
    assert ruby.literals('"a".freeze') == ["a"]
    assert ruby.literals("[]") == []
    assert ruby.literals('["a", CODE, "b"]') == ["a"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="#")))
def test_what_dump_writes_is_read_back(value: str) -> None:
    special = {"\n": r"\n", "\t": r"\t", '"': r"\"", "\\": r"\\"}
    dumped = "".join(
        special.get(c) or (c if " " <= c <= "~" else f"\\u{{{ord(c):X}}}") for c in value
    )
    assert ruby.literal(f'"{dumped}".freeze') == (value, len(dumped) + 2)


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        (f"{GEMS}/a-1.gemspec", True),
        (f"{GEMS}/default/a-1.gemspec", True),
        ("usr/share/rubygems-integration/all/specifications/a-1.gemspec", True),
        ("usr/local/bundle/gems/a-1/a.gemspec", False),
        ("srv/app/app.gemspec", False),
    ],
)
def test_only_installed_gems_are_read(path: str, is_ours: bool) -> None:  # noqa: FBT001
    assert Globs(ruby.CATALOGER.paths)(path) is is_ours


def test_no_mutation_brings_an_error() -> None:
    for valid in (OLD, NEW):
        for data in mutations(valid, random.Random(4), 1000):
            for item in read(data):
                if isinstance(item, Package):
                    list(ruby.requirements(item))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_results_or_problems(data: bytes) -> None:
    read(b's.name = "' + data)
    read(OLD + data)
