"""`registries.conf`: what podman and skopeo make of it, where it lies, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import pwd
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import (
    Forbidden,
    InvalidReference,
    LimitExceeded,
    MalformedDocument,
    NotEvaluated,
    NotFound,
    ProvenanceError,
    UnsupportedFormat,
)
from provenance.oci import conf_files
from provenance.oci.conf_files import find, read
from provenance.oci.mirrors import Mirrors, Place
from provenance.oci.reference import Reference
from provenance.oci.registries_conf import Mirror, Namespace, RegistriesConf, parse

# What podman's own reader says of each file, asked by a program; the file names its version.
FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "containers_registries.json").read_text("utf-8")
)
ROWS = [
    pytest.param(case["conf"], case["drop"], name, answer, id=f"{number} {name[:24]}")
    for number, case in enumerate(FACTS["cases"])
    for name, answer in case["refs"].items()
]


def conf_of(text: str, drop_ins: dict[str, str] | None = None) -> RegistriesConf:
    conf = parse(text.encode())
    for name in sorted(drop_ins or {}):
        if name.endswith(".conf"):
            conf = conf.merged(parse((drop_ins or {})[name].encode(), source=name))
    return conf


@pytest.mark.parametrize(("text", "drop_ins", "name", "answer"), ROWS)
def test_an_image_is_read_where_podman_reads_it(
    text: str, drop_ins: dict[str, str], name: str, answer: list[str] | str
) -> None:
    reference = Reference.parse(name)
    if answer == "error":
        with pytest.raises(MalformedDocument, match=r"registries\.conf"):
            conf_of(text, drop_ins)
        return
    mirrors = Mirrors.of(conf=conf_of(text, drop_ins))
    if isinstance(answer, str):
        prefix = re.escape(answer.removeprefix("blocked by "))
        with pytest.raises(Forbidden, match=rf"is blocked by .* \(prefix {prefix}\)"):
            mirrors.places(reference)
        with pytest.raises(Forbidden):
            mirrors.check(reference)
        return
    end = str(reference).removeprefix(reference.name)
    places = mirrors.places(reference)
    assert [place.name + end for place in places] == answer
    assert [place.mirror for place in places] == [True] * (len(places) - 1) + [False]


@pytest.mark.parametrize(
    ("text", "pointer", "why"),
    [
        ("[[registry]]\nlocation = 1", "/registry/0/location", "must be a string"),
        ("[[registry]]\nlocation = 'a.io'\nblocked = 1", "/registry/0/blocked", "true or false"),
        ("registry = 1", "/registry", "array of tables"),
        ("[[registry]]\nlocation = 'a.io'\nmirror = [1]", "/registry/0/mirror", "array of tables"),
        ("[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'b.io'\ninsecure = 'x'",
         "/registry/0/mirror/0/insecure", "true or false"),
        ("[[registry]]\nlocation = 'https://a.io'", "/registry/0/location", "without https://"),
        ("[[registry]]\nlocation = 'a.io'\n[[registry]]\nlocation = 'A b'", "/registry/1/location",
         "no place in a registry"),
        ("[[registry]]\nlocation = '../x'", "/registry/0/location", "no place in a registry"),
        ("[[registry]]\nlocation = 'a.io/../x'", "/registry/0/location", "no place in a registry"),
        ("[[registry]]\nlocation = 'u:p@a.io'", "/registry/0/location", "no place in a registry"),
        ("[[registry]]\nlocation = 'a.io/x@sha256:zz'", "/registry/0/location", "no place in"),
        ("[[registry]]\nprefix = 'a.*.io'\nlocation = 'a.io'", "/registry/0/prefix", "no place in"),
        ("[[registry]]\nprefix = '*.a.io/x'\nlocation = 'a.io'", "/registry/0/prefix", "with a *"),
        ("[[registry]]\nlocation = '*.a.io'", "/registry/0/location", "no place in a registry"),
        ("[[registry]]\nprefix = 'a.io'", "/registry/0/location", "needs a location"),
        ("[[registry]]", "/registry/0/prefix", "needs a prefix or a location"),
    ],
)  # fmt: skip
def test_a_value_without_meaning_is_named_by_file_and_pointer(
    text: str, pointer: str, why: str
) -> None:
    with pytest.raises(MalformedDocument, match=why.replace("*", r"\*")) as refused:
        parse(text.encode(), source="/etc/x.conf")
    assert refused.value.pointer == pointer
    assert "/etc/x.conf" in str(refused.value)


@pytest.mark.parametrize("raw", [b"\xff", b"[[registry]", b"a = 1\na = 2", b"x = " + b"[" * 50_000])
def test_what_is_no_toml_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedDocument, match="is no TOML"):
        parse(raw)


@pytest.mark.parametrize("group", ["search", "insecure", "block"])
def test_version_1_is_refused_by_name(group: str) -> None:
    with pytest.raises(UnsupportedFormat, match=r"version 1.*write it as \[\[registry\]\]"):
        parse(f"[registries.{group}]\nregistries = ['a.io']".encode())


def test_more_than_a_configuration_has_is_refused() -> None:
    many = "[[registry.mirror]]\nlocation = 'm.io'\n" * 17
    with pytest.raises(LimitExceeded, match=r"17 tables at /registry/0/mirror.*at most 16"):
        parse(f"[[registry]]\nlocation = 'a.io'\n{many}".encode())
    with pytest.raises(LimitExceeded, match="17 mirrors: at most 16"):
        Mirrors.of({"a.io": ["m.io"] * 17})


def test_insecure_is_reported_and_not_followed() -> None:
    conf = parse(
        b"[[registry]]\nlocation = 'a.io'\ninsecure = true\n"
        b"[[registry.mirror]]\nlocation = 'm.io/x'\ninsecure = true\n"
        b"[[registry]]\nlocation = 'b.io'\n"
        b"[[registry]]\nprefix = '*.c.io'\ninsecure = true",
        source="/etc/containers/registries.conf",
    )
    assert conf.insecure == ("a.io", "*.c.io", "m.io/x")
    mirrors = Mirrors.of(conf=conf)
    for place in (
        *mirrors.places(Reference.parse("a.io/y")),
        *mirrors.places(Reference.parse("x.c.io/y")),
    ):
        assert place.insecure
        assert f"name {place.host} in Settings.plain_http" in place.hint
        assert "/etc/containers/registries.conf calls it insecure" in place.hint
    assert [p.hint for p in mirrors.places(Reference.parse("b.io/y"))] == [""]


def test_names_of_docker_hub_are_one() -> None:
    conf = parse(b"[[registry]]\nprefix = 'index.docker.io'\nlocation = 'Registry-1.Docker.io/x'")
    assert conf.namespaces[0].prefix == "docker.io"
    (place,) = Mirrors.of(conf=conf).places(Reference.parse("alpine"))
    assert (place.registry, place.host) == ("docker.io", "registry-1.docker.io")
    assert place.repository == "x/library/alpine"


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_a_configuration_or_refused(raw: bytes) -> None:
    try:
        conf = parse(raw)
    except ProvenanceError:
        return
    assert isinstance(conf, RegistriesConf)


PLACE = st.sampled_from(
    ["a.io", "a.io/x", "A.io:5000", "*.io", "a.io/x:1", "", "x", "a.io/x/", "/"]
)
VALUE: st.SearchStrategy[Any] = (
    PLACE | st.text(max_size=6) | st.booleans() | st.integers() | st.just([]) | st.just({})
)


@given(
    st.dictionaries(st.sampled_from(["prefix", "location", "blocked", "insecure"]), VALUE),
    st.dictionaries(st.sampled_from(["location", "pull-from-mirror", "insecure"]), VALUE),
    st.sampled_from(["a.io/x:1", "a.io/x/y", "alpine", "a.io:5000/x", "b.io/x"]),
)
def test_whatever_a_file_says_places_are_names_of_a_registry(
    table: dict[str, Any], mirror: dict[str, Any], name: str
) -> None:
    lines = ["[[registry]]", *(f"{k} = {json.dumps(v)}" for k, v in table.items())]
    lines += ["[[registry.mirror]]", *(f"{k} = {json.dumps(v)}" for k, v in mirror.items())]
    try:
        places = Mirrors.of(conf=parse("\n".join(lines).encode())).places(Reference.parse(name))
    except ProvenanceError:
        return
    for place in places:
        assert re.fullmatch(r"[a-z0-9.]+(:[0-9]+)?", place.registry)
        assert re.fullmatch(r"[a-z0-9]+(/[a-z0-9]+)*", place.repository)


class TestTheCallersMirrors:
    CONF = conf_of(
        "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'file.example'\n"
        "[[registry]]\nlocation = 'ghcr.io'\nblocked = true\n"
    )

    @pytest.mark.parametrize(
        ("given", "name", "expected"),
        [
            ({}, "alpine", ["file.example/library/alpine", "docker.io/library/alpine"]),
            (
                {"docker.io": "mine.example/hub"},
                "alpine",
                [
                    "mine.example/hub/library/alpine",
                    "file.example/library/alpine",
                    "docker.io/library/alpine",
                ],
            ),
            (
                {"docker.io": ["a.example", "b.example"], "docker.io/library": "c.example"},
                "alpine",
                ["c.example/alpine", "file.example/library/alpine", "docker.io/library/alpine"],
            ),
            ({"quay.io/a/b": "m.example/x/y"}, "quay.io/a/b", ["m.example/x/y", "quay.io/a/b"]),
            ({"quay.io": "m.example"}, "quay.io:443/a/b", ["quay.io:443/a/b"]),
            ({"*.quay.io": "m.example"}, "cdn.quay.io/a", ["m.example/a", "cdn.quay.io/a"]),
            ({"*.quay.io": "m.example"}, "cdn.quay.io:5/a", ["m.example/a", "cdn.quay.io:5/a"]),
            ({"quay.io": ["quay.io", "m.io", "M.io"]}, "quay.io/a", ["m.io/a", "quay.io/a"]),
            ({"quay.io": ()}, "quay.io/a", ["quay.io/a"]),
            ({"[::1]:5000": "m:80/p"}, "[::1]:5000/a", ["m:80/p/a", "[::1]:5000/a"]),
        ],
    )
    def test_come_before_the_files(
        self, given: dict[str, str | list[str]], name: str, expected: list[str]
    ) -> None:
        places = Mirrors.of(given, self.CONF).places(Reference.parse(name))
        assert [p.name for p in places] == expected

    def test_do_not_lift_what_a_file_forbids(self) -> None:
        mirrors = Mirrors.of({"ghcr.io": "mine.example"}, self.CONF)
        with pytest.raises(Forbidden, match=r"blocked by registries\.conf \(prefix ghcr\.io\)"):
            mirrors.places(Reference.parse("ghcr.io/org/app"))

    @pytest.mark.parametrize(
        "given",
        [
            *({"": "m.io"}, {"a.io": ""}, {"a.io": "https://m.io"}, {"a.io": "m.io/../x"}),
            *({"*.a.io/x": "m.io"}, {"a.io": "*.m.io"}, {"a.io": "m.io/X"}, {"a.io/x:1": "m.io"}),
        ],
    )
    def test_are_places_in_registries(self, given: dict[str, str]) -> None:
        with pytest.raises(InvalidReference):
            Mirrors.of(given)

    def test_lead_to_a_repository_or_nowhere(self) -> None:
        with pytest.raises(MalformedDocument, match="where no repository is named"):
            Mirrors.of({"quay.io/a": "m.io"}).places(Reference.parse("quay.io/a"))

    def test_of_another_tag_are_not_guessed(self) -> None:
        conf = conf_of("[[registry]]\nprefix = 'a.io/x:1'\nlocation = 'b.io/x:2'")
        assert Mirrors.of(conf=conf).places(Reference.parse("a.io/x:3"))[0].name == "a.io/x"
        with pytest.raises(UnsupportedFormat, match=r"another tag or digest.*end with :1"):
            Mirrors.of(conf=conf).places(Reference.parse("a.io/x:1"))

    def test_travel_with_what_they_were_made_of(self) -> None:
        mirrors = Mirrors.of({"quay.io": "m.io"}, self.CONF)
        assert pickle.loads(pickle.dumps(mirrors)) == mirrors


def test_a_place_without_configuration_is_the_reference_itself() -> None:
    assert Mirrors().places(Reference.parse("alpine")) == (Place("docker.io", "library/alpine"),)


class TestWhereItLies:
    @pytest.fixture(autouse=True)
    def _system(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(conf_files, "_SYSTEM", tmp_path / "etc" / "registries.conf")

    @staticmethod
    def _write(path: Path, prefix: str = "a.io", location: str = "b.io") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[[registry]]\nprefix = '{prefix}'\nlocation = '{location}'\n")
        return path

    def test_nowhere_is_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert find({}) == ()
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])
        assert find({}) == ()
        assert find({"HOME": str(tmp_path)}) == ()
        assert read(()) == RegistriesConf()

    def test_in_the_systems_folder_with_drop_ins_of_both(self, tmp_path: Path) -> None:
        system = self._write(tmp_path / "etc" / "registries.conf")
        theirs = self._write(tmp_path / "etc" / "registries.conf.d" / "10.conf")
        self._write(tmp_path / "etc" / "registries.conf.d" / "20.conf~")
        self._write(tmp_path / "etc" / "registries.conf.d" / "sub" / "30.conf")
        mine = self._write(tmp_path / ".config" / "containers" / "registries.conf.d" / "00.conf")
        assert find({"HOME": str(tmp_path)}) == (system, theirs, mine)

    def test_in_the_users_folder_which_hides_the_systems(self, tmp_path: Path) -> None:
        self._write(tmp_path / "etc" / "registries.conf")
        self._write(tmp_path / "etc" / "registries.conf.d" / "10.conf")
        mine = self._write(tmp_path / "x" / "containers" / "registries.conf")
        drop = self._write(tmp_path / "x" / "containers" / "registries.conf.d" / "a.conf")
        assert find({"HOME": "/nowhere", "XDG_CONFIG_HOME": str(tmp_path / "x")}) == (mine, drop)

    def test_where_the_variable_says_with_drop_ins_of_both(self, tmp_path: Path) -> None:
        self._write(tmp_path / "etc" / "registries.conf")
        theirs = self._write(tmp_path / "etc" / "registries.conf.d" / "10.conf")
        self._write(tmp_path / ".config" / "containers" / "registries.conf")
        named = self._write(tmp_path / "named.conf")
        environ = {"HOME": str(tmp_path), "CONTAINERS_REGISTRIES_CONF": str(named)}
        assert find(environ) == (named, theirs)

    def test_later_files_have_the_last_word(self, tmp_path: Path) -> None:
        first = self._write(tmp_path / "1.conf", location="one.io")
        self._write(tmp_path / "2.conf", location="two.io")
        conf = read((first, tmp_path / "2.conf"))
        assert conf.namespaces == (Namespace("a.io", "two.io", source=str(tmp_path / "2.conf")),)

    def test_a_file_that_was_named_must_be_there(self, tmp_path: Path) -> None:
        files = find({"CONTAINERS_REGISTRIES_CONF": str(tmp_path / "absent")})
        with pytest.raises(NotFound, match="check CONTAINERS_REGISTRIES_CONF"):
            read(files)

    def test_what_cannot_be_read_might_forbid_something(self, tmp_path: Path) -> None:
        with pytest.raises(NotEvaluated, match=r"cannot be read.*may forbid"):
            read((tmp_path,))

    def test_a_file_too_large_is_no_configuration(self, tmp_path: Path) -> None:
        file = tmp_path / "large.conf"
        file.write_bytes(b"#" * ((1 << 20) + 1))
        with pytest.raises(LimitExceeded, match="more than 1048576 bytes"):
            read((file,))

    def test_a_device_that_never_ends_is_too_large(self) -> None:
        with pytest.raises(LimitExceeded):
            read((Path("/dev/zero"),))

    def test_an_empty_device_switches_the_file_off(self) -> None:
        assert read((Path(os.devnull),)) == RegistriesConf()

    def test_a_file_that_cannot_be_looked_at_may_forbid_registries(self, tmp_path: Path) -> None:
        # As below a folder that is closed to this user, which root cannot show.
        too_long = tmp_path / ("x" * 300)
        with pytest.raises(NotEvaluated, match=r"registries\.conf cannot be looked at"):
            find({"XDG_CONFIG_HOME": str(too_long)})

    def test_too_many_files_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conf_files, "_MAX_FILES", 1)
        for name in ("1.conf", "2.conf"):
            self._write(tmp_path / "etc" / "registries.conf.d" / name)
        with pytest.raises(LimitExceeded, match="2 files"):
            find({})


def test_mirrors_of_digests_alone_are_said_per_mirror() -> None:
    conf = conf_of(
        "[[registry]]\nlocation = 'a.io'\nmirror-by-digest-only = true\n"
        "[[registry.mirror]]\nlocation = 'm.io'"
    )
    assert conf.namespaces[0].mirrors == (Mirror("m.io", "digest-only"),)
