from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.elf_files import TEXT, Mapped, audit, elf
from tests.program_files import macho, pe, universal

from provenance.catalog.cataloger import Again, MatchedFile, Problem, Relation
from provenance.catalog.ecosystems.rust import CATALOGER
from provenance.digests import Digest
from provenance.packages.package import Location, Package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from provenance.catalog.cataloger import Item

LAYER = Digest.of(b"layer")
PATH = "usr/bin/tool"
CRATES: list[dict[str, object]] = [
    {"name": "cc", "version": "1.0.79", "source": "crates.io", "kind": "build"},
    {"name": "libc", "version": "0.2.140", "source": "crates.io"},
    {"name": "log", "version": "0.4.17", "source": "git", "dependencies": [1]},
    {
        "name": "tool",
        "version": "2.0.0+build",
        "source": "local",
        "root": True,
        "dependencies": [0, 1, 2],
    },
]
TEXT_SEGMENT = Mapped(0x400000, b"\xcc" * 6000, TEXT)
COMMENT = (".comment", b"GCC: (GNU) 12.2.0\0")
LLD = (".comment", b"Linker: LLD 18.1.0\0")
SYMBOLS = 2 << 20


def program(contents: bytes, *, filler: int = 0, names_first: bool = False) -> bytes:
    sections = [LLD if names_first else COMMENT, (".dep-v0", contents)]
    return elf([TEXT_SEGMENT], sections, filler=filler, names_first=names_first)


def matched(body: bytes, *, whole: bool) -> MatchedFile:
    return MatchedFile(PATH, LAYER, len(body), 0o755, body if whole else b"")


def streamed(body: bytes, chunk: int = 1 << 12) -> list[Item]:
    assert CATALOGER.stream is not None
    sink = CATALOGER.stream(matched(body, whole=False))
    assert sink is not None
    for start in range(0, len(body), chunk):
        sink.feed(memoryview(body)[start : start + chunk])
    return list(sink.close())


def read(body: bytes) -> list[Item]:
    return list(CATALOGER.read(matched(body, whole=True)))


def problems(found: Sequence[Item]) -> list[str]:
    return [p.message for p in found if isinstance(p, Problem)]


def purls(found: Sequence[Item]) -> list[str]:
    return [p.purl for p in found if isinstance(p, Package)]


def test_the_crates_of_a_program_and_what_needs_what() -> None:
    body = program(audit(CRATES))
    found = streamed(body)
    assert read(body) == found
    here = (Location(PATH, LAYER),)
    tool = "pkg:cargo/tool@2.0.0%2Bbuild"
    log = "pkg:cargo/log@0.4.17"
    libc = "pkg:cargo/libc@0.2.140"
    assert found == [
        Package(
            *("libc", "0.2.140", "cargo", libc),
            locations=here,
            cataloger="rust",
        ),
        Package(
            *("log", "0.4.17", "cargo", log),
            description="from source git",
            locations=here,
            cataloger="rust",
        ),
        Package(
            *("tool", "2.0.0+build", "cargo", tool),
            locations=here,
            cataloger="rust",
            kind="application",
        ),
        Relation(log, "depends-on", libc),
        Relation(tool, "depends-on", libc),
        Relation(tool, "depends-on", log),
    ]


def test_any_chunks_give_the_same() -> None:
    body = program(audit(CRATES))
    expected = read(body)
    assert len(purls(expected)) == 3
    for chunk in (1, 2, 7, 13, 64, 1000, 4095, 4096, 4097, len(body)):
        assert streamed(body, chunk) == expected
    assert CATALOGER.stream is not None
    for cut in range(4000, len(body), 11):
        sink = CATALOGER.stream(matched(body, whole=False))
        assert sink is not None
        sink.feed(memoryview(body)[:cut])
        sink.feed(memoryview(body)[cut:])
        assert list(sink.close()) == expected


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_both_sizes_and_orders(bits: int, order: str) -> None:
    body = elf([TEXT_SEGMENT], [COMMENT, (".dep-v0", audit(CRATES))], bits=bits, order=order)
    assert len(purls(streamed(body))) == 3


def elsewhere(contents: bytes) -> list[bytes]:
    """The same program for other systems."""
    here = [("__DATA,.dep-v0", contents)]
    return [
        pe([TEXT_SEGMENT], [(".other", b"xyz"), (".dep-v0", contents)], base=0x3F0000),
        pe([TEXT_SEGMENT], [(".dep-v0", contents)], base=0x3F0000, bits=32),
        macho([TEXT_SEGMENT], here),
        macho([TEXT_SEGMENT], here, bits=32, order=">"),
        universal(macho([TEXT_SEGMENT], here), macho([TEXT_SEGMENT], here, bits=32)),
    ]


@pytest.mark.parametrize("chunk", [1, 100, 4096, 1 << 20])
def test_programs_for_other_systems_say_the_same(chunk: int) -> None:
    expected = read(program(audit(CRATES)))
    for body in elsewhere(audit(CRATES)):
        assert streamed(body, chunk) == read(body) == expected


def test_programs_for_other_systems_are_read_no_further_than_their_list() -> None:
    assert CATALOGER.stream is not None
    for body in elsewhere(audit(CRATES)):
        long = body + bytes(1 << 20)
        sink = CATALOGER.stream(matched(long, whole=False))
        assert sink is not None
        assert sink.feed(memoryview(long)[: len(body)]) is True
        assert list(sink.close()) == read(body)


@pytest.mark.parametrize(
    ("contents", "message"), [(b"", "cut short"), (b"x" * 20, "not readable"), (bytes(9 << 20), "")]
)
def test_a_list_that_is_broken_in_a_program_for_another_system(
    contents: bytes, message: str
) -> None:
    for body in (pe((), [(".dep-v0", contents or b"\x78\x9c")]), *elsewhere(contents)[2:4]):
        found = streamed(body, 1 << 16)
        assert found == read(body)
        assert len(problems(found)) == 1
        assert message in problems(found)[0]


def test_a_long_list_is_not_kept_while_it_streams_by() -> None:
    for body in elsewhere(audit(CRATES) + bytes(2 << 20)):
        assert streamed(body, 1 << 18) == [Again(PATH)]
        assert read(body) == read(program(audit(CRATES)))


def test_a_list_that_ends_behind_the_file_is_told_of() -> None:
    for body in (b[:-600] for b in elsewhere(audit(CRATES) + bytes(9000))[:4]):
        assert streamed(body) == [Again(PATH)]
        assert "longer than" in problems(read(body))[0]


@pytest.mark.parametrize("name", ["__TEXT,.dep-v0", "__DATA,.dep-v", "__DATA,dep-v0"])
def test_sections_of_other_names_are_none(name: str) -> None:
    body = macho([TEXT_SEGMENT], [(name, audit(CRATES))])
    assert streamed(body) == read(body) == []


def test_symbols_behind_the_section_are_no_hindrance() -> None:
    body = program(audit(CRATES), filler=SYMBOLS)
    assert len(purls(streamed(body))) == 3
    assert len(purls(read(body))) == 3


@pytest.mark.parametrize("chunk", [1 << 20, 1 << 16, 999])
def test_names_out_of_reach_ask_for_the_whole_file(chunk: int) -> None:
    body = program(audit(CRATES), filler=SYMBOLS, names_first=True)
    assert streamed(body, chunk) == [Again(PATH)]
    assert len(purls(read(body))) == 3


def test_names_out_of_reach_that_hold_no_such_name() -> None:
    other = [LLD, (".debug_info", b"\x78" * 100_000), (".debug_line", b"y" * 100_000)]
    body = elf([TEXT_SEGMENT], other, filler=SYMBOLS, names_first=True)
    assert streamed(body) == []
    # Of another linker, whose names are not where they are expected: to be on the safe side.
    other[0] = COMMENT
    assert streamed(elf([TEXT_SEGMENT], other, filler=SYMBOLS, names_first=True)) == [Again(PATH)]
    plain = elf([TEXT_SEGMENT], [(".debug_str", b"z" * 100)], filler=SYMBOLS, names_first=True)
    assert streamed(plain) == []


def test_segments_behind_the_section_table() -> None:
    sections = [COMMENT, (".dep-v0", audit(CRATES))]
    body = elf([TEXT_SEGMENT, Mapped(0x500000, b"x" * 9000)], sections, table_first=True)
    assert len(purls(streamed(body))) == 3


def test_a_section_that_is_mapped() -> None:
    contents = audit(CRATES)
    body = bytearray(elf([Mapped(0x400000, b"\0" * 9000 + contents, TEXT)], [(".dep-v0", b"")]))
    row = len(body) - 2 * 64
    body[row + 24 : row + 32] = body.index(contents).to_bytes(8, "little")
    body[row + 32 : row + 40] = len(contents).to_bytes(8, "little")
    assert streamed(bytes(body)) == [Again(PATH)]
    assert len(purls(read(bytes(body)))) == 3
    # Not when it came whole.
    assert streamed(bytes(body), len(body)) == read(bytes(body))


def test_names_far_behind_a_table_that_comes_first() -> None:
    body = bytearray(elf([TEXT_SEGMENT], [COMMENT, (".debug_info", b"x" * 300)], filler=SYMBOLS))
    row = len(body) - 4 * 64
    table = bytes(body[row:])
    # As Go's linker has it: the table among the first bytes, in place of what the text holds.
    body[0x400 : 0x400 + len(table)] = table
    body[40:48] = (0x400).to_bytes(8, "little")
    assert streamed(bytes(body)) == []
    named = bytes(body).replace(b".debug_info", b".dep-v0\0inf")
    assert problems(read(named)) != []
    assert streamed(named) == read(named)


@pytest.mark.parametrize(
    "body",
    [
        b"#!/bin/sh\n" * 1000,
        elf([TEXT_SEGMENT]),
        elf([TEXT_SEGMENT], [COMMENT]),
        elf([TEXT_SEGMENT], [(".dep-v01", b"x"), ("x.dep-v", b"y")]),
        b"\x7fELF\x02\x01" + b"\xff" * 6000,
        program(audit(CRATES))[:-100],
    ],
)
def test_what_carries_no_list(body: bytes) -> None:
    assert streamed(body) == []
    assert read(body) == []


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "cut short"),
        (b"x" * 20, "not readable"),
        (audit(CRATES)[:-5], "cut short"),
        (zlib.compress(b"[]"), "not the JSON"),
        (zlib.compress(b'{"packages": [{"name": 1}]}'), "not the JSON"),
        (zlib.compress(b"[" * 100_000), "not the JSON"),
        (zlib.compress(b'{"packages": "\xff"}'), "not the JSON"),
        (zlib.compress(b" " * (9 << 20)), "more than"),
        (audit([{"name": "a", "version": "1"}] * 20_001), "names 20001"),
        (audit([{"name": "", "version": "1"}]), "crate 0"),
        (audit([{"name": "a", "version": ""}]), "states no version"),
        (audit([{"name": "a", "version": "1", "dependencies": [1]}]), "needs what is not there"),
        (audit([{"name": "a", "version": "1", "dependencies": [-1]}]), "needs what is not there"),
    ],
)
def test_a_list_that_is_broken_is_told_of(contents: bytes, message: str) -> None:
    (problem,) = problems(streamed(program(contents)))
    assert message in problem


def test_one_that_is_broken_costs_only_itself() -> None:
    crates: list[dict[str, object]] = [
        *CRATES,
        {"name": "", "version": "1"},
        {"name": "last", "version": "3"},
    ]
    assert len(purls(streamed(program(audit(crates))))) == 4


def test_a_section_longer_than_the_file_is_told_of() -> None:
    body = bytearray(program(audit(CRATES)))
    row = len(body) - 2 * 64
    body[row + 32 : row + 40] = (1 << 62).to_bytes(8, "little")
    assert problems(streamed(bytes(body))) == problems(read(bytes(body)))
    assert "longer than" in problems(read(bytes(body)))[0]


def test_crates_listed_twice_are_listed_once() -> None:
    one: dict[str, object] = {"name": "a", "version": "1"}
    crates: list[dict[str, object]] = [
        one,
        one,
        {"name": "b", "version": "1", "dependencies": [0, 1, 0]},
        one,
    ]
    found = streamed(program(audit(crates)))
    assert purls(found) == ["pkg:cargo/a@1", "pkg:cargo/b@1"]
    assert [r for r in found if isinstance(r, Relation)] == [
        Relation("pkg:cargo/b@1", "depends-on", "pkg:cargo/a@1")
    ]


def test_edges_have_an_end() -> None:
    everything = list(range(400))
    crates: Sequence[Mapping[str, object]] = [
        {"name": f"c{n}", "version": "1", "dependencies": everything} for n in everything
    ]
    begun = time.process_time()
    assert "too many edges" in problems(streamed(program(audit(crates))))[0]
    assert time.process_time() - begun < 5


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=8))
def test_any_json_ends_in_packages_or_a_problem(value: object) -> None:
    crate = {"name": "a", "version": "1", "dependencies": value}
    for document in (value, {"packages": value}, {"packages": [crate]}):
        found = streamed(program(zlib.compress(json.dumps(document).encode())))
        assert all(isinstance(i, Package | Problem | Relation) for i in found)


def test_mutations_end_in_results_or_problems() -> None:
    chance = random.Random(5)
    valid = [program(audit(CRATES)), *elsewhere(audit(CRATES))]
    begun = time.process_time()
    for number in range(8000):
        body = bytearray(valid[number % len(valid)])
        for _ in range(chance.randint(1, 4)):
            near = chance.choice((0, 0x4000, len(body) - 500)) + chance.randint(0, 500)
            at = chance.choice((near, chance.randrange(len(body)))) % len(body)
            body[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if chance.random() < 0.2:
            del body[chance.randrange(len(body)) :]
        found = streamed(bytes(body), chance.choice((1 << 16, 777)))
        if found == [Again(PATH)]:
            found = read(bytes(body))
        assert all(isinstance(i, Package | Problem | Relation) for i in found)
    assert time.process_time() - begun < 60


@pytest.mark.peer
@pytest.mark.parametrize("strip", [False, True])
def test_a_program_that_real_tools_gave_a_list(tmp_path: Path, strip: bool) -> None:  # noqa: FBT001  parametrised
    """As `cargo auditable` does it, but by the linker's own tools."""
    if not all(map(shutil.which, ("cc", "objcopy", "strip"))):
        pytest.skip("there is no compiler on this machine")
    (tmp_path / "list").write_bytes(audit(CRATES))
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n", "utf-8")
    for command in (
        ["cc", "-o", "plain", "main.c"],
        ["objcopy", "--add-section", ".dep-v0=list", "plain", "audited"],
        *([["strip", "--keep-section=.dep-v0", "audited"]] if strip else []),
    ):
        subprocess.run(command, check=True, cwd=tmp_path)
    assert len(purls(streamed((tmp_path / "audited").read_bytes()))) == 3
    assert streamed((tmp_path / "plain").read_bytes()) == []


@pytest.mark.peer
def test_a_program_for_windows_that_real_tools_gave_a_list(tmp_path: Path) -> None:
    """As `cargo auditable` does it: the list is a section of an object that is linked."""
    if not all(map(shutil.which, ("cc", "objcopy", "ld"))):
        pytest.skip("there is no compiler on this machine")
    if b"i386pep\n" not in subprocess.run(["ld", "-V"], check=True, capture_output=True).stdout:
        pytest.skip("the linker of this machine makes no programs for Windows")
    (tmp_path / "list").write_bytes(audit(CRATES))
    (tmp_path / "main.c").write_text("int start(void) { return 0; }\n", "utf-8")
    allocated = ["--set-section-flags", ".dep-v0=alloc,readonly,data"]
    to_pe = ["-O", "pe-x86-64", "-R", ".comment", "-R", ".note.GNU-stack", "-R", ".eh_frame"]
    for command in (
        ["cc", "-c", "-fcf-protection=none", "-o", "main.o", "main.c"],
        ["objcopy", "--add-section", ".dep-v0=list", *allocated, "main.o", "listed.o"],
        ["objcopy", *to_pe, "main.o", "main.obj"],
        ["objcopy", *to_pe, "listed.o", "listed.obj"],
        ["ld", "-m", "i386pep", "-e", "start", "-o", "plain.exe", "main.obj"],
        ["ld", "-m", "i386pep", "-e", "start", "-o", "audited.exe", "listed.obj"],
    ):
        subprocess.run(command, check=True, cwd=tmp_path)
    for chunk in (512, 1 << 20):
        assert len(purls(streamed((tmp_path / "audited.exe").read_bytes(), chunk))) == 3
    assert streamed((tmp_path / "plain.exe").read_bytes()) == []
