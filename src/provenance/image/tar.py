"""A layer's tar, streamed: every entry once, bodies only where they are asked for.

1. A header block, its checksum (header.py). Zero blocks or the end of the stream end it.
2. Extension headers (pax `x`, GNU `L`, `K`) are gathered for the entry that follows them;
   global pax headers (`g`) are passed over, as Go's reader does.
3. Names are cleaned and must stay below the root (names.py).
4. The body is read if `select` wants it, else skipped; both within `Limits`.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from provenance.image.header import BLOCK, ZERO_BLOCK, Header, number, parse_header
from provenance.image.names import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.image.decompression import Readable
    from provenance.image.place import Place
    from provenance.settings import Limits

__all__ = ["Entry", "Kind", "read_tar"]

_EXTENSION_BYTES = 1 << 20  # of one pax or GNU header, Go's own limit
_CHUNK = 1 << 20
_NO_NUL = frozenset({"path", "linkpath", "uname", "gname", "GNU.sparse.name"})


class Kind(enum.IntEnum):
    """What an entry is."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    HARDLINK = 3
    OTHER = 4
    """Devices, pipes."""


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
    """The body, where it was asked for."""
    sparse: bool = False
    """Has holes: its body is not read."""


def read_tar(
    stream: Readable, select: Callable[[str], bool], *, place: Place, limits: Limits
) -> Iterator[Entry]:
    """Yield every entry of the tar in `stream`, in order.

    Args:
        stream: plain bytes (decompression.py).
        select: asked with the path of each regular file: is its body wanted?
        place: what errors name.
        limits: `entries`, `path_bytes`, `file_bytes`.

    Raises:
        MalformedDocument: not a tar, cut short, or a name that leads out of the root.
        LimitExceeded: more, longer or larger than `limits` allows.
        UnsupportedFormat: an entry of a type that no runtime unpacks.
    """
    source = _Blocks(stream, place)
    extras = _Extras()
    count = 0
    while (block := source.header()) is not None:
        count += 1
        if count > limits.entries:
            raise place.exceeded(
                "entries", limits.entries, f"has more than {limits.entries} entries"
            )
        header = parse_header(block, place)
        if header.type in _EXTENSIONS:
            _EXTENSIONS[header.type](extras, _extension(source, header, place), place)
            continue
        if header.type == 0x67:  # global pax header
            _extension(source, header, place)
            continue
        yield _entry(source, header, extras, select, place=place, limits=limits, block=block)
        extras = _Extras()


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
        if pax:
            header.name = pax.get("GNU.sparse.name") or pax.get("path") or header.name
            if header.link:
                header.link = pax.get("linkpath") or header.link
            if (size := pax.get("size")) and header.type not in b"123456":
                header.size = _decimal(size, place, "size")
        if self.name is not None:
            header.name = self.name
        if self.link is not None and header.type in b"12":
            header.link = self.link

    def sparse_size(self, place: Place) -> int | None:
        """The real size of a pax sparse file, None for others."""
        pax = self.pax
        if not ("GNU.sparse.major" in pax or "GNU.sparse.map" in pax or "GNU.sparse.size" in pax):
            return None
        size = pax.get("GNU.sparse.realsize") or pax.get("GNU.sparse.size") or b"0"
        return _decimal(size, place, "GNU.sparse.realsize")


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


def _entry(
    source: _Blocks,
    header: Header,
    extras: _Extras,
    select: Callable[[str], bool],
    *,
    place: Place,
    limits: Limits,
    block: bytes,
) -> Entry:
    kind = _KINDS.get(header.type)
    if kind is None:
        raise place.unsupported(
            f"entry {header.name[:200]!r} is of type {chr(header.type)!r}",
            "runtimes do not unpack such an archive either",
        )
    extras.apply(header, place)
    size, sparse = header.size, False
    if header.type == 0x53:
        size, sparse = _old_sparse(source, block, place), True
    elif (real := extras.sparse_size(place)) is not None and kind is Kind.FILE:
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
    data = None
    if kind is Kind.FILE and select(path) and not sparse:
        if header.size > limits.file_bytes:
            raise place.exceeded(
                "file_bytes", limits.file_bytes, f"{path!r} has {header.size} bytes"
            )
        data = source.take(header.size)
    else:
        source.skip(header.size)
    source.skip(-header.size % BLOCK, padding=True)
    return Entry(path, kind, size, header.mode, link, data, sparse)


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
        self._chunk, self._at = b"", 0

    def header(self) -> bytes | None:
        """The next header block; None at the end of the archive."""
        block = self._block()
        if block != ZERO_BLOCK:
            return block
        if self._block() in {None, ZERO_BLOCK}:
            return None
        raise self._place.malformed("a single zero block stands between tar entries")

    def _block(self) -> bytes | None:
        at = self._at
        if at + BLOCK <= len(self._chunk):
            self._at = at + BLOCK
            return self._chunk[at : self._at]
        if at == len(self._chunk) and not self._fill():
            return None
        return self.take(BLOCK)

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises MalformedDocument where the stream ends before."""
        end = self._at + size
        if end <= len(self._chunk):
            data, self._at = self._chunk[self._at : end], end
            return data
        parts = [self._chunk[self._at :]]
        missing = size - len(parts[0])
        while missing:
            if not self._fill():
                raise self._cut(missing)
            part = self._chunk[:missing]
            self._at = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int, *, padding: bool = False) -> None:
        """Pass `size` bytes. The padding of the last entry may be missing."""
        self._at += size
        while self._at > len(self._chunk):
            beyond = self._at - len(self._chunk)
            if not self._fill():
                if padding:
                    return
                raise self._cut(beyond)
            self._at = beyond

    def _fill(self) -> bool:
        self._chunk, self._at = self._stream.read(_CHUNK), 0
        return bool(self._chunk)

    def _cut(self, missing: int) -> Exception:
        return self._place.malformed(
            f"the tar ends in the middle of an entry, {missing} bytes are missing",
            "it was cut short; fetch or build it again",
        )
