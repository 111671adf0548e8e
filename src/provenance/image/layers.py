"""One pass over an image's layers, and the files it was made for.

1. Layers from the top down; each blob is read to its end, so that its digest is proven.
2. The bodies of files whose own name matches a glob are kept as they stream by.
3. Links that match, and links to directories that make a match, are followed in the squashed
view; bodies that this asks for are read in a second pass over just their layers.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.findings import Finding, Severity
from provenance.image.expansion import Expansion
from provenance.image.file import File
from provenance.image.layer_stream import open_layer, place_of
from provenance.image.names import Globs
from provenance.image.place import Place
from provenance.image.scan import Scan, scan_layer
from provenance.image.tar import Entry, Kind
from provenance.image.tree import Body, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = ["Collected", "LayerReader"]

_WORKERS = 4  # layers read at a time: decompression and hashing let other threads run


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass found."""

    files: dict[str, File]
    """Path to file, sorted by path."""
    history: dict[str, tuple[tuple[Digest, bytes], ...]]
    """Real path to the versions of lower layers: layer and bytes, newest first, as long as the
    file was never away between."""
    tree: Tree
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class LayerReader:
    """Reads the layers of one image from an open repository."""

    repository: Repository
    layers: Sequence[Descriptor]
    """Bottom first."""
    limits: Limits
    where: str = ""
    """The image, for messages."""
    findings: list[Finding] = field(default_factory=list)
    _bytes: int = 0

    def tree(self) -> Tree:
        """The squashed view with sizes and modes of all files, without bodies."""
        return self._squash(lambda _path: False, details=True)

    def collect(self, globs: Iterable[str]) -> Collected:
        """The files that `globs` match, in one pass.

        Raises:
            ProvenanceError: a layer that cannot be read, whichever way.
        """
        select = Globs(globs)
        tree = self._squash(select, details=False)
        found = dict(self._matches(tree, select))
        bodies = self._second_pass(tree, found.values())
        files: dict[str, File] = {}
        for path in sorted(found):
            file = self._file(tree, path, found[path], bodies)
            if file is not None:
                files[path] = file
        history = {
            file.real_path: tuple((self.layers[n.layer].digest, n.entry.data or b"") for n in older)
            for file in files.values()
            if (older := tree.superseded.get(file.real_path))
        }
        return Collected(files, history, tree, tuple(self.findings))

    # ---- first pass

    def _squash(self, select: Callable[[str], bool], *, details: bool) -> Tree:
        count, limit = len(self.layers), self.limits.layers
        if count > limit:
            raise Place(self.where, what="image").exceeded("layers", limit, f"has {count} layers")
        tree = Tree(self.limits.link_hops)
        with closing(self._scans(select, details=details)) as scans:
            for index, scan in scans:
                self._count(index, scan)
                self.findings += scan.findings
                tree.merge(scan, index)
        return tree

    def _scans(
        self, select: Callable[[str], bool], *, details: bool
    ) -> Generator[tuple[int, Scan], None, None]:
        """Every layer's scan from the top down; a few layers are read at a time."""
        todo = deque(range(len(self.layers) - 1, -1, -1))
        workers = min(_WORKERS, os.cpu_count() or 1, len(todo))
        if workers < 2:
            for index in todo:
                yield index, self._scan(index, select, details=details)
            return
        with ThreadPoolExecutor(workers, thread_name_prefix="layer") as pool:
            running: deque[tuple[int, Future[Scan]]] = deque()
            try:
                while todo or running:
                    while todo and len(running) < workers:
                        index = todo.popleft()
                        future = pool.submit(self._scan, index, select, details=details)
                        running.append((index, future))
                    index, future = running.popleft()
                    yield index, future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _scan(self, index: int, select: Callable[[str], bool], *, details: bool) -> Scan:
        """Read one layer to its proven end. Runs in threads: changes nothing of the reader."""
        place = self._place(index)
        with open_layer(
            self.repository, self.layers[index], place=place, limits=self.limits
        ) as stream:
            return scan_layer(stream, select, details=details, place=place, limits=self.limits)

    def _place(self, index: int) -> Place:
        return place_of(self.layers[index], index, len(self.layers), self.where)

    def _count(self, index: int, scan: Scan) -> None:
        self._bytes += scan.body_bytes
        limit = self.limits.files_bytes
        if self._bytes > limit:
            message = "the files asked for are too large together"
            raise self._place(index).exceeded("files_bytes", limit, message)

    # ---- what matches

    def _matches(self, tree: Tree, select: Globs) -> Iterator[tuple[str, str]]:
        """Pairs of path and real path of files."""
        links: list[str] = []
        for path, node in tree.nodes.items():
            kind = node.entry.kind
            if kind is Kind.SYMLINK:
                links.append(path)
            elif kind is Kind.FILE and select(path):
                yield path, path
        expansion = Expansion(tree, select.globs, where=self.where)
        for link in links:
            yield from expansion.through(link)

    def _second_pass(self, tree: Tree, real_paths: Iterable[str]) -> dict[Body, Entry]:
        wanted: dict[int, set[str]] = {}
        for path in real_paths:
            node = tree.nodes[path]
            if node.entry.data is None and not node.entry.sparse:
                body = tree.bodies.get(path) or Body(node.layer, path)
                wanted.setdefault(body.layer, set()).add(body.path)
        bodies: dict[Body, Entry] = {}
        for layer in sorted(wanted):
            scan = self._scan(layer, wanted[layer].__contains__, details=False)
            self._count(layer, scan)
            for path in wanted[layer]:
                bodies[Body(layer, path)] = scan.entries[path]
        return bodies

    def _file(self, tree: Tree, path: str, real: str, bodies: dict[Body, Entry]) -> File | None:
        node = tree.nodes[real]
        body = tree.bodies.get(real) or Body(node.layer, real)
        entry = node.entry if node.entry.data is not None else bodies.get(body, node.entry)
        if entry.data is None:
            self.findings.append(
                Finding("file-not-read", Severity.WARNING, "a sparse file's body is not read", path)
            )
            return None
        own = tree.nodes.get(path)
        return File(
            path=path,
            layer=self.layers[body.layer].digest,
            size=len(entry.data),
            mode=entry.mode,
            data=entry.data,
            real_path=real,
            link=own.entry.link if own is not None and own.entry.kind is Kind.SYMLINK else "",
        )
