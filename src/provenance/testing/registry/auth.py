"""Who may do what: HTTP Basic, or Bearer with a token service of the registry's own.

Source: distribution's docs/spec/auth (token.md, oauth.md, scope.md). Tokens are opaque
random strings that the server remembers, so nothing needs a key.
"""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs

from provenance.testing.registry.messages import Response, error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.testing.registry.messages import Request

__all__ = ["TOKEN_PATH", "Auth", "AuthKind"]

AuthKind = Literal["basic", "bearer"]
Access = tuple[str, str]
"""Repository and action: `("app", "pull")`."""

TOKEN_PATH = "/token"  # noqa: S105 - a path


@dataclass
class _Token:
    access: frozenset[Access]
    uses: int | None


@dataclass
class Auth:
    """The door. `refuse` gives the answer for those who may not pass, None for those who may."""

    kind: AuthKind | None = None
    username: str = ""
    password: str = ""
    identity_token: str = ""
    """A refresh token that the token service takes instead of a password."""
    anonymous_pull: bool = False
    token_lifetime: int | None = None
    """Requests that one token is good for."""
    realm: str | None = None
    """Where the challenge sends clients for a token; None: to this server."""
    service: str = "local-registry"
    _tokens: dict[str, _Token] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, request: Request, wanted: Iterable[Access]) -> Response | None:
        """The answer for a request that lacks some of the `wanted` access."""
        needed = frozenset(wanted)
        if self.kind is None:
            return None
        if self.kind == "basic":
            if self._knows(request) or (self.anonymous_pull and _only_pulls(needed)):
                return None
            return _unauthorized('Basic realm="local registry"')
        held = self._spend(request)
        if held is not None and needed <= held:
            return None
        realm = self.realm or request.base + TOKEN_PATH
        challenge = f'Bearer realm="{realm}",service="{self.service}"'
        if needed:
            challenge += f',scope="{_scopes(needed)}"'
        if request.header("Authorization"):
            challenge += f',error="{"invalid_token" if held is None else "insufficient_scope"}"'
        return _unauthorized(challenge)

    def issue(self, request: Request) -> Response:
        """The token service: GET with Basic credentials or none, POST in OAuth2's form."""
        if request.method == "POST":
            form = parse_qs(request.body.read().decode("ascii", "replace"))
            known = self._grants(form)
            tried, scopes = True, form.get("scope", [])
        else:
            known, tried = self._knows(request), bool(request.header("Authorization"))
            scopes = list(request.query.get("scope", []))
        if not known and (tried or not self.anonymous_pull):
            return _unauthorized(f'Basic realm="{self.service}"')
        asked = frozenset(a for scope in scopes for a in _parse_scope(scope))
        granted = asked if known else frozenset(a for a in asked if a[1] == "pull")
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = _Token(granted, self.token_lifetime)
        answer = {"token": token, "access_token": token, "expires_in": 300}
        if known and self.identity_token:
            answer["refresh_token"] = self.identity_token
        return Response.of_json(200, answer)

    def forget_tokens(self) -> None:
        """Let every token expire now."""
        with self._lock:
            self._tokens.clear()

    def _spend(self, request: Request) -> frozenset[Access] | None:
        """What the request's token allows, counting the use; None: no such token (any more)."""
        kind, _, text = request.header("Authorization").partition(" ")
        if kind.lower() != "bearer":
            return None
        with self._lock:
            token = self._tokens.get(text.strip())
            if token is None:
                return None
            if token.uses is not None:
                token.uses -= 1
                if token.uses < 0:
                    del self._tokens[text.strip()]
                    return None
            return token.access

    def _knows(self, request: Request) -> bool:
        kind, _, text = request.header("Authorization").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            username, _, password = base64.b64decode(text).decode().partition(":")
        except ValueError:
            return False
        return (username, password) == (self.username, self.password)

    def _grants(self, form: dict[str, list[str]]) -> bool:
        def given(name: str) -> str:
            return form.get(name, [""])[-1]

        if given("grant_type") == "refresh_token":
            return bool(self.identity_token) and given("refresh_token") == self.identity_token
        return (given("username"), given("password")) == (self.username, self.password)


def _unauthorized(challenge: str) -> Response:
    headers = {"WWW-Authenticate": challenge}
    return error(401, "UNAUTHORIZED", "authentication required", headers)


def _only_pulls(access: frozenset[Access]) -> bool:
    return all(action == "pull" for _, action in access)


def _scopes(access: frozenset[Access]) -> str:
    repositories = sorted({repository for repository, _ in access})
    return " ".join(
        f"repository:{name}:{','.join(sorted(a for r, a in access if r == name))}"
        for name in repositories
    )


def _parse_scope(text: str) -> Iterable[Access]:
    for scope in text.split():
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if kind == "repository" and name:
            for action in actions.split(","):
                if action == "*":
                    yield from ((name, each) for each in ("pull", "push", "delete"))
                else:
                    yield name, action
