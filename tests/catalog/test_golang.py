from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.elf_files import (
    MARK,
    TEXT,
    Mapped,
    blob,
    elf,
    go_program,
    old_go_program,
    old_go_segments,
)
from tests.program_files import macho, pe, universal

import provenance as pv
from provenance.catalog.cataloger import Again, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems.buildinfo import BuildInfo, linked_version, parse_modules
from provenance.catalog.ecosystems.golang import CATALOGER
from provenance.digests import Digest
from provenance.packages.package import Location, Package
from provenance.testing import ImageBuilder

if TYPE_CHECKING:
    from provenance.catalog.cataloger import Item

LAYER = Digest.of(b"layer")
PATH = "app/server"
MODULES = (
    "path\tgithub.com/Acme/server/cmd/server\n"
    "mod\tgithub.com/Acme/server\tv1.4.0\t\n"
    "dep\tgithub.com/BurntSushi/toml\tv1.2.1\th1:9F2/+DoOYIOksmaJFPw1tGFy1eDnIJXg+UHjuD8lTak=\n"
    "dep\tgithub.com/docker/docker\tv20.10.7+incompatible\th1:Z6O9Nhsjv+ayUEeI1IojKbYcsGdgYSNqxe1s=\n"
    "dep\tgopkg.in/yaml.v3\tv3.0.1\n"
    "=>\tgithub.com/fork/yaml\tv3.9.9\th1:x\n"
    "build\t-compiler=gc\n"
    "build\tGOARCH=arm64\n"
    "build\tGOOS=linux\n"
    "build\tvcs=git\n"
    "build\tvcs.revision=0123456789abcdef0123456789abcdef01234567\n"
    "build\tvcs.time=2024-03-05T01:02:03Z\n"
)


def matched(body: bytes, *, whole: bool) -> MatchedFile:
    return MatchedFile(PATH, LAYER, len(body), 0o755, body if whole else b"")


def streamed(body: bytes, chunk: int = 1 << 16) -> list[Item]:
    assert CATALOGER.stream is not None
    sink = CATALOGER.stream(matched(body, whole=False))
    assert sink is not None
    for start in range(0, len(body), chunk):
        sink.feed(memoryview(body)[start : start + chunk])
    return list(sink.close())


def read(body: bytes) -> list[Item]:
    return list(CATALOGER.read(matched(body, whole=True)))


def items(body: bytes) -> list[Item]:
    """Streamed, read again where the sink asks for it: both ways must agree otherwise."""
    found = streamed(body)
    if found == [Again(PATH)]:
        return read(body)
    assert read(body) == found
    return found


def packages(found: list[Item]) -> dict[str, Package]:
    return {p.name: p for p in found if isinstance(p, Package)}


def problems(found: list[Item]) -> list[str]:
    return [p.message for p in found if isinstance(p, Problem)]


def purls(found: list[Item]) -> list[str]:
    return [p.purl for p in found if isinstance(p, Package)]


def test_a_program_its_toolchain_and_its_modules() -> None:
    found = items(go_program(MODULES))
    here = (Location(PATH, LAYER),)
    main = "pkg:golang/github.com/acme/server@v1.4.0"
    assert [p for p in found if isinstance(p, Package)] == [
        Package(
            name="github.com/Acme/server",
            version="v1.4.0",
            type="golang",
            purl=main,
            description="built for linux/arm64 from git"
            " 0123456789abcdef0123456789abcdef01234567 of 2024-03-05T01:02:03Z",
            locations=here,
            architecture="arm64",
            cataloger="golang",
            kind="application",
        ),
        Package(
            name="stdlib",
            version="1.22.1",
            type="golang",
            purl="pkg:golang/stdlib@1.22.1",
            description="toolchain go1.22.1",
            cpes=("cpe:2.3:a:golang:go:1.22.1:-:*:*:*:*:*:*",),
            locations=here,
            cataloger="golang",
        ),
        Package(
            name="github.com/BurntSushi/toml",
            version="v1.2.1",
            type="golang",
            purl="pkg:golang/github.com/burntsushi/toml@v1.2.1",
            locations=here,
            cataloger="golang",
        ),
        Package(
            name="github.com/docker/docker",
            version="v20.10.7+incompatible",
            type="golang",
            purl="pkg:golang/github.com/docker/docker@v20.10.7%2Bincompatible",
            locations=here,
            cataloger="golang",
        ),
        Package(
            name="github.com/fork/yaml",
            version="v3.9.9",
            type="golang",
            purl="pkg:golang/github.com/fork/yaml@v3.9.9",
            description="replaces gopkg.in/yaml.v3 v3.0.1",
            provides=("gopkg.in/yaml.v3",),
            locations=here,
            cataloger="golang",
        ),
    ]
    assert [r for r in found if isinstance(r, Relation)] == [
        Relation(main, "depends-on", purl) for purl in purls(found)[1:]
    ]
    assert not problems(found)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pointers_of_old_toolchains_are_followed_in_a_second_pass(bits: int, order: str) -> None:
    body = old_go_program(MODULES, bits=bits, order=order)
    assert streamed(body) == [Again(PATH)]
    found = packages(read(body))
    assert found["stdlib"].purl == "pkg:golang/stdlib@1.16.5"
    assert found["github.com/Acme/server"].version == "v1.4.0"
    assert len(found) == 5


def elsewhere(modules: str = MODULES, before: int = 0x40) -> list[bytes]:
    """The same program for other systems."""
    data = bytes(before) + blob("go1.22.1", modules) + bytes(64)
    segments = [Mapped(0x401000, b"\xcc" * 5000, TEXT), Mapped(0x500000, data)]
    return [
        pe(segments),
        pe(segments, bits=32),
        macho(segments),
        macho(segments, bits=32, order=">"),
        universal(macho(segments), macho(segments, bits=32)),
    ]


def test_programs_for_other_systems_say_the_same() -> None:
    expected = read(go_program(MODULES))
    assert len(purls(expected)) == 5
    for body in elsewhere():
        assert items(body) == expected


def test_images_carry_programs_for_other_systems_under_any_name(tmp_path: Path) -> None:
    files = {f"opt/{n}": body for n, body in enumerate(elsewhere())}
    # What linkers write behind the first two bytes differs.
    files["opt/5"] = b"MZx\0" + files["opt/0"][4:]
    ImageBuilder().layer({**files, "opt/text": b"MZ" + bytes(5000)}).push(f"oci:{tmp_path}:1")
    sbom = pv.generate_sbom(f"oci:{tmp_path}:1", cache=None)
    (server,) = sbom.packages.where(name="github.com/Acme/server")
    assert sorted(place.path for place in server.locations) == sorted(files)
    assert sbom.findings == ()


def test_programs_of_one_file_that_differ_are_both_listed() -> None:
    texts = (f"mod\ta.org/b\tv1.{n}.0\ndep\tc.org/d\tv1.1.0\n" for n in (0, 1))
    one, two = (macho([Mapped(0x401000, blob("go1.22.1", text))]) for text in texts)
    found = items(universal(one, two))
    assert purls(found) == [
        "pkg:golang/a.org/b@v1.0.0",
        "pkg:golang/stdlib@1.22.1",
        "pkg:golang/c.org/d@v1.1.0",
        "pkg:golang/a.org/b@v1.1.0",
    ]
    assert len([r for r in found if isinstance(r, Relation)]) == 4


def test_pointers_in_programs_for_other_systems_are_followed() -> None:
    expected = read(old_go_program(MODULES))
    assert len(purls(expected)) == 5
    segments = old_go_segments(MODULES)
    narrow = old_go_segments(MODULES, bits=32)
    bodies = [
        pe(segments),
        pe(narrow, bits=32),
        macho(segments),
        macho(narrow, bits=32),
        universal(macho(segments), macho(narrow, bits=32)),
    ]
    for body in bodies:
        assert streamed(body) == [Again(PATH)]
        assert read(body) == expected


def test_only_what_is_writable_in_a_program_for_another_system_holds_it() -> None:
    constant = [Mapped(0x500000, blob("go1.22.1", MODULES), TEXT)]
    assert items(pe(constant)) == []
    assert items(macho(constant)) == []


def test_headers_that_are_far_away_leave_the_whole_file_to_search() -> None:
    body = pe([Mapped(0x500000, blob("go1.22.1", MODULES))], stub=70_000)
    assert len(packages(items(body))) == 5


def test_nothing_is_read_beyond_what_is_wanted() -> None:
    assert CATALOGER.stream is not None
    for body in (go_program(MODULES), *elsewhere()):
        long = body + bytes(1 << 20)
        sink = CATALOGER.stream(matched(long, whole=False))
        assert sink is not None
        assert sink.feed(memoryview(long)[: len(body)]) is True
        assert list(sink.close()) == read(body)


def test_any_chunks_give_the_same() -> None:
    body = go_program(MODULES, before=3000)
    expected = read(body)
    for other in elsewhere(before=3000):
        for chunk in (1, 13, 1000, 4096, 4097, len(other)):
            assert streamed(other, chunk) == expected
    for chunk in (1, 2, 7, 13, 31, 63, 64, 1000, 4095, 4096, 4097, len(body)):
        assert streamed(body, chunk) == expected
    for cut in range(len(body) - 800, len(body), 3):
        sink = CATALOGER.stream(matched(body, whole=False)) if CATALOGER.stream else None
        assert sink is not None
        sink.feed(memoryview(body)[:cut])
        sink.feed(memoryview(body)[cut:])
        assert list(sink.close()) == expected


def test_the_boundary_is_one_of_memory() -> None:
    info = blob("go1.22.1", MODULES)
    shifted = elf([Mapped(0x500008, bytes(8 + 64) + info)])
    # The same bytes at an address that is none: only a text that looks like it.
    other = elf([Mapped(0x500000, bytes(8 + 64) + info)])
    assert len(packages(items(shifted))) == 5
    assert items(other) == []


def test_only_writable_segments_hold_it() -> None:
    assert items(elf([Mapped(0x500000, blob("go1.22.1", MODULES), 4)])) == []


def test_a_mark_that_is_only_a_text_hides_nothing() -> None:
    fakes = [
        MARK + b"\x08\x02" + bytes(16) + b"\x04rust",
        MARK + b"\x08\x02" + bytes(16) + b"\xff" * 12,
        MARK + b"\x09\x00" + b"\x01" * 16,
        # Says that megabytes follow, which do not.
        MARK + b"\x08\x02" + bytes(16) + b"\x08go1.22.1" + b"\xff\xff\xff\x01",
    ]
    data = b"".join(fake.ljust(-len(fake) % 16 + len(fake), b"\0") for fake in fakes)
    body = elf([Mapped(0x500000, data + blob("go1.22.1", MODULES) + bytes(100))])
    found = items(body)
    assert len(packages(found)) == 5
    assert streamed(body, 100) == found


def test_the_last_of_several_writable_segments_is_looked_into_too() -> None:
    body = elf(
        [
            Mapped(0x500000, b"\0" * 9000),
            Mapped(0x600010, bytes(0x20) + blob("go1.22.1", MODULES)),
        ]
    )
    assert len(packages(items(body))) == 5


def test_program_headers_that_were_moved() -> None:
    body = bytearray(go_program(MODULES))
    headers = body[64 : 64 + 2 * 56]
    body[32:40] = len(body).to_bytes(8, "little")
    assert len(packages(items(bytes(body + headers)))) == 5


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        ("", ""),
        ('build\t-ldflags="-s -w -X main.version=1.2.3"\n', "v1.2.3"),
        ("build\t-ldflags=\"-X 'main.Version=v1.2.3-rc.1' -w\"\n", "v1.2.3-rc.1"),
        ("build\t-ldflags=`-X=a.org/b/internal/build.version=v1.2.3`\n", "v1.2.3"),
        # Of another module, another variable, no version, two that disagree.
        ('build\t-ldflags="-X c.org/d.version=v1.2.3"\n', ""),
        ('build\t-ldflags="-X a.org/bc.version=v1.2.3"\n', ""),
        ('build\t-ldflags="-X main.goversion=v1.2.3"\n', ""),
        ('build\t-ldflags="-X main.version=nightly"\n', ""),
        ('build\t-ldflags="-X main.version=v1.2.3 -X a.org/b/v.Version=v1.2.4"\n', ""),
        (
            "build\tvcs.revision=" + "ab" * 20 + "\nbuild\tvcs.modified=false\n",
            "ab" * 20,
        ),
        ("build\tvcs.revision=" + "ab" * 20 + "\nbuild\tvcs.modified=true\n", "ab" * 20 + "+dirty"),
        ("build\tvcs.revision=12\n", ""),
    ],
)
def test_the_version_of_a_program_that_is_no_release(settings: str, version: str) -> None:
    found = items(go_program(f"path\ta.org/b\nmod\ta.org/b\t(devel)\t\n{settings}"))
    assert packages(found)["a.org/b"].version == version
    assert problems(found) == ([] if version else ["states no version of a.org/b"])


def test_a_linked_version_agrees_with_the_major_in_the_path() -> None:
    info = BuildInfo(settings={"-ldflags": "-X main.version=2.3.4"})
    assert linked_version(info, "a.org/b/v2") == "v2.3.4"
    assert linked_version(info, "a.org/b/v3") == ""
    assert linked_version(info, "gopkg.in/b.v2") == "v2.3.4"
    assert linked_version(info, "a.org/b") == "v2.3.4"


def test_a_folder_in_place_of_a_module_has_no_version() -> None:
    found = items(go_program("mod\ta.org/b\tv1.0.0\ndep\tc.org/d\tv1.1.0\n=>\t./d\t(devel)\t\n"))
    assert packages(found)["c.org/d"].purl == "pkg:golang/c.org/d"
    assert packages(found)["c.org/d"].description == "built from ./d in place of c.org/d v1.1.0"
    assert problems(found) == ["states no version of c.org/d"]


def test_a_program_without_modules_is_its_main_package() -> None:
    found = items(go_program("path\tfilippo.io/age/cmd/age\nbuild\tGOOS=linux\n", "go1.19.8"))
    assert purls(found) == ["pkg:golang/filippo.io/age/cmd/age", "pkg:golang/stdlib@1.19.8"]
    assert problems(found) == ["states no version of filippo.io/age/cmd/age"]
    assert Relation(*(purls(found)[0], "depends-on", purls(found)[1])) in found


def test_a_program_without_modules_states_its_version_to_the_linker() -> None:
    flags = r'build\t-ldflags=" -X \"github.com/docker/cli/cli/version.Version=28.2.2\" -s"'
    modules = "path\tgithub.com/docker/cli/cmd/docker\n" + flags.replace(r"\t", "\t") + "\n"
    found = items(go_program(modules))
    assert purls(found)[0] == "pkg:golang/github.com/docker/cli/cmd/docker@v28.2.2"
    elsewhere = items(go_program(modules.replace("docker/cli/cli", "docker/other/cli")))
    assert purls(elsewhere)[0] == "pkg:golang/github.com/docker/cli/cmd/docker"


@pytest.mark.parametrize(
    "modules",
    [
        "",
        "path\tcommand-line-arguments\n",
        "path\tcommand-line-arguments\nmod\tcommand-line-arguments\t(devel)\t\n",
        "path\tcmd/gofmt\n",
    ],
)
def test_a_program_without_a_name_is_its_toolchain(modules: str) -> None:
    assert purls(items(go_program(modules))) == ["pkg:golang/stdlib@1.22.1"]


@pytest.mark.parametrize(
    ("toolchain", "version", "cpe"),
    [
        ("go1.21", "1.21", "cpe:2.3:a:golang:go:1.21:-:*:*:*:*:*:*"),
        ("go1.23rc2", "1.23rc2", "cpe:2.3:a:golang:go:1.23:rc2:*:*:*:*:*:*"),
        ("go1.21.3 X:boringcrypto", "1.21.3", "cpe:2.3:a:golang:go:1.21.3:-:*:*:*:*:*:*"),
        ("go1.26.8-X:jsonv2", "1.26.8", "cpe:2.3:a:golang:go:1.26.8:-:*:*:*:*:*:*"),
        ("go1.26.4-fips X:jsonv2", "1.26.4-fips", ""),
        ("go1.20.4-fips", "1.20.4-fips", ""),
        ("devel go1.24-d6cd7f4 Thu Sep 5", "1.24-d6cd7f4", ""),
        ("devel +abcdef Thu Sep 5", "", ""),
    ],
)
def test_toolchains(toolchain: str, version: str, cpe: str) -> None:
    found = items(go_program("", toolchain))
    library = packages(found)["stdlib"]
    assert (library.version, library.cpes) == (version, (cpe,) if cpe else ())
    assert problems(found) == ([] if version else ["states no version of stdlib"])


def test_lines_that_say_nothing_are_told_of() -> None:
    found = items(go_program("=>\ta\tb\ndep\t\tv1\nmod\ta.org/b\tv1.0.0\ndep\t//\tv2\nodd\n"))
    assert len(packages(found)) == 2
    assert [p.split(":")[0] for p in problems(found)] == [
        "Go build information",
        "Go build information",
        "Go module '//'",
    ]


def test_a_main_module_without_a_usable_name_leaves_the_others() -> None:
    found = items(go_program("mod\t/\tv1\ndep\tc.org/d\tv1.1.0\ndep\tc.org/d\tv1.1.0\n"))
    assert purls(found) == ["pkg:golang/stdlib@1.22.1", "pkg:golang/c.org/d@v1.1.0"]
    assert len(problems(found)) == 1
    assert not [r for r in found if isinstance(r, Relation)]


def test_a_replaced_main_module() -> None:
    found = items(go_program("mod\ta.org/b\tv1.0.0\n=>\tc.org/b\tv1.0.1\n"))
    assert purls(found)[0] == "pkg:golang/c.org/b@v1.0.1"


def test_words_that_json_would_not_read() -> None:
    text = 'build\t-tags="a\\x7fb"\nbuild\t`k`=v\n'
    assert parse_modules(text).settings == {"-tags": "a\\x7fb", "k": "v"}


def test_segments_that_overlap_are_searched_once() -> None:
    data = bytes(64) + blob("go1.22.1", MODULES) + bytes(9000)
    body = bytearray(elf([Mapped(0x500000, bytes(9000)), Mapped(0x600000, data)]))
    first, second = body[64:120], body[120:176]
    # The first now reaches into the second, the second begins before where the first ends.
    first[32:40] = (len(body) - int.from_bytes(first[8:16], "little")).to_bytes(8, "little")
    first[4:8] = second[4:8] = (6).to_bytes(4, "little")
    body[64:176] = first + second
    assert len(packages(items(bytes(body)))) == 5
    blank = bytes(body).replace(MARK, bytes(len(MARK)))
    assert items(blank) == []
    assert streamed(blank, 100) == []


def test_a_list_without_end_has_one() -> None:
    many = "".join(f"dep\ta.org/{n}\tv1\n" for n in range(20_010))
    begun = time.process_time()
    found = items(go_program(many))
    assert time.process_time() - begun < 20
    assert len(packages(found)) == 20_001
    assert problems(found) == ["names 20010 Go modules: only the first are listed"]


@pytest.mark.parametrize(
    "tail",
    [
        MARK + b"\x08\x02" + bytes(16) + b"\x08go1.2",
        MARK + b"\x08\x02" + bytes(16) + b"\x08go1.22.1\xff",
        blob("go1.22.1", MODULES)[:-1],
    ],
)
def test_information_that_is_cut_is_told_of(tail: bytes) -> None:
    found = items(elf([Mapped(0x500000, bytes(5000) + bytes(8) + bytes(-5008 % 16) + tail)]))
    assert problems(found) == ["the Go build information is cut or broken"]
    assert not packages(found)


def test_a_file_shorter_than_it_says() -> None:
    body = go_program(MODULES, before=4000)[:-400]
    assert problems(items(body)) == ["the Go build information is cut or broken"]


def test_pointers_to_nowhere() -> None:
    head = MARK + b"\x08\x00" + b"\xff" * 16
    body = elf([Mapped(0x500000, bytes(4096) + head)])
    assert streamed(body) == [Again(PATH)]
    assert problems(read(body)) == ["the Go build information is cut or broken"]


def test_many_marks_cost_no_time() -> None:
    fake = (MARK + b"\x08\x02" + bytes(16) + b"\x08go1.22.1" + b"\xff\xff\xff\x01").ljust(64, b"\0")
    body = elf([Mapped(0x500000, fake * 65536)])
    begun = time.process_time()
    assert problems(streamed(body))
    assert time.process_time() - begun < 2


def test_what_is_no_go_program() -> None:
    assert items(elf([Mapped(0x500000, bytes(9000))])) == []
    assert items(b"#!/bin/sh\n" * 1000) == []
    assert items(b"\x7fELF" + bytes(6000)) == []
    assert items(elf(kind=1) + blob("go1.22.1", MODULES)) == []


@given(st.text(alphabet="pathmodebuil=>\t\n\"'`v1. /-Xé\\", max_size=200))
def test_any_text_ends_in_records_or_complaints(text: str) -> None:
    parse_modules(text)
    for item in items(go_program("mod\ta.org/b\t(devel)\n" + text)):
        assert isinstance(item, Package | Problem | Relation)


def test_mutations_end_in_results_or_problems() -> None:
    chance = random.Random(4)
    settings = 'build\t-ldflags="-X main.version=1.2.3"\n'
    segments = old_go_segments(MODULES)
    valid = [
        go_program(MODULES + settings),
        old_go_program(MODULES),
        *elsewhere(MODULES + settings),
    ]
    valid += [pe(segments), macho(segments)]
    begun = time.process_time()
    for number in range(6000):
        body = bytearray(valid[number % len(valid)])
        places = [i for i in (body.find(b"Go buildinf") - 2, 64, 0x100, 0x4000) if i >= 0]
        for _ in range(chance.randint(1, 4)):
            near = chance.choice(places) + chance.randint(-40, 400)
            at = chance.choice((near, chance.randrange(len(body)))) % len(body)
            body[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.2:
            del body[chance.randrange(len(body)) :]
        found = streamed(bytes(body), chance.choice((1 << 16, 777)))
        if found == [Again(PATH)]:
            found = read(bytes(body))
        assert all(isinstance(i, Package | Problem | Relation) for i in found)
    assert time.process_time() - begun < 60


PROGRAM = {
    "go.mod": "module example.org/Program/v3\n\ngo 1.18\n\nrequire example.org/used v1.2.3\n"
    "\nreplace example.org/used v1.2.3 => ./used\n",
    "main.go": 'package main\n\nimport "example.org/used"\n\nvar version string\n\n'
    "func main() { println(used.Name, version) }\n",
    "used/go.mod": "module example.org/used\n\ngo 1.18\n",
    "used/used.go": 'package used\n\nconst Name = "used"\n',
}


def listed(program: Path) -> tuple[str, list[tuple[str, ...]]]:
    """What `go version -m` says: the toolchain, and the fields of its lines."""
    ran = subprocess.run(
        ["go", "version", "-m", str(program)], check=True, capture_output=True, text=True
    )
    first, *lines = ran.stdout.splitlines()
    return first.rpartition(": ")[2], [tuple(line.split("\t")[1:]) for line in lines]


@pytest.fixture(scope="module")
def go_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiling the standard library takes longest."""
    return tmp_path_factory.mktemp("go-cache")


@pytest.mark.peer
@pytest.mark.parametrize(
    ("flags", "environment", "version"),
    [
        (("-ldflags=-s -w -X main.version=3.4.5",), {"CGO_ENABLED": "0"}, "v3.4.5"),
        (("-buildmode=pie", "-trimpath"), {"CGO_ENABLED": "0"}, ""),
        ((), {"CGO_ENABLED": "0", "GOARCH": "386"}, ""),
        ((), {"CGO_ENABLED": "0", "GOARCH": "s390x"}, ""),
        (("-ldflags=-s -w",), {"CGO_ENABLED": "0", "GOOS": "windows"}, ""),
        ((), {"CGO_ENABLED": "0", "GOOS": "windows", "GOARCH": "386"}, ""),
        ((), {"CGO_ENABLED": "0", "GOOS": "darwin", "GOARCH": "amd64"}, ""),
        (("-ldflags=-s -w",), {"CGO_ENABLED": "0", "GOOS": "darwin", "GOARCH": "arm64"}, ""),
    ],
)
def test_programs_that_go_builds(
    tmp_path: Path,
    go_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    environment: dict[str, str],
    version: str,
) -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not on this machine")
    for name, text in PROGRAM.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    offline = {"GOPROXY": "off", "GOFLAGS": "-mod=mod -buildvcs=false", "GOTOOLCHAIN": "local"}
    offline |= {"GOCACHE": str(go_cache), "GOPATH": str(tmp_path / "path")}
    for key, value in (offline | environment).items():
        monkeypatch.setenv(key, value)
    subprocess.run(["go", "build", "-o", "program", *flags, "."], check=True, cwd=tmp_path)
    toolchain, lines = listed(tmp_path / "program")
    assert ("mod", "example.org/Program/v3", "(devel)") in {line[:3] for line in lines}
    assert {line[0] for line in lines} >= {"dep", "=>"}
    found = items((tmp_path / "program").read_bytes())
    suffix = f"@{version}" if version else ""
    assert purls(found) == [
        f"pkg:golang/example.org/program/v3{suffix}",
        f"pkg:golang/stdlib@{toolchain.removeprefix('go')}",
        "pkg:golang/example.org/used",
    ]
    if environment.get("GOOS") == "darwin":
        both = universal((tmp_path / "program").read_bytes(), macho([Mapped(0x401000, b"x")]))
        assert purls(items(both)) == purls(found)


@pytest.mark.peer
def test_the_old_program_that_go_tests_itself_with() -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not on this machine")
    import base64

    root = subprocess.run(["go", "env", "GOROOT"], check=True, capture_output=True, text=True)
    data = Path(root.stdout.strip()) / "src/debug/buildinfo/testdata/go117/go117.base64"
    body = base64.b64decode(data.read_bytes())
    assert streamed(body) == [Again(PATH)]
    assert purls(read(body)) == ["pkg:golang/example.com/go117", "pkg:golang/stdlib@1.17"]


@pytest.mark.corpus
def test_the_program_of_a_distroless_image(corpus: Path, tmp_path: Path) -> None:
    import tarfile

    blobs = (corpus / "slsa" / "gha_generic_container-v1.4.0").rglob("blobs/sha256/*")
    layers = [p for p in blobs if p.read_bytes()[:2] == b"\x1f\x8b"]
    bodies = []
    for layer in layers:
        with tarfile.open(layer) as archive:
            bodies += [
                stored.read()
                for member in archive
                if member.name.strip("./") == "app" and (stored := archive.extractfile(member))
            ]
    (body,) = bodies
    # As `go version -m` prints it.
    assert purls(items(body)) == [
        "pkg:golang/slsa-framework/example-package",
        "pkg:golang/stdlib@1.18.4",
        "pkg:golang/github.com/google/uuid@v1.0.0",
        "pkg:golang/github.com/pborman/uuid@v1.2.1",
    ]
