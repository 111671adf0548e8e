"""The HTTP of one transparency log: Rekor's API, version 1 or 2.

Source: sigstore/rekor, `openapi.yaml`; sigstore/rekor-tiles, `rekor_service.proto`; C2SP
tlog-tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.testing.sigstore.answers import (
    answer,
    document_of,
    json_answer,
    not_found,
    refusal,
)
from provenance.testing.sigstore.log_v1 import LogV1
from provenance.testing.sigstore.tiles import parse_tile

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request, Response
    from provenance.testing.sigstore.log import Log

__all__ = ["respond", "serves"]

_V1_ENTRIES = "/api/v1/log/entries"
_V2_ENTRIES = "/api/v2/log/entries"


def serves(log: Log, path: str) -> bool:
    """Whether `path`, below the log's own URL, is one of its API."""
    if isinstance(log, LogV1):
        return path == "/api/v1/log" or path.startswith("/api/v1/log/")
    below = path.removeprefix("/api/v2")
    return path == _V2_ENTRIES or below == "/checkpoint" or below.startswith("/tile/")


def respond(log: Log, request: Request, path: str) -> Response:
    """Answer a request to `log`; `path` is the request's, below the log's own URL."""
    if isinstance(log, LogV1):
        return _respond_v1(log, request, path)
    if (request.method, path) == ("POST", _V2_ENTRIES):
        return json_answer(201, log.add(document_of(request)))
    if request.method != "GET":
        return not_found(request)
    # rekor-tiles answers below /api/v2, C2SP's clients ask at the root.
    below = path.removeprefix("/api/v2")
    if below == "/checkpoint":
        return answer(200, "text/plain; charset=utf-8", log.current_checkpoint().encode())
    asked = parse_tile(below.removeprefix("/tile/"))
    found = None if asked is None else log.tile(*asked)
    if found is None:
        return not_found(request)
    return answer(200, "application/octet-stream", found)


def _respond_v1(log: LogV1, request: Request, path: str) -> Response:
    if (request.method, path) == ("POST", _V1_ENTRIES):
        return _added(log, request)
    below = path.removeprefix("/api/v1/log")
    if request.method != "GET":
        return not_found(request)
    if below == "":
        return json_answer(200, log.state())
    if below == "/publicKey":
        return answer(200, "application/x-pem-file", log.public_key_pem)
    index = request.parameter("logIndex")
    found = int(index) if index else log.index(below.removeprefix("/entries/"))
    return _found(log, found)


def _added(log: LogV1, request: Request) -> Response:
    entry = log.add_new(document_of(request))
    if isinstance(entry, str):
        where = f"{request.path}/{entry}"
        message = f"an equivalent entry already exists in the transparency log with UUID {entry}"
        return refusal(409, message, Location=where)
    shown = log.answer(entry)
    (uuid,) = shown
    return json_answer(201, shown, Location=f"{request.path}/{uuid}", ETag=uuid)


def _found(log: LogV1, index: int | None) -> Response:
    if index is None or not 0 <= index < len(log.bodies):
        return refusal(404, "entry not found")
    return json_answer(200, log.answer(log.entry(index)))
