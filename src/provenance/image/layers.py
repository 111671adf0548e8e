"""The files of an image that somebody asks for, out of one pass over its layers.

1. Every layer is read to its end, so that its digest is proven, a few at a time. The bodies of
files whose own name matches are kept as they stream by.
2. A layer in which a hard link matches and the file it shares does not is read once more.
3. So are the layers with files that only symbolic links, or hard links of upper layers, ask for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import UnsupportedFormat
from provenance.findings import Finding, Severity
from provenance.image.bodies import BodyReader
from provenance.image.entry import Entry, Kind
from provenance.image.expansion import Expansion
from provenance.image.file import File
from provenance.image.layer_stream import open_layer, place_of
from provenance.image.names import Globs, steps
from provenance.image.place import Place
from provenance.image.record import LayerRecord
from provenance.image.replay import record_layer
from provenance.image.squash import Squash
from provenance.image.tree import Tree, not_there, resolved
from provenance.oci.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = ["Collected", "LayerReader"]

_Record: TypeAlias = LayerRecord[Entry]
_WORKERS = 4  # layers read at a time: decompression and hashing let other threads run


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass found."""

    files: dict[str, File]
    """Path to file, sorted by path."""
    history: dict[str, tuple[tuple[Digest, bytes], ...]]
    """Real path to the versions of lower layers: layer and bytes, newest first, as long as the
    file was never away between."""
    squash: Squash[Entry] = field(repr=False)
    """What is left of the layers."""
    findings: tuple[Finding, ...] = ()

    @property
    def tree(self) -> Tree:
        """The squashed view. Made anew each time."""
        return Tree(self.squash)


@dataclass(slots=True)
class LayerReader:
    """Reads the layers of one image from an open repository."""

    repository: Repository
    layers: Sequence[Descriptor]
    """Bottom first."""
    limits: Limits
    where: str = ""
    """The image, for messages."""
    _bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    def tree(self) -> Tree:
        """The squashed view with sizes and modes of all files, without bodies."""
        squash = self._squash(lambda _path: False, details=True)
        links = {path: layer for path, (layer, _) in squash.hardlinks.items()}
        return Tree(squash, self._fetch(squash, links))

    def file(self, path: str) -> File:
        """One file, links followed.

        Raises:
            NotFound: there is none.
            UnsupportedFormat: it is a sparse file.
            ProvenanceError: a layer that cannot be read, whichever way.
        """
        name = "/".join(steps(path))
        squash = self._squash({name}.__contains__)
        real = resolved(squash, path, where=self.where)
        places = squash.locate([real] if squash.passable([name]) else ())
        layer, entry = self._fetch(squash, places).get(real, (0, None))
        if entry is None or entry.kind is not Kind.FILE:
            raise not_there(path, real, where=self.where, what="regular file ")
        if entry.data is None:
            raise UnsupportedFormat(f"{path!r} is a sparse file, not read", reference=self.where)
        return self._file(squash, name, real, layer, entry, entry.data)

    def collect(self, globs: Iterable[str]) -> Collected:
        """The files that `globs` match, in one pass.

        Raises:
            ProvenanceError: a layer that cannot be read, whichever way.
        """
        select = Globs(globs)
        squash = self._squash(select)
        names = {path: path for path in (*squash.items, *squash.hardlinks) if select(path)}
        hint = "ask for fewer or narrower paths"
        linked = dict(Expansion(squash, select.globs, where=self.where, hint=hint).pairs())
        names |= {path: linked[path] for path in squash.passable(linked)}
        places = squash.locate({real for real in names.values() if real not in squash.items})
        places |= {p: squash.items[p][0] for p in names.values() if p in squash.items}
        found = self._fetch(squash, places)
        # A layer may stand in an image twice, and is one record then.
        findings = [f for r in {id(r): r for r in squash.records}.values() for f in r.findings]
        findings = [f for f in findings if f.rule != "file-not-read"]  # of those that match: below
        files: dict[str, File] = {}
        for path in sorted(names):
            layer, entry = found.get(names[path], (0, None))
            if entry is None or entry.kind is not Kind.FILE:
                continue
            if entry.data is None:
                message = "a sparse file's body is not read"
                findings.append(Finding("file-not-read", Severity.WARNING, message, path))
            else:
                files[path] = self._file(squash, path, names[path], layer, entry, entry.data)
        history = {
            file.real_path: self._versions(squash, file.real_path)
            for file in files.values()
            if file.real_path in squash.history
        }
        return Collected(files, history, squash, tuple(findings))

    def _file(
        self, squash: Squash[Entry], path: str, real: str, layer: int, entry: Entry, data: bytes
    ) -> File:
        return File(
            path=path,
            layer=self.layers[layer].digest,
            size=len(data),
            mode=entry.mode,
            data=data,
            real_path=real,
            link=squash.symlinks.get(path, ""),
        )

    def _versions(self, squash: Squash[Entry], path: str) -> tuple[tuple[Digest, bytes], ...]:
        older = ((i, squash.records[i].items[path].data) for i in squash.history[path])
        return tuple((self.layers[i].digest, data) for i, data in older if data is not None)

    # ---- layers

    def _squash(self, select: Callable[[str], bool], *, details: bool = False) -> Squash[Entry]:
        count, limit = len(self.layers), self.limits.layers
        if count > limit:
            raise Place(self.where, what="image").exceeded("layers", limit, f"has {count} layers")
        # Of a false size, the blob is to be read and refused.
        each = {(layer.digest, layer.size): index for index, layer in enumerate(self.layers)}
        indexes = sorted(each.values(), key=lambda i: -self.layers[i].size)
        with Crew(min(_WORKERS, os.cpu_count() or 1)) as crew:
            records = crew.each(lambda i: self._record(i, select, details=details), indexes)
        found = {self.layers[i].digest: record for i, record in zip(indexes, records, strict=True)}
        return Squash([found[layer.digest] for layer in self.layers], hops=self.limits.link_hops)

    def _record(
        self, index: int, select: Callable[[str], bool], *, details: bool = False
    ) -> _Record:
        """What is asked for of a layer, each name of a file with the file. Runs in threads."""
        record = self._read(index, select, details=details)
        items, links = record.items, record.hardlinks
        wanted = {_name(t) for path, t in links.items() if t not in items and select(path)}
        if wanted:
            items = self._read(index, wanted.__contains__, details=False).items | items
        record.hardlinks = {}
        for path, target in links.items():
            if target in items:
                record.items[path] = items[target]._replace(path=path, link=_name(target))
            else:  # of a lower layer
                record.hardlinks[path] = _name(target)
        return record

    def _read(self, index: int, select: Callable[[str], bool], *, details: bool) -> _Record:
        """Read a layer to its proven end."""
        layer, limits = self.layers[index], self.limits
        place = place_of(layer, index, len(self.layers), self.where)

        def spend(size: int) -> None:
            with self._lock:
                self._bytes += size
                if self._bytes > limits.files_bytes:
                    message = "the files asked for are too large together"
                    raise place.exceeded("files_bytes", limits.files_bytes, message)

        reader = BodyReader(select, spend, details=details, place=place, limits=limits)
        with open_layer(self.repository, layer, place=place, limits=limits) as stream:
            return record_layer(stream, reader, place=place, limits=limits)

    def _fetch(
        self, squash: Squash[Entry], places: Mapping[str, int]
    ) -> dict[str, tuple[int, Entry]]:
        """Layer and file of each of these paths, which are visible in these layers.

        What was not read yet is; a hard link is followed into the layers below its own.
        """
        found: dict[str, tuple[int, Entry]] = {}
        asked: list[dict[str, list[str]]] = [{} for _ in self.layers]
        for path, layer in places.items():
            asked[layer][path] = [path]
        for layer in range(len(self.layers) - 1, -1, -1):
            items, links = squash.records[layer].items, squash.records[layer].hardlinks
            unread = {name for name in asked[layer] if name not in items and name not in links}
            if unread:
                record = self._record(layer, unread.__contains__)
                items, links = items | record.items, links | record.hardlinks
            lower: dict[str, list[str]] = {}
            for name, paths in asked[layer].items():
                if name in items:
                    found |= dict.fromkeys(paths, (layer, items[name]))
                elif name in links:
                    lower.setdefault(links[name], []).extend(paths)
            if lower:
                for target, below in squash.locate(lower, below=layer).items():
                    asked[below].setdefault(target, []).extend(lower[target])
        return found


def _name(target: str) -> str:
    """The name that a file had in its layer, which another may have now."""
    return target.partition("\0")[0]
