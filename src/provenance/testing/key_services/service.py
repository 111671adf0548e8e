"""What the key services share: a port, a record of what was asked, answers that fail on demand."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Self

from provenance.testing.registry.messages import RecordedRequest, Response
from provenance.testing.registry.server import Server
from provenance.testing.registry.tls import server_context

if TYPE_CHECKING:
    from types import TracebackType

    from provenance.testing.registry.messages import Request

__all__ = ["KeyService", "Refused", "document"]

_MAX_BODY = 4 << 20
# No connection outlives its answer: clients leave no socket behind them when they are dropped.
_CLOSE = {"Connection": "close"}


class Refused(Exception):
    """An answer that is no."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


class KeyService:
    """A service on an ephemeral loopback port; `start()` or `with` opens it."""

    def __init__(self, *, tls: bool = False) -> None:
        """Describe it. `tls`: speak HTTPS with a certificate of its own authority, `ca_pem`."""
        self.requests: list[RecordedRequest] = []
        """What was asked, in order."""
        self.ca_pem = b""
        """The authority of its certificate."""
        self._tls = tls
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._failures: list[tuple[str, Refused]] = []

    def start(self) -> Self:
        """Open the port."""
        context = None
        if self._tls:
            context, self.ca_pem = server_context()
        self._server = Server(self, context)
        return self

    def stop(self) -> None:
        """Close it."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Scheme and authority. Raises RuntimeError while it does not serve."""
        if self._server is None:
            raise RuntimeError("the service is not started")
        return self._server.base

    @property
    def host(self) -> str:
        """Address and port."""
        return self.url.partition("://")[2]

    def fail(self, what: str, status: int, code: str) -> None:
        """Refuse every later request whose operation or path has `what` in it."""
        self._failures.append((what, Refused(status, code, "as the test asked")))

    def respond(self, request: Request) -> Response:
        """Answer one request, and record it."""
        body = request.body.read(_MAX_BODY)
        try:
            asked = self.operation(request)
            for what, refused in self._failures:
                if what in asked:
                    raise refused
            response = _json(200, self.answer(request, asked, document(body)))
        except Refused as refused:
            response = _json(refused.status, self.refusal(refused))
        with self._lock:
            query = {name: values[-1] for name, values in request.query.items()}
            self.requests.append(
                RecordedRequest(
                    request.method, request.path, query, response.status, request.headers
                )
            )
        return response

    def operation(self, request: Request) -> str:
        """What is asked for."""
        raise NotImplementedError

    def answer(self, request: Request, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """The document to answer with. Raises Refused."""
        raise NotImplementedError

    def refusal(self, refused: Refused) -> dict[str, Any]:
        """The document that says no."""
        raise NotImplementedError


def document(body: bytes) -> dict[str, Any]:
    """The JSON of a request; empty where there is none. Raises Refused."""
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        raise Refused(400, "SerializationException", "the request is no JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "SerializationException", "the request is no JSON object")
    return found


def _json(status: int, answer: dict[str, Any]) -> Response:
    return Response.of_json(status, answer, **_CLOSE)
