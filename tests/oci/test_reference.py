from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.digests import Digest
from provenance.errors import InvalidReference
from provenance.oci.reference import Reference

DIGEST = "sha256:" + "a" * 64

DOCKER = {
    "alpine": "docker.io/library/alpine:latest",
    "org/app": "docker.io/org/app:latest",
    "docker.io/alpine": "docker.io/library/alpine:latest",
    "index.docker.io/org/app:1": "docker.io/org/app:1",
    "localhost/x/y": "localhost/x/y:latest",
    "localhost:5000/x": "localhost:5000/x:latest",
    "[::1]:5000/x": "[::1]:5000/x:latest",
    "GHCR.io/org/app:1.2": "ghcr.io/org/app:1.2",
    "docker://ghcr.io/org/app": "ghcr.io/org/app:latest",
    f"ghcr.io/org/app@{DIGEST}": f"ghcr.io/org/app@{DIGEST}",
    f"ghcr.io/org/app:1.2@{DIGEST}": f"ghcr.io/org/app:1.2@{DIGEST}",
    "UPPER/case": "UPPER/case:latest",
    "10.0.0.1/a__b/c-d--e.f": "10.0.0.1/a__b/c-d--e.f:latest",
    "oci:build:1.2": "oci:build:1.2",
    f"oci:build@{DIGEST}": f"oci:build@{DIGEST}",
    "oci-dir:build": "oci:build",
    "oci-archive:app.tar:v1": "oci-archive:app.tar:v1",
    "docker-archive:app.tar:org/app:1": "docker-archive:app.tar:org/app:1",
    # Names of Docker Hub that are syft's words too, as everybody pulls them.
    "registry:2": "docker.io/library/registry:2",
    f"registry:2@{DIGEST}": f"docker.io/library/registry:2@{DIGEST}",
    "docker:dind": "docker.io/library/docker:dind",
    "registry:org/app": "docker.io/org/app:latest",
    "registry:alpine:3": "docker.io/library/alpine:3",
    "docker:org/app:1": "docker-daemon:docker.io/org/app:1",
}


@pytest.mark.parametrize(("text", "normal"), DOCKER.items())
def test_a_reference_is_normalised_as_docker_does(text: str, normal: str) -> None:
    found = Reference.parse(text)
    assert str(found) == normal
    assert Reference.parse(normal) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "org/App", "ghcr.io/", "ghcr.io//app", "ghcr.io/a/../b"),
        *("app:", "app:" + "x" * 129, "app:-bad", "app@sha256:zz", f"app@{DIGEST}0", "-host/app"),
        *("host:port/app", "host:99999/app", "a" * 256, "app\n", "app\x00"),
        *(
            "ghcr.io/app?x",
            "ghcr.io/app#x",
            "user@host/app",
            "oci:",
            "oci:dir:bad tag",
            "oci:a\x01",
        ),
        *("https://ghcr.io/app", "app:1:2", "app@md5:" + "a" * 32),
        *("[::1/app", "ghcr.io/a_-b", "[::::]:5000/app", "[1.2.3.4]/app", "a" * 64),
    ],
)
def test_what_is_outside_the_grammar_is_refused_before_any_use(text: str) -> None:
    with pytest.raises(InvalidReference) as refused:
        Reference.parse(text)
    assert refused.value.hint


def test_docker_hub_is_connected_to_by_another_name() -> None:
    assert Reference.parse("alpine").host == "registry-1.docker.io"
    assert Reference.parse("ghcr.io/a/b").host == "ghcr.io"


def test_a_digest_replaces_a_tag_that_may_move() -> None:
    pinned = Reference.parse("ghcr.io/org/app:1.2").with_digest(Digest(DIGEST))
    assert str(pinned) == f"ghcr.io/org/app@{DIGEST}"
    assert hash(pinned) == hash(Reference.parse(str(pinned)))


# What Docker's own parser says of each name, asked by a program; the file names its version.
DOCKERS = json.loads((Path(__file__).parent / "docker_references.json").read_text("utf-8"))
OURS = {
    # A host name has no case (RFC 9110, 4.2.3), and one registry one name here.
    "Docker.io/alpine": "docker.io/library/alpine:latest",
    "DOCKER.IO/org/app": "docker.io/org/app:latest",
    "registry-1.docker.io/library/alpine": "docker.io/library/alpine:latest",
    "LOCALHOST/x": "localhost/x:latest",
    "Localhost/x": "localhost/x:latest",
    "GHCR.io/org/app:1.2": "ghcr.io/org/app:1.2",
    "Ghcr.IO/org/app": "ghcr.io/org/app:latest",
    "[2001:DB8::1]:443/x": "[2001:db8::1]:443/x:latest",
    # No address, no port, no host: Docker finds out when it connects, or takes it for a path.
    "[:]/x": "",
    "[1:2:3:4:5:6:7:8:9]/x": "",
    "host:65536/x": "",
    "host:99999/x": "",
    "host:100000/x": "",
    "a_b.c/x": "",
    # 255 characters are counted with the registry, as distribution-spec counts them.
    "a.b/" + "c" * 252: "",
    "a.b/" + "c" * 255: "",
    # A path, which is looked at.
    "/": "dir:/",
}


@pytest.mark.parametrize(("name", "docker"), DOCKERS["names"])
def test_a_name_means_what_it_means_to_docker(name: str, docker: str) -> None:
    expected = OURS.get(name, docker)
    assert expected != docker or name not in OURS
    if expected:
        assert str(Reference.parse(name)) == expected
        return
    with pytest.raises(InvalidReference):
        Reference.parse(name)


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
COMPONENT = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}", fullmatch=True)
TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


@st.composite
def references(draw: st.DrawFn) -> str:
    host = ".".join(draw(st.lists(LABEL, min_size=2, max_size=3)))
    port = draw(st.sampled_from(["", ":5000", ":65535"]))
    path = "/".join(draw(st.lists(COMPONENT, min_size=1, max_size=3)))
    tag = draw(st.one_of(st.just(""), TAG.map(lambda t: f":{t}")))
    digest = draw(st.sampled_from(["", f"@{DIGEST}", "@sha512:" + "b" * 128]))
    return f"{host}{port}/{path}{tag}{digest}"


@given(references())
def test_parsing_what_was_printed_gives_the_same(text: str) -> None:
    found = Reference.parse(text)
    assert Reference.parse(str(found)) == found


@given(st.text(max_size=60))
def test_any_text_is_a_reference_that_round_trips_or_is_refused(text: str) -> None:
    if text.startswith(("/", "./", "../")):
        return  # a path, which is looked at
    try:
        found = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(found)) == found
    if found.scheme == "docker":
        assert not set(str(found)) & set(" \t\n\\?#%")
        assert ".." not in found.repository.split("/")


# The grammar once more, as distribution/reference writes it down (reference.go, its comment).
GRAMMAR = re.compile(
    r"(?P<host>(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
    r"(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
    r"/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha(?:256|384|512):[0-9a-f]+)?"
)


@given(references(), st.data())
def test_nothing_outside_the_grammar_gets_through(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    put = data.draw(st.sampled_from([*"/:@.-_[]%?#\\ \n\0é\u212a", "..", "//", "%2f", "sha256:"]))
    cut = data.draw(st.integers(0, 2))
    for changed in (text[:at] + put + text[at + cut :], text[:at] + text[at + cut :]):
        if changed.startswith(("/", "./", "../", "docker:", "registry:", "oci:", "dir:")):
            continue
        try:
            found = Reference.parse(changed)
        except InvalidReference:
            continue
        assert GRAMMAR.fullmatch(str(found)), changed
        assert Reference.parse(str(found)) == found


PATHS = st.from_regex(r"[a-zé /._-]{1,12}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/@+:-]{0,20}", fullmatch=True)


@given(
    st.sampled_from(["oci", "oci-archive", "docker-archive", "docker-daemon", "dir", "docker"]),
    PATHS,
    st.none() | NAMES,
    st.sampled_from(["", f"@{DIGEST}", "@sha256:aa", "@"]),
)
def test_a_place_of_any_kind_round_trips_or_is_refused(
    scheme: str, path: str, name: str | None, end: str
) -> None:
    mark = "://" if scheme == "docker" else ":"
    text = f"{scheme}{mark}{path}{'' if name is None else f':{name}'}{end}"
    try:
        found = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(found)) == found


@given(
    st.sampled_from(["ghcr.io/org/app", "oci:build", "oci-archive:a.tar:b", "docker-daemon:a/b:1"]),
    NAMES | st.sampled_from([f"x@{DIGEST}", "x@sha256:aa", "", "a b", "../x", "a\n"]),
)
def test_a_tag_that_was_set_is_read_back_or_refused(text: str, tag: str) -> None:
    place = Reference.parse(text).with_digest(Digest(DIGEST))
    try:
        found = place.with_tag(tag)
    except InvalidReference:
        return
    assert (found.tag, found.digest) == (tag, None)
    assert Reference.parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("ghcr.io/org/app", "a/b"),
        ("ghcr.io/org/app", "x" * 129),
        ("oci:build", f"x@{DIGEST}"),
        ("oci:build", "x@sha256:aa"),
        ("oci:build", " "),
        ("dir:build", "1"),
    ],
)
def test_a_tag_that_would_be_read_as_something_else_is_refused(text: str, tag: str) -> None:
    with pytest.raises(InvalidReference, match=r"a tag is|is a tag|has no tags|after '@'"):
        Reference.parse(text).with_tag(tag)


def _tar(path: Path, **files: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{name}.json")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_paths_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / "oci-layout").write_text("{}")
    (tmp_path / "plain").mkdir()
    assert Reference.parse(tmp_path / "layout").scheme == "oci"
    assert Reference.parse(tmp_path / "plain").scheme == "dir"
    listed, empty = b'{"manifests": [{}]}', b'{"manifests": null}'
    assert Reference.parse(_tar(tmp_path / "a.tar", index=listed)).scheme == "oci-archive"
    saved = str(_tar(tmp_path / "b.tar", manifest=b"[]"))
    assert Reference.parse(saved).scheme == "docker-archive"
    both = _tar(tmp_path / "c.tar", manifest=b"[]", index=listed)
    assert Reference.parse(both).scheme == "oci-archive"
    unnamed = _tar(tmp_path / "d.tar", manifest=b"[]", index=empty)
    assert Reference.parse(unnamed).scheme == "docker-archive"
    with pytest.raises(InvalidReference, match="no such file"):
        Reference.parse(tmp_path / "absent")
    (tmp_path / "text").write_text("no tar")
    with pytest.raises(InvalidReference, match="no tar archive"):
        Reference.parse(tmp_path / "text")


@pytest.mark.parametrize("name", ["a:b", "a@" + DIGEST, "x" * 300])
def test_a_path_that_would_be_read_as_another_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    if len(name) < 256:
        folder.mkdir()
        (folder / "oci-layout").write_text("{}")
    with pytest.raises(InvalidReference, match=r"must hold no ':'|cannot be looked at"):
        Reference.parse(folder)


@pytest.mark.parametrize("target", ["index.json", "absent"])
def test_an_index_that_is_a_link_is_left_to_the_reader(tmp_path: Path, target: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("index.json")
        link.type, link.linkname = tarfile.SYMTYPE, target
        archive.addfile(link)
    assert Reference.parse(tmp_path / "a.tar").scheme == "oci-archive"


def test_a_tar_that_is_not_read_is_refused_when_it_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.xz", "w:xz"):
        pass
    with pytest.raises(InvalidReference, match="plain or gzipped"):
        Reference.parse(tmp_path / "a.tar.xz")
