"""The HTTP of the embedded Sigstore: one port, every end point the clients use."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature

from provenance.testing.registry.messages import Content, RecordedRequest, Response
from provenance.testing.registry.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.testing.registry.messages import Request
    from provenance.testing.sigstore.ca import CertificateAuthority
    from provenance.testing.sigstore.log import Log
    from provenance.testing.sigstore.oidc import Issuer
    from provenance.testing.sigstore.timestamps import TimestampAuthority

__all__ = ["PARTS", "Service"]

PARTS = ("ca", "log", "tsa", "oidc")
_MAX_BODY = 4 << 20
# No connection outlives its answer: clients leave no socket behind them when they are dropped.
_CLOSE = {"Connection": "close"}
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
    """Serves the four parts on 127.0.0.1 until `stop()`."""

    def __init__(
        self, issuer: Issuer, ca: CertificateAuthority, log: Log, tsa: TimestampAuthority
    ) -> None:
        """Open a port."""
        self.issuer, self.ca, self.log, self.tsa = issuer, ca, log, tsa
        self.failures: dict[str, int] = {}
        self.requests: list[RecordedRequest] = []
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str], tuple[str, Callable[[Request], Response]]] = {
            ("POST", "/api/v2/signingCert"): ("ca", self._certificate),
            ("GET", "/api/v2/trustBundle"): ("ca", self._trust_bundle),
            ("POST", "/api/v2/log/entries"): ("log", self._entry),
            ("POST", "/api/v1/timestamp"): ("tsa", self._timestamp),
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
        part, answer = self._routes.get((request.method, request.path), ("", _nothing))
        if part in self.failures:
            return _refusal(self.failures[part], "as the test asked")
        try:
            return answer(request)
        except _BAD as error:
            return _refusal(400, f"{type(error).__name__}: {error}")

    def _certificate(self, request: Request) -> Response:
        document = _document(request)
        scheme, _, token = request.header("Authorization").partition(" ")
        if scheme.lower() != "bearer":
            token = document["credentials"]["oidcIdentityToken"]
        try:
            claims = self.issuer.check(token)
        except ValueError as error:
            return _refusal(401, str(error))
        chain = self.ca.sign(document, claims)
        return _json(200, {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})

    def _trust_bundle(self, _: Request) -> Response:
        return _json(200, {"chains": [{"certificates": self.ca.chain_pem()}]})

    def _entry(self, request: Request) -> Response:
        return _json(201, self.log.add(_document(request)))

    def _timestamp(self, request: Request) -> Response:
        answer = self.tsa.answer(_body(request))
        headers = {"Content-Type": "application/timestamp-reply", **_CLOSE}
        return Response(201, headers, Content(answer))

    def _discovery(self, _: Request) -> Response:
        return _json(200, self.issuer.discovery())

    def _keys(self, _: Request) -> Response:
        return _json(200, self.issuer.keys())

    def _login(self, request: Request) -> Response:
        where = self.issuer.login({name: values[-1] for name, values in request.query.items()})
        return Response(302, {"Location": where, **_CLOSE})

    def _redeem(self, request: Request) -> Response:
        return _json(200, self.issuer.redeem(dict(parse_qsl(_body(request).decode()))))


def _nothing(request: Request) -> Response:
    return _refusal(404, f"no such end point: {request.method} {request.path}")


def _body(request: Request) -> bytes:
    body = request.body.read(_MAX_BODY + 1)
    if len(body) > _MAX_BODY:
        raise ValueError(f"the request is larger than {_MAX_BODY} bytes")
    return body


def _document(request: Request) -> dict[str, Any]:
    document = json.loads(_body(request))
    if not isinstance(document, dict):
        raise TypeError("the request is no JSON object")
    return document


def _json(status: int, document: object) -> Response:
    return Response.of_json(status, document, **_CLOSE)


def _refusal(status: int, message: str) -> Response:
    # The shape of gRPC gateways: what Fulcio and Rekor answer, and clients look for `message` in.
    return _json(status, {"code": status, "message": message, "details": []})
