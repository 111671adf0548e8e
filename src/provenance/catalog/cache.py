"""What layers yield, kept for the next image that has them: one SQLite file of the user's.

A layer is found by the digest of its blob, which the manifest, itself verified, names; never by a
diffID, which an image merely claims. An entry is written only after every byte of the blob was read
and its digest agreed. Entries of other catalogers, options or limits are other entries. Whatever
is wrong with the file or an entry of it makes a miss, never a result: each entry bears a hash of
what it says it is, so that a damaged one is not taken for another.

Files that only links across layers give a name are read once more; what that yields is an entry of
its own, found by the layer and the names that were asked for.

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
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance import __version__
from provenance.catalog.record_codec import decode_record, encode_record
from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from provenance.catalog.cataloger import Cataloger
    from provenance.catalog.files import Reading
    from provenance.digests import Digest
    from provenance.image.record import LayerRecord
    from provenance.settings import Limits

__all__ = ["Aliases", "LayerCache", "key_of"]

Aliases: TypeAlias = Mapping[str, Sequence[str]]
"""Path in a layer to the names under which catalogers see its file."""

_FORM = 2  # of the file and of what is in it: raise it with every change
_NAME = f"layers-{_FORM}.sqlite"
_LARGEST = 64 << 20  # bytes of one entry
_MOST = 512 << 20  # bytes of all entries
_PATIENCE = 5.0  # seconds to wait for other processes
_SCHEMA = """
CREATE TABLE IF NOT EXISTS layer (
  digest TEXT NOT NULL, key BLOB NOT NULL, used INTEGER NOT NULL, size INTEGER NOT NULL,
  proof BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY (digest, key)
) WITHOUT ROWID
"""


def key_of(
    catalogers: Iterable[Cataloger], *, limits: Limits, hashed: bool, file_lists: bool
) -> bytes:
    """Everything besides the blob that decides on what a layer yields."""
    rules = [
        (c.name, c.version, c.types, c.paths, c.file_lists if file_lists else (), c.magic)
        for c in catalogers
    ]
    text = repr((_FORM, __version__, rules, repr(limits), hashed, file_lists))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


class LayerCache:
    """The entries of one key. For threads; many processes may use the file at once."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """Use the file in `folder`, made if it is not there."""
        self._key = key
        self._turn = threading.Lock()
        self._database = _opened(folder)
        self._used: list[tuple[Digest, bytes]] = []

    def get(
        self, layer: Digest, *, diff_id: bool = False, aliases: Aliases | None = None
    ) -> LayerRecord[Reading] | None:
        """What the layer yields; None: not known, or not with a diffID where that is wanted.

        Args:
            layer: digest of its blob.
            diff_id: only a record that has one.
            aliases: what some of its files yield under other names, as `put` was told.
        """
        key = self._key_for(aliases)
        row = self._ask("SELECT proof, record FROM layer WHERE digest=? AND key=?", (layer, key))
        # A flipped bit may also make text of the bytes.
        if row is None or not isinstance(row[1], bytes) or row[0] != _proof(layer, key, row[1]):
            return None
        try:
            record = decode_record(row[1], layer)
        except MalformedDocument:
            return None
        if diff_id and not record.diff_id:
            return None
        self._used.append((layer, key))
        return record

    def put(
        self, layer: Digest, record: LayerRecord[Reading], *, aliases: Aliases | None = None
    ) -> None:
        """Keep what a layer yielded whose blob was read to its proven end, if it can be kept.

        Args:
            layer: digest of its blob.
            record: what it yielded.
            aliases: where only these files were read, under the names that each maps to.
        """
        try:
            data = encode_record(record)
        except MalformedDocument:
            return
        if len(data) > _LARGEST:
            return
        key = self._key_for(aliases)
        row = (layer, key, int(time.time()), len(data), _proof(layer, key, data), data)
        self._change([("INSERT OR REPLACE INTO layer VALUES (?,?,?,?,?,?)", row)])

    def close(self) -> None:
        """Note what was used, drop the longest unused beyond the bound, and close."""
        now = int(time.time())
        self._change(
            [
                (
                    "UPDATE layer SET used=? WHERE digest=? AND key=? AND used<?",
                    (now, layer, key, now - 3600),
                )
                for layer, key in self._used
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

    def _key_for(self, aliases: Aliases | None) -> bytes:
        if aliases is None:
            return self._key
        asked = repr(sorted((path, list(names)) for path, names in aliases.items()))
        return hashlib.sha256(self._key + asked.encode("utf-8", "backslashreplace")).digest()

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


def _proof(layer: Digest, key: bytes, data: bytes) -> bytes:
    return hashlib.sha256(layer.encode() + key + data).digest()


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
