"""A layer's tar, streamed: every entry once, bodies only where they are asked for.

1. A header block, its checksum (header.py). Zero blocks or the end of the stream end it.
2. Extension headers (pax `x`, GNU `L`, `K`) are gathered for the entry that follows them;
   global pax headers (`g`) are passed over, as Go's reader does.
3. Names are cleaned and must stay below the root (names.py).
4. The body is fed to whom the visitor names, else skipped.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from provenance.image.header import (
    BLOCK,
    ZERO_BLOCK,
    Header,
    number,
    parse_header,
    plain_header,
    text,
)
from provenance.image.names import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.image.decompression import Readable
    from provenance.image.place import Place
    from provenance.settings import Limits

__all__ = ["Entry", "Feed", "Kind", "Visitor", "read_tar"]

_EXTENSION_BYTES = 1 << 20  # of one pax or GNU header, Go's own limit
_CHUNK = 1 << 20
_UNCLEAN = frozenset({b"", b".", b".."})
_NO_NUL = frozenset({"path", "linkpath", "uname", "gname", "GNU.sparse.name"})
_SPARSE = frozenset({(b"0", b"0"), (b"0", b"1"), (b"1", b"0")})  # versions of GNU's pax form


class Kind(enum.IntEnum):
    """What an entry is."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    HARDLINK = 3
    OTHER = 4
    """Devices, pipes."""


_FILE, _DIRECTORY, _SYMLINK = b"052"
_PLAIN = frozenset({_FILE, _DIRECTORY, _SYMLINK})
_LINK_BYTES = 100  # of the target in a header
_LONG_NAME, _PAX = b"Lx"
_RENAMING = frozenset({_LONG_NAME, _PAX})
_RENAMED = re.compile(rb"(\d{1,19}) path=([^\0\n]+)\n")  # a pax header that says this alone
_KINDS = {
    ord("0"): Kind.FILE,
    ord("7"): Kind.FILE,
    ord("S"): Kind.FILE,
    ord("1"): Kind.HARDLINK,
    ord("2"): Kind.SYMLINK,
    ord("3"): Kind.OTHER,
    ord("4"): Kind.OTHER,
    ord("5"): Kind.DIRECTORY,
    ord("6"): Kind.OTHER,
}


class Entry(NamedTuple):
    """One entry of a layer."""

    path: str
    """Below the root, cleaned; empty for the root."""
    kind: Kind
    size: int
    """Bytes of a file, holes included."""
    mode: int
    """Permission bits."""
    link: str = ""
    """Target of a symbolic link as written; path that a hard link shares."""
    data: bytes | None = None
    """The body, for those who keep it with the entry."""
    sparse: bool = False
    """Has holes: its body is not read."""


Feed: TypeAlias = "Callable[[memoryview], object]"
"""Takes the next bytes of a body; the view is good during the call only."""


class Visitor(Protocol):
    """Who is told of a tar's entries, in their order."""

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        """A regular file, and who takes its body, which begins with `head` (up to four bytes).

        None: nobody takes it, and no more is said of this file.
        """
        ...

    def file(self, path: str, size: int, mode: int, /) -> None:
        """The file last asked about, after its body was taken."""
        ...

    def other(self, entry: Entry, /) -> None:
        """Any other entry; a sparse file, whose body is not read, too."""
        ...


def read_tar(stream: Readable, visitor: Visitor, *, place: Place, limits: Limits) -> None:
    """Tell `visitor` of every entry of the tar in `stream`.

    Args:
        stream: plain bytes (decompression.py).
        visitor: is told, and says which bodies are wanted.
        place: what errors name.
        limits: `entries`, `path_bytes`.

    Raises:
        MalformedDocument: not a tar, cut short, or a name that leads out of the root.
        LimitExceeded: more or longer than `limits` allows.
        UnsupportedFormat: an entry of a type that no runtime unpacks.
    """
    source = _Blocks(stream, place)
    extras = _Extras()
    extended = False
    left = limits.entries
    while True:
        if not extended:
            left -= _plain_entries(source, visitor, place=place, limits=limits, left=left)
        block = source.header()
        if block is None:
            return
        if left <= 0:
            raise place.exceeded(
                "entries", limits.entries, f"has more than {limits.entries} entries"
            )
        left -= 1
        full = parse_header(block, place)
        if full.type in _EXTENSIONS:
            _EXTENSIONS[full.type](extras, _extension(source, full, place), place)
            extended = True
        elif full.type == 0x67:  # global pax header, an entry of its own to Go's reader
            _extension(source, full, place)
            extras, extended = _Extras(), False
        else:
            _visit(source, full, extras, visitor, place=place, limits=limits, block=block)
            extras, extended = _Extras(), False


def _plain_entries(
    source: _Blocks, visitor: Visitor, *, place: Place, limits: Limits, left: int
) -> int:
    """Pass what comes next and is a file, directory or symbolic link like most; how many headers.

    The time of a layer's walk is spent here, so what the loop needs is at hand.
    """
    opened, file, other = visitor.open, visitor.file, visitor.other
    path_bytes, count = limits.path_bytes, 0
    plain = _PLAIN if path_bytes >= _LINK_BYTES else _PLAIN - {_SYMLINK}
    chunk, at = source.chunk, source.at
    above, parent = None, ""  # the directory of the last file: as it was written, and cleaned
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
        count += headers
        if kind != _FILE:
            at = start
            other(_without_body(header, chunk[start - BLOCK : start], place))
            continue
        written, _, base = name.rpartition(b"/")
        if written == above and base not in _UNCLEAN and b"\\" not in base:
            path = parent + base.decode("ascii")
        else:
            path, above = clean(name, place), None if base in _UNCLEAN else written
            parent = path[: path.rfind("/") + 1]
        at = start + (size + BLOCK - 1 & -BLOCK)
        head = chunk[start : start + size] if size < 4 else chunk[start : start + 4]
        if len(head) < 4 and len(head) < size:
            source.at = start
            source.body(path, size, mode, visitor)
            chunk, at = source.chunk, source.at
        elif (feed := opened(path, size, mode, head)) is not None:
            source.at = start
            source.pour(size, feed)
            chunk, at = source.chunk, source.at
            file(path, size, mode)
        elif at > len(chunk):
            source.at = start
            source.pass_body(size)
            chunk, at = source.chunk, source.at
    source.at = at
    return count


def _without_body(header: tuple[bytes, int, int, int], block: bytes, place: Place) -> Entry:
    """A directory or symbolic link whose plain header is `block`."""
    name, mode, _, kind = header
    link = text(block[157:257]).decode("ascii") if kind == _SYMLINK else ""
    return Entry(clean(name, place), _KINDS[kind], 0, mode, link)


def _renamed(
    chunk: bytes, start: int, extension: tuple[bytes, int, int, int]
) -> tuple[tuple[bytes, int, int, int] | None, int]:
    """The plain header behind an `extension` whose body begins at `start`, and its end.

    Its name is the one that the extension gives. None where all this needs the careful reader: not
    all in the chunk, or something special too.
    """
    _, _, size, kind = extension
    at = start + (size + BLOCK - 1 & -BLOCK)
    end = at + BLOCK
    if size > _EXTENSION_BYTES or end > len(chunk):
        return None, start
    body = chunk[start : start + size]
    if kind == _LONG_NAME:
        name = body.partition(b"\0")[0]
    elif (record := _RENAMED.fullmatch(body)) is not None and int(record[1]) == size:
        name = record[2]
    else:
        return None, start
    if not name or not name.isascii():
        return None, start
    header = plain_header(chunk[at:end])
    return None if header is None else (name, *header[1:]), end


class _Extras:
    """What extension headers say about the entry that follows."""

    __slots__ = ("link", "name", "pax")

    def __init__(self) -> None:
        self.name: bytes | None = None
        self.link: bytes | None = None
        self.pax: dict[str, bytes] = {}

    def long_name(self, body: bytes, place: Place) -> None:  # noqa: ARG002
        self.name = body.partition(b"\0")[0]

    def long_link(self, body: bytes, place: Place) -> None:  # noqa: ARG002
        self.link = body.partition(b"\0")[0]

    def records(self, body: bytes, place: Place) -> None:
        r"""Pax records `LENGTH KEY=VALUE\n`; of two headers in a row the later counts, as in Go."""
        self.pax = {}
        start = 0
        while start < len(body):
            digits = body[start : start + 20].partition(b" ")[0]
            end = start + (int(digits) if digits.isdigit() else 0)
            record = body[start + len(digits) + 1 : end]
            key, equals, value = record[:-1].partition(b"=")
            if end > len(body) or not equals or record[-1:] != b"\n" or not key or b"\0" in key:
                raise place.malformed("a pax header has a broken record")
            name = key.decode("utf-8", "replace")
            if b"\0" in value and name in _NO_NUL:
                raise place.malformed(f"a pax header has a NUL byte in its {name}")
            self.pax[name] = value
            start = end

    def apply(self, header: Header, place: Place) -> None:
        """Replace what the header could not hold. An empty pax value means: keep."""
        pax = self.pax
        header.name = self.name or pax.get("path") or header.name
        if header.type in b"12":
            header.link = self.link or pax.get("linkpath") or header.link
        if (size := pax.get("size")) and header.type not in b"123456":
            header.size = _decimal(size, place, "size")
        if header.type == 0:  # the oldest form: a directory by its name, which only now is known
            if header.name.endswith(b"/"):
                header.type, header.size = 0x35, 0
            else:
                header.type = 0x30

    def sparse(self, header: Header, place: Place) -> int | None:
        """The real size of a pax sparse file, whose real name `header` gets; None for others."""
        pax = self.pax
        version = pax.get("GNU.sparse.major") or b"", pax.get("GNU.sparse.minor") or b""
        has_map = "GNU.sparse.offset" in pax or pax.get("GNU.sparse.map")
        if version not in _SPARSE and (any(version) or not has_map):
            return None
        header.name = pax.get("GNU.sparse.name") or header.name
        size = pax.get("GNU.sparse.size") or pax.get("GNU.sparse.realsize")
        return header.size if size is None else _decimal(size, place, "GNU.sparse.size")


_EXTENSIONS: dict[int, Callable[[_Extras, bytes, Place], None]] = {
    ord("x"): _Extras.records,
    ord("L"): _Extras.long_name,
    ord("K"): _Extras.long_link,
}


def _decimal(value: bytes, place: Place, what: str) -> int:
    if not value.isdigit() or len(value) > 19 or int(value) >= 1 << 63:
        raise place.malformed(f"a pax header's {what} is no size: {value[:24]!r}")
    return int(value)


def _extension(source: _Blocks, header: Header, place: Place) -> bytes:
    if header.size > _EXTENSION_BYTES:
        raise place.malformed(f"an extension header has {header.size} bytes, more than a tar may")
    body = source.take(header.size)
    source.skip(-header.size % BLOCK, padding=True)
    return body


def _visit(
    source: _Blocks,
    header: Header,
    extras: _Extras,
    visitor: Visitor,
    *,
    place: Place,
    limits: Limits,
    block: bytes,
) -> None:
    extras.apply(header, place)
    kind = _KINDS.get(header.type)
    if kind is None:
        raise place.unsupported(
            f"entry {header.name[:200]!r} is of type {chr(header.type)!r}",
            "runtimes do not unpack such an archive either",
        )
    size, sparse = header.size, False
    if header.type == 0x53:
        size, sparse = _old_sparse(source, block, place), True
    elif kind is Kind.FILE and (real := extras.sparse(header, place)) is not None:
        size, sparse = real, True
    for raw in (header.name, header.link):
        if len(raw) > limits.path_bytes:
            raise place.exceeded(
                "path_bytes", limits.path_bytes, f"a name has {len(raw)} bytes: {raw[:80]!r}..."
            )
    path = clean(header.name, place)
    link = ""
    if kind is Kind.SYMLINK:
        link = header.link.decode("utf-8", "backslashreplace")
    elif kind is Kind.HARDLINK:
        link = clean(header.link, place)
    if kind is Kind.FILE and not sparse:
        source.body(path, size, header.mode, visitor)
        return
    source.skip(header.size)
    source.skip(-header.size % BLOCK, padding=True)
    visitor.other(Entry(path, kind, size, header.mode, link, sparse=sparse))


def _old_sparse(source: _Blocks, block: bytes, place: Place) -> int:
    """Pass the extension blocks of GNU's old sparse form; return the real size."""
    real = number(block[483:495], place, "real size")
    if real < 0:
        raise place.malformed("a sparse file has a negative size")
    extended = block[482]
    while extended:
        extended = source.take(BLOCK)[504]
    return real


class _Blocks:
    """Exact reads and skips over a stream that returns what it has."""

    def __init__(self, stream: Readable, place: Place) -> None:
        self._stream, self._place = stream, place
        self.chunk, self.at = b"", 0

    def header(self) -> bytes | None:
        """The next header block; None at the end of the archive."""
        block = self._next_block()
        if block is None or block != ZERO_BLOCK:
            return block
        if self._next_block() in {None, ZERO_BLOCK}:
            return None
        raise self._place.malformed("a single zero block stands between tar entries")

    def _next_block(self) -> bytes | None:
        if self.at == len(self.chunk) and not self._fill():
            return None
        return self.take(BLOCK)

    def _more(self, size: int) -> None:
        """See to it that the chunk holds `size` bytes more, if the stream has them."""
        kept = self.chunk[self.at :]
        while len(kept) < size and self._fill():
            kept += self.chunk
        self.chunk, self.at = kept, 0

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises MalformedDocument where the stream ends before."""
        end = self.at + size
        if end <= len(self.chunk):
            data, self.at = self.chunk[self.at : end], end
            return data
        parts = [self.chunk[self.at :]]
        missing = size - len(parts[0])
        while missing:
            if not self._fill():
                raise self._cut(missing)
            part = self.chunk[:missing]
            self.at = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def body(self, path: str, size: int, mode: int, visitor: Visitor) -> None:
        """Pass a body and its padding, feeding it to whom `visitor` names."""
        shown = min(4, size)
        if self.at + shown > len(self.chunk):
            self._more(shown)
        feed = visitor.open(path, size, mode, self.chunk[self.at : self.at + shown])
        if feed is None:
            self.pass_body(size)
        else:
            self.pour(size, feed)
            visitor.file(path, size, mode)

    def pass_body(self, size: int) -> None:
        """Pass a body and its padding."""
        self.skip(size)
        self.skip(-size % BLOCK, padding=True)

    def pour(self, size: int, feed: Feed) -> None:
        """Hand out a body as it lies in the chunks, and pass its padding."""
        missing = size
        while missing:
            if self.at == len(self.chunk) and not self._fill():
                raise self._cut(missing)
            part = memoryview(self.chunk)[self.at : self.at + missing]
            feed(part)
            missing -= len(part)
            self.at += len(part)
        self.skip(-size % BLOCK, padding=True)

    def skip(self, size: int, *, padding: bool = False) -> None:
        """Pass `size` bytes. The padding of the last entry may be missing."""
        self.at += size
        while self.at > len(self.chunk):
            beyond = self.at - len(self.chunk)
            if not self._fill():
                if padding:
                    return
                raise self._cut(beyond)
            self.at = beyond

    def _fill(self) -> bool:
        self.chunk, self.at = self._stream.read(_CHUNK), 0
        return bool(self.chunk)

    def _cut(self, missing: int) -> Exception:
        return self._place.malformed(
            f"the tar ends in the middle of an entry, {missing} bytes are missing",
            "it was cut short; fetch or build it again",
        )
