"""Credentials: whose, from where, in which order. Secrets never reach a message or a pickle.

Order: what the caller gives; REGISTRY_AUTH_FILE; DOCKER_AUTH_CONFIG; Docker's config.json; podman's
auth.json (each: credHelpers, then credsStore, then auths); installed plugins. The first source
that knows the host answers; a source that fails is an error, as "anonymous" would be a guess.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

from provenance.errors import NotEvaluated, ProvenanceError
from provenance.oci.credential import Credential
from provenance.oci.credential_files import CredentialFile, Place, names_of, places
from provenance.oci.credential_helpers import ask_helper
from provenance.transport.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PLUGIN_GROUP", "Credential", "Credentials", "Keychain", "find_credential"]

PLUGIN_GROUP = "provenance.credentials"
"""Entry points of this group are called with a host, and return a `Credential` or None."""


Credentials: TypeAlias = (
    "Mapping[str, Credential | tuple[str, str]] | Callable[[str], Credential | None]"
)
"""What a caller may give: host, or host and part of a path, to credential; or a function of the
host."""


def find_credential(
    host: str,
    given: Credentials | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    repository: str = "",
) -> Credential | None:
    """The credential for a registry, or None: anonymous.

    Args:
        host: as references name it, e.g. `ghcr.io`, `docker.io`, `localhost:5000`.
        given: the caller's own; where it knows the host, nothing else is asked.
        environ: None: the process' environment.
        repository: what is to be read there: an entry for `quay.io/org` is for its repositories
            alone, and goes before one for `quay.io`.

    Raises:
        MalformedDocument: a configuration file that is no JSON of the expected form.
        NotEvaluated: a file cannot be read; a credential helper or plugin is missing, failed or
            took too long.
    """
    return Keychain(given, environ).find(host, repository)


class Keychain:
    """Finds credentials, and remembers what files and helpers said. Shared by threads."""

    def __init__(
        self, given: Credentials | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        """Ask `given`, then what `environ` (None: the process') leads to; nothing is read yet."""
        self._given = given
        self._environ = environ
        self._files: dict[Place, CredentialFile | None] = {}
        self._answers: dict[tuple[str, str], Credential | None] = {}
        self._lock = Lock()

    def find(self, host: str, repository: str = "") -> Credential | None:
        """As `find_credential`."""
        env = os.environ if self._environ is None else self._environ
        found = self._from_caller(host, repository)
        if found is not None:
            return found
        with self._lock:  # a helper may ask its user: once is enough
            # Read when its turn comes: a later file that cannot be read is nobody's business
            # once an earlier one knew the host.
            for place in places(env):
                if place not in self._files:
                    self._files[place] = place.read()
                file = self._files[place]
                found = None if file is None else self._from_file(file, host, repository, env)
                if found is not None:
                    return found
            return self._from_plugins(host)

    def forget(self) -> None:
        """Ask again: a credential may have been replaced since."""
        with self._lock:
            self._files.clear()
            self._answers.clear()

    def _from_caller(self, host: str, repository: str) -> Credential | None:
        if self._given is None:
            return None
        if callable(self._given):
            found: Credential | tuple[str, str] | None = self._given(host)
        else:
            names = names_of(host, repository)
            found = next((self._given[n] for n in names if n in self._given), None)
        if found is None or isinstance(found, Credential):
            return found
        return Credential(found[0], found[1])

    def _from_file(
        self, file: CredentialFile, host: str, repository: str, env: Mapping[str, str]
    ) -> Credential | None:
        own = file.helper(host)
        if own is not None:
            return self._from_helper(*own, env)
        store = file.store(host)
        found = self._from_helper(*store, env) if store is not None else None
        return found or file.find(host, repository)

    def _from_helper(self, name: str, key: str, env: Mapping[str, str]) -> Credential | None:
        if (name, key) not in self._answers:
            self._answers[name, key] = ask_helper(name, key, env)
        return self._answers[name, key]

    def _from_plugins(self, host: str) -> Credential | None:
        key = PLUGIN_GROUP, host
        if key not in self._answers:
            self._answers[key] = _ask_plugins(host)
        return self._answers[key]


def _ask_plugins(host: str) -> Credential | None:
    """Last, as installing a package says less than logging in; and listing them takes time."""
    from importlib.metadata import entry_points

    for plugin in sorted(entry_points(group=PLUGIN_GROUP), key=lambda p: p.name):
        try:
            found = plugin.load()(host)
        except ProvenanceError:
            raise
        except Exception as error:
            # Its words may hold anything: they are in the traceback, not in the message.
            raise NotEvaluated(
                f"the credential plugin {plugin.name} failed for {host} ({type(error).__name__})",
                hint="repair or uninstall the package that brings it, or log in",
            ) from error
        if found is not None and not isinstance(found, Credential):
            raise NotEvaluated(
                f"the credential plugin {plugin.name} answered no Credential for {host}",
                hint="tell its author",
            )
        if found is not None:
            return found
    return None
