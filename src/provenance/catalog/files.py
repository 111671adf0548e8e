"""Files handed to catalogers while their layer streams by: whole, or byte by byte.

A body of some megabytes is kept in memory until its catalogers have read it, a larger one in a
temporary file without a name. What a cataloger raises costs what it would have found in that file,
and becomes a finding.
"""

from __future__ import annotations

import hashlib
import mmap
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from provenance.catalog.cataloger import Again, Failure, Item, MatchedFile, Problem
from provenance.catalog.routing import TINY, Router
from provenance.errors import LimitExceeded
from provenance.oci.whole import temporary_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from provenance.catalog.cataloger import Cataloger, Sink
    from provenance.digests import Digest
    from provenance.image.entry import Entry, Feed
    from provenance.settings import Limits

__all__ = ["CatalogReader", "Reading"]

_IN_MEMORY = 16 << 20  # bytes of a body; larger ones are spooled
_SPOOLED = "a large file of the image"
_ITEMS = 200_000  # of one file
_LAYER_ITEMS = 1_000_000  # of all files of a layer: beyond what any image has, and some GB


class Reading(NamedTuple):
    """What was found in one file."""

    items: tuple[tuple[str, tuple[Item, ...]], ...]
    """Names of catalogers with what they found, none twice."""
    size: int
    """Bytes of the file."""
    sha256: bytes = b""
    """Of the body, where it was asked for."""


class CatalogReader:
    """Reads one layer's files for all catalogers. One a layer, in one thread."""

    def __init__(
        self,
        router: Router,
        layer: Digest | None,
        *,
        limits: Limits,
        hashed: bool = False,
        aliases: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Prepare for a layer.

        Args:
            router: which cataloger reads what.
            layer: the layer's digest; None for a directory.
            limits: `spooled_bytes` applies.
            hashed: take the SHA-256 of every file, also of those that nobody reads.
            aliases: read only these files, whole, each under the names that it maps to. A path
                with a number is that of a file that was replaced (`FileReader.replaced`).
        """
        self._router, self._layer, self._limits = router, layer, limits
        self._by_name, self._magics = router.by_name, router.magics
        self._hashed, self._aliases = hashed, aliases
        self.screen = None if hashed or aliases is not None else router.screen
        """See `FileReader`."""
        self._keys: dict[str, list[str]] = {}
        for key in aliases or ():
            self._keys.setdefault(key.partition("\0")[0], []).append(key)
        self._open: _OpenFile | None = None
        self._hash: Any = None  # of a file that is read for it alone, and its size
        self._size = 0
        self._items = 0
        self.again: dict[str, tuple[str, ...]] = {}
        """Path to the names of catalogers that have to see the whole file."""
        self.failed = False
        """Whether a cataloger failed, so that what was found is not to be kept."""
        self.aliased: dict[str, Reading] = {}
        """Of `aliases`: each name to what was found under it."""

    def wants(self, path: str, /) -> bool:
        """Whether a file of this name is read, whatever is in it."""
        return self._hashed or bool(self._router.by_name(path))

    def folder(self, path: str, mode: int, /) -> None:
        """Nobody reads directories."""

    def other(self, entry: Entry, /) -> None:
        """Nobody reads what is no regular file."""

    def linked(self, item: Reading, mode: int, /) -> Reading:  # noqa: ARG002  the signature of `FileReader`
        """No package depends on who may run its file."""
        return item

    def replaced(self, path: str, kept_as: str, /) -> None:
        """What was read as `kept_as` is read: what is called `path` from now on is another file."""
        self._keys[path] = [key for key in self._keys.get(path, ()) if key != kept_as]

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        """Who takes this file's bytes; None: nobody."""
        if self._aliases is None:
            who = self._by_name(path) if size <= TINY else self._who(path, size, head)
            if not who:
                return self._hash_alone(size) if self._hashed else None
            runs = [(MatchedFile(path, self._layer, size, mode), who)]
        elif names := [n for key in self._keys.get(path, ()) for n in self._aliases[key]]:
            runs = [
                (MatchedFile(name, self._layer, size, mode), self._who(name, size, head))
                for name in names
            ]
        else:
            return None
        self._open = _OpenFile(
            [(file, [self._router.catalogers[i] for i in who]) for file, who in runs],
            size,
            hashed=self._hashed,
            whole=self._aliases is not None,
            limit=self._limits.spooled_bytes,
        )
        return self._open.feed

    def _hash_alone(self, size: int) -> Feed:
        """Most files are read for their hash alone, so nothing else is made for them."""
        hashing = hashlib.sha256()
        self._hash, self._size = hashing, size
        return hashing.update

    def _who(self, path: str, size: int, head: bytes) -> tuple[int, ...]:
        """The positions of the catalogers that read a file."""
        found = self._by_name(path)
        if size > TINY and (more := self._magics.get(head) or self._magics.get(head[:2])):
            return tuple(dict.fromkeys((*found, *more)))
        return found

    def close(self) -> Reading | None:
        """What the file asked about last yields; None: nobody reads it."""
        opened = self._open
        if opened is None:
            if self._hash is None:
                return None
            digest, self._hash = self._hash.digest(), None
            return Reading((), self._size, digest)
        self._open = None
        readings = opened.close()
        self._items += sum(len(items) for r in readings.values() for _, items in r.items)
        if self._items > _LAYER_ITEMS:
            raise LimitExceeded(
                f"the files of a layer state more than {_LAYER_ITEMS} records",
                hint="name the catalogers that are needed",
                digest=self._layer or "",
            )
        self.again.update(opened.again)
        self.failed = self.failed or opened.failed
        if self._aliases is not None:
            self.aliased.update(readings)
        return next(iter(readings.values()))


class _OpenFile:
    """One file under one or several names, and those that read it."""

    def __init__(
        self,
        runs: list[tuple[MatchedFile, list[Cataloger]]],
        size: int,
        *,
        hashed: bool,
        whole: bool,
        limit: int,
    ) -> None:
        self.again: dict[str, tuple[str, ...]] = {}
        self.failed = False
        self._size = size
        self._found: dict[str, dict[str, list[Item]]] = {file.path: {} for file, _ in runs}
        self._sinks: list[tuple[Cataloger, MatchedFile, Sink]] = []
        self._readers: list[tuple[Cataloger, MatchedFile]] = []
        for file, catalogers in runs:
            for cataloger in catalogers:
                self._assign(cataloger, file, whole=whole)
        self._feeding = self._sinks.copy()  # those that want more
        self._hash = hashlib.sha256() if hashed else None
        self._body: _Body | None = None
        if self._readers and size > limit:
            for cataloger, file in self._readers:
                message = f"has {size} bytes, more than Limits.spooled_bytes: not read"
                self._keep(cataloger, file, (Problem(file.path, message),))
            self._readers = []
        if self._readers:
            self._body = _Body(size)
        self.feed = self._only_feed() or self._feed_all

    def _assign(self, cataloger: Cataloger, file: MatchedFile, *, whole: bool) -> None:
        if cataloger.stream is None or whole:
            self._readers.append((cataloger, file))
            return
        try:
            sink = cataloger.stream(file)
        except Exception as error:  # noqa: BLE001  see `_failure`
            self._keep(cataloger, file, (self._failure(cataloger, file, error),))
            return
        if sink is not None:
            self._sinks.append((cataloger, file, sink))

    def _only_feed(self) -> Callable[[memoryview], object] | None:
        """The one who takes the bytes, where there is one alone that cannot fail."""
        if self._sinks:
            return None
        if self._body is None and self._hash is not None:
            return self._hash.update
        if self._body is not None and self._hash is None:
            return self._body.feed
        return None

    def _feed_all(self, data: memoryview) -> None:
        if self._hash is not None:
            self._hash.update(data)
        if self._body is not None:
            self._body.feed(data)
        for entry in self._feeding:
            cataloger, file, sink = entry
            try:
                satisfied = sink.feed(data) is True
            except Exception as error:  # noqa: BLE001  see `_failure`
                self._keep(cataloger, file, (self._failure(cataloger, file, error),))
                self._sinks.remove(entry)
                satisfied = True
            if satisfied:
                self._feeding = [other for other in self._feeding if other is not entry]

    def close(self) -> dict[str, Reading]:
        """Each of the file's names to what was found under it."""
        for cataloger, file, sink in self._sinks:
            self._take(cataloger, file, sink.close)
        if self._body is not None:
            with self._body as body:
                for cataloger, file in self._readers:
                    seen = MatchedFile(file.path, file.layer, file.size, file.mode, body)
                    self._take(cataloger, seen, partial(cataloger.read, seen))
        sha256 = self._hash.digest() if self._hash else b""
        return {
            path: Reading(
                tuple([(name, tuple(items)) for name, items in found.items()]),
                self._size,
                sha256,
            )
            for path, found in self._found.items()
        }

    def _take(
        self, cataloger: Cataloger, file: MatchedFile, yields: Callable[[], Iterable[Item]]
    ) -> None:
        found: list[Item] = []
        try:
            for count, item in enumerate(yields()):
                if count >= _ITEMS:
                    message = f"holds more than {_ITEMS} records; the rest is not read"
                    found.append(Problem(file.path, message))
                    break
                if isinstance(item, Again):
                    self.again[file.path] = (*self.again.get(file.path, ()), cataloger.name)
                elif isinstance(item, Item):
                    found.append(item)
                else:
                    raise TypeError(f"it yielded a {type(item).__name__}")
        except Exception as error:  # noqa: BLE001  see `_failure`
            found.append(self._failure(cataloger, file, error))
        if found:
            self._keep(cataloger, file, found)

    def _failure(self, cataloger: Cataloger, file: MatchedFile, error: Exception) -> Failure:
        """A cataloger's own failure, which may be anything: told, and confined to the one file."""
        self.failed = True
        told = f"{type(error).__name__}: {error}"[:300]
        message = f"the cataloger {cataloger.name!r} failed on it ({told})"
        return Failure(file.path, message)

    def _keep(self, cataloger: Cataloger, file: MatchedFile, items: Iterable[Item]) -> None:
        self._found[file.path].setdefault(cataloger.name, []).extend(items)


class _Body:
    """A body as it arrives; as a context manager, the bytes."""

    def __init__(self, size: int) -> None:
        self.feed: Callable[[memoryview], object]
        if size <= _IN_MEMORY:
            self._file: BytesIO | BinaryIO = BytesIO()
            self.feed = self._file.write
            return
        import tempfile

        with temporary_space(_SPOOLED):
            file = tempfile.TemporaryFile()  # noqa: SIM115  closed by `__exit__`
            self._file = cast("BinaryIO", file)
        self.feed = self._spool

    def _spool(self, data: memoryview) -> None:
        with temporary_space(_SPOOLED):
            self._file.write(data)

    def __enter__(self) -> bytes | mmap.mmap:
        file = self._file
        if isinstance(file, BytesIO):
            return file.getvalue()
        with temporary_space(_SPOOLED):
            file.flush()
            if not file.tell():  # nothing of what was announced came: it cannot be mapped
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()
