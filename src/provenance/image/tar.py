"""A layer's tar, streamed: every entry once, bodies only where they are asked for.

1. Entries like most are passed a chunk at a time (plain.py). Of all others, one by one:
2. A header block, its checksum (header.py). Zero blocks or the end of the stream end it.
3. Extension headers (pax `x`, GNU `L`, `K`) are gathered for the entry that follows them;
   global pax headers (`g`) are passed over, as Go's reader does.
4. Names are cleaned and must stay below the root (names.py).
5. The body is fed to whom the visitor names, else skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.image.blocks import Blocks
from provenance.image.entry import KINDS, Entry, Kind
from provenance.image.header import BLOCK, EXTENSION_BYTES, Header, number, parse_header
from provenance.image.names import clean
from provenance.image.plain import read_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.image.decompression import Readable
    from provenance.image.entry import Visitor
    from provenance.image.place import Place
    from provenance.settings import Limits

__all__ = ["read_tar"]

_NO_NUL = frozenset({"path", "linkpath", "uname", "gname", "GNU.sparse.name"})
_SPARSE = frozenset({(b"0", b"0"), (b"0", b"1"), (b"1", b"0")})  # versions of GNU's pax form


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
    source = Blocks(stream, place)
    extras = _Extras()
    extended = False
    left = limits.entries
    while True:
        if not extended:
            left -= read_plain(source, visitor, place=place, limits=limits, left=left)
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


def _extension(source: Blocks, header: Header, place: Place) -> bytes:
    if header.size > EXTENSION_BYTES:
        raise place.malformed(f"an extension header has {header.size} bytes, more than a tar may")
    body = source.take(header.size)
    source.skip(-header.size % BLOCK, padding=True)
    return body


def _visit(
    source: Blocks,
    header: Header,
    extras: _Extras,
    visitor: Visitor,
    *,
    place: Place,
    limits: Limits,
    block: bytes,
) -> None:
    extras.apply(header, place)
    kind = KINDS.get(header.type)
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
    if kind is Kind.DIRECTORY:
        visitor.folder(path, header.mode)
    else:
        visitor.other(Entry(path, kind, size, header.mode, link, sparse=sparse))


def _old_sparse(source: Blocks, block: bytes, place: Place) -> int:
    """Pass the extension blocks of GNU's old sparse form; return the real size."""
    real = number(block[483:495], place, "real size")
    if real < 0:
        raise place.malformed("a sparse file has a negative size")
    extended = block[482]
    while extended:
        extended = source.take(BLOCK)[504]
    return real
