"""Which files have been hashed, so that each is hashed once as long as it stays the same."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from provenance.digests import VerifiedReader
from provenance.errors import ContentMismatch

if TYPE_CHECKING:
    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor

__all__ = ["Proofs"]

_State: TypeAlias = "tuple[int, ...]"


class Proofs:
    """Digests proven of open files. For threads."""

    def __init__(self) -> None:
        self._known: dict[Digest, _State] = {}
        self._lock = threading.Lock()

    def proven(self, file: BinaryIO, blob: Descriptor) -> bool:
        """Whether a regular file is `blob`; its size is asked first. Raises OSError."""
        found = os.fstat(file.fileno())
        if found.st_size != blob.size:
            return False
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        with self._lock:
            if self._known.get(blob.digest) == state:
                return True
        try:
            VerifiedReader(file, blob.digest, blob.size).finish()
        except ContentMismatch:
            return False
        with self._lock:
            self._known[blob.digest] = state
        return True
