"""`ArchiveRepository`: an OCI image layout in a tar, read where it lies."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO, Self

from provenance.errors import NotFound
from provenance.oci.contents import LayoutContents, parse_top
from provenance.oci.layout import check_marker
from provenance.oci.members import Members
from provenance.settings import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from provenance.digests import Digest, VerifiedReader
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.manifest import Index, Manifest
    from provenance.oci.repository import Referrers

__all__ = ["ArchiveRepository"]


class ArchiveRepository:
    """A tar with a layout in it. Implements `Repository`. Use it in a `with`."""

    def __init__(self, file: Path, *, limits: Limits | None = None) -> None:
        """Open `file`. Raises NotFound, MalformedDocument, LimitExceeded."""
        self.limits = limits or Limits()
        self.name = f"oci-archive:{file}"
        self._members = Members(file, self.name, self.limits)
        self._contents = LayoutContents(self.name, self._top, self._blob, self.limits)

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

    def _top(self) -> Index:
        limit = self.limits.manifest_bytes
        check_marker(self._members.read("oci-layout", limit), self.name)
        return parse_top(self._members.read("index.json", limit), self.name, self.limits)

    @contextmanager
    def _blob(self, digest: Digest) -> Iterator[BinaryIO]:
        name = f"blobs/{digest.algorithm}/{digest.hex}"
        if name not in self._members:
            raise NotFound(
                f"{self.name} has no blob {digest}",
                reference=self.name,
                digest=digest,
                hint="the archive is incomplete",
            )
        with self._members.open(name) as file:
            yield file

    def close(self) -> None:
        """Close the file."""
        self._members.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
