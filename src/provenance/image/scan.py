"""One layer as a change set: what it adds, what it takes away.

Within the layer the last entry of a name wins, a file over a directory removes what the layer
had put below it. Whiteouts are kept apart, as they act on lower layers only
(OCI image-spec v1.1, layer.md, "Whiteouts").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.findings import Finding, Severity
from provenance.image.tar import Entry, Kind, read_tar

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.image.decompression import Readable
    from provenance.image.place import Place
    from provenance.image.tar import Feed
    from provenance.settings import Limits

__all__ = ["Scan", "scan_layer"]

_PREFIX = ".wh."
_RESERVED = ".wh..wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(slots=True)
class Scan:
    """A layer's change set. Mutable while the layer is read, then left alone."""

    entries: dict[str, Entry] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    """Directories that have or are an entry; the root is not among them."""
    whiteouts: set[str] = field(default_factory=set)
    opaques: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    body_bytes: int = 0

    def add(self, entry: Entry) -> None:
        """Replay one entry over what came before it in this layer."""
        path = entry.path
        parent = path[: path.rfind("/")] if "/" in path else ""
        if parent and parent not in self.directories:
            self.make_directories(parent)
        if entry.kind is Kind.DIRECTORY:
            if path:
                self.directories.add(path)
        elif path in self.directories:
            self._remove_below(path)
        self.entries[path] = entry

    def make_directories(self, path: str) -> None:
        """Note a directory, with those above it, that an entry implies."""
        while path and path not in self.directories:
            self.directories.add(path)
            there = self.entries.get(path)
            if there is not None and there.kind is not Kind.DIRECTORY:
                del self.entries[path]
                self.note(
                    "entry-below-non-directory",
                    "entries below what is no directory: it was taken for a directory",
                    path,
                )
            path = path.rpartition("/")[0]

    def _remove_below(self, path: str) -> None:
        below = path + "/"
        self.directories.discard(path)
        self.directories = {d for d in self.directories if not d.startswith(below)}
        for name in [n for n in self.entries if n.startswith(below)]:
            del self.entries[name]

    def note(self, rule: str, message: str, path: str) -> None:
        """Keep a finding of severity warning; a thousand of a layer are enough."""
        if len(self.findings) < 1000:
            self.findings.append(Finding(rule, Severity.WARNING, message, path))


def scan_layer(
    stream: Readable,
    select: Callable[[str], bool],
    *,
    details: bool = False,
    place: Place,
    limits: Limits,
) -> Scan:
    """Read the plain tar in `stream` to its end.

    Args:
        stream: plain bytes.
        select: whether the body of a regular file is wanted.
        details: keep size and mode of files whose body is not wanted (costs memory).
        place: what errors name.
        limits: caps.

    Raises:
        ProvenanceError: as `read_tar`.
    """
    scanning = _Scanning(Scan(), select, place, limits, details=details)
    read_tar(stream, scanning, place=place, limits=limits)
    return scanning.scan


class _Scanning:
    """Keeps the entries, and the bodies that are wanted."""

    def __init__(
        self,
        scan: Scan,
        select: Callable[[str], bool],
        place: Place,
        limits: Limits,
        *,
        details: bool,
    ) -> None:
        self.scan = scan
        self._select, self._place, self._limits, self._details = select, place, limits, details
        self._body = bytearray()

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:  # noqa: ARG002  the signature of `Visitor`
        if not self._select(path):
            self._add(Entry(path, Kind.FILE, *((size, mode) if self._details else (-1, -1))))
            return None
        if size > self._limits.file_bytes:
            raise self._place.exceeded(
                "file_bytes", self._limits.file_bytes, f"{path!r} has {size} bytes"
            )
        self._body = bytearray()
        return self._body.extend

    def file(self, path: str, size: int, mode: int, /) -> None:
        self._add(Entry(path, Kind.FILE, size, mode, data=bytes(self._body)))

    def other(self, entry: Entry, /) -> None:
        if entry.sparse and self._select(entry.path):
            self.scan.note("sparse-file", "a sparse file's body is not read", entry.path)
        self._add(entry)

    def _add(self, entry: Entry) -> None:
        path, scan = entry.path, self.scan
        base = path[path.rfind("/") + 1 :]
        if base.startswith(_PREFIX):
            _whiteout(scan, path, base)
            return
        if _RESERVED in path and any(step.startswith(_RESERVED) for step in path.split("/")):
            return  # below a directory of aufs' own
        if entry.data is not None:
            scan.body_bytes += len(entry.data)
            limit = self._limits.files_bytes
            if scan.body_bytes > limit:
                message = "the files asked for are too large together"
                raise self._place.exceeded("files_bytes", limit, message)
        scan.add(entry)


def _whiteout(scan: Scan, path: str, base: str) -> None:
    parent = path[: -len(base)].rstrip("/")
    if parent:
        scan.make_directories(parent)  # as the runtimes do before they look at the name
    if base == _OPAQUE:
        scan.opaques.add(parent)
    elif base.startswith(_RESERVED):
        return  # aufs' own files: the runtimes skip them
    elif (name := base[len(_PREFIX) :]) in {"", ".", ".."}:
        scan.note("whiteout-without-name", f"whiteout {base!r} names nothing", path)
    else:
        scan.whiteouts.add(f"{parent}/{name}" if parent else name)
