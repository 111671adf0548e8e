"""`Folder`: one folder that files of strangers are written below, and nothing else on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from typing import TYPE_CHECKING, BinaryIO

from provenance.errors import MalformedDocument, RegistryUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from provenance.digests import Digest
    from provenance.oci.oras.names import Steps

__all__ = ["Folder", "write_whole"]

_FILE_MODE, _FOLDER_MODE, _OWNER = 0o666, 0o777, 0o700
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Folder:
    """Writes below `root`, never through a link, never over a file unless asked.

    Files get their names whole; rights are those asked for, less the process' umask and any
    set-user, set-group and sticky bit.
    """

    def __init__(self, root: Path, *, overwrite: bool = False, where: str = "") -> None:
        """Describe it; nothing is made yet.

        Args:
            root: the folder. It may be a link itself: the caller named it.
            overwrite: whether files may be replaced.
            where: the artifact's reference, for messages.
        """
        self.root = root
        self._overwrite = overwrite
        self._where = where
        self._made: set[tuple[int, int]] = set()
        self._lasting: list[tuple[Path, int]] = []

    def path(self, steps: Steps) -> Path:
        """The path of `steps`. Raises MalformedDocument if a link is on the way, or is it."""
        at = self.root
        for step in steps:
            at = self._below(at, step)
        return at

    def _below(self, at: Path, step: str) -> Path:
        if (at := at / step).is_symlink():
            raise self._refuse(f"{at} is a link, which is not written through")
        return at

    def keeps(self, path: Path, size: int, digest: Callable[[], Digest]) -> bool:
        """Whether the file at `path` is already what is to be written there.

        Args:
            path: from `path`.
            size: of what is to be written, in bytes.
            digest: asked for its digest, where a file of this size is there.

        Raises:
            MalformedDocument: another is there, and may not be replaced.
        """
        try:
            found = path.lstat()
        except FileNotFoundError:
            return False
        self._refuse_made(path, found)
        if stat.S_ISREG(found.st_mode) and found.st_size == size:
            wanted = digest()
            with path.open("rb") as file:
                if hashlib.file_digest(file, wanted.algorithm).hexdigest() == wanted.hex:
                    return True
        if stat.S_ISDIR(found.st_mode):
            raise self._refuse(f"{path} is a folder, where a file is to be written")
        if not self._overwrite:
            raise self._refuse(f"{path} is there already, with other content", "say overwrite")
        return False

    def refuse_twice(self, path: Path) -> None:
        """Raise MalformedDocument if this `Folder` wrote what is at `path`.

        Another name was asked for, but disks may take two for one: by case, or Unicode form.
        """
        with contextlib.suppress(FileNotFoundError):
            self._refuse_made(path, path.lstat())

    def _refuse_made(self, path: Path, found: os.stat_result) -> None:
        if (found.st_dev, found.st_ino) in self._made:
            raise self._refuse(f"two of the files are {path}, on this disk")

    def write(self, path: Path, chunks: Iterable[bytes], mode: int = _FILE_MODE) -> None:
        """Write a file whole. What `chunks` raises leaves nothing behind."""
        with write_whole(path, mode) as file:
            for chunk in chunks:
                file.write(chunk)
            made = os.fstat(file.fileno())
            self._made.add((made.st_dev, made.st_ino))

    def make(self, steps: Steps, modes: Mapping[Steps, int]) -> Path:
        """Make a folder and those above it, with the rights in `modes` where it has them.

        Until `finish` their owner may write in them. One that is there stays as it is.
        """
        at = self.root
        at.mkdir(parents=True, exist_ok=True)
        for count, step in enumerate(steps, 1):
            at, mode = self._below(at, step), modes.get(steps[:count], _FOLDER_MODE)
            with contextlib.suppress(FileExistsError):
                at.mkdir(mode & _FOLDER_MODE | _OWNER)
                if mode & _OWNER != _OWNER:
                    self._lasting.append((at, mode))
        return at

    def finish(self) -> None:
        """Take from owners what the folders that were made are to deny them."""
        while self._lasting:
            path, mode = self._lasting.pop()
            path.chmod(stat.S_IMODE(path.lstat().st_mode) & ~_OWNER | mode & _OWNER)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Tell of a disk that is full, a name too long for it, a file where a folder is to be.

        Raises RegistryUnavailable.
        """
        try:
            yield
            self.finish()
        except OSError as error:
            raise RegistryUnavailable(
                f"a file cannot be written below {self.root}"
                f" ({error.strerror or type(error).__name__})",
                reference=self._where,
                hint="check that it is a folder, its permissions and the space left",
            ) from error

    def _refuse(self, message: str, hint: str = "") -> MalformedDocument:
        return MalformedDocument(message, reference=self._where, hint=hint)


@contextlib.contextmanager
def write_whole(path: Path, mode: int = _FILE_MODE) -> Iterator[BinaryIO]:
    """A file that is at `path` when the block ends well, and nowhere otherwise.

    It has the rights of `mode`, less the umask.
    """
    temporary = path.parent / f".pull-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
    handle = os.open(temporary, flags, mode & _FOLDER_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
