from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.mutations import mutations

from provenance.catalog.cataloger import MatchedFile, Problem
from provenance.catalog.ecosystems import jvm
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

LAYER = Digest.of(b"layer")
PATH = "opt/java/openjdk/release"
WHOLE = b"""\
IMPLEMENTOR="Eclipse Adoptium"
IMPLEMENTOR_VERSION="Temurin-21.0.4+7"
JAVA_RUNTIME_VERSION="21.0.4+7-LTS"
JAVA_VERSION="21.0.4"
MODULES="java.base java.compiler"
OS_ARCH="aarch64"
OS_NAME="Linux"
SOURCE=".:git:13710926b798"
SOURCE_REPO="https://github.com/adoptium/jdk21u.git"
FULL_VERSION="21.0.4+7-LTS"
SEMANTIC_VERSION="21.0.4+7"
IMAGE_TYPE="JDK"
"""


def read(data: bytes) -> list[Package | Problem]:
    return list(jvm.read(MatchedFile(PATH, LAYER, len(data), 0o644, data)))


def package(data: bytes) -> Package:
    (found,) = read(data)
    assert isinstance(found, Package)
    return found


def cpe(vendor: str, product: str, version: str, update: str = "*") -> str:
    return f"cpe:2.3:a:{vendor}:{product}:{version}:{update}:*:*:*:*:*:*"


def test_every_field_has_its_place() -> None:
    assert package(WHOLE) == Package(
        name="openjdk",
        version="21.0.4+7-LTS",
        type="generic",
        purl=(
            "pkg:generic/oracle/openjdk@21.0.4%2B7-LTS"
            "?vcs_url=git%2Bhttps:%2F%2Fgithub.com%2Fadoptium%2Fjdk21u.git%4013710926b798"
        ),
        supplier="Eclipse Adoptium",
        description="Java runtime (JDK)",
        cpes=(cpe("oracle", "openjdk", "21.0.4"),),
        locations=(Location(PATH, LAYER),),
        architecture="aarch64",
        cataloger="jvm",
        kind="application",
    )


@pytest.mark.parametrize(
    ("lines", "purl", "cpes"),
    [
        (  # OpenJDK 8, whose FULL_VERSION has the build
            'JAVA_VERSION="1.8.0_422"\nFULL_VERSION="1.8.0_422-b05"\nOS_NAME="Linux"\n',
            "pkg:generic/oracle/openjdk@1.8.0_422-b05",
            [cpe("oracle", "openjdk", "8", "update422")],
        ),
        (  # a FULL_VERSION that counts otherwise
            'JAVA_VERSION="1.8.0_042"\nFULL_VERSION="8u422"\nOS_NAME="Linux"\n',
            "pkg:generic/oracle/openjdk@1.8.0_042",
            [cpe("oracle", "openjdk", "8", "update42")],
        ),
        (
            'IMPLEMENTOR="Oracle"\nJAVA_RUNTIME_VERSION="22.0.2+9-70"\nJAVA_VERSION="22.0.2"\n',
            "pkg:generic/oracle/jdk@22.0.2%2B9-70",
            [cpe("oracle", "jdk", "22.0.2"), cpe("oracle", "jre", "22.0.2")],
        ),
        (
            'IMPLEMENTOR="Oracle Corporation"\nJAVA_VERSION="1.8.0_101"\nIMAGE_TYPE="JRE"\n',
            "pkg:generic/oracle/jre@1.8.0_101",
            [cpe("oracle", "jre", "1.8.0", "update101")],
        ),
        (
            'IMPLEMENTOR="Azul Systems, Inc."\nJAVA_VERSION="17.0.1"\n',
            "pkg:generic/azul/zulu@17.0.1",
            [cpe("azul", "zulu", "17.0.1"), cpe("oracle", "openjdk", "17.0.1")],
        ),
    ],
)
def test_builds_have_the_names_vulnerabilities_use(lines: str, purl: str, cpes: list[str]) -> None:
    found = package(lines.encode())
    assert (found.purl, list(found.cpes)) == (purl, cpes)


@pytest.mark.parametrize(
    ("source", "repository"),
    [("", "https://a/b"), (".:git:13710926b798", "ftp://a"), ("hg:abc", "https://a/b")],
)
def test_no_source_is_named_unless_repository_and_commit_are_stated(
    source: str, repository: str
) -> None:
    lines = f'JAVA_VERSION="17"\nOS_NAME="L"\nSOURCE="{source}"\nSOURCE_REPO="{repository}"\n'
    assert package(lines.encode()).purl == "pkg:generic/oracle/openjdk@17"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh\nJAVA_VERSION=17 mvn release\n",
        b'#!/bin/sh\nexport JAVA_VERSION="17"\n',
        b'JAVA_VERSION="17"\n',
        b'JAVA_VERSION=""\nOS_NAME="Linux"\n',
        b"Debian GNU/Linux 12\n",
        b"A" * 65_000,
        WHOLE + b" " * 70_000,
    ],
)
def test_other_files_of_that_name_are_nothing(data: bytes) -> None:
    assert read(data) == []


def test_a_version_that_is_none_is_a_problem() -> None:
    (problem,) = read(b'JAVA_VERSION="next"\nOS_NAME="Linux"\n')
    assert isinstance(problem, Problem)
    assert "no usable version: 'next'" in problem.message


def test_any_file_called_release_is_looked_at() -> None:
    ours = Globs(jvm.CATALOGER.paths)
    assert ours(PATH)
    assert ours("release")
    assert not ours("etc/os-release")


def test_the_runtimes_of_this_machine() -> None:
    folders = sorted(Path("/usr/lib/jvm").glob("*/release"))
    for path in folders:
        found = package(path.read_bytes())
        assert found.version.startswith(tuple("123456789"))
        assert found.cpes


def test_no_mutation_brings_an_error() -> None:
    for data in mutations(WHOLE, random.Random(4), 2000):
        read(data)


@given(st.text(), st.text())
def test_any_values_end_in_results_or_problems(version: str, implementor: str) -> None:
    lines = f'JAVA_VERSION="{version}"\nIMPLEMENTOR="{implementor}"\n'
    read(lines.encode("utf-8", "replace"))


def test_bitnamis_runtime_is_known_by_its_sbom() -> None:
    path = "opt/bitnami/java/release"
    assert list(jvm.read(MatchedFile(path, LAYER, len(WHOLE), 0o644, WHOLE))) == []
