"""Requests and answers between the socket and the routes: values, no I/O of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message
    from pathlib import Path

__all__ = ["Content", "Readable", "RecordedRequest", "Request", "Response", "error", "error_code"]

_JSON = "application/json"

# distribution-spec 1.1, "Error Codes"; statuses without one there get the words in use.
_CODES = {
    400: "UNSUPPORTED",
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NAME_UNKNOWN",
    405: "UNSUPPORTED",
    413: "SIZE_INVALID",
    416: "BLOB_UPLOAD_INVALID",
    429: "TOOMANYREQUESTS",
}


class Readable(Protocol):
    """A request's body."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all when negative, empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it came in, and the status it was answered with."""

    method: str
    path: str
    """Percent-decoded, without query."""
    query: Mapping[str, str]
    """The last value of each parameter."""
    status: int
    """0 when the connection was closed without an answer."""
    headers: Message
    """As sent; look-up and `in` ignore case, a missing header is None."""

    def __str__(self) -> str:
        query = "&".join(f"{k}={v}" for k, v in self.query.items())
        return f"{self.method} {self.path}{'?' if query else ''}{query} -> {self.status}"


@dataclass(frozen=True, slots=True)
class Request:
    """One request on its way through the routes."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: Readable
    base: str
    """Scheme and authority that this server is known by, `http://127.0.0.1:5000`."""

    def parameter(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else None

    def header(self, name: str) -> str:
        """A header's value, empty when it was not sent."""
        return self.headers.get(name) or ""


@dataclass(frozen=True, slots=True)
class Content:
    """A body: bytes in memory or a file on disk, of which a part may be meant."""

    source: bytes | Path
    start: int = 0
    stop: int | None = None

    @property
    def total(self) -> int:
        """Bytes of the whole source."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def __len__(self) -> int:
        return (self.total if self.stop is None else self.stop) - self.start

    def read(self) -> bytes:
        """The bytes meant, in memory."""
        if isinstance(self.source, bytes):
            return self.source[self.start : self.stop]
        with self.source.open("rb") as file:
            file.seek(self.start)
            return file.read(len(self))


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. Content-Length is added when it is sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Content = field(default_factory=lambda: Content(b""))
    digest: str = ""
    """Of the blob or manifest in the body: what faults on a digest look for."""
    cut: int | None = None
    """Send only so many bytes of the body, then close: a broken transfer."""
    hang_up: bool = False
    """Close the connection without an answer."""
    pace: tuple[int, float] | None = None
    """Send so many bytes of the body at a time, after so many seconds each."""

    @classmethod
    def of_json(cls, status: int, document: object, **headers: str) -> Response:
        """An answer that carries a JSON document."""
        raw = json.dumps(document).encode()
        return cls(status, {"Content-Type": _JSON, **headers}, Content(raw))


def error_code(status: int) -> str:
    """The spec's word for a status."""
    return _CODES.get(status, "UNKNOWN" if status >= 500 else "UNSUPPORTED")


def error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer as distribution-spec 1.1, "Error Codes", wants it."""
    document = {"errors": [{"code": code, "message": message, "detail": None}]}
    response = Response.of_json(status, document)
    return Response(status, {**response.headers, **(headers or {})}, response.body)
