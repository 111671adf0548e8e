"""Entries like most, read fast: plain headers one after another, as far as a chunk reaches.

A layer has them by the ten thousand, and nobody takes most of its files. So each costs no more than
its header, and a look at its name that can be wrong only by asking in vain (`Screen`); files that
nobody takes are told a directory at a time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provenance.image.entry import Entry, Kind, Screen
from provenance.image.header import BLOCK, EXTENSION_BYTES, plain_header, text
from provenance.image.names import cleaned

if TYPE_CHECKING:
    from provenance.image.blocks import Blocks
    from provenance.image.entry import Visitor
    from provenance.image.place import Place
    from provenance.settings import Limits

__all__ = ["read_plain"]

_FILE, _DIRECTORY, _SYMLINK = b"052"
_PLAIN = frozenset({_FILE, _DIRECTORY, _SYMLINK})
_LINK_BYTES = 100  # of the target in a header
_LONG_NAME, _PAX = b"Lx"
_RENAMING = frozenset({_LONG_NAME, _PAX})
_RENAMED = re.compile(rb"(\d{1,19}) path=([^\0\n]+)\n")  # a pax header that says this alone
_UNCLEAN = frozenset({"", ".", ".."})
_NO_SCREEN = Screen(frozenset(), frozenset(), 0)


def read_plain(source: Blocks, visitor: Visitor, *, place: Place, limits: Limits, left: int) -> int:
    """Pass what comes next and is a file, directory or symbolic link like most; how many headers.

    The time of a layer's walk is spent here, so what the loop needs is at hand.
    """
    path_bytes, count = limits.path_bytes, 0
    plain = _PLAIN if path_bytes >= _LINK_BYTES else _PLAIN - {_SYMLINK}
    words, heads, small = screen = visitor.screen or _NO_SCREEN
    chunk, at = source.chunk, source.at
    here = _Directory(visitor, screen, place)
    while count < left:
        start = at + BLOCK
        if start > len(chunk):
            break  # a header that lies across two chunks is for the careful reader
        header = plain_header(chunk[at:start])
        headers = 1
        if header is not None and header[3] in _RENAMING and left - count > 1:
            header, start = _renamed(chunk, start, header)
            headers = 2
        if header is None or header[3] not in plain or len(header[0]) > path_bytes:
            break
        name, mode, size, kind = header
        above, _, base = name.rpartition("/")
        if kind != _FILE:
            here.meet(header, chunk[start - BLOCK : start])
            at = start
            count += headers
            continue
        if base in _UNCLEAN:
            break
        if above != here.written:
            here.enter(above, name)
        at = start + (size + BLOCK - 1 & -BLOCK)
        count += headers
        if (
            here.quiet
            and base[base.rfind(".") + 1 :] not in words
            and base[:3] not in words
            and base[:4] not in words
            and (
                size <= small
                or (chunk[start : start + 4] not in heads and chunk[start : start + 2] not in heads)
            )
            and at <= len(chunk)
        ):
            here.files.append(here.prefix + base)
            continue
        here.tell()
        source.at = start
        source.body(here.prefix + base, size, mode, visitor)
        chunk, at = source.chunk, source.at
    here.tell()
    source.at = at
    return count


class _Directory:
    """Where the last file was, and those files in a row there that nobody takes."""

    __slots__ = ("_place", "_screen", "_visitor", "files", "prefix", "quiet", "written")

    def __init__(self, visitor: Visitor, screen: Screen, place: Place) -> None:
        self._visitor, self._screen, self._place = visitor, screen, place
        self.written: str | None = None
        """Its name in the tar; None: the next file's is to be looked at anew."""
        self.prefix = ""
        """What the cleaned paths of its files begin with."""
        self.quiet = False
        """Whether the names of its files tell who takes them."""
        self.files: list[str] = []

    def enter(self, written: str, name: str) -> None:
        """Go where the file `name` is, in the directory `written`."""
        self.tell()
        self._be(written, cleaned(name, self._place).rpartition("/")[0])

    def _be(self, written: str, path: str) -> None:
        self.written, self.prefix = written, f"{path}/" if path else ""
        screen = self._screen
        self.quiet = (
            screen is not _NO_SCREEN
            and path.rpartition("/")[2] not in screen.words
            and self._visitor.is_itself(path)
        )

    def meet(self, header: tuple[str, int, int, int], block: bytes) -> None:
        """Tell of a directory, and go there, or of a symbolic link, whose header is `block`."""
        self.tell()
        name, mode, _, kind = header
        path = cleaned(name, self._place)
        if kind == _DIRECTORY:
            self._visitor.folder(path, mode)
            self._be(name.rstrip("/"), path)
        else:
            link = text(block[157:257]).decode("ascii")
            self._visitor.other(Entry(path, Kind.SYMLINK, 0, mode, link))
            self.written = None  # it may lead elsewhere since

    def tell(self) -> None:
        """Tell of the files that nobody takes."""
        if self.files:
            self._visitor.passed(self.prefix[:-1], self.files)
            self.files = []


def _renamed(
    chunk: bytes, start: int, extension: tuple[str, int, int, int]
) -> tuple[tuple[str, int, int, int] | None, int]:
    """The plain header behind an `extension` whose body begins at `start`, and its end.

    Its name is the one that the extension gives. None where all this needs the careful reader: not
    all in the chunk, or something special too.
    """
    _, _, size, kind = extension
    at = start + (size + BLOCK - 1 & -BLOCK)
    end = at + BLOCK
    if size > EXTENSION_BYTES or end > len(chunk):
        return None, start
    body = chunk[start : start + size]
    if kind == _LONG_NAME:
        name = body.partition(b"\0")[0]
    elif (record := _RENAMED.fullmatch(body)) is not None and int(record[1]) == size:
        name = record[2]
    else:
        return None, start
    if not name or not name.isascii() or b"\\" in name:
        return None, start
    header = plain_header(chunk[at:end])
    return None if header is None else (name.decode("ascii"), *header[1:]), end
