"""What things are called in a document: elements, its namespace, the time it was made.

All of it follows from the contents, so that the same contents give the same bytes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import uuid
from typing import TYPE_CHECKING

from provenance.sbom.identifiers import sort_files, sort_packages, spdx_id, unique_refs
from provenance.sbom.model import NAMESPACE
from provenance.sbom.spdx.vocabulary import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from provenance.packages.package import ListedFile
    from provenance.sbom.model import Contents

__all__ = ["Names", "history", "namespace", "timestamp"]


def namespace(said: bytes) -> str:
    """A namespace of the document's own: a UUID of version 5 over all that it says."""
    digest = hashlib.sha1(NAMESPACE.bytes + said, usedforsecurity=False).digest()
    return f"https://spdx.org/spdxdocs/provenance-{uuid.UUID(bytes=digest[:16], version=5)}"


def timestamp(moment: dt.datetime | None) -> str:
    """As SPDX writes times; without one, no time is invented."""
    if moment is None:
        return EPOCH
    with contextlib.suppress(OverflowError):  # the first and last day there is, in another zone
        moment = moment.astimezone(dt.UTC)
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def history(contents: Contents) -> dict[str, str]:
    """Digest of each layer to the instruction that made it, as the subject says it."""
    layers = contents.subject.layers if contents.subject else ()
    return {str(layer.digest): layer.created_by for layer in layers}


class Names:
    """Packages and files in the order they are written, and what each is called."""

    def __init__(self, contents: Contents) -> None:
        named = self._named = contents.is_named
        self.packages = contents.packages if named else sort_packages(contents.packages)
        self.refs = [p.id for p in self.packages] if named else unique_refs(self.packages)
        self.ids = dict(
            zip(self.refs, self.refs if named else map(spdx_id, self.refs), strict=True)
        )
        self._refs: dict[str, str] = {}
        """Every name that an edge may use for a package, to its ref."""
        for package, ref in zip(self.packages, self.refs, strict=True):
            for name in (package.id, package.purl, ref):
                if name:
                    self._refs.setdefault(name, ref)
        self._owners = {p.purl: r for p, r in zip(reversed(self.packages), reversed(self.refs))}  # noqa: B905 - both come from the same tuple
        self.files = tuple(self._name_files(contents.files))
        """Each file with its identifier and the ref of the package that owns it."""
        self._ends = dict(self.ids)
        if named:
            self._ends |= {file.id: file.id for file in contents.files}
            if contents.subject is not None:
                self._ends[contents.subject.id] = contents.subject.id
            self._refs |= {name: name for name in self._ends if name not in self.ids}

    def ref(self, name: str) -> str | None:
        """The ref of what `name` stands for: a package; of a converted document, anything."""
        return self._refs.get(name)

    def end(self, ref: str) -> str:
        """The identifier of the package, file or subject that `ref` gave."""
        return self._ends[ref]

    def owner(self, file: ListedFile) -> str | None:
        """The ref of the package that owns it, if it is listed."""
        return self._owners.get(file.owner) if file.owner else None

    def pairs(self, edges: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
        """Edges as identifiers, in order; those that lead nowhere or to themselves left out."""
        return sorted(
            {
                (self._ends[a], self._ends[b])
                for source, targets in edges.items()
                if (a := self._refs.get(source)) is not None
                for target in targets
                if (b := self._refs.get(target)) is not None and a != b
            }
        )

    def _name_files(
        self, files: Iterable[ListedFile]
    ) -> Iterator[tuple[ListedFile, str, str | None]]:
        if self._named:
            yield from ((file, file.id, None) for file in files)
            return
        taken: dict[str, int] = {}
        for file in sort_files(files):
            short = hashlib.sha256(file.path.encode("utf-8", "replace")).hexdigest()[:20]
            count = taken[short] = taken.get(short, 0) + 1
            number = f"-{count}" if count > 1 else ""
            yield file, f"SPDXRef-File-{short}{number}", self.owner(file)
