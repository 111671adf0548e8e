"""A layer's entries replayed one over another, as a runtime unpacks them into an empty directory.

Held to containerd's `archive.Apply` and Docker's `UnpackLayer`, both over an overlay file system:

    1. The parent of an entry is looked up with the links followed that this layer has put there,
       within the root; what is missing is made. Links of lower layers are not followed.
    2. What had the entry's name is removed, unless it and the entry are directories.
    3. A hard link is made to what has the target's name at that moment, and that file gets the
       permissions of the link's header.
    4. `.wh.NAME` and `.wh..wh..opq` are whiteouts, wherever their parent's links lead. At the root,
       all else that begins with `.wh..wh.` is aufs' own and passed over; files in `.wh..wh.plnk`
       may have hard links to them.

Every entry is cheap to write. So the names that are kept and the work have a cap.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from provenance.errors import LimitExceeded
from provenance.image.entry import Kind
from provenance.image.name_list import NameList
from provenance.image.names import steps
from provenance.image.record import LayerRecord
from provenance.image.tar import read_tar

if TYPE_CHECKING:
    from provenance.image.decompression import Readable
    from provenance.image.entry import Entry, Feed
    from provenance.image.place import Place
    from provenance.image.record import FileReader
    from provenance.settings import Limits

__all__ = ["Replay", "record_layer"]

T = TypeVar("T")

_PREFIX = ".wh."
_RESERVED = ".wh..wh."
_OPAQUE = ".wh..wh..opq"
_SHARED = ".wh..wh.plnk/"
_LINK_HOPS = 40
_NAME_BYTES = 192 << 20  # of directories, links and whiteouts that a layer makes, each counted as
_NAME_COST = 64  # more than its text; three million entries of real images stay below
_LONG_NAME = 512  # of a file that is read: shorter ones are no more than what is read takes
_WORK = 20_000_000  # names looked at to remove something, and steps of paths below links


def record_layer(
    stream: Readable, reader: FileReader[T], *, place: Place, limits: Limits
) -> LayerRecord[T]:
    """Read the plain tar in `stream` to its end.

    Raises:
        ProvenanceError: as `read_tar`.
    """
    replay = Replay(LayerRecord[T](), reader, place)
    read_tar(stream, replay, place=place, limits=limits)
    return replay.finish()


class Replay(Generic[T]):
    """Fills the record of one layer."""

    def __init__(self, record: LayerRecord[T], reader: FileReader[T], place: Place) -> None:
        """Begin with an empty directory."""
        self._record, self._reader, self._place = record, reader, place
        self._open, self._close = reader.open, reader.close
        self._add_name, self._add_names = record.names.add, record.names.extend
        self._directories: set[str] = set()
        self._taken: set[str] = set()  # what was ever a directory, kept, a link or its target
        self._last = self._real = ""
        self._linked: dict[str, str] = {}  # parents of entries, and where their links lead
        self._targets: set[str] = set()  # of hard links
        self._removals: dict[str, int] = {}  # directory to the names there were when it went
        self._replaced = self._kept = self._work = 0
        screen = reader.screen
        self.screen = screen and screen._replace(words=screen.words | {_PREFIX})
        """That of the reader, which lets whiteouts pass too."""

    def place_of(self, path: str) -> str:
        """Where an entry of this name is put: links of this layer above it are followed."""
        if not self._record.symlinks:
            return path
        at = path.rfind("/")
        if at < 0:
            return path
        parent = path[:at]
        if parent == self._last or parent in self._directories:
            return path
        if parent not in self._linked:
            self._linked[parent] = self._follow(parent)
        real = self._linked[parent]
        return f"{real}{path[at:]}" if real else path[at + 1 :]

    def is_itself(self, directory: str, /) -> bool:
        """Whether no link leads elsewhere, and none of the names is a whiteout's."""
        if ".wh." in directory:
            return False
        return directory in self._directories or self.place_of(f"{directory}/") == f"{directory}/"

    def passed(self, directory: str, paths: list[str], /) -> None:
        """Files of a directory that is where it says, which nobody reads."""
        if directory != self._last:
            self._last = directory
            if directory not in self._directories:
                self._make_directories(directory)
        if self._taken.isdisjoint(paths):
            self._add_names(paths)
            return
        for path in paths:
            if path in self._targets:
                self._detach(path)
            self._keep(path, None)

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        """Who reads a file, put where it is; what had the name before is read."""
        if self._record.symlinks:
            path = self.place_of(path)
        if path in self._targets:
            self._detach(path)
        feed = self._open(path, size, mode, head)
        if feed is None:
            self._keep(path, None)
        self._real = path
        return feed

    def _follow(self, directory: str) -> str:
        todo = deque(directory.split("/"))
        links = self._record.symlinks
        real, hops = "", 0
        while todo:
            self._spend(work=1 + len(real) // 64)
            step = todo.popleft()
            if step == "..":
                real = real[: real.rfind("/")] if "/" in real else ""
                continue
            here = f"{real}/{step}" if real else step
            link = links.get(here)
            if link is None:
                real = here
                continue
            hops += 1
            if hops > _LINK_HOPS:
                return directory  # no runtime gets here
            if link.startswith("/"):
                real = ""
            todo.extendleft(reversed(steps(link)))
        return real

    def file(self, path: str, size: int, mode: int, /) -> None:  # noqa: ARG002  the signature of `Visitor`
        """The file that was opened last, with what was read in it."""
        self._keep(self._real, self._close())

    def _keep(self, path: str, item: T | None) -> None:
        at = path.rfind("/")
        # Nearly every file lies beside the one before it, and its name is new.
        if (
            at <= 0 or path[:at] != self._last or ".wh." in path or path in self._taken
        ) and not self._placed(path, item):
            return
        self._add_name(path)
        if item is not None:
            self._keep_item(path, item)

    def _keep_item(self, path: str, item: T) -> None:
        self._record.items[path] = item
        self._taken.add(path)
        if len(path) > _LONG_NAME:
            self._spend(path)

    def folder(self, path: str, mode: int, /) -> None:
        """A directory."""
        path = self.place_of(path)
        if path:
            if not self._placed(path, None, directory=True):
                return
            if path not in self._directories:
                self._forget(path)
                self._add_directory(path)
        if (item := self._reader.folder(path, mode)) is not None:
            self._record.folders[path] = item

    def other(self, entry: Entry, /) -> None:
        """A link, a device, a file with holes."""
        path = self.place_of(entry.path)
        if path != entry.path:
            entry = entry._replace(path=path)
        if self._placed(path, None):
            self._record.names.add(path)
            self._add_other(entry)

    def _placed(self, path: str, item: T | None, *, directory: bool = False) -> bool:
        """Make room for an entry; False: it is a whiteout, or nothing to unpack."""
        if not path or (".wh." in path and self._reserved(path, item)):
            return False
        slash = path.rfind("/")
        parent = path[:slash] if slash > 0 else ""
        if parent != self._last:
            self._last = parent
            if parent not in self._directories:
                self._make_directories(parent)
        if not directory:
            self._forget(path)
            if path in self._directories:
                self._remove_below(path)
        return True

    def _add_other(self, entry: Entry) -> None:
        record, path = self._record, entry.path
        if entry.kind is Kind.SYMLINK:
            record.symlinks[path] = entry.link
            self._taken.add(path)
            self._linked.clear()
            self._spend(path, entry.link)
        elif entry.kind is Kind.HARDLINK:
            target = self.place_of(entry.link)
            target = record.hardlinks.get(target, target)
            if target in record.items:
                record.items[target] = self._reader.linked(record.items[target], entry.mode)
            if target != path:
                record.hardlinks[path] = target
                self._targets.add(target)
                self._taken.update((path, target))
                self._spend(path, target)
        else:
            if entry.sparse:
                record.note("file-not-read", "a sparse file's body is not read", path)
            if (item := self._reader.other(entry)) is not None:
                self._keep_item(path, item)

    def _forget(self, path: str) -> None:
        """Remove the file or link that has the name, if it has been kept."""
        if path not in self._taken:
            return
        record = self._record
        if path in self._targets:
            self._detach(path)
        if path in record.items:
            del record.items[path]
        if path in record.symlinks:
            del record.symlinks[path]
            self._linked.clear()
        if path in record.hardlinks:
            del record.hardlinks[path]
        if path in record.folders:
            del record.folders[path]

    def _detach(self, path: str) -> None:
        """Leave what had this name to its other names."""
        self._replaced += 1
        self._targets.discard(path)
        kept_as = f"{path}\0{self._replaced}"
        record = self._record
        if path in record.items:
            record.items[kept_as] = record.items[path]
        if path in record.symlinks:
            record.symlinks[kept_as] = record.symlinks[path]
        self._spend(work=len(record.hardlinks))
        for alias, target in record.hardlinks.items():
            if target == path:
                record.hardlinks[alias] = kept_as
        self._reader.replaced(path, kept_as)

    def _make_directories(self, path: str) -> None:
        """Note a directory, with those above it, that an entry implies."""
        while path and path not in self._directories:
            self._add_directory(path)
            record = self._record
            known = path in record.items or path in record.symlinks or path in record.hardlinks
            if known or path in self._targets:
                self._forget(path)
                record.note(
                    "entry-below-non-directory",
                    "entries below what is no directory: it was taken for a directory",
                    path,
                )
            path = path[: path.rfind("/")] if "/" in path else ""

    def _add_directory(self, path: str) -> None:
        self._directories.add(path)
        self._taken.add(path)
        self._spend(path)

    def _remove_below(self, path: str) -> None:
        below = path + "/"
        record = self._record
        self._removals[path] = len(record.names)
        self._spend(work=len(self._directories) + len(self._targets))
        self._directories = {d for d in self._directories if d != path and not d.startswith(below)}
        for target in [t for t in self._targets if t.startswith(below)]:
            self._detach(target)
        self._spend(work=len(record.whiteouts) + len(record.opaques))
        marked = record.opaques | record.whiteouts
        if path in record.opaques or any(x.startswith(below) for x in marked):
            self._note_undone(path)
        for known in (record.items, record.symlinks, record.hardlinks, record.folders):
            self._spend(work=len(known))
            for name in [n for n in known if n.startswith(below) and "\0" not in n]:
                del known[name]
        self._linked.clear()
        self._last = ""

    def _reserved(self, path: str, item: T | None) -> bool:
        """Whether the entry is a whiteout, or aufs' own: nothing to unpack."""
        record = self._record
        if path.startswith(_RESERVED) and path != _OPAQUE:
            if path.startswith(_SHARED) and item is not None:
                record.items[path] = item
            return True
        base = path[path.rfind("/") + 1 :]
        if not base.startswith(_PREFIX):
            return False
        parent = path[: -len(base)].rstrip("/")
        self._make_directories(parent)  # as the runtimes do before they look at the name
        name = base[len(_PREFIX) :]
        if base == _OPAQUE:
            record.opaques.add(parent)
            if not parent:
                # The kernel's overlay file system never looks for the mark in a layer's root.
                what = "a marker takes away all of the layers below: some runtimes do not obey it"
                record.note("opaque-root", what, path)
        elif name in {"", ".", ".."}:
            record.note("whiteout-without-name", f"whiteout {base!r} names nothing", path)
        else:
            record.whiteouts.add(f"{parent}/{name}" if parent else name)
        self._spend(path)
        return True

    def _note_undone(self, path: str) -> None:
        """By the specification whiteouts act whatever else the layer has; overlay forgets them."""
        what = (
            "a whiteout and what replaces it in the same layer: what lower layers have there is "
            "taken for removed, but some runtimes go on showing it"
        )
        self._record.note("whiteout-undone", what, path)

    def _spend(self, *names: str, work: int = 0) -> None:
        self._work += work
        for name in names:
            self._kept += len(name) + _NAME_COST
        if self._kept > _NAME_BYTES or self._work > _WORK:
            raise LimitExceeded(
                f"{self._place.what}: too many directories and links, or names too long, "
                "or replaced too often",
                hint="no image builder writes such a layer",
                reference=self._place.reference,
                digest=self._place.digest,
            )

    def finish(self) -> LayerRecord[T]:
        """The record, after the last entry."""
        record = self._record
        for path in sorted(record.whiteouts & self._directories):
            self._note_undone(path)
        self._drop_names()
        record.directories.extend(sorted(self._directories))
        links = record.hardlinks
        record.hardlinks = {}
        for path, target in links.items():
            final = _last_name(target, links)
            if final in record.symlinks:
                record.symlinks[path] = record.symlinks[final]
            elif final in record.items or self._reader.wants(path):
                record.hardlinks[path] = final
        for path in [p for p in record.symlinks if "\0" in p]:
            del record.symlinks[path]
        return record

    def _drop_names(self) -> None:
        """Leave out of the names what was removed again: it hides nothing of lower layers."""
        names = self._record.names
        if not self._removals and not names.among(self._directories):
            return
        kept, gone = NameList(), {"": 0}
        for index, name in enumerate(names):
            parent = name[: name.rfind("/")] if "/" in name else ""
            if name not in self._directories and index >= self._removal_above(parent, gone):
                kept.add(name)
        self._record.names = kept

    def _removal_above(self, directory: str, known: dict[str, int]) -> int:
        """How many names there were when `directory` or one above it was last removed."""
        chain = []
        while directory not in known:
            chain.append(directory)
            directory = directory[: directory.rfind("/")] if "/" in directory else ""
        found = known[directory]
        for path in reversed(chain):
            found = known[path] = max(found, self._removals.get(path, 0))
        return found


def _last_name(target: str, links: dict[str, str]) -> str:
    """The end of a chain of hard links that was written from its end."""
    for _ in range(_LINK_HOPS):
        if target not in links:
            break
        target = links[target]
    return target
