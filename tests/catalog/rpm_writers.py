"""Writers of rpm headers and databases for tests, after the formats' documents."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

from provenance.catalog.cataloger import Fact, MatchedFile, Problem, Remaining
from provenance.catalog.ecosystems.rpm import CATALOGER
from provenance.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from provenance.packages.os_release import OsRelease

INT16, INT32, STRING, BINARY, STRINGS, I18N = 3, 4, 6, 7, 8, 9
CHAR = 1

Entry = tuple[int, int, Any]
"""Tag, type, value."""


def header(entries: Sequence[Entry], added: Sequence[Entry] = ()) -> bytes:
    """A header blob: a region with `entries`, `added` behind it as an installation adds them."""
    index: list[tuple[int, int, int, int]] = []
    data = b""
    for number, (tag, kind, value) in enumerate([*entries, *added]):
        if number == len(entries):
            data, index = _close_region(index, data)
        item, count, alignment = _item(kind, value)
        data += bytes(-len(data) % alignment)
        index.append((tag, kind, len(data), count))
        data += item
    if not added:
        data, index = _close_region(index, data)
    packed = b"".join(struct.pack(">IIiI", *entry) for entry in index)
    return struct.pack(">II", len(index), len(data)) + packed + data


def _close_region(
    index: list[tuple[int, int, int, int]], data: bytes
) -> tuple[bytes, list[tuple[int, int, int, int]]]:
    trailer = struct.pack(">IIiI", 63, BINARY, -16 * (len(index) + 1), 16)
    return data + trailer, [(63, BINARY, len(data), 16), *index]


def _item(kind: int, value: Any) -> tuple[bytes, int, int]:
    if kind == STRING:
        return value.encode() + b"\0", 1, 1
    if kind in {STRINGS, I18N}:
        return b"".join(one.encode() + b"\0" for one in value), len(value), 1
    if kind == BINARY:
        return value, len(value), 1
    width, code = {CHAR: (1, "B"), INT16: (2, "H"), INT32: (4, "I")}[kind]
    return struct.pack(f">{len(value)}{code}", *value), len(value), width


def package_entries(name: str = "attr", **more: Any) -> list[Entry]:
    """The entries of a plausible package; keywords name what differs."""
    files: Mapping[str, str] = more.get("files", {f"/usr/bin/{name}": "ab" * 32})
    folders = sorted({path.rpartition("/")[0] + "/" for path in files})
    requires: Sequence[tuple[str, int, str]] = more.get("requires", ())
    provides: Sequence[str] = more.get("provides", ())
    entries: list[Entry] = [
        (100, STRINGS, ["C"]),
        (1000, STRING, name),
        (1001, STRING, more.get("version", "2.5.1")),
        (1002, STRING, more.get("release", "3.el9")),
        (1004, I18N, [more.get("summary", f"What {name} is")]),
        (1011, STRING, more.get("vendor", "Example Linux")),
        (1014, STRING, more.get("license", "GPLv2+")),
        (1020, STRING, f"https://example.org/{name}"),
        (1022, STRING, more.get("arch", "x86_64")),
        (1044, STRING, more.get("source", f"{name}-2.5.1-3.el9.src.rpm")),
        (1047, STRINGS, [name, *provides]),
        (1112, INT32, [8] * (1 + len(provides))),
        (1113, STRINGS, ["2.5.1-3.el9"] * (1 + len(provides))),
    ]
    if "epoch" in more:
        entries.append((1003, INT32, [more["epoch"]]))
    if files:
        entries += [
            (1030, INT16, [0o40755 if digest == "/" else 0o100644 for digest in files.values()]),
            (1035, STRINGS, ["" if digest == "/" else digest for digest in files.values()]),
            (1116, INT32, [folders.index(path.rpartition("/")[0] + "/") for path in files]),
            (1117, STRINGS, [path.rpartition("/")[2] for path in files]),
            (1118, STRINGS, folders),
            (5011, INT32, [8]),
        ]
    if requires:
        entries += [
            (1048, INT32, [sense for _, sense, _ in requires]),
            (1049, STRINGS, [need for need, _, _ in requires]),
            (1050, STRINGS, [version for _, _, version in requires]),
        ]
    return sorted(entries)


def blob(name: str = "attr", **more: Any) -> bytes:
    """The header of a plausible package, as an installation leaves it."""
    return header(package_entries(name, **more), [(1008, INT32, [1700000000])])


KEY = header([(1000, STRING, "gpg-pubkey"), (1001, STRING, "8483c65d"), (1002, STRING, "5ccc5b19")])
"""What `rpm --import` stores."""


def ndb(blobs: Sequence[bytes], *, pages: int = 1) -> bytes:
    """A database of rpm's own format."""
    slots, data = b"", b""
    for number, one in enumerate(blobs, 1):
        start = pages * 256 + len(data) // 16
        body = struct.pack("<4sIII", b"BlbS", number, 0, len(one)) + one
        body += bytes(-(len(body) + 12) % 16)
        body += struct.pack("<II4s", zlib.adler32(body), len(one), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", number, start, len(body) // 16)
        data += body
    head = struct.pack("<4sIIII", b"RpmP", 0, 1, pages, len(blobs) + 1)
    free = (pages * 4096 - 32 - len(slots)) // 16
    return head.ljust(32, b"\0") + slots + struct.pack("<4s12x", b"Slot") * free + data


def bdb(blobs: Sequence[bytes], *, order: str = "<", size: int = 4096, tree: bool = False) -> bytes:
    """A Berkeley DB hash or B-tree with the blobs off the page, small ones on it."""
    pages: dict[int, bytes] = {}
    items: list[bytes] = []
    if not tree:
        items += [b"\1" + bytes(4), b"\1\7\0\0\0"]  # the counter
    for number, one in enumerate(blobs, 1):
        key = struct.pack(f"{order}I", number)
        items.append(struct.pack(f"{order}HB", 4, 1) + key if tree else b"\1" + key)
        if len(one) < size // 8:
            items.append(struct.pack(f"{order}HB", len(one), 1) + one if tree else b"\1" + one)
            continue
        first = len(pages) + 2
        place = struct.pack(f"{order}II", first, len(one))
        items.append((b"\0\0\3\0" if tree else b"\3\0\0\0") + place)
        chunks = [one[at : at + size - 26] for at in range(0, len(one), size - 26)]
        for page, chunk in enumerate(chunks, first):
            following = page + 1 if page + 1 < first + len(chunks) else 0
            head = _bdb_head(order, page, following, 1, len(chunk), 7)
            pages[page] = (head + chunk).ljust(size, b"\0")
    # All pairs on page 1: few enough for it.
    offsets, body = [], b""
    for item in items:
        body = item + body
        offsets.append(size - len(body))
    assert 26 + 2 * len(offsets) <= size - len(body)
    pages[1] = _bdb_head(order, 1, 0, len(offsets), size - len(body), 5 if tree else 13)
    pages[1] += struct.pack(f"{order}{len(offsets)}H", *offsets)
    pages[1] = pages[1].ljust(size - len(body), b"\0") + body
    magic = 0x053162 if tree else 0x061561
    meta = struct.pack(f"{order}8xIIII", 0, magic, 9, size) + bytes([0, 9 if tree else 8, 0])
    return b"".join([meta.ljust(size, b"\0"), *(page for _, page in sorted(pages.items()))])


def _bdb_head(order: str, page: int, following: int, items: int, free: int, kind: int) -> bytes:
    return struct.pack(f"{order}8xIIIHHBB", page, 0, following, items, free, 1, kind)


SCHEMA = (
    "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)",
    "CREATE TABLE 'Name' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)",
    "CREATE INDEX 'Name_key_idx' ON 'Name'(key ASC)",
)


def sqlite(
    folder: Path, blobs: Sequence[bytes], *, page_size: int = 4096, wal: bool = True
) -> bytes:
    """An SQLite database as rpm makes it, written by SQLite."""
    path = folder / "rpmdb.sqlite"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA page_size = {page_size}")
        if wal:
            database.execute("PRAGMA journal_mode = WAL")
        for statement in SCHEMA:
            database.execute(statement)
        insert(database, blobs)
    return path.read_bytes()


def insert(database: sqlite3.Connection, blobs: Sequence[bytes]) -> None:
    """Add packages as rpm does, in one transaction."""
    with database:
        for one in blobs:
            row = database.execute("INSERT INTO Packages (blob) VALUES (?)", (one,)).lastrowid
            database.execute("INSERT INTO Name VALUES (?, ?, 0)", ("a name", row))


class Catalogued:
    """What the files of an image yield, read apart and completed together."""

    def __init__(
        self, files: Mapping[str, bytes], releases: Mapping[str, OsRelease] | None = None
    ) -> None:
        self.read: list[Any] = []
        facts: dict[str, dict[str, Any]] = {}
        for path, body in files.items():
            file = MatchedFile(path, None, len(body), 0o644, body)
            self.read += CATALOGER.read(file)
        for item in self.read:
            if isinstance(item, Fact):
                facts.setdefault(item.kind, {})[item.key] = item.value
        found = [item for item in self.read if isinstance(item, Package)]
        assert CATALOGER.complete is not None
        self.completed = list(CATALOGER.complete(Remaining(found, facts, releases or {})))
        self.packages = [item for item in self.completed if isinstance(item, Package)]
        self.problems = [i for i in (*self.read, *self.completed) if isinstance(i, Problem)]

    @property
    def names(self) -> list[str]:
        """Names and versions, sorted."""
        return sorted(f"{package.name} {package.version}" for package in self.packages)


def of_kind(items: Sequence[Any], kind: type) -> list[Any]:
    """Those of one type."""
    return [item for item in items if isinstance(item, kind)]
