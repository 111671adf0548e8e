"""`ArchiveRepository`: an OCI image layout in a tar, read where it lies, and added to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.closing import Closing
from provenance.errors import ProvenanceError, UnsupportedFormat
from provenance.oci.contents import LayoutContents, check_marker, parse_top
from provenance.oci.descriptor import Descriptor
from provenance.oci.index_entries import encode, entered, ordered, parsed
from provenance.oci.layout import MARKER
from provenance.oci.reference import Reference
from provenance.oci.removing import remove
from provenance.oci.tar_home import TarHome
from provenance.settings import Limits

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from provenance.digests import Digest, VerifiedReader
    from provenance.oci.index_entries import Change, Document, Entry
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.members import Members
    from provenance.oci.repository import Referrers
    from provenance.oci.sources import Content, Progress

__all__ = ["ArchiveRepository", "TarLayout"]


class ArchiveRepository(Closing):
    """A tar with a layout in it. Use it in a `with`.

    Implements `Writable`, `Holds`, `Lists` and `Deletes`.
    What is pushed is in the file when the `with` ends without an exception, all at once.
    """

    def __init__(self, file: Path, *, limits: Limits | None = None) -> None:
        """Open `file`, if it is there. Raises MalformedDocument, LimitExceeded."""
        self.limits = limits or Limits()
        self.name = f"oci-archive:{file}"
        self._layout = TarLayout(TarHome(file, self.name, self.limits))
        self._contents = self._layout.contents

    def resolve(self, target: str | Digest, /) -> Descriptor:
        """By digest, by name, or the only one there is."""
        return self._contents.resolve(target)

    def manifest(self, target: Descriptor | Digest | str, /) -> Manifest | Index:
        """The manifest, verified."""
        return self._contents.manifest(target)

    def open(self, blob: Descriptor, /) -> AbstractContextManager[VerifiedReader]:
        """A verified stream of a blob."""
        return self._contents.open(blob)

    def referrers(self, subject: Digest, /, *, artifact_type: str = "") -> Referrers:
        """What refers to `subject`."""
        return self._contents.referrers(subject, artifact_type)

    def tags(self) -> tuple[str, ...]:
        """Every name."""
        return self._contents.tags()

    def entries(self) -> tuple[Descriptor, ...]:
        """What `index.json` lists."""
        return self._contents.top().manifests

    def holds(self, blob: Descriptor, /) -> bool:
        """Whether a blob is there, whole: it is hashed, once."""
        return self._layout.home.holds(blob)

    def push_blob(
        self, data: Content, descriptor: Descriptor, /, *, progress: Progress | None = None
    ) -> None:
        """Keep a blob, to be written at the end, unless it is there.

        Raises:
            ContentMismatch: `data` is not it.
            RegistryUnavailable: the folder cannot be written to.
            UnsupportedFormat: the archive is compressed, or one of Docker's.
        """
        self._begin()
        self._layout.home.push(data, descriptor, progress)

    def push_manifest(
        self, manifest: Manifest | Index, /, *, tag: str | None = None, nested: bool = False
    ) -> Descriptor:
        """Keep a manifest and list it, under `tag` where one is given; not if it is `nested`."""
        self._check_name(tag)
        self._begin()
        self._layout.push_manifest(manifest, tag, listed=bool(tag) or not nested)
        return manifest.descriptor

    def tag(self, target: Descriptor | Digest, tag: str, /) -> None:
        """Point `tag` at a manifest that is there."""
        self._check_name(tag)
        found = self.manifest(target)
        self._begin()
        self._layout.push_manifest(found, tag, listed=True)

    def delete(self, target: Digest | str, /) -> None:
        """Remove a manifest by digest, with its names; or a name alone, and the manifest stays.

        Raises:
            NotFound: it is not there.
            UnsupportedFormat: an index lists it, not the archive.
        """
        self._contents.top()
        self._begin()
        with self._layout.home.lock:
            remove(self._layout, target)

    def close(self) -> None:
        """Write what was pushed, and close the file. Raises RegistryUnavailable."""
        try:
            self._layout.home.finish(self._layout.render)
        finally:
            self._layout.home.close()

    def abandon(self) -> None:
        """Leave the file as it is."""
        self._layout.home.close()

    def __repr__(self) -> str:
        return f"ArchiveRepository({str(self._layout.home.file)!r})"

    def _check_name(self, tag: str | None) -> None:
        if tag:
            Reference("oci-archive", "", str(self._layout.home.file)).with_tag(tag)

    def _begin(self) -> None:
        members = self._layout.home.members
        if members is not None and "manifest.json" in members:
            # Docker reads that list, others index.json: the two would part.
            raise UnsupportedFormat(
                "this is an archive of Docker's, and not written as another kind",
                reference=self.name,
                hint=f"name it docker-archive:{self._layout.home.file}, or copy it to a new file",
            )
        self._layout.home.begin()


class TarLayout:
    """The layout in a tar: `index.json` as it was, with every change since."""

    def __init__(self, home: TarHome) -> None:
        """Read through `home`; nothing is read yet."""
        self.home = home
        self.contents = LayoutContents(home.name, self.raw, home.blob, home.limits)
        self._changes: list[Change] = []
        self._now: tuple[bytes, Document] | None = None

    def raw(self) -> bytes:
        """`index.json` as it would be written now. Raises NotFound."""
        if self._now is not None:
            return self._now[0]
        return self.base(self.home.members) or encode(parsed(None))

    def base(self, members: Members | None) -> bytes | None:
        """`index.json` of an archive; None: one that is yet to be written."""
        if members is None and self.home.is_written:
            return None
        limit, source = self.home.limits.manifest_bytes, members or self.home
        check_marker(source.read("oci-layout", limit), self.home.name)
        return source.read("index.json", limit)

    def push_manifest(
        self, manifest: Manifest | Index, tag: str | None, *, listed: bool, key: str = ""
    ) -> None:
        """Keep a manifest, and list it."""
        found = manifest.descriptor
        plain = Descriptor(found.media_type, found.digest, found.size)
        more = {"key": key} if key else {}
        with self.home.lock:
            self.home.push(manifest.raw, plain)
            if listed:
                self.change(
                    lambda document: entered(
                        document, plain, tag or None, keep=self._refers, **more
                    )
                )

    def change(self, change: Change, /) -> None:
        """Apply to `index.json`, now and when it is written."""
        with self.home.lock:
            top = self.contents.top()  # checked: its entries are descriptors
            document = change(self._now[1] if self._now else parsed(top.raw))
            limit = self.home.limits.manifest_bytes
            self._now = encode(document, limit, self.home.name), document
            self._changes.append(change)

    def keep(self, raw: bytes, descriptor: Descriptor, /) -> None:
        """Keep a small blob."""
        self.home.push(raw, descriptor)

    def drop(self, digest: Digest, /) -> None:
        """Leave a blob out of what is written."""
        self.home.dropped.add(digest)

    def render(self, members: Members | None) -> dict[str, bytes]:
        """The small files of the archive to be written in the place of `members`."""
        raw = self.base(members)
        if raw is not None:
            raw = parse_top(raw, self.home.name, self.home.limits).raw
        base = parsed(raw)
        document = base
        for change in self._changes:
            document = change(document)
        document = ordered(document, base)
        if members is None or raw is None:
            return {"oci-layout": MARKER, "index.json": encode(document)}
        marker = members.read("oci-layout", self.home.limits.manifest_bytes)
        # What others wrote stays as they wrote it, where it says the same.
        same = document["manifests"] == base["manifests"]
        return {"oci-layout": marker, "index.json": raw if same else encode(document)}

    def _refers(self, entry: Entry) -> bool:
        try:
            return self.contents.manifest(Descriptor.from_json(entry)).subject is not None
        except ProvenanceError:  # could not tell
            return True
