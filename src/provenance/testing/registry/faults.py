"""Ways to misbehave: each fault is an object that counts its hits and can be taken back."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from provenance.testing.registry.messages import Content, Response, error, error_code

if TYPE_CHECKING:
    from provenance.testing.registry.messages import Request

__all__ = ["Fault", "Faults"]

Change = Callable[["Request", "Response | None"], "Response | None"]


@dataclass(eq=False)
class Fault:
    """One way to misbehave. `hits` counts; `remove()` takes it back."""

    pattern: re.Pattern[str]
    change: Change
    owner: Faults
    before: bool = False
    """Answer instead of the registry, which then does nothing; else change its answer."""
    method: str | None = None
    times: int | None = None
    digest: str = ""
    hits: int = 0

    def matches(self, request: Request, response: Response | None) -> bool:
        """Whether this fault is about this request, and not used up."""
        return (
            (self.times is None or self.hits < self.times)
            and (self.method is None or self.method == request.method)
            and self.pattern.search(request.path) is not None
            and (not self.digest or (response is not None and response.digest == self.digest))
        )

    def remove(self) -> None:
        """Behave again."""
        self.owner.remove(self)


class Faults:
    """The faults in force, in the order they were added. Mixed into `LocalRegistry`.

    `pattern` is a regular expression searched in the path (`/v2/app/blobs/sha256:...`),
    `method` an HTTP method (None: all), `times` how often it strikes (None: always).
    """

    def __init__(self) -> None:
        """Start well behaved."""
        self._faults: list[Fault] = []
        self._fault_lock = threading.Lock()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those in force."""
        return tuple(self._faults)

    def clear_faults(self) -> None:
        """Behave again."""
        with self._fault_lock:
            self._faults.clear()

    def remove(self, fault: Fault) -> None:
        """Take one fault back; no complaint if it is gone."""
        with self._fault_lock:
            if fault in self._faults:
                self._faults.remove(fault)

    def strike(
        self, request: Request, response: Response | None, *, before: bool
    ) -> Response | None:
        """What the faults make of an answer (None: there is none yet)."""
        for fault in self.faults:
            if fault.before != before:
                continue
            with self._fault_lock:
                struck = fault.matches(request, response)
                fault.hits += struck
            if struck:
                response = fault.change(request, response)
                if before and response is not None:
                    return response
        return response

    def fail(
        self,
        pattern: str,
        status: int = 429,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        times: int | None = None,
        method: str | None = None,
        after: bool = False,
    ) -> Fault:
        """Answer `status` to paths that match.

        Args:
            pattern: regular expression searched in the path.
            status: of the answer.
            headers: of the answer, e.g. `{"Retry-After": "1"}`.
            body: of the answer; None: the spec's error document for the status.
            times: how often; None: always.
            method: only for this HTTP method.
            after: do what was asked and only then answer so: a lost confirmation.
        """
        answer = error(status, error_code(status), "as the test asked", headers)
        if body is not None:
            answer = Response(status, dict(headers or {}), Content(body))

        def change(_request: Request, _response: Response | None) -> Response:
            return answer

        return self._add(pattern, change, before=not after, times=times, method=method)

    def html(self, pattern: str, *, times: int | None = None, method: str | None = None) -> Fault:
        """Answer 200 with a log-in page, as some registries do where they mean no."""
        page = b"<!doctype html><title>Sign in</title><p>Please sign in.</p>"
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return self.fail(pattern, 200, headers=headers, body=page, times=times, method=method)

    def redirect(
        self,
        pattern: str,
        location: str | Callable[[str], str],
        *,
        status: int = 307,
        times: int | None = None,
        method: str | None = None,
    ) -> Fault:
        """Send those who ask elsewhere: to `location`, or to `location(path)`."""

        def change(request: Request, _response: Response | None) -> Response:
            target = location if isinstance(location, str) else location(request.path)
            return Response(status, {"Location": target})

        return self._add(pattern, change, before=True, times=times, method=method)

    def disconnect(
        self,
        pattern: str,
        *,
        times: int | None = None,
        method: str | None = None,
        after: bool = False,
    ) -> Fault:
        """Close the connection without an answer; `after`: once the work is done."""

        def change(_request: Request, _response: Response | None) -> Response:
            return Response(0, hang_up=True)

        return self._add(pattern, change, before=not after, times=times, method=method)

    def delay(
        self,
        pattern: str,
        seconds: float,
        *,
        times: int | None = None,
        method: str | None = None,
    ) -> Fault:
        """Wait before each answer; every request waits for itself."""

        def change(_request: Request, response: Response | None) -> Response | None:
            time.sleep(seconds)
            return response

        return self._add(pattern, change, before=True, times=times, method=method)

    def set_header(
        self,
        pattern: str,
        name: str,
        value: str | None,
        *,
        times: int | None = None,
        method: str | None = None,
    ) -> Fault:
        """Replace a header of the answer; None drops it.

        `set_header("/manifests/", "Docker-Content-Digest", wrong)` makes the registry lie about
        a digest, `set_header("/tags/list", "Link", '<http://other/>; rel="next"')` about pages.
        """

        def change(_request: Request, response: Response | None) -> Response | None:
            if response is None:
                return None
            headers = {k: v for k, v in response.headers.items() if k.lower() != name.lower()}
            if value is not None:
                headers[name] = value
            return replace(response, headers=headers)

        return self._add(pattern, change, times=times, method=method)

    def drop_header(
        self, pattern: str, name: str, *, times: int | None = None, method: str | None = None
    ) -> Fault:
        """Leave a header of the answer out."""
        return self.set_header(pattern, name, None, times=times, method=method)

    def tamper(
        self, digest: str, function: Callable[[bytes], bytes], *, times: int | None = None
    ) -> Fault:
        """Serve `function(content)` for a blob or manifest, under its old name."""

        def change(_request: Request, response: Response | None) -> Response | None:
            if response is None:
                return None
            return replace(response, body=Content(function(response.body.read())))

        return self._add("", change, digest=digest, times=times)

    def truncate(self, digest: str, keep: int | None = None, *, times: int | None = None) -> Fault:
        """Send `keep` bytes (None: half) of a blob or manifest, then close: a broken transfer."""

        def change(_request: Request, response: Response | None) -> Response | None:
            if response is None:
                return None
            return replace(response, cut=len(response.body) // 2 if keep is None else keep)

        return self._add("", change, digest=digest, times=times)

    def _add(
        self,
        pattern: str,
        change: Change,
        *,
        before: bool = False,
        times: int | None = None,
        method: str | None = None,
        digest: str = "",
    ) -> Fault:
        fault = Fault(re.compile(pattern), change, self, before, method, times, digest)
        with self._fault_lock:
            self._faults.append(fault)
        return fault
