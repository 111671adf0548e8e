"""Credential helpers: programs called `docker-credential-NAME`, by their three verbs.

Source: docker/docker-credential-helpers. What they print may hold a secret: no message quotes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

from provenance.errors import MalformedDocument, NotEvaluated
from provenance.oci.credential import Credential
from provenance.oci.credential_files import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOKEN_USER", "ask_helper", "erase_from_helper", "program_of", "store_in_helper"]

_SECONDS = 60
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
TOKEN_USER = "<token>"  # noqa: S105 - the name that says: the secret is an identity token
_MOST_BYTES = 4 << 20
_UNKNOWN = b"credentials not found"


def program_of(name: str) -> str:
    """The program of the helper `name`. Raises MalformedDocument for what is no such name."""
    if _NAME.fullmatch(name) is None:
        raise MalformedDocument(f"{name[:100]!r} is no name of a credential helper")
    return f"docker-credential-{name}"


def ask_helper(name: str, key: str, env: Mapping[str, str]) -> Credential | None:
    """What the helper knows of `key`; None: it said that it knows nothing.

    Raises:
        NotEvaluated: it is not there, failed, or took more than a minute.
        MalformedDocument: it answered something else.
    """
    program = program_of(name)
    status, output, complaint = _run(program, "get", key.encode(), env)
    if status != 0:
        # The protocol's one way to say "I know no such host".
        if _UNKNOWN in output or _UNKNOWN in complaint:
            return None
        raise _failed(program, status, key)
    answer = decode(f"the answer of {program}", output[:_MOST_BYTES])
    user, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str):
        raise MalformedDocument(f"the answer of {program} has no Username and Secret")
    if user == TOKEN_USER:
        return Credential(identity_token=secret, source=program)
    return Credential(user, secret, source=program)


def store_in_helper(name: str, key: str, credential: Credential, env: Mapping[str, str]) -> None:
    """Let the helper keep a credential for `key`. Raises NotEvaluated: it did not."""
    program = program_of(name)
    user, secret = credential.username, credential.password
    if credential.identity_token:
        user, secret = TOKEN_USER, credential.identity_token
    payload = json.dumps({"ServerURL": key, "Username": user, "Secret": secret}).encode()
    status, _, _ = _run(program, "store", payload, env)
    if status != 0:
        raise _failed(program, status, key)


def erase_from_helper(name: str, key: str, env: Mapping[str, str]) -> None:
    """Let the helper forget `key`. Raises NotEvaluated: it did not."""
    program = program_of(name)
    status, output, complaint = _run(program, "erase", key.encode(), env)
    if status != 0 and _UNKNOWN not in output and _UNKNOWN not in complaint:
        raise _failed(program, status, key)


def _failed(program: str, status: int, key: str) -> NotEvaluated:
    return NotEvaluated(
        f"the credential helper {program} failed with status {status} for {key}",
        hint="run it by hand to see why",
    )


def _run(
    program: str, verb: str, payload: bytes, env: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    """Status and both outputs. What it started ends with it when time is up."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own helper, by its fixed protocol
            [program, verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotEvaluated(
            f"the credential helper {program} did not run ({type(error).__name__})",
            hint="install it, or remove it from the configuration that names it",
        ) from error
    try:
        output, complaint = process.communicate(payload, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        # From None: the exception holds what the helper has printed so far.
        raise NotEvaluated(
            f"the credential helper {program} did not answer within {_SECONDS} s",
            hint="run it by hand to see what it waits for",
        ) from None
    finally:
        _end(process)
    return process.returncode, output, complaint


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a helper that has not answered, with all its children: one may hold the pipes open."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what was not written yet has nobody to read it
                pipe.close()
    process.wait()
