"""The HTTP of the embedded Sigstore: one port, every end point the clients use."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature

from provenance.testing.registry.messages import RecordedRequest
from provenance.testing.registry.server import Server
from provenance.testing.sigstore import rekor
from provenance.testing.sigstore.answers import (
    answer,
    body_of,
    document_of,
    json_answer,
    moved,
    not_found,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.testing.registry.messages import Request, Response
    from provenance.testing.sigstore.oidc import Issuer
    from provenance.testing.sigstore.parts import Parts
    from provenance.testing.sigstore.timestamps import TimestampAuthority
    from provenance.testing.sigstore.tuf_repository import TufRepository

__all__ = ["PARTS", "Service"]

PARTS = ("ca", "log", "tsa", "oidc", "tuf")
_TUF = "/tuf/"
_BAD = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    InvalidSignature,
)


class Service:
    """Serves the parts on 127.0.0.1 until `stop()`."""

    def __init__(
        self,
        issuer: Issuer,
        parts: Parts,
        tuf: Callable[[], TufRepository],
    ) -> None:
        """Open a port.

        Args:
            issuer: who issues tokens.
            parts: who signs; they may change.
            tuf: what publishes the trust root, made when it is asked for.
        """
        self.issuer, self._parts, self._tuf = issuer, parts, tuf
        self.failures: dict[str, int] = {}
        self.requests: list[RecordedRequest] = []
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str], tuple[str, Callable[[Request], Response]]] = {
            ("POST", "/api/v2/signingCert"): ("ca", self._certificate),
            ("GET", "/api/v2/trustBundle"): ("ca", self._trust_bundle),
            ("GET", "/.well-known/openid-configuration"): ("oidc", self._discovery),
            ("GET", "/keys"): ("oidc", self._keys),
            ("GET", "/auth"): ("oidc", self._login),
            ("POST", "/token"): ("oidc", self._redeem),
        }
        self._server = Server(self)
        self.url = self._server.base

    def stop(self) -> None:
        """Close the port."""
        self._server.stop()

    def respond(self, request: Request) -> Response:
        """Answer one request, and record it."""
        response = self._answer(request)
        recorded = RecordedRequest(
            method=request.method,
            path=request.path,
            query={name: values[-1] for name, values in request.query.items()},
            status=response.status,
            headers=request.headers,
        )
        with self._lock:
            self.requests.append(recorded)
        return response

    def _answer(self, request: Request) -> Response:
        part, respond = self._route(request)
        if part in self.failures:
            return refusal(self.failures[part], "as the test asked")
        try:
            return respond(request)
        except _BAD as error:
            return refusal(400, f"{type(error).__name__}: {error}")

    def _route(self, request: Request) -> tuple[str, Callable[[Request], Response]]:
        """The part that a request is for, and how it answers."""
        method, path = request.method, request.path
        if found := self._routes.get((method, path)):
            return found
        for tsa in self._parts.tsas:
            if (method, path) == ("POST", f"{tsa.path}/api/v1/timestamp"):
                return "tsa", functools.partial(_timestamp, tsa.part)
        for log in self._parts.logs:
            below = path.removeprefix(log.path)
            if path.startswith(f"{log.path}/") and rekor.serves(log.part, below):
                return "log", functools.partial(rekor.respond, log.part, path=below)
        if method == "GET" and path.startswith(_TUF):
            return "tuf", self._published
        return "", not_found

    def _published(self, request: Request) -> Response:
        found = self._tuf().files.get(request.path.removeprefix(_TUF))
        return not_found(request) if found is None else answer(200, "application/json", found)

    def _certificate(self, request: Request) -> Response:
        document = document_of(request)
        scheme, _, token = request.header("Authorization").partition(" ")
        if scheme.lower() != "bearer":
            token = document["credentials"]["oidcIdentityToken"]
        try:
            claims = self.issuer.check(token)
        except ValueError as error:
            return refusal(401, str(error))
        chain = self._parts.ca.sign(document, claims)
        return json_answer(
            200, {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}
        )

    def _trust_bundle(self, _: Request) -> Response:
        return json_answer(200, {"chains": [{"certificates": self._parts.ca.chain_pem()}]})

    def _discovery(self, _: Request) -> Response:
        return json_answer(200, self.issuer.discovery())

    def _keys(self, _: Request) -> Response:
        return json_answer(200, self.issuer.keys())

    def _login(self, request: Request) -> Response:
        where = self.issuer.login({name: values[-1] for name, values in request.query.items()})
        return moved(where)

    def _redeem(self, request: Request) -> Response:
        return json_answer(200, self.issuer.redeem(dict(parse_qsl(body_of(request).decode()))))


def _timestamp(tsa: TimestampAuthority, request: Request) -> Response:
    return answer(201, "application/timestamp-reply", tsa.answer(body_of(request)))
