"""One field of a database changed: what is said of it, and what is still listed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalog.rpm_writers import Catalogued, bdb, blob, insert, ndb, sqlite
from tests.catalog.test_rpm_databases import TestWriteAheadLog as Logs

from provenance.catalog.ecosystems.rpm import reading

if TYPE_CHECKING:
    from pathlib import Path

PATH = "var/lib/rpm/rpmdb.sqlite"
SMALL, LARGE = blob("small", files={}), blob("large", summary="x" * 9000)
BOTH = ["large 2.5.1-3.el9", "small 2.5.1-3.el9"]
KEPT_SMALL = BOTH[1:]
KEPT_LARGE = BOTH[:1]
NOTHING: list[str] = []


def patched(body: bytes, at: int, value: bytes) -> bytes:
    return body[:at] + value + body[at + len(value) :]


def check(path: str, body: bytes, message: str, names: list[str]) -> None:
    found = Catalogued({path: body})
    assert found.names == names
    assert message in found.problems[0].message, found.problems


@pytest.mark.parametrize(
    ("at", "value", "message", "names"),
    [
        (4, b"\1", "version 1", NOTHING),
        (12, b"\xff\xff", "pages of slots", BOTH),
        (12, b"\2", "a slot of the NDB database is damaged", BOTH),
        (32, b"slot", "a slot of the NDB database is damaged", KEPT_LARGE),
        (36, b"\7", "package 7 of the NDB database is damaged", KEPT_LARGE),
        (44, b"\1", "outside the file", KEPT_LARGE),
        (46, b"\xff", "outside the file", KEPT_LARGE),
        (4096, b"x", "is damaged", KEPT_LARGE),
        (4096 + 12, b"\1", "is damaged", KEPT_LARGE),
    ],
)
def test_ndb(at: int, value: bytes, message: str, names: list[str]) -> None:
    check("var/lib/rpm/Packages.db", patched(ndb([SMALL, LARGE]), at, value), message, names)


def test_ndb_with_fewer_bytes_than_a_length_says() -> None:
    body = ndb([SMALL, LARGE])
    tail = body.index(b"BlbE")
    wrong = struct.pack("<I", len(SMALL) + 100)
    body = patched(patched(body, 4096 + 12, wrong), tail - 4, wrong)
    check("var/lib/rpm/Packages.db", body, "longer than its place", KEPT_LARGE)


LARGE_ITEMS = 4096 + 26 + 2 * 4  # of the hash: counter, small, large
OVERFLOW = 2 * 4096


@pytest.mark.parametrize(
    ("at", "value", "message", "names"),
    [
        (20, b"\1\1", "pages of", NOTHING),
        (24, b"\1", "encrypted", NOTHING),
        (26, b"\1", "checksummed", NOTHING),
        (4096 + 20, b"\xff\xff", "page 1 ", NOTHING),
        (4096 + 20, b"\5", "page 1 ", NOTHING),
        (LARGE_ITEMS, b"\xff\xff", "an item on page 1", KEPT_SMALL),
        (LARGE_ITEMS, b"\0\0", "outside the page", KEPT_SMALL),
        (LARGE_ITEMS + 2, b"\xff\xff", "an item on page 1", KEPT_SMALL),
        (OVERFLOW + 16, b"\xff", "which is not there", KEPT_SMALL),
        (OVERFLOW + 16, b"\0", "which is not there", KEPT_SMALL),
        (OVERFLOW + 16, b"\1", "which holds none", KEPT_SMALL),
        (OVERFLOW + 22, b"\1\0", "which holds none", KEPT_SMALL),
    ],
)
def test_berkeley_db(at: int, value: bytes, message: str, names: list[str]) -> None:
    body = patched(bdb([SMALL, LARGE], size=4096), at, value)
    check("var/lib/rpm/Packages", body, message, names)


def test_berkeley_db_that_ends_too_early() -> None:
    check("var/lib/rpm/Packages", bdb([SMALL])[:-1], "within a page", NOTHING)
    check("var/lib/rpm/Packages", bdb([SMALL])[:300], "less than a page", NOTHING)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"\3\0\0\0", b"\2\0\0\0", "its value is of kind 2"),
        (b"\1\2\0\0\0", b"\2\2\0\0\0", "outside the page"),
    ],
)
def test_berkeley_db_items(old: bytes, new: bytes, message: str) -> None:
    body = bdb([SMALL, LARGE])
    at = body.index(old, 4096)
    check("var/lib/rpm/Packages", patched(body, at, new), message, KEPT_SMALL)


def test_berkeley_db_values_larger_than_the_file() -> None:
    body = bdb([SMALL, LARGE])
    at = body.index(b"\3\0\0\0" + struct.pack("<II", 2, len(LARGE)))
    body = patched(body, at + 8, b"\xff\xff\xff\xff")
    check("var/lib/rpm/Packages", body, "too large", KEPT_SMALL)


def test_a_deleted_item_of_a_tree_is_no_package() -> None:
    body = bdb([SMALL, LARGE], tree=True)
    at = body.index(b"\0\0\3\0", 4096)
    found = Catalogued({"var/lib/rpm/Packages": patched(body, at + 2, b"\x83")})
    assert found.names == KEPT_SMALL
    assert not found.problems
    broken = patched(body, body.index(b"\4\0\1", 4096), b"\5\0\1")
    check("var/lib/rpm/Packages", broken, "instead of 4", KEPT_SMALL)


class TestSqlite:
    def damaged(self, folder: Path, at: int, value: bytes, *, leaf: int = 0) -> bytes:
        """The database with a change `at` in the file, or in the leaf of `Packages`."""
        body = sqlite(folder, [SMALL, LARGE])
        start = 0
        if leaf:
            start = next(
                n * 4096
                for n in range(1, len(body) // 4096)
                if body[n * 4096] == 13 and b"small" in body[n * 4096 : (n + 1) * 4096]
            )
        return patched(body, start + at, value)

    @pytest.mark.parametrize(
        ("at", "value", "message"),
        [
            (16, b"\1\1", "pages of 257 bytes"),
            (20, b"\xff", "pages of 4096 bytes with 255 unused"),
            (100, b"\2", "without rpm's table"),
            (103, b"\xff\xff", "without rpm's table"),
        ],
    )
    def test_first_page(self, tmp_path: Path, at: int, value: bytes, message: str) -> None:
        if at == 20:
            body = patched(sqlite(tmp_path, [SMALL], page_size=512), at, value)
            message = "pages of 512 bytes with 255 unused"
        else:
            body = self.damaged(tmp_path, at, value)
        check(PATH, body, message, NOTHING)

    @pytest.mark.parametrize(
        ("at", "value", "message", "names"),
        [
            (0, b"\5", "lies outside of it", NOTHING),
            (3, b"\xff\xff", "no room", NOTHING),
            (8, b"\xff\xff", "1 rows are damaged", KEPT_LARGE),
            (10, b"\x0f\xfe", "1 rows are damaged", KEPT_SMALL),
        ],
    )
    def test_leaf(
        self, tmp_path: Path, at: int, value: bytes, message: str, names: list[str]
    ) -> None:
        body = self.damaged(tmp_path, at, value, leaf=1)
        if at == 0:
            body = patched(body, body.index(b"\5", 4096) + 8, b"\xff\xff\xff\xff")
            found = Catalogued({PATH: body})
            assert found.names == NOTHING
            assert found.problems
        else:
            check(PATH, body, message, names)

    def test_overflow(self, tmp_path: Path) -> None:
        body = sqlite(tmp_path, [SMALL, LARGE])
        pointer = next(
            at
            for at in range(4096, len(body), 4096)
            if body[at] == 0 and body[at + 3] and body[at + 4 : at + 4000].strip(b"x") == b""
        )
        check(PATH, patched(body, pointer, b"\0\0\x7f\xff"), "not there", KEPT_SMALL)

    def test_tables_of_another_shape(self, tmp_path: Path) -> None:
        body = sqlite(tmp_path, [SMALL, LARGE])
        # The type of the second column says text instead of BLOB.
        at = body.index(struct.pack(">I", struct.unpack(">I", SMALL[:4])[0]) + SMALL[4:40]) - 2
        changed = patched(body, at + 1, bytes([body[at + 1] + 1]))
        check(PATH, changed, "two columns", KEPT_LARGE)


class TestLog:
    def files(self, folder: Path) -> dict[str, bytes]:
        files, _ = Logs.with_log(folder, lambda d: insert(d, [LARGE]), [SMALL])
        return files

    @pytest.mark.parametrize(
        ("at", "value"),
        [(0, b"\0"), (4, b"\xff"), (8, b"\0\0\1\1"), (16, b"\xff\xff"), (28, b"\0\0\0\0")],
    )
    def test_a_head_that_is_none_is_no_log(self, tmp_path: Path, at: int, value: bytes) -> None:
        files = self.files(tmp_path)
        assert Catalogued(files).names == BOTH
        files[f"{PATH}-wal"] = patched(files[f"{PATH}-wal"], at, value)
        found = Catalogued(files)
        assert found.names == KEPT_SMALL
        assert not found.problems

    def test_frames_of_an_older_log(self, tmp_path: Path) -> None:
        files = self.files(tmp_path)
        files[f"{PATH}-wal"] = patched(files[f"{PATH}-wal"], 32 + 8, b"old!")
        assert Catalogued(files).names == KEPT_SMALL

    def test_too_long_a_log_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        files = self.files(tmp_path)
        monkeypatch.setattr("provenance.catalog.ecosystems.rpm.wal._MAX_LOG", 5000)
        found = Catalogued(files)
        assert found.names == KEPT_SMALL
        assert "write-ahead log" in found.problems[0].message

    def test_a_database_that_is_not_the_logs(self, tmp_path: Path) -> None:
        many = [blob(f"n{number}", summary="x" * 900) for number in range(50)]
        files, _ = Logs.with_log(tmp_path, lambda d: insert(d, [LARGE]), many)
        other = tmp_path / "other"
        other.mkdir()
        files[PATH] = sqlite(other, [SMALL])
        found = Catalogued(files)
        assert {problem.path for problem in found.problems} == {f"{PATH}-wal"}


class TestCaps:
    def test_of_problems(self) -> None:
        found = Catalogued({"var/lib/rpm/Packages.db": ndb([b"none"] * 200)})
        assert len(found.problems) == 101
        assert found.problems[-1].message == "100 more parts of it cannot be read"

    def test_of_packages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "_MAX_PACKAGES", 1)
        check("var/lib/rpm/Packages.db", ndb([LARGE, SMALL]), "more than 1 packages", KEPT_LARGE)


@given(st.binary(max_size=400), st.sampled_from([b"RpmP", b"SQLite format 3\0", bytes(12)]))
def test_any_bytes_after_a_good_beginning(rest: bytes, start: bytes) -> None:
    if start == bytes(12):
        start += struct.pack("<III", 0x061561, 9, 512)
    Catalogued({PATH: (start + rest).ljust(5120, b"\1")})
    Catalogued({f"{PATH}-wal": struct.pack(">II", 0x377F0682, 3007000) + rest})
