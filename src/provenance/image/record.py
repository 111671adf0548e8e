"""One layer as a change set that stays small: what was read of it, what it adds and takes away.

There is an object for each file that somebody reads and for each link; all other names are
compressed text, for they matter only where they hide something of a lower layer.

Within the layer things happen as where a runtime unpacks it, entry by entry: the last of a name
wins, a file over a directory removes what the layer had put below it, links above an entry are
followed (replay.py). Whiteouts are kept apart, as they act on lower layers only (OCI image-spec
v1.1, layer.md, "Whiteouts").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from provenance.findings import Finding, Severity
from provenance.image.name_list import NameList

if TYPE_CHECKING:
    from provenance.image.entry import Entry, Feed, Screen

__all__ = ["FileReader", "LayerRecord"]

T = TypeVar("T")

_FINDINGS = 1000  # of one layer


class FileReader(Protocol[T]):
    """Who reads files while their layer streams by."""

    @property
    def screen(self) -> Screen | None:
        """What tells files that are not read, without asking `open`; None: it is to be asked."""
        ...

    def open(self, path: str, size: int, mode: int, head: bytes, /) -> Feed | None:
        """Who takes this file's bytes; None: it is not read."""
        ...

    def close(self) -> T | None:
        """What the file asked about last yields, after its last byte; None: it is not read."""
        ...

    def wants(self, path: str, /) -> bool:
        """Whether a file of this name is read, whatever is in it."""
        ...

    def folder(self, path: str, mode: int, /) -> T | None:
        """What a directory yields; None: nothing."""
        ...

    def other(self, entry: Entry, /) -> T | None:
        """What a device or a file with holes yields; None: nothing."""
        ...

    def linked(self, item: T, mode: int, /) -> T:
        """What the file yields whose permissions the header of a hard link to it has changed."""
        ...

    def replaced(self, path: str, kept_as: str, /) -> None:
        """The file last opened as `path` has other names only: for them it is `kept_as`."""
        ...


@dataclass(slots=True)
class LayerRecord(Generic[T]):
    """What a layer holds for those who read it. Filled while the layer streams by."""

    items: dict[str, T] = field(default_factory=dict)
    """Path of a regular file or device to what was read in it. A path that is not among `names` is
    that of a file that has other names only."""
    folders: dict[str, T] = field(default_factory=dict)
    """Path of a directory that is an entry to what its entry yielded; the root's is empty."""
    whiteouts: set[str] = field(default_factory=set)
    opaques: set[str] = field(default_factory=set)
    symlinks: dict[str, str] = field(default_factory=dict)
    """Path to target, as written."""
    hardlinks: dict[str, str] = field(default_factory=dict)
    """Path to the path whose file it shares, of those that matter to somebody."""
    names: NameList = field(default_factory=NameList)
    """Every path that is no directory."""
    directories: NameList = field(default_factory=NameList)
    """Directories that have or are an entry; the root is not among them."""
    findings: list[Finding] = field(default_factory=list)
    diff_id: str = ""
    """Digest of the tar, where it was computed."""

    def note(self, rule: str, message: str, path: str) -> None:
        """Keep a finding of severity warning; a thousand of a layer are enough."""
        if len(self.findings) < _FINDINGS:
            self.findings.append(Finding(rule, Severity.WARNING, message, path))
