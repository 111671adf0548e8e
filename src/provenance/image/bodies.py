"""Bodies of the files that somebody asks for, taken while their layer streams by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.image.entry import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.image.entry import Feed
    from provenance.image.place import Place
    from provenance.settings import Limits

__all__ = ["BodyReader"]


class BodyReader:
    """Reads one layer's files into entries with their bodies. One a layer, in one thread."""

    screen = None

    def __init__(
        self,
        select: Callable[[str], bool],
        spend: Callable[[int], object],
        *,
        details: bool,
        place: Place,
        limits: Limits,
    ) -> None:
        """Prepare for a layer.

        Args:
            select: whether the body of a file of this name is wanted.
            spend: told of the bytes of each body before it is kept; raises where it is too much.
            details: yield an entry of everything else too, without its body (costs memory).
            place: what errors name.
            limits: `file_bytes` applies.
        """
        self._select, self._spend, self._details = select, spend, details
        self._place, self._limits = place, limits
        self._entry: Entry | None = None
        self._body: bytearray | None = None

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:  # noqa: ARG002  the signature of `FileReader`
        """Who takes this file's bytes; None: nobody wants the file.

        Raises:
            LimitExceeded: it is larger than `Limits.file_bytes`.
        """
        if not self._select(path):
            if not self._details:
                return None
            self._entry, self._body = Entry(path, Kind.FILE, size, mode), None
            return _pass
        limit = self._limits.file_bytes
        if size > limit:
            raise self._place.exceeded("file_bytes", limit, f"{path!r} has {size} bytes")
        self._spend(size)
        self._entry, self._body = Entry(path, Kind.FILE, size, mode), bytearray()
        return self._body.extend

    def close(self) -> Entry | None:
        """The file asked about last."""
        entry, body = self._entry, self._body
        self._entry = self._body = None
        return entry if entry is None or body is None else entry._replace(data=bytes(body))

    def wants(self, path: str, /) -> bool:
        """Whether a file of this name is read, whatever is in it."""
        return self._details or self._select(path)

    def folder(self, path: str, mode: int, /) -> Entry | None:
        """A directory, where everything is told."""
        return Entry(path, Kind.DIRECTORY, 0, mode) if self._details else None

    def other(self, entry: Entry, /) -> Entry:
        """Devices and files with holes, to be told from files that nobody asked for."""
        return entry

    def linked(self, item: Entry, mode: int, /) -> Entry:
        """The entry with the permissions that it has since."""
        return item._replace(mode=mode)

    def replaced(self, path: str, kept_as: str, /) -> None:
        """The record has it under its new key."""


def _pass(data: memoryview) -> None:
    """Take bytes that nobody wants."""
