"""Credentials: whose, from where, in which order. Secrets never reach a message or a pickle.

Order: what the caller gives; REGISTRY_AUTH_FILE; DOCKER_AUTH_CONFIG; Docker's config.json
(credHelpers, then credsStore, then auths); podman's auth.json. The first source that knows
the host answers; a source that fails is an error, as "anonymous" would then be a guess.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from provenance.errors import MalformedDocument, NotEvaluated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Credential", "Credentials", "find_credential"]

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER_SECONDS = 60
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TOKEN_USER = "<token>"  # noqa: S105 - docker-credential-helpers: the secret is an identity token
_MAX_FILE = 4 << 20


@dataclass(frozen=True, slots=True)
class Credential:
    """A name and password, or an identity (refresh) token, for one registry."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    source: str = "the caller"
    """Where it was found, for people."""

    def __reduce__(self) -> Any:
        """Refuse: a pickle travels to places a password must not."""
        raise TypeError("credentials are not pickled; name their source on the other side")


Credentials: TypeAlias = (
    "Mapping[str, Credential | tuple[str, str]] | Callable[[str], Credential | None]"
)
"""What a caller may give: host to credential, or a function of the host."""


def find_credential(
    host: str, given: Credentials | None = None, environ: Mapping[str, str] | None = None
) -> Credential | None:
    """The credential for a registry, or None: anonymous.

    Args:
        host: as references name it, e.g. `ghcr.io`, `docker.io`, `localhost:5000`.
        given: the caller's own; where it knows the host, nothing else is asked.
        environ: None: the process' environment.

    Raises:
        MalformedDocument: a configuration file that is no JSON of the expected form.
        NotEvaluated: a credential helper is missing, failed or took too long.
    """
    env = os.environ if environ is None else environ
    found = _from_caller(host, given)
    if found is not None:
        return found
    for path, document in _documents(env):
        found = _from_config(host, path, document, env)
        if found is not None:
            return found
    return None


def _from_caller(host: str, given: Credentials | None) -> Credential | None:
    if given is None:
        return None
    found = given(host) if callable(given) else given.get(host)
    if found is None or isinstance(found, Credential):
        return found
    return Credential(found[0], found[1])


def _documents(env: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every configuration there is, in order, with the name to call it by; read when its turn is.

    A later file that cannot be read is nobody's business once an earlier one knew the host.
    """
    if explicit := env.get("REGISTRY_AUTH_FILE"):
        yield explicit, _load(Path(explicit))
    if inline := env.get("DOCKER_AUTH_CONFIG"):
        yield "DOCKER_AUTH_CONFIG", _decode("DOCKER_AUTH_CONFIG", inline.encode())
    for place in _places(env):
        if _is_there(place):
            yield str(place), _load(place)


def _places(env: Mapping[str, str]) -> list[Path]:
    home: Path | None = None
    with contextlib.suppress(RuntimeError):  # a user without a home, as containers have them
        home = Path(env.get("HOME") or "~").expanduser()
    out: list[Path] = []
    if folder := env.get("DOCKER_CONFIG"):
        out.append(Path(folder) / "config.json")
    elif home is not None:
        out.append(home / ".docker" / "config.json")
    if runtime := env.get("XDG_RUNTIME_DIR"):
        out.append(Path(runtime) / "containers" / "auth.json")
    if config := env.get("XDG_CONFIG_HOME"):
        out.append(Path(config) / "containers" / "auth.json")
    elif home is not None:
        out.append(home / ".config" / "containers" / "auth.json")
    return out


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # a folder one may not look into: may hold credentials, or not
        raise NotEvaluated(
            f"the credentials file {path} cannot be looked at ({error.strerror})",
            hint="make its folder readable, or set DOCKER_CONFIG to another",
        ) from error


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE)
    except OSError as error:
        raise NotEvaluated(
            f"the credentials file {path} cannot be read ({error.strerror})",
            hint="make it readable, or unset the variable that names it",
        ) from error
    return _decode(str(path), data)


def _decode(name: str, data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        # The parser's message is left out: it quotes the file.
        raise MalformedDocument(f"{name} is no JSON", hint="see docker login") from error
    if not isinstance(document, dict):
        raise MalformedDocument(f"{name} is no JSON object", hint="see docker login")
    return document


def _from_config(
    host: str, path: str, document: dict[str, Any], env: Mapping[str, str]
) -> Credential | None:
    keys = [_HUB_KEY, "docker.io", "index.docker.io"] if host == "docker.io" else [host]
    helpers = document.get("credHelpers")
    for key in keys:
        if isinstance(helpers, dict) and isinstance(helpers.get(key), str):
            return _from_helper(helpers[key], key, env)
    store = document.get("credsStore")
    if isinstance(store, str) and store:
        found = _from_helper(store, keys[0], env)
        if found is not None:
            return found
    auths = document.get("auths")
    if not isinstance(auths, dict):
        return None
    for key in [*keys, *(f"https://{k}" for k in keys), *(f"https://{k}/v1/" for k in keys)]:
        entry = auths.get(key)
        if isinstance(entry, dict) and entry:
            return _from_entry(entry, f"{path} ({key})")
    return None


def _from_entry(entry: dict[str, Any], source: str) -> Credential | None:
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Credential(identity_token=token, source=source)
    encoded = entry.get("auth")
    if isinstance(encoded, str) and encoded:
        try:
            plain = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise MalformedDocument(
                f"the auth entry of {source} is not base64 of name:password", hint="log in again"
            ) from error
        user, colon, password = plain.partition(":")
        if not colon:
            raise MalformedDocument(
                f"the auth entry of {source} has no colon between name and password",
                hint="log in again",
            )
        return Credential(user, password.rstrip("\0"), source=source)
    name, secret = entry.get("username"), entry.get("password")
    if isinstance(name, str) and isinstance(secret, str) and name:
        return Credential(name, secret, source=source)
    return None


def _from_helper(name: str, key: str, env: Mapping[str, str]) -> Credential | None:
    program = f"docker-credential-{name}"
    if _HELPER_NAME.fullmatch(name) is None:
        raise MalformedDocument(f"{name[:100]!r} is no name of a credential helper")
    try:
        done = subprocess.run(  # noqa: S603 - the user's own helper, by its fixed protocol
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            check=False,
            env=dict(env),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotEvaluated(
            f"the credential helper {program} did not run ({type(error).__name__})",
            hint="install it, or remove it from Docker's config.json",
        ) from error
    output = done.stdout[:_MAX_FILE]
    if done.returncode != 0:
        # The protocol's one way to say "I know no such host".
        if b"credentials not found" in output or b"credentials not found" in done.stderr:
            return None
        raise NotEvaluated(
            f"the credential helper {program} failed with status {done.returncode} for {key}",
            hint="run it by hand to see why",
        )
    answer = _decode(f"the answer of {program}", output)
    user, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str):
        raise MalformedDocument(f"the answer of {program} has no Username and Secret")
    if user == _TOKEN_USER:
        return Credential(identity_token=secret, source=program)
    return Credential(user, secret, source=program)
