"""The user's cache of what was found in images: one SQLite file, bounded, for many processes.

Entries are bytes, found by the digest of what they are about and a key of all else that decides on
them. Whatever is wrong with the file or an entry of it makes a miss, never a result: each entry
bears a hash of what it says it is, so that a damaged one is not taken for another.

A file that others can write, or that somebody else owns, could hold anything: it is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.digests import Digest

__all__ = ["FORM", "CacheFile"]

FORM = 2  # of the file and of what is in it: raise it with every change
_NAME = f"layers-{FORM}.sqlite"
_LARGEST = 64 << 20  # bytes of one entry
_MOST = 512 << 20  # bytes of all entries
_PATIENCE = 5.0  # seconds to wait for other processes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS layer (
  digest TEXT NOT NULL, key BLOB NOT NULL, used INTEGER NOT NULL, size INTEGER NOT NULL,
  proof BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY (digest, key)
) WITHOUT ROWID
"""


class CacheFile:
    """Open from the beginning until `close`. For threads; many processes may use the file."""

    def __init__(self, folder: Path) -> None:
        """Use the file in `folder`, made if it is not there."""
        self._turn = threading.Lock()
        self._database = _opened(folder)
        self._used: list[tuple[Digest, bytes]] = []

    def get(self, about: Digest, key: bytes) -> bytes | None:
        """The entry of this key; None: there is none, or not as it was put."""
        row = self._ask("SELECT proof, record FROM layer WHERE digest=? AND key=?", (about, key))
        # A flipped bit may also make text of the bytes.
        if row is None or not isinstance(row[1], bytes) or row[0] != _proof(about, key, row[1]):
            return None
        self._used.append((about, key))
        return row[1]

    def put(self, about: Digest, key: bytes, data: bytes) -> None:
        """Keep an entry, unless it is larger than is good for the others."""
        if len(data) <= _LARGEST:
            row = (about, key, int(time.time()), len(data), _proof(about, key, data), data)
            self._change([("INSERT OR REPLACE INTO layer VALUES (?,?,?,?,?,?)", row)])

    def close(self) -> None:
        """Note what was used, drop the longest unused beyond the bound, and close."""
        now = int(time.time())
        self._change(
            [
                (
                    "UPDATE layer SET used=? WHERE digest=? AND key=? AND used<?",
                    (now, about, key, now - 3600),
                )
                for about, key in self._used
            ]
        )
        self._prune()
        with self._turn:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _prune(self) -> None:
        row = self._ask("SELECT CAST(total(size) AS INTEGER) FROM layer", ())
        excess = row[0] - _MOST if row is not None else 0
        if excess <= 0:
            return
        with self._turn, contextlib.suppress(sqlite3.Error):
            if self._database is None:
                return
            oldest = self._database.execute(
                "SELECT digest, key, CAST(size AS INTEGER) FROM layer ORDER BY used"
            )
            for digest, key, size in oldest.fetchall():
                self._database.execute("DELETE FROM layer WHERE digest=? AND key=?", (digest, key))
                excess -= size
                if excess <= 0:
                    break
            self._database.commit()
            self._database.execute("PRAGMA incremental_vacuum")

    def _ask(self, query: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """One row; None also where the file cannot be read: a cache that fails is no cache."""
        with self._turn:
            if self._database is None:
                return None
            try:
                row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
            except sqlite3.Error:
                return None
            return row

    def _change(self, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Change the file, or leave it where that cannot be done: full, locked, broken."""
        with self._turn:
            if self._database is None or not statements:
                return
            with contextlib.suppress(sqlite3.Error), self._database:
                for statement, values in statements:
                    self._database.execute(statement, values)


def _proof(about: Digest, key: bytes, data: bytes) -> bytes:
    return hashlib.sha256(about.encode() + key + data).digest()


def _opened(folder: Path) -> sqlite3.Connection | None:
    """The file's connection; None where it cannot or should not be used."""
    path = folder / _NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return None
    try:
        if not (_private(os.fstat(handle)) and _private(folder.stat(), folder=True)):
            return None
    except OSError:  # the folder went away meanwhile
        return None
    finally:
        os.close(handle)
    try:
        database = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    except sqlite3.Error:
        return None
    try:
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute(_SCHEMA)
        database.commit()
    except sqlite3.Error:
        database.close()
        return None
    return database


def _private(found: os.stat_result, *, folder: bool = False) -> bool:
    """Whether nobody but this user can change it (nor, of the file, read it)."""
    if not hasattr(os, "getuid"):
        return True
    forbidden = stat.S_IWGRP | stat.S_IWOTH
    if not folder:
        forbidden |= stat.S_IRGRP | stat.S_IROTH
    kind = stat.S_ISDIR(found.st_mode) if folder else stat.S_ISREG(found.st_mode)
    return kind and found.st_uid == os.getuid() and not found.st_mode & forbidden
