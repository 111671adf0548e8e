"""HTTP as it is on the wire, for tests of the embedded registry: no client of ours in between."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from email.message import Message

    from provenance.testing import LocalRegistry

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The one error code of the spec's error document."""
        (error,) = self.json["errors"]
        assert set(error) == {"code", "message", "detail"}
        return str(error["code"])


def connect(registry: LocalRegistry, host: str = "") -> http.client.HTTPConnection:
    """A connection to the registry, or to the other `host` it sends clients to."""
    if registry.url.startswith("https"):
        context = ssl.create_default_context(cadata=registry.ca_pem.decode())
        return http.client.HTTPSConnection(host or registry.host, timeout=10, context=context)
    return http.client.HTTPConnection(host or registry.host, timeout=10)


def ask(
    registry: LocalRegistry,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
) -> Answer:
    """One request on a connection of its own; a body that is no bytes is sent in chunks."""
    with closing(connect(registry)) as connection:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str = "text/plain") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def manifest(**fields: Any) -> bytes:
    """An image manifest of an empty config, with `fields` changed or added."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(b"{}", CONFIG),
        "layers": [],
        **fields,
    }
    return json.dumps({k: v for k, v in document.items() if v is not None}).encode()
