"""Who an `OrasClient` logs in as: credentials of a host for that host, and in memory alone."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any, NoReturn

import oras.auth.base
import oras.container

from provenance.errors import UnsupportedFormat
from provenance.oci.auth import Authenticator
from provenance.oci.credentials import Credential, find_credential
from provenance.oci.login import registry_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.oci.registry import Registry

__all__ = ["SessionLogin", "account_of"]

_HINT = "log in with a host name, or give credentials= to Registry"


class SessionLogin(oras.auth.base.AuthBackend):  # type: ignore[misc] # untyped
    """oras-py's place for credentials, that sends nothing and tells nobody.

    A login counts for one host, in this client, until `logout`. Without one, the registry
    session's own credentials are used: what it was given, or the configuration files.
    """

    def __init__(self, registry: Registry, hostname: str | None) -> None:
        """Keep logins beside `registry`; `hostname` is the one meant where none is named."""
        super().__init__()
        self._registry = registry
        self.hostname = hostname
        self._sessions: dict[str, Registry] = {}

    def session_for(self, account: str) -> Registry:
        """The registry session to use for a host, as references name it."""
        return self._sessions.get(account, self._registry)

    def use(self, account: str, credential: Credential) -> None:
        """Log in to a host, and to no other. Nothing is sent yet, nothing is written."""
        session = copy.copy(self._registry)  # settings, limits and mirrors; no credentials
        session.client = self._registry.client  # whose connections close with the registry
        session.authenticator = Authenticator(session.client, {account: credential})
        self._sessions[account] = session

    def set_basic_auth(self, username: str, password: str) -> None:
        """Log in to the client's own host. Raises UnsupportedFormat where it has none."""
        if self.hostname is None:
            raise UnsupportedFormat(
                "a name and password without a host would go to any registry", hint=_HINT
            )
        self.use(account_of(self.hostname), Credential(username, password))

    def load_configs(
        self, container: str | oras.container.Container, configs: Sequence[str] | None = None
    ) -> None:
        """Take a host's credential from configuration files that the caller names.

        Docker's and podman's own files need no loading: they are read when a login is asked for.
        """
        registry = str(getattr(container, "registry", container))
        account = account_of(registry)
        for config in configs or ():
            if config and account not in self._sessions:
                found = find_credential(
                    account, None, {**os.environ, "REGISTRY_AUTH_FILE": str(config)}
                )
                if found is not None:
                    self.use(account, found)

    def logout(self, hostname: str) -> None:
        """Forget what `login` was given for a host. No file is changed."""
        self._sessions.pop(account_of(hostname), None)

    def get_auth_header(self) -> dict[str, str]:
        """Nothing: where Authorization goes is decided where it is sent."""
        return {}

    def authenticate_request(
        self,
        original: Any,
        headers: dict[str, str],
        refresh: bool = False,  # noqa: FBT001, FBT002 - oras-py's signature
    ) -> tuple[dict[str, str], bool]:
        """Nothing to add: challenges were answered already."""
        del original, refresh
        return headers, False

    def set_token_auth(self, token: str) -> NoReturn:
        """Refuse: a token without a host and scope would go anywhere."""
        del token
        raise UnsupportedFormat("a token is not taken without its host and scope", hint=_HINT)

    def request_token(self, h: Any) -> NoReturn:
        """Refuse: tokens are asked for where they are sent."""
        self.set_token_auth(str(type(h)))

    def request_anonymous_token(self, h: Any, headers: dict[str, str]) -> NoReturn:
        """Refuse, as `request_token`."""
        del headers
        self.request_token(h)

    def __repr__(self) -> str:
        return f"SessionLogin({sorted(self._sessions)})"

    def __reduce__(self) -> NoReturn:
        """Refuse: credentials stay in this process."""
        raise TypeError("logins are not pickled; log in on the other side")


def account_of(hostname: str) -> str:
    """A host as references name it, from what people write for one.

    >>> account_of("https://index.docker.io/v1/")
    'docker.io'

    Raises InvalidReference: it is none.
    """
    # A name and password in it are dropped here: an error would show them.
    return registry_name(hostname.rpartition("@")[2]).partition("/")[0]
