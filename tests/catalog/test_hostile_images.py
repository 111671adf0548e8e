"""Images made to hide a package, to show one that is not there, or to cost more than they should.

What counts is what the runtimes unpack: Go's archive/tar, containerd's `archive.Apply` and Docker's
`UnpackLayer`, whose rules the tests name.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
import tracemalloc
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.elf_files import Mapped, elf
from tests.image.test_tar import entry, header, pax

import provenance as pv
from provenance.catalog import Cataloger, Fact, MatchedFile
from provenance.catalog.cache import LayerCache
from provenance.catalog.cache_file import CacheFile
from provenance.digests import Digest
from provenance.errors import ContentMismatch, LimitExceeded
from provenance.image.glob_table import GlobTable
from provenance.image.names import glob_pattern
from provenance.image.record import LayerRecord
from provenance.oci import media_types as mt
from provenance.oci.descriptor import Descriptor
from provenance.oci.manifest import Manifest
from provenance.packages.package import Package
from provenance.testing import BuiltImage, ImageBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from provenance.catalog.cataloger import Item
    from provenance.sbom import Sbom

END = bytes(1024)
MAGIC = b"\x7fBIN"


def read(file: MatchedFile) -> Iterator[Item]:
    """A package named by the file's first line."""
    name = file.text().removeprefix("\x7fBIN").partition("\n")[0]
    yield Package(
        name=name,
        version="1",
        type="generic",
        purl=f"pkg:generic/{name}@1",
        locations=(file.location,),
        cataloger="named",
    )


NAMED = Cataloger("named", 1, ("generic",), read, paths=("**/db/status", "**/*.pkg"))
BINARY = Cataloger("named", 1, ("generic",), read, magic=(MAGIC,))


def sbom(folder: Path, *layers: bytes, cataloger: Cataloger = NAMED, files: str = "none") -> Sbom:
    image = ImageBuilder(compression="none")
    for layer in layers:
        image.layer_from_tar(layer)
    image.push(f"oci:{folder / 'image'}:1")
    options: dict[str, Any] = {"catalogers": [cataloger], "cache": None, "files": files}
    found: Sbom = pv.generate_sbom(f"oci:{folder / 'image'}:1", **options)
    return found


def found(folder: Path, *layers: bytes, cataloger: Cataloger = NAMED) -> dict[str, list[str]]:
    """Name of each package to where it was seen."""
    listed = sbom(folder, *layers, cataloger=cataloger)
    return {p.name: [x.path for x in p.locations] for p in listed.packages}


def layer(*entries: tuple[str, str] | tuple[str, str, str | bytes]) -> bytes:
    """A tar of (kind, name, body or target)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for kind, name, *rest in entries:
            said = rest[0] if rest else b""
            member = tarfile.TarInfo(name)
            member.type = {
                "file": tarfile.REGTYPE,
                "dir": tarfile.DIRTYPE,
                "link": tarfile.SYMTYPE,
                "hard": tarfile.LNKTYPE,
            }[kind]
            if isinstance(said, bytes):
                member.size = len(said)
                tar.addfile(member, io.BytesIO(said))
            else:
                member.linkname = said
                tar.addfile(member)
    return out.getvalue()


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    return entry(b"././@LongLink", name + b"\0", kind)


STATUS = {"real": ["var/db/status"]}
REAL = entry(b"var/db/status", b"real")


class TestHeaders:
    """What Go's reader makes of headers that contradict one another."""

    @pytest.mark.parametrize(
        "tar",
        [
            # Each call of Next starts anew, and a global header ends one.
            long_name(b"harmless") + pax((b"a", b"b"), kind=b"g") + REAL,
            pax((b"path", b"harmless")) + pax((b"a", b"b"), kind=b"g") + REAL,
            # An empty long name means none.
            long_name(b"") + REAL,
            # The name of a sparse file is one only where the file is sparse.
            pax((b"GNU.sparse.name", b"harmless")) + REAL,
            pax((b"GNU.sparse.realsize", b"4"), (b"GNU.sparse.size", b"4")) + REAL,
            pax((b"GNU.sparse.major", b"2"), (b"GNU.sparse.name", b"harmless")) + REAL,
            # A file of the oldest type is a directory by its final name, not by the short one.
            long_name(b"var/db/status") + entry(b"var/db/status/", b"real", b"\0"),
            # Here the body of the "file" is headers, as a directory has none.
            long_name(b"d/") + header(b"d", kind=b"\0", size=b"%011o\0" % len(REAL)) + REAL,
        ],
    )
    def test_a_file_has_the_name_that_go_gives_it(self, tar: bytes, tmp_path: Path) -> None:
        assert found(tmp_path, tar + END) == STATUS

    @pytest.mark.parametrize("times", [b"888888888888/var/db", b"000000000000/var/db"])
    def test_times_of_gnu_that_are_none_are_a_prefix(self, times: bytes, tmp_path: Path) -> None:
        block = header(b"status", size=b"00000000004\0", magic=b"ustar  \0", prefix=times)
        path = f"{times.decode()}/status"
        assert found(tmp_path, block + b"real" + bytes(508) + END) == {"real": [path]}

    def test_the_target_of_a_link_may_stand_in_pax_alone(self, tmp_path: Path) -> None:
        link = pax((b"linkpath", b"/store")) + header(b"var/db", kind=b"2")
        assert found(tmp_path, entry(b"store/status", b"real") + link + END) == STATUS

    def test_a_sparse_file_is_told_of_whatever_its_name(self, tmp_path: Path) -> None:
        sparse = pax((b"GNU.sparse.map", b"0,8192"), (b"GNU.sparse.size", b"8192"))
        body = entry(b"opt/tool", MAGIC + b"real\n" + bytes(8183))
        listed = sbom(tmp_path, sparse + body + END, cataloger=BINARY)
        assert [f.pointer for f in listed.findings] == ["opt/tool"]


class TestOneLayer:
    @pytest.mark.parametrize(
        "tar",
        [
            # The parent of an entry is looked up with links followed, within the root.
            layer(("link", "x", "var/db"), ("file", "x/status", b"real")),
            layer(("link", "a/x", "../var"), ("file", "a/x/db/status", b"real")),
            layer(("link", "x", "/../var"), ("file", "x/db/status", b"real")),
            layer(("link", "y", "x/db"), ("link", "x", "var"), ("file", "y/status", b"real")),
            layer(("file", "var/db/status", b"old"), ("link", "x", "var"),
                  ("file", "x/db/status", b"real")),
            # So is that of a hard link's target.
            layer(("file", "s/1", b"real"), ("link", "t", "s"), ("hard", "var/db/status", "t/1")),
            # A hard link is made to what has the name at that moment.
            layer(("file", "s", b"real"), ("hard", "var/db/status", "s"), ("file", "s", b"no")),
            layer(("file", "s", b"real"), ("hard", "t", "s"), ("hard", "var/db/status", "t"),
                  ("file", "t", b"no")),
            layer(("file", "s", b"real"), ("hard", "var/db/status", "s"), ("dir", "s")),
            layer(("file", "s", b"no"), ("file", "s", b"real"), ("hard", "var/db/status", "s")),
            # Any number of them.
            layer(("file", "0", b"real"), *(("hard", f"{i + 1}", f"{i}") for i in range(60)),
                  ("hard", "var/db/status", "60")),
            # Last wins, and a directory that was made again is empty.
            layer(("file", "var/db/status", b"old"), ("file", "var", b""), ("dir", "var"),
                  ("file", "./var//db/status", b"real")),
            layer(("file", "var/db/old.pkg", b"old"), ("file", "var/db", b""),
                  ("file", "/var/db/status", b"real")),
            # aufs keeps files with several names in a folder of its own.
            layer(("file", ".wh..wh.plnk/1.2", b"real"),
                  ("hard", "var/db/status", ".wh..wh.plnk/1.2")),
        ],
    )  # fmt: skip
    def test_a_file_lies_where_the_runtime_puts_it(self, tar: bytes, tmp_path: Path) -> None:
        assert found(tmp_path, tar) == STATUS
        file = pv.resolve(f"oci:{tmp_path / 'image'}:1").file("var/db/status")
        assert (file.data, file.real_path) == (b"real", "var/db/status")

    @pytest.mark.parametrize("path", ["a/.wh..wh.x/db/status", "a/.wh.x/db/status"])
    def test_only_the_root_has_folders_that_are_passed_over(
        self, path: str, tmp_path: Path
    ) -> None:
        assert found(tmp_path, layer(("file", path, b"real"))) == {"real": [path]}

    def test_a_program_of_aufs(self, tmp_path: Path) -> None:
        body = MAGIC + b"real\n" + bytes(5000)
        tar = layer(("file", ".wh..wh.plnk/1", body), ("hard", "bin/x", ".wh..wh.plnk/1"))
        assert list(found(tmp_path, tar, cataloger=BINARY)) == ["real"]

    def test_names_that_are_no_text_do_not_hide_others(self, tmp_path: Path) -> None:
        tar = entry(b"a\xff.pkg", b"one") + entry(b"a\\xff.pkg", b"two") + END
        assert set(found(tmp_path, tar)) == {"one", "two"}

    def test_the_root_is_no_file(self, tmp_path: Path) -> None:
        tar = layer(("file", "/", b"x"), ("link", "./", "/var"), ("file", "var/db/status", b"real"))
        assert found(tmp_path, tar) == STATUS


class TestLayers:
    BASE = layer(("file", "var/db/status", b"real"))

    @pytest.mark.parametrize(
        "upper",
        [
            # A name that was taken and is a directory in the end hides nothing below it.
            layer(("file", "var/db", b""), ("dir", "var/db")),
            layer(("link", "var/db", "x"), ("dir", "var/db")),
            layer(("file", "var/db/status", b"new"), ("file", "var/db", b""), ("dir", "var/db")),
            layer(("file", "var/db/status/x", b""), ("file", "var", b""), ("file", "var/y", b"")),
            layer(("hard", "var", "y"), ("file", "var/x", b"")),
            layer(("link", "x", "nowhere"), ("file", "x/.wh.db", b"")),
        ],
    )
    def test_a_file_of_a_lower_layer_is_still_there(self, upper: bytes, tmp_path: Path) -> None:
        assert found(tmp_path, self.BASE, upper) == STATUS
        image = pv.resolve(f"oci:{tmp_path / 'image'}:1")
        assert image.files("**/status")["var/db/status"].data == b"real"
        assert image.tree().nodes["var/db/status"].layer == 0

    @pytest.mark.parametrize(
        "upper",
        [
            layer(("link", "x", "var/db"), ("file", "x/.wh.status", b"")),
            layer(("link", "x", "var/db"), ("file", "x/.wh..wh..opq", b"")),
            layer(("dir", "var"), ("file", "var", b"")),
        ],
    )
    def test_a_file_of_a_lower_layer_is_gone(self, upper: bytes, tmp_path: Path) -> None:
        assert found(tmp_path, self.BASE, upper) == {}
        image = pv.resolve(f"oci:{tmp_path / 'image'}:1")
        assert not image.files("**/status")
        assert "var/db/status" not in image.tree().nodes

    def test_a_copy_under_another_name_is_no_database(self, tmp_path: Path) -> None:
        base = layer(("file", "var/db/status", b"real"), ("hard", "backup/1", "var/db/status"))
        assert found(tmp_path, base, layer(("file", "var/db/.wh.status", b""))) == {}

    def test_a_program_stays_one_under_its_other_name(self, tmp_path: Path) -> None:
        body = MAGIC + b"real\n" + bytes(5000)
        base = layer(("file", "bin/a", body), ("hard", "bin/b", "bin/a"))
        upper = layer(("file", "bin/.wh.a", b""))
        assert found(tmp_path, base, upper, cataloger=BINARY) == {"real": ["bin/b"]}


DEEP = "/".join(["d"] * 2000)


class Costs:
    """Most memory and time that a call takes."""

    def __enter__(self) -> Self:
        tracemalloc.start()
        self._start = time.thread_time()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.seconds = time.thread_time() - self._start
        self.megabytes = tracemalloc.get_traced_memory()[1] >> 20
        tracemalloc.stop()


def many(*groups: tuple[str, str, int, str | bytes]) -> bytes:
    """Entries of (kind, name with a number in it, how many, body or target), by turns."""
    count = max(n for _, _, n, _ in groups)
    return layer(
        *(
            (kind, name.replace("%d", str(i)), said)
            for i in range(count)
            for kind, name, number, said in groups
            if i < number
        )
    )


@pytest.mark.parametrize(
    "groups",
    [
        [("link", f"%d/{DEEP}", 150, "x")],
        [("link", f"{DEEP}/%d", 3000, "x"), ("link", f"{DEEP}/x%d", 1, "/")],
        [("file", f"%d/{DEEP}", 150, b"")],
        [("file", f"%d/{DEEP}.pkg", 30, b"x"), ("link", "%d.pkg", 30, f"1/{DEEP}.pkg")],
        [("dir", "dir-%d/x", 6000, b""), ("file", "x", 3000, b""), ("dir", "x", 3000, b"")],
        [("file", "%d.pkg", 8000, b"x"), ("file", "x", 3000, b""), ("dir", "x", 3000, b"")],
        [("hard", "h%d", 4000, "s"), ("file", "s", 4000, b"s")],
        [("link", "x%d", 3000, "y"), ("file", f"x1/{DEEP}", 3000, b"")],
        [("link", "%d.pkg", 3500, "d/../" * 800 + "x"), ("dir", "d", 1, b"")],
        [("file", "s", 1, b"x"), ("hard", "h%d", 5000, "s")],
    ],
)  # fmt: skip
def test_a_cheap_layer_costs_little_or_is_refused(
    groups: list[tuple[str, str, int, str | bytes]], tmp_path: Path
) -> None:
    tar = many(*groups)
    with Costs() as costs:
        try:
            sbom(tmp_path, tar)
        except LimitExceeded as error:
            assert "layer 1 of 1" in str(error) or "image" in str(error)  # noqa: PT017
    assert costs.seconds < 20
    assert costs.megabytes < 700


@pytest.mark.parametrize(
    "groups",
    [
        [("link", f"{DEEP}/%d", 1500, "x"), ("link", f"{DEEP}/x%d", 1, "/")],
        [("link", "%d.pkg", 3500, "d/../" * 800 + "x"), ("dir", "d", 1, b"")],
        [("hard", "h%d.pkg", 2000, "s"), ("file", "s", 2000, b"s")],
    ],
)
def test_so_does_looking_at_it(
    groups: list[tuple[str, str, int, str | bytes]], tmp_path: Path
) -> None:
    ImageBuilder().layer_from_tar(many(*groups)).push(f"oci:{tmp_path}:1")
    image = pv.resolve(f"oci:{tmp_path}:1")
    with Costs() as costs:
        with contextlib.suppress(LimitExceeded):
            image.files("**/*.pkg")
        assert image.tree().nodes
    assert costs.seconds < 20
    assert costs.megabytes < 700


def dpkg(folder: Path, status: str, **more: bytes) -> Sbom:
    entries = [("file", "var/lib/dpkg/status", status.encode())]
    entries += [("file", path, body) for path, body in more.items()]
    ImageBuilder().layer_from_tar(layer(*entries)).push(f"oci:{folder / 'image'}:1")
    return pv.generate_sbom(f"oci:{folder / 'image'}:1", cache=None)


def test_thousands_of_one_name_that_need_it(tmp_path: Path) -> None:
    one = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: %d\nDepends: a\n\n"
    with Costs() as costs:
        found = dpkg(tmp_path, "".join(one % i for i in range(5000)))
    assert len(found.packages) == 5000
    assert costs.seconds < 20


def test_thousands_that_say_the_same(tmp_path: Path) -> None:
    with Costs() as costs:
        tar = many(("file", "%d/node_modules/a/package.json", 8000, b'{"name":"a","version":"1"}'))
        ImageBuilder().layer_from_tar(tar).push(f"oci:{tmp_path}:1")
        listed = pv.generate_sbom(f"oci:{tmp_path}:1", cache=None)
    assert len(listed.packages[0].locations) == 8000
    assert costs.seconds < 20


@pytest.mark.parametrize(
    ("glob", "name"),
    [
        ("**/opt/b/**/.s-*.s", "opt/b/" * 600 + "x.s"),
        ("**/a/**/a/**/a/**/b", "a/" * 2000 + "c"),
        ("**/a*a*a*a*b", "a" * 4000),
        ("**/*a*", "b/" * 2000 + "c"),
    ],
)
def test_no_name_is_matched_in_more_than_linear_time(glob: str, name: str) -> None:
    start = time.thread_time()
    for _ in range(20):
        assert glob_pattern(glob).fullmatch(name) is None
    assert time.thread_time() - start < 1


NAME = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=5).map("/".join)


@given(st.lists(st.sampled_from(["**", "a", "b", "*", "?", "a*", "*b", "a*b*", "[a.]"])), NAME)
def test_globs_match_what_they_say(parts: list[str], name: str) -> None:
    def matches(parts: list[str], names: list[str]) -> bool:
        if not parts:
            return not names
        if set(parts) == {"**"}:
            return bool(names) or whole
        if parts[0] == "**":
            return any(matches(parts[1:], names[i:]) for i in range(len(names) + 1))
        return bool(names) and fnmatchcase(names[0], parts[0]) and matches(parts[1:], names[1:])

    whole = set(parts) == {"**"}
    expected = matches(parts, [x for x in name.split("/") if x])
    assert bool(glob_pattern("/".join(parts)).fullmatch(name)) == expected
    table = GlobTable[int]()
    table.add("/".join(parts), 1)
    assert bool(table(name)) == expected
    *_, parent, last = ["", *(x for x in name.split("/") if x)]
    if expected and last and table.words is not None:
        said = {last.rpartition(".")[2], last[:3], last[:4], parent}
        assert said & table.words


class TestEnding:
    """What happens when reading ends early."""

    @staticmethod
    def image(folder: Path) -> str:
        chance = random.Random(1)
        image = ImageBuilder(compression="none")
        for name in "abc":
            image.layer({name: chance.randbytes(12 << 20)})
        image.push(f"oci:{folder}:1")
        return f"oci:{folder}:1"

    def test_an_interrupt_ends_all_threads_soon(self, tmp_path: Path) -> None:
        reference = self.image(tmp_path)
        begun = threading.Event()

        def progress(count: int, total: int) -> None:
            begun.set()
            time.sleep(0.4)

        def threads() -> list[threading.Thread]:
            return [t for t in threading.enumerate() if t.name.startswith("provenance")]

        def interrupt() -> None:
            begun.wait(60)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            pv.generate_sbom(reference, cache=None, progress=progress)
        end = time.monotonic() + 30
        while (left := threads()) and time.monotonic() < end:
            time.sleep(0.05)  # one that was only just begun ends by itself
        assert not left

    def test_one_broken_layer_ends_the_others(self, tmp_path: Path) -> None:
        reference = self.image(tmp_path)
        digest = pv.resolve(reference).layers[1].digest
        blob = tmp_path / "blobs" / "sha256" / digest.hex
        blob.write_bytes(blob.read_bytes()[:-1] + b"x")
        seen = []

        def progress(count: int, total: int) -> None:
            seen.append(count)
            if threading.current_thread() is not threading.main_thread():
                time.sleep(0.005)

        with pytest.raises(ContentMismatch):
            pv.generate_sbom(reference, cache=None, progress=progress)


def test_a_cataloger_that_yields_nonsense_costs_its_own(tmp_path: Path) -> None:
    def nonsense(file: MatchedFile) -> Iterator[Item]:
        yield "no item"  # type: ignore[misc]

    def unkept(file: MatchedFile) -> Iterator[Item]:
        yield from read(file)
        yield Fact("number", "key", 1 << 70)

    bad = Cataloger("bad", 1, ("generic",), nonsense, paths=("**/*.pkg",))
    odd = Cataloger("named", 1, ("generic",), unkept, paths=("**/*.pkg",))
    ImageBuilder().layer({"a.pkg": b"a"}).push(f"oci:{tmp_path / 'image'}:1")
    for _ in range(2):
        listed = pv.generate_sbom(
            f"oci:{tmp_path / 'image'}:1", catalogers=[bad, odd], cache=tmp_path / "cache"
        )
        assert [p.name for p in listed.packages] == ["a"]
        assert "'bad' failed" in listed.findings[0].message


def test_needs_that_cannot_be_told_cost_the_edges_alone(tmp_path: Path) -> None:
    def fail(package: Package) -> Iterator[tuple[str, ...]]:
        raise RecursionError

    bad = Cataloger("named", 1, ("generic",), read, paths=("**/*.pkg",), requirements=fail)
    listed = sbom(tmp_path, layer(("file", "a.pkg", b"a")), cataloger=bad)
    assert [p.name for p in listed.packages] == ["a"]
    assert "failed on what a needs" in listed.findings[0].message


@pytest.mark.parametrize("damage", ["CAST(record AS TEXT)", "NULL", "7"])
def test_a_cached_layer_of_another_type_is_a_miss(damage: str, tmp_path: Path) -> None:
    layer_ = Descriptor.of(b"layer", mt.LAYER)
    with contextlib.closing(CacheFile(tmp_path)) as opened:
        LayerCache(opened, b"key").put(layer_, LayerRecord())
    (file,) = tmp_path.glob("*.sqlite")
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA writable_schema=ON")
        database.execute("UPDATE sqlite_master SET sql=replace(sql, ' NOT NULL', '')")
        database.commit()
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"UPDATE layer SET record={damage}, size='x'")
        database.commit()
    with contextlib.closing(CacheFile(tmp_path)) as opened:
        cache = LayerCache(opened, b"key")
        assert cache.get(layer_) is None
        cache.put(layer_, LayerRecord())
        assert cache.get(layer_) is not None


class TestFolders:
    def listed(self, root: Path) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
        found = pv.generate_sbom(f"dir:{root}", catalogers=[NAMED], files="all")
        found.to_bytes()
        return (
            {p.name: [x.path for x in p.locations] for p in found.packages},
            [(f.rule, f.pointer) for f in found.findings],
        )

    def test_names_that_are_no_text_are_written_as_those_of_layers(self, tmp_path: Path) -> None:
        folder = os.fsencode(tmp_path) + b"/\xffx"
        os.mkdir(folder)  # noqa: PTH102  pathlib knows no bytes
        for name, body in ((b"/\xff.pkg", b"a"), (b"/\\xff.pkg", b"b")):
            with open(folder + name, "wb") as file:  # noqa: PTH123
                file.write(body)
        os.symlink(b"\xffx/\xff.pkg", os.fsencode(tmp_path) + b"/c.pkg")  # noqa: PTH211
        assert self.listed(tmp_path) == (
            {"a": ["\\xffx/\\xff.pkg"], "b": ["\\xffx/\\\\xff.pkg"]},
            [],
        )

    def test_a_linked_name_that_is_no_text_is_read(self, tmp_path: Path) -> None:
        with open(os.fsencode(tmp_path) + b"/\xff", "wb") as file:  # noqa: PTH123
            file.write(b"a")
        os.symlink(b"\xff", os.fsencode(tmp_path) + b"/c.pkg")  # noqa: PTH211
        assert self.listed(tmp_path) == ({"a": ["c.pkg"]}, [])

    def test_a_link_that_takes_a_directory_s_place_is_not_followed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root, outside = tmp_path / "root", tmp_path / "outside"
        (root / "a").mkdir(parents=True)
        (root / "b").mkdir()
        outside.mkdir()
        (outside / "secret.pkg").write_bytes(b"secret")
        (root / "a/x.pkg").write_bytes(b"x")
        real = os.scandir
        calls = []

        def scandir(folder: int) -> object:
            calls.append(folder)
            if len(calls) == 2:
                (root / "b").rmdir()
                (root / "b").symlink_to(outside)
            return real(folder)

        monkeypatch.setattr(os, "scandir", scandir)
        packages, findings = self.listed(root)
        assert packages == {"x": ["a/x.pkg"]}
        assert findings == [("directory-not-read", "b")]

    def test_a_folder_too_deep_to_name_is_told_of(self, tmp_path: Path) -> None:
        here = os.getcwd()  # noqa: PTH109
        try:
            os.chdir(tmp_path)
            for _ in range(25):
                os.mkdir("d" * 200)  # noqa: PTH102
                os.chdir("d" * 200)
            with open("x.pkg", "w") as file:  # noqa: PTH123
                file.write("x")
        finally:
            os.chdir(here)
        packages, findings = self.listed(tmp_path)
        assert packages == {}
        assert [rule for rule, _ in findings] == ["file-not-read"]

    @pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc here")  # noqa: PTH112
    def test_what_vanishes_or_is_forbidden_is_no_error(self) -> None:
        pv.generate_sbom("dir:/proc/self", catalogers=[NAMED], files="none")


def test_a_library_that_a_wheel_brings_along_is_listed_whoever_owns_it(tmp_path: Path) -> None:
    body = elf([Mapped(0x400000, bytes(64) + b"\0OpenSSL 1.1.1w  11 Sep 2023\0" + bytes(5000), 5)])
    image = ImageBuilder().layer(
        {
            "lib/p.libs/libcrypto-7d0e.so.1.1": body,
            "lib/p-1.dist-info/METADATA": b"Name: p\nVersion: 1\n",
            "lib/p-1.dist-info/RECORD": b"p.libs/libcrypto-7d0e.so.1.1,,\n",
        }
    )
    image.push(f"oci:{tmp_path}:1")
    for files in ("none", "owned", "all"):
        options: dict[str, Any] = {"cache": None, "files": files}
        found = pv.generate_sbom(f"oci:{tmp_path}:1", **options)
        assert {p.name for p in found.packages} == {"openssl", "p"}


class TestClaims:
    """What the config says of the layers."""

    @staticmethod
    def rules(reference: str, verify: str = "default") -> list[str]:
        options: dict[str, Any] = {"catalogers": [NAMED], "cache": None, "verify": verify}
        found = pv.generate_sbom(reference, **options)
        return [f.rule for f in found.findings]

    @pytest.mark.parametrize("compress", [gzip.compress, bytes], ids=["gzip", "plain"])
    def test_a_wrong_diff_id_is_told(
        self, compress: Callable[[bytes], bytes], tmp_path: Path
    ) -> None:
        stored = compress(layer(("file", "a.pkg", b"a")))
        wrong = str(Digest.of(b"other"))
        image = ImageBuilder().raw_layer(stored, mt.LAYER_GZIP, diff_id=wrong)
        image.push(f"oci:{tmp_path}:1")
        assert self.rules(f"oci:{tmp_path}:1") == []
        assert self.rules(f"oci:{tmp_path}:1", "full") == ["diff-id-mismatch"]

    def test_diff_ids_of_another_number_of_layers_are_told(self, tmp_path: Path) -> None:
        built = ImageBuilder().layer({"a.pkg": b"a"}).layer({"b.pkg": b"b"}).build()
        config = json.loads(built.config)
        config["rootfs"]["diff_ids"].pop()
        body = json.dumps(config).encode()
        said = Descriptor.of(body, mt.OCI_CONFIG)
        blobs = {**built.blobs, said.digest: body}
        manifest = Manifest.build(said, built.manifest.layers)
        BuiltImage(manifest, blobs, built.platform).write_layout(tmp_path, "1")
        assert self.rules(f"oci:{tmp_path}:1", "full") == ["diff-id-unknown"] * 2

    @pytest.mark.parametrize("altered", [0, 1])
    def test_those_of_a_docker_archive_are_compared_always(
        self, altered: int, tmp_path: Path
    ) -> None:
        tar = layer(("file", "a.pkg", b"a"))
        claim = Digest.of(b"other" if altered else tar)
        config = {"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [claim]}}
        listing = [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l/layer.tar"]}]
        archive = tmp_path / "app.tar"
        archive.write_bytes(
            layer(
                ("file", "l/layer.tar", tar),
                ("file", "c.json", json.dumps(config).encode()),
                ("file", "manifest.json", json.dumps(listing).encode()),
            )
        )
        expected = ["diff-id-mismatch"] if altered else []
        assert self.rules(f"docker-archive:{archive}:app:1") == expected


class TestCache:
    def test_two_processes_that_begin_at_once(self, tmp_path: Path) -> None:
        image = ImageBuilder()
        for i in range(20):
            image.layer({f"{i}.pkg": b"%d" % i})
        image.push(f"oci:{tmp_path / 'image'}:1")
        script = (
            "import sys, pathlib, provenance as pv\n"
            "s = pv.generate_sbom(sys.argv[1], cache=pathlib.Path(sys.argv[2]))\n"
            "print(len(s.packages), s.serial_number if hasattr(s, 'serial_number') else '')\n"
        )
        command = [
            sys.executable,
            "-c",
            script,
            f"oci:{tmp_path / 'image'}:1",
            str(tmp_path / "cache"),
        ]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
        assert len({p.communicate()[0] for p in running}) == 1
        assert all(p.returncode == 0 for p in running)
        (file,) = (tmp_path / "cache").glob("*.sqlite")
        with contextlib.closing(sqlite3.connect(file)) as database:
            entries = database.execute("SELECT count(*) FROM layer").fetchone()
        assert entries == (20 + 1,)  # layers, and the document

    def test_a_full_disk_costs_the_cache_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = sqlite3.connect

        def small(*args: object, **options: object) -> sqlite3.Connection:
            database = real(*args, **options)  # type: ignore[call-overload]
            database.execute("PRAGMA max_page_count=4")
            return database  # type: ignore[no-any-return]

        monkeypatch.setattr(sqlite3, "connect", small)
        chance = random.Random(1)
        image = ImageBuilder().layer({f"{chance.random()}.pkg": b"%d" % i for i in range(2000)})
        image.push(f"oci:{tmp_path / 'image'}:1")
        for _ in range(2):
            found = pv.generate_sbom(
                f"oci:{tmp_path / 'image'}:1", catalogers=[NAMED], cache=tmp_path / "cache"
            )
            assert len(found.packages) == 2000

    @pytest.mark.parametrize("what", ["a file", "in a file", "a folder in its place"])
    def test_a_place_that_cannot_be_used_is_not(self, what: str, tmp_path: Path) -> None:
        ImageBuilder().layer({"a.pkg": b"a"}).push(f"oci:{tmp_path / 'image'}:1")
        cache = tmp_path / "cache"
        if what == "a folder in its place":
            CacheFile(cache).close()
            (file,) = cache.glob("*.sqlite")
            file.unlink()
            file.mkdir()
        else:
            cache.write_bytes(b"")
            cache = cache / "x" if what == "in a file" else cache
        found = pv.generate_sbom(f"oci:{tmp_path / 'image'}:1", catalogers=[NAMED], cache=cache)
        assert len(found.packages) == 1


def test_records_without_end_are_told_of_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provenance.catalog.files._ITEMS", 100)
    monkeypatch.setattr("provenance.catalog.files._LAYER_ITEMS", 250)
    one = "Package: a%d\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n"
    status = "".join(one % i for i in range(101))
    found = dpkg(tmp_path / "a", status)
    assert len(found.packages) == 100
    assert "holds more than 100 records" in found.findings[0].message
    with pytest.raises(LimitExceeded, match="more than 250 records"):
        dpkg(tmp_path / "b", status, **{f"{i}/lib/dpkg/status": status.encode() for i in "xyz"})
