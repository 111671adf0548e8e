"""A layer as plain bytes, opened, proven to its end and closed."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provenance.digests import Digest
from provenance.errors import MalformedDocument
from provenance.image.decompression import decompressed, is_plain
from provenance.image.place import Place
from provenance.oci.repository import Claims
from provenance.transport import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.digests import VerifiedReader
    from provenance.image.decompression import Readable
    from provenance.oci.descriptor import Descriptor
    from provenance.oci.repository import Repository
    from provenance.settings import Limits

__all__ = ["PlainLayer", "check_layer", "open_layer", "place_of"]

_REST = 1 << 20


class PlainLayer:
    """The decompressed bytes, hashed if that was asked for."""

    def __init__(
        self, stream: Readable, reader: VerifiedReader, blob: Digest, *, hashed: bool
    ) -> None:
        self._stream, self._reader = stream, reader
        self._same = is_plain(stream) and blob.algorithm == "sha256"
        self._hash = hashlib.sha256() if hashed and not self._same else None

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""
        chunk = self._stream.read(size)
        if self._hash is not None:
            self._hash.update(chunk)
        return chunk

    @property
    def proven(self) -> bool:
        """Whether all was read, and the blob is what its descriptor says."""
        return self._reader.proven

    def finish(self) -> Digest | None:
        """The diffID, after reading to the end; None: it was not asked for.

        Of a layer that is not compressed it is the digest of the blob, as it was read.
        """
        if self._same:
            self._reader.finish()
            return self._reader.found
        if self._hash is None:
            return None
        while self.read(_REST):
            pass
        return Digest(f"sha256:{self._hash.hexdigest()}")


def place_of(layer: Descriptor, index: int, count: int, where: str) -> Place:
    """What errors call a layer."""
    return Place(where, layer.digest, f"layer {index + 1} of {count}")


def check_layer(layer: Descriptor, *, place: Place, limits: Limits) -> None:
    """Refuse a layer that by its descriptor is not to be read, also where it was read before.

    Raises:
        UnsupportedFormat: no tar of files.
        LimitExceeded: too large.
    """
    if "tar" not in layer.media_type or layer.media_type.endswith("+encrypted"):
        raise place.unsupported(f"is {layer.media_type!r}, not a tar of files")
    if layer.size > limits.blob_bytes:
        raise place.exceeded("blob_bytes", limits.blob_bytes, f"has {layer.size} bytes")


@contextmanager
def open_layer(
    repository: Repository,
    layer: Descriptor,
    *,
    place: Place,
    limits: Limits,
    hashed: bool = False,
    claimed: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Iterator[PlainLayer]:
    """The layer's plain bytes; at the end of the `with` the blob is proven to its last byte.

    Args:
        repository: where it is, open.
        layer: which.
        place: what errors name.
        limits: caps.
        hashed: compute the diffID; `finish` returns it.
        claimed: the blob may be another than is claimed of it, if the repository only knows it
            by a claim: who asks for this looks at what `finish` returns and at `proven`.
        progress: told of the blob's bytes as they are read.

    Raises:
        ProvenanceError: it is no tar of files, cut short, altered, or beyond the limits.
    """
    check_layer(layer, place=place, limits=limits)
    with (
        repository.open_claim(layer)
        if claimed and isinstance(repository, Claims)
        else repository.open(layer)
    ) as reader:
        try:
            stream = decompressed(_Watched(reader, progress), place=place, limits=limits)
            yield PlainLayer(stream, reader, layer.digest, hashed=hashed)
        except MalformedDocument:
            reader.finish()  # bytes that were altered or cut short say so first
            raise
        reader.finish()


class _Watched:
    """Tells of the bytes that are read through it, and stops when nobody wants them any more."""

    def __init__(self, reader: VerifiedReader, progress: Callable[[int], object] | None) -> None:
        self._reader, self._progress = reader, progress

    def read(self, size: int, /) -> bytes:
        stopping.check()
        chunk = self._reader.read(size)
        if self._progress is not None:
            self._progress(len(chunk))
        return chunk
