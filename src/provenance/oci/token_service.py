"""One exchange with a token service: a credential, or none, for a token.

Source: distribution's token specification (token.md, oauth.md). A password goes by GET and Basic,
which every service knows; an identity token by POST, as a refresh grant.
"""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from provenance.errors import MalformedDocument, RateLimited, RegistryUnavailable, Unauthorized
from provenance.transport.origin import display_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.oci.challenges import Challenge
    from provenance.oci.credential import Credential
    from provenance.transport.client import Client
    from provenance.transport.response import Response

__all__ = ["Grant", "basic", "ready", "request_grant"]

# RFC 6750's b64token, and what else is visible: nothing that could end or split a header.
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_DEFAULT_SECONDS = 60.0  # token.md: where expires_in is not said
_CLIENT = "oci-provenance"
_LATER = "nothing is known about it; try again later"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token service gave."""

    token: str = field(repr=False)
    seconds: float
    """How long it is good for, from when it was asked for."""
    refresh_token: str = field(default="", repr=False)
    """An identity token, where one was asked for."""


def request_grant(
    client: Client,
    challenge: Challenge,
    scopes: Sequence[str],
    credential: Credential | None,
    *,
    host: str,
    public: bool,
    offline: bool = False,
) -> Grant:
    """Ask the service that `challenge` names, whose realm was checked; it is not redirected.

    Args:
        client: sends it.
        challenge: with `realm`, and `service` where the registry says one.
        scopes: what the token is to be good for; none: for logging in.
        credential: None: anonymous.
        host: whose credential it is, for messages.
        public: whether the service must have a public address: what `check_realm` said.
        offline: ask for an identity token too, to keep in place of a password.

    Raises:
        Unauthorized: it refused. MalformedDocument: the credential cannot be sent.
        RateLimited, RegistryUnavailable, LimitExceeded: it did not answer, or no token.
    """
    _check_text(credential)
    realm, service = challenge.parameters["realm"], challenge.parameters.get("service")
    query = [("service", service)] if service else []
    headers = {"Accept": "application/json"}
    if credential is not None and credential.identity_token:
        form = [
            *query,
            ("scope", " ".join(scopes)),
            ("grant_type", "refresh_token"),
            ("client_id", _CLIENT),
            ("refresh_token", credential.identity_token),
        ]
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        response = client.request(
            *("POST", realm),
            headers=headers,
            body=urlencode(form).encode(),
            follow=False,
            repeat=True,
            public=public,
        )
    else:
        query += [("scope", scope) for scope in scopes]
        if offline and credential is not None:
            query += [("client_id", _CLIENT), ("offline_token", "true")]
        url = realm if not query else f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        authorization = basic(credential) if credential else None
        response = client.request(
            *("GET", url),
            headers=headers,
            authorization=authorization,
            follow=False,
            public=public,
        )
    with response:
        source = credential.source if credential else "no credentials"
        _refuse(response, display_url(realm), host, source)
        return _read(response, display_url(realm), client.limits.token_bytes)


def basic(credential: Credential) -> str:
    """The Authorization of RFC 7617. Raises MalformedDocument: it cannot be sent."""
    _check_text(credential)
    pair = f"{credential.username}:{credential.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def ready(credential: Credential) -> str:
    """The Authorization of a ready token. Raises MalformedDocument: no header can carry it."""
    if _TOKEN.fullmatch(credential.registry_token) is None:
        raise MalformedDocument(
            f"the token from {credential.source} has a space, a line's end or what is not ASCII",
            hint="give it without what stands around it",
        )
    return f"Bearer {credential.registry_token}"


def _check_text(credential: Credential | None) -> None:
    """JSON can spell half of a surrogate pair, which no header or form can carry."""
    if credential is None:
        return
    try:
        f"{credential.username}{credential.password}{credential.identity_token}".encode()
    except UnicodeEncodeError:
        raise MalformedDocument(
            f"the credential from {credential.source} is no text", hint="log in again"
        ) from None


def _refuse(response: Response, where: str, host: str, source: str) -> None:
    status = response.status
    if status == 429:
        raise RateLimited(
            f"the token service {where} answered 429",
            retry_after=response.retry_after,
            hint="nothing is known about it; wait, or log in for a higher limit",
        )
    if status in {400, 401, 403}:
        raise Unauthorized(
            f"the token service {where} refused ({status}) with {source}",
            hint=f"log in (provenance login {host}), or check the repository",
        )
    if status != 200:
        raise RegistryUnavailable(f"the token service {where} answered {status}", hint=_LATER)


def _read(response: Response, where: str, limit: int) -> Grant:
    body = response.read_capped(limit, "token")
    try:
        document = json.loads(body)
        token = document.get("token") or document.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        # Not MalformedDocument: beside a signature that would read as a bad signature.
        # From None: the parser's message quotes what may hold a token.
        raise RegistryUnavailable(
            f"the token service {where} sent no JSON object", hint=_LATER
        ) from None
    if not isinstance(token, str) or _TOKEN.fullmatch(token) is None:
        raise RegistryUnavailable(f"the token service {where} sent no token", hint=_LATER)
    refresh = document.get("refresh_token")
    refresh = refresh if isinstance(refresh, str) and _TOKEN.fullmatch(refresh) else ""
    return Grant(token, _seconds(document.get("expires_in")), refresh)


def _seconds(value: Any) -> float:
    """How long a token lives. What makes no sense is the default: a 401 would tell anyway."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _DEFAULT_SECONDS
    try:
        seconds = float(value)
    except OverflowError:
        return _DEFAULT_SECONDS
    return seconds if math.isfinite(seconds) and seconds > 0 else _DEFAULT_SECONDS
