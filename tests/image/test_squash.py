"""The small record of a layer and what is left of several, held to what `tar` and the
specification's rules make."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.image.test_tree import LAYERS, Change, bodies, listing, members, tar_of, unpacked

from provenance.errors import LimitExceeded
from provenance.image import name_list, replay
from provenance.image.entry import Screen
from provenance.image.name_list import NameList
from provenance.image.place import Place
from provenance.image.replay import record_layer
from provenance.image.squash import Squash
from provenance.settings import Limits

if TYPE_CHECKING:
    from provenance.image.entry import Entry, Feed
    from provenance.image.record import LayerRecord

Spec = list[tuple[str, str, str | bytes]]


class Everything:
    """Keeps every body."""

    def __init__(self) -> None:
        self._body: bytearray | None = None

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        self._body = bytearray()
        assert len(head) == min(4, size)
        return self._body.extend

    def close(self) -> bytes | None:
        body, self._body = self._body, None
        return None if body is None else bytes(body)

    def wants(self, path: str, /) -> bool:
        return True

    screen: Screen | None = None

    def folder(self, path: str, mode: int, /) -> None:
        pass

    def other(self, entry: Entry, /) -> None:
        pass

    def linked(self, item: bytes, mode: int, /) -> bytes:
        return item

    def replaced(self, path: str, kept_as: str, /) -> None:
        pass


def record(layer: Spec) -> LayerRecord[bytes]:
    return record_layer(io.BytesIO(tar_of(layer)), Everything(), place=Place(), limits=Limits())


def squash(*layers: Spec) -> Squash[bytes]:
    return Squash([record(layer) for layer in layers])


def visible(found: Squash[bytes]) -> dict[str, tuple[int, bytes]]:
    """Files with what is in them, hard links too."""
    out = dict(found.items)
    for alias, (layer, target) in found.hardlinks.items():
        if target in found.records[layer].items:
            out[alias] = layer, found.records[layer].items[target]
    return out


class Some(Everything):
    """Keeps the bodies of files called `a`, wherever they are, and of all in directories `d`."""

    def __init__(self, screen: Screen | None) -> None:
        super().__init__()
        self.screen = screen

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        return super().open(path, size, mode, head) if self.wants(path) else None

    def wants(self, path: str, /) -> bool:
        return path.rsplit("/", maxsplit=1)[-1] == "a" or "d" in path.split("/")[-2:-1]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*["file"] * 6, "dir", "symlink", "hardlink"]),
            st.lists(
                st.sampled_from(["a", "b", "c", "d", ".wh.a", ".wh..wh..opq", "x.wh.y"]),
                min_size=1,
                max_size=3,
            ).map("/".join),
            st.sampled_from(["a", "b/..", "../d", "/c/d", ".", "b/c"]),
        ),
        max_size=12,
    )
)
@example([("file", "c", "."), ("file", "b/c", "."), ("symlink", "b", "/c/d"), ("file", "b/b", ".")])
def test_a_screen_changes_nothing_but_who_is_asked(layer: list[tuple[str, str, str]]) -> None:
    spec: Spec = [
        (kind, path, target.strip("./") or "a" if kind == "hardlink" else target)
        if kind in {"symlink", "hardlink"}
        else (kind, path, target.encode())
        for kind, path, target in layer
    ]
    data = tar_of(spec)
    records = [
        record_layer(io.BytesIO(data), Some(screen), place=Place(), limits=Limits())
        for screen in (None, Screen(frozenset({"a", "d"}), frozenset(), 0))
    ]
    plain, screened = records
    assert list(screened.names) == list(plain.names)
    assert list(screened.directories) == list(plain.directories)
    for part in ("items", "whiteouts", "opaques", "symlinks", "hardlinks", "findings"):
        assert getattr(screened, part) == getattr(plain, part)


@settings(max_examples=100)
@given(LAYERS)
def test_what_is_visible_is_what_tar_and_the_rules_make(layers: list[list[Change]]) -> None:
    specs = [members(changes) for changes in layers]
    found = squash(*specs)
    with unpacked([tar_of(spec) for spec in specs]) as root:
        assert {path: data for path, (_, data) in visible(found).items()} == bodies(root)
        there = listing(root)
        links = {path: said for path, (kind, said) in there.items() if kind == "link"}
        assert found.symlinks == links
        assert set(found.directories()) == {p for p, (kind, _) in there.items() if kind == "dir"}
        asked = {path for spec in specs for _, path, _ in spec} | {"a/b/c/d", "nothing"}
        assert set(found.locate(asked)) == asked & (bodies(root).keys() | links.keys())
        for path in asked:
            if (root / path).exists():
                real = found.real(path)
                assert real is not None
                assert os.path.realpath(root / path) == str(root / real).rstrip("/")


@pytest.mark.parametrize("target", ["../../../etc", "/etc", "./etc", "etc/../etc"])
def test_links_stay_below_the_root(target: str) -> None:
    found = squash([("symlink", "link", target), ("file", "etc/os-release", b"x")])
    assert found.real("link/os-release") == "etc/os-release"


def test_a_loop_of_links_leads_nowhere() -> None:
    found = squash([("symlink", "a", "b"), ("symlink", "b", "a")])
    assert found.real("a/x") is None


def test_a_hidden_first_name_leaves_its_file_to_the_second() -> None:
    found = squash([("file", "a", b"1"), ("hardlink", "b", "a")], [("file", ".wh.a", b"")])
    assert found.items == {"b": (0, b"1")}


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.LNKTYPE], ids=["pipe", "link to it"])
def test_names_of_what_nobody_reads_are_kept_packed(
    kind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_list, "_BLOCK", 100)
    count, name = 5_000, "d/" + "long" * 250
    names = (f"{name}{number}" for number in range(count))

    class Tar:
        def read(self, size: int, /) -> bytes:
            member = tarfile.TarInfo(next(names, ""))
            member.type, member.linkname = kind, member.name
            return member.tobuf(tarfile.GNU_FORMAT) if member.name else b""

    tracemalloc.start()
    found = record_layer(Tar(), Nobody(), place=Place(), limits=Limits())
    kept = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.names) == count
    assert kept < count * len(name) // 2


def test_long_names_of_what_is_read_have_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_NAME_BYTES", 100_000)
    many: Spec = [("file", f"{number}", b"") for number in range(1_000)]
    assert len(record(many).items) == 1_000
    long: Spec = [("file", "long" * 250 + f"{number}", b"") for number in range(100)]
    with pytest.raises(LimitExceeded, match="too many directories and links, or names too long"):
        record(long)


class Nobody(Everything):
    """Reads nothing."""

    screen = Screen(frozenset(), (), 0)

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> None:
        pass

    def wants(self, path: str, /) -> bool:
        return False


class TestNameList:
    @given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), max_size=50))
    def test_names_come_back(self, names: list[str]) -> None:
        kept = NameList()
        kept.extend(names)
        assert list(kept) == names
        again = NameList(kept.blocks(), len(kept))
        assert (list(again), len(again)) == (names, len(names))
        assert again.among({*names[:3], "\0"}) == set(names[:3])

    @pytest.mark.parametrize("count", [19_999, 20_000, 20_001, 79_999, 80_000, 80_001, 120_005])
    @pytest.mark.parametrize("one_by_one", [True, False])
    def test_names_that_fill_blocks_come_back(self, *, count: int, one_by_one: bool) -> None:
        names = [f"d/{number}" for number in range(count)]
        kept = NameList()
        if one_by_one:
            for name in names:
                kept.add(name)
        else:
            kept.extend(names)
        again = NameList(kept.blocks(), len(kept))
        for listed in (kept, again):
            assert list(listed) == names
            listed.extend(["last", *names[:15_000]])
            assert list(listed) == [*names, "last", *names[:15_000]]
            assert len(listed) == count + 15_001
            assert listed.among({"last", names[-1], "no"}) == {"last", names[-1]}

    def test_an_empty_list_has_no_names(self) -> None:
        assert list(NameList()) == []
        assert NameList().among({""}) == set()

    def test_millions_of_names_are_small(self) -> None:
        kept = NameList()
        for number in range(200_000):
            kept.add(f"usr/lib/python3/dist-packages/package{number % 500}/module{number}.py")
        assert sum(map(len, kept.blocks())) < 200_000 * 12
