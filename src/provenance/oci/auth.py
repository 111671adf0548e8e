"""Answers to challenges: Basic, and tokens from a token service, one a registry and scope.

Source: distribution's token specification, and the list of attacks on it: a realm is chosen by
the registry, so it must be https, may not point inside (CVE-2026-48978), and is not redirected.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from provenance.errors import MalformedDocument, RateLimited, RegistryUnavailable, Unauthorized
from provenance.oci.challenges import parse_challenges
from provenance.oci.credentials import Credential, Credentials, find_credential
from provenance.transport.origin import display_url, is_loopback_host, is_private_host, origin_of

if TYPE_CHECKING:
    from provenance.oci.challenges import Challenge
    from provenance.oci.reference import Reference
    from provenance.transport.client import Client
    from provenance.transport.response import Response

__all__ = ["Authenticator"]

# RFC 6750's b64token, and what else is visible: nothing that could end or split a header.
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_LONGEST_SCOPE = 1024


class Authenticator:
    """Holds what one `Registry` has been given and has been told; shared by its threads."""

    def __init__(self, client: Client, credentials: Credentials | None) -> None:
        """Ask token services through `client`, with `credentials` or those of the environment."""
        self._client = client
        self._given = credentials
        self._headers: dict[tuple[str, str], str] = {}
        self._basic: dict[str, str] = {}
        self._found: dict[str, Credential | None] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def header(self, account: str, repository: str, actions: str) -> str | None:
        """The Authorization known to work for this repository and these actions, if any."""
        known = self._headers.get((account, _scope(repository, actions)))
        if known is None and actions == "pull":
            known = self._headers.get((account, _scope(repository, "pull,push")))
        return known or self._basic.get(account)

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
            reference: what was asked for.
            actions: `pull` or `pull,push`.
            header: the WWW-Authenticate header.
            base: the registry's URL, whose rules the token service must meet.
            stale: the Authorization that was refused; another thread's newer one is used.
            account: the host whose credentials it may have, where that is not the registry.

        Raises:
            Unauthorized: the token service refused, or is not one to send credentials to.
            RateLimited, RegistryUnavailable: it did not answer.
        """
        account = account or reference.registry
        key = (account, _scope(reference.repository, actions))
        with self._lock_of(key):
            newer = self.header(account, reference.repository, actions)
            if newer is not None and newer != stale:
                return newer
            credential = self._credential(account)
            for challenge in parse_challenges(header):
                if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
                    token = self._token(account, reference, challenge, key[1], base, credential)
                    self._headers[key] = f"Bearer {token}"
                    return self._headers[key]
                if challenge.scheme == "basic" and credential and credential.username:
                    basic = _basic(credential)
                    if basic == stale:
                        return None
                    self._basic[account] = basic
                    return basic
        return None

    def source(self, account: str) -> str:
        """Where the credential for a host came from, for messages."""
        credential = self._found.get(account)
        return credential.source if credential else "no credentials"

    def _lock_of(self, key: tuple[str, str]) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())

    def _credential(self, account: str) -> Credential | None:
        with self._lock_of((account, "")):  # a helper may ask its user: once is enough
            if account not in self._found:
                found = find_credential(account, self._given)
                if found is not None:
                    _check_text(found)
                self._found[account] = found
            return self._found[account]

    def _token(
        self,
        account: str,
        reference: Reference,
        challenge: Challenge,
        scope: str,
        base: str,
        credential: Credential | None,
    ) -> str:
        realm = challenge.parameters["realm"]
        _check_realm(realm, base, behind_proxy=bool(self._client.settings.proxies))
        scopes = _scopes(scope, challenge.parameters.get("scope", ""))
        service = challenge.parameters.get("service")
        query = [("service", service)] if service else []
        headers = {"Accept": "application/json"}
        if credential is not None and credential.identity_token:
            form = [
                *query,
                ("scope", " ".join(scopes)),
                ("grant_type", "refresh_token"),
                ("client_id", "oci-provenance"),
                ("refresh_token", credential.identity_token),
            ]
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            response = self._client.request(
                *("POST", realm),
                headers=headers,
                body=urlencode(form).encode(),
                follow=False,
                repeat=True,
            )
        else:
            joint = "&" if "?" in realm else "?"
            response = self._client.request(
                "GET",
                f"{realm}{joint}{urlencode([*query, *(('scope', s) for s in scopes)])}",
                headers=headers,
                authorization=_basic(credential) if credential else None,
                follow=False,
            )
        with response:
            return self._read_token(account, reference, realm, response)

    def _read_token(
        self, account: str, reference: Reference, realm: str, response: Response
    ) -> str:
        where, status = display_url(realm), response.status
        if status == 429:
            raise RateLimited(
                f"the token service {where} answered 429",
                retry_after=response.retry_after,
                reference=str(reference),
                hint="nothing is known about it; wait, or log in for a higher limit",
            )
        if status in {400, 401, 403}:
            raise Unauthorized(
                f"the token service {where} refused ({status}) with {self.source(account)}",
                reference=str(reference),
                hint=f"log in again (docker login {account}), or check the repository",
            )
        if status != 200:
            raise RegistryUnavailable(
                f"the token service {where} answered {status}",
                reference=str(reference),
                hint="nothing is known about it; try again later",
            )
        body = response.read_capped(self._client.limits.token_bytes, "token")
        try:
            document = json.loads(body)
            token = document.get("token") or document.get("access_token")
        except (ValueError, RecursionError, AttributeError) as error:
            # Not MalformedDocument: beside a signature that would read as a bad signature.
            raise RegistryUnavailable(
                f"the token service {where} sent no JSON object",
                reference=str(reference),
                hint="nothing is known about it; try again later",
            ) from error
        if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
            raise RegistryUnavailable(
                f"the token service {where} sent no token",
                reference=str(reference),
                hint="nothing is known about it; try again later",
            )
        return token


def _scope(repository: str, actions: str) -> str:
    return f"repository:{repository}:{actions}"


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


def _check_text(credential: Credential) -> None:
    """JSON can spell half of a surrogate pair, which no header or form can carry."""
    try:
        f"{credential.username}{credential.password}{credential.identity_token}".encode()
    except UnicodeEncodeError:
        raise MalformedDocument(
            f"the credential from {credential.source} is no text", hint="log in again"
        ) from None


def _basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _check_realm(realm: str, base: str, *, behind_proxy: bool) -> None:
    """Refuse a token service that no honest registry names."""
    scheme, host, _ = origin_of(realm)
    home_scheme, home_host, _ = origin_of(base)
    if scheme != "https" and home_scheme == "https":
        raise Unauthorized(
            f"the registry sends logins to {display_url(realm)}, which is not encrypted",
            hint="not followed: credentials would travel in the clear",
        )
    if host == home_host:
        return
    # Behind a proxy names are resolved there: ours would tell nothing.
    inside = is_loopback_host(host) or (not behind_proxy and is_private_host(host))
    home_inside = is_loopback_host(home_host) or (not behind_proxy and is_private_host(home_host))
    if inside and not home_inside:
        raise Unauthorized(
            f"a public registry sends logins to {display_url(realm)}, inside a private network",
            hint="not followed: it may be an attack on that network",
        )
