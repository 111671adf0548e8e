from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import io
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PeerRequirement
from tests.catalog.mutations import mutations

from provenance.catalog.cataloger import Fact, MatchedFile, Owned, Problem, Relation, Remaining
from provenance.catalog.ecosystems import python
from provenance.digests import Digest
from provenance.image.names import Globs
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Iterable

LAYER = Digest.of(b"layer")
SITE = "usr/lib/python3.11/site-packages"
INFO = f"{SITE}/a-1.dist-info"


def read(data: bytes, path: str = f"{INFO}/METADATA") -> list[Package | Fact | Problem]:
    return list(python.read(MatchedFile(path, LAYER, len(data), 0o644, data)))


def package(data: bytes, path: str = f"{INFO}/METADATA") -> Package:
    (found,) = read(data, path)
    assert isinstance(found, Package)
    return found


def catalog(files: dict[str, bytes]) -> list[Package | Owned | Relation | Problem]:
    """What `files` yield once they lie together, as the core puts it together."""
    packages: list[Package] = []
    facts: dict[str, dict[str, object]] = {}
    problems: list[Problem] = []
    for path, data in files.items():
        for item in read(data, path):
            if isinstance(item, Package):
                packages.append(item)
            elif isinstance(item, Fact):
                facts.setdefault(item.kind, {})[item.key] = item.value
            else:
                problems.append(item)
    return [*python.complete(Remaining(packages, facts)), *problems]


WHOLE = b"""\
Metadata-Version: 2.4
Name: Foo_Bar.baz
Version: 1.0.post1
Summary: does things
Home-page: UNKNOWN
Author-email: Ann <ann@example.org>
Maintainer: Bob
Maintainer-email: bob@example.org
License-Expression: mit OR Apache-2.0
License: the whole text
        of a licence
Classifier: License :: OSI Approved :: BSD License
Project-URL: Source, https://example.org/source
Project-URL: Home Page, https://example.org/
Requires-Dist: requests[socks] (>=2.8.1) ; python_version >= "3"
Requires-Dist: Zope.Interface
Requires-Dist: pytest; extra == "test"
Description-Content-Type: text/x-rst

Name: not this
Version: nor that
"""


def test_every_field_has_its_place() -> None:
    assert package(WHOLE) == Package(
        name="Foo_Bar.baz",
        version="1.0.post1",
        type="pypi",
        purl="pkg:pypi/foo-bar-baz@1.0.post1",
        licenses=("MIT OR Apache-2.0",),
        stated_licenses=("mit OR Apache-2.0",),
        supplier="Bob <bob@example.org>",
        author="Ann <ann@example.org>",
        description="does things",
        homepage="https://example.org/",
        locations=(Location(f"{INFO}/METADATA", LAYER),),
        depends=(
            'requests[socks] (>=2.8.1) ; python_version >= "3"',
            "Zope.Interface",
            'pytest; extra == "test"',
        ),
        provides=("foo-bar-baz",),
        cataloger="python",
    )


def test_needs_are_normalised_names_and_those_of_extras_are_none() -> None:
    assert list(python.requirements(package(WHOLE))) == [("requests",), ("zope-interface",)]


@pytest.mark.parametrize(
    ("fields", "author", "supplier"),
    [
        (b"Author: Ann\nAuthor-email: a@b.c\n", "Ann <a@b.c>", ""),
        (b"Author: Ann\nAuthor-email: A <a@b.c>, B <b@b.c>\n", "Ann", ""),
        (b"Author: UNKNOWN\nAuthor-email: UNKNOWN\nMaintainer: Bob\n", "", "Bob"),
        (b"Author: Ann\n and Bob\n", "Ann and Bob", ""),
        (b"", "", ""),
    ],
)
def test_who_wrote_it_and_who_stands_for_it(fields: bytes, author: str, supplier: str) -> None:
    found = package(b"Name: a\nVersion: 1\n" + fields)
    assert (found.author, found.supplier) == (author, supplier)


@pytest.mark.parametrize(
    ("fields", "licenses", "stated"),
    [
        (b"License: MIT\n", ("MIT",), ()),
        (b"License: mit license\n", ("MIT",), ("mit license",)),
        (b"License: UNKNOWN\n", (), ()),
        (
            b"License: x\nClassifier: License :: OSI Approved :: MIT License\n",
            ("MIT",),
            ("x", "License :: OSI Approved :: MIT License"),
        ),
        (
            b"License: Copyright Ann\n        All rights\nClassifier: License :: DFSG approved\n",
            ("DFSG approved",),
            ("License :: DFSG approved",),
        ),
        (b"License: Copyright Ann\n        All rights\n", ("Copyright Ann",), ()),
        (b"License-Expression: MIT\nLicense: other\n", ("MIT",), ()),
        (b"Classifier: Topic :: Internet\n", (), ()),
    ],
)
def test_licences_keep_their_own_words(
    fields: bytes, licenses: tuple[str, ...], stated: tuple[str, ...]
) -> None:
    found = package(b"Name: a\nVersion: 1\n" + fields)
    assert (found.licenses, found.stated_licenses) == (licenses, stated)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Version: 1\n", "'' has no usable name"),
        (b"Name: a/../b\nVersion: 1\n", "no usable name"),
        (b"Name: " + b"a" * 300 + b"\nVersion: 1\n", "no usable name"),
        (b"Name: a\nVersion: 1 2\n", "'a' has no usable version: '1 2'"),
        (b"Name: a\nVersion: 1\n 2\n", "'a' has no usable version"),
        (b"Name: a\nVersion: \xff\n", "'a' has no usable version"),
        (b"", "no usable name"),
    ],
)
def test_metadata_without_a_usable_name_or_version_is_a_problem(data: bytes, message: str) -> None:
    (problem,) = read(data)
    assert isinstance(problem, Problem)
    assert message in problem.message


@pytest.mark.parametrize("data", [b"Name: a\n", b"Name: a\n\nVersion: 1\n", b"Name: a\nVersion:\n"])
def test_a_package_whose_file_states_no_version_has_none_and_that_is_said(data: bytes) -> None:
    problem, found = read(data)
    assert isinstance(problem, Problem)
    assert problem.message.endswith("'a' has no version")
    assert isinstance(found, Package)
    assert (found.version, found.purl) == ("", "pkg:pypi/a")


def test_fields_end_where_installers_end_them() -> None:
    assert package(b"Name: a\r\nVersion: 1\r\nno field\r\nSummary: no\r\n").description == ""
    assert package(b"Name: a\rVersion: 1\rX Y: z\rSummary: no\r").description == ""


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        (f"{SITE}/a-1.dist-info/METADATA", True),
        (f"{SITE}/A-1.DIST-INFO/METADATA", True),
        (f"{SITE}/a-1.egg-info/PKG-INFO", True),
        (f"{SITE}/a-1.EGG-INFO/PKG-INFO", True),
        (f"{SITE}/a-1.egg-info", True),
        (f"{SITE}/a-1.egg/EGG-INFO/PKG-INFO", True),
        (f"{SITE}/pip/_vendor/b-2.dist-info/METADATA", True),
        (f"{SITE}/a-1.dist-info/RECORD", False),
        (f"{SITE}/a-1.dist-info/INSTALLER", False),
        (f"{SITE}/a.egg-link", False),
        ("src/a/METADATA", False),
        ("src/a/PKG-INFO", False),
    ],
)
def test_only_what_installers_write_is_read(path: str, is_ours: bool) -> None:  # noqa: FBT001
    assert Globs(python.CATALOGER.paths)(path) is is_ours


@pytest.mark.parametrize(
    ("path", "listed"),
    [
        (f"{SITE}/tests-1.dist-info/METADATA", True),
        (f"{SITE}/b/_vendor/a-1.dist-info/METADATA", True),
        ("srv/app/tests/venv/lib/python3/site-packages/a-1.dist-info/METADATA", True),
        ("srv/app/tests/lib/a-1.dist-info/METADATA", True),
        (f"{SITE}/b/tests/data/a-1.egg/EGG-INFO/PKG-INFO", False),
        (f"{SITE}/b/test/a-1.dist-info/METADATA", False),
        ("usr/lib/python3/dist-packages/tests/a.egg-info", False),
    ],
)
def test_what_a_package_brings_for_its_tests_is_not_installed(
    path: str,
    listed: bool,  # noqa: FBT001
) -> None:
    data = b"Name: a\nVersion: 1\n"
    file = MatchedFile(path, None, len(data), 0o644, data)
    assert bool(list(python.CATALOGER.read(file))) is listed


def test_lists_of_files_are_read_where_they_are_asked_for() -> None:
    asked = Globs(python.CATALOGER.file_lists)
    assert asked(f"{INFO}/RECORD")
    assert asked(f"{SITE}/a-1.egg-info/installed-files.txt")


EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_BASE64 = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"  # `openssl dgst -sha256 -binary`
METADATA = b"Name: a\nVersion: 1\n"


def owned(record: bytes, name: str = "RECORD", info: str = INFO) -> tuple[list[str], list[str]]:
    metadata = "PKG-INFO" if info.endswith("egg-info") else "METADATA"
    found = catalog({f"{info}/{metadata}": METADATA, f"{info}/{name}": record})
    (files,) = [item for item in found if isinstance(item, Owned)]
    assert files.purl == "pkg:pypi/a@1"
    return list(files.paths), list(files.hashes)


def test_the_files_of_a_record_are_paths_in_the_image_with_hex_digests() -> None:
    record = f"""\
a/__init__.py,sha256={EMPTY_BASE64},0
../../../bin/a,sha256={EMPTY_BASE64},10
"a, b.py",sha256={EMPTY_BASE64},0
/etc/a.conf,,
a-1.dist-info/RECORD,,
a/md5,md5=1B2M2Y8AsgTpgAmY7PhCfg,0
a/short,sha256=47DEQpj8,0
"""
    known = f"sha256:{EMPTY_SHA256}"
    assert owned(record.encode()) == (
        [
            *(f"{SITE}/a/__init__.py", "usr/bin/a", f"{SITE}/a, b.py", "etc/a.conf"),
            *(f"{INFO}/RECORD", f"{SITE}/a/md5", f"{SITE}/a/short"),
        ],
        [known, known, known, "", "", "", ""],
    )
    assert owned(record.replace("\n", "\r\n").encode()) == owned(record.encode())


def test_paths_that_lead_out_of_the_image_are_no_files_of_it() -> None:
    above = "/".join([".."] * 9)
    assert owned(f"{above}/etc/passwd,,\na\x00b,,\n./x//y/../z,,\n".encode())[0] == [f"{SITE}/x/z"]


def test_a_row_that_is_no_csv_costs_itself_alone() -> None:
    files = {f"{INFO}/METADATA": METADATA, f"{INFO}/RECORD": b'"x"y,,\n"open,,\nb,,\n'}
    found = catalog(files)
    assert [item.paths for item in found if isinstance(item, Owned)] == [[f"{SITE}/b"]]
    assert [item.message for item in found if isinstance(item, Problem)] == [
        "has 2 rows that are no CSV"
    ]


def test_the_files_of_an_egg() -> None:
    listed = b"../a/__init__.py\n../../../../bin/a\nPKG-INFO\n"
    info = f"{SITE}/a-1.egg-info"
    paths = [f"{SITE}/a/__init__.py", "usr/bin/a", f"{info}/PKG-INFO"]
    assert owned(listed, "installed-files.txt", info) == (paths, ["", "", ""])


def test_a_record_without_metadata_is_nothing() -> None:
    assert catalog({f"{INFO}/RECORD": b"a,,\n"}) == []


def test_the_needs_of_an_egg_are_those_importlib_reads(tmp_path: Path) -> None:
    text = """\
six>=1.5
Foo.Bar

[:python_version < "3"]
enum34

[test]
pytest

[test:sys_platform == "win32"]
colorama
"""
    info = tmp_path / "a-1.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_bytes(METADATA)
    (info / "requires.txt").write_text(text)
    peer = importlib.metadata.Distribution.at(info).requires
    folder = f"{SITE}/a-1.egg-info"
    found = catalog({f"{folder}/PKG-INFO": METADATA, f"{folder}/requires.txt": text.encode()})
    assert isinstance(found[0], Package)
    assert peer
    ours = [str(PeerRequirement(need)) for need in found[0].depends]
    assert ours == [str(PeerRequirement(need)) for need in peer]
    # enum34 is for another Python: this one lies below lib/python3.11.
    assert list(python.requirements(found[0])) == [("six",), ("foo-bar",)]


@pytest.mark.parametrize(
    ("direct_url", "purl"),
    [
        (
            b'{"url": "https://u:p@example.org/a", "vcs_info": {"vcs": "git", "commit_id": "79"}}',
            "pkg:pypi/a@1?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fa%4079",
        ),
        (
            b'{"url": "https://example.org/a", "archive_info": {"hash": "sha256='
            + EMPTY_SHA256.encode()
            + b'"}}',
            f"pkg:pypi/a@1?checksum=sha256:{EMPTY_SHA256}&download_url=https:%2F%2Fexample.org%2Fa",
        ),
        (
            b'{"url": "https://example.org/a", "archive_info":'
            b' {"hashes": {"sha256": "' + EMPTY_SHA256.encode() + b'"}}}',
            f"pkg:pypi/a@1?checksum=sha256:{EMPTY_SHA256}&download_url=https:%2F%2Fexample.org%2Fa",
        ),
        (
            b'{"url": "file:///home/conda/work", "archive_info": {"hash": "sha256='
            + EMPTY_SHA256.encode()
            + b'"}}',
            "pkg:pypi/a@1",
        ),
        (b'{"url": "file:///src/a", "dir_info": {}}', "pkg:pypi/a@1"),
        (b'{"url": "ssh://x", "vcs_info": {"vcs": "other"}}', "pkg:pypi/a@1"),
    ],
)
def test_what_came_from_no_index_says_so_in_its_purl(direct_url: bytes, purl: str) -> None:
    found = catalog(
        {
            f"{INFO}/METADATA": METADATA,
            f"{INFO}/direct_url.json": direct_url,
            f"{INFO}/RECORD": b"a,,\n",
        }
    )
    assert isinstance(found[0], Package)
    assert found[0].purl == purl
    assert found[1] == Owned(purl, [f"{SITE}/a"], [""])
    assert len(found) == 2


def test_an_editable_installation_is_no_problem() -> None:
    data = b'{"url": "file:///src/a", "dir_info": {"editable": true}}'
    (found,) = catalog({f"{INFO}/METADATA": METADATA, f"{INFO}/direct_url.json": data})
    assert isinstance(found, Package)
    assert found.purl == "pkg:pypi/a@1"


def test_what_a_build_left_in_the_sources_is_the_same_distribution() -> None:
    data = b'{"url": "file:///srv/my%20app", "dir_info": {}}'
    other = b"Name: a\nVersion: 2\n"
    found = catalog(
        {
            f"{INFO}/METADATA": METADATA,
            f"{INFO}/direct_url.json": data,
            "srv/my app/a.egg-info/PKG-INFO": METADATA,
            "srv/my app/old/a.egg-info/PKG-INFO": other,
            "srv/elsewhere/a.egg-info/PKG-INFO": METADATA,
        }
    )
    assert [item.locations[0].path for item in found if isinstance(item, Package)] == [
        f"{INFO}/METADATA",
        "srv/my app/old/a.egg-info/PKG-INFO",
        "srv/elsewhere/a.egg-info/PKG-INFO",
    ]


def test_a_broken_direct_url_costs_only_itself() -> None:
    found = catalog({f"{INFO}/METADATA": METADATA, f"{INFO}/direct_url.json": b"[]"})
    assert [type(item) for item in found] == [Package, Problem]


@pytest.mark.parametrize(
    ("marker", "needed"),
    [
        ('python_version >= "3.9"', True),
        ('python_version < "3.11"', False),
        ('python_version == "3.10"', False),
        ('python_version == "3"', False),
        ('python_version > "3"', True),
        ('python_version < "4.0.0"', True),
        ('sys_platform == "win32"', False),
        ('sys_platform != "win32"', True),
        ('sys_platform == "darwin"', True),  # nothing tells
        ('os_name == "nt" and python_version >= "3"', False),
        ('os_name == "nt" or python_version >= "3"', True),
        ('(os_name == "nt")', True),
        ('implementation_name == "pypy"', True),
        ('platform_system == "Windows"', False),
        ('extra == "x"', False),
        ("nonsense ==", True),
        ("", True),
    ],
)
def test_a_need_is_dropped_only_where_its_marker_is_certainly_false(
    marker: str,
    needed: bool,  # noqa: FBT001
) -> None:
    found = package(f"Name: a\nVersion: 1\nRequires-Dist: b; {marker}\n".encode())
    assert list(python.requirements(found)) == ([("b",)] if needed else [])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["python_version", "sys_platform", "os_name", "platform_system"]),
            st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
            st.sampled_from(["3.9", "3.11", "3.12", "win32", "linux", "nt", "posix", "Windows"]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([" and ", " or "]),
)
def test_no_need_is_dropped_that_packaging_would_install(
    terms: list[tuple[str, str, str]], joint: str
) -> None:
    marker = joint.join(f'{name} {operator} "{value}"' for name, operator, value in terms)
    here = {
        "python_version": "3.11",
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_system": "Linux",
    }
    found = package(f"Name: a\nVersion: 1\nRequires-Dist: b; {marker}\n".encode())
    if not list(python.requirements(found)):
        assert not Marker(marker).evaluate(here)


def test_without_a_path_that_tells_the_python_nothing_is_dropped() -> None:
    data = b'Name: a\nVersion: 1\nRequires-Dist: b; sys_platform == "win32"\n'
    found = package(data, "Lib/site-packages/a-1.dist-info/METADATA")
    assert list(python.requirements(found)) == [("b",)]


def installed() -> Iterable[tuple[importlib.metadata.Distribution, Path]]:
    for distribution in importlib.metadata.distributions():
        folder = getattr(distribution, "_path", None)
        if isinstance(folder, Path) and (folder / "METADATA").is_file():
            yield distribution, folder


def test_what_importlib_reads_of_this_environment_we_read_too() -> None:
    tried = needs = 0
    for distribution, folder in installed():
        found = package((folder / "METADATA").read_bytes())
        metadata = distribution.metadata
        assert (found.name, found.version) == (metadata["Name"], distribution.version)
        assert list(found.depends) == [" ".join(n.split()) for n in distribution.requires or []]
        summary, *_ = metadata.get_all("Summary") or [""]
        assert found.description == summary.strip().partition("\n")[0]
        for need in found.depends:
            try:
                peer = PeerRequirement(need)
            except InvalidRequirement:
                continue
            needs += 1
            if peer.marker is None:
                canonical = re.sub(r"[-_.]+", "-", peer.name).lower()
                assert (canonical,) in list(python.requirements(found))
        tried += 1
    assert tried > 5
    assert needs > 20


def test_the_files_importlib_lists_of_this_environment_we_list_too() -> None:
    tried = 0
    for distribution, folder in installed():
        files = distribution.files
        if not files or not (folder / "RECORD").is_file():
            continue
        info = f"{SITE}/{folder.name}"
        paths, hashes = owned((folder / "RECORD").read_bytes(), info=info)
        given_hashes = dict(zip(paths, hashes, strict=True))
        for file in files:
            if file.parts[:1] == ("..",):
                continue
            found = given_hashes[f"{SITE}/{file}"]
            if file.hash is not None and file.hash.mode == "sha256":
                assert found.startswith("sha256:")
            tried += 1
        assert len(paths) == len(files)
    assert tried > 100


def wheel(folder: Path) -> Path:
    """A wheel with a module, a file with a comma in its name, and a script."""
    info = "made_up-1.0.dist-info"
    files = {
        "made_up/__init__.py": "def main(): pass\n",
        "made_up/a, b.txt": "x",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: Made.Up\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nmadeup = made_up:main\n",
    }
    rows = [f"{info}/RECORD,,"]
    path = folder / "made_up-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(f'"{name}",sha256={digest.decode().rstrip("=")},{len(text)}')
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "\n".join(rows))
    return path


def test_what_pip_installs_is_owned_with_the_digests_it_has_on_disk(tmp_path: Path) -> None:
    made, root = wheel(tmp_path), tmp_path / "root"
    options = ["--no-index", "--no-deps", "--no-compile", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--prefix", str(root / "usr")]
    subprocess.run([*command, str(made)], check=True, timeout=120)
    on_disk = {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    ours = Globs((*python.CATALOGER.paths, *python.CATALOGER.file_lists))
    found = catalog({path: data for path, data in on_disk.items() if ours(path)})
    (installed_,), (files,) = (
        [item for item in found if isinstance(item, Package)],
        [item for item in found if isinstance(item, Owned)],
    )
    assert installed_.purl == "pkg:pypi/made-up@1.0"
    assert sorted(files.paths) == sorted(on_disk)
    stated = dict(zip(files.paths, files.hashes, strict=True))
    for path, data in on_disk.items():
        if not path.endswith("/RECORD"):
            assert stated[path] == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_no_bytes_bring_an_error() -> None:
    record = f"a.py,sha256={EMPTY_BASE64},0\n../b,,\n".encode()
    direct = b'{"url": "https://example.org/a", "archive_info": {"hash": "sha256=00"}}'
    valid = {
        f"{INFO}/METADATA": WHOLE,
        f"{INFO}/RECORD": record,
        f"{INFO}/direct_url.json": direct,
        f"{SITE}/a-1.egg-info/requires.txt": b"a>1\n[x:y]\nb\n",
    }
    random_ = random.Random(4)
    for path, data in valid.items():
        for mutated in mutations(data, random_, 600):
            found = catalog({f"{INFO}/METADATA": WHOLE, path: mutated})
            for item in found:
                if isinstance(item, Package):
                    list(python.requirements(item))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_results_or_problems(data: bytes) -> None:
    for name in ("METADATA", "RECORD", "direct_url.json"):
        catalog({f"{INFO}/METADATA": METADATA, f"{INFO}/{name}": data})


def test_what_is_too_large_is_a_problem() -> None:
    (problem,) = read(b"A: b\n" * 500_000)
    assert isinstance(problem, Problem)
    found = read(b"a\n" * 250_000, f"{INFO}/RECORD")
    assert [type(item) for item in found] == [Problem, Fact]


@pytest.mark.corpus
def test_real_metadata(corpus: Path) -> None:
    folder = corpus / "packages"
    tried = 0
    for row in csv.DictReader((folder / "expected.tsv").read_text().splitlines(), delimiter="\t"):
        if row["file"].startswith("python/"):
            found = package((folder / row["file"]).read_bytes())
            assert (found.name, found.version) == (row["name"], row["version"])
            tried += 1
    assert tried == 7


def egg(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "/").replace("INFO", "EGG-INFO", 1), data)
    return buffer.getvalue()


def test_an_egg_that_was_not_unpacked_is_a_distribution() -> None:
    path = f"{SITE}/a-1-py3.11.egg"
    body = egg(**{"INFO_PKG-INFO": METADATA, "INFO_requires.txt": b"six\n", "a.py": b""})
    (found,) = catalog({path: body})
    assert isinstance(found, Package)
    assert (found.purl, found.depends) == ("pkg:pypi/a@1", ("six",))
    assert found.locations[0].path == f"{path}!/EGG-INFO/PKG-INFO"


@pytest.mark.parametrize(("body", "told"), [(b"", 0), (b"an egg", 0), (b"PK broken", 1)])
def test_an_egg_that_is_none(body: bytes, told: int) -> None:
    found = list(python.read(MatchedFile("a.egg", None, len(body), 0o644, body)))
    assert [type(item) for item in found] == [Problem] * told


def test_the_folder_of_metadata_may_have_no_name() -> None:
    (found,) = catalog({f"{SITE}/a/dist-info/METADATA": METADATA})
    assert isinstance(found, Package)


def test_a_byte_order_mark_hides_nothing() -> None:
    (found,) = catalog({f"{INFO}/METADATA": b"\xef\xbb\xbf" + METADATA})
    assert isinstance(found, Package)
    assert found.purl == "pkg:pypi/a@1"


def test_what_pip_could_not_delete_is_not_installed() -> None:
    files = {"METADATA": METADATA, "direct_url.json": b'{"url": "https://x.org/a"}'}
    assert catalog({f"{SITE}/~-1.dist-info/{name}": data for name, data in files.items()}) == []
