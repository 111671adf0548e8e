from __future__ import annotations

import csv
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.mutations import mutations

from provenance.catalog.cataloger import Fact, MatchedFile, Owned, Problem, Remaining
from provenance.catalog.ecosystems import conda
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from pathlib import Path

LAYER = Digest.of(b"layer")
PATH = "opt/conda/conda-meta/absl-py-0.4.1-py36h06a4308_0.json"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OTHER = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
RECORD: dict[str, Any] = {
    "name": "absl-py",
    "version": "0.4.1",
    "build": "py36h06a4308_0",
    "channel": "https://repo.anaconda.com/pkgs/main/linux-64",
    "subdir": "linux-64",
    "fn": "absl-py-0.4.1-py36h06a4308_0.tar.bz2",
    "license": "apache-2.0",
    "md5": "D41D8CD98F00B204E9800998ECF8427E",
    "sha256": SHA256,
    "depends": ["python >=3.6,<3.7", "__glibc >=2.17", "six"],
    "files": ["lib/a.py", "lib/b.py", "lib/c.so", "bin/d"],
    "paths_data": {
        "paths": [
            {"_path": "lib/a.py", "path_type": "hardlink", "sha256": SHA256},
            {
                "_path": "lib/b.py",
                "path_type": "hardlink",
                "sha256": SHA256,
                "sha256_in_prefix": OTHER,
                "prefix_placeholder": "/placehold",
            },
            {"_path": "lib/c.so", "path_type": "softlink", "sha256": SHA256},
        ]
    },
}


def read(data: bytes, path: str = PATH) -> list[Package | Fact | Problem]:
    return list(conda.read(MatchedFile(path, LAYER, len(data), 0o644, data)))


def record(**changes: object) -> bytes:
    return json.dumps(RECORD | changes).encode()


def package(**changes: object) -> Package:
    found = [item for item in read(record(**changes)) if isinstance(item, Package)]
    (one,) = found
    return one


def owned(data: bytes, path: str = PATH) -> Owned:
    packages = [item for item in read(data, path) if isinstance(item, Package)]
    facts = {item.key: item.value for item in read(data, path) if isinstance(item, Fact)}
    (files,) = (
        item
        for item in conda.complete(Remaining(packages, {"files": facts}))
        if isinstance(item, Owned)
    )
    return files


def test_every_field_has_its_place() -> None:
    # The purl is the example of the type's definition.
    assert package() == Package(
        name="absl-py",
        version="0.4.1",
        type="conda",
        purl=(
            "pkg:conda/absl-py@0.4.1?build=py36h06a4308_0&channel=main&subdir=linux-64&type=tar.bz2"
        ),
        licenses=("Apache-2.0",),
        stated_licenses=("apache-2.0",),
        hashes={"md5": "d41d8cd98f00b204e9800998ecf8427e", "sha256": SHA256},
        locations=(Location(PATH, LAYER),),
        architecture="linux-64",
        depends=("python >=3.6,<3.7", "__glibc >=2.17", "six"),
        cataloger="conda",
    )


def test_needs_are_names_and_those_of_the_machine_are_none() -> None:
    assert list(conda.requirements(package())) == [("python",), ("six",)]


def test_files_have_the_digest_with_which_they_lie_there() -> None:
    files = owned(record())
    assert files.purl == package().purl
    assert dict(zip(files.paths, files.hashes, strict=True)) == {
        "opt/conda/lib/a.py": f"sha256:{SHA256}",
        "opt/conda/lib/b.py": f"sha256:{OTHER}",
        "opt/conda/lib/c.so": "",  # a link: the digest is that of its target
        "opt/conda/bin/d": "",
    }


def test_an_environment_in_the_root_owns_files_of_the_root() -> None:
    assert "lib/a.py" in owned(record(), "conda-meta/a.json").paths


def test_paths_that_lead_out_of_the_image_are_no_files_of_it() -> None:
    files = ["../../../etc/passwd", "a\nb", "../x"]
    assert list(owned(record(files=files, paths_data=None)).paths) == ["opt/x"]


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("https://repo.anaconda.com/pkgs/main/linux-64", "main"),
        ("https://repo.anaconda.com/pkgs/r", "r"),
        ("https://conda.anaconda.org/conda-forge/", "conda-forge"),
        ("https://conda.anaconda.org/t/secret/private/linux-64", "private"),
        ("https://conda.anaconda.org/conda-forge/label/dev/linux-64", "conda-forge/label/dev"),
        ("https://user:secret@example.org/t/secret/c/linux-64", "https://example.org/c"),
        ("conda-forge", "conda-forge"),
        ("pkgs/main", "main"),
        ("", ""),
    ],
)
def test_a_channel_has_its_name_and_none_of_its_secrets(channel: str, name: str) -> None:
    assert conda.channel_name(channel, "linux-64") == name


@pytest.mark.parametrize(
    ("changes", "purl"),
    [
        ({"channel": None}, "build=py36h06a4308_0&subdir=linux-64&type=tar.bz2"),
        ({"channel": {"a": 1}}, "build=py36h06a4308_0&subdir=linux-64&type=tar.bz2"),
        ({"subdir": None, "build": ""}, "channel=main%2Flinux-64&type=tar.bz2"),
        (
            {"fn": None, "url": "https://a/b.conda"},
            "build=py36h06a4308_0&channel=main&subdir=linux-64&type=conda",
        ),
    ],
)
def test_what_a_record_does_not_say_is_no_qualifier(changes: dict[str, Any], purl: str) -> None:
    assert package(**changes).purl == f"pkg:conda/absl-py@0.4.1?{purl}"


def test_a_digest_of_the_wrong_length_is_none() -> None:
    assert package(md5="00", sha256=SHA256[:-1]).hashes == {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Invalid JSON", "is no JSON"),
        (b"[]", "field of the wrong kind"),
        (b"{}", "'' has no usable name"),
        (b'{"name": "a b", "version": "1"}', "no usable name"),
        (b'{"name": "a", "version": "1\\n2"}', "no usable version"),
        (b'{"name": 1}', "field of the wrong kind"),
        (b'{"name": "\\ud800", "version": "1"}', "is no JSON"),
        (b'{"x": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"x": 1' + b" " * (33 << 20), "is larger than 32 MiB"),
        (b'{"x": [' + b"0," * 2_000_001, "has more than"),
    ],
)
def test_what_is_no_record_is_a_problem(data: bytes, message: str) -> None:
    (problem,) = read(data)
    assert isinstance(problem, Problem)
    assert message in problem.message


def test_a_record_without_a_version_is_said_to_have_none() -> None:
    problem, found = read(b'{"name": "a"}')
    assert isinstance(problem, Problem)
    assert isinstance(found, Package)
    assert (found.version, found.purl) == ("", "pkg:conda/a")


def test_only_records_of_environments_are_read() -> None:
    ours = Globs(conda.CATALOGER.paths)
    assert ours(PATH)
    assert not ours("opt/conda/pkgs/a-1-0/info/index.json")
    assert not ours("opt/conda/conda-meta/history")


def test_no_mutation_brings_an_error() -> None:
    for data in mutations(record(), random.Random(4), 2000):
        for item in read(data):
            if isinstance(item, Package):
                list(conda.requirements(item))


@given(
    st.dictionaries(
        st.sampled_from(sorted(RECORD)),
        st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())),
    )
)
def test_fields_of_any_kind_end_in_results_or_problems(changes: dict[str, Any]) -> None:
    for item in read(record(**changes)):
        if isinstance(item, Package):
            list(conda.requirements(item))


@pytest.mark.corpus
def test_real_records(corpus: Path) -> None:
    folder = corpus / "packages"
    tried = 0
    for row in csv.DictReader((folder / "expected.tsv").read_text().splitlines(), delimiter="\t"):
        if not row["file"].startswith("conda/"):
            continue
        data = (folder / row["file"]).read_bytes()
        found, _ = read(data)
        assert isinstance(found, Package)
        assert (found.name, found.version) == (row["name"], row["version"])
        assert found.architecture == row["architecture"]
        assert f"build={row['status']}&" in found.purl
        assert [p.removeprefix("opt/conda/") for p in owned(data).paths] == (
            [p["_path"] for p in json.loads(data)["paths_data"]["paths"]]
        )
        tried += 1
    assert tried == 2
    assert isinstance(read((folder / "conda" / "invalid_json.json").read_bytes())[0], Problem)


def test_lists_that_are_null_hide_no_package() -> None:
    empty = package(depends=None, files=None, paths_data={"paths": None})
    assert (empty.name, empty.depends) == ("absl-py", ())
