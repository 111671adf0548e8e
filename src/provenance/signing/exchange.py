"""`Exchange`: what is asked of the services that one signature needs, within one deadline.

The transport decides of authorities, proxies, retries and waits. Every request here may be sent
again: a second certificate, timestamp or log entry for the same signature does no harm.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provenance.display.text import visible
from provenance.errors import ProvenanceError, SigningError
from provenance.signing.encryption import see_encrypted
from provenance.strict_json import decode_object
from provenance.transport import stopping
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.transport.client import Client

__all__ = ["Answer", "Exchange", "ServiceError"]

_JSON = "application/json"
_SAID = 300  # characters of what a service says that are passed on


class ServiceError(SigningError):
    """A service did not do its part; another may. It is caught where there are several."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said."""

    service: str
    """For people: what it is, and where."""
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Case-insensitive."""

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ServiceError."""
        try:
            return decode_object(self.body)
        except ProvenanceError as error:
            raise ServiceError(
                f"{self.service} answered {self.status} with what is not JSON: {error.message}",
                hint="is the URL in the signing configuration the service's?",
            ) from error

    def refusal(self, hint: str = "try again later") -> ServiceError:
        """The error that this answer is."""
        if 300 <= self.status < 400:
            return ServiceError(
                f"{self.service} leads elsewhere, which a service that signs does not",
                hint="check the URL in the signing configuration",
            )
        said = _message(self.body)
        text = f"{self.service} answered {self.status}" + (f": {said}" if said else "")
        return ServiceError(text, hint=hint)


class Exchange:
    """Requests over one client. `Settings.deadline` begins when it is made."""

    def __init__(self, client: Client) -> None:
        """Ask through `client`; whoever made that closes it."""
        self._client = client
        self._since = time.monotonic()

    def post(
        self,
        service: str,
        url: str,
        body: bytes | Mapping[str, Any],
        *,
        content_type: str = _JSON,
        accept: str = _JSON,
        token: str | None = None,
    ) -> Answer:
        """Send `body` to `url`. Raises ServiceError where nobody answered.

        `token` is a secret: it goes to the origin of `url`, encrypted, and no error holds it.
        """
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": content_type, "Accept": accept}
        return self._send("POST", service, url, headers, data, token)

    def get(self, service: str, url: str, *, accept: str = _JSON) -> Answer:
        """Ask for `url`. Raises ServiceError where nobody answered."""
        return self._send("GET", service, url, {"Accept": accept}, None, None)

    def wait(self, attempt: int) -> None:
        """Pause, longer for each `attempt`: what was asked for is not there yet."""
        stopping.pause(self._client.backoff(attempt))

    def _send(
        self,
        method: str,
        service: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        token: str | None,
    ) -> Answer:
        named = f"{service} at {display_url(url)}"
        client = self._client
        try:
            if token is not None:
                see_encrypted(url, client.settings)
            with client.request(
                method,
                url,
                headers=headers,
                authorization=None if token is None else f"Bearer {token}",
                body=body,
                follow=False,
                repeat=True,
                grace=self._since - time.monotonic(),
            ) as answer:
                content = answer.read_capped(client.limits.trust_bytes)
        except ProvenanceError as error:
            raise ServiceError(f"{named}: {error.message}", hint=error.hint) from error
        if token is not None:  # what was sent must not come back in an error
            content = content.replace(token.encode(), b"(token)")
        return Answer(named, answer.status, content, answer.headers)


def _message(body: bytes) -> str:
    """What a refusal says, in a line: gRPC gateways have a `message`, others plain text."""
    try:
        said = decode_object(body).get("message")
    except ProvenanceError:
        said = "" if body.lstrip()[:1] in (b"<", b"{") else body.decode("utf-8", "replace")
    text = " ".join(said.split()) if isinstance(said, str) else ""
    return visible(text[:_SAID])
