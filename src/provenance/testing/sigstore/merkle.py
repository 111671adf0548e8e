"""The Merkle tree of a transparency log. Source: RFC 6962 section 2.1."""

from __future__ import annotations

import hashlib

__all__ = ["Tree"]


class Tree:
    """Leaves that are only added, and the proofs over any first part of them."""

    def __init__(self) -> None:
        """An empty tree."""
        self._leaves: list[bytes] = []
        self._complete: dict[tuple[int, int], bytes] = {}

    def __len__(self) -> int:
        return len(self._leaves)

    def add(self, data: bytes) -> int:
        """Add a leaf; its index."""
        self._leaves.append(hashlib.sha256(b"\0" + data).digest())
        return len(self._leaves) - 1

    def root(self, size: int) -> bytes:
        """The hash of the tree of the first `size` leaves."""
        return self._hash(0, size) if size else hashlib.sha256().digest()

    def node(self, start: int, span: int) -> bytes:
        """The hash over `span` leaves from `start` on: a complete subtree. Raises IndexError."""
        if not 0 <= start <= start + span <= len(self) or span < 1:
            raise IndexError(f"no {span} leaves from {start} on")
        return self._hash(start, start + span)

    def proof(self, index: int, size: int) -> list[bytes]:
        """The audit path of a leaf in the tree of `size`, from the leaf up (section 2.1.1)."""
        if not 0 <= index < size <= len(self):
            raise IndexError(f"no leaf {index} in a tree of {size}")
        start, stop, path = 0, size, []
        while stop - start > 1:
            split = start + _split(stop - start)
            if index < split:
                path.append(self._hash(split, stop))
                stop = split
            else:
                path.append(self._hash(start, split))
                start = split
        return path[::-1]

    def _hash(self, start: int, stop: int) -> bytes:
        if stop - start == 1:
            return self._leaves[start]
        if known := self._complete.get((start, stop)):
            return known
        split = start + _split(stop - start)
        found = hashlib.sha256(b"\1" + self._hash(start, split) + self._hash(split, stop)).digest()
        # A complete subtree never changes; keeping them makes every proof logarithmic.
        if (stop - start) & (stop - start - 1) == 0:
            self._complete[start, stop] = found
        return found


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
