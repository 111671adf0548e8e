"""The squashed view as a tree: every path of an image, and where links lead."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from provenance.errors import LimitExceeded, NotFound
from provenance.image.entry import Entry, Kind
from provenance.image.names import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.image.squash import Squash

__all__ = ["Node", "Tree", "not_there", "resolved"]


class Node(NamedTuple):
    """A path of the squashed view: the entry and the layer (index from the bottom) it is from."""

    entry: Entry
    layer: int


class _Nodes(Mapping[str, Node]):
    """Files as they were read, of which there may be millions, and everything else."""

    def __init__(self, files: Mapping[str, tuple[int, Entry]], others: Mapping[str, Node]) -> None:
        self._files, self._others = files, others

    def __getitem__(self, path: str) -> Node:
        found = self._files.get(path)
        return self._others[path] if found is None else Node(found[1], found[0])

    def __iter__(self) -> Iterator[str]:
        return chain(self._files, self._others)

    def __len__(self) -> int:
        return len(self._files) + len(self._others)


class Tree:
    """What is left of the layers, path by path."""

    def __init__(
        self, squash: Squash[Entry], shared: Mapping[str, tuple[int, Entry]] | None = None
    ) -> None:
        """List what is visible.

        Args:
            squash: the layers.
            shared: hard links to files of lower layers, and these, where all was read; None: what
                else there is is a file that nobody asked for, of size and mode -1.
        """
        self._squash = squash
        folders = squash.directories()
        self.directories = folders.keys() - {""}
        """Every directory but the root."""
        others = {p: Node(entry, i) for p, (i, entry) in folders.items() if entry is not None}
        names = {n for record in squash.records for n in record.names if n not in squash.items}
        for path, layer in squash.locate(names).items():
            others[path] = Node(self._entry(path, shared), layer)
        self.nodes: Mapping[str, Node] = _Nodes(squash.items, others)
        """Path to what is there; directories that are no entry of any layer are not among them."""

    def _entry(self, path: str, shared: Mapping[str, tuple[int, Entry]] | None) -> Entry:
        squash = self._squash
        if path in squash.symlinks:  # their mode is never looked at, nor set by runtimes
            return Entry(path, Kind.SYMLINK, 0, 0o777, squash.symlinks[path])
        if shared is None:
            return Entry(path, Kind.FILE, -1, -1)
        link = squash.hardlinks.get(path, (0, path))[1]
        if path in shared:
            return shared[path][1]._replace(path=path, link=link)
        return Entry(path, Kind.HARDLINK, 0, -1, link)  # a loop, or to nothing or a directory

    def kind(self, path: str) -> Kind | None:
        """What is at this real path; None for nothing."""
        node = self.nodes.get(path)
        if node is not None:
            return node.entry.kind
        return Kind.DIRECTORY if not path or path in self.directories else None

    def resolve(self, path: str, *, where: str = "") -> str:
        """The real path behind `path`, every link followed.

        Absolute links start at the root, `..` above it stays there.

        Raises:
            NotFound: there is nothing, or a link that leads nowhere.
            LimitExceeded: more links than allowed: a loop.
        """
        real = resolved(self._squash, path, where=where)
        if self.kind(real) is None or not self._squash.passable(["/".join(steps(path))]):
            raise not_there(path, real, where=where)
        return real

    def find(self, path: str) -> str | None:
        """As `resolve`, with None for what is not there or goes in circles."""
        try:
            return self.resolve(path)
        except (NotFound, LimitExceeded):
            return None


def resolved(squash: Squash[Entry], path: str, *, where: str) -> str:
    """The real path behind `path`, whether anything is there or not.

    Raises:
        LimitExceeded: more links than allowed: a loop.
    """
    real = squash.real("/".join(steps(path)))
    if real is None:
        raise LimitExceeded(
            f"{path!r} goes through more than {squash.hops} links",
            reference=where,
            hint="the links form a loop, or raise Limits.link_hops",
        )
    return real


def not_there(path: str, real: str, *, where: str, what: str = "") -> NotFound:
    """An error: nothing, or not `what`, is at `real`, which is behind `path`."""
    asked = "/".join(steps(path))
    through = "" if real == asked else f" (its link leads to {real!r}, which is not there)"
    return NotFound(f"the image has no {what}{path!r}{through}", reference=where)
