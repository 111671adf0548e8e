"""A tar of files where they lie: nothing is held in memory, the same files give the same bytes.

Source: POSIX.1-2017, pax, "ustar Interchange Format"; of no time, owned by root, mode 0644.
"""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from provenance.errors import MalformedDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.oci.slices import Slice

__all__ = ["write_tar"]

_AT_ONCE = 1 << 20


def write_tar(out: BinaryIO, files: Iterable[tuple[str, bytes | Slice]]) -> None:
    """Write `files` in their order.

    Raises:
        OSError: no space.
        MalformedDocument: what is copied ends early.
    """
    for name, content in files:
        member = tarfile.TarInfo(name)
        member.size = len(content) if isinstance(content, bytes) else content.size
        out.write(member.tobuf(tarfile.PAX_FORMAT))
        if isinstance(content, bytes):
            out.write(content)
        else:
            _move(out, name, content)
        out.write(bytes(-member.size % tarfile.BLOCKSIZE))
    out.write(bytes(2 * tarfile.BLOCKSIZE))
    out.write(bytes(-out.tell() % tarfile.RECORDSIZE))


def _move(out: BinaryIO, name: str, content: Slice) -> None:
    """Copy a stretch: by the system where it can, which may share the bytes."""
    out.flush()
    done = _by_system(out, content)
    out.seek(0, io.SEEK_END)
    content.seek_to(done)
    while done < content.size and (chunk := content.read(_AT_ONCE)):
        out.write(chunk)
        done += len(chunk)
    if done != content.size:
        raise MalformedDocument(
            f"{name[:200]} ends after {done} of {content.size} bytes",
            hint="the archive was cut short; it is left as it is",
        )


def _by_system(out: BinaryIO, content: Slice) -> int:
    """How many bytes the system has copied; it may copy none, for all kinds of reasons."""
    done = 0
    if not hasattr(os, "copy_file_range"):
        return 0
    while done < content.size:
        try:
            moved = os.copy_file_range(
                content.file.fileno(),
                out.fileno(),
                min(content.size - done, 1 << 30),
                content.offset + done,
            )
        except OSError:  # two file systems, or one that has no such call
            break
        if not moved:
            break
        done += moved
    return done
