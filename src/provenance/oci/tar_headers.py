"""What `tarfile` may read of an archive: headers, none of them large.

A header says how long the next one is, and `tarfile` reads that in one piece: a few bytes that
inflate to gigabytes would be held in memory. What files contain is read elsewhere.
"""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    import gzip

__all__ = ["open_tar"]

_LARGEST = 4 << 20


def open_tar(file: BinaryIO | gzip.GzipFile) -> tarfile.TarFile:
    """The tar in an open, seekable file, which stays the caller's to close.

    Raises:
        tarfile.TarError: no tar; or, then or later, a header that is too large.
    """
    # It reads and seeks, which is all that is asked.
    return tarfile.open(fileobj=cast("BinaryIO", _Headers(file)), mode="r:")


class _Headers:
    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OverflowError, OSError) as error:
            raise tarfile.ReadError(f"a file that ends at {offset}") from error

    def tell(self) -> int:
        return self._file.tell()
