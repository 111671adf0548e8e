"""The squashed view: layers merged from the top down, links followed at lookup.

From the top down a path is decided once, so a lower layer's bodies are dropped as soon as they are
known to be hidden. A lower path p is hidden where an upper layer

    1. has a whiteout of p or of an ancestor, or an opaque marker in an ancestor,
    2. has something that is no directory at an ancestor of p,
    3. has p itself, unless both are directories (then the upper one's mode counts).

Whiteouts never act on their own layer: a layer is judged by those above it alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from provenance.errors import LimitExceeded, NotFound
from provenance.image.names import steps
from provenance.image.tar import Entry, Kind

if TYPE_CHECKING:
    from provenance.image.scan import Scan

__all__ = ["Body", "Node", "Tree"]


class Node(NamedTuple):
    """A path of the squashed view: the entry and the layer (index from the bottom) it is from."""

    entry: Entry
    layer: int


@dataclass(frozen=True, slots=True)
class Body:
    """Where the bytes of a file are, if not in its node: an entry of a layer."""

    layer: int
    path: str


class Tree:
    """Built by `merge`, layer by layer from the top; then asked."""

    def __init__(self, hops: int = 40) -> None:
        """Start empty. `hops`: links followed for one path."""
        self.nodes: dict[str, Node] = {}
        self.directories: set[str] = set()
        self.superseded: dict[str, list[Node]] = {}
        """Path to lower versions of a file, newest first, as long as it was never away between."""
        self.bodies: dict[str, Body] = {}
        """Hard link to the entry whose bytes it shares."""
        self.walked = 0
        """Steps of paths that were looked up so far: what following links has cost."""
        self._hops = hops
        self._whiteouts: set[str] = set()
        self._opaques: set[str] = set()
        self._blockers: set[str] = set()
        self._pending: dict[str, str] = {}

    # ---- building

    def merge(self, scan: Scan, layer: int) -> None:
        """Put the next lower layer underneath. `scan` may be dropped afterwards."""
        hidden: dict[str, bool] = {"": "" in self._opaques}
        self._settle_links(scan, layer)
        additions: dict[str, Node] = {}
        for path, entry in scan.entries.items():
            if path in self._whiteouts or self._children_hidden(_parent(path), hidden):
                continue
            if entry.kind is Kind.HARDLINK:
                self._merge_link(scan, entry, layer, additions)
            else:
                self._place(path, Node(entry, layer), additions)
        fresh: list[str] = []
        for path in scan.directories:
            if path in self.nodes:
                if self.nodes[path].entry.kind is not Kind.DIRECTORY:
                    self._blockers.add(path)
            elif path not in self._whiteouts and not self._children_hidden(_parent(path), hidden):
                fresh.append(path)
        self.nodes.update(additions)
        self.directories.update(fresh)
        self._whiteouts |= scan.whiteouts
        self._opaques |= scan.opaques

    def _place(self, path: str, node: Node, additions: dict[str, Node]) -> bool:
        """Decide on a path of the layer at hand; say whether it is visible."""
        above = self.nodes.get(path)
        kind = node.entry.kind
        if above is None:
            if kind is Kind.DIRECTORY or path not in self.directories:
                additions[path] = node
                return True
            self._blockers.add(path)  # an upper layer made a directory of it
        elif above.entry.kind is Kind.DIRECTORY or kind is not Kind.FILE:
            if not (kind is Kind.DIRECTORY and above.entry.kind is Kind.DIRECTORY):
                self._blockers.add(path)  # lower children and versions are from before it
        elif node.entry.data is not None and path not in self._blockers:
            self.superseded.setdefault(path, []).append(node)
        return False

    def _children_hidden(self, directory: str, hidden: dict[str, bool]) -> bool:
        """Whether upper layers hide everything of lower ones below `directory`."""
        chain: list[str] = []
        while directory not in hidden:
            chain.append(directory)
            directory = _parent(directory)
        answer = hidden[directory]
        for path in reversed(chain):
            node = self.nodes.get(path)
            answer = (
                answer
                or path in self._whiteouts
                or path in self._opaques
                or path in self._blockers
                or (node is not None and node.entry.kind is not Kind.DIRECTORY)
            )
            hidden[path] = answer
        return answer

    def _merge_link(self, scan: Scan, link: Entry, layer: int, additions: dict[str, Node]) -> None:
        """Place a hard link as what it is a name of: an entry of its layer, or of a lower one."""
        target, found = self._shared(scan, link.link)
        entry = link if found is None else _named(found, link)
        if self._place(link.path, Node(entry, layer), additions):
            if found is None:
                self._pending[link.path] = target
            elif entry.kind is Kind.FILE:
                self.bodies[link.path] = Body(layer, target)

    def _shared(self, scan: Scan, target: str) -> tuple[str, Entry | None]:
        """The last name of a chain of hard links in a layer, and what it has there."""
        hops = 0
        found = scan.entries.get(target)
        while found is not None and found.kind is Kind.HARDLINK and hops < self._hops:
            target, hops = found.link, hops + 1
            found = scan.entries.get(target)
        return target, found

    def _settle_links(self, scan: Scan, layer: int) -> None:
        """Look for what upper layers' hard links name in this layer."""
        for path, wanted in list(self._pending.items()):
            target, found = self._shared(scan, wanted)
            if found is None:
                continue
            del self._pending[path]
            node = self.nodes[path]
            entry = _named(found, node.entry)
            self.nodes[path] = Node(entry, node.layer)
            if entry.kind is Kind.FILE:
                self.bodies[path] = Body(layer, target)

    # ---- asking

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
        todo = deque(steps(path))
        real = ""
        hops = 0
        while todo:
            step = todo.popleft()
            self.walked += 1
            if step == "..":
                real = _parent(real)
                continue
            here = f"{real}/{step}" if real else step
            node = self.nodes.get(here)
            kind = node.entry.kind if node is not None else self.kind(here)
            if node is not None and kind is Kind.SYMLINK:
                hops += 1
                if hops > self._hops:
                    raise LimitExceeded(
                        f"{path!r} goes through more than {self._hops} links",
                        reference=where,
                        hint="the links form a loop, or raise Limits.link_hops",
                    )
                if node.entry.link.startswith("/"):
                    real = ""
                todo.extendleft(reversed(steps(node.entry.link)))
            elif kind is None or (todo and kind is not Kind.DIRECTORY):
                through = f" (its link leads to {here!r}, which is not there)" if hops else ""
                raise NotFound(f"the image has no {path!r}{through}", reference=where)
            else:
                real = here
        return real

    def find(self, path: str) -> str | None:
        """As `resolve`, with None for what is not there or goes in circles."""
        try:
            return self.resolve(path)
        except (NotFound, LimitExceeded):
            return None


def _parent(path: str) -> str:
    return path[: path.rfind("/")] if "/" in path else ""


def _named(found: Entry, link: Entry) -> Entry:
    """What `found` is, under the name of `link`; a link to nothing stays one."""
    if found.kind is Kind.FILE:
        return found._replace(path=link.path, link=link.link)
    if found.kind in {Kind.SYMLINK, Kind.OTHER}:
        return found._replace(path=link.path)
    return link  # a loop of hard links, or one to a directory, which no file system allows
