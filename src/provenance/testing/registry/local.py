"""A registry in this process."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from provenance.testing.registry.application import Application
from provenance.testing.registry.auth import Auth
from provenance.testing.registry.holdings import Holdings
from provenance.testing.registry.messages import RecordedRequest, Request
from provenance.testing.registry.misbehaviour import Misbehaviour
from provenance.testing.registry.profiles import find_profile
from provenance.testing.registry.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from provenance.testing.registry.behaviour import AuthKind
    from provenance.testing.registry.messages import Response
    from provenance.testing.registry.profiles import Profile

__all__ = ["LocalRegistry"]


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True)
class _OtherHost:
    """What a second server answers with."""

    respond: Callable[[Request], Response]


class LocalRegistry(Misbehaviour, Holdings):
    """An OCI registry on an ephemeral loopback port, for tests: distribution-spec 1.1.

    >>> with LocalRegistry() as registry:
    ...     digest = registry.put_blob("app", b"hello")
    ...     reference = registry.reference("app:1.0")
    >>> digest.short
    'sha256:2cf24dba5fb0'

    `blobs`, `manifests` and `tags` are its store, by repository: plain dicts that a test may
    edit. `requests` is what was asked.

    `profile` makes it differ from the specification as a registry in the wild does: `ghcr`,
    `ghcr-redirecting`, `dockerhub`, `acr`, `artifactory` (before 7.90), `harbor29`, `harbor27`,
    `gar`, `gcr`, `quay`, `ecr`, `gitlab`, `nexus`, `zot`, `distribution28`; or a `Profile` of
    your own. One that asks for a login knows the account `registry.account`. Its rate limits are
    faults: `clear_faults()` lets the time pass.

    Faults make it misbehave: other answers (`fail`, `html`, `redirect`, `alter`), wrong ones
    (`set_header`, `drop_header`, `tamper`, `cut_page`, `claim_length`), connections that break
    (`disconnect`, `cut`, `truncate`, `cut_upload`), time (`delay`, `drip`, `expire_tokens`).
    Each takes `method`, `skip` and `times`: which of the requests are struck.
    """

    def __init__(
        self,
        *,
        profile: str | Profile | None = None,
        referrers_api: bool | None = None,
        filters_referrers: bool | None = None,
        page_size: int | None = None,
        deletes: bool | None = None,
        single_post: bool | None = None,
        ranges: bool | None = None,
        shortest_chunk: int | None = None,
        manifest_bytes: int | None = None,
        auth: AuthKind | None = None,
        username: str = "",
        password: str = "",
        identity_token: str = "",
        anonymous_pull: bool | None = None,
        token_lifetime: int | None = None,
        realm: str | None = None,
        tls: bool = False,
        directory: Path | str | None = None,
    ) -> None:
        """Describe the registry; `start()` or `with` opens the port.

        What is None is as the profile has it, and without a profile as the specification has
        it, every optional ability included.

        Args:
            profile: which registry to be like: a name, or a profile of your own.
            referrers_api: whether it lists referrers; off: 404 and no OCI-Subject, as
                distribution 2.8 does.
            filters_referrers: whether it filters them by artifactType, and says so.
            page_size: most entries of one page of tags or referrers.
            deletes: whether it deletes; off: 405.
            single_post: whether a blob may come in one POST; off: 202, the body ignored.
            ranges: whether a part of a blob can be had; off: 200 and the whole.
            shortest_chunk: bytes that each part of an upload but the last must have.
            manifest_bytes: largest manifest; above 413.
            auth: None, "basic", or "bearer" (with a token service at `/token`).
            username: the one account's name.
            password: its password.
            identity_token: a refresh token that the token service takes instead.
            anonymous_pull: whether reading needs no account.
            token_lifetime: requests that one bearer token is good for; None: no end.
            realm: the token service's URL in challenges; None: its own.
            tls: speak HTTPS with a certificate of its own authority, `ca_pem`.
            directory: keep uploaded blobs in files here; None: in memory.

        Raises:
            ValueError: no profile has this name.
        """
        Misbehaviour.__init__(self)
        Holdings.__init__(self, Path(directory) if directory is not None else None)
        found = find_profile(profile)
        behaviour = replace(
            found.behaviour,
            **_given(
                referrers_api=referrers_api,
                filters_referrers=filters_referrers,
                page_size=page_size,
                deletes=deletes,
                single_post=single_post,
                ranges=ranges,
                shortest_chunk=shortest_chunk,
                manifest_bytes=manifest_bytes,
            ),
        )
        door = replace(
            found.door,
            **_given(
                kind=auth,
                anonymous_pull=anonymous_pull,
                token_lifetime=token_lifetime,
                realm=realm,
            ),
        )
        if found.door.kind is not None and not username:
            username, password = "user", "password"
        self.auth = Auth(door, username, password, identity_token)
        self._application = Application(behaviour, self.auth, self.store)
        self.ca_pem = b""
        self._wants_tls = tls
        self._server: Server | None = None
        self._other_host: Server | None = None
        self._requests: list[RecordedRequest] = []
        self._requests_elsewhere: list[RecordedRequest] = []
        self._record_lock = threading.Lock()
        for rate in behaviour.rates:
            wait = {} if rate.retry_after is None else {"Retry-After": str(rate.retry_after)}
            self.fail(rate.pattern, headers=wait, method=rate.method, skip=rate.requests)

    # Running

    def start(self) -> Self:
        """Open a port and answer until `stop()`."""
        if self._server is None:
            context = None
            if self._wants_tls:
                from provenance.testing.registry.tls import server_context

                context, self.ca_pem = server_context()
            if self._application.sends_elsewhere:
                self._other_host = Server(_OtherHost(self._respond_elsewhere), context)
            self._server = Server(self, context)
        return self

    def stop(self) -> None:
        """Close the port and every connection; the store stays."""
        running = [server for server in (self._server, self._other_host) if server is not None]
        self._server = self._other_host = None
        for server in running:
            server.stop()
        if running:
            self.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = self.host if self._server is not None else "stopped"
        return f"LocalRegistry({where!r}, repositories={len(self.manifests)})"

    @property
    def host(self) -> str:
        """Host and port, as references name this registry. RuntimeError when stopped."""
        return self.url.partition("//")[2]

    @property
    def url(self) -> str:
        """Scheme, host and port. RuntimeError when stopped."""
        if self._server is None:
            raise RuntimeError("the registry is not running: use it in a with block, or start() it")
        return self._server.base

    def reference(self, name: str) -> str:
        """`app:1.0` or `app@sha256:...` as a full reference into this registry."""
        return f"{self.host}/{name}"

    @property
    def account(self) -> tuple[str, str]:
        """The one account's name and password."""
        return self.auth.username, self.auth.password

    # What was asked

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request since the start or `clear_requests()`, oldest first."""
        with self._record_lock:
            return list(self._requests)

    @property
    def requests_elsewhere(self) -> list[RecordedRequest]:
        """What the other host was asked, where the profile sends clients to one."""
        with self._record_lock:
            return list(self._requests_elsewhere)

    def clear_requests(self) -> None:
        """Forget what was asked so far."""
        with self._record_lock:
            self._requests.clear()
            self._requests_elsewhere.clear()

    def respond(self, request: Request) -> Response:
        """Answer one request: faults, door, protocol, faults."""
        return self._settle(request, self._answer, self._requests)

    def _respond_elsewhere(self, request: Request) -> Response:
        return self._settle(request, self._application.answer_elsewhere, self._requests_elsewhere)

    def _settle(
        self,
        request: Request,
        answer: Callable[[Request], Response],
        records: list[RecordedRequest],
    ) -> Response:
        status = 0  # of a request that broke off
        try:
            arrived = self._arriving(request)
            if isinstance(arrived, Request):
                response = self._leaving(arrived, answer(arrived))
            else:
                response = arrived
            status = response.status
        finally:
            recorded = RecordedRequest(
                method=request.method,
                path=request.path,
                query={name: values[-1] for name, values in request.query.items()},
                status=status,
                headers=request.headers,
            )
            with self._record_lock:
                records.append(recorded)
        return response

    def _answer(self, request: Request) -> Response:
        elsewhere = self._other_host.base if self._other_host is not None else ""
        return self._application.answer(request, elsewhere)

    def _forget_tokens(self) -> None:
        self.auth.forget_tokens()
