"""`Client`: one HTTP request, with the redirects, retries and waits that are safe.

requests moves the bytes. What is a security decision is decided here: where Authorization goes,
which redirects are followed, which certificates are trusted, how long anything may take.
"""

from __future__ import annotations

import email.utils
import os
import random
import threading
import time
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, BinaryIO, Self

from provenance.errors import RateLimited, RegistryUnavailable
from provenance.settings import Limits, Settings
from provenance.transport.origin import display_url, join_url, origin_of
from provenance.transport.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import requests

__all__ = ["Client"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = frozenset({429, 502, 503, 504})
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Client:
    """Sends requests with one session a thread. Close it, or use it in a `with`."""

    def __init__(self, settings: Settings | None = None, limits: Limits | None = None) -> None:
        """Use `settings` (None: those of the environment) and `limits`."""
        self.settings = settings or Settings.from_environment()
        self.limits = limits or Limits()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
        body: bytes | BinaryIO | None = None,
        follow: bool = True,
    ) -> Response:
        """Send one request and return the answer, whatever its status.

        Args:
            method: `GET`, `HEAD`, ...
            url: absolute, http or https.
            headers: sent along, to redirect targets too; hold no secret.
            authorization: the Authorization header; sent to the origin of `url` alone.
            body: bytes, or a seekable file at its start.
            follow: follow redirects of GET and HEAD; else the redirect is the answer.

        Raises:
            RegistryUnavailable: no answer, an unsafe or endless redirect, or too late.
            RateLimited: the server asked for a longer wait than `Settings.retry_wait`.
        """
        deadline = time.monotonic() + self.settings.deadline
        home, at = origin_of(url), url
        for _ in range(self.limits.redirects + 1):
            if origin_of(at) != home:  # once away it stays behind, should they send us back
                authorization = None
            response = self._retried(method, at, headers, authorization, body, deadline)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not follow or method not in {"GET", "HEAD"}:
                return response
            response.close()
            if not location:
                raise RegistryUnavailable(f"{display_url(at)} redirects without saying where to")
            target = join_url(at, location)
            if origin_of(at)[0] == "https" and origin_of(target)[0] != "https":
                raise RegistryUnavailable(
                    f"{display_url(at)} redirects from https to {display_url(target)}",
                    hint="not followed: what comes back could be anyone's",
                )
            at = target
        raise RegistryUnavailable(
            f"{display_url(url)} redirects more than {self.limits.redirects} times"
        )

    def _retried(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        authorization: str | None,
        body: bytes | BinaryIO | None,
        deadline: float,
    ) -> Response:
        tries = 1 + (self.settings.retries if method in _IDEMPOTENT else 0)
        attempt = 0
        while True:
            attempt += 1
            wait: float | None = None
            try:
                response = self._once(method, url, headers, authorization, body, deadline)
                if response.status not in _RETRIED or attempt >= tries:
                    return response
                wait = _retry_after(response.headers.get("Retry-After"))
                response.close()
                self._refuse_long_wait(wait, response.status, url)
            except RegistryUnavailable as error:
                if attempt >= tries or _is_untrusted(error):
                    raise
            pause = wait
            if pause is None:
                # Full jitter around an exponential step, so that many clients do not march.
                pause = min(0.5 * 2**attempt, self.settings.retry_wait) * random.uniform(0.5, 1)  # noqa: S311
            if time.monotonic() + pause > deadline:
                raise RegistryUnavailable(
                    f"{display_url(url)} did not answer within {self.settings.deadline:g} s",
                    hint="raise Settings.deadline, or try again later",
                )
            time.sleep(pause)

    def _refuse_long_wait(self, wait: float | None, status: int, url: str) -> None:
        if wait is None or wait <= self.settings.retry_wait:
            return
        if status == 429:
            raise RateLimited(
                f"{display_url(url)} asks to come back in {wait:.0f} s (429)",
                retry_after=wait,
                hint="wait, or log in for a higher limit",
            )
        raise RegistryUnavailable(
            f"{display_url(url)} is unavailable for {wait:.0f} s ({status})", hint="try again later"
        )

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        authorization: str | None,
        body: bytes | BinaryIO | None,
        deadline: float,
    ) -> Response:
        import requests
        import urllib3

        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        # Content must arrive as it is stored: what is hashed is never decoded on the way.
        sent = {"Accept-Encoding": "identity", **(headers or {})}
        if authorization is not None:
            sent["Authorization"] = authorization
        try:
            answer = self._session().request(
                method,
                url,
                headers=sent,
                data=body,
                stream=True,
                allow_redirects=False,
                timeout=self.settings.timeout,
                proxies=self._proxies(url),
            )
        except requests.exceptions.SSLError as error:
            if _is_untrusted(error):
                raise RegistryUnavailable(
                    f"{display_url(url)} has no certificate this machine trusts",
                    hint="name its authority with Settings.ca_bundle or REQUESTS_CA_BUNDLE",
                ) from error
            raise RegistryUnavailable(
                f"{display_url(url)} cannot be spoken to in TLS ({_cause(error)})",
                hint="if it speaks plain HTTP, name it in Settings.plain_http",
            ) from error
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
        ) as error:
            raise RegistryUnavailable(
                f"{display_url(url)} cannot be reached ({_cause(error)})",
                hint="check the name, the network and the proxy settings",
            ) from error
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            answer.close()
            raise RegistryUnavailable(
                f"{display_url(url)} sent encoded content that was not asked for",
                hint="a proxy in between may alter answers",
            )
        return Response(answer, url, deadline)

    def _proxies(self, url: str) -> dict[str, str]:
        import requests.utils

        if not self.settings.proxies or requests.utils.should_bypass_proxies(
            url, self.settings.no_proxy or "localhost,127.0.0.1,::1"
        ):
            return {}
        return dict(self.settings.proxies)

    def _session(self) -> requests.Session:
        """This thread's session; a new one after a fork, as sockets must not be shared."""
        if getattr(self._local, "pid", None) != os.getpid():
            import requests
            import requests.adapters

            session = requests.Session()
            session.trust_env = False  # no .netrc (CVE-2024-47081), no proxies by the back door
            session.verify = str(self.settings.ca_bundle) if self.settings.ca_bundle else True
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers["User-Agent"] = self.settings.user_agent
            adapter = requests.adapters.HTTPAdapter(pool_maxsize=4, max_retries=0)
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            self._local.session, self._local.pid = session, os.getpid()
            with self._lock:
                self._sessions.append(session)
        found: requests.Session = self._local.session
        return found

    def close(self) -> None:
        """Close every session. The client can be used again afterwards."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._local = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, in either form (RFC 9110 section 10.2.3)."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        when = email.utils.parsedate_to_datetime(value)
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a certificate was looked at and refused: another try would change nothing."""
    while error is not None:
        if type(error).__name__ == "SSLCertVerificationError":
            return True
        error = error.__cause__ or error.__context__
    return False


def _cause(error: BaseException) -> str:
    """The innermost reason, by class: messages of HTTP libraries may repeat URLs with secrets."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
