"""An unpacked root as one layer: a folder, or `/` of the running machine. Nothing is written.

No link is followed by the operating system, not even where one takes a directory's place meanwhile:
every step is opened from the one above it. So nothing outside of the root is read, nor are names
outside of it; links are noted as they are in a layer, and resolved within the root. Pseudo file
systems are no part of it. Names are written as those of layers are (names.py).
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provenance.catalog.files import CatalogReader, Reading
from provenance.errors import LimitExceeded, NotFound
from provenance.image.names import clean
from provenance.image.place import Place
from provenance.image.record import LayerRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from provenance.catalog.routing import Router
    from provenance.settings import Limits

__all__ = ["Directory"]

_CHUNK = 1 << 20
_PSEUDO = frozenset({"dev", "proc", "sys"})
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)


class Directory:
    """A root file system, read by catalogers."""

    def __init__(self, root: Path, router: Router, limits: Limits, *, hashed: bool) -> None:
        """Read below `root`. Raises NotFound: it is no directory."""
        if not root.is_dir():
            raise NotFound(f"{root} is no directory", hint="name an unpacked root file system")
        self._root, self._router, self._limits, self._hashed = root, router, limits, hashed
        self._own_names: dict[str, str] = {}  # of those that are written in another way
        self._record: LayerRecord[Reading] = LayerRecord()

    def record(self) -> LayerRecord[Reading]:
        """Everything in it, as of one layer.

        Raises:
            LimitExceeded: more than `Limits.entries`.
        """
        record = self._record = LayerRecord()
        reader = CatalogReader(self._router, None, limits=self._limits, hashed=self._hashed)
        waiting, count = [""], 0
        while waiting:
            directory = waiting.pop()
            below: list[str] = []
            try:
                with self._opened(directory, _DIRECTORY) as handle:
                    with os.scandir(handle) as found:
                        entries = sorted(found, key=lambda e: e.name)
                    count += len(entries)
                    self._check(count)
                    for entry in entries:
                        path = f"{directory}/{entry.name}" if directory else entry.name
                        if self._add(path, entry, handle, reader, record):
                            below.append(path)
            except OSError as error:
                shown = self._shown(directory)
                record.note("directory-not-read", f"cannot be read ({error.strerror})", shown)
            waiting += reversed(below)
        again = {path: [path] for path in reader.again}
        for path, reading in self.reread(again).items():
            late = tuple(item for item in reading.items if item[0] in reader.again[path])
            first = record.items[path]
            record.items[path] = first._replace(items=first.items + late)
        return record

    def _check(self, count: int) -> None:
        if count > self._limits.entries:
            raise LimitExceeded(
                f"{self._root} has more than {self._limits.entries} entries",
                hint="name a smaller folder, or raise Limits.entries",
            )

    def reread(self, aliases: Mapping[str, Sequence[str]]) -> dict[str, Reading]:
        """Read files whole, each under the names that it maps to. Findings go into the record."""
        reader = CatalogReader(self._router, None, limits=self._limits, aliases=aliases)
        record: LayerRecord[Reading] = LayerRecord()
        for path in aliases:
            above, _, name = self._own_names.get(path, path).rpartition("/")
            try:
                with self._opened(above, _DIRECTORY) as handle:
                    self._read(path, name, handle, reader, record)
            except OSError as error:
                record.note("file-not-read", f"cannot be read ({error.strerror})", path)
        told = dict.fromkeys((*self._record.findings, *record.findings))
        self._record.findings[:] = told
        return reader.aliased

    def _add(
        self,
        path: str,
        entry: os.DirEntry[str],
        above: int,
        reader: CatalogReader,
        record: LayerRecord[Reading],
    ) -> bool:
        """Note one entry; say whether it is a directory to read."""
        shown = self._shown(path)
        if len(shown) > self._limits.path_bytes:
            record.note("file-not-read", "its name is longer than Limits.path_bytes", shown[:200])
            return False
        try:
            if entry.is_symlink():
                record.names.add(shown)
                target = os.fsencode(os.readlink(entry.name, dir_fd=above))
                record.symlinks[shown] = target.decode("utf-8", "backslashreplace")
            elif entry.is_dir(follow_symlinks=False):
                if entry.name in _PSEUDO and _is_mount(entry.name, above):
                    return False
                record.directories.add(shown)
                return True
            else:
                record.names.add(shown)
                # To open a device or a pipe may do something, if only let a writer go on.
                if entry.is_file(follow_symlinks=False):
                    self._read(shown, entry.name, above, reader, record)
        except OSError as error:
            if reader.wants(shown) or _is_program(entry.name, above):
                record.note("file-not-read", f"cannot be read ({error.strerror})", shown)
        return False

    def _shown(self, path: str) -> str:
        if path.isascii() and "\\" not in path:
            return path
        shown = clean(os.fsencode(path), Place())
        if shown != path:
            self._own_names[shown] = path
        return shown

    def _read(
        self,
        path: str,
        name: str,
        above: int,
        reader: CatalogReader,
        record: LayerRecord[Reading],
    ) -> None:
        handle = os.open(name, _FLAGS, dir_fd=above)
        try:
            status = os.fstat(handle)
            size = status.st_size
            if not stat.S_ISREG(status.st_mode):
                return
            if size > self._limits.blob_bytes:
                record.note("file-not-read", "is larger than Limits.blob_bytes", path)
                return
            head = os.read(handle, min(4, size))
            feed = reader.open(path, size, stat.S_IMODE(status.st_mode), head)
            if feed is None:
                return
            left = size - len(head)
            feed(memoryview(head))
            while left > 0 and (chunk := os.read(handle, min(_CHUNK, left))):
                feed(memoryview(chunk))
                left -= len(chunk)
            reading = reader.close()
            if reading is not None:
                record.items[path] = reading
            if left:
                record.note("file-changed", "became smaller while it was read", path)
        finally:
            os.close(handle)

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        """What is at `path`, opened step by step so that no step is a link. Raises OSError."""
        handle = os.open(self._root, os.O_RDONLY | _DIRECTORY)
        try:
            for step in path.split("/") if path else ():
                below = os.open(step, _FLAGS | flags, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


def _is_mount(name: str, above: int) -> bool:
    found = os.stat(name, dir_fd=above, follow_symlinks=False)
    return found.st_dev != os.fstat(above).st_dev


def _is_program(name: str, above: int) -> bool:
    """Whether it may be run: what is in it then matters whatever its name."""
    try:
        found = os.stat(name, dir_fd=above, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & 0o111)
