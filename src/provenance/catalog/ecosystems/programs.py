"""The programs in a file, of whatever format, whole or while the file streams by.

Whoever looks for something in programs is asked for each: `Programs` gathers the first bytes until
the headers are known, then hands all bytes to whom it got. A universal file of macOS holds several
programs, any other one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from provenance.catalog.ecosystems import elf, macho, pe
from provenance.catalog.ecosystems.elf import Elf
from provenance.catalog.ecosystems.program import Program
from provenance.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from mmap import mmap

    from provenance.catalog.cataloger import Item
    from provenance.catalog.ecosystems.program import Extent

__all__ = ["HEAD", "MAGICS", "Headers", "Programs", "once", "programs_in"]

MAGICS = (elf.MAGIC, pe.MAGIC, *macho.MAGICS)
"""With what the files begin that may be programs."""

Headers: TypeAlias = Elf | Program

HEAD = 4096
"""Bytes from a program's start in which its headers are expected."""
_MOST_HEAD = 1 << 16  # where they say that they go on

_READERS: dict[bytes, Callable[[bytes], Headers | int | None]] = {
    elf.MAGIC: elf.read_elf,
    pe.MAGIC: pe.read_pe,
    **dict.fromkeys(macho.MAGICS, macho.read_macho),
}


@lru_cache(maxsize=1)  # several catalogers ask for the same file, one after the other
def _read(head: bytes) -> Headers | int | None:
    read = _READERS.get(head[:4]) or _READERS.get(head[:2])
    return None if read is None else read(head)


def _headers(first: memoryview | bytes, size: int) -> Headers | int | None:
    """The headers of the program of `size` bytes that begins with `first`; None if it is none.

    An int says how many first bytes there have to be to know more.
    """
    need = min(HEAD, size)
    while need <= len(first):
        found = _read(bytes(first[:need]))
        if not isinstance(found, int):
            return found
        if found > size:
            return None
        if found > _MOST_HEAD:
            return Program(None, {})
        need = found
    return need


def programs_in(body: bytes | mmap) -> Iterator[tuple[int, int, Headers]]:
    """The programs in a whole file: where each begins and ends, and its headers."""
    for start, size in macho.read_universal(body[:HEAD]) or ((0, len(body)),):
        end = min(start + size, len(body))
        headers = _headers(body[start : min(start + _MOST_HEAD, end)], end - start)
        if headers is not None and not isinstance(headers, int):
            yield start, end, headers


class Part(Protocol):
    """Who takes the bytes of one program."""

    def feed(self, data: memoryview, /) -> bool | None:
        """The next bytes, from its first one. True: no more are needed."""
        ...


P = TypeVar("P", bound=Part)


class Programs(Generic[P]):
    """The programs of a file that streams by."""

    __slots__ = ("_begin", "_kept", "_need", "_size", "_universal", "feed", "parts")

    def __init__(
        self,
        size: int,
        begin: Callable[[Headers, int, memoryview], P | None],
        *,
        universal: bool = True,
    ) -> None:
        """Prepare for a file.

        Args:
            size: of the file, in bytes.
            begin: gives, for the headers and the size of a program and as many of its first bytes
                as there are, who takes its bytes, these first ones too; None: nobody.
            universal: it may be a file of several programs.
        """
        self._size, self._begin, self._universal = size, begin, universal
        self._kept = b""
        self._need = min(size, HEAD)
        self.feed = self._gather
        """Takes the next bytes. True: no more are needed."""
        self.parts: list[P] = []
        """Whom `begin` gave."""

    def _gather(self, data: memoryview, /) -> bool | None:
        if self._kept:
            data = memoryview(self._kept + data)
        headers = self._need if len(data) < self._need else _headers(data, self._size)
        if isinstance(headers, int):
            self._need, self._kept = headers, bytes(data)
            return None
        self._kept = b""
        self.feed = self._takes(headers, data)
        return self.feed(data)

    def _takes(
        self, headers: Headers | None, data: memoryview
    ) -> Callable[[memoryview], bool | None]:
        """What takes the bytes from the first one on, of which `data` is there."""
        if headers is not None:
            part = self._begin(headers, self._size, data)
            if part is not None:
                self.parts.append(part)
                return part.feed
        elif self._universal:
            slices = macho.read_universal(bytes(data[:HEAD]))
            return _Slices([(extent, self._inner(extent)) for extent in slices]).feed
        return _enough

    def _inner(self, extent: Extent) -> Programs[P]:
        size = max(min(extent.size, self._size - extent.offset), 0)
        inner = Programs(size, self._begin, universal=False)
        inner.parts = self.parts
        return inner


class _Slices:
    """The programs of a universal file: each takes its own bytes."""

    __slots__ = ("_position", "_slices")

    def __init__(self, slices: list[tuple[Extent, Programs[P]]]) -> None:
        self._slices = slices[::-1]
        self._position = 0

    def feed(self, data: memoryview) -> bool:
        start = self._position
        end = self._position = start + len(data)
        while self._slices:
            extent, inner = self._slices[-1]
            if extent.offset >= end:
                return False
            inner.feed(data[max(extent.offset - start, 0) : extent.end - start])
            if extent.end > end:
                return False
            self._slices.pop()
        return True


def _enough(data: memoryview, /) -> bool:  # noqa: ARG001  the signature of `Part.feed`
    return True


def once(items: Iterable[Item]) -> Iterator[Item]:
    """What programs for several processors say, which is mostly the same."""
    seen: set[object] = set()
    for item in items:
        key = item.purl if isinstance(item, Package) else item
        if key not in seen:
            seen.add(key)
            yield item
