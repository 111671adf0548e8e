"""What every kind of rpm database yields: header blobs, and what could not be read of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from provenance.catalog.ecosystems.rpm.header import MAX_HEADER

__all__ = ["Blob", "Budget", "Fault"]


class Blob(NamedTuple):
    """One package's header."""

    key: str
    """What the database knows it by."""
    data: bytes
    doubt: str = ""
    """What is wrong around it, if it could be read nevertheless."""


class Fault(NamedTuple):
    """A part of the database that cannot be read."""

    message: str


@dataclass(slots=True)
class Budget:
    """Bytes that blobs may have together.

    No more than the file has: places that point to the same bytes again and again would otherwise
    make a small file a large one.
    """

    left: int
    exhausted: bool = False

    def take(self, size: int) -> bool:
        """Whether a blob of `size` may be read; then it is subtracted."""
        if size > self.left:
            self.exhausted = True
            return False
        self.left -= size
        return size <= MAX_HEADER

    def fault(self) -> Fault:
        """What to say when nothing is left."""
        return Fault("the packages are larger than the database together; the rest is not read")
