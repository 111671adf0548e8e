"""`Message`: what is signed, as bytes or as a file that is read once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from provenance.errors import LimitExceeded, NotFound

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Bytes", "File", "Message", "unreadable"]


class Message(Protocol):
    """What a signature is over."""

    def digest(self, algorithm: str) -> bytes:
        """Its hash by `hashlib`'s name of an algorithm."""
        ...

    def read(self) -> bytes:
        """All of it."""
        ...


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes in memory."""

    data: bytes = field(repr=False)

    def digest(self, algorithm: str) -> bytes:
        """Their hash."""
        return hashlib.new(algorithm, self.data).digest()

    def read(self) -> bytes:
        """Themselves."""
        return self.data


@dataclass(frozen=True, slots=True)
class File:
    """A file. Raises NotFound where it cannot be read."""

    path: Path
    limit: int
    """Bytes that may be held in memory; hashing needs none."""

    def digest(self, algorithm: str) -> bytes:
        """Its content's hash; it may be of any size."""
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, algorithm).digest()
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error

    def read(self) -> bytes:
        """Its content. Raises LimitExceeded where it has more than `limit` bytes."""
        try:
            with self.path.open("rb") as file:
                data = file.read(self.limit + 1)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if len(data) > self.limit:
            raise LimitExceeded(
                f"{self.path} has more than {self.limit} bytes, all of which this key must see",
                hint="use an ECDSA or RSA key that signs hashes, or raise Limits.document_bytes",
            )
        return data

    def _unreadable(self, error: OSError | ValueError) -> NotFound:
        return unreadable(self.path, error)


def unreadable(path: str | Path, error: OSError | ValueError) -> NotFound:
    """The error for a file that cannot be opened. ValueError: a name that none can have."""
    if isinstance(error, ValueError):
        return NotFound(f"{str(path)[:300]!a} is no path", hint="check it")
    return NotFound(f"{path} cannot be read ({error.strerror})", hint="check the path")
