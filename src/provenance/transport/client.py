"""`Client`: one HTTP request, with the redirects, retries and waits that are safe.

urllib3 moves the bytes. What is a security decision is decided here: where Authorization goes,
which redirects are followed, which certificates are trusted, how long anything may take.
"""

from __future__ import annotations

import os
import random
import re
import time
from typing import TYPE_CHECKING, Protocol, TypeAlias

from provenance.closing import Closing
from provenance.errors import RateLimited, RegistryUnavailable
from provenance.settings import Limits, Settings
from provenance.transport import stopping
from provenance.transport.faults import explain, foreign_errors, is_lasting
from provenance.transport.locks import Lock
from provenance.transport.origin import display_url, lead_url, origin_of
from provenance.transport.response import Response
from provenance.transport.turns import TurnIsFar, TurnNeverCame, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provenance.transport.connections import Connections
    from provenance.transport.origin import Origin

__all__ = ["Body", "Client"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({429, 502, 503, 504})
_RETRIED_READS = _RETRIED | {500}  # which distribution answers beside another's write
_FIELD = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5; text as Latin-1
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Streamed(Protocol):
    """A body that is made while it is sent, once."""

    def __len__(self) -> int:
        """Its bytes, which are promised."""
        ...

    def __iter__(self) -> Iterator[bytes]:
        """All of them."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """The next of them, at most `size`."""
        ...


Body: TypeAlias = "bytes | Streamed"


class Client(Closing):
    """Sends requests; threads share its connections. Close it, or use it in a `with`."""

    def __init__(self, settings: Settings | None = None, limits: Limits | None = None) -> None:
        """Use `settings` (None: those of the environment) and `limits`."""
        self.settings = settings or Settings.from_environment()
        self.limits = limits or Limits()
        self._lock = Lock()
        self._held: Connections | None = None
        self._pid = 0
        self._turns: dict[Origin, Turns] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
        body: Body | None = None,
        follow: bool = True,
        repeat: bool | None = None,
        grace: float = 0,
        public: bool = False,
    ) -> Response:
        """Send one request and return the answer, whatever its status.

        Args:
            method: `GET`, `HEAD`, ...
            url: absolute, http or https.
            headers: sent along, to redirect targets too; hold no secret.
            authorization: the Authorization header; sent to the origin of `url` alone.
            body: bytes, or what is made while it is sent, and so is sent once.
            follow: follow redirects of GET and HEAD; else the redirect is the answer.
            repeat: whether it may be sent again when nobody answered, or not now; None: if the
                method is idempotent.
            grace: seconds beyond `Settings.deadline`, for much to move; less than zero: before it.
            public: only if the address that is connected to, unless that is a proxy's, is public.

        Raises:
            RegistryUnavailable: no answer, an unsafe or endless redirect, or too late.
            RateLimited: the server asked for a longer wait than `Settings.retry_wait`.
        """
        deadline = time.monotonic() + self.settings.deadline + grace
        home, at = origin_of(url), url
        tries = 1
        again = repeat or (repeat is None and method in _IDEMPOTENT)
        if again and (body is None or isinstance(body, bytes)):
            tries += self.settings.retries
        for _ in range(self.limits.redirects + 1):
            sent = {
                "Accept-Encoding": "identity",
                "User-Agent": self.settings.user_agent,
                **(headers or {}),
            }
            if origin_of(at) != home:  # once away it stays behind, should they send us back
                authorization = None
            if authorization is not None:
                sent["Authorization"] = authorization
            _see_sendable(sent, at)
            response = self._retried(method, at, sent, body, tries, deadline, public=public)
            if response.status not in _REDIRECTS or not follow or method not in {"GET", "HEAD"}:
                return response
            location = response.headers.get("Location")
            response.drain()
            if not location:
                raise RegistryUnavailable(
                    f"{display_url(at)} redirects without saying where to",
                    hint="nothing is known; tell the server's operator",
                )
            at = lead_url(at, location)
        raise RegistryUnavailable(
            f"{display_url(url)} redirects more than {self.limits.redirects} times",
            hint="raise Limits.redirects if it is meant to",
        )

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after failed try number `attempt`: they grow, and differ by chance."""
        longest = min(0.5 * 2.0**attempt, self.settings.retry_wait)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - many clients must not march

    def _retried(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        tries: int,
        deadline: float,
        *,
        public: bool,
    ) -> Response:
        turns = self._turns_of(url)
        retried = _RETRIED_READS if method in {"GET", "HEAD"} else _RETRIED
        for attempt in range(1, tries + 1):
            stopping.check()
            pause = self.backoff(attempt)
            try:
                with turns.turn(deadline, self.settings.retry_wait):
                    response = self._once(method, url, headers, body, deadline, public=public)
                    if response.status == 429:
                        turns.refuse(self._pause(response, pause))
            except TurnIsFar as far:
                raise _come_back(url, far.seconds) from None
            except TurnNeverCame:
                break
            except foreign_errors() as error:
                if attempt == tries or is_lasting(error):
                    raise explain(error, url, self.settings) from error
            else:
                if response.status not in retried or attempt == tries:
                    return response
                self._refuse_long_wait(response)
                pause = self._pause(response, pause)
                response.drain()
            if time.monotonic() + pause > deadline:
                break
            stopping.pause(pause)
        raise RegistryUnavailable(
            f"{display_url(url)} did not answer within {self.settings.deadline:g} s",
            hint="raise Settings.deadline, or try again later",
        )

    @staticmethod
    def _pause(response: Response, otherwise: float) -> float:
        """Seconds until one may ask again."""
        wait = response.retry_after
        return otherwise if wait is None else wait

    def _refuse_long_wait(self, response: Response) -> None:
        wait = response.retry_after
        if wait is None or wait <= self.settings.retry_wait:
            return
        response.drain()
        if response.status == 429:
            raise _come_back(response.url, wait)
        raise RegistryUnavailable(
            f"{display_url(response.url)} is unavailable for {wait:.0f} s ({response.status})",
            hint="try again later",
        )

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None,
        deadline: float,
        *,
        public: bool,
    ) -> Response:
        answer = self._connections().exchange(
            *(method, url, headers, body),
            timeout=max(0.001, min(self.settings.timeout, deadline - time.monotonic())),
            deadline=deadline,
            public=public,
        )
        # Content must arrive as it is stored: what is hashed is never decoded on the way.
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            answer.close()
            raise RegistryUnavailable(
                f"{display_url(url)} sent encoded content that was not asked for",
                hint="a proxy in between may alter answers",
            )
        return Response(answer, url, deadline, empty=method == "HEAD")

    def _turns_of(self, url: str) -> Turns:
        origin = origin_of(url)
        with self._lock:
            return self._turns.setdefault(origin, Turns())

    def _connections(self) -> Connections:
        """Those of this process: a fork's sockets must not be shared."""
        if self._held is None or self._pid != os.getpid():
            from provenance.transport.connections import Connections

            self._check_authorities()
            with self._lock:
                if self._held is None or self._pid != os.getpid():
                    self._held, self._pid = Connections(self.settings), os.getpid()
        return self._held

    def _check_authorities(self) -> None:
        """Say what is wrong with a CA bundle that is not there, before a host is blamed."""
        bundle = self.settings.ca_bundle
        if bundle is not None and not os.access(bundle, os.R_OK):
            raise RegistryUnavailable(
                f"the CA bundle {bundle} cannot be read",
                hint="set Settings.ca_bundle or REQUESTS_CA_BUNDLE to a file that can",
            )

    def close(self) -> None:
        """Close every connection. The client can be used again afterwards."""
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            held.close()


def _see_sendable(headers: Mapping[str, str], url: str) -> None:
    """Refuse what no header may hold before a library quotes it: it may be a login."""
    for name, value in headers.items():
        if not _FIELD.fullmatch(value):
            raise RegistryUnavailable(
                f"{display_url(url)} was not asked: {name} would hold a line break, or another "
                "character that no header may",
                hint="is there one in a password, token or setting?",
            )


def _come_back(url: str, wait: float) -> RateLimited:
    return RateLimited(
        f"{display_url(url)} asks to come back in {wait:.0f} s (429)",
        retry_after=wait,
        hint="wait, or log in for a higher limit",
    )
