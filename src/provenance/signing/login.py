"""`log_in`: a person proves who they are, with a browser here or a code from another machine.

The flow is the sigstore library's; its requests go over our transport. It sends with a `requests`
session of its own, which knows of authorities and proxies from environment variables alone. A
session can be given another adapter, which is the public way for `requests` to send by other
means.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from sigstore.oidc import Issuer

from provenance.errors import RegistryUnavailable
from provenance.signing.encryption import see_encrypted
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from provenance.transport.client import Client

__all__ = ["Login", "log_in"]


def log_in(url: str, client: Client, *, out_of_band: bool = False) -> str:
    """A token of the issuer at `url`. Blocks until a person has logged in.

    Args:
        url: of the OIDC issuer.
        client: how to reach it.
        out_of_band: open no browser; show an address on stderr and read the code that the issuer
            shows there from stdin. That is also done where no browser can be opened.

    Raises what the library and `client` raise.
    """
    # The library asks for the code on stdout, where results go.
    with contextlib.redirect_stdout(sys.stderr):
        return str(Login(url, client).identity_token(force_oob=out_of_band))


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
        made.trust_env = False  # .netrc would take the token's place (CVE-2024-47081)
        for scheme in ("https://", "http://"):
            made.mount(scheme, _Adapter(self._client))
        self._made = made


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
        see_encrypted(url, self._client.settings)
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
                    f"{display_url(url)} leads elsewhere, which an issuer does not",
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
