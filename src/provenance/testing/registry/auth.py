"""Who may do what: HTTP Basic, or Bearer with a token service of the registry's own.

Source: distribution's docs/spec/auth (token.md, oauth.md, scope.md). Tokens are opaque
random strings that the server remembers, so nothing needs a key.
"""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from provenance.testing.registry.behaviour import Door
from provenance.testing.registry.messages import Response, error

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provenance.testing.registry.messages import Request

__all__ = ["Auth"]

Access = tuple[str, str]
"""Repository and action: `("app", "pull")`."""


@dataclass
class _Token:
    access: frozenset[Access]
    uses: int | None


@dataclass
class Auth:
    """The door. `refuse` gives the answer for those who may not pass, None for those who may."""

    door: Door = field(default_factory=Door)
    username: str = ""
    password: str = ""
    identity_token: str = ""
    """A refresh token that the token service takes instead of a password."""
    _tokens: dict[str, _Token] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, request: Request, wanted: Iterable[Access]) -> Response | None:
        """The answer for a request that lacks some of the `wanted` access."""
        needed = frozenset(wanted)
        if self.door.kind is None:
            return None
        if self.door.kind == "basic":
            if self._knows(request) or (self.door.anonymous_pull and _only_pulls(needed)):
                return None
            return _unauthorized(self.door.basic_challenge)
        held = self._spend(request)
        if held is not None and needed <= held:
            return None
        return _unauthorized(self._challenge(request, needed, known=held is not None))

    def _challenge(self, request: Request, needed: frozenset[Access], *, known: bool) -> str:
        text = f'Bearer realm="{self.door.realm or request.base + self.door.token_path}"'
        if self.door.names_service:
            text += f',service="{self.door.service}"'
        if needed and (self.door.scope_of_head or request.method != "HEAD"):
            text += f',scope="{_scopes(needed)}"'
        if request.header("Authorization"):
            text += f',error="{"insufficient_scope" if known else "invalid_token"}"'
        return text

    def serves(self, request: Request) -> bool:
        """Whether this request is for the token service."""
        return self.door.kind == "bearer" and request.path == self.door.token_path

    def issue(self, request: Request) -> Response:
        """The token service: GET with Basic credentials or none, POST in OAuth2's form."""
        if request.method == "POST":
            form = parse_qs(request.body.read().decode("ascii", "replace"))
            known = self._grants(form)
            tried, scopes = True, form.get("scope", [])
        else:
            form = dict(request.query)
            known, tried = self._knows(request), bool(request.header("Authorization"))
            scopes = form.get("scope", [])
        if self.door.needs_service and not form.get("service"):
            return error(400, "UNSUPPORTED", "the query names no service")
        if not known and (tried or not self.door.anonymous_pull):
            return _unauthorized(f'Basic realm="{self.door.service}"')
        asked = frozenset(a for scope in scopes for a in _parse_scope(scope))
        granted = asked if known else frozenset(a for a in asked if a[1] == "pull")
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = _Token(granted, self.door.token_lifetime)
        answer: dict[str, object] = dict.fromkeys(self.door.token_names, token)
        answer["expires_in"] = 300
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
