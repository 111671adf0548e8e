"""Files that get their name when they are complete, and leave nothing when they are not.

Where the system can, a file has no name at all while it is written, so that not even a killed
writer leaves one. Where it must have one, its writer holds a lock on it: what nobody holds is a
dead writer's, and `sweep` removes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from provenance.errors import RegistryUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TEMPORARY", "lock", "open_regular", "sweep", "temporary_space", "whole_file", "why"]

TEMPORARY = ".write-"
"""How a file's name begins while it is written, where it must have one."""

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_CAREFUL = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY
# What file systems that have no nameless files say, and those of other kinds.
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})


@contextmanager
def temporary_space(name: str) -> Iterator[None]:
    """While something is kept among temporary files, for `name`.

    Raises RegistryUnavailable: there is no space, or no such folder.
    """
    try:
        yield
    except OSError as error:
        raise RegistryUnavailable(
            f"{name} cannot be kept among temporary files ({why(error)})",
            reference=name,
            hint="check the space left there, or set TMPDIR",
        ) from error


@contextmanager
def whole_file(target: Path, *, prefix: str = TEMPORARY, new: bool = False) -> Iterator[BinaryIO]:
    """A file to write; it becomes `target` at the end, if nothing was raised.

    Args:
        target: takes the place of what is there.
        prefix: how the file is called meanwhile, where it must have a name.
        new: raise FileExistsError where something is there by then.

    Raises:
        OSError: it cannot be written.
    """
    handle, name = _begin(target.parent, prefix)
    with os.fdopen(handle, "wb") as file:  # closed, and so unlocked, when it has its name
        try:
            yield file
            file.flush()
            if hasattr(os, "fchmod"):
                os.fchmod(handle, 0o644)
            if name is None and _appears(handle, target):
                return
            if name is None:
                name = _unused(target.parent, prefix)
                _link(handle, name)
            if new:
                os.link(name, target)
            else:
                name.replace(target)
        finally:
            if name is not None:
                with contextlib.suppress(FileNotFoundError):
                    name.unlink()


def sweep(folder: Path, prefix: str = TEMPORARY) -> None:
    """Remove what dead writers left in `folder`. Where files cannot be locked, nothing."""
    try:
        import fcntl
    except ImportError:
        return
    with os.scandir(folder) as entries:
        names = [entry.path for entry in entries if entry.name.startswith(prefix)]
    for name in names:
        try:
            handle = os.open(name, os.O_RDWR | _CAREFUL)
        except OSError:  # gone, or no file of ours
            continue
        with contextlib.closing(os.fdopen(handle, "rb", closefd=True)) as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # its writer lives
                continue
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()


def lock(handle: int) -> None:
    """Wait to be the one holder of an open file; let go by closing it."""
    try:
        import fcntl
    except ImportError:  # no such thing on Windows: one writer at a time there
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> BinaryIO:
    """An open regular file. Raises OSError for others: to open a pipe would wait for a writer."""
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | _BINARY, 0o644)
    file = os.fdopen(handle, "rb" if flags & os.O_ACCMODE == os.O_RDONLY else "r+b")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise FileNotFoundError(errno.ENOENT, "no regular file")
    return file


def why(error: OSError | RuntimeError) -> str:
    """The system's reason. Python before 3.13 tells of a loop of links by a RuntimeError."""
    return (error.strerror if isinstance(error, OSError) else "links in a loop") or "unknown"


def _begin(folder: Path, prefix: str) -> tuple[int, Path | None]:
    """A new file, locked: nameless, or with its temporary name."""
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        try:
            handle = os.open(folder, os.O_TMPFILE | os.O_WRONLY | _BINARY, 0o600)
        except OSError as error:
            if error.errno not in _NO_NAMELESS:
                raise
        else:
            lock(handle)
            return handle, None
    while True:
        name = _unused(folder, prefix)
        try:
            handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | _CAREFUL, 0o600)
        except FileExistsError:
            continue
        lock(handle)
        if os.fstat(handle).st_nlink:  # else it was swept away before it was locked
            return handle, name
        os.close(handle)


def _unused(folder: Path, prefix: str) -> Path:
    return folder / f"{prefix}{os.urandom(8).hex()}"


def _link(handle: int, target: Path) -> None:
    """Name a nameless file: open(2), O_TMPFILE. Raises FileExistsError.

    A `src_dir_fd`, though unused for an absolute path, makes Python call linkat(2), which alone
    follows the link that /proc shows.
    """
    os.link(f"/proc/self/fd/{handle}", target, src_dir_fd=handle, follow_symlinks=True)


def _appears(handle: int, target: Path) -> bool:
    """Give a nameless file its name; False: something has it."""
    try:
        _link(handle, target)
    except FileExistsError:
        return False
    return True
