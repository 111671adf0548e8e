"""What is pushed: bytes, a file, or a function that opens it anew; read once, proven on the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from provenance.digests import VerifiedReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provenance.oci.descriptor import Descriptor

__all__ = ["Content", "HeldBack", "Progress", "open_content"]

Content: TypeAlias = "bytes | BinaryIO | Callable[[], AbstractContextManager[VerifiedReader]]"
"""Bytes; a seekable file; or what opens a stream from the beginning, as often as it is asked."""

Progress: TypeAlias = Callable[[int], None]
"""Told how many bytes have just been moved; less than zero where they must be moved again."""

_AHEAD = 1 << 20


@contextmanager
def open_content(data: Content, descriptor: Descriptor) -> Iterator[VerifiedReader]:
    """A stream of `data` from its beginning, that ends well only if it is what `descriptor` says.

    A file stays open.
    """
    if callable(data):
        with data() as stream:
            yield stream
        return
    source = io.BytesIO(data) if isinstance(data, bytes) else data
    source.seek(0)
    yield VerifiedReader(source, descriptor.digest, descriptor.size, where="the data to push")


class HeldBack:
    """A body for HTTP whose last bytes leave only when all of them are proven.

    Whoever receives it is promised its length, and so never takes altered content for complete.
    """

    def __init__(
        self,
        stream: VerifiedReader,
        size: int,
        *,
        start: int = 0,
        progress: Progress | None = None,
    ) -> None:
        """Hand out `stream` from byte `start` to `size`; what is before is read and proven too."""
        self._stream = stream
        self._progress = progress
        self._length = size - start
        self._skip = start
        self._ahead: bytes | None = None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_AHEAD):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; empty at the proven end. Raises ContentMismatch."""
        want = _AHEAD if size < 0 else size
        if self._ahead is None:
            self._pass_over()
            self._ahead = self._stream.read(_AHEAD)
        chunk, self._ahead = self._ahead[:want], self._ahead[want:]
        if not self._ahead and chunk:
            self._ahead = self._stream.read(_AHEAD)
        if chunk and self._progress is not None:
            self._progress(len(chunk))
        return chunk

    def _pass_over(self) -> None:
        while self._skip and (chunk := self._stream.read(min(self._skip, _AHEAD))):
            self._skip -= len(chunk)
