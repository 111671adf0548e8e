"""The sigstore library's clients over our transport: its authorities, proxies, deadlines, caps.

The library sends with `requests` sessions of its own, which know of authorities and proxies
from environment variables alone, and take no setting. A session can be given another adapter,
which is the public way for `requests` to send by other means; docs/decisions/0007 tells how the
sessions are reached.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from sigstore.oidc import Issuer

from provenance.errors import RegistryUnavailable, SigningError
from provenance.settings import Settings
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from provenance.transport.client import Client

__all__ = ["Login", "reach_through"]


def reach_through(client: Client, service: object) -> None:
    """Let a client of the library send through `client`, in this thread.

    Raises:
        SigningError: this version of the library hides its session, and `client` has settings
            that the library would not find in the environment.
    """
    # Fulcio's is public. Those of logs and timestamp authorities are not, and one a thread.
    names = ("session", "_session")
    session = next((s for name in names if (s := getattr(service, name, None))), None)
    if isinstance(session, requests.Session):
        _lead(session, client)
        return
    ours, theirs = client.settings, Settings.from_environment()
    known = (theirs.ca_bundle, theirs.proxies, theirs.no_proxy)
    if (ours.ca_bundle, ours.proxies, ours.no_proxy) != known:
        raise SigningError(
            "this version of the sigstore library takes authorities and proxies from the "
            "environment alone",
            hint="set REQUESTS_CA_BUNDLE and HTTPS_PROXY, or install sigstore 4.5",
        )


class Login(Issuer):
    """An OIDC issuer of the library, asked through our transport from its first request on."""

    def __init__(self, url: str, client: Client) -> None:
        """Ask the issuer at `url` what it offers. Raises what `Issuer` and `client` raise."""
        self._client = client
        super().__init__(url)

    @property
    def session(self) -> requests.Session:
        """What it sends with."""
        return self._made

    @session.setter
    def session(self, made: requests.Session) -> None:
        _lead(made, self._client)
        self._made = made


def _lead(session: requests.Session, client: Client) -> None:
    session.trust_env = False  # .netrc would take the token's place (CVE-2024-47081)
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(client))


class _Adapter(BaseAdapter):
    """One request of a session, sent by a `Client`."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def send(
        self, request: requests.PreparedRequest, *_settings: Any, **_more: Any
    ) -> requests.Response:
        """Whatever the session says of certificates, proxies and time, `Client` knows better."""
        headers = CaseInsensitiveDict(request.headers)
        authorization = headers.pop("Authorization", None)
        # Of the connection, which is another: `Client` takes no encoded answer, and counts itself.
        for name in ("Accept-Encoding", "Connection", "Content-Length"):
            headers.pop(name, None)
        body, url = request.body, request.url or ""
        with self._client.request(
            request.method or "GET",
            url,
            headers=headers,
            authorization=authorization,
            body=body.encode() if isinstance(body, str) else body or None,
            follow=False,
        ) as answer:
            if answer.headers.get("Location") and 300 <= answer.status < 400:
                raise RegistryUnavailable(
                    f"{display_url(url)} leads elsewhere, which a service that signs does not",
                    hint="check the URL in the signing configuration",
                )
            content = answer.read_capped(self._client.limits.trust_bytes)
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, url, request
        response.headers = CaseInsensitiveDict(answer.headers.items())
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.raw = io.BytesIO(content)
        return response

    def close(self) -> None:
        """Nothing: whoever made the client closes it."""
