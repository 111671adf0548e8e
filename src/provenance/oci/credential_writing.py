"""Credentials files, written: as `docker login` and `podman login` write them.

A file is written whole and for its owner alone. What we do not know in it stays.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import MalformedDocument, NotEvaluated, UnsupportedFormat
from provenance.oci.credential_files import HUB_KEY, HUB_NAMES, CredentialFile, decode, entry_key
from provenance.oci.credential_helpers import (
    TOKEN_USER,
    ask_helper,
    erase_from_helper,
    program_of,
    store_in_helper,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.oci.credential import Credential
    from provenance.oci.credential_files import Place

__all__ = ["keep", "remove"]


def keep(place: Place, name: str, credential: Credential, env: Mapping[str, str]) -> str:
    """Keep a credential for `name`, a host or a part of one; returns where: file or helper.

    Through the helper that the file names for the host, if it does; then the file says no secret.

    Raises:
        NotEvaluated: the file cannot be written, which then is as it was; or the helper failed.
        UnsupportedFormat: a helper has the host, and cannot have a part of it.
        MalformedDocument: the file is none, or the name cannot be written into it.
    """
    path = _path(place)
    key = _key(path, name)
    file = CredentialFile(place.name, _document(place))
    host, slash, _ = name.partition("/")
    helper = file.helper(host) or file.store(host)
    if helper is None:
        _write(path, lambda document: _replace(document, name, key, _entry(credential)))
        return str(path)
    program = program_of(helper[0])
    if slash:
        raise UnsupportedFormat(
            f"{program} keeps the logins of {host}, and knows no parts of a registry",
            hint=f"log in to {host}, or name another file (--auth-file)",
        )
    store_in_helper(*helper, credential, env)
    _write(path, lambda document: _replace(document, name, key, {}))  # as Docker does: for lists
    return program


def remove(place: Place, name: str, env: Mapping[str, str]) -> str:
    """Remove what is kept for `name`; returns from where, or "" if there was nothing.

    Raises NotEvaluated: the file cannot be written, or a helper failed.
    """
    file = place.read()
    if file is None:
        return ""
    host, slash, _ = name.partition("/")
    helper = None if slash else file.helper(host) or file.store(host)
    where = ""
    if helper is not None and ask_helper(*helper, env) is not None:
        erase_from_helper(*helper, env)
        where = program_of(helper[0])
    if any(meant == name for _, meant, _ in file.entries()):
        where = where or place.name
    if where:
        if place.path is None:
            raise NotEvaluated(
                f"the login of {name} stands in the variable {place.name}",
                hint="unset it, or take the entry out",
            )
        _write(place.path, lambda document: _replace(document, name, "", None))
    return where


def _path(place: Place) -> Path:
    if place.path is None:
        raise NotEvaluated(f"nothing can be saved in the variable {place.name}")
    return place.path


def _key(path: Path, name: str) -> str:
    """What the file's own program calls it: Docker has an old name for Docker Hub."""
    return HUB_KEY if name == HUB_NAMES[0] and path.name == "config.json" else name


def _document(place: Place) -> dict[str, Any]:
    """What is there so far; a file that was named need not be."""
    path = _path(place)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _failed(path, error) from error
    file = place.read()
    return {} if file is None else file.document


def _entry(credential: Credential) -> dict[str, str]:
    if credential.identity_token:
        # With a name, without which Docker takes the file for broken and podman the entry.
        pair = f"{credential.username or TOKEN_USER}:"
        return {"auth": _encoded(pair), "identitytoken": credential.identity_token}
    if ":" in credential.username or not credential.username:
        raise MalformedDocument(
            "a name with a colon, or none, cannot be kept in a credentials file",
            hint="check the name",
        )
    return {"auth": _encoded(f"{credential.username}:{credential.password}")}


def _encoded(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode("ascii")


def _replace(document: dict[str, Any], name: str, key: str, entry: dict[str, str] | None) -> None:
    """Put `entry` in the place of every spelling of `name`."""
    auths = document.get("auths")
    auths = auths if isinstance(auths, dict) else {}
    kept = {k: v for k, v in auths.items() if entry_key(k) != name or k == key}
    if entry is not None:
        kept[key] = entry
    document["auths"] = kept


def _failed(path: Path, error: Exception) -> NotEvaluated:
    reason = error.strerror if isinstance(error, OSError) else type(error).__name__
    return NotEvaluated(
        f"the credentials file {path} cannot be written ({reason})",
        hint="make it and its folder yours, or name another file (--auth-file)",
    )


def _write(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the file at `path`, or behind the link there: whole, or not at all."""
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Read again: a helper may have taken a minute, in which another program wrote.
        document = decode(str(path), target.read_bytes()) if target.exists() else {}
        change(document)
        text = json.dumps(document, indent="\t")
        _write_whole(target, text.encode())
    except (OSError, RuntimeError) as error:
        raise _failed(path, error) from error


def _write_whole(target: Path, data: bytes) -> None:
    handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if target.exists() and hasattr(os, "fchown"):
                owner = target.stat()  # root writes for a user: it stays that user's
                if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        Path(scratch).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(scratch).unlink()
        raise
