"""What has been hashed, so that it is hashed once as long as it stays the same."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from provenance.digests import VerifiedReader
from provenance.errors import ContentMismatch

if TYPE_CHECKING:
    import io

    from provenance.digests import Digest
    from provenance.oci.descriptor import Descriptor

__all__ = ["Proofs"]

_State: TypeAlias = "tuple[int, ...]"


class Proofs:
    """Digests proven, and of what. For threads."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[Digest, _State] = {}
        self._lock = threading.Lock()

    def proven(self, file: BinaryIO, blob: Descriptor) -> bool:
        """Whether a regular file is `blob`; its size is asked first. Raises OSError."""
        found = os.fstat(file.fileno())
        if found.st_size != blob.size:
            return False
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        return self.proven_at(state, file, blob)

    def proven_at(self, state: _State, file: BinaryIO | io.RawIOBase, blob: Descriptor) -> bool:
        """Whether what `file` reads is `blob`; `state` is another when it may be other content."""
        with self._lock:
            if self._known.get(blob.digest) == state:
                return True
        try:
            VerifiedReader(cast("BinaryIO", file), blob.digest, blob.size).finish()
        except ContentMismatch:
            return False
        with self._lock:
            self._known[blob.digest] = state
        return True
