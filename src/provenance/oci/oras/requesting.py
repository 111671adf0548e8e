"""The half of oras-py's client that sends: `do_request` over our transport, and what it needs.

Credentials go to the registry that a URL names and to no other origin; what a digest names is
held to it; nothing is sent by oras-py's own session, which refuses.
"""

from __future__ import annotations

import json as json_text
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

import oras.client
import oras.container
import requests

from provenance.errors import (
    LimitExceeded,
    MalformedDocument,
    RegistryUnavailable,
    UnsupportedFormat,
)
from provenance.oci.credential import Credential
from provenance.oci.links import next_link
from provenance.oci.login import login as keep_login
from provenance.oci.oras.answers import OrasResponse, speaking_oras
from provenance.oci.oras.login import SessionLogin, account_of
from provenance.oci.oras.places import ApiPlace
from provenance.oci.reference import Reference
from provenance.transport.origin import join_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provenance.oci.registry import Registry
    from provenance.oci.registry_repository import RegistryRepository

__all__ = ["Requesting"]

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_GOOD = frozenset({200, 201, 202})
_DOCKER_HUB = "docker.io"


class Requesting(oras.client.OrasClient):  # type: ignore[misc] # untyped
    """See `OrasClient`."""

    def __init__(self, registry: Registry, hostname: str | None = None) -> None:
        """Send through `registry`; `hostname` is meant where a name has no registry."""
        super().__init__(hostname=hostname)
        self.session.close()
        self.session: requests.Session = _Mute()
        self.auth = SessionLogin(registry, hostname)
        self.registry = registry

    # Names

    @speaking_oras
    def get_container(self, name: str | oras.container.Container) -> oras.container.Container:
        """The place that a name means, by Docker's rules. Raises InvalidReference."""
        found = self.reference(name)
        namespace, _, repository = found.repository.rpartition("/")
        container = oras.container.Container(repository)
        container.registry, container.repository = found.registry, repository
        container.namespace = namespace or None
        container.tag = found.tag or (None if found.digest else "latest")
        container.digest = str(found.digest) if found.digest else None
        return container

    def reference(self, name: str | oras.container.Container) -> Reference:
        """The same as our own `Reference`. Raises InvalidReference."""
        text = str(name)
        if isinstance(name, oras.container.Container):
            text = f"{name.registry}/{name.api_prefix}"
            text += f":{name.tag}" if name.tag else ""
            text += f"@{name.digest}" if name.digest else ""
        elif self.hostname is not None:
            first, slash, _ = text.partition("/")
            if not slash or not (set(first) & set(".:[") or first == "localhost"):
                text = f"{self.hostname}/{text}"
        found = Reference.parse(text)
        if found.scheme != "docker":
            raise UnsupportedFormat(f"{found.name} is in no registry", reference=text)
        return found

    def repository(self, name: str | oras.container.Container) -> RegistryRepository:
        """Our repository behind a name, with the login for its host."""
        found = self.reference(name)
        return self.auth.session_for(found.registry).repository(found)

    # Logins

    @speaking_oras
    def login(
        self,
        username: str,
        password: str,
        password_stdin: bool = False,  # noqa: FBT001, FBT002 - oras-py's signature, here and below
        tls_verify: bool = True,  # noqa: FBT001, FBT002
        hostname: str | None = None,
        config_path: str | None = None,
    ) -> dict[str, str]:
        """Use a name and password for one host, in this client alone.

        Nothing is sent, so it is not known yet whether they are right, and nothing is written,
        unless a file is named: then the registry is asked, and they are kept there if it agrees.

        Args:
            username: the account.
            password: its password.
            password_stdin: read the password from standard input instead.
            tls_verify: must be true.
            hostname: the registry; None: the client's own, else Docker Hub.
            config_path: a file, in Docker's format, to keep them in.

        Raises:
            MalformedDocument: no name or no password.
            UnsupportedFormat: certificates are not to be checked.
            Unauthorized, Forbidden: the registry refused them; nothing was kept.
        """
        if not tls_verify:
            raise UnsupportedFormat(
                "certificates are always checked", hint="name your CA in Settings.ca_bundle"
            )
        if password_stdin:
            import sys

            password = sys.stdin.readline().rstrip("\r\n")
        if not username or not password:
            raise MalformedDocument("a login needs a name and a password")
        account = account_of(hostname or self.hostname or _DOCKER_HUB)
        credential = Credential(username, password)
        if config_path is not None:
            settings, limits = self.registry.settings, self.registry.limits
            keep_login(account, credential, auth_file=config_path, settings=settings, limits=limits)
            self.auth.use(account, credential)
            return {"Status": "Login Succeeded"}
        self.auth.use(account, credential)
        return {"Status": f"Credentials kept for {account} in this client, not tried yet"}

    def set_header(self, name: str, value: str) -> None:
        """Send a header with every request. Raises UnsupportedFormat for one with a secret."""
        self._check_headers({name: value})
        super().set_header(name, value)

    # Requests

    @speaking_oras
    def do_request(
        self,
        url: str,
        method: str = "GET",
        data: Any = None,
        headers: Mapping[str, str | None] | None = None,
        json: Any = None,
        stream: bool = False,  # noqa: FBT001, FBT002
    ) -> OrasResponse:
        """Send one request; any status comes back.

        Args:
            url: absolute. One of a registry's API goes to that registry by the rules for it
                (https but for loopback and `Settings.plain_http`), with its login and without
                mirrors; any other is sent without credentials.
            method: `GET`, `HEAD`, ...
            data: bytes, text, a file, or a mapping to send as a form.
            headers: sent along; must hold no secret.
            json: a document to send.
            stream: leave the body to be read by `iter_content`, which verifies at its end.

        Raises:
            ContentMismatch: what a digest names has not that digest.
            InvalidReference, InvalidDigest: the URL names what cannot be.
            LimitExceeded: an answer too large for memory.
            UnsupportedFormat: a header with a secret, or a part of a blob, which nothing proves.
            ProvenanceError: no answer, or no login.
        """
        sent = {k: str(v) for k, v in (headers or {}).items() if v is not None}
        self._check_headers(sent)
        body = _body(data, json, sent)
        response = self._send(method.upper(), url, sent, body, stream=stream)
        if not stream:
            with response:
                _ = response.content  # proven here, if its name is a digest
        return response

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, stream: bool
    ) -> OrasResponse:
        limits = self.registry.limits
        largest = limits.blob_bytes if stream else limits.files_bytes
        place = ApiPlace.find(url)
        if place is None:
            answer = self.registry.client.request(method, url, headers=headers, body=body)
            return OrasResponse(answer, method, None, limit=largest)
        repository = self.auth.session_for(place.repository.registry).repository(place.repository)
        answer = repository.send(
            method, place.path, actions=place.actions(method), headers=headers, body=body
        )
        proof = place.digest if (method, answer.status) == ("GET", 200) else None
        return OrasResponse(answer, method, place.repository, limit=largest, digest=proof)

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        for name in headers:
            if name.lower() in _SECRET_HEADERS:
                raise UnsupportedFormat(
                    f"{name} is not taken as a header, which would follow every redirect",
                    hint="use login, or give credentials= to Registry",
                )
            if name.lower() == "range":
                raise UnsupportedFormat(
                    "a part of a blob proves nothing", hint="read the whole of it"
                )

    @speaking_oras
    def _check_200_response(self, response: requests.Response) -> None:
        """Raise what an answer means that is not good."""
        if response.status_code in _GOOD:
            return
        if isinstance(response, OrasResponse):
            response.refuse(self.registry.limits.error_bytes)
        raise RegistryUnavailable(f"{response.url} answered {response.status_code}")

    @speaking_oras
    def _get_location(self, r: requests.Response, container: oras.container.Container) -> str:
        """Where an upload goes on. Raises RegistryUnavailable if that is another host.

        Whoever sends there by hand would log in there: our own uploads know not to.
        """
        location = r.headers.get("location", "")
        if not location:
            return ""
        base = self.repository(container).base
        target = join_url(base, location)
        if origin_of(target) != origin_of(base):
            raise RegistryUnavailable(
                f"{base} sends an upload elsewhere", hint="use upload_blob, which can follow"
            )
        return target

    @speaking_oras
    def _do_paginated_request(
        self,
        url: str,
        callable: Callable[[requests.Response], object],  # noqa: A002 - its name
    ) -> None:
        """Ask for pages until `callable` has enough. Raises if one leads to another host."""
        home = origin_of(url)
        for _ in range(self.registry.limits.pages):
            response = self.do_request(url, "GET", headers=self.headers)
            self._check_200_response(response)
            link = next_link(response.headers.get("Link", ""))
            if not callable(response) or not link:
                return
            url = join_url(url, link)
            if origin_of(url) != home:
                raise RegistryUnavailable("the next page is on another host, which is not asked")
        raise LimitExceeded(
            f"there are more than {self.registry.limits.pages} pages", hint="raise Limits.pages"
        )

    def __reduce__(self) -> NoReturn:
        """Refuse: credentials stay in this process."""
        raise TypeError("an oras client is not pickled; make one on the other side")


def _body(data: Any, json: Any, headers: dict[str, str]) -> bytes | None:
    """What is to be sent, as requests understands its arguments."""
    if json is not None:
        headers.setdefault("Content-Type", "application/json")
        return json_text.dumps(json, allow_nan=False).encode()
    if data is None or isinstance(data, bytes):
        return data
    if isinstance(data, dict):
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return urlencode(data, doseq=True).encode()
    if isinstance(data, str):
        return data.encode()
    if hasattr(data, "read"):
        return bytes(data.read())
    raise UnsupportedFormat(
        f"a body of {type(data).__name__} is not sent", hint="give bytes, text, a file or a mapping"
    )


class _Mute(requests.Session):
    """A session that sends nothing."""

    def send(self, request: Any, **more: Any) -> NoReturn:
        """Refuse."""
        del request, more
        raise UnsupportedFormat(
            "oras-py's own session would neither verify nor keep credentials at home",
            hint="use do_request",
        )
