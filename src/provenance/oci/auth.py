"""`Authenticator`: what to send to which registry, learnt from its challenges.

Source: RFC 9110, distribution's token specification. One token for each registry and scope, shared
by threads: the first asks, the others wait for its answer. A token is renewed shortly before it
expires, or when a 401 says that it has. A credential that was refused is looked up once more: a
long run outlives those of clouds.
"""

from __future__ import annotations

import copy
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provenance.errors import ProvenanceError, Unauthorized
from provenance.oci.challenges import Challenge, parse_challenges
from provenance.oci.credentials import Keychain
from provenance.oci.realms import check_realm
from provenance.oci.token_service import basic, ready, request_grant
from provenance.transport.locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provenance.oci.credentials import Credential, Credentials
    from provenance.oci.reference import Reference
    from provenance.transport.client import Client

__all__ = ["Authenticator", "choose_challenge"]

_LONGEST_SCOPE = 1024
_MARGIN_SECONDS = 10.0
"""A token is renewed so long before it expires: the request and clocks take their time."""

_Key = tuple[str, str, str]
"""Account, repository, actions."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An Authorization that was asked for, and how to ask again."""

    header: str = field(repr=False)
    renewal: float
    """When (of the clock) it is better asked for again."""
    challenge: Challenge
    base: str


@dataclass(slots=True)
class _Queue:
    """Those who want the same Authorization. What the first could not get, the others do not."""

    lock: Lock = field(default_factory=Lock)
    failures: int = 0
    failure: ProvenanceError | None = None


class Authenticator:
    """Holds what one `Registry` has been given and has been told; shared by its threads."""

    def __init__(
        self,
        client: Client,
        credentials: Credentials | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask token services through `client`, with `credentials` or those of the environment.

        `clock` counts seconds.
        """
        self._client = client
        self._keychain = Keychain(credentials)
        self._clock = clock
        self._tokens: dict[_Key, _Known] = {}
        self._basic: set[str] = set()
        self._found: dict[tuple[str, str], Credential | None] = {}
        self._queues: dict[_Key, _Queue] = {}
        self._lock = Lock()

    def header(self, account: str, repository: str, actions: str) -> str | None:
        """The Authorization to send for this repository and these actions, if any is known.

        A token about to expire is renewed first. Raises as `answer`.
        """
        key = account, repository, actions
        keys = [key, (account, repository, "pull,push")] if actions == "pull" else [key]
        known = [(k, self._tokens[k]) for k in keys if k in self._tokens]
        for _, token in known:
            if self._clock() < token.renewal:
                return token.header
        if known:
            stale, token = known[0]
            with self._turn(stale):
                newer = self._tokens[stale]
                return newer.header if newer is not token else self._renew(stale, token)
        if account in self._basic:
            return self._basic_header(account, repository)
        return None

    def answer(
        self,
        reference: Reference,
        actions: str,
        header: str,
        base: str,
        stale: str | None,
        *,
        account: str = "",
    ) -> str | None:
        """A new Authorization after a 401, or None: there is nothing else to try.

        Args:
            reference: what was asked for, as it is called there.
            actions: `pull` or `pull,push`.
            header: the WWW-Authenticate header.
            base: the registry's URL, whose rules the token service must meet.
            stale: the Authorization that was refused; another thread's newer one is used.
            account: the host whose credentials it may have, where that is not the registry.

        Raises:
            Unauthorized: the token service refused, or is not one to send credentials to.
            RateLimited, RegistryUnavailable: it did not answer.
            NotEvaluated, MalformedDocument: a source of credentials failed.
        """
        account, repository = account or reference.registry, reference.repository
        key = account, repository, actions
        with self._turn(key):
            # Not `header`: what is about to expire was just refused, or is asked for below.
            known = self._tokens.get(key)
            if known is not None and known.header != stale and self._clock() < known.renewal:
                return known.header
            challenge = choose_challenge(header)
            if challenge is None:
                return None
            if challenge.scheme == "basic":
                self._basic.add(account)
                return self._other_basic(account, repository, stale)
            return self._renew(key, _Known("", 0, challenge, base), stale)

    def source(self, account: str, repository: str = "") -> str:
        """Where the credential for a host came from, for messages."""
        found = self._found.get((account, repository))
        if not repository:
            known = [c for (host, _), c in list(self._found.items()) if host == account and c]
            found = known[0] if known else None
        return found.source if found else "no credentials"

    @contextmanager
    def _turn(self, key: _Key) -> Iterator[None]:
        """One thread at a time. Raises what was raised for another while this one waited."""
        with self._lock:
            queue = self._queues.setdefault(key, _Queue())
        seen = queue.failures
        with queue.lock:
            if queue.failure is not None and queue.failures != seen:
                raise copy.copy(queue.failure)
            try:
                yield
            except ProvenanceError as error:
                # A copy, as a traceback would keep all that the request held.
                queue.failure, queue.failures = copy.copy(error), queue.failures + 1
                raise
            queue.failure = None

    def _credential(self, account: str, repository: str) -> Credential | None:
        key = account, repository
        if key not in self._found:
            self._found[key] = self._keychain.find(account, repository)
        return self._found[key]

    def _replaced(self, account: str, repository: str) -> bool:
        """Whether another credential is found than the one that was refused."""
        refused = self._credential(account, repository)
        self._keychain.forget()
        self._found[account, repository] = self._keychain.find(account, repository)
        return self._found[account, repository] != refused

    def _basic_header(self, account: str, repository: str) -> str | None:
        credential = self._credential(account, repository)
        return basic(credential) if credential is not None and credential.username else None

    def _other_basic(self, account: str, repository: str, stale: str | None) -> str | None:
        found = self._basic_header(account, repository)
        if found is not None and found == stale:
            found = None
            if self._replaced(account, repository):
                found = self._basic_header(account, repository)
        return found

    def _renew(self, key: _Key, known: _Known, stale: str | None = None) -> str | None:
        """Ask for a token anew. None: what there is was refused already."""
        account, repository, _ = key
        try:
            new = self._ask(key, known)
        except Unauthorized:
            if not self._replaced(account, repository):
                raise
            new = self._ask(key, known)
        if new.header == stale:  # a token that came from a file, or from a service that repeats it
            if not self._replaced(account, repository):
                return None
            new = self._ask(key, known)
        self._tokens[key] = new
        return new.header

    def _ask(self, key: _Key, known: _Known) -> _Known:
        account, repository, actions = key
        realm = known.challenge.parameters["realm"]
        public = check_realm(realm, known.base, self._client.settings)
        credential = self._credential(account, repository)
        if credential is not None and credential.registry_token:
            return _Known(ready(credential), math.inf, known.challenge, known.base)
        asked = self._clock()
        scopes = _scopes(
            f"repository:{repository}:{actions}", known.challenge.parameters.get("scope", "")
        )
        grant = request_grant(
            self._client, known.challenge, scopes, credential, host=account, public=public
        )
        # A new identity token is left alone, as Docker does: logging in alone writes files.
        good_for = grant.seconds - min(_MARGIN_SECONDS, grant.seconds / 4)
        return _Known(f"Bearer {grant.token}", asked + good_for, known.challenge, known.base)


def choose_challenge(header: str) -> Challenge | None:
    """The challenge to answer: Bearer where its realm is a URL, else Basic; None: neither.

    Where there is no Basic, a Bearer with another realm, for its error to be told.
    """
    challenges = parse_challenges(header)
    bearer = [c for c in challenges if c.scheme == "bearer" and c.parameters.get("realm")]
    schemes = ("https://", "http://")
    urls = [c for c in bearer if c.parameters["realm"].lower().startswith(schemes)]
    simple = [c for c in challenges if c.scheme == "basic"]
    return next(iter([*urls, *simple, *bearer]), None)


def _scopes(ours: str, asked: str) -> list[str]:
    """Our scope, and what the challenge asks for beyond it: some registries name others."""
    out = [ours]
    for scope in asked.split() if len(asked) <= _LONGEST_SCOPE else ():
        name, actions = _parts(scope)
        if not any(name == n and actions <= a for n, a in map(_parts, out)):
            out.append(scope)
    return out


def _parts(scope: str) -> tuple[str, frozenset[str]]:
    """A scope without the order of its actions."""
    name, _, actions = scope.rpartition(":")
    return name, frozenset(actions.split(","))
