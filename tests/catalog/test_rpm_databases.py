"""Each kind of database gives the headers it holds; a damaged part costs its own packages."""

from __future__ import annotations

import mmap
import random
import sqlite3
import struct
import time
import tracemalloc
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.rpm_writers import (
    KEY,
    Catalogued,
    bdb,
    blob,
    insert,
    ndb,
    of_kind,
    sqlite,
)

from provenance.catalog.cataloger import Fact, MatchedFile, Problem
from provenance.catalog.ecosystems.rpm import CATALOGER
from provenance.catalog.ecosystems.rpm.bdb import bdb_blobs
from provenance.catalog.ecosystems.rpm.blobs import Blob
from provenance.catalog.ecosystems.rpm.ndb import ndb_blobs
from provenance.catalog.ecosystems.rpm.sqlite import Database
from provenance.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BIG = {f"/usr/share/big/{number:05}": "cd" * 32 for number in range(400)}
BLOBS = (blob("attr"), KEY, blob("big", files=BIG, epoch=2), blob("tiny", files={}))
EXPECTED = ["attr 2.5.1-3.el9", "big 2:2.5.1-3.el9", "tiny 2.5.1-3.el9"]
PATH = "var/lib/rpm/rpmdb.sqlite"


def read_blobs(found: Sequence[object]) -> list[bytes]:
    assert all(isinstance(one, Blob) for one in found), found
    return [one.data for one in found if isinstance(one, Blob)]


@pytest.mark.parametrize("pages", [1, 3])
def test_an_ndb_database(pages: int) -> None:
    body = ndb(BLOBS, pages=pages)
    assert read_blobs(list(ndb_blobs(body))) == list(BLOBS)
    catalogued = Catalogued({"usr/lib/sysimage/rpm/Packages.db": body})
    assert catalogued.names == EXPECTED
    assert not catalogued.problems


@pytest.mark.parametrize("size", [512, 4096, 16384])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tree", [False, True])
def test_a_berkeley_db_database(size: int, order: str, *, tree: bool) -> None:
    body = bdb(BLOBS, order=order, size=size, tree=tree)
    assert read_blobs(list(bdb_blobs(body))) == list(BLOBS)
    catalogued = Catalogued({"var/lib/rpm/Packages": body})
    assert catalogued.names == EXPECTED
    assert not catalogued.problems


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
def test_an_sqlite_database(tmp_path: Path, page_size: int) -> None:
    body = sqlite(tmp_path, BLOBS, page_size=page_size)
    assert read_blobs(list(Database().blobs(body))) == list(BLOBS)
    catalogued = Catalogued({PATH: body})
    assert catalogued.names == EXPECTED
    assert not catalogued.problems


def test_a_body_may_be_a_map_of_a_file(tmp_path: Path) -> None:
    bodies = {"Packages": bdb(BLOBS), "Packages.db": ndb(BLOBS), "rpmdb.sqlite": b""}
    bodies["rpmdb.sqlite"] = sqlite(tmp_path, BLOBS)
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
        with (
            (tmp_path / name).open("rb") as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            file = MatchedFile(f"var/lib/rpm/{name}", None, len(body), 0o644, mapped)
            items = list(CATALOGER.read(file))
        assert sorted(p.name for p in items if isinstance(p, Package)) == ["attr", "big", "tiny"]
        assert not of_kind(items, Problem)


class TestSqliteAgreesWithSqlite:
    """fileformat2: whatever rows SQLite stores, they are read back."""

    @given(
        sizes=st.lists(st.integers(min_value=0, max_value=9000), max_size=40),
        page_size=st.sampled_from([512, 1024, 4096]),
        removed=st.sets(st.integers(min_value=1, max_value=40)),
    )
    def test_rows(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        sizes: list[int],
        page_size: int,
        removed: set[int],
    ) -> None:
        folder = tmp_path_factory.mktemp("db")
        generator = random.Random(sum(sizes))
        sqlite(folder, [generator.randbytes(size) for size in sizes], page_size=page_size)
        with closing(sqlite3.connect(folder / "rpmdb.sqlite")) as database:
            with database:
                database.executemany("DELETE FROM Packages WHERE hnum = ?", [(r,) for r in removed])
            stored = database.execute("SELECT blob FROM Packages ORDER BY hnum").fetchall()
        found = list(Database().blobs((folder / "rpmdb.sqlite").read_bytes()))
        assert read_blobs(found) == [row[0] for row in stored]


class TestWriteAheadLog:
    """Two files, read apart: what SQLite answers with both of them is what is listed."""

    @staticmethod
    def with_log(
        folder: Path,
        change: Callable[[sqlite3.Connection], None],
        blobs: Sequence[bytes] = BLOBS,
        *,
        page_size: int = 4096,
    ) -> tuple[dict[str, bytes], list[bytes]]:
        """Database and log after `change`, and the headers that SQLite then finds."""
        sqlite(folder, blobs, page_size=page_size)
        with closing(sqlite3.connect(folder / "rpmdb.sqlite")) as database:
            database.execute("PRAGMA wal_autocheckpoint = 0")
            change(database)
            rows = database.execute("SELECT blob FROM Packages ORDER BY hnum").fetchall()
            files = {
                PATH: (folder / "rpmdb.sqlite").read_bytes(),
                f"{PATH}-wal": (folder / "rpmdb.sqlite-wal").read_bytes(),
            }
        return files, [row[0] for row in rows]

    def test_an_update_that_only_the_log_has(self, tmp_path: Path) -> None:
        def update(database: sqlite3.Connection) -> None:
            insert(database, [blob("attr", version="3.0", files=BIG)])
            with database:
                database.execute("DELETE FROM Packages WHERE hnum IN (1, 4)")

        files, _ = self.with_log(tmp_path, update)
        assert Catalogued({PATH: files[PATH]}).names == EXPECTED
        both = Catalogued(files)
        assert both.names == ["attr 3.0-3.el9", "big 2:2.5.1-3.el9"]
        assert not both.problems
        places = {package.name: package.locations[0].path for package in both.packages}
        assert places == {"attr": f"{PATH}-wal", "big": PATH}

    def test_all_but_the_first_page_is_in_the_log(self, tmp_path: Path) -> None:
        path = tmp_path / "rpmdb.sqlite"
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY, blob BLOB)")
            database.execute("CREATE TABLE 'Name' (key, hnum, idx)")
            insert(database, BLOBS)
            files = {
                PATH: path.read_bytes(),
                f"{PATH}-wal": path.with_name("rpmdb.sqlite-wal").read_bytes(),
            }
        both = Catalogued(files)
        assert both.names == EXPECTED
        assert not both.problems
        alone = Catalogued({PATH: files[PATH]})
        assert not alone.packages
        assert [p.message for p in alone.problems] == [
            "an SQLite database without rpm's table Packages"
        ]

    @pytest.mark.parametrize("body", [b"", b"\0" * 32, b"no log at all" * 100])
    def test_an_empty_log_changes_nothing(self, tmp_path: Path, body: bytes) -> None:
        catalogued = Catalogued({PATH: sqlite(tmp_path, BLOBS), f"{PATH}-wal": body})
        assert catalogued.names == EXPECTED
        assert not catalogued.problems
        assert not [f for f in of_kind(catalogued.read, Fact) if f.key.endswith("-wal")]

    def test_frames_after_the_last_commit_or_with_a_wrong_sum_do_not_count(
        self, tmp_path: Path
    ) -> None:
        files, _ = self.with_log(tmp_path, lambda d: insert(d, [blob("new", files=BIG)]))
        log = files[f"{PATH}-wal"]
        assert "new 2.5.1-3.el9" in Catalogued(files).names
        frame = 24 + 4096
        for broken in (log[:-frame], log[:-1], log[:40] + b"\xff" + log[41:]):
            assert Catalogued({**files, f"{PATH}-wal": broken}).names == EXPECTED

    def test_a_log_without_its_database(self, tmp_path: Path) -> None:
        files, _ = self.with_log(tmp_path, lambda d: insert(d, [blob("new")]))
        del files[PATH]
        catalogued = Catalogued(files)
        assert not catalogued.packages
        assert [p.path for p in catalogued.problems] == [f"{PATH}-wal"]

    def test_a_header_changed_in_place(self, tmp_path: Path) -> None:
        # SQLite writes only the pages of a row that differ: its rest is in the database alone.
        blobs = (blob("attr", files=BIG), blob("other"))
        changed = blobs[0][:-20] + bytes([blobs[0][-20] ^ 1]) + blobs[0][-19:]

        def change(database: sqlite3.Connection) -> None:
            with database:
                database.execute("REPLACE INTO Packages VALUES (1, ?)", (changed,))

        files, _ = self.with_log(tmp_path, change, blobs)
        assert Catalogued(files).names == ["attr 2.5.1-3.el9", "other 2.5.1-3.el9"]

    @given(
        steps=st.lists(
            st.tuples(st.integers(min_value=1, max_value=25), st.integers(0, 3000)), max_size=25
        ),
        page_size=st.sampled_from([512, 4096]),
    )
    def test_any_history(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        steps: list[tuple[int, int]],
        page_size: int,
    ) -> None:
        def change(database: sqlite3.Connection) -> None:
            for row, size in steps:
                with database:
                    if size % 3 == 0:
                        database.execute("DELETE FROM Packages WHERE hnum = ?", (row,))
                    else:
                        new = blob(f"n{row}", summary="x" * size, version=str(size))
                        database.execute("REPLACE INTO Packages VALUES (?, ?)", (row, new))

        before = [blob(f"n{row}", summary="x" * (100 * row)) for row in range(1, 20)]
        folder = tmp_path_factory.mktemp("db")
        files, stored = self.with_log(folder, change, before, page_size=page_size)
        catalogued = Catalogued(files)
        expected = Catalogued({"var/lib/rpm/Packages.db": ndb(stored, pages=2)})
        assert catalogued.names == expected.names
        assert not catalogued.problems


class TestDamage:
    """A damaged part costs its own packages alone, and is told."""

    def test_of_an_ndb_database(self) -> None:
        body = bytearray(ndb(BLOBS))
        start = 4096 + len(blob("attr")) // 16 * 16
        body[body.index(b"BlbS", start) : start + 64] = bytes(4)
        catalogued = Catalogued({"var/lib/rpm/Packages.db": bytes(body[:-16])})
        assert "attr 2.5.1-3.el9" in catalogued.names
        assert catalogued.problems

    def test_an_ndb_package_with_a_wrong_checksum_is_installed_all_the_same(self) -> None:
        body = bytearray(ndb(BLOBS))
        body[body.rindex(b"BlbE") - 8] ^= 1
        catalogued = Catalogued({"var/lib/rpm/Packages.db": bytes(body)})
        assert catalogued.names == EXPECTED
        assert "checksum" in catalogued.problems[0].message

    def test_of_a_berkeley_db_database(self) -> None:
        body = bytearray(bdb(BLOBS))
        overflow = next(n for n in range(2, len(body) // 4096) if body[n * 4096 + 25] == 7)
        body[overflow * 4096 + 25] = 0
        catalogued = Catalogued({"var/lib/rpm/Packages": bytes(body)})
        assert catalogued.names == ["big 2:2.5.1-3.el9", "tiny 2.5.1-3.el9"]
        assert f"page {overflow}" in catalogued.problems[0].message

    def test_of_an_sqlite_database(self, tmp_path: Path) -> None:
        blobs = [blob(f"n{number:03}", summary="x" * 700) for number in range(60)]
        body = bytearray(sqlite(tmp_path, blobs))
        leaf = next(
            number
            for number in range(3, len(body) // 4096)
            if body[number * 4096] == 13 and b"n030" in body[number * 4096 : (number + 1) * 4096]
        )
        body[leaf * 4096] = 99
        catalogued = Catalogued({PATH: bytes(body)})
        assert 40 < len(catalogued.packages) < 60
        assert f"page {leaf + 1} " in catalogued.problems[0].message

    def test_a_header_that_is_none(self) -> None:
        catalogued = Catalogued({"var/lib/rpm/Packages.db": ndb([b"x" * 99, BLOBS[0], b""])})
        assert catalogued.names == EXPECTED[:1]
        assert len(catalogued.problems) == 2

    @pytest.mark.parametrize("body", [b"x", b"RpmP", b"SQLite format 3\0", bytes(5000)])
    def test_no_database(self, body: bytes) -> None:
        catalogued = Catalogued({PATH: body})
        assert not catalogued.packages
        assert len(catalogued.problems) == 1

    def test_an_empty_file_says_nothing(self) -> None:
        assert not Catalogued({PATH: b""}).read


class TestHostile:
    """Small files that claim to be large."""

    def test_rows_that_share_their_pages(self, tmp_path: Path) -> None:
        # Each cell of the leaf is the same large one: a megabyte would become hundreds.
        body = bytearray(sqlite(tmp_path, [b"x" * 1_000_000] * 2, page_size=65536))
        leaf = next(n for n in range(1, len(body) // 65536) if body[n * 65536] == 13)
        start = leaf * 65536
        pointer = body[start + 8 : start + 10]
        count = 2000
        body[start + 3 : start + 5] = struct.pack(">H", count)
        body[start + 8 : start + 8 + 2 * count] = pointer * count
        self.check(PATH, bytes(body))

    def test_a_ring_of_overflow_pages(self) -> None:
        body = bytearray(bdb([blob("big", files=BIG)], size=512))
        body[2 * 512 + 16 : 2 * 512 + 20] = struct.pack("<I", 2)
        self.check("var/lib/rpm/Packages", bytes(body))

    def test_slots_that_share_their_blob(self) -> None:
        body = bytearray(ndb([blob("big", files=BIG)], pages=40))
        slot = bytes(body[32:48])
        body[32 : 40 * 4096] = slot * ((40 * 4096 - 32) // 16)
        self.check("var/lib/rpm/Packages.db", bytes(body))

    @staticmethod
    def check(path: str, body: bytes) -> None:
        tracemalloc.start()
        try:
            start = time.thread_time()
            catalogued = Catalogued({path: body})
            took = time.thread_time() - start
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert catalogued.problems
        assert len(catalogued.problems) <= 102
        assert took < 4  # tracing memory is slow
        assert peak < 40 << 20


def mutated(body: bytes, generator: random.Random) -> bytes:
    """`body` with bytes changed, removed or doubled, half of it where pages begin."""
    changed = bytearray(body)
    for _ in range(generator.choice((1, 1, 2, 5, 20))):
        at = generator.randrange(len(changed))
        if generator.random() < 0.5:
            at = at // 512 * 512 + min(at % 32, len(changed) - 1 - at // 512 * 512)
        match generator.randrange(4):
            case 0:
                changed[at] = generator.randrange(256)
            case 1:
                changed[at : at + 4] = generator.choice(
                    (b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0")
                )
            case 2:
                changed[at] ^= 1 << generator.randrange(8)
            case _:
                other = generator.randrange(len(changed))
                changed[at : at + 16] = changed[other : other + 16]
    if generator.random() < 0.1:
        del changed[generator.randrange(len(changed)) :]
    return bytes(changed)


def check_mutations(path: str, body: bytes, rounds: int) -> None:
    """Each mutation ends in packages and problems within its time."""
    for seed in range(rounds):
        start = time.thread_time()
        Catalogued({path: mutated(body, random.Random(seed)) or b"x"})
        assert time.thread_time() - start < 2, seed


@pytest.mark.parametrize("kind", ["ndb", "bdb", "btree", "sqlite", "wal", "header"])
def test_mutations(tmp_path: Path, kind: str) -> None:
    rich = blob(
        "rich",
        requires=[("(a or (b if c))", 0, ""), ("/bin/sh", 0, ""), ("attr", 12, "2")],
        files={"/bin/sh": "ab" * 32, "/bin/": "/"},
    )
    small = (blob("attr"), KEY, rich)
    if kind == "ndb":
        check_mutations("var/lib/rpm/Packages.db", ndb(small), 2000)
    elif kind in {"bdb", "btree"}:
        check_mutations("var/lib/rpm/Packages", bdb(small, size=512, tree=kind == "btree"), 2000)
    elif kind == "sqlite":
        check_mutations(PATH, sqlite(tmp_path, small, page_size=512), 2000)
    elif kind == "wal":
        files, _ = TestWriteAheadLog.with_log(
            tmp_path, lambda database: insert(database, [rich]), small, page_size=512
        )
        log = files[f"{PATH}-wal"]
        for seed in range(1000):
            for name in files:
                body = mutated(files[name], random.Random(seed))
                Catalogued({**files, name: body})
        assert log
    else:
        for seed in range(3000):
            body = mutated(rich, random.Random(seed))
            Catalogued({"var/lib/rpm/Packages.db": ndb([body, small[0]])})
