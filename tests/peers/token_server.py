"""`TokenServer`: the token service that a real registry believes, with signed JWTs.

Source: distribution's docs/spec/auth: token.md (the question), jwt.md (the answer: ES256, the
signer's certificate in `x5c`, `access` as claims), and its registry/auth/token/token.go, which
takes a token for 60 s longer than its `exp` says.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from types import TracebackType

    from tests.peers.authority import Authority

__all__ = ["ISSUER", "SERVICE", "TokenServer"]

ISSUER, SERVICE = "token server of a test", "registry of a test"
LEEWAY = 60
"""Seconds that distribution takes a token for after its end."""


class TokenServer:
    """Lets one account do everything, and nobody else anything."""

    def __init__(self, authority: Authority, account: tuple[str, str]) -> None:
        """Describe it; `with` opens the port."""
        certificate, self._key = authority.issue("token signer")
        der = certificate.public_bytes(serialization.Encoding.DER)
        self._headers = {"x5c": [base64.b64encode(der).decode()]}
        self.account = account
        self._lifetime = 300
        self._last_end = 0.0

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"tokens": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def shorten(self) -> None:
        """From now on give tokens that a registry takes for a second."""
        self._lifetime = 1 - LEEWAY

    def expire(self) -> None:
        """Wait until those have ended; what follows is given for long again."""
        self._lifetime = 300
        while (left := self._last_end - time.time()) > 0:
            time.sleep(left)

    def issue(self, scopes: list[str]) -> str:
        """A token for all that `scopes` ask."""
        now = int(time.time())
        end = now + self._lifetime
        if self._lifetime < 0:
            self._last_end = end + LEEWAY + 1
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": self.account[0],
            "iat": now,
            "nbf": now - 10,
            "exp": end,
            "jti": secrets.token_hex(8),
            "access": [_access(scope) for scope in scopes],
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers=self._headers)


def _access(scope: str) -> dict[str, Any]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up."""


class _Handler(BaseHTTPRequestHandler):
    tokens: ClassVar[TokenServer]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        given = self.headers.get("Authorization", "")
        right = base64.b64encode(":".join(self.tokens.account).encode()).decode()
        if given and given != f"Basic {right}":
            self._answer(401, {"details": "incorrect username or password"})
            return
        if query.get("service") != [SERVICE]:
            self._answer(400, {"details": "another service"})
            return
        # Without an account there is a token too, that allows nothing.
        scopes = [s for some in query.get("scope", []) for s in some.split()] if given else []
        self._answer(200, {"token": self.tokens.issue(scopes), "expires_in": 300})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", f'Basic realm="{SERVICE}"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
