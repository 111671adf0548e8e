"""Docker's `config.json` and podman's `auth.json`: where they are, and whom they know.

Source: Docker's configuration file, containers-auth.json(5). Both are read by the same rules, as
podman reads Docker's: an entry may be for a host or, without `https://`, for a part of it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from provenance.errors import LimitExceeded, MalformedDocument, NotEvaluated
from provenance.oci.credential import Credential

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "HUB_KEY",
    "HUB_NAMES",
    "INLINE",
    "CredentialFile",
    "Place",
    "decode",
    "entry_key",
    "places",
]

HUB_KEY = "https://index.docker.io/v1/"
"""What Docker calls Docker Hub in its file, and credential helpers with it."""
HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
INLINE = "DOCKER_AUTH_CONFIG"
"""The variable that holds a whole file."""
_PER_USER = "/run/containers/{}/auth.json"
"""Podman's, where there is no XDG_RUNTIME_DIR: as for root in a CI job."""
_MOST_BYTES = 4 << 20
_API = re.compile(r"/v[0-9]+/?|/", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a credentials file may be."""

    kind: Literal["named", "inline", "docker", "podman"]
    """`named` by REGISTRY_AUTH_FILE; `inline` in DOCKER_AUTH_CONFIG; Docker's; podman's."""
    path: Path | None
    """None: inline."""
    text: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What to call it."""
        return INLINE if self.path is None else str(self.path)

    def read(self) -> CredentialFile | None:
        """What it holds; None: nothing is there.

        Raises:
            NotEvaluated: something may be there, but cannot be read.
            MalformedDocument: no JSON object. LimitExceeded: far too large.
        """
        if self.path is None:
            return CredentialFile(self.name, decode(self.name, self.text.encode()))
        if self.kind != "named" and not _is_there(self.path):
            return None
        return CredentialFile(self.name, decode(self.name, _bytes(self.path)))


def places(env: Mapping[str, str]) -> tuple[Place, ...]:
    """Every place to look at, in order. Nothing is read yet."""
    out = []
    if explicit := env.get("REGISTRY_AUTH_FILE"):
        out.append(Place("named", Path(explicit)))
    if inline := env.get(INLINE):
        out.append(Place("inline", None, inline))
    home = _home(env)
    if folder := env.get("DOCKER_CONFIG"):
        out.append(Place("docker", Path(folder) / "config.json"))
    elif home is not None:
        out.append(Place("docker", home / ".docker" / "config.json"))
    if runtime := env.get("XDG_RUNTIME_DIR"):
        out.append(Place("podman", Path(runtime) / "containers" / "auth.json"))
    elif hasattr(os, "getuid"):
        out.append(Place("podman", Path(_PER_USER.format(os.getuid()))))
    if config := env.get("XDG_CONFIG_HOME"):
        out.append(Place("podman", Path(config) / "containers" / "auth.json"))
    elif home is not None:
        out.append(Place("podman", home / ".config" / "containers" / "auth.json"))
    return tuple(out)


def _home(env: Mapping[str, str]) -> Path | None:
    if home := env.get("HOME"):
        return Path(home)
    with contextlib.suppress(RuntimeError):  # a user without a home, as containers have them
        return Path.home()
    return None


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # a folder one may not look into: may hold credentials, or not
        raise NotEvaluated(
            f"the credentials file {path} cannot be looked at ({error.strerror})",
            hint="make its folder readable, or set DOCKER_CONFIG to another",
        ) from error
    return True


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise NotEvaluated(
            f"the credentials file {path} cannot be read ({error.strerror})",
            hint="make it readable, or unset the variable that names it",
        ) from error
    if len(data) > _MOST_BYTES:
        raise LimitExceeded(
            f"the credentials file {path} has more than {_MOST_BYTES} bytes",
            hint="it is no such file; unset the variable that names it",
        )
    return data


def decode(name: str, data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, `{}` of nothing. Raises MalformedDocument, without quoting it."""
    try:
        document = json.loads(data.strip() or b"{}")
    except (ValueError, RecursionError):
        # From None: the parser's message quotes the file, and a traceback would show it.
        raise MalformedDocument(f"{name} is no JSON", hint="repair it, or log in again") from None
    if not isinstance(document, dict):
        raise MalformedDocument(f"{name} is no JSON object", hint="repair it, or log in again")
    return document


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """What one file holds."""

    name: str
    """Its path, or the variable it stands in."""
    document: dict[str, Any] = field(repr=False, hash=False)

    def helper(self, host: str) -> tuple[str, str] | None:
        """The helper of this host alone, and what it calls the host. A host, never a part of one.

        Raises MalformedDocument: what stands there is no name.
        """
        helpers = self.document.get("credHelpers")
        if not isinstance(helpers, dict):
            return None
        for key in (HUB_KEY, *HUB_NAMES) if host == HUB_NAMES[0] else (host,):
            if name := self._program(helpers.get(key)):
                return name, key
        return None

    def store(self, host: str) -> tuple[str, str] | None:
        """The helper for all hosts, and what it calls this one. Raises MalformedDocument."""
        name = self._program(self.document.get("credsStore"))
        return (name, HUB_KEY if host == HUB_NAMES[0] else host) if name else None

    def _program(self, name: Any) -> str:
        if name is None or name == "":
            return ""
        if not isinstance(name, str):
            raise MalformedDocument(f"{self.name} names a credential helper by what is no text")
        return name

    def entries(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each entry that says something: its key, what that is for, and what it says."""
        auths = self.document.get("auths")
        for key, entry in auths.items() if isinstance(auths, dict) else ():
            if isinstance(entry, dict) and entry:
                yield key, entry_key(key), entry

    def find(self, host: str, repository: str) -> Credential | None:
        """The credential of the entry that names most of `host/repository`.

        Raises MalformedDocument: the entry is not of the form.
        """
        known: dict[str, tuple[str, dict[str, Any]]] = {}
        for key, meant, entry in self.entries():
            # Of several spellings, the one that the programs of today write.
            if meant not in known or key in {meant, HUB_KEY}:
                known[meant] = key, entry
        for name in names_of(host, repository):
            if name in known:
                key, entry = known[name]
                found = _from_entry(entry, f"{self.name} ({key})")
                if found is not None:
                    return found
        return None


def names_of(host: str, repository: str) -> Iterable[str]:
    """`h/a/b`, `h/a`, `h`: what an entry may be for, the narrowest first."""
    parts = [host, *(p for p in repository.split("/") if p)]
    return ("/".join(parts[:n]) for n in range(len(parts), 0, -1))


def entry_key(key: str) -> str:
    """What an entry is for: a host, or a host and a path, in one spelling.

    >>> entry_key("https://index.docker.io/v1/"), entry_key("quay.io/org")
    ('docker.io', 'quay.io/org')
    """
    bare = re.sub(r"\Ahttps?://", "", key)
    host, slash, path = bare.partition("/")
    host = host.lower()
    host = HUB_NAMES[0] if host in HUB_NAMES else host
    # "https://host/v1/" is how Docker spelled a host once; "host/v1" may be a part of it.
    if not slash or (bare != key and _API.fullmatch(f"/{path}")) or not path:
        return host
    return f"{host}/{path}"


def _from_entry(entry: dict[str, Any], source: str) -> Credential | None:
    def text(name: str) -> str:
        value = entry.get(name)
        return value if isinstance(value, str) else ""

    if token := text("registrytoken"):
        return Credential(registry_token=token, source=source)
    if token := text("identitytoken"):
        return Credential(identity_token=token, source=source)
    if encoded := text("auth"):
        user, password = _split_auth(encoded, source)
        return Credential(user, password, source=source)
    if text("username") and isinstance(entry.get("password"), str):
        return Credential(text("username"), text("password"), source=source)
    return None


def _split_auth(encoded: str, source: str) -> tuple[str, str]:
    try:
        plain = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise MalformedDocument(
            f"the auth entry of {source} is not base64 of name:password", hint="log in again"
        ) from None
    user, colon, password = plain.partition(":")
    if not colon:
        raise MalformedDocument(
            f"the auth entry of {source} has no colon between name and password",
            hint="log in again",
        )
    return user, password.rstrip("\0")
