"""What the embedded Sigstore reads of requests and answers to them: JSON, and refusals in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from provenance.testing.registry.messages import Content, Response

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request

__all__ = ["answer", "body_of", "document_of", "json_answer", "moved", "not_found", "refusal"]

_MAX_BODY = 4 << 20
# No connection outlives its answer: clients leave no socket behind them when they are dropped.
_CLOSE = {"Connection": "close"}


def body_of(request: Request) -> bytes:
    """The whole body. Raises ValueError above 4 MiB."""
    body = request.body.read(_MAX_BODY + 1)
    if len(body) > _MAX_BODY:
        raise ValueError(f"the request is larger than {_MAX_BODY} bytes")
    return body


def document_of(request: Request) -> dict[str, Any]:
    """The JSON object in the body. Raises ValueError, TypeError or RecursionError."""
    document = json.loads(body_of(request))
    if not isinstance(document, dict):
        raise TypeError("the request is no JSON object")
    return document


def answer(status: int, content_type: str, body: bytes) -> Response:
    """Bytes of some kind."""
    return Response(status, {"Content-Type": content_type, **_CLOSE}, Content(body))


def json_answer(status: int, document: object, **headers: str) -> Response:
    """A JSON document."""
    return Response.of_json(status, document, **_CLOSE, **headers)


def refusal(status: int, message: str, **headers: str) -> Response:
    """A refusal as gRPC gateways shape it: Fulcio and Rekor do, and clients read `message`."""
    return json_answer(status, {"code": status, "message": message, "details": []}, **headers)


def moved(where: str) -> Response:
    """A redirect."""
    return Response(302, {"Location": where, **_CLOSE})


def not_found(request: Request) -> Response:
    """404 for what is not served."""
    return refusal(404, f"no such end point: {request.method} {request.path}")
