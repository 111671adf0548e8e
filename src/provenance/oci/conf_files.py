"""Which files of `registries.conf` are in force on this machine, and what they say together.

Source: containers-registries.conf(5) and containers-registries.conf.d(5).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.errors import LimitExceeded, NotEvaluated, NotFound
from provenance.oci.registries_conf import RegistriesConf, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["find", "read"]

_MAX_BYTES = 1 << 20
_MAX_FILES = 256
_SYSTEM = Path("/etc/containers/registries.conf")


def find(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The files that are in force, in their order: one `registries.conf`, then the drop-ins.

    CONTAINERS_REGISTRIES_CONF; else that of the user, below XDG_CONFIG_HOME or ~/.config; else
    the system's in /etc/containers. Drop-ins are `registries.conf.d/*.conf` by name: the
    system's, but not beside a file of the user's own, then the user's.

    Raises:
        NotEvaluated: a file or folder of them cannot be looked at: it might forbid something.
    """
    env = os.environ if environ is None else environ
    user = _users(env)
    folders = [_SYSTEM, user]
    if named := env.get("CONTAINERS_REGISTRIES_CONF"):
        main = Path(named)
    elif user is not None and _is_file(user):
        main, folders = user, [user]
    else:
        main = _SYSTEM
    files = [main] if named or _is_file(main) else []
    for folder in folders:
        files += [] if folder is None else _drop_ins(folder.with_name("registries.conf.d"))
    if len(files) > _MAX_FILES:
        raise LimitExceeded(f"{len(files)} files of registries.conf are more than {_MAX_FILES}")
    return tuple(files)


def read(files: Sequence[Path]) -> RegistriesConf:
    """What `files` say together; later ones have the last word on a prefix.

    Raises:
        NotFound: no such file. NotEvaluated: it cannot be read.
        LimitExceeded: larger than a configuration is.
        MalformedDocument, UnsupportedFormat: as `parse`.
    """
    found = RegistriesConf()
    for file in files:
        found = found.merged(parse(_content(file), source=str(file)))
    return found


def _users(env: Mapping[str, str]) -> Path | None:
    """Where the user's own file would be; None for a user without a home."""
    base = env.get("XDG_CONFIG_HOME")
    try:
        home = Path(base) if base else Path(env.get("HOME") or "~").expanduser() / ".config"
    except RuntimeError:
        return None
    return home / "containers" / "registries.conf"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise _closed(path, "looked at", error) from error


def _drop_ins(folder: Path) -> list[Path]:
    try:
        return sorted(f for f in folder.iterdir() if f.name.endswith(".conf") and f.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _closed(folder, "looked into", error) from error


def _closed(path: Path, done: str, error: OSError) -> NotEvaluated:
    return NotEvaluated(
        f"{path} cannot be {done} ({error.strerror})",
        hint="it may forbid registries; let it be read",
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there", hint="check CONTAINERS_REGISTRIES_CONF") from error
    except OSError as error:
        raise _closed(path, "read", error) from error
    if len(data) > _MAX_BYTES:
        raise LimitExceeded(
            f"{path} has more than {_MAX_BYTES} bytes", hint="is it the right file?"
        )
    return data
